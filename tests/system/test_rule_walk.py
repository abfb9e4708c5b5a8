"""Fast-forwarded rules against python-dateutil walking from DTSTART.

Every FREQ with every BY-part that it allows, drawn from a seed.  dateutil is the walker
inside our own reader too; what is compared is all that stands round it: completing a
rule from DTSTART, starting it near the window, arithmetic instead of a walk, COUNT.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from itertools import takewhile

import pytest
from dateutil.rrule import rrulestr

from freebusy.errors import RefusedRuleError
from freebusy.recurrence import starts
from freebusy.rule import parse_rule
from freebusy.values import from_naive

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
PARTS = {
    "YEARLY": ("BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYDAY", "BYHOUR", "BYMINUTE"),
    "MONTHLY": ("BYMONTH", "BYMONTHDAY", "BYDAY", "BYHOUR", "BYMINUTE"),
    "WEEKLY": ("BYMONTH", "BYDAY", "BYHOUR", "BYMINUTE"),
    "DAILY": ("BYMONTH", "BYMONTHDAY", "BYDAY", "BYHOUR", "BYMINUTE"),
    "HOURLY": ("BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYDAY", "BYHOUR", "BYMINUTE"),
    "MINUTELY": ("BYMONTH", "BYMONTHDAY", "BYDAY", "BYHOUR", "BYMINUTE"),
}
YEARS_BACK = {
    # how far a walk is, at most; six where not named
    "HOURLY": 1,
    "MINUTELY": 0.05,
}
RULES = 80


def drawn_part(draw: random.Random, name: str, freq: str) -> str:
    """Return one BY-part with one to three values."""
    ranges = {
        "BYMONTH": (1, 12),
        "BYMONTHDAY": (-28, 28),
        "BYYEARDAY": (-365, 365),
        "BYWEEKNO": (-52, 52),
        "BYHOUR": (0, 23),
        "BYMINUTE": (0, 59),
    }
    count = draw.randint(1, 3)
    if name == "BYDAY":
        nth = draw.choice(("", "1", "-1", "2")) if freq in ("YEARLY", "MONTHLY") else ""
        return f"BYDAY={','.join(nth + day for day in draw.sample(DAYS, count))}"
    numbers = [draw.randint(*ranges[name]) or 1 for _ in range(count)]
    return f"{name}={','.join(map(str, sorted(set(numbers))))}"


def drawn_rule(draw: random.Random) -> str:
    """Return a rule without an end."""
    freq = draw.choice(tuple(PARTS))
    names = draw.sample(PARTS[freq], draw.choice((0, 1, 1, 2, 2, 3)))
    if "BYYEARDAY" in names or "BYWEEKNO" in names:
        # beside a month or a day of one a rule may never match, and the walk never end
        names = [name for name in names if name not in ("BYMONTH", "BYMONTHDAY", "BYDAY")]
    if "BYWEEKNO" in names:
        # without BYDAY dateutil gives all of the week, the RFC the weekday of DTSTART (§3.3.10)
        return f"FREQ=YEARLY;BYWEEKNO={draw.randint(1, 52)};BYDAY={draw.choice(DAYS)}"
    parts = [drawn_part(draw, name, freq) for name in names]
    by_day = "".join(part for part in parts if part.startswith("BYDAY"))
    if names and freq in ("YEARLY", "MONTHLY", "DAILY") and "1" not in by_day:
        second = (1, -1) if freq == "DAILY" else (1, -1, 2)
        parts += [f"BYSETPOS={draw.choice(second)}"] if draw.random() < 0.3 else []
    wkst = [f"WKST={draw.choice(DAYS)}"] if draw.random() < 0.3 else []
    step = draw.choice((1, 1, 1, 2, 3, 5))
    return ";".join([f"FREQ={freq}", f"INTERVAL={step}", *parts, *wkst])


def walked(
    rule: str, first: datetime, low: datetime, high: datetime, count: int | None
) -> list[int]:
    """Return what dateutil finds in a window, walking from DTSTART."""
    ended = f"{rule};COUNT={count}" if count else f"{rule};UNTIL={high:%Y%m%dT%H%M%S}"
    try:
        found = takewhile(lambda start: start < high, rrulestr(ended, dtstart=first))
    except ValueError:
        return []  # dateutil's word for a clock time that INTERVAL never reaches
    return [from_naive(start) for start in found if start >= low]


@pytest.mark.parametrize("seed", range(8))
def test_forwarded_rules_give_what_a_walk_gives(seed: int) -> None:
    """A rule asked for a late window gives exactly the starts that the walk reaches there."""
    draw = random.Random(seed)
    for _ in range(RULES):
        rule = drawn_rule(draw)
        years = YEARS_BACK.get(rule.split(";")[0][5:], 6)
        first = datetime(2010, 1, 1) + timedelta(minutes=draw.randrange(5 * 365 * 1440))  # noqa: DTZ001 - wall clock
        low = first + timedelta(days=draw.uniform(-30, 365 * years))
        high = low + timedelta(days=draw.randint(1, 400 if years >= 1 else 5))
        count = draw.randint(1, 200) if draw.random() < 0.2 and plentiful(rule) else None
        try:
            text = f"{rule};COUNT={count}" if count else rule
            found = list(starts(parse_rule(text), *map(from_naive, (first, low, high))))
        except RefusedRuleError:
            found = []
        assert (rule, first, walked(rule, first, low, high, count)) == (rule, first, found)


def plentiful(rule: str) -> bool:
    """Whether a rule matches often enough that a walk to its COUNT comes to an end."""
    return rule.count("BY") <= 1 and "YEARLY" not in rule
