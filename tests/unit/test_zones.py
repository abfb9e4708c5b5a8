"""Zones as tables: the same answers as the database, and only the packaged one is read."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freebusy.errors import CalendarDataError
from freebusy.values import from_naive, parse_moment, to_naive
from freebusy.zones import (
    TABLE_FROM,
    TABLE_TO,
    Zone,
    database_names,
    database_version,
    named_zone,
)

if TYPE_CHECKING:
    from pathlib import Path

ODD = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour of daylight saving
    "Africa/Casablanca",  # back and forth round Ramadan
    "Africa/Cairo",  # abolished and brought back
    "Pacific/Apia",  # has no 30 December 2011
    "Pacific/Kiritimati",  # UTC+14
    "Pacific/Kwajalein",  # changed its date line in 1993
    "America/St_Johns",  # once changed at one minute past midnight
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Europe/Dublin",  # winter is its daylight saving, negative
    "Antarctica/Troll",  # two hours
    "Asia/Gaza",
    "America/Caracas",
    "UTC",
]
FIRST, LAST = datetime(1900, 1, 1), datetime(2150, 1, 1)  # noqa: DTZ001 - wall-clock times
named = st.sampled_from(ODD)
moments = st.datetimes(FIRST, LAST).map(lambda moment: moment.replace(microsecond=0))


def seconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)


def from_package(name: str) -> ZoneInfo:
    """Return the packaged zone: the system's own may be older."""
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


TABLES = {name: from_package(name) for name in ODD}


@given(named, moments)
def test_utc_to_local_equals_the_database(name: str, moment: datetime) -> None:
    """At any moment the clock on the wall shows what zoneinfo says."""
    utc = moment.replace(tzinfo=UTC)
    expected = utc.astimezone(TABLES[name]).replace(tzinfo=None)
    assert expected == to_naive(named_zone(name).to_local(seconds(utc)))


@given(named, moments)
def test_local_to_utc_equals_the_database(name: str, moment: datetime) -> None:
    """Any time on the wall is the moment that zoneinfo says, in gaps and ambiguous ones too."""
    expected = seconds(moment.replace(tzinfo=TABLES[name], fold=0).astimezone(UTC))
    assert expected == named_zone(name).to_utc(from_naive(moment))


@pytest.mark.parametrize("name", ODD)
def test_every_change_of_forty_years_is_to_the_second(name: str) -> None:
    """A second before, at, and a second after each onset between 2000 and 2040."""
    start, end = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2000, 2040))
    zone = named_zone(name)
    for onset, _ in zone.offsets_between(start, end)[1:]:
        for utc in range(onset - 1, onset + 2):
            there = datetime.fromtimestamp(utc, TABLES[name])
            assert there.replace(tzinfo=None) == to_naive(zone.to_local(utc))
        # and each wall-clock second for an hour round the change, a minute at a time
        around = zone.to_local(onset)
        for local in range(around - 7200, around + 7200, 60):
            naive = to_naive(local).replace(tzinfo=TABLES[name])
            assert seconds(naive.astimezone(UTC)) == zone.to_utc(local)


@pytest.mark.parametrize(
    ("name", "local", "utc"),
    [
        ("Europe/Berlin", "20260329T015959", "20260329T005959"),
        ("Europe/Berlin", "20260329T020000", "20260329T010000"),  # in the gap: +1, the one before
        ("Europe/Berlin", "20260329T023000", "20260329T013000"),
        ("Europe/Berlin", "20260329T030000", "20260329T010000"),
        ("Europe/Berlin", "20261025T015959", "20261024T235959"),
        ("Europe/Berlin", "20261025T023000", "20261025T003000"),  # twice: the first
        ("Europe/Berlin", "20261025T030000", "20261025T020000"),
        ("Australia/Lord_Howe", "20261004T021500", "20261003T154500"),
        ("Australia/Lord_Howe", "20260405T014500", "20260404T144500"),
        ("Pacific/Apia", "20111230T120000", "20111230T220000"),  # a day that never was
        ("UTC", "20260329T023000", "20260329T023000"),
    ],
)
def test_gaps_and_ambiguous_times(name: str, local: str, utc: str) -> None:
    """In a gap the offset before it counts, of an ambiguous time the first (RFC 5545 §3.3.5)."""
    assert parse_moment(utc).local == named_zone(name).to_utc(parse_moment(local).local)


@given(named, st.integers(TABLE_FROM - 10**9, TABLE_TO + 10**9), st.integers(1, 10**8))
def test_offsets_between_say_what_the_clock_shows(name: str, start: int, length: int) -> None:
    """Each offset holds from its onset to the next one."""
    zone = named_zone(name)
    if not TABLE_FROM < start < start + length < TABLE_TO:
        return
    found = zone.offsets_between(start, start + length)
    assert start == found[0][0]
    ends = [*(at for at, _ in found[1:]), start + length]
    for (since, offset), until in zip(found, ends, strict=True):
        assert [offset, offset] == [zone.to_local(at) - at for at in (since, until - 1)]


@pytest.mark.parametrize("local", [-(10**12), -(10**11), 10**12, 1 << 62])
def test_times_beyond_any_calendar_have_an_offset(local: int) -> None:
    """A long event may end after the year 9999: its time is off by no more than a zone is."""
    zone = named_zone("Europe/Berlin")
    assert abs(zone.to_utc(local) - local) < 86400
    assert abs(zone.to_local(local) - local) < 86400


def test_a_table_without_changes_is_one_offset() -> None:
    """UTC has no onsets."""
    zone = Zone([], [3600])
    assert (0, 7200) == (zone.to_utc(3600), zone.to_local(3600))
    assert ((0, 3600),) == zone.offsets_between(0, 10**10)


@pytest.mark.parametrize(
    "name", ["", "Europe/Nowhere", "europe/berlin", "../../etc/passwd", "/etc/passwd", "Europe",
             "tzdata.zi", "Europe/Berlin/", "posix/Europe/Berlin", "Europe\\Berlin", "\0", "É"],
)  # fmt: skip
def test_an_unknown_name_is_refused(name: str) -> None:
    """Only exact names of the database are zones; nothing else is ever opened."""
    with pytest.raises(CalendarDataError):
        named_zone(name)


def test_names_are_found_in_any_case() -> None:
    """The table of names gives the one spelling that a zone is kept by."""
    assert "Europe/Berlin" == database_names()["europe/berlin"]
    assert {"UTC", "GMT"} <= set(database_names().values())
    assert all(name == name.casefold() for name in database_names())


def test_all_names_are_zones() -> None:
    """Every name that is listed can be opened."""
    for name in database_names().values():
        assert isinstance(named_zone(name), Zone)


PROGRAM = """
import zoneinfo
from freebusy.zones import database_version, named_zone
assert zoneinfo.TZPATH == ("/nowhere",), zoneinfo.TZPATH
print(named_zone("Europe/Berlin").to_utc(1780304400), database_version())
"""


def test_only_the_package_is_read() -> None:
    """Where the system has no database at all, or a false one, nothing changes."""
    environ = {**os.environ, "PYTHONTZPATH": "/nowhere", "TZ": "America/New_York"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True, check=False
    )
    expected = f"{named_zone('Europe/Berlin').to_utc(1780304400)} {database_version()}\n"
    assert (expected, "") == (done.stdout, done.stderr)


def test_a_false_system_database_is_not_believed(tmp_path: Path) -> None:
    """Another zone's file under a name, where zoneinfo would look first, is not taken."""
    folder = tmp_path / "Europe"
    folder.mkdir()
    tokyo = resources.files("tzdata").joinpath("zoneinfo", "Asia", "Tokyo").read_bytes()
    (folder / "Berlin").write_bytes(tokyo)
    program = (
        "from zoneinfo import ZoneInfo; from freebusy.zones import named_zone\n"
        "print(ZoneInfo('Europe/Berlin').utcoffset(__import__('datetime').datetime(2026, 1, 1)),"
        " named_zone('Europe/Berlin').to_utc(0))"
    )
    environ = {**os.environ, "PYTHONTZPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False
    )
    assert ("9:00:00 -3600\n", "") == (done.stdout, done.stderr)
