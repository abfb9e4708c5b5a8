"""Oracle two: libical's own expansion, through its C interface.

libical takes floating times and days as UTC; they are moved to the owner's zone here.
It expands one component at a time; that an override replaces its instance is added here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event
from icalendar.timezone import tzp

from freebusy.period import Span, from_seconds, to_seconds
from tests.oracles.meaning import kind
from tests.readers.libical import available, components, instances, library, parsed

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["available", "spans"]

NO_TIME = -(2**62)
Raw = list[tuple[int, int]]


def _recurrence_id(component: int) -> int:
    moment = library().icalcomponent_get_recurrenceid(component)
    if library().icaltime_is_null_time(moment):
        return NO_TIME
    # libical leaves the TZID of a RECURRENCE-ID unread; it is the one of DTSTART
    zone = moment.zone or library().icalcomponent_get_dtstart(component).zone
    return int(library().icaltime_as_timet_with_zone(moment, zone))


def _in_utc(component: int, found: Raw, zone: ZoneInfo) -> Raw:
    """Return spans in UTC: libical gave wall-clock seconds for a DATE or floating DTSTART."""
    first = library().icalcomponent_get_dtstart(component)
    if first.zone:
        return found
    # libical counts DTEND's day in, to its last second; RFC 5545 §3.6.1: it is not part of it
    extra = 86399 if first.is_date else 0
    return [(_to_utc(start, zone), _to_utc(end - extra, zone)) for start, end in found]


def _to_utc(wall: int, zone: ZoneInfo) -> int:
    return to_seconds(from_seconds(wall).replace(tzinfo=zone).astimezone(UTC))


def _own_spans(component: int, replaced: set[int], start: datetime, end: datetime) -> Raw:
    """Return a component's spans, without the instances that overrides replace."""
    found = instances(component, start, end)
    if _recurrence_id(component) != NO_TIME:
        return found
    return [span for span in found if span[0] not in replaced]


def spans(
    text: str, *, addresses: Sequence[str], zone: str, start: datetime, end: datetime
) -> list[Span]:
    """Return ``(start, end, type)`` of each instance in UTC seconds, free ones too."""
    tzp.use_default()
    events = Calendar.from_ical(text).walk("VEVENT")
    meanings = [kind(event, addresses) for event in events if isinstance(event, Event)]
    wide = timedelta(days=2)
    result = []
    with parsed(text.encode()) as root:
        handles = list(components(root, b"VEVENT"))
        replaced = {_recurrence_id(handle) for handle in handles} - {NO_TIME}
        for handle, meaning in zip(handles, meanings, strict=True):
            found = _own_spans(handle, replaced, start - wide, end + wide)
            result += [(*span, int(meaning)) for span in _in_utc(handle, found, ZoneInfo(zone))]
    low, high = to_seconds(start), to_seconds(end)
    return sorted({span for span in result if low < span[1] and span[0] < min(high, span[1])})
