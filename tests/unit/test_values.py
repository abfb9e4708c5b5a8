"""Dates, times, durations and periods, and what writers make of them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freebusy.errors import CalendarDataError
from freebusy.values import (
    DAY,
    FLOATING,
    Duration,
    Moment,
    accept_extended_format,
    from_naive,
    is_duration,
    parse_duration,
    parse_moment,
    split_period,
    to_naive,
)

NINE = int(datetime(2026, 6, 1, 9, tzinfo=UTC).timestamp())
MIDNIGHT = NINE - 9 * 3600

# -- dates and times (§3.3.4, §3.3.5)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("20260601T090000", Moment(FLOATING, NINE)),
        ("20260601T090000Z", Moment("UTC", NINE)),
        ("20260601", Moment(FLOATING, MIDNIGHT, is_date=True)),
        (" 20260601T090000Z ", Moment("UTC", NINE)),
        ("20260601T090000z", Moment("UTC", NINE)),
        ("20260601T0900", Moment(FLOATING, NINE)),  # hand-written feeds leave the seconds out
        ("20260601T0900Z", Moment("UTC", NINE)),
        ("20260601T240000", Moment(FLOATING, MIDNIGHT + DAY)),
        ("20261231T235960Z", Moment("UTC", parse_moment("20261231T235959Z").local)),  # §3.3.12
        ("00010101", Moment(FLOATING, (date(1, 1, 1) - date(1970, 1, 1)).days * DAY, is_date=True)),
        ("99991231T235959Z", Moment("UTC", parse_moment("99991231").local + DAY - 1)),
        ("16010101T000000", Moment(FLOATING, (date(1601, 1, 1) - date(1970, 1, 1)).days * DAY)),
    ],
)
def test_a_moment_is_read(value: str, expected: Moment) -> None:
    """A DATE, a local time, a time in UTC, and the odd ones of real writers."""
    assert expected == parse_moment(value)


@pytest.mark.parametrize(
    "value",
    [
        "", "Z", "T", "2026", "2026061", "202606011", "20260601T", "20260601T9", "20260601TZ",
        "20260601T09", "20260601T09000", "20260601T0900000", "20260601090000", "20261301",
        "20260230", "20260631", "20260001", "20260600", "00000101", "20260601T250000",
        "20260601T096000", "20260601T090061", "2026 601", "+2260601", "20260601T-90000",
        "２０２６０６０１", "²0260601", "20260601T09000O", "20260601X090000", "20260601T090000ZZ",
        "VALUE=DATE:20260601", "-0260601", "2026-06-", "2026-06-01T", "9" * 400,
    ],
)  # fmt: skip
def test_what_is_no_moment_is_refused(value: str) -> None:
    """Every one of these was, or might be, in somebody's calendar."""
    with pytest.raises(CalendarDataError):
        parse_moment(value)


def test_a_trailing_z_wins_over_the_zone() -> None:
    """Some writers give a TZID and write UTC all the same; the Z is the time that is meant."""
    assert Moment("UTC", NINE) == parse_moment("20260601T090000Z", "Europe/Berlin")
    assert Moment("Europe/Berlin", NINE) == parse_moment("20260601T090000", "Europe/Berlin")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-06-01T09:00:00Z", "20260601T090000Z"),  # scripts that write ISO 8601
        ("2026-06-01", "20260601"),
        ("2026-06-01t09:00:00z", "20260601T090000Z"),
        ("20260601t090000", "20260601T090000"),
        ("20260601T090000Z", "20260601T090000Z"),
    ],
)
def test_scripts_write_the_extended_format(value: str, expected: str) -> None:
    """Dashes, colons and lower case are taken out; what is basic stays."""
    assert expected == accept_extended_format(value)
    assert parse_moment(expected) == parse_moment(value)


@given(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)))  # noqa: DTZ001 - wall-clock times
def test_wall_clock_seconds_come_back(moment: datetime) -> None:
    """Seconds on the wall stand for one naive datetime, and for what is written of it."""
    whole = moment.replace(microsecond=0)
    assert whole == to_naive(from_naive(whole))
    written = whole.isoformat().replace("-", "").replace(":", "")
    assert from_naive(whole) == parse_moment(written).local


# -- durations (§3.3.6)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("PT1H", Duration(0, 3600)),
        ("PT1H30M", Duration(0, 5400)),
        ("PT90M", Duration(0, 5400)),
        ("PT45S", Duration(0, 45)),
        ("P1D", Duration(1, 0)),
        ("P1W", Duration(7, 0)),
        ("P15DT5H0M20S", Duration(15, 5 * 3600 + 20)),  # the RFC's example
        ("+PT1H", Duration(0, 3600)),
        ("-PT15M", Duration(0, -900)),
        ("-P1DT1H", Duration(-1, -3600)),
        ("PT0S", Duration(0, 0)),
        ("P0D", Duration(0, 0)),
        ("pt1h", Duration(0, 3600)),  # lower-case writers
        (" PT1H ", Duration(0, 3600)),
        ("P1DT", Duration(1, 0)),  # writers that join the parts without asking
        ("P1W2D", Duration(9, 0)),  # libical writes weeks beside days
        ("PT24H", Duration(0, DAY)),
        ("PT1H30S", Duration(0, 3630)),
    ],
)
def test_a_duration_is_read(value: str, expected: Duration) -> None:
    """Weeks and days are nominal, hours, minutes and seconds exact."""
    assert expected == parse_duration(value)


@pytest.mark.parametrize(
    "value",
    [
        "", "P", "PT", "-P", "1H", "PT1", "P1H", "PT1D", "P1Y", "P1M", "PT1H1H", "PT-1H",
        "P1.5D", "PT1H ago", "P2W4294967284D", "P146401D", "P999999999W", "P9999999999D",
        "٣", "PT٣H",
    ],
)  # fmt: skip
def test_what_is_no_duration_is_refused(value: str) -> None:
    """Also what is longer than 400 years: Cyrus once wrote P2W4294967284D."""
    with pytest.raises(CalendarDataError):
        parse_duration(value)


def test_the_longest_duration() -> None:
    """400 years of 366 days are the most."""
    assert Duration(400 * 366, 0) == parse_duration(f"P{400 * 366}D")
    with pytest.raises(CalendarDataError, match="400 years"):
        parse_duration(f"P{400 * 366}DT1S")


@given(st.integers(0, 9999), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_durations_add_up(days: int, hours: int, minutes: int, seconds: int) -> None:
    """The parts are summed, each in its own kind."""
    text = f"P{days}DT{hours}H{minutes}M{seconds}S"
    assert Duration(days, hours * 3600 + minutes * 60 + seconds) == parse_duration(text)
    assert Duration(-days, -parse_duration(text).seconds) == parse_duration(f"-{text}")


# -- periods (§3.3.9)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("20260601T090000Z/PT1H", ("20260601T090000Z", "PT1H")),
        (" a/b ", ("a", "b")),
        ("a/b/c", ("a", "b/c")),
        ("/", ("", "")),
    ],
)
def test_a_period_is_split(value: str, expected: tuple[str, str]) -> None:
    """At its first slash."""
    assert expected == split_period(value)


def test_a_period_has_a_slash() -> None:
    """A lone time is no period."""
    with pytest.raises(CalendarDataError):
        split_period("20260601T090000Z")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("PT1H", True), ("pt1h", True), ("+PT1H", True), ("-PT1H", True),
     ("20260601T100000Z", False), ("", False)],
)  # fmt: skip
def test_a_periods_second_half_tells_its_kind(value: str, *, expected: bool) -> None:
    """An end starts with a digit, a duration with P."""
    assert expected is is_duration(value)


@given(st.text(alphabet="0123456789TZP/-+:WDHMS tzp", max_size=24))
def test_any_text_is_a_value_or_refused(text: str) -> None:
    """Nothing but CalendarDataError comes out of a value."""
    for read in (parse_moment, parse_duration, split_period):
        try:
            read(text)
        except CalendarDataError:
            continue
