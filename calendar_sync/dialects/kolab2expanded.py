"""A series of another zone in Kolab 2, which has the owner's only: as further instances.

On the owner's clock such a series is an hour off while one of the zones has summer time, and
where its days are others there, a rule that Kolab 2 has no words for would be another rule.
The instances of the years round now say when it is.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from calendar_sync.dialects import rules, values
from calendar_sync.dialects.clocks import in_utc
from freebusy.errors import CalendarDataError
from freebusy.recurrence import starts
from freebusy.rule import parse_rule
from freebusy.values import from_naive, to_naive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calendar_sync.dialects.values import Stamp

MOST = 1500
"""Instances of one rule."""
MOST_RULES = 20
"""Rules of one series; RFC 5545 §3.8.5.3 means one."""
_BACK, _AHEAD = timedelta(days=366), timedelta(days=3 * 366)


def instances(found: rules.Parts, first: Stamp, zone: str, now: Stamp) -> Iterator[Stamp]:
    """Yield a rule's instances in UTC from a year before now on, for three years.

    ``first`` is DTSTART on the clock of ``zone``, a zone key.  A rule that free/busy refuses
    has none.
    """
    until = found.get("UNTIL")
    last = values.stamp(until) if until else None
    parts = {name: content for name, content in found.items() if name != "UNTIL"}
    low, high = (from_naive(now.plus(far).wall) for far in (-_BACK, _AHEAD))
    try:
        rule = parse_rule(rules.written(parts))
        walls = islice(starts(rule, from_naive(first.wall), low, high), MOST)
        times = [first._replace(wall=to_naive(wall)) for wall in walls]
    except CalendarDataError:
        return
    for time in takewhile(lambda each: last is None or _is_by(each, last, zone), times):
        yield in_utc(time, zone)


def _is_by(time: Stamp, last: Stamp, zone: str) -> bool:
    """Whether an instance is no later than an UNTIL, which may be a day."""
    if last.is_day:
        return time.wall.date() <= last.wall.date()
    return in_utc(time, zone).wall <= in_utc(last, zone).wall
