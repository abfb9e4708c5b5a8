"""Outlook's recurrence, AppointmentRecurrencePattern (MS-OXOCAL 2.2.1.44.5), as RRULE.

All its times are minutes since 1601 on the clock of the appointment's zone.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

from freebusy.errors import CalendarDataError

_EPOCH = datetime(1601, 1, 1)  # noqa: DTZ001 - on the wall of the appointment's zone
_DAY = 1440
"""Minutes."""
_HEAD = struct.Struct("<5H3I")
_END = struct.Struct("<3I")
_PAIR = struct.Struct("<2I")
_TIMES = struct.Struct("<4IH")
_CHANGE = struct.Struct("<3IH")
_U16, _U32 = struct.Struct("<H"), struct.Struct("<I")

_BY_DAY, _BY_WEEK, _BY_MONTH, _BY_MONTH_NTH, _BY_MONTH_END = range(5)
_SPECIFIC = {_BY_DAY: 0, _BY_WEEK: 1, _BY_MONTH: 1, _BY_MONTH_NTH: 2, _BY_MONTH_END: 1}
_HIJRI = {0x0A: 1, 0x0B: 2, 0x0C: 1}
"""How many numbers each type of pattern has of its own (2.2.1.44.1.3 to 2.2.1.44.1.6)."""
_GREGORIAN = frozenset({0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 12})
"""Calendars with the Gregorian months, whatever they call the year (2.2.1.44.1)."""
MAX_INSTANCES = 2_000
"""Deleted ones, and changed ones, of a series; Outlook keeps a few hundred."""
_REFUSED = "RSCALE=OTHER;FREQ=MONTHLY"
"""Of another calendar (RFC 7529): the reader shows the first instance and counts the event."""
_BY_DATE, _BY_COUNT = 0x2021, 0x2022
_NEVER = 0x5AE980DF
_WEEKDAYS = ("SU", "MO", "TU", "WE", "TH", "FR", "SA")
_LAST = 5
_FREQUENCIES = range(0x200A, 0x200E)
_STRINGS, _BUSY_STATUS = 0x0001 | 0x0010, 0x0020
_FLAGS = tuple(1 << bit for bit in range(9))
"""In the order of the fields that they announce (2.2.1.44.2)."""


class Change(NamedTuple):
    """An instance that was changed (ExceptionInfo, MS-OXOCAL 2.2.1.44.2)."""

    start: datetime
    end: datetime
    original: date
    busy_status: int | None
    """Where it is not the series'."""


@dataclass(slots=True)
class Pattern:
    """A series on the wall of its zone."""

    rule: str
    """A RECUR value (RFC 5545 §3.3.10)."""
    start: datetime
    """Of the first instance."""
    minutes: int
    """How long an instance lasts."""
    deleted: list[date] = field(default_factory=list)
    """The days of instances that are gone and did not move elsewhere."""
    changes: list[Change] = field(default_factory=list)
    unread: list[date] = field(default_factory=list)
    """Days of changed instances of which nothing else could be read."""


class _Cursor:
    """Takes numbers off the octets; raises CalendarDataError at their end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, layout: struct.Struct) -> tuple[int, ...]:
        try:
            found = layout.unpack_from(self._data, self._at)
        except struct.error:
            raise CalendarDataError("a recurrence that is cut off") from None
        self._at += layout.size
        return found

    def number(self) -> int:
        return self.take(_U32)[0]

    def dates(self) -> list[int]:
        """Take a counted list of dates; no more than there are octets for."""
        count = self.number()
        if count > MAX_INSTANCES:
            raise CalendarDataError("a recurrence with too many instances of their own")
        return list(self.take(struct.Struct(f"<{count}I")))

    def skip(self, octets: int) -> None:
        self._at += octets


def read_pattern(data: bytes) -> Pattern:
    """Read a recurrence; raises CalendarDataError where its rule cannot be read."""
    cursor = _Cursor(data)
    _, _, frequency, kind, calendar, _, period, _ = cursor.take(_HEAD)
    numbers = _SPECIFIC.get(kind, _HIJRI.get(kind))
    if frequency not in _FREQUENCIES or numbers is None:
        raise CalendarDataError("a recurrence of no known pattern")
    specific = [cursor.number() for _ in range(numbers)]
    end_type, count, first_day = cursor.take(_END)
    deleted, modified = cursor.dates(), cursor.dates()
    start, end = cursor.take(_PAIR)
    _, _, opens, closes, changes = cursor.take(_TIMES)
    if changes > MAX_INSTANCES:
        raise CalendarDataError("a recurrence with too many instances of their own")
    if closes < opens:
        raise CalendarDataError("a recurrence that ends before it starts")
    parts = [*_rule(kind, calendar, period, specific), f"WKST={_WEEKDAYS[first_day % 7]}"]
    pattern = Pattern(
        ";".join(parts + _limit(end_type, count, start, end)),
        _moment(start + opens),
        closes - opens,
    )
    _read_changes(cursor, changes, pattern)
    _sort_out(pattern, deleted, modified)
    return pattern


def _moment(minutes: int) -> datetime:
    try:
        return _EPOCH + timedelta(minutes=minutes)
    except OverflowError:  # 32 bits end in the year 9766, but two of them are added
        raise CalendarDataError("a recurrence beyond the year 9999") from None


def _rule(kind: int, calendar: int, period: int, specific: list[int]) -> list[str]:
    """Return FREQ, INTERVAL and the days."""
    if kind in _HIJRI or (kind > _BY_WEEK and calendar not in _GREGORIAN):
        return [_REFUSED]
    if kind == _BY_DAY:
        if period % _DAY:
            raise CalendarDataError("a recurrence of days that are none")
        return ["FREQ=DAILY", f"INTERVAL={period // _DAY}"]
    if kind == _BY_WEEK:
        return ["FREQ=WEEKLY", f"INTERVAL={period}", f"BYDAY={_days(specific[0])}"]
    # a year is a period of twelve months
    return ["FREQ=MONTHLY", f"INTERVAL={period}", *_day_of_month(kind, specific)]


def _day_of_month(kind: int, specific: list[int]) -> list[str]:
    if kind == _BY_MONTH_NTH:
        mask, nth = specific
        if not 1 <= nth <= _LAST:
            raise CalendarDataError("a recurrence on no day of a month")
        return [f"BYDAY={_days(mask)}", f"BYSETPOS={-1 if nth == _LAST else nth}"]
    day = 31 if kind == _BY_MONTH_END else specific[0]
    if not 1 <= day <= 31:
        raise CalendarDataError("a recurrence on no day of a month")
    if day == 31:
        return ["BYMONTHDAY=-1"]
    if day > 28:  # in a shorter month it is the last day, as Outlook says where one is made
        days = ",".join(map(str, range(28, day + 1)))
        return [f"BYMONTHDAY={days}", "BYSETPOS=-1"]
    return [f"BYMONTHDAY={day}"]


def _days(mask: int) -> str:
    days = [name for bit, name in enumerate(_WEEKDAYS) if mask >> bit & 1]
    if not days:
        raise CalendarDataError("a recurrence on no day of a week")
    return ",".join(days)


def _limit(end_type: int, count: int, start: int, end: int) -> list[str]:
    """Return UNTIL or COUNT; the last day is written also where the number decides."""
    if end_type not in (_BY_DATE, _BY_COUNT):
        return []
    if start <= end < _NEVER:
        return [f"UNTIL={_moment(end):%Y%m%d}"]
    return [f"COUNT={count}"] if end_type == _BY_COUNT and count else []


def _read_changes(cursor: _Cursor, count: int, pattern: Pattern) -> None:
    """Read the changed instances, as many of them as can be."""
    try:
        for _ in range(count):
            start, end, original, flags = cursor.take(_CHANGE)
            status = None
            for flag in _FLAGS:
                if flags & flag & _STRINGS:
                    cursor.take(_U16)  # a length with the NUL that is not there
                    cursor.skip(cursor.take(_U16)[0])
                elif flags & flag:
                    number = cursor.number()
                    status = number if flag == _BUSY_STATUS else status
            moved = _moment(start), _moment(end), _moment(original).date()
            pattern.changes.append(Change(*moved, status))
    except CalendarDataError:
        return


def _sort_out(pattern: Pattern, deleted: list[int], modified: list[int]) -> None:
    """Note which days are gone: the list of the deleted holds those of changed instances too.

    Where not all changes could be read, nobody knows which days went elsewhere: none is gone.
    """
    known = {change.start.date() for change in pattern.changes}
    pattern.unread = [day for day in map(_day, modified) if day not in known]
    if not pattern.unread and len(modified) <= len(pattern.changes):
        originals = {change.original for change in pattern.changes}
        pattern.deleted = [day for day in map(_day, deleted) if day not in originals]


def _day(minutes: int) -> date:
    return _moment(minutes).date()
