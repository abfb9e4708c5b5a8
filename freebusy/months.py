"""MONTHLY and YEARLY starts by arithmetic: no walk, no datetime (RFC 5545 §3.3.10).

Takes the rules that people make: days of the month, weekdays of the month, the n-th or
last of them.  All other rules are python-dateutil's, to which this is equal by test.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING

from freebusy.values import DAY, LATEST, to_naive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from freebusy.rule import Days, Numbers, Rule

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_LAST_MONTH = 9998 * 12


def by_arithmetic(rule: Rule) -> bool:
    """Whether a completed MONTHLY or YEARLY rule can be taken here."""
    one_time = len(rule.by_hour) == len(rule.by_minute) == len(rule.by_second) == 1
    if not one_time or rule.by_year_day or rule.by_week_no:
        return False
    if rule.freq == "MONTHLY":
        return True
    # an ordinal weekday without BYMONTH counts in the year, a BYSETPOS over all its months
    return rule.freq == "YEARLY" and bool(rule.by_month) and not rule.by_set_pos


def month_starts(rule: Rule, dtstart: int, low: int) -> Iterator[int]:
    """Yield a completed rule's starts from before ``max(low, dtstart)`` on, rising, without end.

    With COUNT they begin at DTSTART's own period, so that the caller can count.
    """
    first = to_naive(dtstart)
    clock = rule.by_hour[0] * 3600 + rule.by_minute[0] * 60 + min(rule.by_second[0], 59)
    origin = first.year * 12 + (first.month - 1 if rule.freq == "MONTHLY" else 0)
    step = rule.interval * (1 if rule.freq == "MONTHLY" else 12)
    turns = 0
    if rule.count is None and low > dtstart:
        target = to_naive(min(low, LATEST))
        turns = max(0, (target.year * 12 + target.month - 1 - origin) // step - 1)
    for month in count(origin + turns * step, step):
        if month > _LAST_MONTH:
            return
        for one in _months(rule, month):
            for day in _days(one, rule.by_day, rule.by_month_day, rule.by_set_pos):
                yield day + clock


def _months(rule: Rule, month: int) -> Numbers:
    """Return the months of one period, counted from the year 0."""
    if rule.freq == "YEARLY":
        return tuple(month + number - 1 for number in rule.by_month)
    return (month,) if not rule.by_month or month % 12 + 1 in rule.by_month else ()


@lru_cache(maxsize=8192)
def _days(month: int, by_day: Days, by_month_day: Numbers, by_set_pos: Numbers) -> Numbers:
    """Return the midnights of a month's days that the BY-parts name, in wall-clock seconds."""
    midnight = date(month // 12, month % 12 + 1, 1).toordinal() - _EPOCH_ORDINAL
    length = _length(month)
    days = set(range(1, length + 1))
    if by_month_day:
        days &= {number if number > 0 else length + 1 + number for number in by_month_day}
    if by_day:
        days &= set(_weekdays((midnight + 3) % 7, length, by_day))
    chosen = sorted(days)
    if by_set_pos:
        chosen = _positions(chosen, by_set_pos)
    return tuple((midnight + day - 1) * DAY for day in chosen)


def _length(month: int) -> int:
    here = date(month // 12, month % 12 + 1, 1)
    following = date((month + 1) // 12, (month + 1) % 12 + 1, 1)
    return following.toordinal() - here.toordinal()


def _weekdays(first: int, length: int, by_day: Days) -> Iterator[int]:
    """Yield the days of a month, whose first is a weekday ``first``, that BYDAY names."""
    for ordinal, weekday in by_day:
        days = range((weekday - first) % 7 + 1, length + 1, 7)
        if not ordinal:
            yield from days
        elif abs(ordinal) <= len(days):
            yield days[ordinal - 1 if ordinal > 0 else ordinal]


def _positions(days: list[int], by_set_pos: Numbers) -> list[int]:
    """Return the days at the positions that BYSETPOS names, each once."""
    at = {position - 1 if position > 0 else len(days) + position for position in by_set_pos}
    return [days[index] for index in sorted(at) if 0 <= index < len(days)]
