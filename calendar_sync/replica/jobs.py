"""Waiting until the service has read the calendars: then free/busy is the new one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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


def included(folders: list[Folder], sync: Sync) -> set[str]:
    """Return the ids of the folders that an event concerns, by their modes.

    The rule of the service, for when it is not asked: at a dry run.
    """
    meant = [each for each in folders if sync.folder in (None, each.id)]
    if sync.event == "manual":
        return {each.id for each in meant}
    mode = "on_select" if sync.event == "select" else "on_start_and_exit"
    return {each.id for each in meant if each.mode == mode}
