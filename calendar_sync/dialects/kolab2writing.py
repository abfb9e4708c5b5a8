"""The dialect ``kolab2``, written: Kolab Storage Format 2.0, chapter "Event".

The format has one event with one zone, the owner's; a series without changed instances;
one alarm.  What else there is, is a loss.  What is lost never makes a busy person free
where that can be helped: an instance that was changed stays at its first time, unless it
was cancelled, and there is a further one where it is now.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from calendar_sync.dialects import (
    attachments,
    canonical,
    kolab,
    kolab2times,
    values,
    xcal,
)
from calendar_sync.dialects.clocks import Clocks
from calendar_sync.dialects.kolab import Writing
from calendar_sync.dialects.kolab2 import (
    ALARM_TEXT,
    CLASSES,
    KEPT,
    OTHERS,
    OWN,
    REVERSED_ROLES,
    STATE_WORDS,
)
from calendar_sync.dialects.messages import Body
from calendar_sync.formats import kolab2 as free_busy
from freebusy.busystate import BUSY_STATE_PROPERTIES
from freebusy.errors import CalendarDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from calendar_sync.dialects.messages import Envelope
    from calendar_sync.dialects.objects import CalendarObject, Component
    from freebusy.contentline import ContentLine

_HELD = frozenset(
    (
        *("UID", "DTSTAMP", "LAST-MODIFIED", "CREATED", "SEQUENCE", "CLASS", "CATEGORIES"),
        *("SUMMARY", "DESCRIPTION", "LOCATION", "DTSTART", "DTEND", "DURATION", "TRANSP"),
        *("RRULE", "EXDATE", "ORGANIZER", "ATTENDEE", "ATTACH"),
    )
)
_ONCE = frozenset(
    ("SUMMARY", "DESCRIPTION", "LOCATION", "CLASS", "SEQUENCE", "DTEND", "DURATION", "ORGANIZER")
)
_REVISION = re.compile(r"\d{1,7}", re.ASCII)
"""What Kolab 2's readers, ours too, take for a number."""
_ROLES = {name: role for role, name in REVERSED_ROLES.items()}
_ANSWERS = {answer: word for word, answer in free_busy.ANSWERS.items()}
_SENSITIVITIES = {"PUBLIC": "public", **{name: word for word, name in CLASSES.items()}}
_DAY = timedelta(days=1)
_NO_KEY = "the folder is in Kolab 2, which holds events only"


def write(thing: CalendarObject, envelope: Envelope, zone: str, losses: set[str]) -> bytes:
    """Return the message of an event, and add to ``losses``; raises CalendarDataError."""
    if thing.kind != "VEVENT":
        raise CalendarDataError(_NO_KEY)
    stamp = f"{envelope.now:%Y-%m-%dT%H:%M:%SZ}"
    writing = Writing(thing, Clocks(thing.calendar, zone), stamp, losses)
    kolab.lose_outside(writing)
    event = _event(writing)
    elements = [each for section in _SECTIONS for each in section(writing, event) if each]
    document = "\n".join(
        ('<?xml version="1.0" encoding="UTF-8"?>', '<event version="1.0">', *elements, "</event>\n")
    )
    body = Body(
        'application/x-vnd.kolab.event; charset=UTF-8; name="kolab.xml"',
        document.encode(),
        'attachment; filename="kolab.xml"',
    )
    return kolab.message(writing, envelope, body)


def _event(writing: Writing) -> Component:
    """Return the component that is written, and note which others are lost."""
    thing = writing.thing
    event = thing.master
    if event is None and len(thing.instances) > 1:
        raise CalendarDataError("the folder is in Kolab 2, which holds no changed instances")
    event = event or thing.instances[0]
    for line in event.lines:
        found = line.parsed
        name = found.name
        if name not in _HELD | KEPT and not name.startswith("X-") and canonical.counts(found):
            writing.losses.add(name)
    _lose_second(writing, event)
    if len(thing.instances) > 1:
        writing.losses.add("RECURRENCE-ID")
    writing.losses.update(part.name for part in event.parts if part.name != "VALARM")
    if any(_own_zone(part) for part in thing.calendar.parts):
        writing.losses.add("VTIMEZONE")
    return event


def _lose_second(writing: Writing, event: Component) -> None:
    """Note the properties of which there is one element, and the object has more."""
    first: dict[str, str] = {}
    for line in event.lines:
        if (
            line.name in _ONCE
            and first.setdefault(line.name, line.parsed.value) != line.parsed.value
        ):
            writing.losses.add(line.name)


def _own_zone(part: Component) -> bool:
    return part.name == "VTIMEZONE" and not canonical.is_known_zone(part)


# -- text


def _texts(writing: Writing, event: Component) -> Iterator[str]:
    yield xcal.element("product-id", kolab.PRODID)
    yield xcal.element("uid", xcal.text(writing.thing.uid))
    for name, written in (
        ("body", "DESCRIPTION"),
        ("summary", "SUMMARY"),
        ("location", "LOCATION"),
    ):
        found = event.first(written)
        if found:
            writing.lose(found)
            yield xcal.element(name, xcal.text(values.unescaped(found.value)))
    yield _categories(writing, event)
    yield _sensitivity(writing, event)


def _categories(writing: Writing, event: Component) -> str:
    names: list[str] = []
    for found in event.all("CATEGORIES"):
        writing.lose(found)
        names += [values.unescaped(each).strip() for each in values.listed(found.value)]
    if any("," in name or "\n" in name for name in names):
        writing.losses.add("CATEGORIES")  # a comma ends a category there
    return xcal.element("categories", xcal.text(",".join(filter(None, names))))


def _sensitivity(writing: Writing, event: Component) -> str:
    found = event.value("CLASS").upper() or "PUBLIC"
    if found not in _SENSITIVITIES:
        writing.losses.add("CLASS")  # what is not known is private (RFC 5545 §3.8.1.3)
    return xcal.element("sensitivity", _SENSITIVITIES.get(found, "private"))


def _stamps(writing: Writing, event: Component) -> Iterator[str]:
    changed = _stamp(event, "LAST-MODIFIED", "DTSTAMP") or writing.stamp
    yield xcal.element("creation-date", _stamp(event, "CREATED") or changed)
    yield xcal.element("last-modification-date", changed)
    number = event.value("SEQUENCE") or "0"
    if _REVISION.fullmatch(number):
        yield xcal.element("revision", number)
    else:
        writing.losses.add("SEQUENCE")


def _stamp(event: Component, *names: str) -> str:
    for name in names:
        try:
            return values.stamp(event.value(name))._replace(is_utc=True, is_day=False).extended
        except CalendarDataError:
            continue
    return ""


# -- people, and what the event is shown as


def _people(writing: Writing, event: Component) -> Iterator[str]:
    for found in event.all("ORGANIZER"):
        writing.lose(found, ("CN",))
        yield _person(writing, found)
    for found in event.all("ATTENDEE"):
        writing.lose(found, ("CN", "PARTSTAT", "ROLE", "RSVP"))
        yield _person(writing, found, *_answers(writing, found))


def _answers(writing: Writing, found: ContentLine) -> Iterator[str]:
    said = {name: each.upper() for name, each in found.parameters.items()}
    answer = said.get("PARTSTAT", "")
    if answer in _ANSWERS:
        yield xcal.element("status", _ANSWERS[answer])
    elif answer:
        writing.losses.add("PARTSTAT")
    yield xcal.element("request-response", "true" if said.get("RSVP") == "TRUE" else "false")
    role = said.get("ROLE") or "REQ-PARTICIPANT"
    if role not in _ROLES:
        writing.losses.add("ROLE")
    yield xcal.element("role", _ROLES.get(role, "required"))


def _person(writing: Writing, found: ContentLine, *further: str) -> str:
    scheme, colon, address = found.value.strip().partition(":")
    if not colon or scheme.lower() != "mailto":
        writing.losses.add(found.name)  # nobody by a mail address
        address = ""
    shown = values.from_carets(found.parameters.get("CN", ""))
    return xcal.element(
        found.name.lower(),
        xcal.element("display-name", xcal.text(shown)),
        xcal.element("smtp-address", xcal.text(address)),
        *further,
    )


def _shown(writing: Writing, event: Component) -> Iterator[str]:
    """Yield ``show-time-as``.

    Nothing is said where a meeting is not answered: that alone decides how it counts.
    """
    word = _word(event)
    waits = any(
        found.parameters.get("PARTSTAT", "").upper() == "NEEDS-ACTION"
        for found in event.all("ATTENDEE")
    )
    by_status = word == "free" and event.value("STATUS").upper() == "CANCELLED"
    if (word == "free" and not by_status) != _is_transparent(event):
        writing.losses.add("TRANSP")
    if word or not waits:
        yield xcal.element("show-time-as", word or "busy")


def _is_transparent(event: Component) -> bool:
    return event.value("TRANSP").upper() == "TRANSPARENT"


def _word(event: Component) -> str:
    """Return how an event counts: as Outlook's property says, else TRANSP, and STATUS on top."""
    word = _state(event) or ("free" if _is_transparent(event) else "")
    status = event.value("STATUS").upper()
    if status == "CANCELLED":
        return "free"
    return "tentative" if status == "TENTATIVE" and word in ("", "busy") else word


def _state(event: Component) -> str:
    for name in BUSY_STATE_PROPERTIES:
        said = event.value(name).upper()
        for word, known in STATE_WORDS.items():
            if said in known:
                return word
        if said in ("WORKINGELSEWHERE", "4"):
            return "free"
    return ""


# -- what else there is


def _alarms(writing: Writing, event: Component) -> Iterator[str]:
    alarms = [part for part in event.parts if part.name == "VALARM"]
    minutes = [found for found in (_minutes(alarm) for alarm in alarms) if found is not None]
    if len(minutes) < len(alarms) or len(minutes) > 1:
        writing.losses.add("VALARM")
    if minutes:
        yield xcal.element("alarm", str(minutes[0]))
        alarm = next(each for each in alarms if _minutes(each) is not None)
        text = alarm.value("DESCRIPTION")
        if text and text != (event.value("SUMMARY") or "Alarm"):
            yield _custom(ALARM_TEXT, text)


def _minutes(alarm: Component) -> int | None:
    """Return how many minutes before the start an alarm is shown; None for any other alarm."""
    named = {line.name for line in alarm.lines}
    if alarm.parts or not named <= {"ACTION", "DESCRIPTION", "TRIGGER"}:
        return None
    trigger = alarm.first("TRIGGER")
    if trigger is None or alarm.value("ACTION").upper() != "DISPLAY":
        return None
    if dict(canonical.telling("TRIGGER", trigger.parameters)):
        return None
    try:
        before = values.duration(trigger.value)
    except CalendarDataError:
        return None
    seconds = -(before.days * 86400 + before.seconds)
    return None if seconds % 60 else seconds // 60


def _files(writing: Writing, event: Component) -> Iterator[str]:
    for found in event.all("ATTACH"):
        if xcal.kind_of(found) == "binary":
            name = attachments.name_of(found, len(writing.files) + 1)
            if attachments.detach(found, writing.files):
                writing.lose(found, ("FMTTYPE", "X-LABEL", "ENCODING", "VALUE"))
                yield xcal.element("inline-attachment", xcal.text(name))
                continue
            writing.losses.add("ATTACH")
        elif found.value.strip().lower().startswith("cid:"):
            writing.losses.add("ATTACH")
        else:
            writing.lose(found)
            yield xcal.element("link-attachment", xcal.text(found.value.strip()))


def _customs(writing: Writing, event: Component) -> Iterator[str]:
    words = STATE_WORDS.get(_word(event), ())
    for line in event.lines:
        found = line.parsed
        if found.name.startswith(OTHERS):
            name = found.name.removeprefix(OTHERS).lower()
            yield xcal.element(name, xcal.text(values.unescaped(found.value)))
        elif found.name in KEPT:
            writing.lose(found)
            yield _custom(f"{OWN}{found.name}", found.value)
        elif found.name.startswith("X-") and not found.name.startswith(OWN):
            writing.lose(found)
            if found.name in BUSY_STATE_PROPERTIES and found.value.strip().upper() not in words:
                writing.losses.add(found.name)  # which counts only while it says the same
            yield _custom(found.name, found.value)


def _custom(key: str, content: str) -> str:
    return f"<x-custom key={xcal.attribute(key)} value={xcal.attribute(content)}/>"


_SECTIONS: tuple[Callable[[Writing, Component], Iterator[str]], ...] = (
    *(_texts, _stamps, kolab2times.write, _people, _files, _alarms, _customs, _shown),
)
