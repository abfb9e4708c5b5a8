"""Which folders are a person's calendars, on a real Dovecot and a real Cyrus."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from calendar_sync.imap import ImapSource
from freebusy.errors import CalendarMissingError, SourceRefusedError
from freebusy.ports import Owner
from tests.servers.mailserver import checked, quoted
from tests.system.imap_case import settings

if TYPE_CHECKING:
    from tests.servers.mailserver import MailServer

RELEVANCE = "/shared/vendor/kolab/incidences-for"


def found(server: MailServer, owner: Owner, **changes: Any) -> list[str]:
    """Return the names of the calendars that a source finds for an owner."""
    with closing(ImapSource(settings(server, **changes))) as source:
        return [calendar.name for calendar in source.calendars(owner)]


def person(server: MailServer, **folders: str | None) -> Owner:
    """Make a user with folders and their Kolab types."""
    user = server.new_user()
    for leaf, folder_type in folders.items():
        server.create_folder(user, server.folder(leaf), folder_type=folder_type)
    return Owner(user, f"{user}@example.com")


def test_by_type(mail_server: MailServer) -> None:
    """Without a configured name the folders of type event are found, whatever their names."""
    owner = person(
        mail_server, Termine="event.default", Reisen="event", Aufgaben="task", Calendar=None
    )
    expected = sorted(mail_server.folder(leaf) for leaf in ("Termine", "Reisen"))
    assert expected == found(mail_server, owner, folder=())


def test_names_beyond_ascii(mail_server: MailServer) -> None:
    """Folder names come and go in modified UTF-7."""
    owner = person(mail_server, **{"Kalender f\u00fcr \u65e5\u672c & Co": "event"})
    name = mail_server.folder("Kalender f\u00fcr \u65e5\u672c & Co")
    assert [name] == found(mail_server, owner, folder=())
    assert [name] == found(mail_server, owner, folder=(name,))


def test_by_type_with_a_service_login(mail_server: MailServer) -> None:
    """A service login finds the typed folders of each person, and nobody else's."""
    reader = mail_server.new_user()
    owners = [person(mail_server, Termine="event.default", Post=None) for _ in range(2)]
    for owner in owners:
        for leaf in ("Termine", "Post"):
            mail_server.grant(owner.name, mail_server.folder(leaf), reader, "lr")
    for owner in owners:
        expected = [mail_server.shared_folder(owner.name, "Termine")]
        assert expected == found(mail_server, owner, username=reader, folder=())


def test_own_folders_are_not_those_of_others(mail_server: MailServer) -> None:
    """A person's own login does not take for its own what others have shared with it."""
    owner = person(mail_server, Calendar="event.default")
    other = person(mail_server, Calendar="event.default")
    mail_server.grant(other.name, mail_server.folder("Calendar"), owner.name, "lr")
    assert [mail_server.folder("Calendar")] == found(mail_server, owner, folder=())


def test_own_folders_count_whatever_is_written_on_them(mail_server: MailServer) -> None:
    """Kolab's incidences-for is about what is shared: it makes nobody free of the own events."""
    owner = person(mail_server, Termine="event.default", Ferien="event")
    with mail_server.session(owner.name) as client:
        folder = quoted(mail_server.folder("Ferien"))
        checked(client.xatom("SETMETADATA", folder, f'({RELEVANCE} "nobody")'))
    both = [mail_server.folder("Ferien"), mail_server.folder("Termine")]
    assert both == found(mail_server, owner, folder=())


@pytest.mark.parametrize("leaf", ["Calendar", "Kalender", "Calendario"])
def test_by_usual_name(mail_server: MailServer, leaf: str) -> None:
    """Without types, the folder that connectors make is found by its name."""
    owner = person(mail_server, **{leaf: None, "Sent": None})
    assert [mail_server.folder(leaf)] == found(mail_server, owner, folder=())


def test_nothing_to_find(mail_server: MailServer) -> None:
    """Who has no calendar folder is told so."""
    owner = person(mail_server, Sent=None)
    for folder in ((), (mail_server.folder("Calendar"),)):
        with pytest.raises(CalendarMissingError):
            found(mail_server, owner, folder=folder)


def test_names_in_several_languages(mail_server: MailServer) -> None:
    """Of several configured names those that are there are taken."""
    owner = person(mail_server, Kalender=None)
    names = tuple(map(mail_server.folder, ("Calendar", "Kalender", "Agenda")))
    assert [names[1]] == found(mail_server, owner, folder=names)


def test_folders_named_for_a_person(mail_server: MailServer) -> None:
    """Folders written for a person come before the rule for all."""
    owner = person(mail_server, Calendar=None, Zweitkalender=None)
    named = Owner(owner.name, owner.address, folders=(mail_server.folder("Zweitkalender"),))
    assert [mail_server.folder("Zweitkalender")] == found(mail_server, named)


@pytest.mark.parametrize("name", ["a*b", "a/b", "%", "../x", 'x"y', "a+b"])
def test_a_name_that_is_none_reaches_no_server(mail_server: MailServer, name: str) -> None:
    """A person whose name is a pattern or a path is refused."""
    with pytest.raises(SourceRefusedError):
        found(mail_server, Owner(name, "a@example.com"))


def test_a_dot_in_a_name_is_no_separator(mail_server: MailServer) -> None:
    """The mailboxes of a person with a dot in the name are found, also where dots separate."""
    user, reader = f"{mail_server.new_user()}.x", mail_server.new_user()
    mail_server.add_user(user)
    folder = mail_server.folder("Calendar")
    mail_server.create_folder(user, folder)
    mail_server.grant(user, folder, reader, "lr")
    template = mail_server.shared_folder("{name}", "Calendar")
    for names in ((template,), ()):
        assert 1 == len(found(mail_server, Owner(user, "a@x.org"), username=reader, folder=names))
