"""Starts of rules: whatever way they are computed, they are what a plain walk gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from freebusy.errors import RefusedRuleError
from freebusy.recurrence import starts
from freebusy.rule import parse_rule
from freebusy.values import from_naive, to_naive

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def _walk(text: str, dtstart: datetime, low: datetime, high: datetime) -> list[datetime]:
    """Walk from DTSTART to the end of the window, one start at a time."""
    rule = rrulestr(text, dtstart=dtstart)
    return [start for start in rule.between(low, high, inc=True) if start < high]


def _ours(text: str, dtstart: datetime, low: datetime, high: datetime) -> list[datetime]:
    found = starts(parse_rule(text), from_naive(dtstart), from_naive(low), from_naive(high))
    return [to_naive(start) for start in found]


@st.composite
def _rules(draw: st.DrawFn) -> str:
    """Draw the rules that people make, COUNT and INTERVAL among them."""
    freq = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = [f"FREQ={freq}"]
    if draw(st.booleans()):
        parts.append(f"INTERVAL={draw(st.integers(1, 7))}")
    if draw(st.booleans()):
        parts.append(f"COUNT={draw(st.integers(1, 400))}")
    if draw(st.booleans()):
        parts.append(f"WKST={draw(st.sampled_from(DAYS))}")
    shape = draw(st.sampled_from(["", "BYDAY", "NTH", "BYMONTHDAY", "BYMONTH", "BYSETPOS"]))
    days = draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=4, unique=True))
    if shape in ("BYDAY", "BYSETPOS"):
        parts.append("BYDAY=" + ",".join(days))
    if shape == "NTH" and freq in ("MONTHLY", "YEARLY"):
        nth = draw(st.sampled_from([1, 2, 3, 4, 5, -1, -2]))
        parts.append(f"BYDAY={nth}{days[0]}")
        if freq == "YEARLY" and draw(st.booleans()):
            parts.append(f"BYMONTH={draw(st.integers(1, 12))}")
    if shape == "BYMONTHDAY" and freq != "WEEKLY":
        numbers = st.integers(-31, 31).filter(bool)
        parts.append(
            "BYMONTHDAY=" + ",".join(map(str, draw(st.sets(numbers, min_size=1, max_size=3))))
        )
    if shape == "BYMONTH":
        months = draw(st.sets(st.integers(1, 12), min_size=1, max_size=3))
        parts.append("BYMONTH=" + ",".join(map(str, months)))
    if shape == "BYSETPOS" and freq == "MONTHLY":
        parts.append(f"BYSETPOS={draw(st.sampled_from([1, 2, -1, -2]))}")
    return ";".join(parts)


def _naive(start: datetime, end: datetime) -> st.SearchStrategy[datetime]:
    minutes = int((end - start) / timedelta(minutes=1))
    return st.integers(0, minutes).map(lambda minute: start + timedelta(minutes=minute))


@settings(max_examples=600, deadline=None)
@given(
    _rules(),
    _naive(datetime(2005, 1, 1), datetime(2026, 12, 31)),  # noqa: DTZ001 - wall-clock times
    _naive(datetime(2004, 1, 1), datetime(2027, 6, 30)),  # noqa: DTZ001 - as above
    st.integers(1, 500),
)
def test_the_short_ways_give_what_a_walk_from_dtstart_gives(
    text: str, dtstart: datetime, low: datetime, days: int
) -> None:
    """Arithmetic and fast-forwarding give the starts of a walk, none more, none less."""
    high = low + timedelta(days=days)
    try:
        found = _ours(text, dtstart, low, high)
    except RefusedRuleError:
        found = []
    assert _walk(text, dtstart, low, high) == found


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=SECONDLY",
        "FREQ=MINUTELY;BYSECOND=0,30",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=-1",
        "FREQ=DAILY;COUNT=0",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTH=2,4;BYMONTHDAY=31",
        "FREQ=DAILY;BYHOUR=24",
        "FREQ=FORTNIGHTLY",
        "INTERVAL=2",
        "FREQ=DAILY;UNTIL=soon",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=DAILY;INTERVAL=99999999999999999999",
        "",
    ],
)
def test_hostile_rules_are_refused_before_they_run(text: str) -> None:
    """A rule that is broken, endless or never matches is refused by reading it."""
    with pytest.raises(RefusedRuleError):
        parse_rule(text)


def test_a_month_that_interval_never_reaches_is_refused() -> None:
    """INTERVAL=12 from January never gets to February."""
    january = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    with pytest.raises(RefusedRuleError):
        _ours("FREQ=MONTHLY;INTERVAL=12;BYMONTH=2", january, january, january.replace(year=2030))
