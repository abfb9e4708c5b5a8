"""Oracle one: ``icalendar`` and ``recurring-ical-events`` (both independent of our reader)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar
from icalendar.timezone import tzp

from freebusy.period import Span, to_seconds
from tests.oracles.meaning import kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from icalendar import Event


def utc(moment: date | datetime, zone: ZoneInfo) -> datetime:
    """Return a DATE, a floating or an aware time in UTC; the first two in the owner's zone."""
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=zone)
    return moment.replace(tzinfo=moment.tzinfo or zone).astimezone(UTC)


@lru_cache(maxsize=2)
def query(text: str) -> Any:
    """Return a calendar ready to be asked for any window."""
    # its cache of home-made zones is process-wide, and the first definition of a name wins
    tzp.use_default()
    return recurring_ical_events.of(Calendar.from_ical(text))


def instances(text: str, zone: str, start: datetime, end: datetime) -> list[Event]:
    """Return the instances that touch the window, overrides applied."""
    wide = timedelta(days=2)  # what is in the owner's zone is asked in that zone's days
    found = query(text).between(start - wide, end + wide)
    return [event for event in found if event.name == "VEVENT"]


def spans(
    text: str, *, addresses: Sequence[str], zone: str, start: datetime, end: datetime
) -> list[Span]:
    """Return ``(start, end, type)`` of each instance in UTC seconds, free ones too."""
    owner = ZoneInfo(zone)
    result = []
    for event in instances(text, zone, start, end):
        first, last = utc(event.start, owner), utc(event.end, owner)
        if first < end and last > start and first < last:
            result.append((to_seconds(first), to_seconds(last), int(kind(event, addresses))))
    return sorted(result)
