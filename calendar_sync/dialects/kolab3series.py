"""A series in Kolab 3: one rule, one list of further dates and one of exceptions.

Kolab's libraries read less than RFC 5545 has, and pass over BYSETPOS: a rule that they
would take for another, and dates of another kind than the start, are kept in ``x-custom``,
where free/busy and connectors read them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from calendar_sync.dialects import instances, values, xcal
from calendar_sync.dialects.kolab2 import OWN
from freebusy.contentline import ContentLine
from freebusy.errors import CalendarDataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calendar_sync.dialects.kolab import Writing
    from calendar_sync.dialects.objects import Component

KEPT = frozenset({"RRULE", "RDATE", "EXDATE"})

_RANGES = {
    "INTERVAL": (1, 2**31 - 1),
    "COUNT": (1, 2**31 - 1),
    "BYSECOND": (0, 60),
    "BYMINUTE": (0, 59),
    "BYHOUR": (0, 23),
    "BYMONTHDAY": (-31, 31),
    "BYYEARDAY": (-366, 366),
    "BYWEEKNO": (-53, 53),
    "BYMONTH": (1, 12),
}
_FREQUENCIES = frozenset(("SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"))
_NUMBER = re.compile(r"[+-]?\d{1,9}", re.ASCII)
_WEEKDAY = re.compile(r"(?:[+-]?\d{1,2})?(?:MO|TU|WE|TH|FR|SA|SU)")
_PLAIN_RULE = re.compile(r"[A-Za-z0-9=;,+-]{1,20000}", re.ASCII)


def rules(
    writing: Writing, component: Component, lines: list[ContentLine]
) -> Iterator[ContentLine]:
    """Yield the rule; where Kolab cannot say it, or there are several, all are kept."""
    start = component.first("DTSTART")
    found = [each if start is None else _named(writing, each, start) for each in lines]
    if len(found) == 1 and _is_known(found[0].value):
        yield found[0]
        return
    for each in lines:
        yield kept(writing, each)


def _named(writing: Writing, found: ContentLine, start: ContentLine) -> ContentLine:
    """Spell a weekday's place in its month in the one way that Kolab knows."""
    written = dict(_parts(found.value))
    if "BYSETPOS" not in written:
        return found
    named = instances.rule(found.value, start, writing.clocks)
    named |= {"UNTIL": written["UNTIL"]} if "UNTIL" in written else {}
    return found._replace(value=";".join(f"{key}={each}" for key, each in named.items()))


def _parts(rule: str) -> Iterator[tuple[str, str]]:
    for part in filter(None, rule.strip().upper().split(";")):
        name, _, listed = part.partition("=")
        yield name, listed


def _is_known(rule: str) -> bool:
    """Whether Kolab's libraries read all of a rule; they pass over BYSETPOS."""
    parts = list(_parts(rule))
    names = [name for name, _ in parts]
    once = len(set(names)) == len(names) and not {"COUNT", "UNTIL"} <= set(names)
    return once and all(_is_known_part(name, listed) for name, listed in parts)


def _is_known_part(name: str, listed: str) -> bool:
    if name in _RANGES:
        least, most = _RANGES[name]
        return all(
            _NUMBER.fullmatch(each) and least <= int(each) <= most for each in listed.split(",")
        )
    if name == "FREQ":
        return listed in _FREQUENCIES
    if name in ("BYDAY", "WKST"):
        return all(_WEEKDAY.fullmatch(each) for each in listed.split(","))
    return name == "UNTIL"


def further_dates(
    writing: Writing, component: Component, lines: list[ContentLine]
) -> Iterator[ContentLine]:
    """Yield further dates of the start's kind as one list; others are kept."""
    kind = _kind_of_start(component)
    for each in lines:
        if xcal.kind_of(each) != kind:
            yield kept(writing, each)
    yield from _in_one(writing, [each for each in lines if xcal.kind_of(each) == kind])


def kept(writing: Writing, found: ContentLine) -> ContentLine:
    """Return what is kept of a rule or of dates, and told lost."""
    writing.losses.add(found.name)
    value = found.value.strip()
    if found.name != "RRULE":
        value = ",".join(_in_utc(writing, found))
    elif not _PLAIN_RULE.fullmatch(value):
        raise CalendarDataError("a rule that cannot be read")
    return ContentLine(f"{OWN}{found.name}", {}, value)


def _in_utc(writing: Writing, found: ContentLine) -> Iterator[str]:
    """Yield dates and periods as free/busy reads them: without a zone beside them."""
    tzid = found.parameters.get("TZID", "")
    for text in found.value.split(","):
        times = text.strip().split("/")[:2]
        yield "/".join(
            values.duration(each).written
            if each[:1].upper() in ("P", "+")
            else writing.clocks.to_utc(values.stamp(each), tzid).basic
            for each in times
        )


def exceptions(
    writing: Writing, component: Component, lines: list[ContentLine]
) -> Iterator[ContentLine]:
    """Yield exceptions as one list, all of the start's kind where they are of several."""
    kinds = {xcal.kind_of(each) for each in lines}
    start = component.first("DTSTART")
    if len(kinds) == 1 or start is None:
        yield from _in_one(writing, lines)
        return
    writing.losses.add("EXDATE")
    yield from _in_one(writing, [_alike(each, start) for each in lines])


def _alike(found: ContentLine, start: ContentLine) -> ContentLine:
    """Return exceptions as days, or of days as the instances on them, like a start."""
    if xcal.kind_of(found) == xcal.kind_of(start):
        return found
    first = values.stamp(start.value.strip())
    days = [values.stamp(each.strip()) for each in found.value.split(",")]
    if first.is_day:
        days = [each._replace(is_day=True, is_utc=False) for each in days]
    else:
        days = [instances.on_day(each, first) for each in days]
    return start._replace(name=found.name, value=",".join(each.basic for each in days))


def _in_one(writing: Writing, lines: list[ContentLine]) -> Iterator[ContentLine]:
    """Yield dates as one list: in their zone, or in UTC where they have several."""
    if len({each.parameters.get("TZID", "") for each in lines}) < 2 and not _several_clocks(lines):
        for each in lines[:1]:
            yield each._replace(value=",".join(one.value for one in lines))
        return
    times = [
        writing.clocks.to_utc(values.stamp(text.strip()), each.parameters.get("TZID", "")).basic
        for each in lines
        for text in each.value.split(",")
    ]
    if any(_is_floating(each) for each in lines):
        writing.losses.add("TZID")
    yield ContentLine(lines[0].name, {}, ",".join(times))


def _several_clocks(lines: list[ContentLine]) -> bool:
    return len({_is_floating(each) for each in lines}) > 1


def _is_floating(found: ContentLine) -> bool:
    is_time = "T" in found.value.upper() and "TZID" not in found.parameters
    return is_time and not found.value.strip().upper().endswith("Z")


def _kind_of_start(component: Component) -> str:
    start = component.first("DTSTART")
    return xcal.kind_of(start) if start is not None else "date-time"
