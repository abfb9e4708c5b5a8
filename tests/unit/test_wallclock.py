"""The clock on the wall: fixed times and new days, each told once."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from freebusy.wallclock import WallClock


class Now:
    """A clock that the test moves."""

    def __init__(self, text: str) -> None:
        self.set(text)

    def set(self, text: str) -> None:
        self.moment = datetime.fromisoformat(text).replace(tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment


def clock(now: Now, *times: time, zone: str = "Europe/Berlin", zones: str = "") -> WallClock:
    return WallClock(now, times=times, zone=zone, owner_zones=zones.split())


def test_a_fixed_time_strikes_once() -> None:
    """Asked before, at and after 06:30 in Berlin it strikes at the first moment from then on."""
    now = Now("2026-06-01T04:00")
    wall = clock(now, time(6, 30), time(18))
    found = []
    for text in ("04:29:59", "04:30", "04:30:01", "12:00", "16:00", "16:00", "23:00"):
        now.set(f"2026-06-01T{text}")
        found.append(wall.struck())
    assert [False, True, False, False, True, False, False] == found
    now.set("2026-06-02T04:30")
    assert wall.struck()


def test_times_that_were_slept_through_strike_once() -> None:
    """After a suspended night the missed times are one run, not many."""
    now = Now("2026-06-01T03:00")
    wall = clock(now, time(6), time(7), time(8))
    now.set("2026-06-03T12:00")
    assert [True, False] == [wall.struck(), wall.struck()]
    now.set("2026-06-04T04:00")
    assert wall.struck()


def test_without_fixed_times_nothing_strikes() -> None:
    """The interval is not this clock's."""
    now = Now("2026-06-01T00:00")
    wall = clock(now)
    now.set("2027-06-01T00:00")
    assert not wall.struck()


@pytest.mark.parametrize(
    ("day", "struck"), [("2026-03-28", "01:30"), ("2026-03-29", "01:30"), ("2026-03-30", "00:30")]
)
def test_a_time_in_the_spring_gap_strikes_all_the_same(day: str, struck: str) -> None:
    """02:30 in Berlin is there on the night of the change, an hour later on the wall."""
    now = Now(f"{day}T00:00")
    wall = clock(now, time(2, 30))
    now.moment = datetime.fromisoformat(f"{day}T{struck}").replace(tzinfo=UTC)
    before, now.moment = now.moment, now.moment - timedelta(seconds=1)
    assert not wall.struck()
    now.moment = before
    assert wall.struck()


def test_a_day_turns_in_its_own_zone() -> None:
    """Each zone is told once, when its midnight has passed."""
    now = Now("2026-06-01T12:00")
    wall = clock(now, zones="Europe/Berlin America/New_York Pacific/Kiritimati UTC")
    told: dict[str, list[str]] = {}
    for hour in range(48):
        now.set(f"2026-06-{1 + (12 + hour) // 24:02}T{(12 + hour) % 24:02}:59")
        for zone in wall.turned():
            told.setdefault(zone, []).append(now.moment.strftime("%d %H"))
    assert {
        "Europe/Berlin": ["01 22", "02 22"],
        "America/New_York": ["02 04", "03 04"],
        "Pacific/Kiritimati": ["02 10", "03 10"],
        "UTC": ["02 00", "03 00"],
    } == told


def test_days_that_were_slept_through_turn_once() -> None:
    """After a week there is one new day."""
    now = Now("2026-06-01T12:00")
    wall = clock(now, zones="UTC")
    now.set("2026-06-08T12:00")
    assert [{"UTC"}, set()] == [wall.turned(), wall.turned()]
