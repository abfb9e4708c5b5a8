"""Folders that a connector deletes or moves are gone without being confirmed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from calendar_sync.memorymail import MemoryMail
from freebusy.connector.departures import ChangingFolders, Departures
from freebusy.connector.jobs import StoredJobs
from freebusy.connector.modes import StoredModes
from freebusy.errors import FolderFilledError, NoFolderError
from freebusy.jobledger import JobLedger
from freebusy.ports import ItemChange, Owner, SyncEvent, SyncMode
from tests.unit.command_state import configured
from tests.unit.memory_gateway import (
    HANS,
    MemoryGateway,
    event,
    memory_gateway,
    span,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAIT = 600.0


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[MemoryGateway]:
    with memory_gateway(tmp_path) as made:
        made.change_rules(confirm_after=(120.0, WAIT))
        yield made


def departures(gateway: MemoryGateway, source: str = "mail") -> Departures:
    return Departures(
        gateway.store, gateway.clock, is_here=lambda name: name == source, wait=lambda: WAIT
    )


@pytest.mark.parametrize(
    ("name", "path", "expected"),
    [
        ("Club", "Club", True),
        ("user/hans/Club", "Club", True),
        ("user.hans.Club", "INBOX.Club", True),
        ("user.hans.Club", "INBOX/Club", True),
        ("user/hans/Club/Juniors", "Club", True),
        ("user/hans/A/Club", "A/Club", True),
        ("user/hans/B/Club", "A/Club", False),
        ("Clubs", "Club", False),
        ("My Club", "Club", False),
    ],
)
def test_a_loss_counts_at_once(
    gateway: MemoryGateway, name: str, path: str, expected: bool
) -> None:
    """However the login that reads calls the folder; what is not meant waits as ever."""
    calendar = gateway.calendar(name)
    rest = gateway.calendar("Calendar")
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    gateway.memory.put(rest, event("b", "20260603T090000Z"))
    gateway.run()
    gateway.memory.remove_calendar(calendar)
    departures(gateway).note("hans", path)
    gateway.run()
    assert ([span(3, 9)] if expected else [span(2, 9), span(3, 9)]) == gateway.busy


def test_a_folder_that_is_there_all_the_same(gateway: MemoryGateway) -> None:
    """It was made anew: it is read, and its next loss has to be confirmed."""
    calendar, rest = gateway.calendar("Club"), gateway.calendar("Calendar")
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    gateway.memory.put(rest, event("b", "20260603T090000Z"))
    gateway.run()
    departures(gateway).note("hans", "Club")
    gateway.run()
    gateway.memory.remove_calendar(calendar)
    gateway.run()
    assert [span(2, 9), span(3, 9)] == gateway.busy


def test_other_sources_are_left_alone(gateway: MemoryGateway) -> None:
    """A folder of that name elsewhere is none of the mail server's."""
    calendar, rest = gateway.calendar("Club"), gateway.calendar("Calendar")
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    gateway.memory.put(rest, event("b", "20260603T090000Z"))
    gateway.run()
    gateway.memory.remove_calendar(calendar)
    departures(gateway, "another").note("hans", "Club")
    gateway.run()
    assert [span(2, 9), span(3, 9)] == gateway.busy


def test_what_the_server_refuses_is_not_noted(gateway: MemoryGateway) -> None:
    """Only a deletion or a move that was done is a proof."""
    mail = MemoryMail()
    mail.add_user("hans", "wort")
    hans = Owner("hans", HANS.address, password="wort")
    noted: list[tuple[str, str]] = []

    class Noting(Departures):
        def note(self, person: str, path: str) -> None:
            noted.append((person, path))

    made = Noting(gateway.store, gateway.clock, is_here=lambda _: True, wait=lambda: WAIT)
    renewed: list[str] = []
    folders = ChangingFolders(mail, made, lambda who: renewed.append(who.name))
    club = folders.create(hans, "Club")
    put = ItemChange("put", "a", event("a", "20260602T090000Z").decode())
    assert "done" == mail.write(hans, club.path, [put])[0].status
    with pytest.raises(FolderFilledError):
        folders.delete(hans, club.path)
    with pytest.raises(NoFolderError):
        folders.move(hans, "nothing", name="else")
    assert [] == noted
    moved = folders.move(hans, club.path, name="Verein")
    assert folders.folder(hans, moved.path).path in {f.path for f in folders.folders(hans)}
    folders.delete(hans, moved.path, even_if_filled=True)
    assert [("hans", club.path), ("hans", moved.path)] == noted
    assert ["hans"] * 3 == renewed


def test_who_leaves_the_roster_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Modes and jobs are deleted with all else, when the time for coming back is over."""
    from freebusy import gateway

    config = configured(tmp_path)
    engine = gateway.engine(config)
    try:
        modes = StoredModes(engine.store, SyncMode.MANUAL)
        ledger = JobLedger(engine.store, gateway.now)
        jobs = StoredJobs(
            ledger,
            tell=lambda _name, _job: None,
            has_sources=lambda _name: True,
            has_file=lambda _name: True,
            now=gateway.now,
            keep=timedelta(hours=1),
        )
        started = {}
        for name in ("hans", "left"):
            modes.set_default(name, SyncMode.ON_SELECT)
            started[name] = jobs.start(name, SyncEvent.MANUAL, ["Calendar"]).id
        engine.store.calendar("left", "demo", "key", "Calendar")  # there were calendars to read
        now = gateway.now()
        for days in (0, 1, 40):
            moment = now + timedelta(days=days)
            monkeypatch.setattr("freebusy.gateway.now", lambda moment=moment: moment)
            engine.see_off()
        assert [SyncMode.ON_SELECT, SyncMode.MANUAL] == [modes.default(n) for n in started]
        assert [True, False] == [ledger.job(each) is not None for each in started.values()]
    finally:
        engine.close()
