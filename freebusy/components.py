"""Components: a text's BEGIN and END, and the properties that matter (RFC 5545 §3.4, §3.6).

Only the properties of events, stored free/busy and time zones are kept; whatever is
inside an event (an alarm has a DURATION too) is passed by.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from freebusy.busystate import BUSY_STATE_PROPERTIES
from freebusy.contentline import lines, parameters
from freebusy.errors import CalendarDataError
from freebusy.vtimezone import Observance, observance, zone, zone_key

ALL_DAY_PROPERTIES = ("X-MICROSOFT-CDO-ALLDAYEVENT", "X-MICROSOFT-MSNCALENDAR-ALLDAYEVENT")
OWNER_WALL_PROPERTY = "X-FREEBUSY-OWNER-WALL-CLOCK"
"""Ours, for formats that store a series in UTC: it keeps its hour on the owner's wall clock."""
MAX_COMPONENTS = 100_000

_TIMES = ("DTSTART", "DTEND", "DURATION", "RRULE", "EXRULE", "RDATE", "EXDATE", "RECURRENCE-ID")
_STATES = ("TRANSP", "STATUS", "ORGANIZER", "ATTENDEE", *BUSY_STATE_PROPERTIES, *ALL_DAY_PROPERTIES)
_ZONE_PARTS = ("TZID", "TZOFFSETFROM", "TZOFFSETTO")
_VERSIONS = ("UID", "SEQUENCE", "DTSTAMP", "LAST-MODIFIED")
_OTHERS = ("FREEBUSY", OWNER_WALL_PROPERTY)
WANTED = frozenset((*_TIMES, *_STATES, *_ZONE_PARTS, *_VERSIONS, *_OTHERS))
"""The properties that are read; all others are passed by."""
_KEPT = frozenset({"VEVENT", "VFREEBUSY", "VTIMEZONE", "STANDARD", "DAYLIGHT"})
_ZONE_BEGIN, _ZONE_END = "BEGIN:VTIMEZONE\n", "\nEND:VTIMEZONE\n"
_MAX_BLOCK = 8192
"""A longer definition is read each time and not remembered by its text."""

Properties = dict[str, list[str]]


@dataclass(slots=True)
class Component:
    """One component: its name, and the raw rest of each line that matters, by name."""

    name: str
    properties: Properties = field(default_factory=dict)
    parts: list[Component] = field(default_factory=list)
    """STANDARD and DAYLIGHT of a VTIMEZONE."""


@dataclass(slots=True)
class Stream:
    """The components of one text that are read further."""

    events: list[Component] = field(default_factory=list)
    """VEVENT and VFREEBUSY, in the order of the text."""
    definitions: dict[str, str] = field(default_factory=dict)
    """TZID -> zone key, as the text's own VTIMEZONEs say."""
    passed_by: int = 0
    """Components of other kinds."""


def read_stream(text: str) -> Stream:
    """Sort the components of an unfolded text.

    Tolerates a missing BEGIN:VCALENDAR, a component that is never closed, and an END
    that closes nothing.  Raises CalendarDataError for more than :data:`MAX_COMPONENTS`.
    """
    stream = Stream()
    if _ZONE_BEGIN in text:
        text = _without_zones(text, stream)
    _sort(text, stream)
    return stream


def _without_zones(text: str, stream: Stream) -> str:
    """Note the VTIMEZONEs written the usual way, each text read only once; return the rest.

    A block that is more than one definition stays in the text.
    """
    rest, at = [], 0
    while (start := text.find(_ZONE_BEGIN, at)) >= 0:
        end = text.find(_ZONE_END, start) + len(_ZONE_END)
        if end < start:
            break
        own_line = start == 0 or text[start - 1] == "\n"
        usual = own_line and end - start <= _MAX_BLOCK
        found = _definition_of(text[start:end]) if usual else None
        if found is not None:
            stream.definitions[found[0]] = found[1]
        rest.append(text[at : end if found is None else start])
        at = end
    return "".join((*rest, text[at:]))


@lru_cache(maxsize=1024)
def _definition_of(block: str) -> tuple[str, str] | None:
    """Return the one definition in a block; None where one was left open and events follow."""
    stream = Stream()
    _sort(block, stream)
    if stream.events or stream.passed_by or len(stream.definitions) != 1:
        return None
    return next(iter(stream.definitions.items()))


@lru_cache(maxsize=2048)
def _in_upper_case(name: str) -> str:
    return name.upper()


def _sort(text: str, stream: Stream) -> None:
    stack: list[Component] = []
    properties: Properties | None = None
    count = 0
    for written, rest in lines(text):
        name = written if written in WANTED else _in_upper_case(written)
        if name == "BEGIN" or name == "END":
            count += 1
            if count > 2 * MAX_COMPONENTS:
                raise CalendarDataError(f"more than {MAX_COMPONENTS} components in one item")
            turn = _open if name == "BEGIN" else _close
            turn(stack, rest[1:].strip().upper(), stream)
            properties = stack[-1].properties if stack and stack[-1].name in _KEPT else None
        elif properties is not None and name in WANTED:
            if name in properties:
                properties[name].append(rest)
            else:
                properties[name] = [rest]
    while stack:
        _close(stack, stack[-1].name, stream)


def _open(stack: list[Component], kind: str, stream: Stream) -> None:
    inside = stack and stack[-1].name != "VCALENDAR"
    if kind == "VEVENT" and inside and any(part.name == "VEVENT" for part in stack):
        _close(stack, "VEVENT", stream)  # the one before was never closed
    stack.append(Component(kind) if kind in _KEPT else _passed(kind))


@lru_cache(maxsize=64)
def _passed(kind: str) -> Component:
    """Return the one component that stands for all of a kind of which nothing is kept."""
    return Component(kind)


def _close(stack: list[Component], name: str, stream: Stream) -> None:
    """Close the innermost component of a name, and whatever was left open inside it."""
    if stack and stack[-1].name == name:
        _keep(stack.pop(), stack, stream)
        return
    if all(part.name != name for part in stack):
        return
    while stack:
        part = stack.pop()
        _keep(part, stack, stream)
        if part.name == name:
            return


def _keep(part: Component, stack: list[Component], stream: Stream) -> None:
    if part.name in ("VEVENT", "VFREEBUSY"):
        stream.events.append(part)
    elif part.name == "VTIMEZONE":
        _define(part, stream.definitions)
    elif part.name in ("STANDARD", "DAYLIGHT"):
        if stack and stack[-1].name == "VTIMEZONE":
            stack[-1].parts.append(part)
    elif part.name != "VCALENDAR":
        stream.passed_by += 1


def _define(component: Component, definitions: dict[str, str]) -> None:
    """Note a VTIMEZONE; a broken one is as good as none."""
    tzid = component.properties.get("TZID")
    if not tzid:
        return
    parts: list[Observance] = []
    for part in component.parts:
        try:
            parts.append(observance(part.properties))
        except CalendarDataError:
            continue
    try:
        key = zone_key(parts)
        zone(key)
    except (CalendarDataError, OverflowError):
        return
    definitions[parameters(tzid[-1])[1].strip().strip('"')] = key
