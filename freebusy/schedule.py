"""When the next run is: interval, fixed times, roll, debounce, backoff, confirmation, pace.

Pure: now is an argument.  Wall-clock moments are aware datetimes; everything that
measures a distance is in seconds of a monotonic clock, which a changed clock does
not move.  Nothing here ever answers with a moment in the past.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from freebusy.period import from_seconds
from freebusy.values import from_naive, to_naive
from freebusy.vtimezone import zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime, time

    from freebusy.zones import Zone

JITTER = 0.1
"""The part of an interval by which a run may come earlier, so that sources spread out."""


# -- wall clock


def next_time(now: datetime, times: Iterable[time], zone_name: str) -> datetime | None:
    """Return the first of the fixed times of day after ``now``, in UTC; None without any.

    Each comes once a day: in the spring gap at the moment the clocks go forward or
    after it, of an ambiguous hour the first (RFC 5545 §3.3.5).
    """
    place = zone(zone_name)
    today = _local_day(now, place)
    wanted = list(times)
    moments = (
        _moment(today + timedelta(days=days), at, place) for days in range(-1, 4) for at in wanted
    )
    return min((moment for moment in moments if moment > now), default=None)


def next_roll(now: datetime, zone_name: str) -> datetime:
    """Return when the next local day begins, in UTC: the window moves on by one.

    Where a zone skips midnight, or a whole day, it is the moment the clocks jump.
    """
    place = zone(zone_name)
    day = _local_day(now, place)
    moment = now
    while moment <= now:
        day += timedelta(days=1)
        moment = from_seconds(place.to_utc(_seconds(day)))
    return moment


def _local_day(now: datetime, place: Zone) -> date:
    return to_naive(place.to_local(int(now.timestamp()))).date()


def _moment(day: date, at: time, place: Zone) -> datetime:
    return from_seconds(place.to_utc(_seconds(day) + at.hour * 3600 + at.minute * 60 + at.second))


def _seconds(day: date) -> int:
    return from_naive(to_naive(0).replace(day.year, day.month, day.day))


# -- monotonic clock: seconds


def next_tick(last: float | None, interval: float, *, now: float, jitter: float = 0.0) -> float:
    """Return when to run again after a run that began at ``last``; at once if none ever did.

    ``jitter`` from 0 to 1 brings the run forward by up to a tenth of the interval, so
    that an interval is never exceeded because of it.  A run that took longer than the
    interval is followed by the next.
    """
    if last is None:
        return now
    return max(now, last + interval * (1 - JITTER * jitter))


def next_confirmation(since: float, steps: Sequence[float], *, now: float) -> float | None:
    """Return when to look again for a calendar that has seemed gone ``since`` a moment.

    ``steps`` are distances from ``since``.  None once the last one has passed: what is
    seen then counts.
    """
    return min((since + step for step in steps if since + step > now), default=None)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Ever longer waits between failures, in seconds."""

    first: float = 5.0
    cap: float = 900.0
    factor: float = 2.0

    def delay(self, failures: int, *, jitter: float = 0.0) -> float:
        """Return how long to wait after so many failures in a row; 0 without any.

        ``jitter`` from 0 to 1 takes off up to half, so that what failed together does
        not come back together.
        """
        if failures <= 0:
            return 0.0
        whole = self.cap
        # Beyond the cap the power is not even computed: a week of failures is a large one.
        if failures < 64:  # 2**64 seconds outlast any cap
            whole = min(self.cap, self.first * self.factor ** (failures - 1))
        return whole * (1 - jitter / 2)


@dataclass(slots=True)
class Debounce:
    """The first change acts at once; later ones within ``quiet`` seconds are gathered.

    After an action the next one comes ``quiet`` seconds later at the earliest, and
    exactly then if something changed meanwhile: no change waits longer.
    """

    quiet: float
    _last: float | None = None
    _due: float | None = None

    @property
    def due(self) -> float | None:
        """When to act next, or None while nothing waits."""
        return self._due

    def changed(self, now: float) -> float:
        """Note a change; return when to act."""
        if self._due is None:
            self._due = now if self._last is None else max(now, self._last + self.quiet)
        return self._due

    def take(self, now: float) -> bool:
        """Whether to act now; if so, everything noted so far is dealt with by it."""
        if self._due is None or now < self._due:
            return False
        self._last, self._due = now, None
        return True


@dataclass(slots=True)
class Pace:
    """How long to wait between two looks: less after a change, ever more while all is quiet.

    Times are in seconds.  A look that is costly is taken more rarely, so that it takes a
    twentieth of the time, unless that would be later than where all is quiet.
    """

    usual: float
    slowest: float = 5.0
    """The longest wait, as a multiple of the usual one."""
    _wait: float | None = None

    def next(self, *, changed: bool, cost: float = 0.0, jitter: float = 0.0) -> float:
        """Return how long to wait after a look that took ``cost`` and found a change, or none.

        ``jitter`` from 0 to 1 takes off up to a tenth.
        """
        if changed:
            wait = max(min(1.0, self.usual), self.usual / 4)
        elif self._wait is None:
            wait = self.usual
        else:
            wait = min(self._wait * 1.5, self.usual * self.slowest)
        self._wait = wait
        spared = max(2 * cost, min(20 * cost, self.usual * self.slowest))
        return max(wait * (1 - JITTER * jitter), spared)
