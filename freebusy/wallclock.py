"""The clock on the wall: has a fixed time struck, has a day begun somewhere?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from freebusy.schedule import next_roll, next_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime, time


class WallClock:
    """Remembers what comes next; asked often, it answers each moment once."""

    def __init__(
        self,
        now: Callable[[], datetime],
        *,
        times: Iterable[time],
        zone: str,
        owner_zones: Iterable[str],
    ) -> None:
        self._now = now
        self._times = tuple(times)
        self._zone = zone
        self._next = next_time(now(), self._times, zone)
        self._rolls = {name: next_roll(now(), name) for name in owner_zones}

    def struck(self) -> bool:
        """Whether a fixed time has come since this was last asked."""
        now = self._now()
        if self._next is None or now < self._next:
            return False
        self._next = next_time(now, self._times, self._zone)
        return True

    def turned(self) -> set[str]:
        """Return the zones in which a new day began since this was last asked."""
        now = self._now()
        zones = {name for name, roll in self._rolls.items() if now >= roll}
        self._rolls.update({name: next_roll(now, name) for name in zones})
        return zones
