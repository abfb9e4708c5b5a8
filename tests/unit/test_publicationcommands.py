"""``freebusy publications``, ``import`` and ``compare``, as people and programs read them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from freebusy import gateway
from freebusy.errors import ConfigurationError, FreeBusyError
from freebusy.period import TimeRange, to_seconds
from freebusy.publicationcommands import (
    compare_folder,
    import_folder,
    print_body,
    print_publications,
)
from freebusy.publications import Ledger, Received
from tests.unit.command_state import NOW, configured, opened, publish, read_calendar
from tests.unit.test_oldfiles import FILE, put

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from freebusy.config import Config
    from freebusy.store import Store

HOUR = 3600
START = NOW.replace(hour=0, minute=0)
WINDOW = TimeRange(START, START + timedelta(days=30))
WEDNESDAY = to_seconds(START) + 2 * 24 * HOUR + 8 * HOUR
"""When FILE has its one hour, 08:00 UTC or 10:00 in Berlin."""

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "now", lambda: NOW)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "old").mkdir()
    return configured(tmp_path)


def sent(store: Store, moment: datetime, body: bytes = FILE, **changes: object) -> None:
    received = {
        "body": body, "window": WINDOW, "spans": [(WEDNESDAY, WEDNESDAY + HOUR, 2)],
        "moment": moment, "is_own": True, "account": "hans/outlook", "address": "192.0.2.1",
        "protocol": "ftps", "client": "Microsoft Office/16.0",
    }  # fmt: skip
    Ledger(store).add("hans", Received(**(received | changes)))  # type: ignore[arg-type]  # a table of any fields


# -- publications


def test_the_list(config: Config, capsys: Capture) -> None:
    """Each publication says when, whose, by whom from where with what, and what it covers."""
    store = opened(config)
    sent(
        store, NOW - timedelta(days=2), is_own=False, account="freebusy", protocol="ftp", client=""
    )
    sent(store, NOW - timedelta(hours=5))
    sent(store, NOW - timedelta(minutes=5))
    store.close()
    print_publications(config, "hans@example.com", as_json=False)
    covers = f"      1 period, Mon 01 Jun 2026 to Wed 01 Jul 2026, {len(FILE)} octets"
    assert [
        "2     Mon 01 Jun 2026 12:25 (5 min ago)  own, in force",
        "      by hans/outlook from 192.0.2.1, ftps, Microsoft Office/16.0",
        covers,
        "      sent 2 times, first 5 h ago",
        "1     Sat 30 May 2026 12:30 (2 d ago)  shared, replaced",
        "      by freebusy from 192.0.2.1, ftp",
        covers,
    ] == capsys.readouterr().out.splitlines()


def listed(config: Config, capsys: Capture) -> list[str]:
    print_publications(config, "hans", as_json=False)
    return capsys.readouterr().out.splitlines()


def test_what_no_longer_counts(config: Config, capsys: Capture) -> None:
    """One whose window has passed is not said to be in force."""
    store = opened(config)
    sent(store, NOW - timedelta(days=60), window=TimeRange(START - timedelta(days=60), NOW))
    store.close()
    assert "own, over since Mon 01 Jun 2026" in listed(config, capsys)[0]


def test_what_does_not_count_yet(config: Config, capsys: Capture) -> None:
    """One that waits for a calendar says for which, until that was read or is not there."""
    store = opened(config)
    sent(store, NOW)
    unlisted = store.calendar("hans", "demo", "", "").id
    assert "      waits for the first reading of source demo" == listed(config, capsys)[-1]
    store.forget(unlisted)
    store.calendar("hans", "demo", "x", "INBOX/Dates")
    first, *_, last = listed(config, capsys)
    assert "own, waits" in first
    assert "      waits for the first reading of INBOX/Dates" == last
    read_calendar(store, "hans", key="x")
    assert "own, in force" in listed(config, capsys)[0]
    store.close()


@pytest.mark.parametrize(("rule", "own", "waits"), [("union", True, True),
    ("published", True, False), ("published", False, True)])  # fmt: skip
def test_what_does_without_a_calendar(
    tmp_path: Path, capsys: Capture, rule: str, *, own: bool, waits: bool
) -> None:
    """Where the own publication is the file, it waits for nothing."""
    config = configured(tmp_path, f'[publish]\ncombine = "{rule}"')
    store = opened(config)
    sent(store, NOW, is_own=own)
    store.calendar("hans", "demo", "", "")
    store.close()
    assert waits == ("waits" in listed(config, capsys)[0])


def test_the_list_on_a_terminal(config: Config, capsys: Capture) -> None:
    """However often something was sent, and by whatever, no line is longer than 80 columns."""
    store = opened(config)
    for hour in (500, 400):
        sent(
            store,
            NOW - timedelta(hours=hour),
            address="2001:db8:1234:5678:9abc:def0:1234:5678",
            client="Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; Microsoft Office 2002) x",
        )
    store.calendar("hans", "demo", "x", " ".join(["INBOX/Calendar of somebody"] * 4))
    store.close()
    assert max(map(len, listed(config, capsys))) < 80


def test_the_list_as_json(config: Config, capsys: Capture) -> None:
    """Programs get the same with times in UTC, and keys that are written down."""
    store = opened(config)
    sent(store, NOW)
    store.close()
    print_publications(config, "hans", as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (1, "hans", 1) == (told["version"], told["name"], len(told["publications"]))
    assert {
        "id": 1, "own": True, "in_force": True, "received": "2026-06-01T10:30:00Z",
        "first": "2026-06-01T10:30:00Z", "times": 1, "changed": "2026-06-01T10:30:00Z",
        "ended": None, "ending": None, "account": "hans/outlook", "address": "192.0.2.1",
        "protocol": "ftps", "client": "Microsoft Office/16.0",
        "window_start": "2026-06-01T00:00:00Z", "window_end": "2026-07-01T00:00:00Z",
        "periods": 1, "size": len(FILE),
    } == told["publications"][0]  # fmt: skip


def test_a_client_cannot_speak_to_the_terminal(config: Config, capsys: Capture) -> None:
    """What a client calls itself is escaped, here as elsewhere."""
    store = opened(config)
    sent(store, NOW, client="\x1b[2J\r\nid   Mon forged")
    store.close()
    print_publications(config, "hans", as_json=False)
    out = capsys.readouterr().out
    assert 3 == len(out.splitlines())
    assert "\x1b" not in out


def test_nothing_published(config: Config, capsys: Capture) -> None:
    """Where nothing is, that is said, also before any service ran; nothing is created."""
    print_publications(config, "hans", as_json=False)
    assert "Nothing was published for hans" in capsys.readouterr().out
    assert not config.site.state.exists()
    with pytest.raises(ConfigurationError, match="did you mean hans"):
        print_publications(config, "hams", as_json=False)


def test_one_as_it_was_received(config: Config, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """--body gives the octets that came, of this person only."""
    store = opened(config)
    sent(store, NOW, b"X-SECRET:a\r\n" + FILE)
    store.close()
    print_body(config, "hans", 1)
    assert b"X-SECRET:a\r\n" + FILE == capsysbinary.readouterr().out
    for name, number in (("hans", 2), ("eva", 1)):
        with pytest.raises(FreeBusyError, match=f"{name} has no publication {number}"):
            print_body(config, name, number)


# -- import


def import_all(
    config: Config, capsys: Capture, *, own: bool = False, dry_run: bool = False
) -> tuple[bool, list[str]]:
    done = import_folder(config, config.path.parent / "old", own=own, dry_run=dry_run)
    return done, capsys.readouterr().out.splitlines()


def served(config: Config, name: str) -> str:
    file = gateway.tree(config).read(name)
    return "" if file is None else file.body.decode()


def history(config: Config, name: str) -> list[tuple[bool, bool, datetime]]:
    store = opened(config)
    entries = Ledger(store).history(name)
    store.close()
    return [
        (e.own, e.in_force, NOW + timedelta(seconds=e.received - to_seconds(NOW))) for e in entries
    ]


def test_an_import(config: Config, capsys: Capture) -> None:
    """Each file is taken, refused with its reason, or nobody's; what is taken is served."""
    old = config.path.parent / "old"
    put(old / "eva.vfb", b"<html>")
    put(old / "hans.vfb", days_old=3)
    put(old / "otto.vfb")
    done, lines = import_all(config, capsys)
    assert not done
    assert [
        "eva.vfb: refused, a web page is not a free/busy file",
        "hans.vfb: taken for hans, 1 period",
        "otto.vfb: nobody in the roster",
        "3 files: 1 taken, 1 refused, 1 nobody's.",
    ] == lines
    assert "20260603T080000Z/20260603T090000Z" in served(config, "hans")
    assert [(False, True, NOW - timedelta(days=3))] == history(config, "hans")


def test_a_dry_run_changes_nothing(config: Config, capsys: Capture) -> None:
    """--dry-run says the same, and makes no file, no store and no directory."""
    put(config.path.parent / "old" / "hans.vfb")
    assert (
        True,
        ["hans.vfb: would be taken for hans, 1 period", "1 file: 1 taken (nothing was changed)."],
    ) == import_all(config, capsys, dry_run=True)
    assert not config.site.state.exists()


def test_an_import_can_be_run_again(config: Config, capsys: Capture) -> None:
    """What is there already, or is older than what is in force, is left."""
    old = config.path.parent / "old"
    put(old / "hans.vfb", days_old=3)
    import_all(config, capsys)
    assert [
        "hans.vfb: hans has it already", "1 file: 1 known."
    ] == import_all(config, capsys)[1]  # fmt: skip
    store = opened(config)
    sent(store, NOW - timedelta(days=2), FILE.replace(b"0800", b"0900"))
    store.close()
    for dry_run in (True, False):
        done, lines = import_all(config, capsys, dry_run=dry_run)
        assert (True, "hans.vfb: a publication of hans is newer") == (done, lines[0])
    assert [True, False] == [in_force for _, in_force, _ in history(config, "hans")]


def test_several_files_of_one_person(config: Config, capsys: Capture) -> None:
    """The newest counts, and the others are no failure."""
    old = config.path.parent / "old"
    put(old / "hans.ifb", days_old=3)
    put(old / "hans.vfb", days_old=2)
    assert (
        True,
        [
            "hans.ifb: hans.vfb is newer",
            "hans.vfb: taken for hans, 1 period",
            "2 files: 1 taken, 1 outdated.",
        ],
    ) == import_all(config, capsys)


def test_a_file_whose_time_has_passed(config: Config, capsys: Capture) -> None:
    """It is left, and a file of the same person that still says something is taken."""
    old = config.path.parent / "old"
    put(old / "hans.ifb", FILE.replace(b"202606", b"202504").replace(b"202607", b"202505"))
    put(old / "hans.vfb", days_old=2)
    assert (
        True,
        [
            "hans.ifb: its time has passed",
            "hans.vfb: taken for hans, 1 period",
            "2 files: 1 taken, 1 outdated.",
        ],
    ) == import_all(config, capsys)


@pytest.mark.parametrize(("own", "extra"), [(True, ""), (False, 'shared_account = "replaces"')])
def test_an_import_as_the_peoples_own(
    tmp_path: Path, capsys: Capture, own: bool, extra: str
) -> None:
    """--own, or a site whose shared account replaces, lets old files count as own ones."""
    config = configured(tmp_path, f"[publish]\n{extra}\n")
    put(tmp_path / "old" / "hans.vfb")
    import_all(config, capsys, own=own)
    assert [(True, True, NOW - timedelta(days=1))] == history(config, "hans")


# -- compare


def compare(config: Config, *, as_json: bool = False) -> bool:
    return compare_folder(config, config.path.parent / "old", as_json=as_json)


def test_who_would_be_freer(config: Config, capsys: Capture) -> None:
    """Time that was taken in the old file and is not in the served one is named."""
    put(config.path.parent / "old" / "hans.vfb")
    publish(config, "hans", [(WEDNESDAY, WEDNESDAY + HOUR // 2, 1)], WINDOW)
    assert not compare(config)
    out, err = capsys.readouterr()
    assert [
        "hans: Wed 03 Jun 2026 10:00 to 10:30, was BUSY, is BUSY-TENTATIVE",
        "hans: Wed 03 Jun 2026 10:30 to 11:00, was BUSY, is FREE",
    ] == out.splitlines()
    assert "1 file compared; freer than before: 1.\n" == err


def test_nobody_is_freer(config: Config, capsys: Capture) -> None:
    """More busy time than before is nothing to tell, nor is what lies beyond the window."""
    put(config.path.parent / "old" / "hans.vfb")
    publish(config, "hans", [(WEDNESDAY - HOUR, WEDNESDAY + HOUR, 3)], WINDOW)
    assert compare(config)
    publish(config, "hans", [], TimeRange(START, START + timedelta(days=2)))
    assert compare(config)
    assert "" == capsys.readouterr().out


def test_time_that_has_passed_is_not_compared(config: Config) -> None:
    """Nobody plans a meeting for yesterday."""
    put(config.path.parent / "old" / "hans.vfb", FILE.replace(b"20260603", b"20260531"))
    publish(config, "hans", [], TimeRange(START - timedelta(days=7), WINDOW.end))
    assert compare(config)


def test_what_cannot_be_compared(config: Config, capsys: Capture) -> None:
    """No file, an old one that is over, a broken one and nobody's are told and are no failure."""
    old = config.path.parent / "old"
    put(old / "eva.vfb")
    put(old / "hans.vfb", FILE.replace(b"202606", b"202504").replace(b"202607", b"202505"))
    put(old / "hans.ifb", b"", days_old=2)
    put(old / "otto.vfb")
    publish(config, "hans", [], WINDOW)
    assert compare(config)
    assert [
        "eva.vfb: no file is served",
        "hans.ifb: the file is empty",
        "hans.vfb: its time has passed",
        "otto.vfb: nobody in the roster",
        "0 files compared; freer than before: 0.",
    ] == capsys.readouterr().err.splitlines()


def test_the_comparison_as_json(config: Config, capsys: Capture) -> None:
    """Programs get each file, and where its person has become freer."""
    put(config.path.parent / "old" / "hans.vfb")
    put(config.path.parent / "old" / "otto.vfb")
    publish(config, "hans", [], WINDOW)
    assert not compare(config, as_json=True)
    hour = {
        "start": "2026-06-03T08:00:00Z", "end": "2026-06-03T09:00:00Z", "was": "BUSY", "is": "FREE"
    }  # fmt: skip
    assert {
        "version": 1,
        "files": [
            {"file": "hans.vfb", "name": "hans", "note": None, "freer": [hour]},
            {"file": "otto.vfb", "name": None, "note": "nobody in the roster", "freer": []},
        ],
    } == json.loads(capsys.readouterr().out)


def test_after_an_import_nobody_is_freer(config: Config, capsys: Capture) -> None:
    """What was taken over is served."""
    put(config.path.parent / "old" / "hans.vfb")
    import_all(config, capsys)
    assert compare(config)
