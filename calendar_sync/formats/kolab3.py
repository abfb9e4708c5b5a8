"""Kolab 3 events: xCal, iCalendar in XML (RFC 6321), with Kolab's own ways.

What is read is written again as content lines (RFC 6321 §3); only components and
properties that the reader looks at are.  Kolab writes the last day where xCal has the
day after (libkolabxml, pykolab), and marks its objects with X-KOLAB-VERSION.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING
from urllib.parse import unquote

from calendar_sync.formats import calendartext, xmldocument
from calendar_sync.formats.kolab2 import KEPT
from calendar_sync.formats.part import Format, Part
from freebusy.components import WANTED
from freebusy.errors import CalendarDataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calendar_sync.formats.xmldocument import Element

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}", re.ASCII)
_DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)", re.ASCII)
_PARAMETERS = ("TZID", "PARTSTAT", "RANGE", "EMAIL", "FBTYPE")
"""Those that the reader asks for."""
_LISTS = ("EXDATE", "RDATE", "FREEBUSY")
_RULE_PART = re.compile(r"[A-Za-z0-9+:-]+", re.ASCII)


def read(part: Part) -> list[bytes]:
    """Return the calendar objects of an xCal document as one; raises CalendarDataError."""
    document = xmldocument.parse(part)
    if document.root.name != "icalendar":
        raise CalendarDataError("an xCal document that is none")
    components: list[list[str]] = []
    for thing in document.root.all("vcalendar"):
        components += _inner(thing, from_kolab=_is_kolab(thing))
    if not document.complete:
        _lower_last(components)
    return [calendartext.calendar(components)]


def _is_kolab(thing: Element) -> bool:
    return any(any(properties.all("x-kolab-version")) for properties in thing.all("properties"))


def _lower_last(components: list[list[str]]) -> None:
    """Make the event tentative at which the document was cut off."""
    if components and components[-1][0] == "BEGIN:VEVENT":
        components[-1].insert(-1, "STATUS:TENTATIVE")


def _inner(above: Element, *, from_kolab: bool) -> Iterator[list[str]]:
    """Yield the lines of each component in another."""
    for components in above.all("components"):
        for component in components.children:
            name = component.name.upper()
            if _NAME.fullmatch(name):
                lines = [f"BEGIN:{name}"]
                for properties in component.all("properties"):
                    replaced = any(properties.all("rrule"))
                    for element in properties.children:
                        line = _property(element, last_day=from_kolab, replaced=replaced)
                        lines += [line] if line else []
                for inner in _inner(component, from_kolab=from_kolab):
                    lines += inner
                yield [*lines, f"END:{name}"]


def _property(element: Element, *, last_day: bool, replaced: bool) -> str:
    """Return the line of a property, with all its values where it is a list (RFC 6321 §3.4.1.1)."""
    name, custom = element.name.upper(), element.name.lower() == "x-custom"
    if custom:  # Kolab's wrapping of the properties that it does not know
        name = custom_name(element, replaced=replaced)
    if name not in WANTED:
        return ""
    given = element.all("value") if custom else element.children
    values = [_value(each) for each in given if each.name != "parameters"]
    if not values:
        return ""
    if name == "DTEND" and last_day:
        values = [_after(value) for value in values]
    value = ",".join(values) if name in _LISTS else values[-1]
    return f"{name}{_parameters(element)}:{value}"


def custom_name(element: Element, *, replaced: bool) -> str:
    """Return the name of the property in ``x-custom``: of one that is kept there, its own.

    A rule that another client wrote since (``replaced``) is in force instead of those kept.
    """
    name = element.value("identifier").upper()
    return name if replaced and KEPT.get(name) == "RRULE" else KEPT.get(name, name)


def _parameters(element: Element) -> str:
    found = {
        each.name.upper(): each.children[0].text if each.children else each.text
        for parameters in element.all("parameters")
        for each in parameters.children
    }
    return "".join(
        calendartext.parameter(name, found[name]) for name in _PARAMETERS if name in found
    )


def _value(element: Element) -> str:
    """Return a value as iCalendar writes it (RFC 6321 §3.6)."""
    if element.name == "recur":
        return _rule(element)
    if element.name == "period":
        end = element.value("end") or element.value("duration")
        return f"{_basic(element.value('start'))}/{_basic(end)}"
    if element.name in ("date", "date-time"):
        return _basic(element.text)
    if element.name == "utc-offset":
        return calendartext.plain(element.text).replace(":", "")
    if element.name == "cal-address":
        return calendartext.plain(unquote(element.text))  # libkolabxml quotes < > @
    return calendartext.plain(element.text)


def _basic(value: str) -> str:
    """Return a time in the basic format (RFC 6321 §3.6.4, §3.6.5); a duration as it is."""
    value = calendartext.plain(value)
    return value if value[:1] in "+-P" else value.replace("-", "").replace(":", "")


def _after(value: str) -> str:
    """Return the day after a last day; a time stays."""
    match = _DAY.fullmatch(value)
    try:
        day = date(*map(int, match.groups())) + timedelta(days=1) if match else None
    except (ValueError, OverflowError):
        return value
    return f"{day.year:04}{day.month:02}{day.day:02}" if day else value


def _rule(recur: Element) -> str:
    """Return a RECUR value; a part that is given several times is a list (RFC 6321 §3.6.10)."""
    parts: dict[str, list[str]] = {}
    for each in recur.children:
        text = each.children[0].text if each.children else each.text
        if each.name == "until":
            text = _basic(text)
        # what is no part of a rule makes it one that is refused, and no other line
        parts.setdefault(each.name.upper(), []).append(text if _RULE_PART.fullmatch(text) else "?")
    return ";".join(f"{name}={','.join(values)}" for name, values in parts.items())


FORMAT = Format(
    media=frozenset({"application/calendar+xml"}),
    endings=(".xcs",),
    read=read,
)
