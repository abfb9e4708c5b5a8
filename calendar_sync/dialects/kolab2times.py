"""When an event is, as Kolab 2 has it: in UTC, a series on the clock of its owner.

A series that the format has no words for is kept beside it, in ``x-custom`` elements of
ours: other clients show its first instance, free/busy shows them all.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from calendar_sync.dialects import (
    canonical,
    instances,
    kolab2expanded,
    kolab2moved,
    kolab2rule,
    rules,
    values,
    xcal,
)
from calendar_sync.dialects.clocks import on_wall
from freebusy.errors import CalendarDataError
from freebusy.values import UTC_ZONE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calendar_sync.dialects.kolab import Writing
    from calendar_sync.dialects.objects import Component
    from calendar_sync.dialects.values import Stamp
    from freebusy.contentline import ContentLine

_RULE = re.compile(r"[A-Z]+=[A-Z0-9,+-]+(;[A-Z]+=[A-Z0-9,+-]+){0,20}", re.ASCII)
_DAY = timedelta(days=1)
_KEPT_AT_ONCE = 1000
"""Dates in one element; a longer one would not be read."""


def write(writing: Writing, event: Component) -> Iterator[str]:
    """Yield the elements of when an event is, and note what is lost."""
    start = event.first("DTSTART")
    if start is None:
        raise CalendarDataError("an event without DTSTART")
    own = values.stamp(start.value.strip())
    first = _at(writing, own, start)
    yield xcal.element("start-date", first.extended)
    last = _last(writing, event, start, own)
    if last:
        yield xcal.element("end-date", last.extended)
    _lose_clock(writing, start, own)
    yield from _series(writing, event, start)


def _at(writing: Writing, at: Stamp, found: ContentLine) -> Stamp:
    """Return a time in UTC, or a date."""
    return writing.clocks.to_utc(at, found.parameters.get("TZID", ""))


def _lose_clock(writing: Writing, found: ContentLine, own: Stamp) -> None:
    """Note where a time's clock is another than the owner's, on which it will be."""
    if own.is_day:
        return
    tzid = found.parameters.get("TZID", "")
    is_owners = canonical.zone_name("UTC" if own.is_utc else tzid) == writing.clocks.owner
    if not is_owners:
        writing.losses.add("TZID")


def _last(writing: Writing, event: Component, start: ContentLine, own: Stamp) -> Stamp | None:
    """Return the end as Kolab has it: the last day of whole days."""
    found = event.first("DTEND")
    length = event.first("DURATION")
    if found is None and length is not None:
        is_series = event.first("RRULE") is not None
        found = instances.end(length, start, writing.clocks, is_series=is_series)
        if found is None:
            writing.losses.add("DURATION")
            lasting = values.duration(length.value)
            end = instances.after(own, lasting, start, writing.clocks)
            found = start._replace(value=end.basic)
    if found is None:
        return None
    said = values.stamp(found.value.strip())
    end = _at(writing, said, found)
    if said.is_day != own.is_day:
        writing.losses.add("DTEND")
    if not own.is_day or not end.is_day:
        if found.parameters.get("TZID") != start.parameters.get("TZID"):
            _lose_clock(writing, found, said)
        return end
    if end.wall <= own.wall:
        writing.losses.add("DTEND")  # an event of no length: the shortest is a day
        return own
    return end.plus(-_DAY)


def _series(writing: Writing, event: Component, start: ContentLine) -> Iterator[str]:
    own = values.stamp(start.value.strip())
    wall = writing.clocks.to_owner(_at(writing, own, start))
    shift = (wall.wall.date() - own.wall.date()).days
    found = [_rule(writing, each, start) for each in event.all("RRULE")]
    made = kolab2rule.recurrence(found[0], wall, shift) if len(found) == 1 else None
    gone = list(_gone(writing))
    if made:
        days = [_day(writing, each, start, shift) for each in gone]
        if None in days:
            writing.losses.add("EXDATE")
        held = [day for day in days if day is not None]
        yield kolab2rule.element(made, kolab2rule.moved(found[0], shift), held)
    elif found:
        writing.losses.add("RRULE")
        if not shift:
            yield from (_kept("RRULE", rules.written(each)) for each in found)
            yield _kept("EXDATE", *(_at(writing, *each).basic for each in gone))
    more = list(_further(writing, event))
    if more:
        writing.losses.add("RDATE")
    # a rule that is not kept, for its days are others on the owner's clock, and else where the
    # clocks disagree: an instance would be an hour off
    anyway = wall if made or not shift else None
    more += _expanded(writing, found, start, gone, anyway)
    yield _kept("RDATE", *dict.fromkeys((*more, *_moved(writing, event))))


def _expanded(
    writing: Writing,
    found: list[rules.Parts],
    start: ContentLine,
    gone: list[tuple[Stamp, ContentLine]],
    held: Stamp | None,
) -> Iterator[str]:
    """Yield the instances of rules in UTC, but for those that are gone.

    ``held`` is the time on the owner's clock at which instances are anyway.
    """
    first = values.stamp(start.value.strip())
    if first.is_day or not found:
        return
    zone = UTC_ZONE if first.is_utc else writing.clocks.key(start.parameters.get("TZID", ""), first)
    if held and zone == writing.clocks.owner:
        return
    away = {_at(writing, *each).basic for each in gone}
    now = values.stamp(writing.stamp)
    for rule in found[: kolab2expanded.MOST_RULES]:
        for each in kolab2expanded.instances(rule, first, zone, now):
            at = writing.clocks.to_owner(each).wall.time()
            if each.basic not in away and (held is None or at != held.wall.time()):
                yield each.basic


def _rule(writing: Writing, found: ContentLine, start: ContentLine) -> rules.Parts:
    parts = instances.rule(found.value, start, writing.clocks)
    if "UNTIL" in parts:
        values.stamp(parts["UNTIL"])
    if not _RULE.fullmatch(rules.written(parts)):
        raise CalendarDataError("a rule that cannot be read")
    return parts


def _kept(name: str, *found: str) -> str:
    """Return the elements that keep what the format has no words for; empty for nothing."""
    key = xcal.attribute(f"X-FREEBUSY-{name}")
    parts = (",".join(found[at : at + _KEPT_AT_ONCE]) for at in range(0, len(found), _KEPT_AT_ONCE))
    return "".join(f"<x-custom key={key} value={xcal.attribute(part)}/>" for part in parts)


def _gone(writing: Writing) -> Iterator[tuple[Stamp, ContentLine]]:
    """Yield the instances that are excluded or were cancelled, with the lines that say so.

    Others that were changed stay where they were: the owner is not free then.
    """
    for each in writing.thing.instances:
        for found in each.all("RECURRENCE-ID"):
            alone = "RANGE" not in found.parameters
            if alone and each.value("STATUS").upper() == "CANCELLED":
                yield values.stamp(found.value.strip()), found
    master = writing.thing.master
    for found in master.all("EXDATE") if master else ():
        for text in found.value.split(","):
            yield values.stamp(text.strip()), found


def _day(
    writing: Writing, gone: tuple[Stamp, ContentLine], start: ContentLine, shift: int
) -> Stamp | None:
    """Return an instance's day on the owner's clock; None for what is none of the series.

    An exclusion is a day: one of another time would take away an instance that is there.
    """
    at, found = gone
    first = values.stamp(start.value.strip())
    if not at.is_day:
        zone = writing.clocks.key(start.parameters.get("TZID", ""), first)
        at = on_wall(_at(writing, at, found), UTC_ZONE if first.is_utc else zone)
        if at.wall.time() != first.wall.time():
            return None
    return at.plus(shift * _DAY)


def _moved(writing: Writing, event: Component) -> Iterator[str]:
    """Yield what covers instances that were changed; that they are lost is told elsewhere."""
    for each in writing.thing.instances:
        if each is not event:
            yield from kolab2moved.starts(each, event, writing.clocks)


def _further(writing: Writing, event: Component) -> Iterator[str]:
    """Yield further instances in UTC, or as dates; of a period its start."""
    for found in event.all("RDATE"):
        for text in found.value.split(","):
            yield _at(writing, values.stamp(text.partition("/")[0].strip()), found).basic
