"""The recurrence rule: a RECUR value read, and hostile ones refused (RFC 5545 §3.3.10)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from freebusy.errors import CalendarDataError, RefusedRuleError
from freebusy.values import DAY, Moment, parse_moment

Frequency = Literal["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"]
FREQUENCIES: tuple[Frequency, ...] = get_args(Frequency)
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MAX_STARTS_A_DAY = 1440
MAX_INTERVAL = 100_000
MAX_COUNT = 1_000_000

_RANGES = {
    "BYSECOND": (0, 60),
    "BYMINUTE": (0, 59),
    "BYHOUR": (0, 23),
    "BYMONTHDAY": (-31, 31),
    "BYYEARDAY": (-366, 366),
    "BYWEEKNO": (-53, 53),
    "BYMONTH": (1, 12),
    "BYSETPOS": (-366, 366),
}
_BYDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
UNIT = {"DAILY": DAY, "HOURLY": 3600, "MINUTELY": 60, "SECONDLY": 1}
"""Seconds of the frequencies that step through time evenly."""

Numbers = tuple[int, ...]
Days = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A recurrence rule (RFC 5545 §3.3.10); empty tuples where a part is not given."""

    freq: Frequency
    interval: int = 1
    count: int | None = None
    until: Moment | None = None
    by_second: Numbers = ()
    by_minute: Numbers = ()
    by_hour: Numbers = ()
    by_day: Days = ()
    """``(ordinal or 0, weekday)``, Monday is 0."""
    by_month_day: Numbers = ()
    by_year_day: Numbers = ()
    by_week_no: Numbers = ()
    by_month: Numbers = ()
    by_set_pos: Numbers = ()
    week_start: int = 0


@lru_cache(maxsize=4096)
def parse_rule(text: str) -> Rule:
    """Read a RECUR value.

    Raises RefusedRuleError for a rule that is broken, can never match, or gives
    more than :data:`MAX_STARTS_A_DAY` starts a day.
    """
    parts = _split(text)
    freq = parts.get("FREQ", "")
    if freq not in FREQUENCIES:
        raise RefusedRuleError("a rule without a known FREQ")
    if parts.get("RSCALE", "GREGORIAN") != "GREGORIAN":
        raise RefusedRuleError("a rule of another calendar than the Gregorian")  # RFC 7529 §4.1
    rule = Rule(
        freq=FREQUENCIES[FREQUENCIES.index(freq)],
        interval=_whole(parts.get("INTERVAL", "1"), "INTERVAL", MAX_INTERVAL),
        count=_whole(parts["COUNT"], "COUNT", MAX_COUNT) if "COUNT" in parts else None,
        until=_until(parts["UNTIL"]) if "UNTIL" in parts else None,
        by_day=_by_day(parts.get("BYDAY", "")),
        week_start=_weekday(parts.get("WKST", "MO")),
        **{_field(name): _numbers(name, parts[name]) for name in _RANGES if name in parts},
    )
    _refuse_hostile(rule)
    return rule


_FIELDS = {"BYSETPOS": "by_set_pos", "BYMONTHDAY": "by_month_day", "BYYEARDAY": "by_year_day"}


def _field(name: str) -> str:
    return _FIELDS.get(name) or {"BYWEEKNO": "by_week_no"}.get(name) or "by_" + name[2:].lower()


def _split(text: str) -> dict[str, str]:
    """Split ``A=B;C=D``; the last of a repeated part counts, empty parts are dropped."""
    pairs = (part.partition("=") for part in text.upper().replace(" ", "").split(";"))
    return {name: value for name, _, value in pairs if value}


def _whole(text: str, name: str, most: int) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:12]) <= most:
        raise RefusedRuleError(f"a rule with {name} outside 1 to {most}")
    return int(text)


def _numbers(name: str, text: str) -> Numbers:
    low, high = _RANGES[name]
    try:
        numbers = {int(part) for part in text.split(",") if part}
    except ValueError as error:
        raise RefusedRuleError(f"a rule with a {name} that is no number") from error
    if any(not low <= number <= high for number in numbers) or (low < 0 and 0 in numbers):
        raise RefusedRuleError(f"a rule with {name} outside its range")
    return tuple(sorted(numbers))


def _weekday(text: str) -> int:
    if text not in WEEKDAYS:
        raise RefusedRuleError("a rule with an unknown weekday")
    return WEEKDAYS.index(text)


def _by_day(text: str) -> Days:
    days = set()
    for part in filter(None, text.split(",")):
        match = _BYDAY.fullmatch(part)
        if match is None or abs(int(match[1] or 0)) > 53:
            raise RefusedRuleError("a rule with a BYDAY that is no weekday")
        days.add((int(match[1] or 0), WEEKDAYS.index(match[2])))
    return tuple(sorted(days))


def _until(text: str) -> Moment:
    try:
        return parse_moment(text)
    except CalendarDataError as error:
        raise RefusedRuleError("a rule with an UNTIL that is no date") from error


def starts_a_day(rule: Rule) -> int:
    """Return the most starts that any one day can have."""
    named = len(rule.by_second or (0,)) * len(rule.by_minute or (0,)) * len(rule.by_hour or (0,))
    if rule.freq not in ("HOURLY", "MINUTELY", "SECONDLY"):
        return named
    inside = {"HOURLY": (rule.by_minute, rule.by_second), "MINUTELY": (rule.by_second,)}
    stepped = max(1, DAY // (rule.interval * UNIT[rule.freq]))
    for part in inside.get(rule.freq, ()):
        stepped *= max(1, len(part))
    listed = len(rule.by_hour) or 24
    if rule.freq != "HOURLY":
        listed *= len(rule.by_minute) or 60
    if rule.freq == "SECONDLY":
        listed *= len(rule.by_second) or 60
    for part in inside.get(rule.freq, ()):
        listed *= max(1, len(part))
    return min(stepped, listed)


def _refuse_hostile(rule: Rule) -> None:
    if starts_a_day(rule) > MAX_STARTS_A_DAY:
        raise RefusedRuleError(f"a rule with more than {MAX_STARTS_A_DAY} starts a day")
    if rule.by_month_day and not rule.by_year_day and not _has_month_day(rule):
        raise RefusedRuleError("a rule for a day that no month has")


def _has_month_day(rule: Rule) -> bool:
    longest = max(_LONGEST_MONTH[month - 1] for month in rule.by_month or (1,))
    return any(abs(day) <= longest for day in rule.by_month_day)
