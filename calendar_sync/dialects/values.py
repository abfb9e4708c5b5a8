"""Values of iCalendar and of the XML formats: text, times, durations (RFC 5545 §3.3).

A time of the XML formats is ``2026-06-02T10:00:00Z``, iCalendar's is ``20260602T100000Z``.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import NamedTuple

from freebusy.errors import CalendarDataError

_ESCAPED = re.compile(r"\\([nN,;\\])")
_TO_ESCAPE = re.compile(r"[\\,;\n]")
_VALUE = re.compile(r"((?:[^\\,]|\\.|\\\Z)*+)(,?)", re.DOTALL)
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff]")
_BASIC = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z)?)?", re.ASCII | re.IGNORECASE)
_EXTENDED = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)"
    r"(?:[T ](\d\d):?(\d\d)(?::?(\d\d)(?:\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)
_DURATION = re.compile(
    r"([+-]?)P(?:(\d{1,5})W)?(?:(\d{1,6})D)?"
    r"(?:T(?:(\d{1,7})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?",
    re.ASCII | re.IGNORECASE,
)
_CARETS = {"n": "\n", "'": '"', "^": "^"}


class Stamp(NamedTuple):
    """A date, or a date and time: on UTC's clock, or on one that the context names."""

    wall: datetime
    is_day: bool = False
    is_utc: bool = False

    @property
    def basic(self) -> str:
        """As iCalendar writes it."""
        day = basic_day(self.wall)
        return day if self.is_day else f"{day}T{self.wall:%H%M%S}" + "Z" * self.is_utc

    @property
    def extended(self) -> str:
        """As the XML formats write it."""
        day = f"{self.wall.year:04}-{self.wall:%m-%d}"
        return day if self.is_day else f"{day}T{self.wall:%H:%M:%S}" + "Z" * self.is_utc

    def plus(self, further: timedelta) -> Stamp:
        """Return a later one; raises CalendarDataError beyond the year 9999."""
        try:
            return self._replace(wall=self.wall + further)
        except OverflowError:
            raise CalendarDataError("a time beyond all calendars") from None


def basic_day(day: date) -> str:
    """Return ``20260602``."""
    return f"{day.year:04}{day.month:02}{day.day:02}"


def stamp(value: str) -> Stamp:
    """Read a time of iCalendar's or of the XML formats; raises CalendarDataError.

    A time with an offset becomes one in UTC.
    """
    match = _BASIC.fullmatch(value) or _EXTENDED.fullmatch(value.strip())
    if match is None:
        raise CalendarDataError("a time that cannot be read")
    numbers = [int(number or 0) for number in match.groups()[:6]]
    zone = (match[7] or "").upper()
    numbers[5] = min(numbers[5], 59)  # a leap second (RFC 5545 §3.3.12)
    try:
        wall = datetime(*numbers)  # type: ignore[arg-type]  # noqa: DTZ001 - six numbers, of a zone that the context names
        if len(zone) > 1:
            wall -= _offset(zone)
    except (ValueError, OverflowError):
        raise CalendarDataError("a time that is none") from None
    return Stamp(wall, is_day=match[4] is None, is_utc=bool(zone))


def _offset(zone: str) -> timedelta:
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return -offset if zone[0] == "-" else offset


class Duration(NamedTuple):
    """A duration: days of the calendar, and exact seconds (RFC 5545 §3.3.6)."""

    days: int
    seconds: int

    @property
    def written(self) -> str:
        """In the one canonical form."""
        sign = "-" if self.days < 0 or self.seconds < 0 else ""
        days, (minutes, seconds) = abs(self.days), divmod(abs(self.seconds), 60)
        hours, minutes = divmod(minutes, 60)
        time = "".join(
            f"{number}{unit}"
            for number, unit in ((hours, "H"), (minutes, "M"), (seconds, "S"))
            if number
        )
        return (
            f"{sign}P"
            + (f"{days}D" if days else "")
            + (f"T{time or '0S'}" if time or not days else "")
        )


def duration(value: str) -> Duration:
    """Read a duration; raises CalendarDataError."""
    match = _DURATION.fullmatch(value.strip())
    if match is None or not any(match.groups()[1:]):
        raise CalendarDataError("a duration that cannot be read")
    weeks, days, hours, minutes, seconds = (int(number or 0) for number in match.groups()[1:])
    sign = -1 if match[1] == "-" else 1
    return Duration(sign * (7 * weeks + days), sign * (3600 * hours + 60 * minutes + seconds))


def unescaped(value: str) -> str:
    """Return the text that a TEXT value stands for (RFC 5545 §3.3.11)."""
    if "\\" not in value:
        return value
    return _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], value)


def escaped(value: str) -> str:
    """Return a TEXT value; control characters, which it cannot hold, become spaces."""
    value = printable(value)
    return _TO_ESCAPE.sub(lambda match: "\\n" if match[0] == "\n" else f"\\{match[0]}", value)


def printable(value: str) -> str:
    """Return text with LF as line ends and spaces for what XML and iCalendar cannot hold."""
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    return _UNPRINTABLE.sub(" ", value)


def listed(value: str) -> list[str]:
    """Return the values of a list, as they are written: a comma that is escaped ends none."""
    if "\\" not in value:
        return value.split(",")
    found = []
    for match in _VALUE.finditer(value):
        found.append(match[1])
        if not match[2]:
            break
    return found


def from_carets(value: str) -> str:
    """Return what a parameter's value stands for (RFC 6868 §3.2)."""
    if "^" not in value:
        return value
    return re.sub(r"\^([n'^])", lambda match: _CARETS[match[1]], value)


def to_carets(value: str) -> str:
    """Return a parameter's value as iCalendar can hold it (RFC 6868 §3.1)."""
    value = printable(value)
    return value.replace("^", "^^").replace("\n", "^n").replace('"', "^'")
