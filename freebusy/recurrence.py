"""Recurrence rules: rule to starts inside a window, bounded (RFC 5545 §3.3.10).

Everything is wall-clock time (:mod:`freebusy.values`): a rule runs on the clock
on the wall, and zones come afterwards.

A rule is first *completed*: what it leaves to DTSTART is written into it.  Then
it no longer matters where it is started, so the walk begins at the period just
before the window and not at a DTSTART twenty years ago.  Plain DAILY and WEEKLY
rules, and days of months (:mod:`freebusy.months`), need no walk at all: they are
nearly all that people have.  The rest is python-dateutil's, which knows no limit of
steps: hostile rules are refused before they run, and the caller's CPU budget stops
what gets through.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Literal

from dateutil import rrule as dateutil_rrule

from freebusy.errors import RefusedRuleError
from freebusy.months import by_arithmetic, month_starts
from freebusy.rule import FREQUENCIES, UNIT
from freebusy.values import DAY, LATEST, from_naive, to_naive

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from freebusy.rule import Days, Numbers, Rule


def complete(rule: Rule, dtstart: int) -> Rule:
    """Write into a rule what it leaves to DTSTART (RFC 5545 §3.3.10, last paragraphs)."""
    first = to_naive(dtstart)
    changes: dict[str, Numbers | Days] = {}
    order = FREQUENCIES.index(rule.freq)
    for name, finer, value in (
        ("by_second", 6, first.second),
        ("by_minute", 5, first.minute),
        ("by_hour", 4, first.hour),
    ):
        if order < finer and not getattr(rule, name):
            changes[name] = (value,)
    changes |= _days_from_dtstart(rule, first)
    if rule.freq not in ("YEARLY", "MONTHLY") or rule.by_week_no:
        # an ordinal has no meaning here (§3.3.10, BYDAY); the weekday alone is the busier reading
        changes.setdefault("by_day", tuple(sorted({(0, day) for _, day in rule.by_day})))
    elif any(ordinal for ordinal, _ in rule.by_day):
        changes["by_day"] = _ordinals_only(rule)
    return replace(rule, **changes)  # type: ignore[arg-type]  # each name above is a field of its type


def _ordinals_only(rule: Rule) -> Days:
    """Spell ``MO,2TU`` as ``1MO,2MO,...,2TU``: dateutil takes a mixture for an intersection."""
    most = 5 if rule.freq == "MONTHLY" or rule.by_month else 53
    spelled = {(nth, day) for zero, day in rule.by_day if not zero for nth in range(1, most + 1)}
    return tuple(sorted(spelled | {pair for pair in rule.by_day if pair[0]}))


def _days_from_dtstart(rule: Rule, first: datetime) -> dict[str, Numbers | Days]:
    days_named = rule.by_day or rule.by_month_day or rule.by_year_day
    weekday = ((0, first.weekday()),)
    if rule.freq == "WEEKLY":
        return {} if rule.by_day else {"by_day": weekday}
    if rule.freq == "MONTHLY":
        return {} if days_named else {"by_month_day": (first.day,)}
    if rule.freq != "YEARLY" or days_named:
        return {}
    if rule.by_week_no:
        return {"by_day": weekday}
    month = {} if rule.by_month else {"by_month": (first.month,)}
    return {"by_month_day": (first.day,), **month}


def starts(rule: Rule, dtstart: int, low: int, high: int) -> Iterable[int]:
    """Return the rule's starts in ``[max(low, dtstart), high)``, rising, in wall-clock seconds.

    COUNT counts from DTSTART; UNTIL is the caller's, who knows the zone.  DTSTART
    itself comes only where the rule gives it.
    """
    plain = _every_weekday(rule) if rule.freq == "DAILY" and rule.by_day else rule
    if plain.freq in ("DAILY", "WEEKLY") and not _has_parts(plain):
        return _stepped(plain, dtstart, low, high)
    return _walked(rule, dtstart, low, high)


def _every_weekday(rule: Rule) -> Rule:
    """Return FREQ=DAILY;BYDAY=MO,TU,... as the weekly rule with the same starts: no walk."""
    return replace(rule, freq="WEEKLY") if rule.interval == 1 else rule


def _has_parts(rule: Rule) -> bool:
    """Whether a DAILY or WEEKLY rule says more than INTERVAL, COUNT, UNTIL and, if weekly, days."""
    days = rule.freq == "DAILY" and rule.by_day
    times = rule.by_second or rule.by_minute or rule.by_hour
    return bool(days or times or rule.by_month or rule.by_month_day or rule.by_set_pos) or bool(
        rule.by_year_day or rule.by_week_no
    )


def _stepped(rule: Rule, dtstart: int, low: int, high: int) -> list[int]:
    """Compute plain DAILY and WEEKLY starts by arithmetic, COUNT included."""
    if rule.freq == "DAILY":
        base, offsets, step = dtstart, [0], rule.interval * DAY
    else:
        midnight = dtstart - dtstart % DAY
        weekday = (midnight // DAY + 3) % 7  # 1970-01-01 was a Thursday
        clock = dtstart - midnight
        base = midnight - (weekday - rule.week_start) % 7 * DAY
        days = {day for _, day in rule.by_day} or {weekday}
        offsets = sorted((day - rule.week_start) % 7 * DAY + clock for day in days)
        step = rule.interval * 7 * DAY
    turn = max(0, (low - base) // step)
    turns = range(base + turn * step, high, step)
    found = [begin + offset for begin in turns for offset in offsets]
    first = bisect_left(found, dtstart)
    if rule.count is not None:
        earlier = max(0, turn * len(offsets) - bisect_left(offsets, dtstart - base))
        found = found[: first + max(0, rule.count - earlier)]
    return found[max(first, bisect_left(found, low)) : bisect_left(found, high)]


def _walked(rule: Rule, dtstart: int, low: int, high: int) -> Iterator[int]:
    """Walk a completed rule from the last period before the window."""
    full = complete(rule, dtstart)
    origin = _period_start(full, dtstart)
    _refuse_out_of_step(full, to_naive(origin))
    if by_arithmetic(full):
        walk = month_starts(full, dtstart, low)
    else:
        if rule.count is None:
            origin = _forwarded(full, origin, max(low, dtstart))
        walk = (from_naive(start) for start in _dateutil(full, to_naive(origin), high))
    found: Iterator[int] = (start for start in walk if start >= dtstart)
    if rule.count is not None:
        found = islice(found, rule.count)
    return (start for start in takewhile(lambda start: start < high, found) if start >= low)


def _refuse_out_of_step(rule: Rule, origin: datetime) -> None:
    """Refuse a MONTHLY rule whose INTERVAL never lands on its BYMONTH."""
    if rule.freq == "MONTHLY" and rule.by_month:
        reached = {(origin.month - 1 + turn * rule.interval) % 12 + 1 for turn in range(12)}
        if not reached & set(rule.by_month):
            raise RefusedRuleError("a rule that can never match")


def _period_start(rule: Rule, local: int) -> int:
    """Return where the year, month, week, day, hour, minute or second of a time starts."""
    if rule.freq in UNIT:
        return local - local % UNIT[rule.freq]
    midnight = local - local % DAY
    if rule.freq == "WEEKLY":
        return midnight - ((midnight // DAY + 3) % 7 - rule.week_start) % 7 * DAY
    first = to_naive(midnight).replace(day=1)
    return from_naive(first.replace(month=1) if rule.freq == "YEARLY" else first)


def _forwarded(rule: Rule, origin: int, target: int) -> int:
    """Return the start of the last period, in step with INTERVAL, well before ``target``."""
    if target <= origin:
        return origin
    if rule.freq == "WEEKLY" or rule.freq in UNIT:
        step = rule.interval * (UNIT.get(rule.freq) or 7 * DAY)
        return origin + max(0, (target - origin) // step - 1) * step
    begin, end = to_naive(origin), to_naive(min(target, LATEST))
    if rule.freq == "YEARLY":
        turns = max(0, (end.year - begin.year) // rule.interval - 1)
        return from_naive(begin.replace(year=begin.year + turns * rule.interval))
    months = (end.year - begin.year) * 12 + end.month - begin.month
    ahead = begin.month - 1 + max(0, months // rule.interval - 1) * rule.interval
    return from_naive(begin.replace(year=begin.year + ahead // 12, month=ahead % 12 + 1))


def _dateutil(rule: Rule, dtstart: datetime, high: int) -> Iterator[datetime]:
    by_day = [_weekday_of(ordinal, day) for ordinal, day in rule.by_day]
    numbers = {
        "bysecond": tuple(min(second, 59) for second in rule.by_second),
        "byminute": rule.by_minute,
        "byhour": rule.by_hour,
        "bymonthday": rule.by_month_day,
        "byyearday": rule.by_year_day,
        "byweekno": rule.by_week_no,
        "bymonth": rule.by_month,
        "bysetpos": rule.by_set_pos,
    }
    try:
        walk = dateutil_rrule.rrule(
            _FREQUENCY_NUMBER[rule.freq],
            dtstart=dtstart,
            interval=rule.interval,
            wkst=rule.week_start,
            byweekday=by_day or None,
            until=to_naive(min(high, LATEST)),
            **{name: list(value) or None for name, value in numbers.items()},  # type: ignore[arg-type]  # lists of int or None, by name
        )
    except ValueError as error:
        # dateutil finds some never-matching clock rules itself
        raise RefusedRuleError("a rule that can never match") from error
    return iter(walk)


_FREQUENCY_NUMBER: dict[str, Literal[0, 1, 2, 3, 4, 5, 6]] = {
    "YEARLY": 0,
    "MONTHLY": 1,
    "WEEKLY": 2,
    "DAILY": 3,
    "HOURLY": 4,
    "MINUTELY": 5,
    "SECONDLY": 6,
}
_DAYS = (
    dateutil_rrule.MO,
    dateutil_rrule.TU,
    dateutil_rrule.WE,
    dateutil_rrule.TH,
    dateutil_rrule.FR,
    dateutil_rrule.SA,
    dateutil_rrule.SU,
)


def _weekday_of(ordinal: int, day: int) -> dateutil_rrule.weekday:
    return _DAYS[day](ordinal) if ordinal else _DAYS[day]
