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


@dataclass(frozen=True, slots=True)
class Refused:
    """An item that is kept here only, because the server refused it."""

    item: str
    """Its file's name, or its UID where it has none."""
    reason: str


@dataclass(frozen=True, slots=True)
class Lost:
    """An item that was sent without what the folder's format cannot hold."""

    item: str
    """Its file's name."""
    names: tuple[str, ...]
    """Of properties and components."""


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
    """What else somebody should look at: kept versions, files left alone."""
    refused: list[Refused] = field(default_factory=list)
    """What the server refused, now or at an earlier sync, and would refuse again."""
    lost: list[Lost] = field(default_factory=list)
    """What the server could not hold of that which was sent now."""
    error: FreeBusyError | None = None
    """What stopped this folder; the others went on."""
    sent: int = 0
    """Changes that the server took."""

    def note(self, line: str) -> None:
        """Add what somebody should look at, once."""
        if line not in self.notes:
            self.notes.append(line)

    def refuse(self, item: str, reason: str) -> None:
        """Add what the server refused, once."""
        refused = Refused(item, reason)
        if refused not in self.refused:
            self.refused.append(refused)


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

    @property
    def refused(self) -> bool:
        """Whether the server refused anything."""
        return any(each.refused for each in self.folders)
