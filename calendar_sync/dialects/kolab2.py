"""The dialect ``kolab2``, read: Kolab Storage Format 2.0, chapter "Event".

Its times are in UTC and belong to no zone; a series is meant on the clock of its owner.
What comes out is on that clock, with the owner's zone by its name, so that every client
shows a series at the hour that it is at.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from calendar_sync.dialects import attachments, instances, kolab, objects, values, xcal, zonetext
from calendar_sync.dialects.clocks import on_wall
from calendar_sync.dialects.objects import Component
from calendar_sync.formats import kolab2 as free_busy
from calendar_sync.formats import xmldocument
from freebusy.busystate import BUSY_STATE_PROPERTIES
from freebusy.errors import CalendarDataError
from freebusy.values import UTC_ZONE
from freebusy.zonenames import known_zone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from calendar_sync.dialects.messages import Context
    from calendar_sync.dialects.objects import Line
    from calendar_sync.dialects.values import Stamp
    from calendar_sync.formats.part import Part
    from calendar_sync.formats.xmldocument import Element

OTHERS = "X-KOLAB-ELEMENT-"
"""Before the name of an element that has no property, as ``color-label``."""
REVERSED_ROLES = {
    "required": "REQ-PARTICIPANT",
    "optional": "OPT-PARTICIPANT",
    "resource": "NON-PARTICIPANT",
}
OWN = "X-FREEBUSY-"
"""Before a property's name: the key of an ``x-custom`` that keeps what has no element."""
KEPT = frozenset(
    (
        *("STATUS", "PRIORITY", "URL", "GEO", "COMMENT", "CONTACT", "RESOURCES", "RELATED-TO"),
        *("COLOR", "IMAGE", "CONFERENCE"),
    )
)
"""Properties that are kept so: other clients do not show them, but pass them on."""
ALARM_TEXT = f"{OWN}ALARM"
CLASSES = {"private": "PRIVATE", "confidential": "CONFIDENTIAL"}
STATE_WORDS = {
    "free": ("FREE", "0"),
    "tentative": ("TENTATIVE", "1"),
    "busy": ("BUSY", "2"),
    "outofoffice": ("OOF", "OUTOFOFFICE", "3"),
}
"""What the values of the busy-state properties are in ``show-time-as``."""
STATUS_WORDS = {"CANCELLED": "free", "TENTATIVE": "tentative"}
_DAY = timedelta(days=1)
TEXTS = {"summary": "SUMMARY", "body": "DESCRIPTION", "location": "LOCATION"}
_STAMPS = {"creation-date": ("CREATED",), "last-modification-date": ("DTSTAMP", "LAST-MODIFIED")}
_READ = frozenset(
    (
        *("uid", "start-date", "end-date", "revision", "sensitivity", "categories", "alarm"),
        *("show-time-as", "recurrence", "organizer", "attendee", "link-attachment"),
        *("inline-attachment", "x-custom", "product-id", *TEXTS, *_STAMPS),
    )
)
_NUMBER = re.compile(r"-?\d{1,7}", re.ASCII)
_X_NAME = re.compile(r"X-[A-Za-z0-9-]{1,60}", re.ASCII | re.IGNORECASE)


def read(part: Part, context: Context) -> list[Component]:
    """Return the event in a part, on its owner's clock; raises CalendarDataError."""
    document = xmldocument.parse(part)
    if document.root.name != "event":
        raise CalendarDataError("a Kolab event that is none")
    if not document.complete:
        raise CalendarDataError("a Kolab event without its end")
    event = Component("VEVENT")
    for lines in _SECTIONS:
        event.lines += lines(document.root, context)
    event.parts += _alarms(document.root, event.value("SUMMARY") or "Alarm")
    calendar = objects.new_calendar([event], prodid=kolab.PRODID)
    zonetext.define(calendar)
    objects.accept_no_uid(calendar)
    return [calendar]


def _texts(event: Element, _: Context) -> Iterator[Line]:
    if event.value("uid"):
        yield objects.line("UID", event.value("uid"))
    for name, written in TEXTS.items():
        content = next((xcal.raw(each) for each in event.all(name)), "")
        if content.strip():
            yield objects.line(written, values.escaped(content))
    names = [values.escaped(each.strip()) for each in event.value("categories").split(",")]
    if any(names):
        yield objects.line("CATEGORIES", ",".join(filter(None, names)))
    found = CLASSES.get(event.value("sensitivity").lower())
    if found:
        yield objects.line("CLASS", found)
    if _NUMBER.fullmatch(event.value("revision")):
        yield objects.line("SEQUENCE", str(max(0, int(event.value("revision")))))


def _stamps(event: Element, _: Context) -> Iterator[Line]:
    """Yield the stamps; DTSTAMP, which must be there, is the start where nothing better is."""
    found: dict[str, Line] = {}
    for element, names in _STAMPS.items():
        for name in names:
            try:
                at = _utc(values.stamp(event.value(element)))
            except CalendarDataError:
                continue
            found[name] = objects.line(name, at.basic)
    start = _utc(values.stamp(event.value("start-date")))
    found.setdefault("DTSTAMP", found.get("CREATED", objects.line("", start.basic)))
    for name, line in found.items():
        yield line._replace(written=name)


def _utc(at: Stamp) -> Stamp:
    return at._replace(is_day=False, is_utc=True)


def _times(event: Element, context: Context) -> Iterator[Line]:
    start = _on_clock(event.value("start-date"), context)
    yield timed("DTSTART", start, context.zone)
    if event.value("end-date"):
        end = _on_clock(event.value("end-date"), context)
        yield timed("DTEND", end.plus(_DAY) if end.is_day else end, context.zone)
    for recurrence in event.all("recurrence"):
        yield from _series(recurrence, start, context)
    for name, content in free_busy.kept(event):
        if name == "RRULE":
            yield objects.line(name, _rule(content, start, context))
        else:
            for each in content.split(","):
                yield timed(name, _on_clock(each, context), context.zone)


def _on_clock(text: str, context: Context) -> Stamp:
    """Return a time on the owner's wall clock; one without Z is on it already."""
    return on_wall(values.stamp(text), _zone(context.zone))


def _zone(zone: str) -> str:
    return known_zone(zone) or UTC_ZONE


def timed(name: str, at: Stamp, zone: str) -> Line:
    """Return the line of a time on the owner's clock."""
    if at.is_day:
        return objects.line(name, at.basic, {"VALUE": "DATE"})
    if _zone(zone) == UTC_ZONE:
        return objects.line(name, at._replace(is_utc=True).basic)
    return objects.line(name, at.basic, {"TZID": _zone(zone)})


def _series(recurrence: Element, start: Stamp, context: Context) -> Iterator[Line]:
    rule = free_busy.rule(recurrence)
    if rule is None:
        raise CalendarDataError("a Kolab event with a recurrence that cannot be read")
    yield objects.line("RRULE", _rule(rule, start, context))
    for exclusion in recurrence.all("exclusion"):
        try:
            day = values.stamp(exclusion.text)
        except CalendarDataError:
            continue
        instance = instances.on_day(day, start) if day.is_day else on_wall(day, _zone(context.zone))
        yield timed("EXDATE", instance, context.zone)


def _rule(rule: str, start: Stamp, context: Context) -> str:
    parts = (each for each in rule.split(";") if each != "INTERVAL=1")
    return ";".join(_part(each, start, context) for each in parts)


def _part(part: str, start: Stamp, context: Context) -> str:
    """Return a part of a rule; a last day becomes the last instance (RFC 5545 §3.3.10)."""
    name, _, content = part.partition("=")
    if name != "UNTIL":
        return part
    return f"UNTIL={instances.last(values.stamp(content), start, _zone(context.zone)).basic}"


def _state(event: Element, _: Context) -> Iterator[Line]:
    """Yield TRANSP, and Outlook's property where that cannot say it, unless STATUS does."""
    shown = event.value("show-time-as").lower()
    kept = dict(_customs(event))
    if STATUS_WORDS.get(kept.get("STATUS", "").strip().upper()) == shown:
        return
    if shown == "free":
        yield objects.line("TRANSP", "TRANSPARENT")
    said = any(name in BUSY_STATE_PROPERTIES for name in kept)
    unanswered = any(each.value("status") == "none" for each in event.all("attendee"))
    if not said and (shown in ("tentative", "outofoffice") or (shown == "busy" and unanswered)):
        yield objects.line(BUSY_STATE_PROPERTIES[0], STATE_WORDS[shown][0])


def _customs(event: Element) -> Iterator[tuple[str, str]]:
    """Yield names and values of ``x-custom``, without states that another client has changed."""
    shown = event.value("show-time-as").lower()
    for each in event.all("x-custom"):
        name, content = each.attributes.get("key", "").upper(), each.attributes.get("value", "")
        own = name.removeprefix(OWN)
        if name in BUSY_STATE_PROPERTIES:
            if content.strip().upper() in STATE_WORDS.get(shown, ()):
                yield name, content
        elif own in KEPT and name != own:
            if own != "STATUS" or STATUS_WORDS.get(content.strip().upper(), shown) == shown:
                yield own, content
        elif _X_NAME.fullmatch(name) and own == name:
            yield name, content


def _others(event: Element, _: Context) -> Iterator[Line]:
    for name, content in _customs(event):
        yield objects.line(name, content)
    for each in event.children:
        name = f"{OTHERS}{each.name.upper()}"
        if each.name not in _READ and not each.children and each.text and xcal.NAME.fullmatch(name):
            yield objects.line(name, values.escaped(each.text))


def _people(event: Element, _: Context) -> Iterator[Line]:
    for organizer in event.all("organizer"):
        yield from _person("ORGANIZER", organizer, {})
    for attendee in event.all("attendee"):
        role = REVERSED_ROLES.get(attendee.value("role").lower(), "REQ-PARTICIPANT")
        answer = free_busy.ANSWERS.get(attendee.value("status").lower())
        wanted = attendee.value("request-response").lower() == "true"
        said = {"ROLE": role} if role != "REQ-PARTICIPANT" else {}
        said |= {"PARTSTAT": answer} if answer else {}
        said |= {"RSVP": "TRUE"} if wanted else {}
        yield from _person("ATTENDEE", attendee, said)


def _person(name: str, person: Element, said: dict[str, str]) -> Iterator[Line]:
    address = person.value("smtp-address")
    shown = values.to_carets(person.value("display-name"))
    if address or shown:
        said = {"CN": shown, **said} if shown else said
        yield objects.line(name, f"mailto:{address}", said)


def _files(event: Element, context: Context) -> Iterator[Line]:
    for link in event.all("link-attachment"):
        if link.text:
            yield objects.line("ATTACH", link.text)
    named = {part.name: part for part in context.parts if part.name}
    for inline in event.all("inline-attachment"):
        part = named.pop(inline.text.lower(), None)
        line = attachments.attach(part, {"X-LABEL": inline.text}) if part else None
        if line:
            yield line


def _alarms(event: Element, summary: str) -> Iterator[Component]:
    """Yield an alarm, which must have a text (RFC 5545 §3.6.6): its own, else the summary."""
    own = (each for each in event.all("x-custom") if each.attributes.get("key") == ALARM_TEXT)
    text = next((each.attributes.get("value", "") for each in own), summary)
    for alarm in event.all("alarm"):
        if _NUMBER.fullmatch(alarm.text):
            before = values.Duration(0, -60 * int(alarm.text)).written
            found = Component("VALARM")
            found.add("ACTION", "DISPLAY")
            found.add("DESCRIPTION", text)
            found.add("TRIGGER", before)
            yield found


_SECTIONS: tuple[Callable[[Element, Context], Iterator[Line]], ...] = (
    *(_texts, _stamps, _times, _state, _people, _files, _others),
)
