"""Writing to a folder in memory: what a change does, and when it is a conflict."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from freebusy.contentline import lines, parameters, unfold
from freebusy.errors import CalendarDataError
from freebusy.ports import ChangeResult, FolderItem

if TYPE_CHECKING:
    from calendar_sync.memoryfolder import MemoryFolder
    from freebusy.ports import Dialect, ItemChange

_ITEMS = re.compile(r"(?ms)^BEGIN:(VEVENT|VTODO|VJOURNAL)$(.*?)^END:\1$")
_NESTED = re.compile(r"(?ms)^BEGIN:(\w+)$.*?^END:\1$")


def placed(
    calendar: str, *, dialect: Dialect = "icalendar", change: str | None = None
) -> FolderItem:
    """Return a calendar text as a message without a place; raises ValueError."""
    text = unfold(calendar.encode())
    components = [dict(lines(_NESTED.sub("", part[2]))) for part in _ITEMS.finditer(text)]
    uids = {_value(component.get("UID", ":")) for component in components}
    if not text.startswith("BEGIN:VCALENDAR\n") or not text.rstrip().endswith("END:VCALENDAR"):
        raise ValueError("it is no iCalendar object")
    if len(uids) != 1 or "" in uids:
        raise ValueError("it does not hold one item with a UID")
    partial = all("RECURRENCE-ID" in component for component in components)
    return FolderItem("", uids.pop(), calendar, dialect, is_partial=partial, change=change)


def _value(rest: str) -> str:
    try:
        return parameters(rest)[1].strip()
    except CalendarDataError:
        return ""


def write(folder: MemoryFolder, rights: frozenset[str], change: ItemChange) -> ChangeResult:
    """Do one change, or say why not; nothing is done in part."""
    present = folder.of_uid(change.uid)
    done = _done_before(present, change)
    if done is None and _is_conflict(present, change):
        return ChangeResult("conflict", theirs=tuple(present))
    missing = _needed(change) - rights
    if missing:
        return ChangeResult("refused", problem="the rights on this folder do not allow it")
    if change.action == "delete":
        folder.expunge(frozenset(change.replaces))
        return ChangeResult("done")
    return _put(folder, change, done)


def _put(folder: MemoryFolder, change: ItemChange, done: FolderItem | None) -> ChangeResult:
    try:
        item = placed(change.calendar, change=change.change or None)
    except ValueError as error:
        return ChangeResult("refused", problem=str(error))
    if item.uid != change.uid:
        return ChangeResult("refused", problem="the text has another UID than the change")
    there = done or folder.append(item)
    folder.expunge(frozenset(change.replaces) - {there.href})
    return ChangeResult("done", there.href)


def _needed(change: ItemChange) -> frozenset[str]:
    removes = frozenset("te") if change.replaces else frozenset[str]()
    return removes | frozenset("i") if change.action == "put" else removes


def _done_before(present: list[FolderItem], change: ItemChange) -> FolderItem | None:
    """Return what this very change has written, where its writer was interrupted after it."""
    if change.action != "put" or not change.change:
        return None
    return next((item for item in present if item.change == change.change), None)


def _is_conflict(present: list[FolderItem], change: ItemChange) -> bool:
    """Say whether the item is not as its writer knows it.

    An older partial message beside those that are known is a leftover, and no conflict.
    """
    known = set(change.replaces)
    if not known <= {item.href for item in present}:
        return True
    newest = max(map(int, known), default=0)
    others = [item for item in present if item.href not in known]
    return any(int(item.href) > newest or not item.is_partial for item in others)
