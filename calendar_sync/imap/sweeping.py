"""Sweeping all folders of each login at its own pace, and the watch as a whole.

A login where something happens is looked at more often, a quiet one less; one that fails
is tried again ever later, and takes none of the others' time but what one attempt takes.
"""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING

from calendar_sync.imap.idle import (
    FIRST_RETRY,
    LAST_RETRY,
    REFUSED_RETRY,
    Watch,
    Watched,
    Watchers,
)
from calendar_sync.imap.sweep import differs
from freebusy.duetimes import DueTimes
from freebusy.errors import SourceError, SourceRefusedError
from freebusy.schedule import Backoff, Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from calendar_sync.imap.extensions import Examined
    from calendar_sync.imap.settings import Login
    from calendar_sync.imap.sweep import Sweeps, View

SWEEPERS = 4
"""Logins that are swept at once."""
JOIN_SECONDS = 1.5
"""A thread that is stuck in a connection attempt is left to end by itself."""
CHOOSE_SECONDS = 60.0
"""How often it is looked which folders changed most lately."""

_TICK = 0.5
_REFUSED = Backoff(FIRST_RETRY, REFUSED_RETRY)
_FAILED = Backoff(FIRST_RETRY, LAST_RETRY * 5)


class Round:
    """The folders of one login, and what was seen of them."""

    def __init__(self, watched: Sequence[Watched], pace: Pace) -> None:
        self.folders = {each.seen_at.folder: each for each in watched}
        self.pace = pace
        self.failures = 0
        self.refused = False
        self._seen: dict[str, Examined | None] = {}

    def changed(self, watch: Watch, view: View) -> list[Watched]:
        """Return the folders that are no longer as they were read, nor as they were seen."""
        found = []
        for folder, watched in self.folders.items():
            state, known = view.states.get(folder), watch.memory.known(watched.place)
            if folder in self._seen:
                news = state != self._seen[folder] and (known is None or differs(known, state))
            else:
                news = known is not None and differs(known, state)
            self._seen[folder] = state
            if news:
                found.append(watched)
        return found


class Sweeper:
    """Goes round the logins, several at once."""

    def __init__(
        self,
        watch: Watch,
        sweeps: Sweeps,
        watched: Sequence[Watched],
        relisted: Callable[[Login, frozenset[str] | None], None],
    ) -> None:
        """``relisted`` hears which folders are new or gone; None: that is not known yet."""
        self._watch = watch
        self._sweeps = sweeps
        self._relisted = relisted
        by_login: dict[Login, list[Watched]] = {}
        for each in watched:
            by_login.setdefault(each.seen_at.login, []).append(each)
        usual = watch.settings.poll_seconds
        self._rounds = {login: Round(some, Pace(usual)) for login, some in by_login.items()}
        self._due: DueTimes[Login] = DueTimes()
        self._changed = threading.Condition()
        for login in self._rounds:
            self._due.set(login, 0.0)

    def threads(self) -> Iterator[threading.Thread]:
        """Yield the threads, not started."""
        for number in range(min(SWEEPERS, len(self._rounds))):
            yield threading.Thread(target=self.run, name=f"imap-sweep-{number}", daemon=True)

    def run(self) -> None:
        """Go round until the watch is over."""
        try:
            while (login := self._next()) is not None:
                wait = self._sweep(login)
                with self._changed:
                    self._due.set(login, time.monotonic() + wait)
                    self._changed.notify()
        except Exception as error:  # noqa: BLE001  # the caller of watch() raises it
            self._watch.failures.append(error)

    def end(self) -> None:
        """Wake who waits: the watch is over."""
        with self._changed:
            self._changed.notify_all()

    def _next(self) -> Login | None:
        """Wait for a login that is due; None when the watch is over."""
        with self._changed:
            while not self._watch.over.is_set():
                now, due = time.monotonic(), self._due.next()
                if due is not None and due <= now:
                    return self._due.take(now)
                self._changed.wait(None if due is None else due - now)
        return None

    def _sweep(self, login: Login) -> float:
        """Look at a login; return the seconds until it is due again."""
        ours = self._rounds[login]
        try:
            with self._watch.gate.attempt() as may:
                if not may:
                    return LAST_RETRY
                view = self._sweeps.look(login, ours.folders)
        except SourceRefusedError as error:
            return self._failed(ours, _REFUSED, error)
        except SourceError:
            return self._failed(ours, _FAILED)
        self._answered(ours)
        changed = ours.changed(self._watch, view)
        for watched in changed:
            self._watch.report(watched)
        if view.news != frozenset():
            self._relisted(login, view.news)
        jitter = random.random()  # noqa: S311 - no secret
        return ours.pace.next(changed=bool(changed), cost=view.seconds, jitter=jitter)

    def _answered(self, ours: Round) -> None:
        ours.failures = 0
        if ours.refused:
            ours.refused = False
            for watched in ours.folders.values():
                self._watch.refusals.pop(watched.place, None)

    def _failed(
        self, ours: Round, retries: Backoff, refusal: SourceRefusedError | None = None
    ) -> float:
        ours.failures += 1
        if refusal is not None:
            ours.refused = True
            self._watch.refusals |= {each.place: refusal for each in ours.folders.values()}
        return retries.delay(ours.failures, jitter=random.random())  # noqa: S311 - no secret


def watch(
    shared: Watch,
    sweeps: Sweeps,
    watched: Sequence[Watched],
    relisted: Callable[[Login, frozenset[str] | None], None],
    stop: threading.Event,
) -> None:
    """Report changes until ``stop`` is set.

    Raises SourceRefusedError when no folder may be watched, and what ``changed`` raised.
    """
    watchers = Watchers(shared, watched)
    sweeper = Sweeper(shared, sweeps, watched, relisted)
    threads = [*watchers.threads(), *sweeper.threads()]
    for thread in threads:
        thread.start()
    try:
        _wait(shared, watchers, len(watched), stop)
    finally:
        shared.over.set()
        shared.gate.end()
        watchers.end()
        sweeper.end()
        end = time.monotonic() + JOIN_SECONDS
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))


def _wait(shared: Watch, watchers: Watchers, count: int, stop: threading.Event) -> None:
    """Wait for ``stop``, and see now and then that all goes well."""
    choose = time.monotonic() + CHOOSE_SECONDS
    while not stop.wait(_TICK):
        if shared.failures:
            raise shared.failures[0]
        if count == len(shared.refusals) > 0:
            raise next(iter(shared.refusals.values()))
        while shared.pool.limited:
            watchers.make_room(shared.pool.limited.pop())
        if time.monotonic() >= choose:
            watchers.choose()
            choose = time.monotonic() + CHOOSE_SECONDS
