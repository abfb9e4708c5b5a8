"""What the schema of Kolab 3 has a place for, and a component cut to it (libkolabxml 1.2).

Kolab's clients refuse a whole document for one element that is not in the schema, that is
there twice, or that holds another word than they know; the event is nowhere then.  What
only describes and has no place is kept in ``x-custom``; so are rules and further dates.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from calendar_sync.dialects import canonical, instances, kolab2, kolab3series, values, xcal
from calendar_sync.dialects.kolab2 import OWN
from freebusy.contentline import ContentLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from calendar_sync.dialects.kolab import Writing
    from calendar_sync.dialects.objects import Component
    from calendar_sync.dialects.values import Stamp

_HEAD = ("UID", "CREATED", "DTSTAMP", "SEQUENCE", "CLASS", "CATEGORIES")
_SERIES = ("RRULE", "RDATE", "EXDATE", "RECURRENCE-ID")
_TEXTS = ("SUMMARY", "DESCRIPTION", "COMMENT")
_TAIL = ("LOCATION", "ORGANIZER", "URL", "ATTENDEE", "ATTACH")
ORDERS = {
    "VEVENT": (
        *(*_HEAD, "DTSTART", "DTEND", "DURATION", "TRANSP", *_SERIES, *_TEXTS),
        *("PRIORITY", "STATUS", *_TAIL),
    ),
    "VTODO": (
        *(*_HEAD, "RELATED-TO", "DTSTART", "DUE", *_SERIES, *_TEXTS),
        *("PRIORITY", "STATUS", "PERCENT-COMPLETE", *_TAIL),
    ),
    "VJOURNAL": (
        *(*_HEAD, "RELATED-TO", "DTSTART", *_TEXTS, "STATUS", "CONTACT", "ATTENDEE", "ATTACH"),
    ),
    "VALARM": (
        *("ACTION", "SUMMARY", "DESCRIPTION", "ATTENDEE", "ATTACH", "TRIGGER"),
        *("DURATION", "REPEAT"),
    ),
}
"""The properties that the schema has in each component, in its order."""
_MANY = frozenset({"RELATED-TO", "ATTENDEE", "ATTACH"})
KEPT = (kolab2.KEPT - {"STATUS"}) | {"DESCRIPTION"}
"""Properties that are kept where the schema has no place for them."""
_WORDS = {
    "ACTION": frozenset({"DISPLAY", "EMAIL", "AUDIO"}),
    "STATUS": frozenset(
        (
            *("NEEDS-ACTION", "COMPLETED", "IN-PROCESS", "CANCELLED", "TENTATIVE", "CONFIRMED"),
            *("DRAFT", "FINAL"),
        )
    ),
    "TRANSP": frozenset({"OPAQUE", "TRANSPARENT"}),
    "CLASS": frozenset({"PUBLIC", "PRIVATE", "CONFIDENTIAL"}),
}
_PARAMETER_WORDS = {
    "ACTION": frozenset({"DISPLAY", "EMAIL", "AUDIO"}),
    "PARTSTAT": frozenset(
        (
            *("NEEDS-ACTION", "ACCEPTED", "DECLINED", "TENTATIVE", "DELEGATED"),
            *("IN-PROCESS", "COMPLETED"),
        )
    ),
    "ROLE": frozenset({"CHAIR", "REQ-PARTICIPANT", "OPT-PARTICIPANT", "NON-PARTICIPANT"}),
    "CUTYPE": frozenset({"INDIVIDUAL", "GROUP", "RESOURCE", "ROOM", "UNKNOWN"}),
    "RSVP": frozenset({"TRUE", "FALSE"}),
    "RANGE": frozenset({"THISANDFUTURE"}),
    "RELATED": frozenset({"START", "END"}),
}
_TYPED = frozenset({"DTSTART", "DTEND", "DUE", "TRIGGER", "ATTACH", *_SERIES})
"""Properties whose VALUE is the name of an element, or ends as an address."""
ACTIONS = _WORDS["ACTION"]
_NEEDED = {"DISPLAY": ("DESCRIPTION",), "EMAIL": ("SUMMARY", "DESCRIPTION")}
"""Texts without which Kolab's libraries take an alarm, and the event, for broken."""
_MOST_CHANGES = 2**31 - 1
"""What a SEQUENCE can be in Kolab's libraries."""


def fitted(writing: Writing, component: Component, found: list[ContentLine]) -> list[ContentLine]:
    """Return properties that the schema has, each as often as it may be there.

    ``found`` are the component's, with the stamps that it needs.  X- properties stay, and
    what is kept becomes one; what is lost is noted.  Raises CalendarDataError.
    """
    order = ORDERS[component.name]
    own = {each.name for each in found if each.name.startswith(OWN)}
    writing.losses.update(own)
    fitting = [_worded(writing, _typed(writing, each)) for each in found if each.name not in own]
    single = list(_counted(writing, component, [each for each in fitting if each]))
    if component.name == "VALARM":
        held = [each for each in single if each.name in order]
        writing.losses.update(each.name for each in fitting if each and each.name not in order)
        return [*held, *_further_texts(component)]
    return [each for one in single for each in _placed(writing, one, order)]


def _typed(writing: Writing, found: ContentLine) -> ContentLine:
    """Return a property with the type of value that its element has."""
    if found.name in _TYPED or found.name.startswith("X-"):
        return found
    kept = {key: each for key, each in found.parameters.items() if key not in ("VALUE", "ENCODING")}
    writing.lose(found, kept)
    return found._replace(parameters=kept)


def _worded(writing: Writing, found: ContentLine) -> ContentLine | None:
    """Return a property with words that Kolab's libraries know; None where it has none."""
    known = dict(found.parameters)
    for key in known.keys() & _PARAMETER_WORDS.keys():
        known[key] = known[key].upper()
        if known[key] not in _PARAMETER_WORDS[key]:
            del known[key]
            writing.lose(found, found.parameters.keys() - {key})
    found = found._replace(parameters=known)
    if found.name not in _WORDS:
        return found
    word = found.value.strip().upper()
    if word in _WORDS[found.name]:
        return found._replace(value=word)
    writing.losses.add(found.name)
    # a CLASS that nobody knows is PRIVATE (RFC 5545 §3.8.1.3)
    return found._replace(value="PRIVATE") if found.name == "CLASS" else None


def _further_texts(alarm: Component) -> Iterator[ContentLine]:
    for name in _NEEDED.get(alarm.value("ACTION").upper(), ()):
        if alarm.first(name) is None:
            yield ContentLine(name, {}, "")


def _counted(
    writing: Writing, component: Component, found: list[ContentLine]
) -> Iterator[ContentLine]:
    """Yield properties no oftener than the schema lets them be; the others are kept or lost."""
    by_name: dict[str, list[ContentLine]] = {}
    for each in found:
        by_name.setdefault(each.name, []).append(each)
    for name, lines in by_name.items():
        if name in _COUNTED:
            yield from _COUNTED[name](writing, component, lines)
        elif name in _MANY or name.startswith("X-") or name in xcal.LISTS:
            yield from lines
        else:
            yield from _first(writing, lines, keeps=component.name != "VALARM")


def _first(writing: Writing, lines: list[ContentLine], *, keeps: bool) -> Iterator[ContentLine]:
    yield lines[0]
    for each in lines[1:]:
        if keeps and each.name in KEPT:
            yield _kept(each)
        elif each != lines[0]:
            writing.losses.add(each.name)


def _kept(found: ContentLine) -> ContentLine:
    return found._replace(name=f"{OWN}{found.name}")


def _placed(writing: Writing, found: ContentLine, order: tuple[str, ...]) -> Iterator[ContentLine]:
    """Yield a property that has an element, or is kept; none for what is lost."""
    if found.name in order or found.name.startswith("X-"):
        yield found
    elif found.name in KEPT and canonical.counts(found):
        yield _kept(found)
    elif found.name in kolab3series.KEPT:
        yield kolab3series.kept(writing, found)
    elif canonical.counts(found):
        writing.losses.add(found.name)


# -- what may be there once


def _files(
    writing: Writing, component: Component, lines: list[ContentLine]
) -> Iterator[ContentLine]:
    return iter(lines) if component.name != "VALARM" else _first(writing, lines, keeps=False)


def _categories(
    _writing: Writing, _component: Component, lines: list[ContentLine]
) -> Iterator[ContentLine]:
    parameters = {key: each for line in lines for key, each in line.parameters.items()}
    yield ContentLine("CATEGORIES", parameters, ",".join(line.value for line in lines))


def _sequence(
    writing: Writing, _component: Component, lines: list[ContentLine]
) -> Iterator[ContentLine]:
    number = lines[0].value.strip()
    if len(number) > 9:
        writing.losses.add("SEQUENCE")
        number = str(_MOST_CHANGES)
    yield lines[0]._replace(value=number)


def _length(
    writing: Writing, component: Component, lines: list[ContentLine]
) -> Iterator[ContentLine]:
    """Yield a length; of a task, which has an end only, the end."""
    start = component.first("DTSTART")
    if component.name != "VTODO" or start is None:
        yield from _first(writing, lines, keeps=False)
        return
    writing.losses.add("DURATION")
    end = instances.end(lines[0], start, writing.clocks, is_series=False)
    if end is not None:
        yield end._replace(name="DUE")


def _end(writing: Writing, component: Component, lines: list[ContentLine]) -> Iterator[ContentLine]:
    """Yield an end; one that is a day where the start is a time, or the other way, as such."""
    start = component.first("DTSTART")
    end = lines[0]
    if start is not None and xcal.kind_of(start) != xcal.kind_of(end):
        writing.losses.add(end.name)
        at, first = values.stamp(end.value.strip()), values.stamp(start.value.strip())
        end = start._replace(name=end.name, value=_like(at, first).basic)
    yield from _first(writing, [end, *lines[1:]], keeps=False)


def _like(end: Stamp, start: Stamp) -> Stamp:
    """Return an end of the kind that a start is: midnight, or the day that it is in or ends."""
    if not start.is_day:
        return start._replace(wall=end.wall)
    day = end._replace(is_day=True, is_utc=False)
    midnight = end.wall.replace(hour=0, minute=0, second=0)
    return day if end.wall == midnight else day.plus(timedelta(days=1))


_COUNTED: dict[str, Callable[[Writing, Component, list[ContentLine]], Iterator[ContentLine]]] = {
    "ATTACH": _files,
    "CATEGORIES": _categories,
    "SEQUENCE": _sequence,
    "DURATION": _length,
    "DTEND": _end,
    "DUE": _end,
    "RRULE": kolab3series.rules,
    "RDATE": kolab3series.further_dates,
    "EXDATE": kolab3series.exceptions,
}
