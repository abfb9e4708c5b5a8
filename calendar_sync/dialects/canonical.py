"""When two texts say the same, and which of two versions is the newer one.

What a server or a client changes by itself does not count: order, folding, spelling of
names, defaults that are written out or not, and who wrote it when (PRODID, DTSTAMP,
LAST-MODIFIED).  So a text that went through a server is equal to what was handed in.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from calendar_sync.dialects import objects, values
from freebusy.errors import CalendarDataError
from freebusy.values import UTC_ZONE
from freebusy.zonenames import is_fixed, known_zone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calendar_sync.dialects.objects import CalendarObject, Component
    from freebusy.contentline import ContentLine

_UNSAID = frozenset({"PRODID", "VERSION", "METHOD", "DTSTAMP", "LAST-MODIFIED"})
"""Properties that do not count."""
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
_DEFAULT_TYPES = frozenset({"DATE-TIME", "TEXT", "CAL-ADDRESS", "RECUR", "DURATION", "INTEGER"})
"""VALUE that says what the value shows by itself, or what nobody else would take it for."""
_EPOCH = datetime(1, 1, 1)  # noqa: DTZ001 - only compared with others in UTC


def normal(calendar: str) -> str:
    """Return the form in which two texts of the same object are equal.

    Raises CalendarDataError as :func:`calendar_sync.dialects.objects.parse`.
    """
    return "\n".join(_normal(objects.parse(calendar).calendar))


def _normal(component: Component) -> list[str]:
    """Return a component's lines, sorted, and its parts', sorted."""
    lines = sorted({each for line in component.lines for each in _properties(line.parsed)})
    if component.name == "VCALENDAR":
        lines = [each for each in lines if not each.startswith("X-WR-")]
    parts = sorted(_normal(part) for part in component.parts if not _is_known_zone(part))
    inner = [each for part in parts for each in part]
    return [f"BEGIN:{component.name}", *lines, *inner, f"END:{component.name}"]


def _is_known_zone(component: Component) -> bool:
    """Whether a VTIMEZONE defines what everybody knows by its name."""
    if component.name != "VTIMEZONE":
        return False
    name = component.value("TZID")
    return known_zone(name) is not None and not is_fixed(name)


def _properties(line: ContentLine) -> Iterator[str]:
    """Yield a property in its canonical spelling: each value of a list as a property."""
    name, parameters, value = line
    if name in _UNSAID:
        return
    if name in _WORDS:
        value = value.strip().upper()
    if _DEFAULTS.get(name) == value:
        return
    if known_zone(parameters.get("TZID", "")) == UTC_ZONE:
        parameters = {key: each for key, each in parameters.items() if key != "TZID"}
        value = ",".join(f"{each.rstrip('Zz')}Z" for each in value.split(","))
    head = name + "".join(_parameters(name, parameters))
    for each in values.listed(value) if name in _LISTS else [value]:
        yield f"{head}:{_value(name, each)}"


def _parameters(name: str, parameters: dict[str, str]) -> Iterator[str]:
    for key, written in sorted(parameters.items()):
        value = written.upper() if key in _WORD_PARAMETERS else written
        if key == "TZID":
            value = known_zone(written) or written
        if _DEFAULT_PARAMETERS.get(key) == value or not value:
            continue
        if key == "VALUE" and value in _DEFAULT_TYPES and not _says_type(name, value):
            continue
        yield f";{key}={objects.quoted(value)}"


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
    if name == "RRULE" or name == "EXRULE":
        return _rule(value)
    if name in _DURATIONS:
        return _duration(value)
    return value


def _duration(value: str) -> str:
    try:
        return values.duration(value).written
    except CalendarDataError:  # of TRIGGER also a time
        return value.upper()


def _rule(value: str) -> str:
    """Return a rule with its parts sorted and without those that say nothing."""
    pairs = (part.partition("=") for part in value.upper().split(";") if part)
    parts = {key.strip(): each.strip() for key, _, each in pairs}
    if parts.get("INTERVAL") == "1":
        del parts["INTERVAL"]
    counts_weeks = parts.get("FREQ") == "WEEKLY" and "INTERVAL" in parts
    if (not counts_weeks and "BYWEEKNO" not in parts) or parts.get("WKST") == "MO":
        parts.pop("WKST", None)  # RFC 5545 §3.3.10: significant in these two cases only
    for key in ("BYDAY", "BYMONTHDAY", "BYMONTH"):
        if key in parts:
            parts[key] = ",".join(sorted(parts[key].split(",")))
    return ";".join(f"{key}={parts[key]}" for key in sorted(parts))


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
