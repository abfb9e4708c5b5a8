"""Regeneration: on change, on schedule, at midnight, after failures; and how it stops."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from datetime import time as clock_time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from freebusy.crew import Crew
from freebusy.errors import SourceUnavailableError, StoreError
from freebusy.jobledger import JobLedger
from freebusy.looks import Looks
from freebusy.period import FreeBusyType
from freebusy.plan import Plan
from freebusy.regeneration import Regeneration
from freebusy.schedule import Backoff
from freebusy.syncing import Feed
from freebusy.wallclock import WallClock
from tests.processes import until
from tests.unit.memory_gateway import (
    BrokenOffSource,
    MemoryGateway,
    event,
    memory_gateway,
    span,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from calendar_sync.memory import MemorySource
    from freebusy.ports import Calendar, Owner, SyncPage, SyncToken

LONG = 3600.0


class Watched(BrokenOffSource):
    """A source that counts its runs, can be held up, and whose watch can fail."""

    def __init__(self, source: MemorySource) -> None:
        super().__init__(source)
        self.runs = 0
        self.go_on = threading.Event()
        self.go_on.set()
        self.watching = threading.Event()
        self.watch_errors: list[Exception] = []

    def sync(self, calendar: Calendar, token: SyncToken | None) -> Iterator[SyncPage]:
        self.runs += 1
        self.go_on.wait(60)
        yield from super().sync(calendar, token)

    def watch(
        self,
        calendars: Sequence[Calendar],
        changed: Callable[[Calendar | Owner], None],
        stop: threading.Event,
    ) -> None:
        if self.watch_errors:
            raise self.watch_errors.pop()
        self.watching.set()
        self.source.watch(calendars, changed, stop)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[MemoryGateway]:
    with memory_gateway(tmp_path, make_source=Watched) as made:
        yield made
        source_of(made).go_on.set()


@pytest.fixture
def calendar(gateway: MemoryGateway) -> Calendar:
    return gateway.calendar()


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for tenths where the service waits for seconds."""
    monkeypatch.setattr("freebusy.regeneration._GLANCE", 0.05)
    monkeypatch.setattr("freebusy.follower.GLANCE", 0.05)
    monkeypatch.setattr("freebusy.regeneration.SETTLING", 0.1)
    monkeypatch.setattr("freebusy.regeneration._PAUSE", 0.05)
    monkeypatch.setattr("freebusy.regeneration._OUTAGES", Backoff(first=0.05, cap=0.2))
    monkeypatch.setattr("freebusy.follower.GATHERING", Backoff(first=0.05, cap=0.05))
    monkeypatch.setattr("freebusy.follower.RETRIES", Backoff(first=0.05, cap=0.2))
    monkeypatch.setattr("freebusy.progress.RETRIES", Backoff(first=0.05, cap=0.2))


def source_of(gateway: MemoryGateway) -> Watched:
    assert isinstance(gateway.source, Watched)
    return gateway.source


@contextmanager
def regenerating(
    gateway: MemoryGateway,
    *,
    interval: float = LONG,
    debounce: float = 0.5,
    watch: bool = True,
    times: Sequence[clock_time] = (),
    noted: Callable[[str, float], None] = lambda _source, _seconds: None,
) -> Iterator[Regeneration]:
    plan = Plan(gateway.feed, interval, watch=watch, debounce=debounce)
    clock = WallClock(gateway.clock, times=times, zone="UTC", owner_zones={"Europe/Berlin"})
    made = Regeneration(
        syncer=gateway.syncer,
        publisher=gateway.publisher,
        plans=[plan],
        persons=[gateway.person],
        clock=clock,
        noted=noted,
        looks=Looks(JobLedger(gateway.store, gateway.clock)),
    )
    made.start()
    try:
        yield made
    finally:
        source_of(gateway).go_on.set()
        made.stop()


def shows(gateway: MemoryGateway, *spans: tuple[int, int, int]) -> None:
    until(lambda: gateway.busy == list(spans), f"the file shows {spans}")


def settled(gateway: MemoryGateway) -> None:
    """Wait until the watch is there and the runs that follow its beginning are over."""
    source = source_of(gateway)
    assert source.watching.wait(20)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        before = source.runs
        if not threading.Event().wait(0.4) and source.runs == before:
            return
    pytest.fail("it never comes to rest")


# -- change


def test_everything_is_read_at_the_start(gateway: MemoryGateway, calendar: Calendar) -> None:
    """What is there when the service starts is served."""
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    with regenerating(gateway):
        shows(gateway, span(2, 9))


def test_a_change_acts_at_once(gateway: MemoryGateway, calendar: Calendar) -> None:
    """The first change is not held back; of many that follow, several are dealt with together."""
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    with regenerating(gateway, debounce=2.0):
        shows(gateway, span(2, 9))
        settled(gateway)
        before, start = source_of(gateway).runs, time.monotonic()
        gateway.memory.put(calendar, event("b", "20260603T090000Z"))
        shows(gateway, span(2, 9), span(3, 9))
        assert 2.0 > time.monotonic() - start
        for day in range(4, 20):
            gateway.memory.put(calendar, event(f"e{day}", f"202606{day:02}T090000Z"))
            shows_nothing_yet = threading.Event().wait(0.01)
            assert not shows_nothing_yet
        shows(gateway, *(span(day, 9) for day in range(2, 20)))
        assert 5 > source_of(gateway).runs - before


def test_changes_during_a_run_are_not_lost(gateway: MemoryGateway, calendar: Calendar) -> None:
    """What changes while the calendar is being read is read afterwards."""
    source = source_of(gateway)
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    with regenerating(gateway):
        shows(gateway, span(2, 9))
        settled(gateway)
        source.go_on.clear()
        before = source.runs
        gateway.memory.put(calendar, event("b", "20260603T090000Z"))
        until(lambda: source.runs > before, "a run begins")
        gateway.memory.put(calendar, event("c", "20260604T090000Z"))
        source.go_on.set()
        shows(gateway, span(2, 9), span(3, 9), span(4, 9))


def test_a_watch_that_fails_begins_again(
    gateway: MemoryGateway, calendar: Calendar, caplog: pytest.LogCaptureFixture
) -> None:
    """Errors of the source, and bugs, are logged, and the watch comes about after all."""
    source_of(gateway).watch_errors = [SourceUnavailableError("dropped"), LookupError("secret")]
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    with caplog.at_level(logging.WARNING), regenerating(gateway):
        settled(gateway)
        gateway.memory.put(calendar, event("b", "20260603T090000Z"))
        shows(gateway, span(2, 9), span(3, 9))
    assert ["watch source=mail event=bug", "watch source=mail error=dropped"] == caplog.messages


def test_a_new_calendar_is_watched(gateway: MemoryGateway, calendar: Calendar) -> None:
    """One that a sweep discovers is watched from then on."""
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    with regenerating(gateway, interval=0.3):
        shows(gateway, span(2, 9))
        other = gateway.calendar("Team")
        gateway.memory.put(other, event("b", "20260603T090000Z"))
        shows(gateway, span(2, 9), span(3, 9))


# -- schedule


def test_without_a_watch_the_interval_counts(gateway: MemoryGateway, calendar: Calendar) -> None:
    """What changes shows at the next tick, again and again."""
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    told: list[tuple[str, float]] = []
    with regenerating(gateway, interval=0.2, watch=False, noted=lambda *t: told.append(t)):
        shows(gateway, span(2, 9))
        for day in (3, 4):
            gateway.memory.put(calendar, event(f"e{day}", f"2026060{day}T090000Z"))
            shows(gateway, *(span(d, 9) for d in range(2, day + 1)))
    assert not source_of(gateway).watching.is_set()
    assert {"mail"} == {source for source, _ in told}
    assert all(0.18 <= seconds <= 0.2 for _, seconds in told)


def test_fixed_times(gateway: MemoryGateway, calendar: Calendar) -> None:
    """When the clock on the wall strikes one of them, everybody's calendars are asked."""
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    with regenerating(gateway, watch=False, times=[clock_time(18)]):
        shows(gateway, span(2, 9))
        gateway.memory.put(calendar, event("b", "20260603T090000Z"))
        gateway.clock.now = datetime(2026, 6, 1, 17, 59, tzinfo=UTC)
        assert not threading.Event().wait(0.3)
        assert [span(2, 9)] == gateway.busy
        gateway.clock.now = datetime(2026, 6, 1, 18, tzinfo=UTC)
        shows(gateway, span(2, 9), span(3, 9))


def test_the_window_rolls_at_midnight(gateway: MemoryGateway, calendar: Calendar) -> None:
    """When a day begins for its owner a file is rendered again, and no source is asked."""
    gateway.memory.put(calendar, event("a", "20260525T090000Z"))
    gateway.memory.put(calendar, event("b", "20260602T090000Z"))
    with regenerating(gateway, watch=False):
        shows(gateway, span(25, 9, month=5), span(2, 9))
        before = source_of(gateway).runs
        gateway.clock.now = datetime(2026, 6, 1, 22, tzinfo=UTC)
        shows(gateway, span(2, 9))
        assert before == source_of(gateway).runs


# -- failures


def test_failures_are_tried_again(gateway: MemoryGateway, calendar: Calendar) -> None:
    """An outage ends without anybody's doing, long before the interval does."""
    gateway.memory.offline = True
    with regenerating(gateway):
        until(lambda: gateway.store.calendars("hans"), "the first attempt is noted")
        assert gateway.body is None
        gateway.memory.offline = False
        gateway.memory.put(calendar, event("a", "20260602T090000Z"))
        shows(gateway, span(2, 9))


def test_a_stale_file_says_so_and_recovers(gateway: MemoryGateway, calendar: Calendar) -> None:
    """During an outage the attempts themselves make the file say its age."""
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    with regenerating(gateway, interval=0.2):
        shows(gateway, span(2, 9))
        gateway.memory.offline = True
        gateway.clock.forward(hours=2)
        until(lambda: gateway.as_of, "the file says its age")
        gateway.memory.offline = False
        until(lambda: gateway.as_of is None, "the file is fresh")


def test_a_loss_is_confirmed_in_time(gateway: MemoryGateway, calendar: Calendar) -> None:
    """A calendar that seems to be gone is looked at again when the site says so."""
    gateway.change_rules(confirm_after=(0.3, 0.6))
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    with regenerating(gateway, interval=LONG):
        shows(gateway, span(2, 9))
        settled(gateway)
        gateway.memory.remove_calendar(calendar)
        until(
            lambda: any(state.doubts for state in gateway.store.calendars("hans")), "it is doubted"
        )
        assert [span(2, 9)] == gateway.busy
        gateway.clock.forward(minutes=1)
        until(lambda: gateway.body is None, "the loss counts")


def test_a_full_disk_is_no_bug(
    gateway: MemoryGateway,
    calendar: Calendar,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is told as what it is, and tried again until it is over."""
    real, failures = gateway.public.replace, [StoreError("disk full")] * 2

    def replace_unless_full(name: str, body: bytes) -> None:
        if failures:
            raise failures.pop()
        real(name, body)

    monkeypatch.setattr(gateway.public, "replace", replace_unless_full)
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    with caplog.at_level(logging.WARNING), regenerating(gateway, watch=False):
        shows(gateway, span(2, 9))
    assert ["sync person=hans source=mail error=disk full"] * 2 == caplog.messages


def test_bugs_do_not_stop_the_time(
    gateway: MemoryGateway, calendar: Calendar, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is raised where a sweep is noted, the next one comes."""

    def noted(_source: str, _seconds: float) -> None:
        raise LookupError("a bug")

    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    with regenerating(gateway, interval=0.2, watch=False, noted=noted) as made:
        shows(gateway, span(2, 9))
        gateway.memory.put(calendar, event("b", "20260603T090000Z"))
        shows(gateway, span(2, 9), span(3, 9))
        assert made.alive
    assert "crew=render event=job_failed" in caplog.messages


# -- the end


def test_stop_returns_while_a_source_blocks(gateway: MemoryGateway, calendar: Calendar) -> None:
    """Nobody waits for a mail server that does not answer."""
    source_of(gateway).go_on.clear()
    with regenerating(gateway) as made:
        until(lambda: source_of(gateway).runs, "a run begins")
        start = time.monotonic()
        made.stop(patience=1.0)
        assert 1.5 > time.monotonic() - start
        assert not made.alive


def _wait(held: threading.Event) -> None:
    held.wait(60)


def test_nobody_waits_for_each_of_a_crew() -> None:
    """However many threads are held up, all of them together are waited for once."""
    crew, held = Crew("held", 8), threading.Event()
    for _ in range(8):
        crew.give(partial(_wait, held))
    start = time.monotonic()
    crew.dismiss(0.3)
    held.set()
    assert 1 > time.monotonic() - start


def test_stop_is_prompt_when_nothing_happens(gateway: MemoryGateway, calendar: Calendar) -> None:
    """With all at rest it does not use its patience up."""
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    with regenerating(gateway) as made:
        shows(gateway, span(2, 9))
        settled(gateway)
        start = time.monotonic()
        made.stop()
        assert 1.5 > time.monotonic() - start
    gateway.memory.put(calendar, event("b", "20260603T090000Z"))
    assert not threading.Event().wait(0.3)
    assert [span(2, 9)] == gateway.busy, "nothing is done after the end"


def test_two_sources_of_one_person(gateway: MemoryGateway, calendar: Calendar) -> None:
    """One that fails does not hold the other up, once both were read."""
    with memory_gateway(gateway.state / "other", make_source=Watched) as second:
        feed = Feed("second", source_of(second))
        gateway.person = replace(gateway.person, sources=("mail", "second"))
        gateway.memory.put(calendar, event("a", "20260602T090000Z"))
        tentative = event("b", "20260602T093000Z", "STATUS:TENTATIVE")
        second.memory.put(second.calendar(), tentative)
        made = Regeneration(
            syncer=gateway.syncer,
            publisher=gateway.publisher,
            plans=[Plan(gateway.feed, LONG), Plan(feed, LONG)],
            persons=[gateway.person],
            clock=WallClock(gateway.clock, times=(), zone="UTC", owner_zones=()),
            noted=lambda _source, _seconds: None,
            looks=Looks(JobLedger(gateway.store, gateway.clock)),
        )
        made.start()
        try:
            start, end, _ = span(2, 9)
            rest = (end, end + 1800, int(FreeBusyType.BUSY_TENTATIVE))
            shows(gateway, (start, end, 2), rest)
            second.memory.offline = True
            settled(gateway)
            gateway.memory.put(calendar, event("c", "20260603T090000Z"))
            shows(gateway, (start, end, 2), rest, span(3, 9))
        finally:
            made.stop()


def test_a_source_that_is_not_everybodys(gateway: MemoryGateway, calendar: Calendar) -> None:
    """A source is watched for those who have it, whoever else there is."""
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    made = Regeneration(
        syncer=gateway.syncer,
        publisher=gateway.publisher,
        plans=[Plan(gateway.feed, LONG)],
        persons=[gateway.person, replace(gateway.person, name="berta", sources=())],
        clock=WallClock(gateway.clock, times=(), zone="UTC", owner_zones=()),
        noted=lambda _source, _seconds: None,
        looks=Looks(JobLedger(gateway.store, gateway.clock)),
    )
    made.start()
    try:
        shows(gateway, span(2, 9))
        settled(gateway)
        gateway.memory.put(calendar, event("b", "20260603T090000Z"))
        shows(gateway, span(2, 9), span(3, 9))
    finally:
        made.stop()
