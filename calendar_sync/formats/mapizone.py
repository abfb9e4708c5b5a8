"""Time zones of Outlook's appointments, as VTIMEZONE (MS-OXOCAL 2.2.1.39, 2.2.1.41).

Their rule goes along under the zone's name: the reader takes a known name from its
database and the rule where the name says nothing.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from calendar_sync.formats import calendartext
from freebusy.errors import CalendarDataError

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = struct.Struct("<BBHHH")
_RULE = struct.Struct("<BBHHH14xiii16s16s")
_STRUCT = struct.Struct("<iiiH16sH16s")
_DATE = struct.Struct("<8H")
_MAX_RULES = 1024
_CURRENT, _EFFECTIVE = 0x0001, 0x0002
_MAX_MINUTES = 18 * 60
_WEEKDAYS = ("SU", "MO", "TU", "WE", "TH", "FR", "SA")
_NO_NAME = "Outlook"


class ZoneRule(NamedTuple):
    """When a zone keeps which time, the same in every year."""

    bias: int
    """Minutes from local time to UTC; so are the next two, on top of it."""
    standard_bias: int
    daylight_bias: int
    standard_date: bytes
    """A SYSTEMTIME; month 0 where the zone keeps one time all year."""
    daylight_date: bytes


class OutlookZone(NamedTuple):
    """A zone's name, and the lines that define it."""

    name: str
    lines: list[str]

    def line(self, name: str, value: str) -> str:
        """Return a line with a time on this zone's wall."""
        return f"{name}{calendartext.parameter('TZID', self.name)}:{value}"


def read_definition(data: bytes) -> OutlookZone | None:
    """Read a TimeZoneDefinition (MS-OXOCAL 2.2.1.41); None for what is none."""
    try:
        _, _, _, _, length = _HEADER.unpack_from(data)
        name = data[8 : 8 + 2 * length].decode("utf-16-le", "replace")
        at = 8 + 2 * length
        count = struct.unpack_from("<H", data, at)[0]
        rules = [_RULE.unpack_from(data, at + 2 + 66 * n) for n in range(min(count, _MAX_RULES))]
    except struct.error:
        return None
    # of a definition with a history, the rule that the series is bound to, else the present one
    flagged = [[rule for rule in rules if rule[3] & flag] for flag in (_CURRENT, _EFFECTIVE)]
    chosen = next((found[-1] for found in (*flagged, rules) if found), None)
    return _zone(name, ZoneRule(*chosen[5:])) if chosen else None


def read_struct(data: bytes, description: str) -> OutlookZone | None:
    """Read a TimeZoneStruct (MS-OXOCAL 2.2.1.39), which has no name but a description."""
    try:
        bias, standard, daylight, _, standard_date, _, daylight_date = _STRUCT.unpack_from(data)
    except struct.error:
        return None
    return _zone(description, ZoneRule(bias, standard, daylight, standard_date, daylight_date))


def _zone(name: str, rule: ZoneRule) -> OutlookZone | None:
    name = calendartext.plain(name.replace('"', "").rstrip("\0")) or _NO_NAME
    try:
        return OutlookZone(name, list(_lines(name, rule)))
    except CalendarDataError:
        return None


def _lines(name: str, rule: ZoneRule) -> Iterator[str]:
    standard = -(rule.bias + rule.standard_bias)
    daylight = -(rule.bias + rule.daylight_bias)
    changes = _month(rule.standard_date) and _month(rule.daylight_date)
    yield from ("BEGIN:VTIMEZONE", f"TZID:{name}")
    yield from _part("STANDARD", daylight if changes else standard, standard, rule.standard_date)
    if changes:
        yield from _part("DAYLIGHT", standard, daylight, rule.daylight_date)
    yield "END:VTIMEZONE"


def _month(date: bytes) -> int:
    month: int = _DATE.unpack(date)[1]
    return month


def _part(kind: str, before: int, after: int, date: bytes) -> Iterator[str]:
    year, month, weekday, day, hour, minute, second, _ = _DATE.unpack(date)
    if max(hour - 23, minute - 59, second - 59) > 0:
        raise CalendarDataError("a zone that changes at no time of the day")
    yield f"BEGIN:{kind}"
    yield f"DTSTART:16010101T{hour:02}{minute:02}{second:02}"
    if month and before != after:
        yield f"RRULE:FREQ=YEARLY;BYMONTH={month};{_day(year, weekday, day)}"
    yield f"TZOFFSETFROM:{_offset(before)}"
    yield f"TZOFFSETTO:{_offset(after)}"
    yield f"END:{kind}"


def _day(year: int, weekday: int, day: int) -> str:
    """Return the day of a change: a date where it has a year, else the n-th weekday, 5 the last."""
    if year:
        return f"BYMONTHDAY={day}"
    if not (weekday <= 6 and 1 <= day <= 5):
        raise CalendarDataError("a zone that changes on no day")
    return f"BYDAY={-1 if day == 5 else day}{_WEEKDAYS[weekday]}"


def _offset(minutes: int) -> str:
    if abs(minutes) > _MAX_MINUTES:
        raise CalendarDataError("a zone too far from UTC")
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"
