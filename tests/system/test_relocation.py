"""A folder that is moved by copying: whatever happens meanwhile, nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from imapclient.exceptions import IMAPClientAbortError

from calendar_sync.imap import relocation
from freebusy.connector.roles import ORDER
from freebusy.errors import FolderError, FreeBusyError, SourceUnavailableError
from tests.system.folders_case import MESSAGE, FoldersCase
from tests.system.test_connector_folders import a_case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from calendar_sync.imap.connection import Connection
    from tests.servers.dovecot import Dovecot

pytestmark = pytest.mark.dovecot

PATH = "Agenda"


@pytest.fixture
def case(dovecot: Dovecot) -> Iterator[FoldersCase]:
    """Give a calendar with three items; Dovecot renames no folder into other namespaces."""
    with a_case(dovecot) as case:
        case.folders.create(case.who, PATH)
        case.server.append_all(case.who.name, PATH, [MESSAGE, MESSAGE * 2, MESSAGE * 3])
        yield case


def someone_adds(case: FoldersCase) -> None:
    case.fill(case.who, PATH)


def someone_deletes(case: FoldersCase) -> None:
    case.server.delete(case.who.name, PATH, 1)


def someone_flags(case: FoldersCase) -> None:
    case.server.store(case.who.name, PATH, [2], "+FLAGS", r"\Deleted")


def the_line_breaks(_: FoldersCase) -> None:
    raise IMAPClientAbortError("the connection ended")


@pytest.mark.parametrize(
    ("happens", "error", "left"),
    [
        (someone_adds, FolderError, 4),
        (someone_deletes, FolderError, 2),
        (someone_flags, FolderError, 3),
        (the_line_breaks, SourceUnavailableError, 3),
    ],
)
@pytest.mark.parametrize("when", ["before the copy", "after the copy"])
def test_what_happens_meanwhile(
    case: FoldersCase,
    monkeypatch: pytest.MonkeyPatch,
    happens: Callable[[FoldersCase], None],
    error: type[FreeBusyError],
    left: int,
    when: str,
) -> None:
    """Where the folder changes or the line breaks, the copy goes and the folder stays."""
    name = "_copied" if when == "before the copy" else "_kinds"
    step = getattr(relocation, name)

    def disturbed(connection: Connection, *paths: str) -> object:
        happens(case)
        return step(connection, *paths)

    monkeypatch.setattr(relocation, name, disturbed)
    team = case.add_shared("Calendar", **{case.who.name: ORDER})
    with pytest.raises(error):
        case.folders.move(case.who, PATH, parent=team)
    states = {folder.path: folder.state for folder in case.folders.folders(case.who)}
    assert ({PATH, team}, left) == (set(states), getattr(states[PATH], "messages", None))
    monkeypatch.undo()
    assert f"{team}/{PATH}" == case.folders.move(case.who, PATH, parent=team).path


def test_many_items_are_copied_in_parts(case: FoldersCase, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, each COPY is short, and all arrive."""
    monkeypatch.setattr(relocation, "AT_ONCE", 2)
    team = case.add_shared("Calendar", **{case.who.name: ORDER})
    moved = case.folders.move(case.who, PATH, parent=team, name="Termine")
    assert ("Termine", 3) == (moved.name, getattr(moved.state, "messages", None))
