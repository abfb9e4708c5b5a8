"""Looks that somebody waits for: which jobs a reading serves, and when each is over.

A job is served by a reading of each of the person's sources that begins after the job
was asked for; one that is under way may have passed by what changed.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from freebusy.errors import (
    CalendarMissingError,
    SourceRefusedError,
    SourceUnavailableError,
    StoreError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from freebusy.jobledger import JobLedger
    from freebusy.metrics import JobOutcome

log = logging.getLogger(__name__)

Task = tuple[str, str]
"""NAME and source; the source is empty for who has none."""

NOTED_EVERY = 0.3
"""Seconds between two notes of a job's progress."""
STUCK = 600.0
"""Seconds without progress after which nobody says any more that a job goes on."""

DOUBTFUL = (
    "a calendar seems to be gone, or emptied; it is looked at again before that counts, and"
    " until then its old times do"
)
FAILED = "the service could not finish the reading; its log says why, and it is tried again"


class Outcome(NamedTuple):
    """What is told to those who wait for a source."""

    text: str
    is_failure: bool = True
    """Else it is a remark: the file is the new one, as far as anybody can say."""


REMARK = Outcome(DOUBTFUL, is_failure=False)


def problem_of(source: str, error: Exception) -> Outcome:
    """Say what went wrong with a source to whoever waits: no host, path or login is in it."""
    where = f"the source {source!r}"
    if isinstance(error, SourceRefusedError):
        return Outcome(
            f"{where} refuses the service; freebusy status tells its operator the reason"
        )
    if isinstance(error, CalendarMissingError):
        return Outcome(f"{where} shows no calendar at the moment")
    if isinstance(error, SourceUnavailableError):
        return Outcome(f"{where} cannot be asked at the moment; the service goes on trying")
    if isinstance(error, StoreError):
        return Outcome("the service cannot store what it read; its operator must see to the disk")
    return Outcome(FAILED)


@dataclass(slots=True)
class _Look:
    """What is known of one job."""

    job: str
    person: str
    pending: set[str]
    """The sources that are still to be read."""
    counts: dict[str, tuple[int, int | None]] = field(default_factory=dict)
    """By source: items read, and items in all where that is known."""
    told: Outcome | None = None
    """The worst that was told of a source so far."""
    moved: float = field(default_factory=time.monotonic)
    noted: float = float("-inf")

    @property
    def done(self) -> int:
        return sum(done for done, _ in self.counts.values())

    @property
    def total(self) -> int | None:
        known = [total for _, total in self.counts.values() if total is not None]
        return sum(known) if known else None


class Looks:
    """The jobs that a regeneration serves; safe from any thread.

    :meth:`ask` and :meth:`begin` write nothing, so that they may be called under a lock.
    """

    def __init__(
        self, jobs: JobLedger, counted: Callable[[JobOutcome], None] = lambda _outcome: None
    ) -> None:
        """``counted`` hears of each job that ends."""
        self._jobs = jobs
        self._counted = counted
        self._lock = threading.Lock()
        self._looks: dict[str, _Look] = {}
        self._waiting: dict[Task, list[_Look]] = {}
        self._served: dict[Task, list[_Look]] = {}

    def ask(self, job: str, name: str, sources: Collection[str]) -> bool:
        """Let a job wait for the next reading of each source; False where it does already."""
        with self._lock:
            if job in self._looks:
                return False
            look = self._looks[job] = _Look(job, name, set(sources))
            for source in sources:
                self._waiting.setdefault((name, source), []).append(look)
            return True

    def begin(self, task: Task) -> bool:
        """Let a reading that begins now serve all who wait; return whether anybody does."""
        with self._lock:
            waiting = self._waiting.pop(task, [])
            if waiting:
                self._served.setdefault(task, []).extend(waiting)
            return bool(waiting)

    def progress(self, task: Task, done: int, total: int | None) -> None:
        """Note how far the reading under way is; written down now and then."""
        now = time.monotonic()
        due: list[_Look] = []
        with self._lock:
            for look in self._waiting.get(task, ()):
                look.moved = now  # its own reading comes after this one
            for look in self._served.get(task, ()):
                look.counts[task[1]] = (done, total)
                look.moved = now
                if now - look.noted >= NOTED_EVERY:
                    look.noted = now
                    due.append(look)
        for look in due:
            self._try(partial(self._jobs.note, look.job, look.done, look.total))

    def end(self, task: Task, outcome: Outcome | None) -> None:
        """Note that a reading has ended, and the person's file was made from it."""
        with self._lock:
            ended = self._parted(self._served.pop(task, []), task[1], outcome)
        self._tell(ended)

    def fail(self, source: str, outcome: Outcome) -> None:
        """Let all fail who wait for a source that nobody need ask now."""
        with self._lock:
            tasks = [task for task in self._waiting if task[1] == source]
            waiting = [look for task in tasks for look in self._waiting.pop(task)]
            ended = self._parted(waiting, source, outcome)
        self._tell(ended)

    def close(self) -> None:
        """Leave the jobs to whoever takes them up: what still comes to an end is not told."""
        with self._lock:
            self._looks.clear()
            self._waiting.clear()
            self._served.clear()

    def beat(self) -> None:
        """Say of all jobs that they are not forgotten, unless one makes no progress."""
        since = time.monotonic() - STUCK
        with self._lock:
            alive = [look.job for look in self._looks.values() if look.moved > since]
        self._try(lambda: self._jobs.beat(alive))

    def _parted(self, looks: list[_Look], source: str, outcome: Outcome | None) -> list[_Look]:
        """Take a source off what looks wait for; return those that wait for no other."""
        ended = []
        for look in looks:
            look.pending.discard(source)
            if look.told is None or not look.told.is_failure:
                look.told = outcome or look.told
            look.moved = time.monotonic()
            if not look.pending:
                ended.append(look)
                del self._looks[look.job]
        return ended

    def _tell(self, ended: list[_Look]) -> None:
        for look in ended:
            told = look.told
            outcome: JobOutcome = "failed" if told is not None and told.is_failure else "done"
            log.info("job person=%s outcome=%s items=%d", look.person, outcome, look.done)
            text = None if told is None else told.text
            if self._try(partial(self._jobs.end, look.job, outcome, text, look.done)):
                self._counted(outcome)

    def _try(self, write: Callable[[], object]) -> bool:
        """Write to the ledger; where that fails the job will be given up for its silence."""
        try:
            return bool(write())
        except StoreError as error:
            log.warning("job error=%s", error)
            return False
