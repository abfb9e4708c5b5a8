"""Which folders an event at a client means: what their sync modes say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freebusy.ports import SyncEvent, SyncMode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from freebusy.ports import CalendarFolder, FolderMode

READ = "r"


def included(
    event: SyncEvent,
    folder: str | None,
    folders: Sequence[CalendarFolder],
    modes: Mapping[str, FolderMode],
) -> Sequence[str]:
    """Return the paths of the folders to be synced, in their order.

    select  the selected folder, if its mode is on_select
    manual  the given folder whatever its mode, else all
    start   those with on_start_and_exit; with a folder only it and those below it
    exit    as start

    What the person may not read is never among them.
    """
    readable = [each for each in folders if READ in each.rights]
    if event is SyncEvent.SELECT:
        return [
            each.path
            for each in readable
            if each.path == folder and modes[each.path].mode is SyncMode.ON_SELECT
        ]
    if event is SyncEvent.MANUAL:
        return [each.path for each in readable if folder in {None, each.path}]
    return [
        each.path
        for each in readable
        if _is_in(each, folder) and modes[each.path].mode is SyncMode.ON_START_AND_EXIT
    ]


def _is_in(each: CalendarFolder, folder: str | None) -> bool:
    """Say whether a folder is this one or below it; all are below none."""
    return folder is None or (each.path + each.separator).startswith(folder + each.separator)
