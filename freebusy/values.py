"""Date, time, duration and period values as integers (RFC 5545 §3.3.4 to §3.3.9).

A local time is kept as the number of seconds from 1970-01-01T00:00:00 to it *on
the wall*, whatever the zone: two integers compare and subtract as the clock on
the wall does, and a zone's table turns them into UTC seconds.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from freebusy.errors import CalendarDataError

DAY = 86400
UTC_ZONE = "UTC"
FLOATING = ""
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the origin of wall-clock seconds is naive by design
LATEST = (date(9999, 12, 31).toordinal() - _EPOCH_ORDINAL) * DAY
EARLIEST = (1 - _EPOCH_ORDINAL) * DAY
MAX_SECONDS = 400 * 366 * DAY
"""A longer duration than 400 years is a defect of its writer (Cyrus once wrote P2W4294967284D)."""

_DURATION = re.compile(
    r"([+-]?)P(?:(\d{1,9})W)?(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?",
    re.IGNORECASE | re.ASCII,
)
_DIGITS = re.compile(r"[0-9]+", re.ASCII)


class Moment(NamedTuple):
    """A DATE or DATE-TIME value and the zone it is meant in (RFC 5545 §3.3.5)."""

    zone: str
    """A zone key of :mod:`freebusy.zones`; ``UTC``; or :data:`FLOATING`."""
    local: int
    """Seconds on the wall clock of that zone; midnight for a DATE."""
    is_date: bool = False


class Duration(NamedTuple):
    """A duration in nominal days and exact seconds (RFC 5545 §3.3.6)."""

    days: int
    seconds: int


@lru_cache(maxsize=4096)
def _day(digits: str) -> int:
    """Return the seconds of a ``YYYYMMDD`` day's midnight."""
    if not _DIGITS.fullmatch(digits):
        raise CalendarDataError("a date that is not eight digits")
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError as error:
        raise CalendarDataError("a date that no calendar has") from error
    return (day.toordinal() - _EPOCH_ORDINAL) * DAY


@lru_cache(maxsize=4096)
def _time(digits: str) -> int:
    """Return the seconds since midnight of ``HHMMSS`` or, as some write it, ``HHMM``."""
    if not _DIGITS.fullmatch(digits) or len(digits) not in (4, 6):
        raise CalendarDataError("a time that is not six digits")
    hour, minute, second = int(digits[:2]), int(digits[2:4]), int(digits[4:6] or 0)
    if hour > 24 or minute > 59 or second > 60:
        raise CalendarDataError("a time that no clock shows")
    # a leap second is the last of its minute (§3.3.12)
    return hour * 3600 + minute * 60 + min(second, 59)


def seconds_of(day: str, clock: str) -> int:
    """Return the wall-clock seconds of ``YYYYMMDD`` and ``HHMMSS``; raises CalendarDataError."""
    return _day(day) + _time(clock)


def parse_moment(value: str, zone: str = FLOATING) -> Moment:
    """Read a DATE or DATE-TIME in ``zone``; a trailing Z means UTC whatever the zone says.

    Raises CalendarDataError.
    """
    value = value.strip()
    if "-" in value or "T" not in value:
        value = accept_extended_format(value)
    if len(value) == 8:
        return Moment(zone, _day(value), is_date=True)
    if value[8:9] != "T":
        raise CalendarDataError("a date-time without its T")
    clock = value[9:]
    if clock[-1:] in ("Z", "z"):
        zone, clock = UTC_ZONE, clock[:-1]
    return Moment(zone, _day(value[:8]) + _time(clock))


def accept_extended_format(value: str) -> str:
    """Turn ``2026-06-01T09:00:00Z`` and a lower-case ``t`` into the basic format."""
    basic = value.upper()
    if len(basic) > 8 and basic[4:5] == "-":
        basic = basic.replace("-", "").replace(":", "")
    return basic


def parse_duration(value: str) -> Duration:
    """Read a DURATION; weeks and days are nominal, the time part is exact (§3.3.6).

    Raises CalendarDataError, also for what is longer than :data:`MAX_SECONDS`.
    """
    match = _DURATION.fullmatch(value.strip())
    if match is None or not any(match.groups()[1:]):
        raise CalendarDataError("a duration that cannot be read")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    sign = -1 if match[1] == "-" else 1
    nominal, exact = weeks * 7 + days, hours * 3600 + minutes * 60 + seconds
    if nominal * DAY + exact > MAX_SECONDS:
        raise CalendarDataError("a duration of more than 400 years")
    return Duration(sign * nominal, sign * exact)


def to_naive(local: int) -> datetime:
    """Return wall-clock seconds as a naive datetime, for libraries that want one."""
    return _EPOCH + timedelta(seconds=local)


def from_naive(moment: datetime) -> int:
    """Return a naive datetime as wall-clock seconds."""
    return (moment - _EPOCH) // timedelta(seconds=1)


def split_period(value: str) -> tuple[str, str]:
    """Split ``start/end`` or ``start/duration``; raises CalendarDataError (§3.3.9)."""
    start, slash, end = value.strip().partition("/")
    if not slash:
        raise CalendarDataError("a period without a slash")
    return start, end


def is_duration(value: str) -> bool:
    """Whether the second half of a period is a duration."""
    return value.lstrip("+-").upper().startswith("P")
