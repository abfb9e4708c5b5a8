"""Reader one: libical (Evolution, Cyrus, KDE) through its C interface.

Also its expansion of recurring events, bare, as the peer in measurements of speed;
as the judge of our meaning it is used in ``tests.oracles.libical``.
"""

from __future__ import annotations

import ctypes
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.readers import Busy, NotReadError, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator


class Time(ctypes.Structure):
    """``struct icaltimetype`` of libical 3."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("year", "month", "day", "hour", "minute", "second")),
        ("is_date", ctypes.c_int),
        ("is_daylight", ctypes.c_int),
        ("zone", ctypes.c_void_p),
    )


class _Duration(ctypes.Structure):
    """``struct icaldurationtype``."""

    _fields_ = (
        ("is_neg", ctypes.c_int),
        *((name, ctypes.c_uint) for name in ("days", "weeks", "hours", "minutes", "seconds")),
    )


class _Period(ctypes.Structure):
    """``struct icalperiodtype``."""

    _fields_ = (("start", Time), ("end", Time), ("duration", _Duration))


class _Span(ctypes.Structure):
    """``struct icaltime_span``."""

    _fields_ = (("start", ctypes.c_long), ("end", ctypes.c_long), ("is_busy", ctypes.c_int))


_Callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(_Span), ctypes.c_void_p)
_POINTER, _TEXT, _INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "icalparser_parse_string": (_POINTER, [_TEXT]),
    "icalcomponent_free": (None, [_POINTER]),
    "icalcomponent_isa": (_INT, [_POINTER]),
    "icalcomponent_string_to_kind": (_INT, [_TEXT]),
    "icalcomponent_get_first_component": (_POINTER, [_POINTER, _INT]),
    "icalcomponent_get_next_component": (_POINTER, [_POINTER, _INT]),
    "icalcomponent_get_first_property": (_POINTER, [_POINTER, _INT]),
    "icalcomponent_get_next_property": (_POINTER, [_POINTER, _INT]),
    "icalcomponent_count_errors": (_INT, [_POINTER]),
    "icalcomponent_get_dtstart": (Time, [_POINTER]),
    "icalcomponent_get_dtend": (Time, [_POINTER]),
    "icalcomponent_get_recurrenceid": (Time, [_POINTER]),
    "icalcomponent_foreach_recurrence": (None, [_POINTER, Time, Time, _Callback, _POINTER]),
    "icalproperty_string_to_kind": (_INT, [_TEXT]),
    "icalproperty_get_freebusy": (_Period, [_POINTER]),
    "icalproperty_get_parameter_as_string": (_TEXT, [_POINTER, _TEXT]),
    "icaltime_add": (Time, [Time, _Duration]),
    "icaltime_from_string": (Time, [_TEXT]),
    "icaltime_is_null_time": (_INT, [Time]),
    "icaltime_as_timet_with_zone": (ctypes.c_long, [Time, _POINTER]),
}


@cache
def library() -> Any:
    """Return the loaded library, or None where it is not installed."""
    try:
        loaded = ctypes.CDLL("libical.so.3")  # the structures above are those of version 3
    except OSError:
        return None
    for function, (result, arguments) in _SIGNATURES.items():
        getattr(loaded, function).restype = result
        getattr(loaded, function).argtypes = arguments
    return loaded


def available() -> str | None:
    """Return why the reader cannot be used, or None."""
    return None if library() else "libical is not installed (Debian: libical3)"


@contextmanager
def parsed(text: bytes) -> Iterator[int]:
    """Give the root component of a text; NotReadError where libical cannot parse it."""
    root = library().icalparser_parse_string(text)
    if not root:
        raise NotReadError("libical cannot parse it")
    try:
        yield root
    finally:
        library().icalcomponent_free(root)


def components(root: int, name: bytes) -> Iterator[int]:
    """Yield the components of a kind: the root itself, or those directly in it."""
    ical = library()
    kind = ical.icalcomponent_string_to_kind(name)
    if ical.icalcomponent_isa(root) == kind:
        yield root
    found = ical.icalcomponent_get_first_component(root, kind)
    while found:
        yield found
        found = ical.icalcomponent_get_next_component(root, kind)


def _properties(component: int, name: bytes) -> Iterator[int]:
    ical = library()
    kind = ical.icalproperty_string_to_kind(name)
    found = ical.icalcomponent_get_first_property(component, kind)
    while found:
        yield found
        found = ical.icalcomponent_get_next_property(component, kind)


def _utc(moment: Time) -> str:
    seconds = library().icaltime_as_timet_with_zone(moment, moment.zone)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y%m%dT%H%M%SZ}"


def _busy(found: int) -> Busy:
    ical = library()
    period = ical.icalproperty_get_freebusy(found)
    open_ended = ical.icaltime_is_null_time(period.end)
    end = ical.icaltime_add(period.start, period.duration) if open_ended else period.end
    kind = ical.icalproperty_get_parameter_as_string(found, b"FBTYPE") or b"BUSY"
    return kind.decode(), _utc(period.start), _utc(end)


def read(text: bytes) -> Reading:
    """Return the busy periods of a .vfb; NotReadError where libical finds fault with it."""
    with parsed(text) as root:
        errors = library().icalcomponent_count_errors(root)
        if errors:
            raise NotReadError(f"libical finds {errors} errors")
        for each in components(root, b"VFREEBUSY"):
            busy = [_busy(found) for found in _properties(each, b"FREEBUSY")]
            start, end = (
                library().icalcomponent_get_dtstart(each),
                library().icalcomponent_get_dtend(each),
            )
            return Reading(sorted(busy, key=lambda b: b[1:]), (_utc(start), _utc(end)))
    raise NotReadError("libical finds no VFREEBUSY")


def instances(component: int, start: datetime, end: datetime) -> list[tuple[int, int]]:
    """Return start and end in UTC seconds of one component's instances in a window."""
    found: list[tuple[int, int]] = []

    def note(_component: int, span: Any, _user: int) -> None:
        found.append((span.contents.start, span.contents.end))

    ical = library()
    low, high = (ical.icaltime_from_string(f"{t:%Y%m%dT%H%M%SZ}".encode()) for t in (start, end))
    ical.icalcomponent_foreach_recurrence(component, low, high, _Callback(note), None)
    return found


def expand(text: bytes, start: datetime, end: datetime) -> list[tuple[int, int]]:
    """Return start and end in UTC seconds of each VEVENT's instances in a window.

    ``icalcomponent_foreach_recurrence`` and nothing else: no override replaces its
    instance, days and floating times are those of UTC.
    """
    with parsed(text) as root:
        events = list(components(root, b"VEVENT"))
        return [span for event in events for span in instances(event, start, end)]
