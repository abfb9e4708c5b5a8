"""What ``freebusy status`` says of each person, to people and to programs."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from freebusy import gateway
from freebusy.errors import ConfigurationError, FreeBusyError, StoreError
from freebusy.period import TimeRange, to_seconds
from freebusy.publications import Ledger, Received
from freebusy.standing import standing
from freebusy.status import print_status, to_json
from freebusy.store import Store
from freebusy.wording import safe
from freebusy.worker import ObjectSpans
from tests.unit.command_state import (
    HOUR,
    NOW,
    configured,
    item,
    opened,
    publish,
    read_calendar,
)

if TYPE_CHECKING:
    from pathlib import Path

    from freebusy.config import Config

WINDOW = TimeRange(datetime(2026, 5, 25, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(gateway, "now", lambda: NOW)


def test_a_service_that_never_ran(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing has ever run, status says so and creates nothing."""
    config = configured(tmp_path)
    print_status(config, [], as_json=False)
    assert "The service has never run" in capsys.readouterr().out
    print_status(config, ["hans"], as_json=False)
    assert "no calendar was ever read" in capsys.readouterr().out
    print_status(config, [], as_json=True)
    assert not json.loads(capsys.readouterr().out)["ran"]
    assert not config.site.state.exists()


def test_text_on_one_line_whatever_it_holds() -> None:
    """Foreign text keeps what can be printed; the rest, lone surrogates too, is escaped."""
    assert r"grün\n\x1b\u202e\udc80" == safe("grün\n\x1b\u202e\udc80")
    assert "xxxxxxx..." == safe("x" * 11, 10)


def test_an_empty_database_file_counts_as_never_ran(tmp_path: Path) -> None:
    """A start that was cut short before the schema was made is no error."""
    config = configured(tmp_path)
    gateway.prepare_state(config.site.state)
    assert not standing(config, ["hans"], NOW).ran
    assert 0 == (config.site.state / "store.db").stat().st_size


def test_the_json_is_the_documented_one(tmp_path: Path) -> None:
    """Every key and every time of the JSON stays as docs/commands.md has it."""
    config = configured(tmp_path)
    store = opened(config)
    bad = item("2.ics", [("broken", "a date that is not eight digits")], [("unknown-zone", 2)])
    refused = ObjectSpans("hostile", [], None, "a rule that never ends")
    number = read_calendar(store, "hans", items=[item("1.ics"), bad], objects=[refused])
    store.note(number, error="the calendar may not be read")
    store.calendar("ghost", "demo", "ghost", "ghost")
    seconds = to_seconds(NOW)
    store.remember(**{
        "last-run:demo": str(seconds - 60), "next-run:demo": str(seconds + 840),
        "left:ghost": str(seconds - HOUR),
    })  # fmt: skip
    store.close()
    publish(config, "hans", [(seconds, seconds + HOUR, 2)], WINDOW, as_of=NOW)
    found = to_json(standing(config, ["hans", "eva"], NOW))
    hans = found["persons"][0]
    modified = hans["file"].pop("modified")
    assert modified.endswith("Z")
    assert {
        "version": 1,
        "now": "2026-06-01T10:30:00Z",
        "ran": True,
        "sources": [{
            "name": "demo", "type": "vdir",
            "last_run": "2026-06-01T10:29:00Z", "next_run": "2026-06-01T10:44:00Z",
        }],
        "persons": [
            {
                "name": "hans",
                "addresses": ["hans@example.com"],
                "timezone": "Europe/Berlin",
                "sources": ["demo"],
                "file": {
                    "as_of": "2026-06-01T10:30:00Z",
                    "start": "2026-05-25T00:00:00Z", "end": "2027-01-01T00:00:00Z",
                    "periods": 1,
                },
                "no_file": None,
                "calendars": [{
                    "source": "demo", "name": "work", "found": True, "items": 2,
                    "last_attempt": "2026-06-01T10:30:00Z",
                    "last_success": "2026-06-01T10:30:00Z",
                    "last_change": "2026-06-01T09:30:00Z",
                    "ever_held": True,
                    "error": "the calendar may not be read",
                    "doubted_since": None, "doubts": 0,
                    "skipped": [{
                        "href": "2.ics", "uid": "broken",
                        "reason": "a date that is not eight digits",
                    }],
                    "refused": [{"uid": "hostile", "reason": "a rule that never ends"}],
                    "notes": {"unknown-zone": 2},
                }],
                "publications": [],
                "waits_for": None,
            },
            {
                "name": "eva",
                "addresses": ["eva@example.com"],
                "timezone": "Europe/Berlin",
                "sources": ["demo"],
                "file": None,
                "no_file": "no calendar was ever read; run the service, or: freebusy refresh",
                "calendars": [],
                "publications": [],
                "waits_for": None,
            },
        ],
        "left": [{"name": "ghost", "since": "2026-06-01T09:30:00Z"}],
    } == found  # fmt: skip


def test_everybody_fits_eighty_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table of everybody fits the usual terminal and names what to look at."""
    config = configured(tmp_path)
    store = opened(config)
    read_calendar(store, "hans", items=[item("1.ics", [("broken", "no DTSTART")])])
    number = read_calendar(store, "eva", items=[item("1.ics")], at=NOW - timedelta(days=400))
    store.note(number, error="it is suddenly empty", doubted_since=to_seconds(NOW) - 180, doubts=1)
    store.close()
    publish(config, "eva", [], WINDOW, as_of=NOW - timedelta(days=400))
    print_status(config, [], as_json=False)
    out = capsys.readouterr().out
    assert 80 >= max(map(len, out.splitlines()))
    assert "Mon 01 Jun 2026 12:30 Europe/Berlin" in out
    assert "demo (vdir): not followed by a service yet" in out
    words = " ".join(out.split())
    assert "hans none work 1 1 11:30 (60 min) 12:30 (0 s)" in words
    assert "eva stale work 1 - 27 Apr 2025 (400 d) 27 Apr 2025 (400 d) !" in words
    assert "eva's file is stale: as of Sun 27 Apr 2025 12:30 (400 d ago)" in words
    assert "it is suddenly empty; looked again since 12:27 (3 min ago) before that counts" in words
    assert "hans has no file: it has not been written yet" in words
    assert "hans, demo/work: 1 skipped; freebusy status hans lists them" in words


def test_an_overdue_run_asks_whether_the_service_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A next run that lies in the past says that nobody does it."""
    config = configured(tmp_path)
    store = opened(config)
    past = to_seconds(NOW) - 2 * HOUR
    store.remember(**{"last-run:demo": str(past - 900), "next-run:demo": str(past)})
    store.close()
    print_status(config, [], as_json=False)
    assert (
        "demo (vdir): last run 10:15 (2 h ago); the next was due 2 h ago: does the service run?"
    ) in " ".join(capsys.readouterr().out.split())


def test_one_person_in_detail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A NAME, an address or an alias shows everything there is to know of that person."""
    config = configured(tmp_path)
    store = opened(config)
    many = [(f"uid-{n}", "no DTSTART") for n in range(9)]
    read_calendar(store, "hans", items=[item("1.ics", many, [("cut-off", 1), ("new", 3)])])
    store.close()
    publish(config, "hans", [], WINDOW)
    print_status(config, ["HANS@example.com", "hans"], as_json=False)
    words = " ".join(capsys.readouterr().out.split())
    assert 1 == words.count("hans@example.com")
    assert "covers Mon 25 May 2026 02:00 to Fri 01 Jan 2027 01:00" in words
    assert "items too large to be read whole: 1" in words
    assert "new: 3" in words
    assert "skipped 1.ics uid-4: no DTSTART and 4 more; status --verbose lists all" in words


def test_verbose_has_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every skipped item with its reason, of everybody where nobody is named."""
    config = configured(tmp_path)
    store = opened(config)
    many = [(f"uid-{n}", "no DTSTART") for n in range(90)]
    read_calendar(store, "hans", items=[item("1.ics", many)])
    store.close()
    print_status(config, [], as_json=False, verbose=True)
    out = capsys.readouterr().out
    assert 90 == out.count(": no DTSTART")
    assert "connector: off: nobody can log in with a mail account" in out
    assert "eva@example.com" in out


def received(config: Config, name: str, days: int, *, own: bool = True) -> None:
    """Put a publication of some days ago in force."""
    store = Store(config.site.state / "store.db")
    moment = NOW - timedelta(days=days)
    Ledger(store).add(
        name, Received(b"", WINDOW, [], moment, own, "hans/outlook", "192.0.2.7", "http")
    )
    store.close()


def test_publications_are_listed_with_their_age(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that counts as tentative is something to look at."""
    config = configured(tmp_path)
    store = opened(config)
    read_calendar(store, "hans", items=[item("1.ics")])
    store.close()
    received(config, "hans", 40)
    received(config, "eva", 40)
    print_status(config, [], as_json=False)
    words = " ".join(capsys.readouterr().out.split())
    assert "hans: published 40 d ago, tentative after 30 d" in words
    assert "eva: published" not in words
    print_status(config, ["hans"], as_json=False)
    words = " ".join(capsys.readouterr().out.split())
    assert "published Wed 22 Apr 2026 12:30 (40 d ago) by hans/outlook, own, until" in words
    assert "it counts as tentative because of its age" in words
    found = to_json(standing(config, ["hans"], NOW))["persons"][0]["publications"]
    assert [{
        "id": 1, "own": True, "received": "2026-04-22T10:30:00Z", "ends": "2027-01-01T00:00:00Z",
        "account": "hans/outlook", "aged": True, "over": False,
    }] == found  # fmt: skip


def test_who_waits_for_a_calendar_is_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was published is not served before the calendar was read for the first time."""
    config = configured(tmp_path)
    store = opened(config)
    store.calendar("hans", "demo", "hans/work", "work")
    store.close()
    received(config, "hans", 1)
    print_status(config, [], as_json=False)
    assert "hans: published 24 h ago, waits for work to be read" in " ".join(
        capsys.readouterr().out.split()
    )
    print_status(config, ["hans"], as_json=False)
    assert "waits for the first reading of work" in " ".join(capsys.readouterr().out.split())


def test_hostile_text_cannot_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """UIDs, file names and folder names cannot move the cursor, colour or turn the line round."""
    config = configured(tmp_path)
    store = opened(config)
    evil = "\x1b[2J\x07\u202e[red]" + "x" * 5000
    read_calendar(store, "hans", items=[item(evil, [(evil, evil)])])
    store.calendar("eva", "demo", "k", evil)
    store.close()
    for names, as_json in (([], False), (["hans", "eva"], False), ([], True)):
        print_status(config, names, as_json=as_json)
        out = capsys.readouterr().out
        assert not {c for c in out if not c.isprintable()} - {"\n"}
        assert "x" * 300 not in out


def test_why_there_is_no_file(tmp_path: Path) -> None:
    """Each reason for having no file is told apart."""
    config = configured(tmp_path)
    store = opened(config)
    store.note(store.calendar("hans", "demo", "", "").id, error="refused", last_attempt=1)
    read_calendar(store, "eva")
    store.close()
    assert [
        "source demo was never read: refused",
        'no calendar ever held an event (site.untouched_calendar = "unknown")',
    ] == [person.no_file for person in standing(config, ["hans", "eva"], NOW).persons]


def test_a_file_that_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A published file that somebody broke by hand is said to be unreadable."""
    config = configured(tmp_path)
    opened(config).close()
    gateway.tree(config).replace("hans", b"nonsense")
    print_status(config, ["hans"], as_json=False)
    assert "cannot be read; freebusy refresh writes it again" in capsys.readouterr().out


def test_an_unknown_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    """A slip of the pen is answered with who was probably meant, for each at once."""
    config = configured(tmp_path)
    with pytest.raises(ConfigurationError) as caught:
        print_status(config, ["hnas", "eva@exmaple.com", "\x1b[31m"], as_json=False)
    assert (
        "'hnas' is nobody in the roster; did you mean hans?",
        "'eva@exmaple.com' is nobody in the roster; did you mean eva@example.com?",
        "'\\\\x1b[31m' is nobody in the roster",
    ) == caught.value.problems


def test_looking_changes_no_schema(tmp_path: Path) -> None:
    """A store of another release is refused with what to do, and left as it is."""
    config = configured(tmp_path)
    opened(config).close()
    path = config.site.state / "store.db"
    for version, expected in ((0, "an older release"), (99, "a newer release")):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA user_version = {version}")
        with pytest.raises(StoreError, match=expected):
            standing(config, ["hans"], NOW)


def test_a_state_that_may_not_be_read(tmp_path: Path) -> None:
    """A state directory in the way of a file is an error for people."""
    config = configured(tmp_path)
    config.site.state.write_text("a file")
    with pytest.raises(FreeBusyError, match="cannot be read"):
        standing(config, ["hans"], NOW)
