"""TNEF, read: Outlook's appointments with their text (MS-OXCICAL, MS-OXOCAL).

Their times are those that free/busy reads; here they are put the way that other clients
know: an instance by its time, whole days as dates, the last instance in UTC.
"""

from __future__ import annotations

import codecs
from datetime import UTC
from typing import TYPE_CHECKING

from calendar_sync.dialects import instances, objects, values, zonetext
from calendar_sync.dialects.clocks import Clocks, on_wall
from calendar_sync.dialects.objects import Component
from calendar_sync.formats import appointment, tnef
from calendar_sync.formats.mapi import APPOINTMENT, COMMON, STRING, UNICODE
from freebusy.errors import CalendarDataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from calendar_sync.dialects.messages import Context
    from calendar_sync.dialects.objects import Line
    from calendar_sync.dialects.values import Stamp
    from calendar_sync.formats.mapi import Key, Properties
    from calendar_sync.formats.part import Part
    from freebusy.contentline import ContentLine

_LONGEST = 256 << 10
"""Octets of a text; the body of a meeting with its agenda has a few thousand."""
_TEXTS: tuple[tuple[str, tuple[Key, ...]], ...] = (
    ("SUMMARY", ((b"", 0x0037), (b"", 0x0E1D))),
    ("DESCRIPTION", ((b"", 0x1000),)),
    ("LOCATION", ((APPOINTMENT, 0x8208),)),
)
_SENSITIVITY, _IMPORTANCE = (b"", 0x0036), (b"", 0x0017)
_CLASSES = {1: "PRIVATE", 2: "PRIVATE", 3: "CONFIDENTIAL"}
_PRIORITIES = {0: "9", 2: "1"}
_CREATED, _CHANGED = (b"", 0x3007), (b"", 0x3008)
_REMINDER_SET, _REMINDER = (COMMON, 0x8503), (COMMON, 0x8501)
_CODE_PAGE = (b"", 0x3FFD)
_NAME = (b"", 0x0042)
_ADDRESSES: tuple[Key, ...] = ((b"", 0x5D02), (b"", 0x0065))
_STATES = ("FREE", "TENTATIVE", "BUSY", "OOF", "WORKINGELSEWHERE")
_BUSY_STATE = "X-MICROSOFT-CDO-BUSYSTATUS"
_ALL_DAY = "X-MICROSOFT-CDO-ALLDAYEVENT"
_MOST_MINUTES = 60 * 24 * 366


def read(part: Part, context: Context) -> list[Component]:
    """Return the appointments in a part; raises CalendarDataError."""
    found = tnef.read_with(part, _with_texts)
    return [_proper(objects.tree(each, strict=False), context.zone) for each in found]


def _with_texts(kind: str, properties: Properties) -> bytes:
    """Return an appointment's times, and what else it says, as iCalendar."""
    calendar = objects.tree(appointment.to_calendar(kind, properties), strict=False)
    calendar.add("PRODID", "-//Free Busy Gateway//TNEF//EN")
    for event in calendar.parts:
        if event.name == "VEVENT":
            event.lines += _described(properties)
            event.parts += _alarms(properties, event.value("SUMMARY"))
    objects.accept_no_uid(calendar)
    return objects.text(calendar).encode("utf-8", "replace")


def _described(properties: Properties) -> Iterator[Line]:
    for name, keys in _TEXTS:
        text = next(filter(None, (_text(properties, key) for key in keys)), "")
        if text:
            yield objects.line(name, values.escaped(text))
    secret = _CLASSES.get(properties.integer(_SENSITIVITY) or 0)
    if secret:
        yield objects.line("CLASS", secret)
    priority = _PRIORITIES.get(properties.integer(_IMPORTANCE) or 1)
    if priority:
        yield objects.line("PRIORITY", priority)
    yield from _organizer(properties)
    yield from _stamps(properties)


def _text(properties: Properties, key: Key) -> str:
    """Return a whole string, in the code page of its message."""
    value = properties.values.get(key)
    if value is None:
        return ""
    content = bytes(value.content[:_LONGEST])
    if value.type == UNICODE:
        return content.decode("utf-16-le", "replace").rstrip("\0")
    if value.type != STRING:
        return ""
    return content.decode(_code_page(properties), "replace").rstrip("\0")


def _code_page(properties: Properties) -> str:
    number = properties.integer(_CODE_PAGE) or 1252
    try:
        return codecs.lookup(f"cp{number}").name
    except LookupError:
        return "cp1252"


def _organizer(properties: Properties) -> Iterator[Line]:
    addresses = (_text(properties, key).strip() for key in _ADDRESSES)
    address = next((each for each in addresses if "@" in each), "")
    if address:
        name = values.to_carets(_text(properties, _NAME))
        yield objects.line("ORGANIZER", f"mailto:{address}", {"CN": name} if name else {})


def _stamps(properties: Properties) -> Iterator[Line]:
    created, changed = properties.time(_CREATED), properties.time(_CHANGED)
    if created:
        yield objects.line("CREATED", _utc(created))
    if changed:
        yield objects.line("LAST-MODIFIED", _utc(changed))
    stamp = changed or created
    yield objects.line("DTSTAMP", _utc(stamp) if stamp else _NEVER)


_NEVER = "19700101T000000Z"
"""For DTSTAMP, which must be there, of an appointment that says nowhere when it was made."""


def _utc(at: datetime) -> str:
    return values.Stamp(at.astimezone(UTC).replace(tzinfo=None), is_utc=True).basic


def _alarms(properties: Properties, summary: str) -> Iterator[Component]:
    minutes = properties.integer(_REMINDER)
    if properties.integer(_REMINDER_SET) and minutes is not None and 0 <= minutes < _MOST_MINUTES:
        alarm = Component("VALARM")
        alarm.add("ACTION", "DISPLAY")
        alarm.add("DESCRIPTION", summary or "Alarm")
        alarm.add("TRIGGER", values.Duration(0, -60 * minutes).written)
        yield alarm


# -- times as other clients know them


def _proper(calendar: Component, zone: str) -> Component:
    """Put the times of an appointment the way that iCalendar wants them."""
    clocks = Clocks(calendar, zone)
    events = [part for part in calendar.parts if part.name == "VEVENT"]
    for event in events:
        if event.value("RRULE") == "FREQ=UNKNOWN":
            raise CalendarDataError("an appointment with a recurrence that cannot be read")
        event.lines = [line for line in event.lines if line.rest != ":MISSING"]
    is_all_day = any(event.value(_ALL_DAY).upper() == "TRUE" for event in events)
    whole = [event for event in events if not event.value("RECURRENCE-ID")]
    for event in events:
        start = (whole or [event])[0].first("DTSTART")
        if start is not None:
            _put_all(event, start, clocks, is_all_day=is_all_day)
    zonetext.define(calendar)
    return calendar


def _put_all(event: Component, start: ContentLine, clocks: Clocks, *, is_all_day: bool) -> None:
    """Put the lines of an event whose series starts at ``start``."""
    day = _day(start, clocks) if is_all_day else None
    start = day.parsed if day else start
    event.lines = [each for line in event.lines for each in _put(line, start, clocks)]


def _put(line: Line, start: ContentLine, clocks: Clocks) -> Iterator[Line]:
    """Yield what stands for a line."""
    found = line.parsed
    is_day = found.parameters.get("VALUE") == "DATE"
    if found.name in ("RECURRENCE-ID", "EXDATE") and is_day:
        yield _by_time(found, start)
    elif found.name == "RRULE":
        yield objects.line("RRULE", _rule(found.value, start, clocks))
    elif found.name == _BUSY_STATE:
        yield from _shown(found.value)
    elif found.name in ("DTSTART", "DTEND", "RDATE") and start.parameters.get("VALUE") == "DATE":
        yield _day(found, clocks) or line
    else:
        yield line


def _by_time(found: ContentLine, start: ContentLine) -> Line:
    """Return instances that are named by their days by their times."""
    first = values.stamp(start.value)
    days = [values.stamp(each) for each in found.value.split(",")]
    times = [instances.on_day(day, first).basic for day in days]
    return objects.line(found.name, ",".join(times), start.parameters)


def _rule(rule: str, start: ContentLine, clocks: Clocks) -> str:
    first = values.stamp(start.value)
    key = clocks.key(start.parameters.get("TZID", ""), first)
    parts = (part.partition("=") for part in rule.split(";"))
    return ";".join(
        f"UNTIL={instances.last(values.stamp(content), first, key).basic}"
        if name == "UNTIL"
        else f"{name}={content}"
        for name, _, content in parts
    )


def _shown(state: str) -> Iterator[Line]:
    """Yield a state by its name, and TRANSP, which is what other clients ask."""
    name = _STATES[int(state)] if state in ("0", "1", "2", "3", "4") else state
    yield objects.line(_BUSY_STATE, name)
    if name in ("FREE", "WORKINGELSEWHERE"):
        yield objects.line("TRANSP", "TRANSPARENT")


def _day(found: ContentLine, clocks: Clocks) -> Line | None:
    """Return a midnight on the owner's clock as a date; None for any other time."""
    at: Stamp = values.stamp(found.value)
    wall = on_wall(at, clocks.owner) if at.is_utc else at
    if wall.wall.hour or wall.wall.minute or wall.wall.second:
        return None
    return objects.line(found.name, values.basic_day(wall.wall), {"VALUE": "DATE"})
