"""What is going on with one person at one source."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from freebusy.ports import Calendar
    from freebusy.schedule import Debounce


class Asked(NamedTuple):
    """What one run has to look at."""

    only: set[Calendar] | None
    """None: all calendars."""
    confirmable: bool


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

    def begin(self, now: float) -> Asked:
        """Take what was asked for; until :attr:`running` ends, more may be."""
        asked = Asked(self.only, self.confirmable and bool(self.watched))
        self.waiting, self.running, self.urgent = False, True, False
        self.only, self.confirmable = set(), False
        self.debounce.take(now)
        return asked
