"""VTIMEZONE for the zones of the database (RFC 5545 §3.6.5), as today's rule has them.

The rule is the last line of a zone's file in the time zone database, a POSIX TZ string
(RFC 9636 §3.3).  Readers know these zones by their names; the definition is for those that
do not, and because an iCalendar object must define each zone that it names.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

from calendar_sync.dialects.objects import Component, line
from freebusy.values import UTC_ZONE
from freebusy.zones import database_names

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = r"(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]+>)"
_OFFSET = r"[+-]?\d{1,3}(?::\d\d){0,2}"
_DATE = rf"M(\d+)\.(\d)\.(\d)(?:/({_OFFSET}))?"
_RULE = re.compile(rf"({_NAME})({_OFFSET})(?:({_NAME})({_OFFSET})?,{_DATE},{_DATE})?", re.ASCII)
_WEEKDAYS = ("SU", "MO", "TU", "WE", "TH", "FR", "SA")
_YEAR = 1970
"""In which definitions start; for what was before, clients have the name."""
_LAST = 5


class _Change(NamedTuple):
    """The n-th weekday of a month, and seconds from its midnight on the clock before."""

    month: int
    week: int
    weekday: int
    seconds: int


def define(calendar: Component) -> None:
    """Put the definitions of the zones that an object names, and does not define, before it."""
    defined = {part.value("TZID") for part in calendar.parts if part.name == "VTIMEZONE"}
    named = {each for part in calendar.parts for each in _named(part)} - defined
    names = database_names()
    known = [name for name in sorted(named) if names.get(name.casefold()) == name]
    calendar.parts = [*map(definition, known), *calendar.parts]


def _named(component: Component) -> Iterator[str]:
    """Yield the TZIDs of a component and of those in it."""
    for each in component.lines:
        if "TZID=" in each.rest.upper():
            yield each.parsed.parameters.get("TZID", "")
    for part in component.parts:
        yield from _named(part)


def definition(zone: str) -> Component:
    """Return the VTIMEZONE of a zone of the database; one in UTC for a name it does not know."""
    return Component("VTIMEZONE", [line("TZID", zone)], list(_observances(_posix(zone))))


@lru_cache(maxsize=1024)
def _posix(zone: str) -> str:
    if zone == UTC_ZONE or database_names().get(zone.casefold()) != zone:
        return "UTC0"
    path = resources.files("tzdata").joinpath("zoneinfo", *zone.split("/"))
    return path.read_bytes().rstrip(b"\n").rpartition(b"\n")[2].decode("ascii")


@lru_cache(maxsize=256)
def _observances(posix: str) -> tuple[Component, ...]:
    match = _RULE.fullmatch(posix)
    if match is None:
        return _observances("UTC0")
    name, offset, summer, summer_offset, *dates = match.groups()
    standard = -_seconds(offset)
    if not summer:
        return (_observance("STANDARD", name, standard, standard, None),)
    daylight = -_seconds(summer_offset) if summer_offset else standard + 3600
    to_daylight, to_standard = _change(dates[:4]), _change(dates[4:])
    kinds = ("DAYLIGHT", "STANDARD") if daylight > standard else ("STANDARD", "DAYLIGHT")
    return (  # Ireland's summer time is its standard one, for which iCalendar has no word
        _observance(kinds[0], summer, standard, daylight, to_daylight),
        _observance(kinds[1], name, daylight, standard, to_standard),
    )


def _change(groups: list[str]) -> _Change:
    month, week, weekday = map(int, groups[:3])
    return _Change(month, week, weekday, _seconds(groups[3] or "2"))


def _seconds(text: str) -> int:
    hours, minutes, seconds = ([*map(int, text.lstrip("+-").split(":")), 0, 0])[:3]
    total = 3600 * hours + 60 * minutes + seconds
    return -total if text.startswith("-") else total


def _observance(kind: str, name: str, before: int, after: int, change: _Change | None) -> Component:
    lines = [line("TZNAME", name.strip("<>"))]
    lines += [line("TZOFFSETFROM", _offset(before)), line("TZOFFSETTO", _offset(after))]
    if change is None:
        return Component(kind, [*lines, line("DTSTART", f"{_YEAR}0101T000000")])
    shift, seconds = divmod(change.seconds, 86400)
    day, rule = _days(change, shift)
    start = datetime(day.year, day.month, day.day) + timedelta(seconds=seconds)  # noqa: DTZ001 - on the wall of the zone
    lines += [line("DTSTART", f"{start:%Y%m%dT%H%M%S}"), line("RRULE", f"FREQ=YEARLY;{rule}")]
    return Component(kind, lines)


def _days(change: _Change, shift: int) -> tuple[date, str]:
    """Return the first day of a change, and the part of a rule that names its days.

    A time beyond midnight (Gaza, Nuuk) is on another day than the one that the rule counts.
    """
    length = (date(_YEAR, change.month % 12 + 1, 1) - timedelta(days=1)).day
    first = (length - 6 if change.week == _LAST else 7 * change.week - 6) + shift
    weekday = (change.weekday + shift) % 7
    days = [date(_YEAR, change.month, 1) + timedelta(days=first - 1 + n) for n in range(7)]
    day = next(each for each in days if each.isoweekday() % 7 == weekday)
    if not shift:
        week = -1 if change.week == _LAST else change.week
        return day, f"BYMONTH={change.month};BYDAY={week}{_WEEKDAYS[weekday]}"
    # counted from the end of the year, which leap years do not change
    numbers = ",".join(str((each - date(_YEAR + 1, 1, 1)).days) for each in days)
    return day, f"BYYEARDAY={numbers};BYDAY={_WEEKDAYS[weekday]}"


def _offset(seconds: int) -> str:
    sign, (minutes, rest) = "-" if seconds < 0 else "+", divmod(abs(seconds), 60)
    return f"{sign}{minutes // 60:02}{minutes % 60:02}" + (f"{rest:02}" if rest else "")
