"""When the next run is; never in the past, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freebusy.schedule import (
    Backoff,
    Debounce,
    Pace,
    next_confirmation,
    next_roll,
    next_tick,
    next_time,
)

ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe",
    "America/Havana", "Asia/Beirut", "Pacific/Apia", "Pacific/Kiritimati", "America/Asuncion",
]  # fmt: skip
MOMENTS = st.datetimes(datetime(2009, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # bounds are naive in hypothesis
TIMES = st.lists(
    st.times().map(lambda t: t.replace(second=0, microsecond=0)), min_size=1, max_size=4
)
SECONDS = st.floats(0, 1e7)
UNIT = st.floats(0, 1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local_day(moment: datetime, zone: str) -> date:
    return moment.astimezone(ZoneInfo(zone)).date()


# -- fixed times


@pytest.mark.parametrize(
    ("now", "times", "zone", "expected"),
    [
        ("2026-06-01T00:00", [time(6, 30)], "UTC", "2026-06-01T06:30"),
        ("2026-06-01T06:30", [time(6, 30)], "UTC", "2026-06-02T06:30"),
        ("2026-06-01T12:00", [time(6, 30), time(18)], "UTC", "2026-06-01T18:00"),
        ("2026-06-01T12:00", [time(18), time(6, 30)], "Europe/Berlin", "2026-06-01T16:00"),
        ("2026-06-01T23:00", [time(0, 30)], "Europe/Berlin", "2026-06-02T22:30"),
        # the spring gap 02:00 to 03:00: as if the offset were still the one before
        ("2026-03-29T00:00", [time(2, 30)], "Europe/Berlin", "2026-03-29T01:30"),
        ("2026-03-29T01:30", [time(2, 30)], "Europe/Berlin", "2026-03-30T00:30"),
        # the hour 02:00 to 03:00 comes twice: the first counts
        ("2026-10-25T00:00", [time(2, 30)], "Europe/Berlin", "2026-10-25T00:30"),
        ("2026-10-25T00:30", [time(2, 30)], "Europe/Berlin", "2026-10-26T01:30"),
    ],
)
def test_the_next_fixed_time(now: str, times: list[time], zone: str, expected: str) -> None:
    """Fixed times are the site's wall-clock times, once a day each."""
    assert utc(expected) == next_time(utc(now), times, zone)


def test_no_times_have_no_next() -> None:
    """Without fixed times nothing is due."""
    assert next_time(utc("2026-06-01T00:00"), [], "UTC") is None


@given(MOMENTS, TIMES, st.sampled_from(ZONES))
def test_a_fixed_time_is_ahead_and_soon(now: datetime, times: list[time], zone: str) -> None:
    """The next time is after now and at most about a day away, also where a day is skipped."""
    moment = next_time(now, times, zone)
    assert moment is not None
    assert now < moment <= now + timedelta(hours=50)


@given(MOMENTS, st.times(), st.sampled_from(ZONES))
def test_a_fixed_time_runs_once_each_day(now: datetime, at: time, zone: str) -> None:
    """Over a fortnight every local day has one run, gaps and double hours included."""
    runs, moment = [], now
    while moment < now + timedelta(days=14):
        moment = next_time(moment, [at.replace(microsecond=0)], zone) or now
        runs.append(moment)
    days = [local_day(run, zone) for run in runs]
    gaps = {b - a for a, b in pairwise(days)}
    assert gaps <= {timedelta(days=1)} or zone == "Pacific/Apia"  # it had no 30 December 2011
    assert len(runs) == len(set(runs))


# -- window roll


@pytest.mark.parametrize(
    ("now", "zone", "expected"),
    [
        ("2026-06-01T12:00", "UTC", "2026-06-02T00:00"),
        ("2026-06-01T12:00", "Europe/Berlin", "2026-06-01T22:00"),
        ("2026-06-01T22:00", "Europe/Berlin", "2026-06-02T22:00"),
        ("2026-03-28T23:00", "Europe/Berlin", "2026-03-29T22:00"),
        ("2026-10-24T22:00", "Europe/Berlin", "2026-10-25T23:00"),
        # Beirut goes forward at midnight: the day begins at 01:00
        ("2026-03-28T12:00", "Asia/Beirut", "2026-03-28T22:00"),
        # Samoa had no 30 December 2011
        ("2011-12-30T00:00", "Pacific/Apia", "2011-12-30T10:00"),
        ("2011-12-30T10:00", "Pacific/Apia", "2011-12-31T10:00"),
    ],
)
def test_the_window_rolls_when_the_local_day_begins(now: str, zone: str, expected: str) -> None:
    """Days of 23 and 25 hours, skipped midnights and a skipped day roll once."""
    assert utc(expected) == next_roll(utc(now), zone)


@given(MOMENTS, st.sampled_from(ZONES))
def test_a_roll_is_the_first_moment_of_a_later_day(now: datetime, zone: str) -> None:
    """Strictly ahead, at most a long day away, and a second before it is still the day before."""
    moment = next_roll(now, zone)
    assert now < moment <= now + timedelta(hours=25)
    day = local_day(moment, zone)
    assert (
        day > local_day(now, zone) >= local_day(moment - timedelta(seconds=1), zone) - timedelta()
    )
    assert day > local_day(moment - timedelta(seconds=1), zone)


# -- interval


@pytest.mark.parametrize(
    ("last", "now", "jitter", "expected"),
    [
        (None, 100.0, 0.0, 100.0),
        (100.0, 100.0, 0.0, 1000.0),
        (100.0, 100.0, 1.0, 910.0),
        (100.0, 999.0, 0.0, 1000.0),
        (100.0, 5000.0, 0.0, 5000.0),
    ],
)
def test_the_next_tick(last: float | None, now: float, jitter: float, expected: float) -> None:
    """An interval counts from the start of a run; one that is overdue comes at once."""
    assert expected == next_tick(last, 900.0, now=now, jitter=jitter)


@given(SECONDS, st.floats(1, 1e6), SECONDS, UNIT)
def test_a_tick_is_never_past_nor_late(
    last: float, interval: float, after: float, jitter: float
) -> None:
    """A tick is not before now, and not after the interval unless now is."""
    now = last + after
    tick = next_tick(last, interval, now=now, jitter=jitter)
    assert now <= tick <= max(now, last + interval)


# -- confirmation


@pytest.mark.parametrize(
    ("now", "expected"),
    [(1000.0, 1120.0), (1119.0, 1120.0), (1120.0, 1600.0), (1599.0, 1600.0), (1600.0, None)],
)
def test_what_seems_gone_is_looked_for_again(now: float, expected: float | None) -> None:
    """After 2 and after 10 minutes; then what is seen counts."""
    assert expected == next_confirmation(1000.0, (120.0, 600.0), now=now)


@given(SECONDS, st.lists(st.floats(0, 1e5), max_size=5), SECONDS)
def test_confirmations_advance_to_an_end(since: float, steps: list[float], after: float) -> None:
    """Each look is strictly later than the one before, and there are as many as steps."""
    now, looks = since + after, 0
    while (look := next_confirmation(since, steps, now=now)) is not None:
        assert look > now
        now, looks = look, looks + 1
    assert looks <= len(steps)


# -- backoff


def test_waits_double_up_to_a_cap() -> None:
    """5, 10, 20 ... seconds, and never more than the cap, for as long as it takes."""
    backoff = Backoff(first=5, cap=60)
    assert [0, 5, 10, 20, 40, 60, 60] == [backoff.delay(failures) for failures in range(7)]
    assert 60 == backoff.delay(10**9)


@given(st.integers(0, 10**6), st.floats(0.1, 100), st.floats(100, 1e5), UNIT)
def test_a_wait_stays_within_its_bounds(
    failures: int, first: float, cap: float, jitter: float
) -> None:
    """Between half the first wait and the cap, and never shorter after more failures."""
    backoff = Backoff(first, cap)
    delay = backoff.delay(failures, jitter=jitter)
    assert 0 <= delay <= cap
    assert delay <= backoff.delay(failures + 1, jitter=jitter)
    assert failures == 0 or delay >= first / 2


# -- debounce


def test_the_first_change_acts_at_once_and_later_ones_are_gathered() -> None:
    """As design: at once, then one action for everything within half a second."""
    debounce = Debounce(0.5)
    assert 10.0 == debounce.changed(10.0)
    assert debounce.take(10.0)
    assert [10.5, 10.5, 10.5] == [debounce.changed(now) for now in (10.1, 10.2, 10.4)]
    assert [False, True, False] == [debounce.take(now) for now in (10.4, 10.5, 10.6)]
    assert 11.0 == debounce.changed(10.7)
    assert debounce.take(11.2)
    assert debounce.due is None
    assert 20.0 == debounce.changed(20.0)


@given(st.floats(0, 10), st.lists(st.floats(0, 5), min_size=1, max_size=50))
def test_no_change_waits_longer_than_the_quiet_time(quiet: float, gaps: list[float]) -> None:
    """Every change is acted on within the quiet time, and actions keep that distance."""
    debounce, now, actions = Debounce(quiet), 100.0, []
    for gap in gaps:
        later = now + gap
        if debounce.due is not None and debounce.due <= later:
            actions.append(debounce.due)
            assert debounce.take(debounce.due)
        now = later
        due = debounce.changed(now)
        assert now <= due <= now + quiet + 1e-9
    assert all(b - a >= quiet - 1e-9 for a, b in pairwise(actions))


# -- pace


def test_a_quiet_place_is_looked_at_less_and_less() -> None:
    """The wait grows by half with each look that finds nothing, up to five times the usual."""
    pace = Pace(60.0)
    assert [60, 90, 135, 202.5, 300, 300] == [pace.next(changed=False) for _ in range(6)]


def test_after_a_change_it_is_looked_at_more() -> None:
    """A change brings the next look forward, and quiet slowly takes that back."""
    pace = Pace(60.0)
    pace.next(changed=False)
    assert [15, 15, 22.5] == [pace.next(changed=changed) for changed in (True, True, False)]
    assert 0.2 == Pace(0.2).next(changed=True)


@pytest.mark.parametrize(("cost", "expected"), [(0.1, 15), (5, 100), (30, 300), (200, 400)])
def test_a_costly_look_is_taken_rarely(cost: float, expected: float) -> None:
    """Looking takes a twentieth of the time, if that is no later than where all is quiet."""
    assert expected == Pace(60.0).next(changed=True, cost=cost)


@pytest.mark.parametrize(("jitter", "expected"), [(0.0, 60.0), (0.5, 57.0), (1.0, 54.0)])
def test_looks_spread_out(jitter: float, expected: float) -> None:
    """Up to a tenth is taken off, so that many logins are not looked at together."""
    assert expected == Pace(60.0).next(changed=False, jitter=jitter)
