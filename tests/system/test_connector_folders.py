"""Calendar folders on real mail servers: what only those have to do with."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from calendar_sync.imap import ImapSource, extensions
from calendar_sync.imap.mailboxes import ImapFolders
from calendar_sync.imap.survey import SHARED_TYPE
from freebusy.connector.roles import ORDER, ordered
from freebusy.errors import BadFolderError, FolderError, NotPermittedError
from freebusy.ports import Owner
from tests.servers.mailserver import checked, quoted
from tests.system.folders_case import MESSAGE, FoldersCase
from tests.system.imap_case import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imapclient import IMAPClient

    from tests.servers.cyrus import Cyrus
    from tests.servers.mailserver import MailServer


@pytest.fixture
def case(mail_server: MailServer) -> Iterator[FoldersCase]:
    with a_case(mail_server) as case:
        yield case


@contextmanager
def a_case(server: MailServer, **changes: Any) -> Iterator[FoldersCase]:
    case = FoldersCase(server, **changes)
    try:
        yield case
    finally:
        case.close()


def own(case: FoldersCase) -> dict[str, bool]:
    """Return one's own calendars and whether they count."""
    return {f.name: f.counts for f in case.folders.folders(case.who) if f.kind == "own"}


def folder_type(case: FoldersCase, path: str) -> bytes:
    """Return Kolab's type of a folder; empty where there is none."""
    with case.server.session(case.who.name) as client:
        name, data = client.xatom("GETMETADATA", quoted(path), f"({SHARED_TYPE})")
        _, found = client.response("METADATA")
        assert "OK" == name
    said = b"".join(
        part
        for each in found or data
        for part in (each if isinstance(each, tuple) else (each,))
        if part
    )
    return next((kind for kind in (b"event.default", b"event") if kind in said), b"")


# -- types


def test_the_first_calendar_is_the_main_one(case: FoldersCase) -> None:
    """One's first calendar gets the type event.default, and further ones event."""
    paths = [case.folders.create(case.who, name).path for name in ("Work", "Home")]
    assert [b"event.default", b"event"] == [folder_type(case, path) for path in paths]


def test_a_second_calendar_pushes_out_none(case: FoldersCase) -> None:
    """Calendars that count by their names still count beside one that has a type."""
    for leaf in ("Kalender", "Agenda"):
        case.server.create_folder(case.who.name, case.top + leaf)
    assert {"Agenda": True, "Kalender": True} == own(case)
    case.folders.create(case.who, "Work")
    assert {"Agenda": True, "Kalender": True, "Work": True} == own(case)
    assert [b"event.default", b"event"] == [
        folder_type(case, case.top + leaf) for leaf in ("Agenda", "Kalender")
    ]


def test_a_calendar_by_its_name_keeps_counting(case: FoldersCase) -> None:
    """A folder that is a calendar by its name only stays one under another name."""
    case.server.create_folder(case.who.name, case.top + "Calendar")
    case.folders.move(case.who, case.top + "Calendar", name="Termine")
    assert {"Termine": True} == own(case)


@pytest.mark.cyrus
def test_types_that_a_server_cannot_keep(cyrus: Cyrus) -> None:
    """Where folders of nobody have no types (Cyrus), the name must say it, and nothing is left."""
    with a_case(cyrus) as case:
        path = case.add_shared("Calendar", **{case.who.name: ORDER})
        team = path.rpartition(".")[0]
        with pytest.raises(BadFolderError):
            case.folders.create(case.who, "Work", parent=team)
        with case.server.session(case.who.name) as client:
            listed = checked(client.list('""', quoted(f"{team}.*")))
        assert [path.encode()] == [line.split()[-1] for line in listed]
        assert f"{team}.Kalender" == case.folders.create(case.who, "Kalender", parent=team).path


# -- what moves along


def test_subscriptions_follow(case: FoldersCase) -> None:
    """A new folder is subscribed, a moved one under its new name, a deleted one no more."""

    def subscribed() -> list[str]:
        with case.server.session(case.who.name) as client:
            lines = checked(client.lsub('""', '"*"'))
        return sorted(line.split()[-1].decode().strip('"') for line in lines)

    calendar = case.folders.create(case.who, "Calendar").path
    sub = case.folders.create(case.who, "Sub", parent=calendar).path
    assert [calendar, sub] == subscribed()
    moved = case.folders.move(case.who, calendar, name="Termine").path
    assert [moved, moved + case.separator + "Sub"] == subscribed()
    case.folders.delete(case.who, moved + case.separator + "Sub")
    case.folders.delete(case.who, moved)
    assert [] == subscribed()


def test_into_a_folder_that_is_nobodys(case: FoldersCase) -> None:
    """What RENAME does not reach is copied with flags and rights, and then is gone here."""
    me, other = case.who.name, case.other.name
    team = case.add_shared("Calendar", **{me: ORDER})
    path = case.folders.create(case.who, "Agenda").path
    case.server.append_all(me, path, [MESSAGE, MESSAGE * 2])
    case.server.append(me, path, MESSAGE, r"\Flagged")
    case.access.grant(case.who, path, other, frozenset("lr"))
    case.access.grant(case.who, path, "anyone", frozenset("l"))
    moved = case.folders.move(case.who, path, parent=team)
    assert (f"{team}{case.separator}Agenda", "shared") == (moved.path, moved.kind)
    flags = list(case.server.flags(me, moved.path).values())
    assert [3, 1] == [len(flags), sum("Flagged" in each for each in flags)]
    rights = {each.user: ordered(each.rights) for each in case.access.acl(case.who, moved.path)}
    assert ("lr", "l") == (rights[other], rights["anyone"])
    assert {} == own(case)
    assert 3 == getattr(case.folders.folder(case.other, moved.path).state, "messages", None)
    case.folders.delete(case.who, moved.path, even_if_filled=True)  # other tests would see it


@pytest.mark.parametrize("rights", ["lrswip", "lrswipkxte"], ids=["no k", "no a"])
def test_a_copy_that_would_lose_something(case: FoldersCase, rights: str) -> None:
    """Where nobody may make the folder, or give others their rights, it stays as it was."""
    if case.server.kind == "cyrus" and "k" in rights:
        pytest.skip("Cyrus renames to there, and the rights of others go along")
    me, other = case.who.name, case.other.name
    team = case.add_shared("Calendar", **{other: ORDER})
    case.access.grant(case.other, team, me, frozenset(rights))
    path = case.folders.create(case.who, "Agenda").path
    case.server.append(me, path, MESSAGE)
    case.access.grant(case.who, path, other, frozenset("lr"))
    with pytest.raises(NotPermittedError):
        case.folders.move(case.who, path, parent=team)
    seen = {folder.path: folder.state for folder in case.folders.folders(case.who)}
    assert ({path, team}, 1) == (set(seen), getattr(seen[path], "messages", None))


def test_folders_below_are_not_deleted(case: FoldersCase) -> None:
    """A folder above others stays, also where it may be deleted with what is in it."""
    calendar = case.folders.create(case.who, "Calendar").path
    case.folders.create(case.who, "Sub", parent=calendar)
    for even_if_filled in (False, True):
        with pytest.raises(FolderError):
            case.folders.delete(case.who, calendar, even_if_filled=even_if_filled)
    assert {"Calendar": True, "Sub": True} == own(case)


# -- what counts, and what it costs


def test_what_a_service_login_reads_counts(case: FoldersCase) -> None:
    """Folders that another login reads for a person count under the person's own names."""
    paths = [case.folders.create(case.who, name).path for name in ("Calendar", "Work")]
    reader = case.server.new_user()
    case.access.grant(case.who, paths[1], reader, frozenset("lr"))
    template = case.server.shared_folder("{name}", "Work")
    source = ImapSource(settings(case.server, username=reader, folder=(template,)))
    folders = ImapFolders(case.behalf, source.counted).folders(case.who)
    source.close()
    assert {paths[0]: False, paths[1]: True} == {folder.path: folder.counts for folder in folders}


def test_a_hundred_folders_cost_few_round_trips(
    case: FoldersCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rights and states of a hundred folders are asked for in two writes."""
    with case.server.session(case.who.name) as client:
        for number in range(100):
            path = quoted(f"{case.top}f{number:02}")
            checked(client.create(path))
            checked(client.xatom("SETMETADATA", path, f'({SHARED_TYPE} "event")'))
    writes: list[int] = []
    send_all = extensions.send_all

    def note(client: IMAPClient, commands: list[bytes]) -> list[bytes]:
        writes.append(len(commands))
        return send_all(client, commands)

    monkeypatch.setattr(extensions, "send_all", note)
    folders = ImapFolders(case.behalf).folders(case.who)
    assert (100, [1, 100, 100]) == (len(folders), writes)


def test_who_has_no_login_is_told(case: FoldersCase) -> None:
    """Without a password, and nobody who acts for others, there is nothing to see."""
    with pytest.raises(Exception, match="no login is configured"):
        case.folders.folders(Owner("hans", "hans@example.com"))
