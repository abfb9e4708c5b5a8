"""One folder on both sides, with all that a sync of it works on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from calendar_sync.replica.agreements import Agreements
from calendar_sync.replica.plan import View, checked
from calendar_sync.replica.remote import Mirror

if TYPE_CHECKING:
    from calendar_sync.replica.collection import Collection, LocalFile
    from calendar_sync.replica.conflicts import Conflicts, Side
    from calendar_sync.replica.plan import Action
    from calendar_sync.replica.remote import Remote, There
    from calendar_sync.replica.report import FolderReport, Progress
    from calendar_sync.replica.status import Status
    from freebusy.connector.bodies import Folder


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much at a time; octets, seconds."""

    page: int = 500
    """Items in one answer."""
    batch: int = 200
    """Changes in one request, and files between two commits."""
    batch_octets: int = 4 << 20
    """Calendar text in one request."""
    rounds: int = 5
    """Looks at a folder that goes on changing, before the rest is left to the next run."""
    max_file: int = 1 << 20
    """Of a local file; a larger one is left alone and named."""
    patience: float = 60.0
    """How long to wait for free/busy to be read."""


@dataclass(slots=True)
class Place:
    """A folder on the server and the local one that belongs to it."""

    folder: Folder
    key: int
    """In ``status.db``."""
    remote: Remote
    status: Status
    collection: Collection
    conflicts: Conflicts
    report: FolderReport
    bounds: Bounds
    progress: Progress
    done: int = 0
    total: int = 0

    @property
    def mirror(self) -> Mirror:
        """The copy of what is on the server."""
        return Mirror(self.status, self.key)

    @property
    def agreements(self) -> Agreements:
        """What both sides agreed on."""
        return Agreements(self.status, self.key)

    def look(self) -> View:
        """Return both sides and the status as they are now."""
        known = self.agreements.files()
        files = self.collection.scan(known)
        if files != known:
            with self.status.transaction():
                self.agreements.saw(known, files)
        there = self.mirror.by_uid()
        nameless = [each for each in self.mirror.messages() if not each.uid]
        for message in nameless:
            self.report.note(f"message {message.href} on the server: {message.problem}")
        return View(
            files,
            self.agreements.pairs(),
            there,
            self.agreements.refusals(),
            self.agreements.intents(),
            unreadable=len(nameless),
        )

    def theirs(self, there: There) -> str:
        """Return an item as the server has it; CalendarDataError where it cannot be used."""
        uid = there.messages[0].uid
        return checked(uid, self.mirror.calendars(there.effective))

    def ours(self, file: LocalFile) -> bytes:
        """Return an item as it is here; ChangedMeanwhileError where that is another by now."""
        return self.collection.read(file)

    def keep(self, action: Action, body: bytes, side: Side) -> None:
        """Keep a losing version."""
        kept = self.conflicts.keep(action.uid, body, side, action.why)
        whose = "yours" if side == "local" else "the server's"
        self.report.note(f"{action.name}: {action.why}; {whose} is kept as {kept.name}")

    def did(self, action: Action) -> None:
        """Count what was done."""
        self.report.steps[action.step] += 1
        self.done += 1
        self.progress(self.report.folder, self.done, self.total)
