"""The window that a person's file covers (RFC 5545 §3.6.4: DTSTART and DTEND of VFREEBUSY)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from freebusy.period import TimeRange, from_seconds
from freebusy.values import from_naive
from freebusy.vtimezone import zone

if TYPE_CHECKING:
    from freebusy.zones import Zone

HORIZON_MARGIN = timedelta(days=45)
"""How far beyond the window objects are expanded, so that rolling it is a mere look-up."""


def local_day(now: datetime, place: Zone) -> datetime:
    """Return the midnight, naive, of the day that it is in a zone."""
    local = place.to_local(int(now.timestamp()))
    return datetime(1970, 1, 1) + timedelta(days=local // 86400)  # noqa: DTZ001 - a wall-clock day


def _months_later(day: datetime, months: int) -> datetime:
    index = day.year * 12 + day.month - 1 + months
    return day.replace(year=index // 12, month=index % 12 + 1, day=1)


def window(now: datetime, zone_name: str, *, past_days: int, months: int) -> TimeRange:
    """Return local midnight ``past_days`` ago to the end of the month ``months`` ahead."""
    place = zone(zone_name)
    today = local_day(now, place)
    start = today - timedelta(days=past_days)
    end = _months_later(today, months + 1)
    return TimeRange(
        from_seconds(place.to_utc(from_naive(start))), from_seconds(place.to_utc(from_naive(end)))
    )


def horizon(window: TimeRange) -> tuple[int, int]:
    """Return how far objects are expanded for a window, in UTC seconds."""
    start, end = window.seconds
    return start, end + int(HORIZON_MARGIN.total_seconds())
