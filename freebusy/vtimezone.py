"""A message's own VTIMEZONE, turned into a table (RFC 5545 §3.6.5).

The definition is first reduced to a canonical text, one line per observance::

    VTIMEZONE:<from>,<to>,<DTSTART local>,<RRULE>,<RDATE local>+<RDATE local>...|...

That text is the zone's key: it is stored with the record, it is what the table
is cached by, and equal definitions from different writers share one table.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from freebusy.contentline import accept_colon_in_zone
from freebusy.errors import CalendarDataError, RefusedRuleError
from freebusy.recurrence import starts
from freebusy.rule import parse_rule
from freebusy.values import UTC_ZONE, Moment, parse_moment
from freebusy.zones import Zone, named_zone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PREFIX = "VTIMEZONE:"
MAX_OBSERVANCES = 200
MAX_RDATES = 400
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2}):?(\d{2})?", re.ASCII)
_HORIZON = parse_moment("21000101T000000").local
_DAWN = parse_moment("19680101T000000").local
"""Yearly rules are written out from 1968 (a zone's far past decides nothing) to 2100."""
_ZONE_FREQUENCIES = ("YEARLY", "MONTHLY")


class Observance(NamedTuple):
    """One STANDARD or DAYLIGHT part: when which offset starts to hold."""

    offset_from: int
    offset_to: int
    start: int
    """Wall-clock seconds, on the clock of ``offset_from``."""
    rule: str
    further: tuple[int, ...]


def parse_offset(value: str) -> int:
    """Read a UTC-OFFSET in seconds (RFC 5545 §3.3.14); raises CalendarDataError."""
    match = _OFFSET.fullmatch(value.strip())
    if match is None or int(match[2]) > 18 or int(match[3]) > 59:
        raise CalendarDataError("a UTC offset that cannot be read")
    seconds = int(match[2]) * 3600 + int(match[3]) * 60 + int(match[4] or 0)
    return -seconds if match[1] == "-" else seconds


def observance(properties: Mapping[str, Sequence[str]]) -> Observance:
    """Read one observance from its raw lines, ``name -> rests``; raises CalendarDataError."""
    values = {
        name: accept_colon_in_zone(properties[name][-1])[1]
        for name in ("TZOFFSETFROM", "TZOFFSETTO", "DTSTART", "RRULE")
        if properties.get(name)
    }
    if "TZOFFSETTO" not in values:
        raise CalendarDataError("a VTIMEZONE part without TZOFFSETTO")
    to = parse_offset(values["TZOFFSETTO"])
    start = parse_moment(values.get("DTSTART", "19700101T000000")).local
    rdates = [accept_colon_in_zone(rest)[1] for rest in properties.get("RDATE", ())]
    further = [parse_moment(part).local for rdate in rdates for part in rdate.split(",")]
    return Observance(
        offset_from=parse_offset(values["TZOFFSETFROM"]) if "TZOFFSETFROM" in values else to,
        offset_to=to,
        start=start,
        rule=values.get("RRULE", "").strip().upper().replace(" ", ""),
        further=tuple(sorted(set(further))[:MAX_RDATES]),
    )


def zone_key(observances: Sequence[Observance]) -> str:
    """Return the canonical key of a definition; raises CalendarDataError where there is none."""
    if not 0 < len(observances) <= MAX_OBSERVANCES:
        raise CalendarDataError("a VTIMEZONE with no parts, or too many")
    rows = (
        f"{part.offset_from},{part.offset_to},{part.start},{part.rule.replace(',', '+')},"
        + "+".join(map(str, part.further))
        for part in sorted(set(observances))
    )
    return PREFIX + "|".join(rows)


def _observances(key: str) -> Iterator[Observance]:
    for row in key.removeprefix(PREFIX).split("|"):
        offset_from, to, start, rule, further = row.split(",")
        dates = tuple(int(date) for date in further.split("+") if date)
        yield Observance(int(offset_from), int(to), int(start), rule.replace("+", ","), dates)


def _onsets(part: Observance) -> Iterator[int]:
    """Yield the wall-clock onsets of one observance."""
    yield part.start
    yield from part.further
    if not part.rule:
        return
    rule = parse_rule(part.rule)
    if rule.freq not in _ZONE_FREQUENCIES:
        raise RefusedRuleError("a zone rule finer than monthly")
    until = _until(rule.until, part.offset_from)
    for start in starts(rule, part.start, max(part.start, _DAWN), _HORIZON):
        if start > until:
            return
        yield start


def _until(until: Moment | None, offset_from: int) -> int:
    """Return UNTIL on the observance's own wall clock; in a VTIMEZONE it is UTC (§3.3.10)."""
    if until is None:
        return _HORIZON
    if until.is_date:
        return until.local + 86399
    return until.local + offset_from if until.zone == UTC_ZONE else until.local


@lru_cache(maxsize=2048)
def compile_zone(key: str) -> Zone:
    """Return the table of a canonical definition; raises RefusedRuleError for hostile rules."""
    changes: dict[int, tuple[int, int]] = {}
    for part in _observances(key):
        for onset in _onsets(part):
            changes[onset - part.offset_from] = (part.offset_from, part.offset_to)
    onsets = sorted(changes)
    return Zone(onsets, [changes[onsets[0]][0], *(changes[onset][1] for onset in onsets)])


def zone(key: str) -> Zone:
    """Return the zone that a stored key names; raises CalendarDataError for one that is unknown."""
    return compile_zone(key) if key.startswith(PREFIX) else named_zone(key)


@lru_cache(maxsize=4096)
def disagree(key: str, definition: str, start: int, end: int) -> bool:
    """Whether two zones differ anywhere in ``[start, end)`` UTC seconds."""
    return zone(key).offsets_between(start, end) != zone(definition).offsets_between(start, end)
