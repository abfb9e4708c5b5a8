"""Oracle two: libical's own expansion, through its C interface.

libical takes floating times and days as UTC; they are moved to the owner's zone here.
It expands one component at a time; that an override replaces its instance is added here.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event
from icalendar.timezone import tzp

from freebusy.period import Span, from_seconds, to_seconds
from tests.oracles.meaning import kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

VEVENT = 4
RECURRENCE_ID = 71
NO_TIME = -(2**62)
Raw = list[tuple[int, int]]


class _Time(ctypes.Structure):
    """``struct icaltimetype`` of libical 3."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("year", "month", "day", "hour", "minute", "second")),
        ("is_date", ctypes.c_int),
        ("is_daylight", ctypes.c_int),
        ("zone", ctypes.c_void_p),
    )


class _TimeSpan(ctypes.Structure):
    """``struct icaltime_span``."""

    _fields_ = (("start", ctypes.c_long), ("end", ctypes.c_long), ("is_busy", ctypes.c_int))


_Callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(_TimeSpan), ctypes.c_void_p)
_POINTER, _TEXT, _INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "icalparser_parse_string": (_POINTER, [_TEXT]),
    "icalcomponent_get_first_component": (_POINTER, [_POINTER, _INT]),
    "icalcomponent_get_next_component": (_POINTER, [_POINTER, _INT]),
    "icalcomponent_get_recurrenceid": (_Time, [_POINTER]),
    "icalcomponent_get_dtstart": (_Time, [_POINTER]),
    "icalcomponent_foreach_recurrence": (None, [_POINTER, _Time, _Time, _Callback, _POINTER]),
    "icalcomponent_free": (None, [_POINTER]),
    "icaltime_from_string": (_Time, [_TEXT]),
    "icaltime_is_null_time": (_INT, [_Time]),
    "icaltime_as_timet_with_zone": (ctypes.c_long, [_Time, _POINTER]),
}


@cache
def library() -> Any:
    """Return the loaded library, or None where it is not installed."""
    name = ctypes.util.find_library("ical")
    if name is None:
        return None
    loaded = ctypes.CDLL(name)
    for function, (result, arguments) in _SIGNATURES.items():
        getattr(loaded, function).restype = result
        getattr(loaded, function).argtypes = arguments
    return loaded


def _events(root: int) -> Iterator[int]:
    child = library().icalcomponent_get_first_component(root, VEVENT)
    while child:
        yield child
        child = library().icalcomponent_get_next_component(root, VEVENT)


def _expanded(component: int, start: datetime, end: datetime) -> Raw:
    found: Raw = []

    def note(_component: int, span: Any, _user: int) -> None:
        found.append((span.contents.start, span.contents.end))

    low = library().icaltime_from_string(f"{start:%Y%m%dT%H%M%SZ}".encode())
    high = library().icaltime_from_string(f"{end:%Y%m%dT%H%M%SZ}".encode())
    library().icalcomponent_foreach_recurrence(component, low, high, _Callback(note), None)
    return found


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
    found = _expanded(component, start, end)
    if _recurrence_id(component) != NO_TIME:
        return found
    return [span for span in found if span[0] not in replaced]


def spans(
    text: str, *, addresses: Sequence[str], zone: str, start: datetime, end: datetime
) -> list[Span]:
    """Return ``(start, end, type)`` of each instance in UTC seconds, free ones too."""
    tzp.use_default()
    parsed = Calendar.from_ical(text).walk("VEVENT")
    meanings = [kind(event, addresses) for event in parsed if isinstance(event, Event)]
    root = library().icalparser_parse_string(text.encode())
    wide = timedelta(days=2)
    try:
        events = list(_events(root))
        replaced = {_recurrence_id(event) for event in events} - {NO_TIME}
        result = []
        for event, meaning in zip(events, meanings, strict=True):
            found = _own_spans(event, replaced, start - wide, end + wide)
            result += [(*span, int(meaning)) for span in _in_utc(event, found, ZoneInfo(zone))]
    finally:
        library().icalcomponent_free(root)
    low, high = to_seconds(start), to_seconds(end)
    return sorted({span for span in result if low < span[1] and span[0] < min(high, span[1])})
