"""One look at many: who is as the store knows is not read again."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from freebusy.errors import SourceDownError, SourceUnavailableError
from freebusy.jobledger import JobLedger
from freebusy.looks import Looks
from freebusy.plan import Plan
from freebusy.regeneration import Regeneration
from freebusy.schedule import Backoff
from freebusy.wallclock import WallClock
from tests.processes import until
from tests.unit.memory_gateway import (
    HANS,
    BrokenOffSource,
    MemoryGateway,
    event,
    memory_gateway,
    span,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from calendar_sync.memory import MemorySource
    from freebusy.ports import Calendar, Held, Owner, SyncPage, SyncToken

BERTA = replace(HANS, name="berta", address="berta@example.com")


class Swept(BrokenOffSource):
    """Calendars in memory that are all looked at in one go."""

    def __init__(self, source: MemorySource) -> None:
        super().__init__(source)
        self.looks = self.runs = self.listings = 0
        self.error: Exception | None = None  # type: ignore[assignment]  # another one than there

    def calendars(self, owner: Owner) -> Sequence[Calendar]:
        self.listings += 1
        if isinstance(self.error, SourceDownError):
            raise self.error
        return super().calendars(owner)

    def sync(self, calendar: Calendar, token: SyncToken | None) -> Iterator[SyncPage]:
        self.runs += 1
        yield from self.source.sync(calendar, token)

    def groups(self, owners: Iterable[Owner]) -> Iterable[Sequence[Owner]]:
        return [list(owners)]

    def unchanged(self, known: Mapping[Owner, Collection[Held]]) -> Collection[Owner]:
        self.looks += 1
        if self.error:
            raise self.error
        return [owner for owner, held in known.items() if held and all(map(self._is_same, held))]

    def _is_same(self, held: Held) -> bool:
        calendar = self.source._calendars.get(held.key)
        return calendar is not None and calendar.token == held.token


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[MemoryGateway]:
    with memory_gateway(tmp_path, make_source=Swept) as made:
        yield made


@pytest.fixture
def source(gateway: MemoryGateway) -> Swept:
    assert isinstance(gateway.source, Swept)
    return gateway.source


@pytest.fixture
def calendar(gateway: MemoryGateway) -> Calendar:
    made = gateway.calendar()
    gateway.memory.put(made, event("a", "20260602T090000Z"))
    gateway.run()
    return made


def confirmed(gateway: MemoryGateway, fresh: float = 3600) -> set[str]:
    return gateway.syncer.confirm([gateway.person], gateway.feed, fresh)


def test_success_is_noted(gateway: MemoryGateway, calendar: Calendar) -> None:
    """Whose calendars are as they were was looked at now."""
    before = gateway.store.calendars("hans")[0]
    gateway.clock.forward(minutes=10)
    assert {"hans"} == confirmed(gateway)
    after = gateway.store.calendars("hans")[0]
    assert 600 == (after.last_success or 0) - (before.last_success or 0)
    assert before.last_change == after.last_change


def test_a_change_is_no_success(gateway: MemoryGateway, calendar: Calendar) -> None:
    """Where something changed, nothing is noted."""
    gateway.memory.put(calendar, event("b", "20260603T090000Z"))
    before = gateway.store.calendars("hans")
    assert set() == confirmed(gateway)
    assert before == gateway.store.calendars("hans")


@pytest.mark.parametrize(
    "columns",
    [
        {"error": "it was refused"},
        {"doubted_since": 1_780_000_000, "doubts": 1},
        {"reader": 0},
        {"token": None},
        {"last_success": None},
    ],
)
def test_trouble_is_not_swept_away(
    gateway: MemoryGateway, calendar: Calendar, columns: dict[str, object]
) -> None:
    """A failure, a doubt, or another reader's work: a run has to see to it."""
    gateway.store.note(gateway.store.calendars("hans")[0].id, **columns)
    assert set() == confirmed(gateway)


def test_what_is_old_is_read_in_any_case(gateway: MemoryGateway, calendar: Calendar) -> None:
    """Without success for longer than the interval, the file may have to say so, or no more."""
    gateway.clock.forward(hours=2)
    assert set() == confirmed(gateway)


# -- in the service


@contextmanager
def regenerating(gateway: MemoryGateway, interval: float) -> Iterator[Regeneration]:
    berta = replace(gateway.person, name="berta", organizer=BERTA.address, at_source=BERTA)
    made = Regeneration(
        syncer=gateway.syncer,
        publisher=gateway.publisher,
        plans=[Plan(gateway.feed, interval, watch=False)],
        persons=[gateway.person, berta],
        clock=WallClock(gateway.clock, times=(), zone="UTC", owner_zones=()),
        noted=lambda _source, _seconds: None,
        looks=Looks(JobLedger(gateway.store, gateway.clock)),
    )
    made.start()
    try:
        yield made
    finally:
        made.stop()


def test_a_tick_costs_one_look(
    gateway: MemoryGateway, source: Swept, calendar: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is listed or read of whom it proves that nothing happened; who changed is."""
    monkeypatch.setattr("freebusy.attempts._STALE", 10_000)
    theirs = gateway.memory.add_calendar(BERTA)
    gateway.memory.put(theirs, event("b", "20260602T090000Z"))
    with regenerating(gateway, 0.2):
        until(lambda: len(gateway.store.calendars()) == 2, "both are known")
        until(lambda: all(state.last_success for state in gateway.store.calendars()), "and read")
        until(lambda: _rests(source), "nobody is read any more")
        looks, runs, listings = source.looks, source.runs, source.listings
        until(lambda: source.looks > looks + 3, "there are ticks")
        assert (runs, listings) == (source.runs, source.listings)
        gateway.memory.put(calendar, event("c", "20260603T090000Z"))
        until(lambda: gateway.busy == [span(2, 9), span(3, 9)], "the change shows")
        assert runs + 1 >= source.runs


def _rests(source: Swept) -> bool:
    before = source.runs, source.looks
    threading.Event().wait(0.7)
    return source.runs == before[0] and source.looks > before[1]


def test_a_look_that_fails_costs_no_change(
    gateway: MemoryGateway, source: Swept, calendar: Calendar
) -> None:
    """Then everybody is read as if there were no looks."""
    source.error = SourceUnavailableError("it broke off")
    with regenerating(gateway, 0.2):
        gateway.memory.put(calendar, event("c", "20260603T090000Z"))
        until(lambda: gateway.busy == [span(2, 9), span(3, 9)], "the change shows")


def test_a_source_that_is_down_is_asked_by_one(
    gateway: MemoryGateway,
    source: Swept,
    calendar: Calendar,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """All others wait for its return, and are then looked at without delay."""
    monkeypatch.setattr("freebusy.regeneration._OUTAGES", Backoff(first=0.3, cap=0.3))
    source.error = SourceDownError("it refuses connections")
    with regenerating(gateway, 3600):
        until(lambda: "source=mail event=down" in caplog.messages, "it is told")
        listings = source.listings
        threading.Event().wait(1.0)
        assert 8 >= source.listings - listings
        gateway.memory.put(calendar, event("c", "20260603T090000Z"))
        source.error = None
        until(lambda: gateway.busy == [span(2, 9), span(3, 9)], "all is well again")
    assert ["source=mail event=down", "source=mail event=back"] == [
        line for line in caplog.messages if line.startswith("source=mail")
    ]
