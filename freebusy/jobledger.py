"""The ledger of jobs: readings of calendars that somebody waits for.

Who serves writes a job down and asks for its progress; who syncs, perhaps another
process, notes how far it is and that it goes on.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from freebusy.migrations import JOBS
from freebusy.ports import SyncEvent, SyncJob

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Any

    from freebusy.metrics import JobOutcome
    from freebusy.store import Store

_OPEN = JOBS.c.state.in_(["waiting", "running"])
_ONE = sa.select(JOBS).where(JOBS.c.id == sa.bindparam("id"))


class JobLedger:
    """The jobs of everybody, in the store; safe from any thread and process.

    A job that has ended stays as it ended.  Every method raises StoreError where the store
    cannot be used.
    """

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    # -- who asks

    def add(self, job: SyncJob) -> None:
        """Write a new job down."""
        finished = None if job.finished is None else job.finished.timestamp()
        row = {
            "id": job.id,
            "person": job.person,
            "event": job.event.value,
            "folders": json.dumps(list(job.folders)),
            "state": job.state,
            "done": job.done,
            "total": job.total,
            "started": job.started.timestamp(),
            "seen": job.started.timestamp(),
            "finished": finished,
            "problem": job.problem,
        }
        with self._store.writing() as connection:
            connection.execute(sa.insert(JOBS).values(row))

    def job(self, number: str) -> SyncJob | None:
        """Return a job; None once it is forgotten."""
        with self._store.reading() as connection:
            row = connection.execute(_ONE, {"id": number}).mappings().first()
        return None if row is None else _job(row)

    def open_count(self, person: str) -> int:
        """Return how many jobs of a person have not ended."""
        query = sa.select(sa.func.count()).where(JOBS.c.person == person, _OPEN)
        with self._store.reading() as connection:
            return connection.scalar(query) or 0

    def give_up(self, silence: float, problem: str, number: str | None = None) -> list[str]:
        """Let those fail of which nothing was heard for ``silence`` seconds; return their ids.

        ``number``: only that one.
        """
        moment = self._seconds()
        unheard = _OPEN & (JOBS.c.seen < moment - silence)
        if number is not None:
            unheard &= JOBS.c.id == number
        with self._store.reading() as connection:  # mostly there is none, and nothing to write
            if not list(connection.scalars(sa.select(JOBS.c.id).where(unheard))):
                return []
        values = {"state": "failed", "finished": moment, "problem": problem}
        update = sa.update(JOBS).where(unheard).values(values).returning(JOBS.c.id)
        with self._store.writing() as connection:
            return list(connection.scalars(update))

    def purge(self, before: datetime, *, person: str | None = None, keep: int = 0) -> None:
        """Forget jobs that ended before a moment; of one ``person`` all but the last ``keep``."""
        over = JOBS.c.finished < before.timestamp()
        if person is not None:
            mine = JOBS.c.person == person
            latest = sa.select(JOBS.c.id).where(mine).order_by(JOBS.c.started.desc()).limit(keep)
            over = mine & (over | (JOBS.c.finished.is_not(None) & JOBS.c.id.not_in(latest)))
        with self._store.writing() as connection:
            connection.execute(sa.delete(JOBS).where(over))

    def forget(self, person: str) -> None:
        """Forget all jobs of a person who left."""
        with self._store.writing() as connection:
            connection.execute(sa.delete(JOBS).where(JOBS.c.person == person))

    # -- who reads

    def unfinished(self) -> list[SyncJob]:
        """Return the jobs that have not ended, the oldest first."""
        query = sa.select(JOBS).where(_OPEN).order_by(JOBS.c.started)
        with self._store.reading() as connection:
            return [_job(row) for row in connection.execute(query).mappings()]

    def note(self, number: str, done: int, total: int | None) -> None:
        """Note how far a job is that is running."""
        values = {"state": "running", "done": done, "total": total, "seen": self._seconds()}
        self._update([number], values)

    def beat(self, numbers: Collection[str]) -> None:
        """Note that these jobs are not forgotten, whether there is any progress or not."""
        if numbers:
            self._update(numbers, {"seen": self._seconds()})

    def end(
        self, number: str, outcome: JobOutcome, problem: str | None = None, done: int = 0
    ) -> bool:
        """Note that a job is done or has failed; False where it ended before.

        ``problem`` says why it failed, or what is to be known of one that is done.
        """
        values = {"state": outcome, "finished": self._seconds(), "problem": problem}
        if outcome == "done":
            values |= {"done": done, "total": done}
        return self._update([number], values) > 0

    def _update(self, numbers: Collection[str], values: dict[str, Any]) -> int:
        update = sa.update(JOBS).where(JOBS.c.id.in_(numbers), _OPEN).values(values)
        with self._store.writing() as connection:
            return connection.execute(update).rowcount

    def _seconds(self) -> float:
        return self._now().timestamp()


def _job(row: sa.RowMapping) -> SyncJob:
    finished = row["finished"]
    return SyncJob(
        id=row["id"],
        person=row["person"],
        event=SyncEvent(row["event"]),
        folders=tuple(json.loads(row["folders"])),
        state=row["state"],
        done=row["done"],
        total=row["total"],
        started=datetime.fromtimestamp(row["started"], UTC),
        finished=None if finished is None else datetime.fromtimestamp(finished, UTC),
        problem=row["problem"],
    )
