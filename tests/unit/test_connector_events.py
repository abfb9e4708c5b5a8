"""Which folders an event at a client means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from freebusy.connector.events import included
from freebusy.ports import CalendarFolder, FolderMode, SyncEvent, SyncMode

if TYPE_CHECKING:
    from collections.abc import Sequence

SELECT, MANUAL, START, EXIT = SyncEvent
ON_SELECT, BY_HAND, BOTH_ENDS = SyncMode


def folder(path: str, rights: str = "lrswipkxtea") -> CalendarFolder:
    return CalendarFolder(path, "own", None, "/", frozenset(rights), None)


FOLDERS = {
    folder("Calendar"): ON_SELECT,
    folder("Trips"): BOTH_ENDS,
    folder("Trips/2026"): BOTH_ENDS,
    folder("Trips/Old"): BY_HAND,
    folder("Tripsy"): BOTH_ENDS,
    folder("user/eva/Calendar", "l"): BOTH_ENDS,
    folder("user/eva/Seen", "l"): ON_SELECT,
}
READABLE = ["Calendar", "Trips", "Trips/2026", "Trips/Old", "Tripsy"]


@pytest.mark.parametrize(
    ("event", "given", "expected"),
    [
        (SELECT, "Calendar", ["Calendar"]),
        (SELECT, "Trips", []),
        (SELECT, "Trips/Old", []),
        (SELECT, "user/eva/Seen", []),
        (SELECT, None, []),
        (SELECT, "Unknown", []),
        (MANUAL, None, READABLE),
        (MANUAL, "Trips", ["Trips"]),
        (MANUAL, "Trips/Old", ["Trips/Old"]),
        (MANUAL, "user/eva/Calendar", []),
        (START, None, ["Trips", "Trips/2026", "Tripsy"]),
        (EXIT, None, ["Trips", "Trips/2026", "Tripsy"]),
        (START, "Trips", ["Trips", "Trips/2026"]),
        (EXIT, "Trips/2026", ["Trips/2026"]),
        (EXIT, "Trips/Old", []),
        (START, "Calendar", []),
    ],
)
def test_events(event: SyncEvent, given: str | None, expected: Sequence[str]) -> None:
    """The modes decide, but for "synchronise"; what may not be read is never synced."""
    modes = {each.path: FolderMode(mode, "own") for each, mode in FOLDERS.items()}
    assert expected == list(included(event, given, list(FOLDERS), modes))
