"""The dialect ``kolab3``: xCal with the ways of Kolab's own libraries (libkolabxml).

Whole days end on their last day, a TZID stands behind ``/kolab.org/`` and is a name of the
database, addresses are quoted, LAST-MODIFIED is DTSTAMP, and X- properties are ``x-custom``
elements.  What Kolab's schema has no element for is a loss: a document with any other
could not be read by its clients.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from calendar_sync.dialects import attachments, canonical, kolab, objects, values, xcal, zonetext
from calendar_sync.dialects.clocks import Clocks
from calendar_sync.dialects.kolab import Writing
from calendar_sync.dialects.messages import Body
from calendar_sync.dialects.objects import Component
from calendar_sync.formats import xmldocument
from freebusy.contentline import ContentLine
from freebusy.errors import CalendarDataError
from freebusy.values import UTC_ZONE
from freebusy.vtimezone import PREFIX
from freebusy.zonenames import accept_vendor_prefix, known_zone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calendar_sync.dialects.messages import Context, Envelope
    from calendar_sync.dialects.objects import CalendarObject, Line
    from calendar_sync.formats.part import Part
    from calendar_sync.formats.xmldocument import Element

_ORDER = (
    *("UID", "CREATED", "DTSTAMP", "SEQUENCE", "CLASS", "CATEGORIES", "DTSTART", "DTEND"),
    *("DUE", "DURATION", "TRANSP", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "SUMMARY"),
    *("DESCRIPTION", "COMMENT", "PRIORITY", "STATUS", "PERCENT-COMPLETE", "LOCATION"),
    *("ORGANIZER", "URL", "CONTACT", "ATTENDEE", "ATTACH"),
)
"""The properties that Kolab's schema has, in its order."""
_IN_ALARMS = (
    *("ACTION", "SUMMARY", "DESCRIPTION", "ATTENDEE", "TRIGGER", "REPEAT", "DURATION"),
    "ATTACH",
)
_ACTIONS = ("DISPLAY", "EMAIL", "AUDIO")
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
    for part in parts:
        attachments.embed(part, context.parts)
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
                    for each in properties.children
                    for line in _lines(each, from_kolab=from_kolab)
                ]
                inner = list(_components(element, from_kolab=from_kolab))
                yield Component(element.name.upper(), lines, inner)


def _lines(element: Element, *, from_kolab: bool) -> Iterator[Line]:
    name = element.name.upper()
    if name == "X-CUSTOM":
        yield from _custom(element)
        return
    line = xcal.line(element)
    if line is None:
        return
    if name in _TIMES:
        line = _known(line.parsed, last_day=from_kolab and name == "DTEND")
    elif name in ("ATTENDEE", "ORGANIZER"):
        line = _addressed(line.parsed)
    yield line
    if name == "DTSTAMP" and from_kolab:  # libkolabxml keeps Event::lastModified there
        yield line._replace(written="LAST-MODIFIED")


def _custom(element: Element) -> Iterator[Line]:
    """Yield what stands in Kolab's wrapping of properties that it does not know."""
    name = element.value("identifier").upper()
    if xcal.NAME.fullmatch(name):
        yield objects.line(name, next((xcal.raw(each) for each in element.all("value")), ""))


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
        key: unquote(each) if key.startswith("DELEGATED-") else each
        for key, each in found.parameters.items()
    }
    scheme, colon, rest = found.value.partition(":")
    content = found.value
    if colon and scheme.lower() == "mailto":
        content = f"mailto:{unquote(rest).strip(' <>')}"
    return objects.line(found.name, content, parameters)


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
    components = [_component(writing, each, _ORDER) for each in writing.thing.instances]
    calendar = [xcal.block("properties", properties), xcal.block("components", components)]
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="no" ?>\n'
        '<icalendar xmlns="urn:ietf:params:xml:ns:icalendar-2.0">\n'
        f"{xcal.block('vcalendar', calendar)}\n</icalendar>\n"
    )


def _component(writing: Writing, component: Component, order: tuple[str, ...]) -> str:
    """Return a component with the properties and components that the schema has."""
    found = [line.parsed for line in component.lines]
    is_alarm = component.name == "VALARM"
    if not is_alarm:
        found = _stamped(writing, found)
    for each in found:
        if each.name not in order and canonical.counts(each) and not _is_custom(each, is_alarm):
            writing.losses.add(each.name)
    elements = [
        written
        for name in order
        for each in _merged([each for each in found if each.name == name])
        if (written := _property(writing, component, each))
    ]
    elements += [_written_custom(writing, each) for each in found if _is_custom(each, is_alarm)]
    inner = [xcal.block("properties", elements)]
    alarms = [_component(writing, each, _IN_ALARMS) for each in _alarms(writing, component)]
    if alarms:
        inner.append(xcal.block("components", alarms))
    return xcal.block(component.name.lower(), inner)


def _alarms(writing: Writing, component: Component) -> Iterator[Component]:
    """Yield the alarms that Kolab has a place for; note what else is in a component."""
    for part in component.parts:
        held = component.name != "VALARM" and part.name == "VALARM"
        if held and part.value("ACTION").upper() in _ACTIONS and part.value("TRIGGER"):
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


def _merged(found: list[ContentLine]) -> list[ContentLine]:
    """Return lists with the same parameters as one: the schema has one element for all."""
    if len(found) < 2 or found[0].name not in xcal.LISTS:
        return found
    groups: dict[str, ContentLine] = {}
    for each in found:
        key = repr(sorted(each.parameters.items())) + xcal.kind_of(each)
        same = groups.get(key)
        groups[key] = each._replace(value=f"{same.value},{each.value}") if same else each
    return list(groups.values())


def _is_custom(found: ContentLine, is_alarm: bool) -> bool:  # noqa: FBT001 - a fact, not a switch
    return found.name.startswith("X-") and not is_alarm


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
    further = ("ENCODING", "VALUE") if xcal.kind_of(found) == "binary" else ()
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
    content = found.value.strip()
    scheme, colon, rest = content.partition(":")
    if colon and scheme.lower() == "mailto":
        content = f"mailto:{quote(f'<{unquote(rest)}>', safe='')}"
    return xcal.element(
        found.name.lower(),
        xcal.parameters(kept),
        xcal.element("cal-address", xcal.text(content)),
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
