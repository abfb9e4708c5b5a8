"""``freebusy explain``: the items and publications behind somebody's busy times."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from freebusy import gateway
from freebusy.config import load
from freebusy.errors import ConfigurationError
from freebusy.explain import asked_span, print_explanation
from freebusy.period import TimeRange, from_seconds
from freebusy.publications import Ledger, Received
from freebusy.refreshing import refresh_by_hand
from freebusy.store import Store
from tests.unit.command_state import NOW, configured

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from freebusy.config import Config

EVENTS = """\
BEGIN:VEVENT
UID:single@example.com
DTSTART;TZID=Europe/Berlin:20260601T100000
DTEND;TZID=Europe/Berlin:20260601T120000
SUMMARY:MARKER-SUMMARY
END:VEVENT
"""
DAILY = """\
BEGIN:VEVENT
UID:daily
DTSTART;VALUE=DATE:20260530
RRULE:FREQ=DAILY;COUNT=5
TRANSP:OPAQUE
STATUS:TENTATIVE
END:VEVENT
"""
HOSTILE = """\
BEGIN:VEVENT
UID:hostile
DTSTART:20260501T080000Z
DURATION:PT1H
RRULE:FREQ=SECONDLY
END:VEVENT
"""
ODD_ZONE = """\
BEGIN:VEVENT
UID:odd
DTSTART;TZID=Nowhere/Land:20260601T090000
DURATION:PT30M
END:VEVENT
"""


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "now", lambda: NOW)


def site(folder: Path, *events: str, extra: str = "") -> Config:
    """Return a site of hans's items, one file each, read and published."""
    config = configured(folder, extra)
    calendar = folder / "calendars" / "hans"
    calendar.mkdir()
    for number, text in enumerate(events, 1):
        (calendar / f"{number}.ics").write_text(
            f"BEGIN:VCALENDAR\n{text}END:VCALENDAR\n".replace("\n", "\r\n"), "utf-8"
        )
    assert 0 == refresh_by_hand(config, ["hans"])
    return config


def publish(config: Config, start: datetime, *, received: datetime, own: bool = True) -> None:
    """Put one hour into force as a publication, and make the file."""
    store = Store(config.site.state / "store.db")
    begin = int(start.timestamp())
    window = TimeRange(NOW - timedelta(days=7), NOW + timedelta(days=30))
    Ledger(store).add(
        "hans",
        Received(
            b"", window, [(begin, begin + 3600, 2)], received, own, "hans/outlook", "192.0.2.7",
            "http", "Outlook",
        ),
    )  # fmt: skip
    store.close()
    assert 0 == refresh_by_hand(config, ["hans"])


def explained(
    config: Config, capsys: pytest.CaptureFixture[str], at: str | None = None, **more: str
) -> str:
    asked = {"at": at, "since": None, "until": None, **more}
    print_explanation(config, "hans", as_json=False, **asked)
    out = capsys.readouterr().out
    assert "MARKER" not in out
    return re.sub(r"\(written .*?\)", "(written then)", out)


def test_an_event_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Calendar, item and UID of what lies there, with its times and its state."""
    config = site(tmp_path, EVENTS)
    assert explained(config, capsys, "10:30").splitlines() == [
        "hans, Mon 01 Jun 2026 10:30 Europe/Berlin",
        "",
        "The file says (written then):",
        "  BUSY              Mon 01 Jun 2026 10:30",
        "",
        "BUSY              Mon 01 Jun 2026 10:00 to 12:00",
        "  an event in demo/hans",
        "  item 1.ics, UID single@example.com",
    ]


def test_free_is_free(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An end is no part of an event."""
    config = site(tmp_path, EVENTS)
    assert explained(config, capsys, "12:00").endswith("(written then):\n  free\n")
    assert "nothing: the time is not in its window" in explained(config, capsys, "2020-01-01")


def test_the_instance_is_shown_and_not_the_whole_series(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Days that touch one another stay apart."""
    out = explained(site(tmp_path, DAILY), capsys, "2026-06-01")
    assert "BUSY-TENTATIVE    Mon 01 Jun 2026 00:00 to Tue 02 Jun 2026 00:00\n" in out
    assert "a series in demo/hans\n  item 1.ics, UID daily\n" in out


def test_a_range_of_days(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each instance inside is shown."""
    out = explained(site(tmp_path, DAILY), capsys, since="2026-06-01", until="2026-06-02")
    assert 2 == out.count("BUSY-TENTATIVE    ") - 1  # the file merges them to one


def test_what_was_read_with_a_grain_of_salt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Zones that stood in, and series that are refused, are told where they concern the time."""
    config = site(tmp_path, ODD_ZONE, HOSTILE)
    out = explained(config, capsys, "09:15")
    assert "its time zone is unknown, and the owner's stands in for it" in out
    assert "More could be there of demo/hans, item 2.ics, UID hostile, shown once only: " in out
    assert "BUSY              Fri 01 May" not in out
    assert "hostile" not in explained(site_before(config), capsys, "2026-04-01")


def site_before(config: Config) -> Config:
    return load(config.path, {})


def test_a_calendar_that_fails_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is known may not be the last word."""
    config = site(tmp_path, EVENTS)
    (tmp_path / "calendars" / "hans").rename(tmp_path / "calendars" / "gone")
    refresh_by_hand(config, ["hans"])
    out = explained(config, capsys, "10:30")
    assert "demo/hans was last read just now: " in out


def test_a_shared_folder_is_told_as_such(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also one of which only invitations count: what is shown is what counts."""
    invited = EVENTS.replace(
        "SUMMARY", "ORGANIZER:mailto:eva@example.com\nATTENDEE:mailto:hans@example.com\nSUMMARY"
    )
    config = site(tmp_path, invited)
    store = Store(config.site.state / "store.db")
    (state,) = store.calendars("hans")
    store.note(state.id, is_own=False)
    assert "demo/hans, which others share\n" in explained(config, capsys, "10:30")
    store.note(state.id, attendees_only=True)
    assert "where those events count to which the person is invited\n" in explained(
        config, capsys, "10:30"
    )
    store.close()


# -- publications


def test_a_publication_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who sent it, from where, by what, and when."""
    config = site(tmp_path, EVENTS)
    publish(config, NOW.replace(hour=13, minute=0), received=NOW - timedelta(days=3))
    out = explained(config, capsys, "15:30")
    assert (
        "BUSY              Mon 01 Jun 2026 15:00 to 16:00\n  published 3 d ago, by hans/outlook"
        in out
    )
    assert "publication 1, the person's own" in out


def test_an_aged_publication_is_tentative(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said why the file has it so."""
    config = site(tmp_path, EVENTS)
    publish(config, NOW.replace(hour=13, minute=0), received=NOW - timedelta(days=40))
    out = explained(config, capsys, "15:30")
    assert "  BUSY-TENTATIVE    Mon 01 Jun 2026 15:30\n" in out
    assert "older than publish.publication_max_age" in out


@pytest.mark.parametrize(
    ("rule", "at", "overruled"),
    [
        ("union", "10:30", None),
        ("published", "10:30", "published"),
        ("newest", "10:30", "newest"),
        ("computed", "15:30", "computed"),
    ],
)
def test_what_does_not_count_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rule: str, at: str, overruled: str | None
) -> None:
    """The rule by which publications and calendars combine is part of the answer."""
    config = site(tmp_path, EVENTS, extra=f'[publish]\ncombine = "{rule}"')
    publish(config, NOW.replace(hour=13, minute=0), received=NOW + timedelta(seconds=1))
    print_explanation(config, "hans", at=at, since=None, until=None, as_json=True)
    found = json.loads(capsys.readouterr().out)
    (cause,) = found["causes"] + found["published"]
    assert overruled == cause["overruled"]
    assert found["explained"]
    assert bool(overruled) == (not found["file"]["periods"])
    assert (overruled is not None) == ("does not count" in explained(config, capsys, at))


def test_a_file_that_nothing_explains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is older than what is known now is told as such."""
    config = site(tmp_path, EVENTS)
    (tmp_path / "calendars" / "hans" / "1.ics").write_text(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:x\nDTSTART:20260701T080000Z\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    file = gateway.tree(config).read("hans")
    assert file is not None
    refresh_by_hand(config, ["hans"])
    gateway.tree(config).replace("hans", file.body)
    assert "Nothing that is known now explains it" in explained(config, capsys, "10:30")


def test_who_has_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything ran there is nothing to explain."""
    config = configured(tmp_path)
    assert "There is no file; freebusy status hans says why." in explained(config, capsys)
    assert not config.site.state.exists()


# -- times


@pytest.mark.parametrize(
    ("at", "since", "until", "expected"),
    [
        (None, None, None, "2026-06-01T10:30:00 2026-06-01T10:30:01"),
        ("now", None, None, "2026-06-01T10:30:00 2026-06-01T10:30:01"),
        ("09:00", None, None, "2026-06-01T07:00:00 2026-06-01T07:00:01"),
        ("2026-03-29", None, None, "2026-03-28T23:00:00 2026-03-29T22:00:00"),
        ("2026-06-02 09:00", None, None, "2026-06-02T07:00:00 2026-06-02T07:00:01"),
        ("2026-06-02T09:00:30Z", None, None, "2026-06-02T09:00:30 2026-06-02T09:00:31"),
        ("2026-06-02T09:00+01:00", None, None, "2026-06-02T08:00:00 2026-06-02T08:00:01"),
        (None, "09:00", None, "2026-06-01T07:00:00 2026-06-01T22:00:00"),
        (None, "2026-06-02", None, "2026-06-01T22:00:00 2026-06-02T22:00:00"),
        (None, "2026-06-02", "2026-06-03", "2026-06-01T22:00:00 2026-06-03T22:00:00"),
        (None, "09:00", "10:00", "2026-06-01T07:00:00 2026-06-01T08:00:00"),
    ],
)
def test_times_are_the_persons(
    at: str | None, since: str | None, until: str | None, expected: str
) -> None:
    """Without an offset they are on the wall of the person's zone; a day is meant as a whole."""
    span = asked_span(at, since, until, zone_name="Europe/Berlin", now=NOW)
    assert expected == " ".join(f"{from_seconds(each):%Y-%m-%dT%H:%M:%S}" for each in span)


@pytest.mark.parametrize(
    ("at", "since", "until"),
    [
        ("soon", None, None), ("25:00", None, None), ("2026-02-30", None, None), ("", None, None),
        ("now", "now", None), (None, None, "now"), (None, "10:00", "09:00"), (None, "x", None),
        (None, "2026-01-01", "2028-01-01"), ("0001-01-01T00:00+23:00", None, None),
    ],
)  # fmt: skip
def test_what_is_no_time_is_said(at: str | None, since: str | None, until: str | None) -> None:
    """It is the command line that is wrong."""
    with pytest.raises(ConfigurationError):
        asked_span(at, since, until, zone_name="Europe/Berlin", now=NOW)
