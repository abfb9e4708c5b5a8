"""Access control lists, where servers know less, and what is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from freebusy.connector.roles import ORDER, ROLES, ordered
from freebusy.errors import (
    BadFolderError,
    BadUserError,
    FolderError,
    NoFolderError,
    NotPermittedError,
)
from tests.servers.mailserver import checked, quoted
from tests.system.imap_relay import relayed
from tests.system.test_connector_folders import a_case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.dovecot import Dovecot
    from tests.servers.fixtures import MakeDovecot
    from tests.servers.mailserver import MailServer
    from tests.system.folders_case import FoldersCase

OLD = "IMAP4rev1 NAMESPACE ACL UIDPLUS"
"""No METADATA, no LIST-STATUS, no CONDSTORE, and access control lists of RFC 2086."""


@pytest.fixture
def case(mail_server: MailServer) -> Iterator[FoldersCase]:
    with a_case(mail_server) as case:
        yield case


@pytest.fixture(scope="module")
def old_server(make_dovecot: MakeDovecot) -> Dovecot:
    """Give a server of old times, where nobody may share with everyone."""
    return make_dovecot(capability=OLD, acl_anyone=False)


@pytest.fixture
def old(old_server: Dovecot) -> Iterator[FoldersCase]:
    with a_case(old_server) as case:
        yield case


BAD_USERS = [
    *("", " hans", "hans ", "a\r\nb", "a\0b", "x" * 255, 'a"b', "a*b", "a%b", "a/b", "a\\b"),
    *("-hans", "#hans", "$team", "!$team", "group:team", "group=team"),
    *("owner", "authenticated", "Anonymous", "administrators"),
]


def test_who_is_no_user_gets_nothing(case: FoldersCase) -> None:
    """Groups, negative entries and what cannot be a login are refused before the server hears."""
    path = case.folders.create(case.who, "Calendar").path
    before = case.access.acl(case.who, path)
    for user in BAD_USERS:
        with pytest.raises(BadUserError):
            case.access.grant(case.who, path, user, ROLES["guest"])
        with pytest.raises(BadUserError):
            case.access.revoke(case.who, path, user)
    assert before == case.access.acl(case.who, path)


def test_rights_that_no_server_knows(case: FoldersCase) -> None:
    """A letter that is none is refused, and the entry stays as it was."""
    path = case.folders.create(case.who, "Calendar").path
    case.access.grant(case.who, path, case.other.name, ROLES["user"])
    with pytest.raises(BadUserError):
        case.access.grant(case.who, path, case.other.name, frozenset("lrz"))
    entries = {each.user: each.rights for each in case.access.acl(case.who, path)}
    assert ROLES["user"] == entries[case.other.name]


def test_entries_that_take_away_are_shown(case: FoldersCase) -> None:
    """A negative entry that another client made is listed, and stays when others change."""
    path = case.folders.create(case.who, "Calendar").path
    with case.server.session(case.who.name) as client:
        checked(client.setacl(quoted(path), f"-{case.other.name}", "w"))
    case.access.grant(case.who, path, case.other.name, ROLES["user"])
    entries = {each.user: ordered(each.rights) for each in case.access.acl(case.who, path)}
    assert ("w", "lrswip") == (entries[f"-{case.other.name}"], entries[case.other.name])
    case.later()
    (seen,) = (f for f in case.folders.folders(case.other) if f.owner == case.who.name)
    assert "lrsip" == ordered(seen.rights)


# -- servers of old times


@pytest.mark.dovecot
def test_nobody_shares_with_everyone_there(old: FoldersCase) -> None:
    """Where the server does not allow it, the refusal says what its operator has to set."""
    path = old.folders.create(old.who, "Calendar").path
    with pytest.raises(FolderError, match="acl_anyone = allow"):
        old.access.grant(old.who, path, "anyone", ROLES["guest"])
    assert [old.who.name] == [entry.user for entry in old.access.acl(old.who, path)]


@pytest.mark.dovecot
@pytest.mark.parametrize(
    ("rights", "expected"),
    [("lr", "lr"), ("lrk", "lrkx"), ("lre", "lrte"), ("lrswipkxte", "lrswipkxte"), (ORDER, ORDER)],
)
def test_rights_of_rfc_2086(old: FoldersCase, rights: str, expected: str) -> None:
    """A server that knows c and d only is told these, and what is in force is what it gives."""
    path = old.folders.create(old.who, "Calendar").path
    entry = old.access.grant(old.who, path, old.other.name, frozenset(rights))
    assert expected == ordered(entry.rights)


@pytest.mark.dovecot
def test_without_types_names_decide(old: FoldersCase) -> None:
    """A calendar is what is called so, or lies below; other names are refused, and say why."""
    with pytest.raises(BadFolderError, match="no folder types"):
        old.folders.create(old.who, "Work")
    calendar = old.folders.create(old.who, "Kalender").path
    work = old.folders.create(old.who, "Work", parent=calendar).path
    assert [calendar, work] == [folder.path for folder in old.folders.folders(old.who)]
    for wanted in ({"name": "Work"}, {"name": "Termine"}):
        with pytest.raises(BadFolderError):
            old.folders.move(old.who, calendar, **wanted)
    with pytest.raises(BadFolderError):
        old.folders.move(old.who, work, parent="")
    assert "Agenda" == old.folders.move(old.who, calendar, name="Agenda").path
    assert ["Agenda", "Agenda/Work"] == [f.path for f in old.folders.folders(old.who)]


def test_everyone_may_administer(case: FoldersCase) -> None:
    """Who administers by an entry for everyone is an administrator as any other."""
    path = case.folders.create(case.who, "Calendar").path
    case.access.grant(case.who, path, "anyone", frozenset("lra"))
    theirs = case.seen_by_other(path)
    entry = case.access.grant(case.other, theirs, "anyone", frozenset("lr"))
    assert "lr" == ordered(entry.rights)
    case.later()
    with pytest.raises(NotPermittedError):
        case.access.acl(case.other, theirs)
    case.access.revoke(case.who, path, "anyone")


# -- what it costs


def test_a_known_folder_costs_few_round_trips(mail_server: MailServer) -> None:
    """What all of its calendars are is not asked again for each question about one folder."""
    with relayed(mail_server.port) as relay, a_case(mail_server, port=relay.port) as case:
        path = case.folders.create(case.who, "Calendar").path
        case.access.acl(case.who, path)
        found = {}
        for name, ask in (
            ("list", lambda: case.access.acl(case.who, path)),
            ("grant", lambda: case.access.grant(case.who, path, "eva", ROLES["guest"])),
            ("all", lambda: case.access.grant(case.who, path, "eva", ROLES["administrator"])),
            ("revoke", lambda: case.access.revoke(case.who, path, "eva")),
        ):
            before = relay.rounds
            ask()
            found[name] = relay.rounds - before
        assert {"list": 1, "grant": 4, "all": 3, "revoke": 4} == found


def test_a_known_folder_that_is_gone(case: FoldersCase) -> None:
    """It is not there, though it was a moment ago; so is one that is hidden by now."""
    path = case.folders.create(case.who, "Calendar").path
    case.access.grant(case.who, path, case.other.name, ROLES["administrator"])
    case.later()
    theirs = case.seen_by_other(path)
    assert case.access.acl(case.other, theirs)
    case.access.revoke(case.who, path, case.other.name)
    case.later()
    with pytest.raises(NoFolderError):
        case.access.acl(case.other, theirs)
    case.folders.delete(case.who, path)
    with pytest.raises(NoFolderError):
        case.access.acl(case.who, path)
