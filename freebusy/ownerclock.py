"""The clock on one owner's wall: moments to instants, lengths to ends (RFC 5545 §3.3.5, §3.3.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freebusy.errors import CalendarDataError
from freebusy.values import DAY, FLOATING, Duration, Moment
from freebusy.vtimezone import zone

if TYPE_CHECKING:
    from freebusy.busyrecord import BusyRecord
    from freebusy.zones import Zone


class OwnerClock:
    """Turns moments into UTC seconds as one owner sees them."""

    __slots__ = ("_owner_zone", "unknown")

    def __init__(self, owner_zone: str) -> None:
        self._owner_zone = owner_zone
        self.unknown: CalendarDataError | None = None
        """Set once the owner's zone stood in for one that is not known any more."""

    def zone(self, key: str) -> Zone:
        """Return a key's zone; the owner's for floating times and for a key of old.

        Records outlive the database that they were read with: a newer one may not have
        a name any more.
        """
        if key != FLOATING:
            try:
                return zone(key)
            except CalendarDataError as error:
                self.unknown = error
        return zone(self._owner_zone)

    def instant(self, moment: Moment) -> int:
        """Return the UTC seconds of a moment; a DATE's are those of its midnight."""
        return self.zone(moment.zone).to_utc(moment.local)


def end_of(place: Zone, start: int, length: Duration) -> int:
    """Return the UTC end of an instance: nominal days on the wall, the rest exactly (§3.3.6)."""
    if not length.days:
        return start + length.seconds
    return place.to_utc(place.to_local(start) + length.days * DAY) + length.seconds


def length_of(record: BusyRecord, start: Moment, clock: OwnerClock) -> Duration:
    """Return how long an instance is: DTEND exactly, days and DURATION's days nominally."""
    if record.end is not None:
        if start.is_date and record.end.is_date:
            # an end on the day itself: its writer means that day, and in doubt it is busy
            return Duration((record.end.local - start.local) // DAY or 1, 0)
        if record.all_day and start.zone == FLOATING:
            # midnights on the owner's wall: their distance is whole days, not hours
            local = clock.zone(FLOATING).to_local(clock.instant(record.end))
            if (local - start.local) % DAY == 0:
                return Duration((local - start.local) // DAY, 0)
        return Duration(0, clock.instant(record.end) - clock.instant(start))
    if record.duration is not None:
        return record.duration
    return Duration(1, 0) if start.is_date else Duration(0, 0)
