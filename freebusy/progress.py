"""What is going on with one person at one source."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from freebusy.schedule import Backoff, next_confirmation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from freebusy.ports import Calendar
    from freebusy.schedule import Debounce

RETRIES = Backoff(first=5.0, cap=300.0)
SETTLING = 3.0
"""Seconds after which a calendar is looked at for the last time before its loss counts; and
after a watch began, in which a change may have gone unseen."""


class Asked(NamedTuple):
    """What one run has to look at."""

    only: set[Calendar] | None
    """None: all calendars."""
    confirmable: bool
    awaited: bool = False
    """Somebody waits for the outcome."""


@dataclass(slots=True)
class Progress:
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
    confirmable: bool = False
    """Nothing but the time asks for it: one look may prove that nothing happened."""
    watched: tuple[Calendar, ...] = ()
    """All calendars there are, as far as is known."""

    def ask(self, only: Calendar | None) -> None:
        """Have a calendar, or all of them, looked at."""
        self.confirmable = False
        if only is None:
            self.only = None
        elif self.only is not None:
            self.only.add(only)

    def ask_in_time(self) -> None:
        """Have all looked at because it is time; what was asked for before counts for more."""
        self.confirmable = self.confirmable or (self.only is not None and not self.only)
        self.only = None

    def begin(self, now: float, *, awaited: bool = False) -> Asked:
        """Take what was asked for; until :attr:`running` ends, more may be."""
        asked = Asked(self.only, self.confirmable and bool(self.watched), awaited)
        self.waiting, self.running, self.urgent = False, True, False
        self.only, self.confirmable = set(), False
        self.debounce.take(now)
        return asked

    def failed(self, longest: float, *, jitter: float) -> float:
        """Count a failure; return the seconds to the next attempt, at most ``longest``."""
        self.failures += 1
        return min(longest, RETRIES.delay(self.failures, jitter=jitter))

    def doubted(self, steps: Sequence[float], now: float) -> float:
        """Return the seconds to the next look at a calendar that seems to be gone."""
        if self.doubted_since is None:
            self.doubted_since = now
        following = next_confirmation(self.doubted_since, steps, now=now)
        return (now + SETTLING if following is None else following) - now
