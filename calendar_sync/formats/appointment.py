"""Outlook's appointments (MS-OXOCAL): MAPI properties to iCalendar."""

from __future__ import annotations

import re
import struct
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from calendar_sync.formats import calendartext
from calendar_sync.formats.mapi import APPOINTMENT, COMMON, MEETING
from calendar_sync.formats.mapizone import read_definition, read_struct
from calendar_sync.formats.pattern import read_pattern
from freebusy.errors import CalendarDataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from calendar_sync.formats.mapi import Key, Properties
    from calendar_sync.formats.mapizone import OutlookZone
    from calendar_sync.formats.pattern import Change, Pattern

_BUSY_STATUS = (APPOINTMENT, 0x8205)
_STARTS = ((APPOINTMENT, 0x820D), (COMMON, 0x8516), (b"", 0x0060))
_ENDS = ((APPOINTMENT, 0x820E), (COMMON, 0x8517), (b"", 0x0061))
_DURATION = (APPOINTMENT, 0x8213)
_ALL_DAY = (APPOINTMENT, 0x8215)
_PATTERN = (APPOINTMENT, 0x8216)
_STATE_FLAGS = (APPOINTMENT, 0x8217)
_RESPONSE = (APPOINTMENT, 0x8218)
_RECURRING = (APPOINTMENT, 0x8223)
_SEQUENCE = (APPOINTMENT, 0x8201)
_ZONE_STRUCT = (APPOINTMENT, 0x8233)
_ZONE_DESCRIPTION = (APPOINTMENT, 0x8234)
_ZONES: tuple[Key, ...] = ((APPOINTMENT, 0x8260), (APPOINTMENT, 0x825E), (APPOINTMENT, 0x825F))
_GLOBAL_ID, _CLEAN_GLOBAL_ID = (MEETING, 0x0003), (MEETING, 0x0023)

_CANCELLED, _DECLINED = 4, 4
_BUSY_STATES = range(5)
_APPOINTMENT_CLASS = re.compile(r"ipm\.appointment(\.|\Z)")
_REQUEST = re.compile(r"ipm\.(schedule\.meeting\.request|microsoft schedule\.mtgreq)(\.|\Z)")
_CANCELLATION = re.compile(r"ipm\.(schedule\.meeting\.cancell?ed|microsoft schedule\.mtgcncl)")
_ID_HEAD = bytes.fromhex("040000008200E00074C5B7101A82E008")
_ID_DATE = struct.Struct(">HBB")
_FOREIGN_UID = b"vCal-Uid\x01\x00\x00\x00"
_MAX_DAYS = 400 * 366


class _Identity(NamedTuple):
    """What a global object ID says (MS-OXOCAL 2.2.1.27)."""

    uid: str
    instance: str
    """The day of the one instance that the item is about, as iCalendar writes it."""


def is_appointment(kind: str, properties: Properties) -> bool:
    """Whether a message of this class is busy time: an appointment, or a meeting's invitation."""
    if kind:
        return any(known.match(kind) for known in (_APPOINTMENT_CLASS, _REQUEST, _CANCELLATION))
    return all(key[0] in properties.values for key in (_STARTS, _ENDS))


def to_calendar(kind: str, properties: Properties) -> bytes:
    """Return an appointment as iCalendar; raises CalendarDataError where it has no times."""
    identity = _identity(properties)
    common = [f"UID:{identity.uid}"] if identity.uid else []
    common += _common(kind, properties)
    pattern = _pattern(properties)
    if pattern is not None:
        return calendartext.calendar(_series(pattern, properties, common, identity.uid))
    lines = [*_single(properties), *common]
    if identity.instance:
        lines.append(f"RECURRENCE-ID;VALUE=DATE:{identity.instance}")
    return calendartext.calendar([calendartext.event(lines)])


def _common(kind: str, properties: Properties) -> Iterator[str]:
    """Yield what a series and its changed instances have in common."""
    yield f"SEQUENCE:{max(0, properties.integer(_SEQUENCE) or 0)}"
    if (properties.integer(_STATE_FLAGS) or 0) & _CANCELLED or _CANCELLATION.match(kind):
        yield "STATUS:CANCELLED"
    elif not properties.complete:
        yield "STATUS:TENTATIVE"  # what made it free may be what is missing
    status = properties.integer(_BUSY_STATUS)
    if properties.integer(_RESPONSE) == _DECLINED:
        yield "X-MICROSOFT-CDO-BUSYSTATUS:FREE"  # by whom the calendar belongs to
    elif status in _BUSY_STATES:
        yield f"X-MICROSOFT-CDO-BUSYSTATUS:{status}"


def _pattern(properties: Properties) -> Pattern | None:
    """Return the recurrence; None where there is none, or it cannot be read."""
    if not _recurs(properties):
        return None
    try:
        return read_pattern(properties.binary(_PATTERN))
    except CalendarDataError:
        return None


def _recurs(properties: Properties) -> bool:
    """Whether an appointment is a series: as it says, else by whether it has a recurrence."""
    said = properties.integer(_RECURRING)
    return bool(properties.binary(_PATTERN)) if said is None else bool(said)


def _single(properties: Properties) -> Iterator[str]:
    """Yield the times of the one instance, which are in UTC."""
    start, end = properties.time(*_STARTS), properties.time(*_ENDS)
    if start is None:
        raise CalendarDataError("an appointment without its times")
    yield f"DTSTART:{_wall(start)}Z"
    minutes = properties.integer(_DURATION)
    if end is not None:
        yield f"DTEND:{_wall(end)}Z"
    elif minutes is not None and minutes > 0:
        yield f"DURATION:PT{minutes}M"
    else:
        yield "DTEND:MISSING"  # the reader takes an hour and says so
    if properties.integer(_ALL_DAY):
        yield "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE"
    if _recurs(properties):  # by a rule that could not be read: refused and counted
        yield "RRULE:FREQ=UNKNOWN"


def _series(
    pattern: Pattern, properties: Properties, common: list[str], uid: str
) -> Iterator[list[str]]:
    """Yield the components of a series: its zone, itself, and its changed instances."""
    zone = _zone(properties)
    if zone is not None:
        yield zone.lines
    lines = [_line("DTSTART", pattern.start, zone), _length(pattern, properties)]
    lines.append(f"RRULE:{pattern.rule}")
    if pattern.deleted:
        lines.append(f"EXDATE;VALUE=DATE:{','.join(map(_digits, pattern.deleted))}")
    for day in pattern.unread:
        moved = pattern.start.replace(year=day.year, month=day.month, day=day.day)
        lines.append(_line("RDATE", moved, zone))
    yield calendartext.event(lines + common)
    if uid:  # which instance of which series, nobody could say without
        for change in pattern.changes:
            yield calendartext.event([*_changed(change, zone), *common, *_state(change)])


def _changed(change: Change, zone: OutlookZone | None) -> Iterator[str]:
    # the day names the instance: Outlook's series have one a day at most
    yield f"RECURRENCE-ID;VALUE=DATE:{_digits(change.original)}"
    yield _line("DTSTART", change.start, zone)
    yield _line("DTEND", change.end, zone)


def _state(change: Change) -> Iterator[str]:
    if change.busy_status in _BUSY_STATES:
        yield f"X-MICROSOFT-CDO-BUSYSTATUS:{change.busy_status}"


def _length(pattern: Pattern, properties: Properties) -> str:
    """Return DURATION: of whole days nominal ones, which are shorter or longer at times."""
    days, rest = divmod(pattern.minutes, 1440)
    if properties.integer(_ALL_DAY) and not rest and days <= _MAX_DAYS:
        return f"DURATION:P{days}D"
    return f"DURATION:PT{pattern.minutes}M"


def _zone(properties: Properties) -> OutlookZone | None:
    """Return the zone of a series; None for the owner's."""
    for key in _ZONES:
        zone = read_definition(properties.binary(key))
        if zone is not None:
            return zone
    return read_struct(properties.binary(_ZONE_STRUCT), properties.text(_ZONE_DESCRIPTION))


def _line(name: str, moment: datetime, zone: OutlookZone | None) -> str:
    return f"{name}:{_wall(moment)}" if zone is None else zone.line(name, _wall(moment))


def _wall(moment: datetime) -> str:
    return f"{_digits(moment)}T{moment:%H%M%S}"


def _digits(day: date) -> str:
    return f"{day.year:04}{day.month:02}{day.day:02}"


def _instance(octets: bytes) -> str:
    """Return the date in a global object ID; empty where it is none, as for a whole series."""
    try:
        return _digits(date(*_ID_DATE.unpack(octets)))
    except (ValueError, struct.error):
        return ""


def _identity(properties: Properties) -> _Identity:
    """Return the UID that the same meeting has in iCalendar, and which instance it is about.

    MS-OXCICAL 2.1.3.1.1.20.26: the ID in hexadecimal without its date, or the UID that is
    written inside.
    """
    whole = properties.binary(_GLOBAL_ID) or properties.binary(_CLEAN_GLOBAL_ID)
    clean = properties.binary(_CLEAN_GLOBAL_ID) or whole
    if clean[:16] != _ID_HEAD:
        return _Identity(clean[:512].hex().upper(), "")
    instance = _instance(whole[16:20])
    if clean[40:52] == _FOREIGN_UID:
        return _Identity(calendartext.plain(clean[52:564].decode("utf-8", "replace")), instance)
    clean = clean[:16] + bytes(4) + clean[20:512]
    return _Identity(clean.hex().upper(), instance)
