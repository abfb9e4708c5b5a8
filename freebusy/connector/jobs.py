"""Readings of calendars that a connector asks for, and how far they are."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from freebusy.errors import SourceUnavailableError
from freebusy.ports import SyncJob

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta

    from freebusy.jobledger import JobLedger
    from freebusy.metrics import JobOutcome
    from freebusy.ports import SyncEvent

MAX_OPEN = 10
"""Jobs of one person that have not ended."""
MAX_KEPT = 50
"""Jobs of one person that can be asked for."""
SILENCE = 30.0
"""Seconds without a sign of life after which a job has failed; there is one every five."""
NO_FILE = "there is no file of yours: no calendar counts for it, and nothing is published"
LOST = "the service stopped reading the calendars; ask again"


class StoredJobs:
    """The jobs of everybody: ports.SyncJobs; safe from any thread.

    Every method raises StoreError where the store cannot be used.
    """

    def __init__(
        self,
        ledger: JobLedger,
        *,
        tell: Callable[[str, str], None],
        has_sources: Callable[[str], bool],
        has_file: Callable[[str], bool],
        now: Callable[[], datetime],
        keep: timedelta,
        counted: Callable[[JobOutcome], None] = lambda _outcome: None,
        silence: float = SILENCE,
    ) -> None:
        """``tell`` passes a NAME and a job on to who reads, or raises SourceUnavailableError.

        ``has_file`` says whether a NAME has a file that can be the new one.

        ``keep`` is how long an ended job can be asked for; ``counted`` hears of those that
        end here.
        """
        self._ledger = ledger
        self._tell = tell
        self._has_sources = has_sources
        self._has_file = has_file
        self._now = now
        self._counted = counted
        self._silence = silence
        self.keep = keep

    def start(self, person: str, event: SyncEvent, folders: Sequence[str]) -> SyncJob:
        """Begin; without folders, or without a calendar to read, the job is done at once.

        Raises SourceUnavailableError where no process follows the calendars, and where so
        many jobs of this person wait that one more is no use.
        """
        self._make_room(person)
        now = self._now()
        job = SyncJob(
            secrets.token_urlsafe(16), person, event, tuple(folders), "waiting", 0, None, now
        )
        if not folders or not self._has_sources(person):
            return self._done(job)
        self._ledger.add(job)
        try:
            self._tell(person, job.id)
        except SourceUnavailableError as error:
            self._end(job.id, "failed", str(error))
            raise
        return job

    def job(self, person: str, job: str) -> SyncJob | None:
        """Return how far a job of this person's is; None once it is forgotten."""
        found = self._ledger.job(job)
        if found is None or found.person != person:
            return None
        if found.finished is not None:
            return self._told(found) if found.finished > self._now() - self.keep else None
        if self._ledger.give_up(self._silence, LOST, job):
            self._counted("failed")
            found = self._ledger.job(job)
        return found and self._told(found)

    def _told(self, job: SyncJob) -> SyncJob:
        """Return a job as it is told: where there is no file, none can be the new one."""
        if job.state != "done" or job.problem is not None or self._has_file(job.person):
            return job
        return replace(job, problem=NO_FILE)

    def tidy(self) -> None:
        """Give up what nobody works on, and forget what has had its time."""
        for _ in self._ledger.give_up(self._silence, LOST):
            self._counted("failed")
        self._ledger.purge(self._now() - self.keep)

    def _make_room(self, person: str) -> None:
        if self._ledger.open_count(person) >= MAX_OPEN:
            raise SourceUnavailableError(
                f"{MAX_OPEN} readings of these calendars have not ended; wait for one of them"
            )
        self._ledger.purge(self._now() - self.keep, person=person, keep=MAX_KEPT - 1)

    def _done(self, job: SyncJob) -> SyncJob:
        self._ledger.add(job)
        self._end(job.id, "done")
        return self._told(self._ledger.job(job.id) or job)

    def _end(self, job: str, outcome: JobOutcome, problem: str | None = None) -> None:
        if self._ledger.end(job, outcome, problem):
            self._counted(outcome)
