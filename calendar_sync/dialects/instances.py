"""When the instances of a component are, said in one way of several (RFC 5545 §3.8.2, §3.8.5).

An end may be written as a duration, an exception in UTC or in a zone, and a rule with or
without what DTSTART says: the instances are the same.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from calendar_sync.dialects import rules, values
from calendar_sync.dialects.clocks import in_utc, on_wall
from freebusy.errors import CalendarDataError
from freebusy.values import UTC_ZONE

if TYPE_CHECKING:
    from calendar_sync.dialects.clocks import Clocks
    from calendar_sync.dialects.values import Stamp
    from freebusy.contentline import ContentLine

_EXCEPTIONS = frozenset({"EXDATE", "RDATE", "RECURRENCE-ID"})
_RULES = frozenset({"RRULE", "EXRULE"})


def settled(found: list[ContentLine], clocks: Clocks) -> list[ContentLine]:
    """Return a component's properties, those that name its instances in one spelling each.

    What cannot be read stays as it is.
    """
    start = next((each for each in found if each.name == "DTSTART"), None)
    if start is None:
        return found
    is_series = any(each.name in _RULES for each in found)
    return [_settled(each, start, clocks, is_series=is_series) for each in found]


def _settled(
    found: ContentLine, start: ContentLine, clocks: Clocks, *, is_series: bool
) -> ContentLine:
    try:
        if found.name in _EXCEPTIONS:
            return _in_utc(found, clocks)
        if found.name in _RULES:
            return found._replace(value=rules.written(rule(found.value, start, clocks)))
        if found.name == "DURATION":
            return end(found, start, clocks, is_series=is_series) or found
    except CalendarDataError:
        return found
    return found


def _in_utc(found: ContentLine, clocks: Clocks) -> ContentLine:
    """Return exceptions in UTC; dates, periods and floating times as they are."""
    tzid = found.parameters.get("TZID")
    if tzid is None or "/" in found.value:
        return found
    kept = {key: each for key, each in found.parameters.items() if key != "TZID"}
    times = [values.stamp(each.strip()) for each in found.value.split(",")]
    return found._replace(
        parameters=kept, value=",".join(clocks.to_utc(each, tzid).basic for each in times)
    )


def rule(content: str, start: ContentLine, clocks: Clocks) -> rules.Parts:
    """Return the parts of a rule beside its DTSTART; raises CalendarDataError."""
    first = values.stamp(start.value.strip())
    zone = clocks.key(start.parameters.get("TZID", ""), first) if not first.is_utc else UTC_ZONE
    return rules.canonical(content, first, lambda at: on_wall(at, zone))


def end(
    length: ContentLine, start: ContentLine, clocks: Clocks, *, is_series: bool
) -> ContentLine | None:
    """Return the DTEND that a DURATION comes to; None where it does not say the same.

    A nominal day of a series is shorter or longer at times, which no DTEND says (§3.3.6).
    """
    lasting = values.duration(length.value)
    first = values.stamp(start.value.strip())
    if first.is_day:
        days = lasting.days + lasting.seconds // 86400
        return start._replace(name="DTEND", value=first.plus(timedelta(days=days)).basic)
    if lasting.days and is_series:
        return None
    return start._replace(name="DTEND", value=after(first, lasting, start, clocks).basic)


def after(first: Stamp, lasting: values.Duration, start: ContentLine, clocks: Clocks) -> Stamp:
    """Return a time some nominal days, and then exact seconds, later on the same clock."""
    moved = first.plus(timedelta(days=lasting.days))
    tzid = start.parameters.get("TZID", "")
    if moved.is_utc or not tzid:
        return moved.plus(timedelta(seconds=lasting.seconds))
    moment = clocks.to_utc(moved, tzid).plus(timedelta(seconds=lasting.seconds))
    return on_wall(moment, clocks.key(tzid, first))._replace(is_utc=False)


def on_day(day: Stamp, start: Stamp) -> Stamp:
    """Return the instance of a series on a day: at the time of its start, on the same clock."""
    wall = start.wall
    moved = day.wall.replace(hour=wall.hour, minute=wall.minute, second=wall.second)
    return start._replace(wall=moved)


def last(until: Stamp, start: Stamp, zone: str) -> Stamp:
    """Return an UNTIL of the kind that DTSTART asks for: a date, or a time in UTC (§3.3.10).

    ``start`` is on the clock of ``zone``; of a last day the time is that of the start.
    """
    if start.is_day:
        return until._replace(is_day=True)
    return in_utc(on_day(until, start) if until.is_day else until, zone)
