"""Waiting until the service has read the calendars: then free/busy is the new one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from calendar_sync.replica.remote import Remote
    from freebusy.connector.bodies import Folder, Job, Sync

_FIRST, _LONGEST = 0.05, 2.0
"""Seconds between two questions."""


def finished(remote: Remote, job: Job, patience: float) -> Job:
    """Return a job when it is over, or as it is after ``patience`` seconds."""
    deadline = time.monotonic() + patience
    pause = _FIRST
    while job.state in ("waiting", "running") and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST)
        job = remote.job(job.id)
    return job


def included(folders: Sequence[Folder], sync: Sync) -> set[str]:
    """Return the ids of the folders that an event concerns, by their modes.

    The rule of the service (``freebusy.connector.events``), for when it does not say: at a
    dry run, and while nobody there reads calendars.
    """
    if sync.event == "select":
        return {each.id for each in folders if each.id == sync.folder and each.mode == "on_select"}
    if sync.event == "manual":
        return {each.id for each in folders if sync.folder in (None, each.id)}
    above = {each.id: each.parent for each in folders}
    starting = [each.id for each in folders if each.mode == "on_start_and_exit"]
    return {each for each in starting if sync.folder is None or _is_below(each, sync.folder, above)}


def _is_below(folder: str, other: str, above: Mapping[str, str | None]) -> bool:
    """Whether a folder is another one or below it."""
    at: str | None = folder
    while at is not None and at != other:
        at = above.get(at)
    return at == other
