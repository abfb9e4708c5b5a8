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
from functools import partial
from typing import TYPE_CHECKING

from freebusy.attempts import Attempts
from freebusy.crew import Crew, Crews
from freebusy.duetimes import DueTimes
from freebusy.errors import SourceDownError
from freebusy.follower import Follower
from freebusy.outage import Outage
from freebusy.ports import Owner, SweepableSource, WatchableSource
from freebusy.progress import SETTLING, Progress
from freebusy.schedule import Backoff, Debounce, next_tick

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from freebusy.errors import SourceError
    from freebusy.expanding import Person
    from freebusy.looks import Looks, Task
    from freebusy.plan import Plan
    from freebusy.ports import Calendar
    from freebusy.progress import Asked
    from freebusy.publisher import Publisher
    from freebusy.syncing import Syncer
    from freebusy.wallclock import WallClock

log = logging.getLogger(__name__)

_GLANCE = 20.0
"""Seconds between two looks at the wall clock, which may be set at any time."""
_PAUSE = 1.0
"""Seconds after a bug in what keeps the times."""
_OUTAGES = Backoff(first=2.0, cap=60.0)


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
        looks: Looks,
    ) -> None:
        """``noted`` hears of every sweep: the source, and the seconds until the next."""
        self._looks = looks
        self._syncer = syncer
        self._plans = {plan.feed.name: plan for plan in plans}
        self._persons = {person.name: person for person in persons}
        self._clock = clock
        self._noted = noted
        self._state: dict[Task, Progress] = {
            (person.name, source): Progress(Debounce(self._plans[source].debounce))
            for person in self._persons.values()
            for source in person.sources
        }
        self._due: DueTimes[Task] = DueTimes()
        """Of NAMEs and sources; ``("", source)`` is a sweep."""
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._attempts = Attempts(
            syncer, publisher, looks, is_down=self._is_down, stopping=self._stop.is_set
        )
        self._crews = {name: Crews(name, plan.threads) for name, plan in self._plans.items()}
        self._renderer = Crew("render", 1)
        self._outages: dict[str, Outage[Task]] = {name: Outage(_OUTAGES) for name in self._plans}
        self._followers: dict[str, Follower] = {}
        self._threads: list[threading.Thread] = []

    # -- from start to stop

    def start(self) -> None:
        """Begin: everything is due at once, and changes are watched."""
        for plan in self._plans.values():
            self._due.set(("", plan.feed.name), time.monotonic())
            if plan.watch and isinstance(plan.feed.source, WatchableSource):
                follower = self._follower(plan, plan.feed.source)
                self._followers[plan.feed.name] = follower
                self._begin(follower.run)
        for person in self._persons.values():
            if not person.sources:  # who only publishes: a crash may have come before the file
                self._render_later(person)
        self._begin(self._keep_time)

    def look_at(self, name: str, job: str | None = None) -> None:
        """Look at a person's calendars now, as after a change; nobody's where it is no NAME.

        ``job`` is told when it is done, by a look at each source that begins after this.
        """
        person = self._persons.get(name)
        if person is None:
            return
        with self._changed:
            if job is not None and not self._looks.ask(job, name, person.sources or ("",)):
                return
            for source in person.sources:
                self._note_change(self._plans[source])(person.at_source)
        if not person.sources and job is not None:
            self._render_later(person)

    @property
    def alive(self) -> bool:
        """Whether the times are being kept."""
        return any(t.is_alive() for t in self._threads if t.name == "_keep_time")

    def stop(self, patience: float = 3.0) -> None:
        """Stop everything in about ``patience`` seconds; what is cut off is done again later."""
        with self._changed:
            self._stop.set()
            self._looks.close()
            self._changed.notify_all()
        for follower in self._followers.values():
            follower.end()
        deadline = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.05, deadline - time.monotonic()))
        for crew in (*(one for some in self._crews.values() for one in some.all), self._renderer):
            crew.dismiss(max(0.05, deadline - time.monotonic()))

    def _begin(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=work.__name__, daemon=True)
        self._threads.append(thread)
        thread.start()

    # -- time

    def _keep_time(self) -> None:
        while not self._stop.is_set():
            try:
                self._do_what_is_due()
            except Exception:
                log.exception("time event=bug")
                self._stop.wait(_PAUSE)

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
            # an urgent one may be queued several times: whichever job comes first does the work
            troubled = progress.failures > 0
            self._crews[source].give(
                lambda: self._work(task), urgent=progress.urgent, troubled=troubled
            )
            progress.waiting = True

    def _take(self, task: Task) -> Asked | None:
        """Return what a queued task has to look at; None where it is no longer to be done."""
        with self._changed:
            progress = self._state[task]
            if not progress.waiting or progress.running or self._stop.is_set():
                return None
            if self._outages[task[1]].holds(task, time.monotonic()):
                progress.waiting = False
                return None
            asked = progress.begin(time.monotonic(), awaited=self._looks.begin(task))
            is_up = not self._outages[task[1]].failures
            return asked._replace(confirmable=asked.confirmable and is_up)

    def _sweep(self, source: str) -> None:
        """Look for changes that nobody told of, with one look at many people where that can be."""
        plan, now = self._plans[source], time.monotonic()
        if isinstance(plan.feed.source, SweepableSource):
            self._crews[source].give(partial(self._look_around, plan, plan.feed.source))
        else:
            self._all_due(plan, self._people(source))
        if self._outages[source].failures:  # a file that grows stale has to say so
            for person in self._people(source):
                self._render_later(person)
        tick = next_tick(now, plan.interval, now=now, jitter=random.random())  # noqa: S311 - jitter
        self._due.set(("", source), tick)
        # by another thread: it writes to disk, and here everybody would wait for it
        self._renderer.give(lambda: self._noted(source, tick - now))

    def _people(self, source: str) -> list[Person]:
        return [person for person in self._persons.values() if source in person.sources]

    def _all_due(self, plan: Plan, people: Collection[Person]) -> None:
        """Make people due, spread over a tenth of the interval."""
        source, now = plan.feed.name, time.monotonic()
        with self._changed:
            first = not any(self._state[person.name, source].watched for person in people)
            spread = 0.0 if first else min(plan.interval / 10, 0.05 * len(people))
            for person in people:
                self._state[person.name, source].ask_in_time()
                self._due.set((person.name, source), now + random.random() * spread)  # noqa: S311 - jitter
            self._changed.notify_all()

    def _look_around(self, plan: Plan, source: SweepableSource) -> None:
        """Make those due of whom no look at many proves that nothing happened."""
        people = {person.at_source: person for person in self._people(plan.feed.name)}
        groups = [[people[owner] for owner in owners] for owners in source.groups(people)]
        alone = [group[0] for group in groups if len(group) == 1]  # each is looked at by itself
        self._all_due(plan, alone)
        for group in groups:
            if len(group) > 1:
                is_up = not self._outages[plan.feed.name].failures
                kept = self._attempts.unchanged(plan, group) if is_up else ()
                self._all_due(plan, [person for person in group if person.name not in kept])

    def _make_due(self, task: Task, at: float, only: Calendar | None = None) -> None:
        with self._changed:
            self._state[task].ask(only)
            self._due.set(task, at)
            self._changed.notify_all()

    # -- work

    def _work(self, task: Task) -> None:
        asked = self._take(task)
        if asked is None:
            return
        name, source = task
        plan, progress = self._plans[source], self._state[task]
        attempt = self._attempts.make(self._persons[name], plan, asked, progress)
        if attempt is None:
            return
        if attempt.relisted and source in self._followers:
            self._followers[source].anew()
        with self._changed:
            progress.running = False
            if progress.again:
                progress.again = False
                self._due.set(task, time.monotonic())
            self._changed.notify_all()
        if attempt.wait is not None:
            self._make_due(task, time.monotonic() + attempt.wait)

    def _is_down(self, plan: Plan, task: Task, errors: Collection[SourceError]) -> bool:
        """Whether nobody need ask the source now; once somebody may, all who waited are due."""
        source, now = plan.feed.name, time.monotonic()
        down = next((error for error in errors if isinstance(error, SourceDownError)), None)
        with self._changed:
            outage = self._outages[source]
            was_down = bool(outage.failures)
            if down is not None:
                self._state[task].ask(None)
                self._due.set(task, outage.failed(task, now, jitter=random.random()))  # noqa: S311 - jitter
            else:
                for waiting in outage.answered():
                    self._due.set(waiting, now)
            self._changed.notify_all()
        if was_down != (down is not None):
            log.warning("source=%s event=%s", source, "back" if down is None else "down")
        return down is not None

    def _render_later(self, person: Person) -> None:
        self._renderer.give(partial(self._attempts.render, person))

    # -- change

    def _follower(self, plan: Plan, source: WatchableSource) -> Follower:
        name = plan.feed.name
        swept = isinstance(source, SweepableSource)  # it misses nothing while a watch begins

        def began() -> None:
            if not swept:
                self._settle(plan)

        return Follower(name, source, lambda: self._watched(name), self._note_change(plan), began)

    def _watched(self, source: str) -> list[Calendar]:
        """Return all calendars, those first that changed most lately."""
        states = [progress for (_, of), progress in self._state.items() if of == source]
        found = [calendar for progress in states for calendar in progress.watched]
        latest = self._syncer.latest(source)
        return sorted(found, key=lambda one: -latest.get((one.owner.name, one.key), 0))

    def _settle(self, plan: Plan) -> None:
        """Look at everybody once more when the watch has had time to come about."""
        for person in self._people(plan.feed.name):
            self._make_due((person.name, plan.feed.name), time.monotonic() + SETTLING)

    def _note_change(self, plan: Plan) -> Callable[[Calendar | Owner], None]:
        source = plan.feed.name

        def changed(what: Calendar | Owner) -> None:
            owner, only = (what, None) if isinstance(what, Owner) else (what.owner, what)
            task, now = (owner.name, source), time.monotonic()
            with self._changed:
                self._outages[source].hurry(now)
                due = self._state[task].debounce.changed(now)
                self._state[task].urgent = True
                self._make_due(task, due, only)

        return changed
