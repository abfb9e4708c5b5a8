"""What a sync did, for whoever started it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from calendar_sync.replica.reconcile import Step
    from freebusy.connector.bodies import Job
    from freebusy.errors import FreeBusyError

    Progress = Callable[[str, int, int], None]
    """Folder, items done, items to do."""


@dataclass(slots=True)
class FolderReport:
    """What became of one folder."""

    folder: str
    """Its path on the server."""
    directory: str
    """Its name below ``calendars/``."""
    steps: Counter[Step] = field(default_factory=Counter)
    """How often each was done; in a dry run, how often it would be."""
    lines: list[str] = field(default_factory=list)
    """In a dry run: each step that would be done, and nothing else."""
    notes: list[str] = field(default_factory=list)
    """What somebody should look at: kept versions, refusals, losses, files left alone."""
    error: FreeBusyError | None = None
    """What stopped this folder; the others went on."""
    sent: int = 0
    """Changes that the server took."""

    def note(self, line: str) -> None:
        """Add what somebody should look at, once."""
        if line not in self.notes:
            self.notes.append(line)


@dataclass(slots=True)
class HomeReport:
    """What became of a sync."""

    folders: list[FolderReport] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    job: Job | None = None
    """The last reading for free/busy; ``done`` means that the file is the new one."""

    @property
    def errors(self) -> list[FreeBusyError]:
        """Return what stopped folders."""
        return [each.error for each in self.folders if each.error is not None]
