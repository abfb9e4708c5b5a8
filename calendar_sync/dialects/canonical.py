"""When two texts say the same, and which of two versions is the newer one.

What a server or a client changes by itself does not count: order, folding, spelling of
names, defaults that are written out or not, and who wrote it when (PRODID, DTSTAMP,
LAST-MODIFIED, CREATED).  So a text that went through a server is equal to what was handed in.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from calendar_sync.dialects import instances, objects, values
from calendar_sync.dialects.clocks import Clocks
from freebusy.errors import CalendarDataError
from freebusy.values import UTC_ZONE
from freebusy.zonenames import is_fixed, known_zone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calendar_sync.dialects.objects import CalendarObject, Component
    from freebusy.contentline import ContentLine

_UNSAID = frozenset({"PRODID", "VERSION", "METHOD", "DTSTAMP", "LAST-MODIFIED", "CREATED"})
"""Properties that do not count."""
_OF_THE_FOLDER = ("X-WR-", "NAME:", "COLOR:", "REFRESH-INTERVAL", "SOURCE", "URL:")
"""Properties of a VCALENDAR that exporters write into each object (RFC 7986 §5)."""
_DEFAULTS = {
    "CALSCALE": "GREGORIAN",
    "CLASS": "PUBLIC",
    "PRIORITY": "0",
    "SEQUENCE": "0",
    "TRANSP": "OPAQUE",
}
_WORDS = frozenset({*_DEFAULTS, "STATUS", "ACTION", "CALSCALE"})
_LISTS = frozenset({"CATEGORIES", "RESOURCES", "EXDATE", "RDATE", "FREEBUSY"})
_TEXTS = frozenset(
    {"SUMMARY", "DESCRIPTION", "LOCATION", "COMMENT", "CONTACT", "CATEGORIES", "RESOURCES"}
)
_ADDRESSES = frozenset({"ATTENDEE", "ORGANIZER"})
_TIMES = frozenset({"DTSTART", "DTEND", "DUE", "RECURRENCE-ID", "EXDATE", "RDATE", "COMPLETED"})
_DURATIONS = frozenset({"DURATION", "TRIGGER"})
_WORD_PARAMETERS = frozenset(
    {"VALUE", "PARTSTAT", "ROLE", "CUTYPE", "RSVP", "RELATED", "RANGE", "RELTYPE", "ENCODING"}
)
_DEFAULT_PARAMETERS = {
    "ROLE": "REQ-PARTICIPANT",
    "CUTYPE": "INDIVIDUAL",
    "RSVP": "FALSE",
    "RELATED": "START",
    "RELTYPE": "PARENT",
}
_DEFAULT_TYPES = frozenset(
    {"DATE-TIME", "TEXT", "CAL-ADDRESS", "RECUR", "DURATION", "INTEGER", "URI"}
)
"""VALUE that says what the value shows by itself, or what nobody else would take it for."""
_EPOCH = datetime(1, 1, 1)  # noqa: DTZ001 - only compared with others in UTC


def normal(calendar: str) -> str:
    """Return the form in which two texts of the same object are equal.

    Raises CalendarDataError as :func:`calendar_sync.dialects.objects.parse`.
    """
    thing = objects.parse(calendar)
    return "\n".join(_normal(thing.calendar, Clocks(thing.calendar, UTC_ZONE)))


def _normal(component: Component, clocks: Clocks) -> list[str]:
    """Return a component's lines, sorted, and its parts', sorted."""
    settled = instances.settled([line.parsed for line in component.lines], clocks)
    lines = sorted({each for line in settled for each in _properties(line)})
    if component.name == "VCALENDAR":
        lines = [each for each in lines if not each.startswith(_OF_THE_FOLDER)]
    parts = sorted(_normal(part, clocks) for part in component.parts if not is_known_zone(part))
    inner = [each for part in parts for each in part]
    return [f"BEGIN:{component.name}", *lines, *inner, f"END:{component.name}"]


def zone_name(tzid: str) -> str | None:
    """Return the database's name of what a TZID says; None where it says nothing known."""
    return known_zone(tzid) if (tzid and not is_fixed(tzid)) or tzid == UTC_ZONE else None


def is_known_zone(component: Component) -> bool:
    """Whether a VTIMEZONE defines what everybody knows by its name."""
    if component.name != "VTIMEZONE":
        return False
    name = component.value("TZID")
    return known_zone(name) is not None and not is_fixed(name)


def _properties(line: ContentLine) -> Iterator[str]:
    """Yield a property in its canonical spelling: each value of a list as a property."""
    name, parameters, value = line
    if not counts(line):
        return
    if name in _WORDS:
        value = value.strip().upper()
    if known_zone(parameters.get("TZID", "")) == UTC_ZONE:
        parameters = {key: each for key, each in parameters.items() if key != "TZID"}
        value = ",".join(f"{each.rstrip('Zz')}Z" for each in value.split(","))
    head = name + "".join(f";{key}={each}" for key, each in telling(name, parameters))
    for each in values.listed(value) if name in _LISTS else [value]:
        if name in _TEXTS and not each.strip():
            continue
        yield f"{head}:{_value(name, each)}"


def counts(line: ContentLine) -> bool:
    """Whether a property says anything that its absence does not."""
    if line.name in _UNSAID:
        return False
    return line.name not in _DEFAULTS or _DEFAULTS[line.name] != line.value.strip().upper()


def telling(name: str, parameters: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the parameters that say anything, sorted, in their canonical spelling."""
    for key, written in sorted(parameters.items()):
        value = written.upper() if key in _WORD_PARAMETERS else written
        if key == "TZID":
            value = known_zone(written) or written
        if _DEFAULT_PARAMETERS.get(key) == value or not value:
            continue
        if key == "VALUE" and value in _DEFAULT_TYPES and not _says_type(name, value):
            continue
        yield key, objects.quoted(value)


def _says_type(name: str, kind: str) -> bool:
    """Whether VALUE decides how a value is read."""
    return name == "TRIGGER" and kind == "DATE-TIME"


def _value(name: str, value: str) -> str:
    if name in _TEXTS:
        return values.escaped(values.unescaped(value))
    value = value.strip()
    if name in _ADDRESSES:
        scheme, colon, rest = value.partition(":")
        return f"mailto:{rest}" if colon and scheme.lower() == "mailto" else value
    if name in _TIMES:
        return value.upper()
    if name in _DURATIONS:
        return _duration(value)
    return value


def _duration(value: str) -> str:
    try:
        return values.duration(value).written
    except CalendarDataError:  # of TRIGGER also a time
        return value.upper()


def newness(calendar: str) -> tuple[int, datetime]:
    """Return SEQUENCE, and LAST-MODIFIED or else DTSTAMP, of the newest component.

    The larger one is the newer version (RFC 5546 §2.1.5); equal ones say nothing.
    Raises CalendarDataError as :func:`calendar_sync.dialects.objects.parse`.
    """
    return age(objects.parse(calendar))


def age(thing: CalendarObject) -> tuple[int, datetime]:
    """Return what :func:`newness` compares."""
    return max((_sequence(each), _modified(each)) for each in thing.instances)


def _sequence(component: Component) -> int:
    value = component.value("SEQUENCE")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0


def _modified(component: Component) -> datetime:
    for name in ("LAST-MODIFIED", "DTSTAMP"):
        try:
            return values.stamp(component.value(name)).wall
        except CalendarDataError:
            continue
    return _EPOCH
