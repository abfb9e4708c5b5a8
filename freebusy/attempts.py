"""One attempt to bring a person up to date with one source, and what follows from it.

Whoever waits for it is told its progress, and its end once the person's file is made.
"""

from __future__ import annotations

import logging
import random
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from freebusy.errors import CalendarMissingError, FreeBusyError, SourceError
from freebusy.looks import REMARK, problem_of
from freebusy.ports import ChangingSource
from freebusy.progress import RETRIES
from freebusy.workerpool import PoolClosedError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from freebusy.expanding import Person
    from freebusy.looks import Looks, Outcome, Task
    from freebusy.plan import Plan
    from freebusy.progress import Asked, Progress
    from freebusy.publisher import Publisher
    from freebusy.syncing import Synced, Syncer

log = logging.getLogger(__name__)

_STALE = 2.5
"""Intervals without success after which a calendar is read again, whatever a sweep says."""


class _Stopping(Exception):  # noqa: N818 - no error: it unwinds a sync that is cut short
    """The regeneration stops between two pages."""


class Attempt(NamedTuple):
    """What came of an attempt."""

    wait: float | None = None
    """Seconds to the next one, if one is needed."""
    told: Outcome | None = None
    """What is said to those who wait."""
    relisted: bool = False
    """Whether the person's calendars are others than before."""


class Attempts:
    """Reads and renders; safe from any thread, for one person and source in one at a time."""

    def __init__(
        self,
        syncer: Syncer,
        publisher: Publisher,
        looks: Looks,
        *,
        is_down: Callable[[Plan, Task, Collection[SourceError]], bool],
        stopping: Callable[[], bool],
    ) -> None:
        """``is_down`` hears what went wrong, if anything, and says whether nobody need ask now."""
        self._syncer = syncer
        self._publisher = publisher
        self._looks = looks
        self._is_down = is_down
        self._stopping = stopping

    def make(self, person: Person, plan: Plan, asked: Asked, progress: Progress) -> Attempt | None:
        """Make one; None where it was cut short, because all ends."""
        name, source = task = person.name, plan.feed.name
        try:
            attempt = self._read(person, plan, asked, progress)
        except (_Stopping, PoolClosedError):
            return None
        except FreeBusyError as error:  # mostly the disk: full, or read-only
            log.error("sync person=%s source=%s error=%s", name, source, error)  # noqa: TRY400 - it is no bug
            attempt = Attempt(_retry(progress, plan), problem_of(source, error))
        except Exception as error:
            log.exception("sync person=%s source=%s event=bug", name, source)
            attempt = Attempt(RETRIES.cap, problem_of(source, error))
        self._looks.end(task, attempt.told)
        return attempt

    def render(self, person: Person) -> None:
        """Make a person's file; for who has no source that is all that can be waited for."""
        task = person.name, ""
        awaited = not person.sources and self._looks.begin(task)
        told: Outcome | None = None
        try:
            self._publisher.refresh(person)
        except FreeBusyError as error:
            told = problem_of("", error)
            raise
        finally:
            if awaited:
                self._looks.end(task, told)

    def unchanged(self, plan: Plan, people: Sequence[Person]) -> Collection[str]:
        """Return the names of those of whom one look proves that nothing happened."""
        try:
            return self._syncer.confirm(people, plan.feed, _STALE * plan.interval)
        except SourceError as error:
            log.warning("sweep source=%s error=%s", plan.feed.name, error)
            return ()

    def _read(self, person: Person, plan: Plan, asked: Asked, progress: Progress) -> Attempt:
        task, only = (person.name, plan.feed.name), asked.only
        attempt = Attempt()
        if asked.confirmable and self.unchanged(plan, [person]):
            only = set()
        if asked.awaited:
            self._expect(person, plan)
        for calendar in [None] if only is None else only:
            outcome = self._syncer.sync(person, plan.feed, calendar, partial(self._go_on, task))
            told = _told(task[1], outcome)
            if self._is_down(plan, task, outcome.errors):
                if told is not None:
                    self._looks.fail(task[1], told)
                return Attempt(told=told)
            if not (outcome.errors or only is not None):
                progress.failures = 0
            attempt = attempt._replace(
                wait=self._until_next(plan, progress, outcome) or attempt.wait,
                told=attempt.told or told,
                relisted=attempt.relisted or _relisted(progress, outcome),
            )
        self._publisher.refresh(person)
        return attempt

    def _expect(self, person: Person, plan: Plan) -> None:
        """Say to those who wait that it begins, and look with new eyes."""
        self._looks.progress((person.name, plan.feed.name), 0, None)
        if isinstance(plan.feed.source, ChangingSource):
            plan.feed.source.renew(person.at_source)

    def _until_next(self, plan: Plan, progress: Progress, outcome: Synced) -> float | None:
        """Return the seconds to the next attempt, if one is needed."""
        wait = _retry(progress, plan) if outcome.errors else None
        if not outcome.doubtful:
            progress.doubted_since = None
            return wait
        return progress.doubted(self._syncer.rules.confirm_after, time.monotonic())

    def _go_on(self, task: Task, done: int, total: int | None) -> None:
        if self._stopping():
            raise _Stopping
        self._looks.progress(task, done, total)


def _told(source: str, outcome: Synced) -> Outcome | None:
    """Return what is said to those who wait; a loss that counts by now is no failure."""
    was_seen = outcome.calendars is not None or outcome.doubtful or outcome.changed
    for error in outcome.errors:
        if not (was_seen and isinstance(error, CalendarMissingError)):
            return problem_of(source, error)
    return REMARK if outcome.doubtful else None


def _relisted(progress: Progress, outcome: Synced) -> bool:
    """Take over which calendars there are; whether they are others."""
    if outcome.calendars is None or outcome.calendars == progress.watched:
        return False
    progress.watched = outcome.calendars
    return True


def _retry(progress: Progress, plan: Plan) -> float:
    return progress.failed(plan.interval, jitter=random.random())  # noqa: S311 - jitter
