"""Regeneration: on change, on schedule, at midnight, and again after failures.

One thread keeps the times, one per source watches for changes, and a small crew per
source does the work.  What is due is kept by person and source, so that however
often something changes, it waits at most once.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from freebusy.crew import Crew
from freebusy.duetimes import DueTimes
from freebusy.errors import FreeBusyError, SourceError
from freebusy.ports import WatchableSource
from freebusy.schedule import Backoff, Debounce, next_confirmation, next_tick
from freebusy.workerpool import PoolClosedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from freebusy.expanding import Person
    from freebusy.ports import Calendar
    from freebusy.publisher import Publisher
    from freebusy.syncing import Feed, Syncer
    from freebusy.wallclock import WallClock

log = logging.getLogger(__name__)

Task = tuple[str, str]
"""NAME and source; or one of the site's own: ``("", source)`` is a sweep."""
_GLANCE = 20.0
"""Seconds between two looks at the wall clock, which may be set at any time."""
_SETTLING = 3.0
"""Seconds after a watch began in which a change may have gone unseen: look once more then."""
_GATHERING = 1.0
"""Seconds before a watch begins again: where one person's calendars changed, others' do."""
_RETRIES = Backoff(first=5.0, cap=300.0)


@dataclass(frozen=True, slots=True)
class Plan:
    """How one source is regenerated; times in seconds."""

    feed: Feed
    interval: float
    watch: bool = True
    threads: int = 2
    debounce: float = 0.5


@dataclass(slots=True)
class _Progress:
    """What is going on with one person at one source."""

    debounce: Debounce
    waiting: bool = False
    """A job for it is queued."""
    running: bool = False
    again: bool = False
    urgent: bool = False
    """A change was seen: it goes before what is merely due."""
    failures: int = 0
    doubted_since: float | None = None
    only: set[Calendar] | None = field(default_factory=set)
    """The calendars that changed; None: all are to be looked at."""
    watched: tuple[Calendar, ...] = ()


class _Stopping(Exception):  # noqa: N818 - no error: it unwinds a sync that is cut short
    """The regeneration stops between two pages."""


class Regeneration:
    """Keeps everybody's file up to date from :meth:`start` to :meth:`stop`."""

    def __init__(
        self,
        *,
        syncer: Syncer,
        publisher: Publisher,
        plans: Sequence[Plan],
        persons: Iterable[Person],
        clock: WallClock,
        noted: Callable[[str, float], None],
    ) -> None:
        """``noted`` hears of every sweep: the source, and the seconds until the next."""
        self._syncer = syncer
        self._publisher = publisher
        self._plans = {plan.feed.name: plan for plan in plans}
        self._persons = {person.name: person for person in persons}
        self._clock = clock
        self._noted = noted
        self._state: dict[Task, _Progress] = {
            (person.name, source): _Progress(Debounce(self._plans[source].debounce))
            for person in self._persons.values()
            for source in person.sources
        }
        self._due: DueTimes[Task] = DueTimes()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._crews = {
            name: Crew(f"sync-{name}", plan.threads) for name, plan in self._plans.items()
        }
        self._renderer = Crew("render", 1)
        self._watches: dict[str, threading.Event] = {}
        self._threads: list[threading.Thread] = []

    # -- from start to stop

    def start(self) -> None:
        """Begin: everything is due at once, and changes are watched."""
        for plan in self._plans.values():
            self._due.set(("", plan.feed.name), time.monotonic())
            if plan.watch and isinstance(plan.feed.source, WatchableSource):
                self._begin(self._keep_watching, plan, plan.feed.source)
        for person in self._persons.values():
            if not person.sources:  # who only publishes: a crash may have come before the file
                self._render_later(person)
        self._begin(self._keep_time)

    @property
    def alive(self) -> bool:
        """Whether the times are being kept."""
        return any(t.is_alive() for t in self._threads if t.name == "_keep_time")

    def stop(self, patience: float = 3.0) -> None:
        """Stop everything in about ``patience`` seconds; what is cut off is done again later."""
        with self._changed:
            self._stop.set()
            self._changed.notify_all()
            watches = list(self._watches.values())
        for watch in watches:
            watch.set()
        deadline = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.05, deadline - time.monotonic()))
        for crew in (*self._crews.values(), self._renderer):
            crew.dismiss(max(0.05, deadline - time.monotonic()))

    def _begin(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, name=work.__name__, daemon=True)
        self._threads.append(thread)
        thread.start()

    # -- time

    def _keep_time(self) -> None:
        while not self._stop.is_set():
            try:
                self._do_what_is_due()
            except Exception:
                log.exception("time event=bug")
                self._stop.wait(_GATHERING)

    def _do_what_is_due(self) -> None:
        """Hand out what is due, then wait for what comes next."""
        with self._changed:
            now = time.monotonic()
            for task in self._due.pop(now):
                self._give(task)
            self._look_at_the_wall()
            following = self._due.next()
            wait = _GLANCE if following is None else min(_GLANCE, following - now)
            if not self._stop.is_set():
                self._changed.wait(max(0.0, wait))

    def _look_at_the_wall(self) -> None:
        """Do what the clock on the wall asks: fixed times, and a new day somewhere."""
        if self._clock.struck():
            for name in self._plans:
                self._give(("", name))
        zones = self._clock.turned()
        for person in self._persons.values():
            if person.owner.zone in zones:
                self._render_later(person)

    def _give(self, task: Task) -> None:
        """Hand a due task to its crew; one that runs is run again afterwards."""
        name, source = task
        if not name:
            self._sweep(source)
            return
        progress = self._state[task]
        if progress.running:
            progress.again = True
        elif progress.urgent or not progress.waiting:
            # an urgent one may be queued twice: whichever job comes first does the work
            self._crews[source].give(lambda: self._work(task), urgent=progress.urgent)
            progress.waiting = True

    def _take(self, task: Task) -> tuple[bool, set[Calendar] | None]:
        """Return whether a queued task is still to be done, and which calendars of it."""
        with self._changed:
            progress = self._state[task]
            if not progress.waiting or progress.running or self._stop.is_set():
                return False, None
            progress.waiting, progress.running, progress.urgent = False, True, False
            progress.debounce.take(time.monotonic())
            only, progress.only = progress.only, set()
            return True, only

    def _sweep(self, source: str) -> None:
        """Make everybody of a source due, spread over a tenth of the interval."""
        plan = self._plans[source]
        now = time.monotonic()
        people = [person for person in self._persons.values() if source in person.sources]
        first = not any(self._state[person.name, source].watched for person in people)
        spread = 0.0 if first else min(plan.interval / 10, 0.05 * len(people))
        for person in people:
            self._state[person.name, source].only = None
            self._due.set((person.name, source), now + random.random() * spread)  # noqa: S311 - jitter
        tick = next_tick(now, plan.interval, now=now, jitter=random.random())  # noqa: S311 - jitter
        self._due.set(("", source), tick)
        # by another thread: it writes to disk, and here everybody would wait for it
        self._renderer.give(lambda: self._noted(source, tick - now))

    def _make_due(self, task: Task, at: float, only: Calendar | None = None) -> None:
        with self._changed:
            progress = self._state[task]
            if only is None:
                progress.only = None
            else:
                progress.urgent = True
                if progress.only is not None:
                    progress.only.add(only)
            self._due.set(task, at)
            self._changed.notify_all()

    # -- work

    def _work(self, task: Task) -> None:
        wanted, only = self._take(task)
        if not wanted:
            return
        name, source = task
        person, plan = self._persons[name], self._plans[source]
        try:
            wait = self._sync(person, plan, only)
        except (_Stopping, PoolClosedError):
            return
        except FreeBusyError as error:  # mostly the disk: full, or read-only
            log.error("sync person=%s source=%s error=%s", name, source, error)  # noqa: TRY400 - it is no bug
            wait = self._until_retry(task, plan)
        except Exception:
            log.exception("sync person=%s source=%s event=bug", name, source)
            wait = _RETRIES.cap
        with self._changed:
            progress = self._state[task]
            progress.running = False
            if progress.again:
                progress.again = False
                self._due.set(task, time.monotonic())
        if wait is not None:
            self._make_due(task, time.monotonic() + wait)
        with self._changed:
            self._changed.notify_all()

    def _sync(self, person: Person, plan: Plan, only: set[Calendar] | None) -> float | None:
        """Sync and refresh a person; return the seconds to the next attempt, if one is needed."""
        progress = self._state[person.name, plan.feed.name]
        wait: float | None = None
        for calendar in [None] if only is None else only:
            outcome = self._syncer.sync(person, plan.feed, calendar, self._go_on)
            if outcome.errors:
                wait = self._until_retry((person.name, plan.feed.name), plan)
            elif only is None:
                progress.failures = 0
            if outcome.doubtful:
                wait = self._until_confirmed(progress)
            else:
                progress.doubted_since = None
            if outcome.calendars is not None and outcome.calendars != progress.watched:
                progress.watched = outcome.calendars
                self._watch_anew(plan)
        self._refresh(person)
        return wait

    def _until_retry(self, task: Task, plan: Plan) -> float:
        """Count a failure; return the seconds to the next attempt."""
        progress = self._state[task]
        progress.failures += 1
        return min(plan.interval, _wait(progress.failures))

    def _until_confirmed(self, progress: _Progress) -> float:
        """Return the seconds to the next look at a calendar that seems to be gone."""
        now = time.monotonic()
        if progress.doubted_since is None:
            progress.doubted_since = now
        steps = self._syncer.rules.confirm_after
        return (next_confirmation(progress.doubted_since, steps, now=now) or now + _SETTLING) - now

    def _go_on(self, _done: int, _total: int | None) -> None:
        if self._stop.is_set():
            raise _Stopping

    def _render_later(self, person: Person) -> None:
        self._renderer.give(lambda: self._refresh(person))

    def _refresh(self, person: Person) -> None:
        self._publisher.refresh(person)

    # -- change

    def _keep_watching(self, plan: Plan, source: WatchableSource) -> None:
        failures = 0
        while not self._stop.is_set():
            again = threading.Event()
            with self._changed:
                if self._stop.is_set():
                    return
                self._watches[plan.feed.name] = again
                calendars = self._watched(plan)
            try:
                if calendars:
                    self._settle(plan)
                    source.watch(calendars, self._note_change(plan), again)
                    failures = 0
                    self._stop.wait(_GATHERING)
                    continue
            except SourceError as error:
                failures += 1
                log.warning("watch source=%s error=%s", plan.feed.name, error)
            except Exception:
                failures += 1
                log.exception("watch source=%s event=bug", plan.feed.name)
            again.wait(_wait(failures) if failures else _GLANCE)

    def _watched(self, plan: Plan) -> list[Calendar]:
        source = plan.feed.name
        states = [progress for (_, of), progress in self._state.items() if of == source]
        return [calendar for progress in states for calendar in progress.watched]

    def _watch_anew(self, plan: Plan) -> None:
        """Let the watch begin again with the calendars that there are now."""
        with self._changed:
            watch = self._watches.get(plan.feed.name)
        if watch is not None:
            watch.set()

    def _settle(self, plan: Plan) -> None:
        """Look at everybody once more when the watch has had time to come about."""
        for person in self._persons.values():
            if plan.feed.name in person.sources:
                self._make_due((person.name, plan.feed.name), time.monotonic() + _SETTLING)

    def _note_change(self, plan: Plan) -> Callable[[Calendar], None]:
        def changed(calendar: Calendar) -> None:
            task = calendar.owner.name, plan.feed.name
            due = self._state[task].debounce.changed(time.monotonic())
            self._make_due(task, due, calendar)

        return changed


def _wait(failures: int) -> float:
    """Return the seconds to wait after a number of failures in a row."""
    return _RETRIES.delay(failures, jitter=random.random())  # noqa: S311 - jitter
