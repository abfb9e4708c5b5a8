"""The dialect ``kolab3``: xCal with the ways of Kolab's own libraries (libkolabxml).

Whole days end on their last day, a TZID stands behind ``/kolab.org/`` and is a name of the
database, addresses are quoted, LAST-MODIFIED is DTSTAMP, and X- properties are ``x-custom``
elements, as is what the schema has no element for and the gateway keeps.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from calendar_sync.dialects import (
    attachments,
    kolab,
    kolab3schema,
    objects,
    values,
    xcal,
    zonetext,
)
from calendar_sync.dialects.clocks import Clocks
from calendar_sync.dialects.kolab import Writing
from calendar_sync.dialects.kolab2 import OWN
from calendar_sync.dialects.messages import Body
from calendar_sync.dialects.objects import Component
from calendar_sync.formats import kolab3 as free_busy
from calendar_sync.formats import xmldocument
from freebusy.contentline import ContentLine
from freebusy.errors import CalendarDataError
from freebusy.values import UTC_ZONE
from freebusy.vtimezone import PREFIX
from freebusy.zonenames import accept_vendor_prefix, known_zone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from calendar_sync.dialects.messages import Context, Envelope
    from calendar_sync.dialects.objects import CalendarObject, Line
    from calendar_sync.formats.part import Part
    from calendar_sync.formats.xmldocument import Element

_TIMES = frozenset({"DTSTART", "DTEND", "DUE", "RECURRENCE-ID", "EXDATE", "RDATE"})
_PARAMETERS = {
    "ORGANIZER": ("CN",),
    "ATTENDEE": ("CN", "PARTSTAT", "ROLE", "RSVP", "CUTYPE", "DELEGATED-TO", "DELEGATED-FROM"),
    "ATTACH": ("FMTTYPE", "X-LABEL"),
    "RECURRENCE-ID": ("RANGE",),
    "TRIGGER": ("RELATED",),
}
"""Those that Kolab's libraries keep, in the order of the schema."""
_PREFIX = "/kolab.org/"
_DAY = timedelta(days=1)
_VERSION = "3.1.0"


# -- reading


def read(part: Part, context: Context) -> list[Component]:
    """Return the objects of an xCal document, each with its zones; raises CalendarDataError."""
    document = xmldocument.parse(part)
    if document.root.name != "icalendar":
        raise CalendarDataError("an xCal document that is none")
    if not document.complete:
        raise CalendarDataError("an xCal document without its end")
    found = [_calendar(thing, context) for thing in document.root.all("vcalendar")]
    if not found:
        raise CalendarDataError("an xCal document without a calendar")
    return found


def _calendar(thing: Element, context: Context) -> Component:
    from_kolab = any(any(each.all("x-kolab-version")) for each in thing.all("properties"))
    parts = list(_components(thing, from_kolab=from_kolab))
    attachments.embed(parts, context.parts)
    calendar = objects.new_calendar(parts, prodid=kolab.PRODID)
    zonetext.define(calendar)
    objects.accept_no_uid(calendar)
    return calendar


def _components(above: Element, *, from_kolab: bool) -> Iterator[Component]:
    for components in above.all("components"):
        for element in components.children:
            if xcal.NAME.fullmatch(element.name):
                lines = [
                    line
                    for properties in element.all("properties")
                    for line in _lines(properties, from_kolab=from_kolab)
                ]
                inner = list(_components(element, from_kolab=from_kolab))
                yield Component(element.name.upper(), lines, inner)


def _lines(properties: Element, *, from_kolab: bool) -> Iterator[Line]:
    replaced = any(properties.all("rrule"))
    for each in properties.children:
        if each.name.upper() == "X-CUSTOM":
            yield from _custom(each, replaced=replaced)
        else:
            yield from _line(each, from_kolab=from_kolab)


def _line(element: Element, *, from_kolab: bool) -> Iterator[Line]:
    name, line = element.name.upper(), xcal.line(element)
    if line is None:
        return
    if name in _TIMES:
        line = _known(line.parsed, last_day=from_kolab and name == "DTEND")
    elif name in ("ATTENDEE", "ORGANIZER"):
        line = _addressed(line.parsed)
    yield line
    if name == "DTSTAMP" and from_kolab:  # libkolabxml keeps Event::lastModified there
        yield line._replace(written="LAST-MODIFIED")


def _custom(element: Element, *, replaced: bool) -> Iterator[Line]:
    """Yield what stands in Kolab's wrapping of properties that it does not know."""
    name = free_busy.custom_name(element, replaced=replaced)
    if not xcal.NAME.fullmatch(name):
        return
    content = next((xcal.raw(each) for each in element.all("value")), "")
    own = name.removeprefix(OWN)
    if own != name and own not in kolab3schema.KEPT:
        return  # a rule that another client has replaced
    parameters = {}
    if own == "RDATE":
        first = content.partition(",")[0]
        kind = "PERIOD" if "/" in first else "" if "T" in first else "DATE"
        parameters = {"VALUE": kind} if kind else {}
    yield objects.line(own, content, parameters)


def _known(found: ContentLine, *, last_day: bool) -> Line:
    """Return a time with the database's name of its zone, and the end that is no part of it."""
    parameters = dict(found.parameters)
    zone = parameters.pop("TZID", "")
    content = found.value
    if last_day and "T" not in content:
        content = values.stamp(content).plus(_DAY).basic
    name = known_zone(zone) or accept_vendor_prefix(zone)
    if name and "T" in content and not content.endswith("Z"):
        if name == UTC_ZONE:
            content = ",".join(f"{each}Z" for each in content.split(","))
        else:
            parameters["TZID"] = name
    return objects.line(found.name, content, parameters)


def _addressed(found: ContentLine) -> Line:
    """Return an address as iCalendar writes it: libkolabxml quotes ``<``, ``>`` and ``@``."""
    parameters = {
        key: _several(_unquoted, each) if key.startswith("DELEGATED-") else each
        for key, each in found.parameters.items()
    }
    return objects.line(found.name, _unquoted(found.value), parameters)


def _unquoted(address: str) -> str:
    scheme, colon, rest = address.partition(":")
    if colon and scheme.lower() == "mailto":
        return f"mailto:{unquote(rest).strip(' <>')}"
    return address


def _quoted(address: str) -> str:
    scheme, colon, rest = address.partition(":")
    if colon and scheme.lower() == "mailto":
        return f"mailto:{quote(f'<{unquote(rest)}>', safe='')}"
    return address


def _several(each: Callable[[str], str], listed: str) -> str:
    return ",".join(map(each, listed.split(",")))


# -- writing


def write(thing: CalendarObject, envelope: Envelope, zone: str, losses: set[str]) -> bytes:
    """Return the message of an object, and add to ``losses``; raises CalendarDataError."""
    stamp = f"{envelope.now:%Y-%m-%dT%H:%M:%SZ}"
    writing = Writing(thing, Clocks(thing.calendar, zone), stamp, losses)
    kolab.lose_outside(writing)
    body = Body(
        'application/calendar+xml; charset=UTF-8; name="kolab.xml"',
        _document(writing).encode(),
        'attachment; filename="kolab.xml"',
    )
    return kolab.message(writing, envelope, body, {"X-Kolab-Mime-Version": "3.0"})


def _document(writing: Writing) -> str:
    head = (("prodid", kolab.PRODID), ("version", "2.0"), ("x-kolab-version", _VERSION))
    properties = [xcal.element(name, xcal.element("text", each)) for name, each in head]
    components = [_component(writing, each) for each in _instances(writing)]
    calendar = [xcal.block("properties", properties), xcal.block("components", components)]
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="no" ?>\n'
        '<icalendar xmlns="urn:ietf:params:xml:ns:icalendar-2.0">\n'
        f"{xcal.block('vcalendar', calendar)}\n</icalendar>\n"
    )


def _instances(writing: Writing) -> list[Component]:
    """Return the components that are written: journal entries have no changed instances."""
    found, master = writing.thing.instances, writing.thing.master
    if writing.thing.kind != "VJOURNAL" or master is None or len(found) == 1:
        return found
    writing.losses.add("RECURRENCE-ID")
    return [master]


def _component(writing: Writing, component: Component) -> str:
    """Return a component with the properties and components that the schema has."""
    found = [line.parsed for line in component.lines]
    if component.name != "VALARM":
        found = _stamped(writing, found)
    by_name: dict[str, list[ContentLine]] = {}
    for each in kolab3schema.fitted(writing, component, found):
        by_name.setdefault(each.name, []).append(each)
    order = kolab3schema.ORDERS[component.name]
    elements = [
        written
        for name in order
        for each in by_name.get(name, ())
        if (written := _property(writing, component, each))
    ]
    elements += [
        _written_custom(writing, each)
        for name, lines in by_name.items()
        if name not in order
        for each in lines
    ]
    inner = [xcal.block("properties", elements)]
    alarms = [_component(writing, each) for each in _alarms(writing, component)]
    if alarms:
        inner.append(xcal.block("components", alarms))
    return xcal.block(component.name.lower(), inner)


def _alarms(writing: Writing, component: Component) -> Iterator[Component]:
    """Yield the alarms that Kolab has a place for; note what else is in a component."""
    for part in component.parts:
        held = component.name in ("VEVENT", "VTODO") and part.name == "VALARM"
        if held and part.value("ACTION").upper() in kolab3schema.ACTIONS and part.value("TRIGGER"):
            yield part
        else:
            writing.losses.add(part.name)


def _stamped(writing: Writing, found: list[ContentLine]) -> list[ContentLine]:
    """Return properties with the stamps that the schema asks for: DTSTAMP is the last change."""
    named = {each.name: each.value for each in found}
    stamps = {
        "DTSTAMP": named.get("LAST-MODIFIED") or named.get("DTSTAMP") or writing.stamp,
        "CREATED": named.get("CREATED") or named.get("DTSTAMP") or writing.stamp,
        "SEQUENCE": named.get("SEQUENCE") or "0",
    }
    kept = [each for each in found if each.name not in (*stamps, "LAST-MODIFIED")]
    return [*(ContentLine(name, {}, each) for name, each in stamps.items()), *kept]


def _written_custom(writing: Writing, found: ContentLine) -> str:
    writing.lose(found)
    return xcal.element(
        "x-custom",
        xcal.element("identifier", found.name),
        xcal.element("value", xcal.text(found.value)),
    )


def _property(writing: Writing, component: Component, found: ContentLine) -> str:
    """Return the element of a property; empty where Kolab cannot hold it."""
    if found.name in _TIMES:
        return _timed(writing, component, found)
    typed = found.name == "TRIGGER" or xcal.kind_of(found) == "binary"
    further = ("ENCODING", "VALUE") if typed else ()
    writing.lose(found, (*_PARAMETERS.get(found.name, ()), *further))
    kept = {
        key: found.parameters[key]
        for key in _PARAMETERS.get(found.name, ())
        if key in found.parameters
    }
    if found.name == "ATTACH":
        return _attachment(writing, found, kept)
    if found.name in ("ATTENDEE", "ORGANIZER"):
        return _address(found, kept)
    return xcal.element(found.name.lower(), xcal.parameters(kept), xcal.written(found))


def _address(found: ContentLine, kept: dict[str, str]) -> str:
    kept = {
        key: _several(_quoted, each) if key.startswith("DELEGATED-") else each
        for key, each in kept.items()
    }
    return xcal.element(
        found.name.lower(),
        xcal.parameters(kept),
        xcal.element("cal-address", xcal.text(_quoted(found.value.strip()))),
    )


def _attachment(writing: Writing, found: ContentLine, kept: dict[str, str]) -> str:
    content = found.value.strip()
    if xcal.kind_of(found) == "binary":
        kept.setdefault("X-LABEL", attachments.name_of(found, len(writing.files) + 1))
        identity = attachments.detach(found, writing.files)
        content = f"cid:{identity}" if identity else ""
    if not content or (content.startswith("cid:") and not writing.files):
        writing.losses.add("ATTACH")  # a part that is in no message any more
        return ""
    uri = xcal.element("uri", xcal.text(content))
    return xcal.element("attach", xcal.parameters(kept), uri)


def _timed(writing: Writing, component: Component, found: ContentLine) -> str:
    """Return the element of a time: with Kolab's name of its zone, and a last day as the end."""
    writing.lose(found, ("TZID", "VALUE", *_PARAMETERS.get(found.name, ())))
    tzid = found.parameters.get("TZID", "")
    kept = {key: each for key, each in found.parameters.items() if key == "RANGE"}
    kind = xcal.kind_of(found)
    if kind == "date":
        if found.name == "DTEND":
            found = _last_day(writing, component, found)
    elif tzid and kind == "date-time":
        name = _zone_name(writing, found, tzid)
        if name:
            kept = {"TZID": _PREFIX + name, **kept}
        else:
            times = [values.stamp(each.strip()) for each in found.value.split(",")]
            utc = ",".join(writing.clocks.to_utc(each, tzid).basic for each in times)
            found = found._replace(value=utc)
    return xcal.element(found.name.lower(), xcal.parameters(kept), xcal.written(found))


def _zone_name(writing: Writing, found: ContentLine, tzid: str) -> str | None:
    """Return a zone's name in the database; None for times that are better said in UTC."""
    first = values.stamp(found.value.partition(",")[0].strip())
    key = writing.clocks.key(tzid, first)
    name = writing.clocks.name(tzid, first)
    if key.startswith(PREFIX):
        writing.losses.add("VTIMEZONE")
    elif known_zone(tzid) is None:
        writing.losses.add("TZID")
    return None if name == UTC_ZONE else name


def _last_day(writing: Writing, component: Component, found: ContentLine) -> ContentLine:
    end = values.stamp(found.value.strip())
    start = values.stamp(component.value("DTSTART"))
    last = end.plus(-_DAY)
    if start.is_day and last.wall < start.wall:
        writing.losses.add("DTEND")  # an event of no length: the shortest is a day
        last = start
    return found._replace(value=last.basic)
