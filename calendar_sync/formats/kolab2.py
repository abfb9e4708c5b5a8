"""Kolab 2 events in XML (Kolab Storage Format 2.0, chapter "Event").

An event with times is stored in UTC and without a zone; its series is meant on the
clock of its owner, and is handed on as such.  The end of an event without times is its
last day; iCalendar's DTEND is the day after (RFC 5545 §3.6.1).
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from calendar_sync.formats import calendartext, xmldocument
from calendar_sync.formats.part import Format, Part
from freebusy.components import OWNER_WALL_PROPERTY
from freebusy.errors import CalendarDataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calendar_sync.formats.xmldocument import Element

_STAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)
_NUMBER = re.compile(r"[+-]?\d{1,9}", re.ASCII)
STATES = {"free": "FREE", "tentative": "TENTATIVE", "busy": "BUSY", "outofoffice": "OOF"}
ANSWERS = {
    "none": "NEEDS-ACTION",
    "tentative": "TENTATIVE",
    "accepted": "ACCEPTED",
    "declined": "DECLINED",
    "delegated": "DELEGATED",
}
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
CYCLES = {
    "daily": "DAILY",
    "weekly": "WEEKLY",
    "monthly": "MONTHLY",
    "yearly": "YEARLY",
    "hourly": "HOURLY",  # KOrganizer's, as the next
    "minutely": "MINUTELY",
}
KEPT = {f"X-FREEBUSY-{name}": name for name in ("RRULE", "RDATE", "EXDATE")}
"""Keys of ``x-custom`` for a series that the format has no words for."""
_KEPT_VALUE = re.compile(r"[A-Za-z0-9=;,+-]{1,20000}", re.ASCII)
_REFUSED = "FREQ=UNKNOWN"
"""A rule that nobody can read: the reader shows the first instance and counts the event."""


class _Stamp(NamedTuple):
    """A date, or a date and time, as both formats have it."""

    value: str
    """In iCalendar's basic format."""
    day: date | None
    """Where there is no time."""

    def line(self, name: str) -> str:
        return f"{name};VALUE=DATE:{self.value}" if self.day else f"{name}:{self.value}"


def read(part: Part) -> list[bytes]:
    """Return a Kolab 2 event as iCalendar; raises CalendarDataError."""
    document = xmldocument.parse(part)
    if document.root.name != "event":
        raise CalendarDataError("a Kolab event that is none")
    lines = list(_lines(document.root))
    if not document.complete:
        lines.append("STATUS:TENTATIVE")  # what made it free, or over, may be what is missing
    return [calendartext.calendar([calendartext.event(lines)])]


def _lines(event: Element) -> Iterator[str]:
    uid = calendartext.plain(event.value("uid"))
    if uid:
        yield f"UID:{uid}"
    yield from _times(event)
    for recurrence in event.all("recurrence"):
        yield from _series(recurrence)
    for name, value in kept(event):
        yield f"{name}:{value}"
    state = STATES.get(event.value("show-time-as").lower())
    if state:
        yield f"X-MICROSOFT-CDO-BUSYSTATUS:{state}"
    for organizer in event.all("organizer"):
        yield f"ORGANIZER:mailto:{calendartext.plain(organizer.value('smtp-address'))}"
    for attendee in event.all("attendee"):
        yield _attendee(attendee)


def _times(event: Element) -> Iterator[str]:
    start = _stamp(event.value("start-date"))
    if start is None:
        raise CalendarDataError("a Kolab event without a start that can be read")
    yield start.line("DTSTART")
    if not start.day:
        yield f"{OWNER_WALL_PROPERTY}:TRUE"
    text = event.value("end-date")
    end = _stamp(text)
    if end is not None:
        yield _after(end).line("DTEND")
    elif text:
        yield "DTEND:UNREADABLE"  # the reader takes an hour and says so


def _after(end: _Stamp) -> _Stamp:
    """Return the end that is not part of the event: the last day is."""
    if not end.day or end.day == date.max:
        return end
    day = end.day + timedelta(days=1)
    return _Stamp(_basic(day), day)


def _basic(day: date) -> str:
    return f"{day.year:04}{day.month:02}{day.day:02}"


def _stamp(text: str) -> _Stamp | None:
    """Read ``2009-09-02`` or ``2009-09-02T06:00:00Z``; None for anything else."""
    match = _STAMP.fullmatch(text.strip())
    if match is None:
        return None
    numbers = [int(number or 0) for number in match.groups()[:6]]
    try:
        if match[4] is None:
            day = date(*numbers[:3])
            return _Stamp(_basic(day), day)
        moment = datetime(*numbers)  # type: ignore[arg-type]  # noqa: DTZ001 - six numbers, of a zone that is none
        zone = (match[7] or "").upper()
        if len(zone) > 1:
            moment -= _offset(zone)
    except (ValueError, OverflowError):
        return None
    return _Stamp(f"{_basic(moment)}T{moment:%H%M%S}" + ("Z" if zone else ""), None)


def _offset(text: str) -> timedelta:
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return -offset if text[0] == "-" else offset


def _attendee(attendee: Element) -> str:
    address = calendartext.plain(attendee.value("smtp-address"))
    answer = ANSWERS.get(attendee.value("status").lower())
    return f"ATTENDEE{f';PARTSTAT={answer}' if answer else ''}:mailto:{address}"


def _series(recurrence: Element) -> Iterator[str]:
    yield f"RRULE:{rule(recurrence) or _REFUSED}"
    for exclusion in recurrence.all("exclusion"):
        stamp = _stamp(exclusion.text)
        if stamp is not None:
            yield stamp.line("EXDATE")


def kept(event: Element) -> Iterator[tuple[str, str]]:
    """Yield names and values of what says of a series what the format cannot, times in UTC.

    The gateway itself wrote it; a recurrence that another client made since is in force.
    """
    replaced = any(event.all("recurrence"))
    for custom in event.all("x-custom"):
        name = KEPT.get(custom.attributes.get("key", ""))
        value = custom.attributes.get("value", "")
        if name and not (replaced and name == "RRULE") and _KEPT_VALUE.fullmatch(value):
            yield name, value


def rule(recurrence: Element) -> str | None:
    """Return the RECUR value of a recurrence; None where it says nothing certain."""
    cycle = recurrence.attributes.get("cycle", "").strip().lower()
    if cycle not in CYCLES:
        return None
    parts = _days(cycle, recurrence.attributes.get("type", "").strip().lower(), recurrence)
    if parts is None:
        return None
    interval = max(1, _number(recurrence, "interval") or 1)
    parts = [f"FREQ={CYCLES[cycle]}", f"INTERVAL={interval}", *parts, *_range(recurrence)]
    return ";".join(parts)


def _days(cycle: str, kind: str, recurrence: Element) -> list[str] | None:
    """Return the parts of a rule that name days; None where they cannot be told."""
    if cycle == "weekly":
        named = [day.text.lower() for day in recurrence.all("day")]
        days = [day[:2].upper() for day in WEEKDAYS if day in named]
        return [f"BYDAY={','.join(days)}"] if days else []
    if cycle == "monthly":
        return _of_month(kind or _guessed(recurrence), recurrence)
    if cycle == "yearly":
        return _of_year(kind, recurrence)
    return []


def _guessed(recurrence: Element) -> str:
    return "weekday" if any(recurrence.all("day")) else "daynumber"


def _of_month(kind: str, recurrence: Element) -> list[str] | None:
    if kind == "weekday":
        return _weekdays(recurrence)
    number = _number(recurrence, "daynumber")
    return [f"BYMONTHDAY={number}"] if number else []


def _of_year(kind: str, recurrence: Element) -> list[str] | None:
    number, month = _number(recurrence, "daynumber"), _month(recurrence)
    if kind == "yearday":
        return [f"BYYEARDAY={number}"] if number else None
    if kind == "weekday":
        days = _weekdays(recurrence)
        return [f"BYMONTH={month}", *days] if days and month else None
    if kind == "monthday" and month:
        return [f"BYMONTH={month}"] + ([f"BYMONTHDAY={number}"] if number else [])
    return []  # the day of the start


def _weekdays(recurrence: Element) -> list[str] | None:
    """Return ``the third Friday``; the fifth is the last, as Outlook's connectors mean it.

    In a month with five that is the same day, in others it can only show too much.
    """
    named = [day.text.lower() for day in recurrence.all("day")]
    number = _number(recurrence, "daynumber")
    which = "" if number is None else -1 if number >= 5 else number
    days = [f"{which}{day[:2].upper()}" for day in WEEKDAYS if day in named]
    return [f"BYDAY={','.join(days)}"] if days else None


def _month(recurrence: Element) -> int | None:
    text = recurrence.value("month").lower()
    return MONTHS.index(text) + 1 if text in MONTHS else _number(recurrence, "month")


def _number(recurrence: Element, name: str) -> int | None:
    text = recurrence.value(name)
    return int(text) if _NUMBER.fullmatch(text) else None


def _range(recurrence: Element) -> list[str]:
    """Return UNTIL or COUNT; without one that can be read the series has no end."""
    ranges = list(recurrence.all("range"))
    kind = ranges[-1].attributes.get("type", "").strip().lower() if ranges else ""
    if kind == "date":
        last = _stamp(ranges[-1].text)
        return [f"UNTIL={last.value}"] if last else []
    if kind == "number" and _NUMBER.fullmatch(ranges[-1].text):
        times = int(ranges[-1].text)
        return [f"COUNT={times}"] if times > 0 else []
    return []


FORMAT = Format(
    media=frozenset({"application/x-vnd.kolab.event"}),
    endings=(),
    read=read,
)
