"""How ``freebusy show`` draws a person's days from the published file."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from freebusy import gateway
from freebusy.errors import ConfigurationError, FreeBusyError
from freebusy.period import FreeBusyType, Span, TimeRange, to_seconds
from freebusy.showing import print_days
from tests.unit.command_state import NOW, configured, opened, publish

if TYPE_CHECKING:
    from pathlib import Path

    from freebusy.config import Config

WINDOW = TimeRange(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
TENTATIVE, BUSY, AWAY = (
    FreeBusyType.BUSY_TENTATIVE, FreeBusyType.BUSY, FreeBusyType.BUSY_UNAVAILABLE,
)  # fmt: skip


def span(start: str, end: str, kind: FreeBusyType = BUSY) -> Span:
    first, last = (datetime.fromisoformat(f"{text}+00:00") for text in (start, end))
    return to_seconds(first), to_seconds(last), int(kind)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return configured(tmp_path)


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(gateway, "now", lambda: NOW)


def shown(config: Config, capsys: pytest.CaptureFixture[str], days: int = 1) -> list[str]:
    print_days(config, "hans", days)
    return capsys.readouterr().out.splitlines()


def test_a_week_as_it_looks(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    """Days are rows of half hours, with the exact times and types beside them."""
    publish(config, "hans", [
        span("2026-06-01 07:00", "2026-06-01 08:30"),
        span("2026-06-01 12:00", "2026-06-01 13:00", TENTATIVE),
        span("2026-06-02 07:00", "2026-06-02 15:00", AWAY),
        span("2026-06-03 08:10", "2026-06-03 08:20"),
    ], WINDOW)  # fmt: skip
    assert [
        "hans, times of Europe/Berlin",
        "           06  08  10  12  14  16  18  20",
        "Mon 01 Jun ······███·······▒▒··············  09:00-10:30, 14:00-15:00?",
        "Tue 02 Jun ······▞▞▞▞▞▞▞▞▞▞▞▞▞▞▞▞··········  09:00-17:00!",
        "Wed 03 Jun ········█·······················  10:10-10:20",
        "█ busy   ▒ tentative (?)   ▞ out of office (!)   · free",
    ] == shown(config, capsys, 3)


def test_all_hours_where_something_is_outside_the_workday(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    """A night shift, a whole day and what goes past midnight draw all 24 hours."""
    publish(config, "hans", [
        span("2026-06-01 20:00", "2026-06-02 01:00"),
        span("2026-06-02 22:00", "2026-06-03 22:00"),
    ], WINDOW)  # fmt: skip
    assert [
        "           00  04  08  12  16  20",
        "Mon 01 Jun ······················██  22:00-24:00",
        "Tue 02 Jun ███·····················  00:00-03:00",
        "Wed 03 Jun ████████████████████████  all day",
    ] == shown(config, capsys, 3)[1:5]


def test_a_wide_terminal_draws_finer(
    config: Config, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is room an hour takes four columns."""
    monkeypatch.setenv("COLUMNS", "120")
    publish(config, "hans", [span("2026-06-01 06:15", "2026-06-01 06:45")], WINDOW)
    assert "Mon 01 Jun " + "·" * 9 + "██" + "·" * 53 + "  08:15-08:45" == shown(config, capsys)[2]


def test_many_times_go_on_below(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    """Exact times that do not fit stand below one another, and no line is too long."""
    publish(config, "hans", [
        span(f"2026-06-01 {hour:02}:00", f"2026-06-01 {hour:02}:30") for hour in range(5, 18)
    ], WINDOW)  # fmt: skip
    lines = shown(config, capsys)
    assert 80 >= max(map(len, lines))
    assert " " * 45 + "09:00-09:30, 10:00-10:30," == lines[3]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (
            "2026-03-29 00:30", "2026-03-29 02:30",
            "Sun 29 Mar ·█ ██···················  01:30-04:30, (23 h day)",
        ),
        (
            "2026-10-24 23:30", "2026-10-25 01:30",
            "Sun 25 Oct ·██·····················  01:30-02:30, (25 h day)",
        ),
    ],
)  # fmt: skip
def test_the_days_when_the_clock_is_changed(
    config: Config,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    start: str,
    end: str,
    expected: str,
) -> None:
    """The hour that is left out stays blank; the hour that comes twice is busy if either is."""
    publish(config, "hans", [span(start, end)], WINDOW)
    monkeypatch.setattr(gateway, "now", lambda: datetime.fromisoformat(f"{end}+00:00"))
    assert expected == shown(config, capsys)[2]


def test_outside_the_file_nothing_is_drawn(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the file does not cover stays blank and is not called free."""
    publish(
        config, "hans", [], TimeRange(NOW - timedelta(days=1), NOW + timedelta(hours=1, minutes=30))
    )
    assert [
        "Mon 01 Jun ················",
        "Tue 02 Jun                                   the file says nothing",
        "The file ends Mon 01 Jun 2026 14:00.",
        "█ busy   ▒ tentative (?)   ▞ out of office (!)   · free",
    ] == shown(config, capsys, 2)[2:]


def test_a_stale_file_says_so(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that could not be brought up to date is drawn under its age."""
    publish(config, "hans", [], WINDOW, as_of=NOW - timedelta(hours=5))
    assert (
        "Stale: as of Mon 01 Jun 2026 07:30 (5 h ago); the calendars could not be read since."
    ) == shown(config, capsys)[1]


def test_a_terminal_without_utf8_gets_ascii(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another encoding the blocks become signs that every terminal has."""
    publish(config, "hans", [span("2026-06-01 07:00", "2026-06-01 08:00", TENTATIVE)], WINDOW)
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", out)
    print_days(config, "hans", 1)
    out.seek(0)
    assert (
        "Mon 01 Jun ......//........................  09:00-10:00?" == out.readlines()[2].rstrip()
    )


def test_nobody_and_nothing(config: Config) -> None:
    """Whoever is unknown, has no file or has a broken one gets a reason instead of a drawing."""
    with pytest.raises(ConfigurationError, match="did you mean hans"):
        print_days(config, "hams", 7)
    with pytest.raises(FreeBusyError, match="hans has no file: no calendar was ever read"):
        print_days(config, "hans", 7)
    opened(config).close()
    gateway.tree(config).replace("hans", b"<html>")
    with pytest.raises(FreeBusyError, match=r"cannot be read .* freebusy refresh hans"):
        print_days(config, "hans", 7)
