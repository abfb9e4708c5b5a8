"""Lines of LIST and facts of MLSD."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from ftpsrv.listing import FACTS, Entry, facts, time_value, unix_line

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("modified", "expected"),
    [
        (datetime(2026, 6, 1, 11, 59, tzinfo=UTC), "Jun 01 11:59"),
        (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "Jan 02 03:04"),
        (datetime(2025, 6, 1, 3, 4, tzinfo=UTC), "Jun 01  2025"),
        (datetime(2027, 6, 1, 3, 4, tzinfo=UTC), "Jun 01  2027"),
        (datetime(2026, 5, 1, 1, 0, tzinfo=timezone(timedelta(hours=2))), "Apr 30 23:00"),
    ],
)
def test_unix_line(modified: datetime, expected: str) -> None:
    """Times are in UTC, with the year where it is not plain which year is meant."""
    line = unix_line(Entry("hans.vfb", modified, 850), NOW)
    assert line == f"-r--r--r--   1 ftp      ftp           850 {expected} hans.vfb\r\n"


def test_unix_line_of_what_may_be_written() -> None:
    """Clients that look at the mode offer to write, and others do not."""
    line = unix_line(Entry("hans.vfb", NOW, 850, "drw"), NOW)
    assert line.startswith("-rw-r--r--   1 ftp ")


def test_unix_line_of_a_directory() -> None:
    """A directory is one to enter and to read."""
    line = unix_line(Entry("pub", NOW), NOW)
    assert line == "dr-xr-xr-x   2 ftp      ftp             0 Jun 01 12:00 pub\r\n"


@pytest.mark.parametrize(
    ("entry", "wanted", "expected"),
    [
        (Entry("x", NOW, 0), FACTS, "type=file;size=0;modify=20260601120000;perm=r;"),
        (Entry("x", NOW, 0, "dfrw"), ("perm",), "perm=dfrw;"),
        (Entry("x", NOW, 9), ("size",), "size=9;"),
        (Entry("x", NOW), FACTS, "type=dir;perm=el;"),
        (Entry("x", NOW), ("modify",), ""),
    ],
)
def test_facts(entry: Entry, wanted: tuple[str, ...], expected: str) -> None:
    """Only the wanted facts are written, and none is made up for a directory."""
    assert facts(entry, wanted) == expected


def test_time_value_is_in_utc() -> None:
    """MDTM's time is UTC whatever the zone of the value."""
    moment = datetime(2026, 1, 2, 1, 0, tzinfo=timezone(timedelta(hours=2)))
    assert time_value(moment) == "20260101230000"
