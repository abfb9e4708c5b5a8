"""The window: local midnights, the ends of months, and how far objects are expanded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freebusy.errors import CalendarDataError
from freebusy.vtimezone import zone
from freebusy.window import HORIZON_MARGIN, horizon, local_day, window

ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati", "Australia/Lord_Howe"]


@pytest.mark.parametrize(
    ("now", "place", "past_days", "months", "start", "end"),
    [
        # 7 days back to the end of the month 6 months ahead
        ("20260615T1200", "Europe/Berlin", 7, 6, "20260607T2200", "20261231T2300"),
        ("20260615T1200", "UTC", 7, 6, "20260608T0000", "20270101T0000"),
        # 23:30 UTC is tomorrow already in Berlin, and still today in New York
        ("20260630T2330", "Europe/Berlin", 0, 0, "20260630T2200", "20260731T2200"),
        ("20260630T2330", "America/New_York", 0, 0, "20260630T0400", "20260701T0400"),
        # the smallest and the largest
        ("20260615T1200", "UTC", 0, 0, "20260615T0000", "20260701T0000"),
        ("20260131T1200", "UTC", 0, 1, "20260131T0000", "20260301T0000"),
        ("20261231T1200", "UTC", 366, 36, "20251230T0000", "20300101T0000"),
        # the clocks change inside: both ends are local midnights
        ("20260330T1200", "Europe/Berlin", 7, 0, "20260322T2300", "20260331T2200"),
        # a midnight that a spring gap swallows is its first moment (Beirut, 29 March 2026)
        ("20260329T1200", "Asia/Beirut", 0, 0, "20260328T2200", "20260331T2100"),
    ],
)  # fmt: skip
def test_a_window_by_example(
    now: str, place: str, past_days: int, months: int, start: str, end: str
) -> None:
    """From local midnight some days back to the local end of a month ahead."""
    times = [
        datetime.strptime(text, "%Y%m%dT%H%M").replace(tzinfo=UTC) for text in (now, start, end)
    ]
    found = window(times[0], place, past_days=past_days, months=months)
    assert times[1:] == [found.start, found.end]


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants them naive
    st.sampled_from(ZONES),
    st.integers(0, 366),
    st.integers(0, 36),
)
def test_a_window_holds_now_and_ends_with_a_month(
    now: datetime, place: str, past_days: int, months: int
) -> None:
    """Now is inside; it starts so many days back and ends on the first of a month."""
    found = window(now, place, past_days=past_days, months=months)
    assert found.start <= now < found.end
    first, today = (moment.astimezone(ZoneInfo(place)) for moment in (found.start, now))
    last = found.end.astimezone(ZoneInfo(place))
    assert timedelta(days=past_days) == today.date() - first.date()
    assert months + 1 == (last.year - today.year) * 12 + last.month - today.month
    assert 1 == last.day


def test_the_day_is_the_zones_own() -> None:
    """At one moment it is three dates on earth."""
    now = datetime(2026, 6, 1, 11, 30, tzinfo=UTC)
    names = ("Pacific/Pago_Pago", "UTC", "Pacific/Kiritimati")
    days = [local_day(now, zone(name)).day for name in names]
    assert [1, 1, 2] == days
    assert 31 == local_day(now - timedelta(hours=1), zone("Pacific/Pago_Pago")).day


def test_the_horizon_is_beyond_the_window() -> None:
    """Objects are expanded 45 days further, so that rolling the window needs nothing."""
    found = window(datetime(2026, 6, 1, tzinfo=UTC), "UTC", past_days=7, months=6)
    start, end = found.seconds
    assert (start, end + HORIZON_MARGIN.total_seconds()) == horizon(found)
    rolled = window(datetime(2026, 7, 1, tzinfo=UTC), "UTC", past_days=7, months=6)
    assert rolled.seconds[1] <= horizon(found)[1]


def test_an_unknown_zone_has_no_window() -> None:
    """The configuration has checked it; here it is an error and no guess."""
    with pytest.raises(CalendarDataError):
        window(datetime(2026, 6, 1, tzinfo=UTC), "Europe/Nowhere", past_days=7, months=6)
