"""From what a source says to what the store knows and the file shows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from calendar_sync.formats import extract
from freebusy.errors import (
    CalendarMissingError,
    SourceError,
    SourceRefusedError,
    SourceUnavailableError,
)
from freebusy.syncing import Feed
from freebusy.worker import Workers
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

    from freebusy.period import Span
    from freebusy.ports import Calendar, Owner, SyncPage, SyncToken


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[MemoryGateway]:
    with memory_gateway(tmp_path) as made:
        yield made


@pytest.fixture
def calendar(gateway: MemoryGateway) -> Calendar:
    return gateway.calendar()


# -- what comes and goes


def test_an_event_comes_and_goes(gateway: MemoryGateway, calendar: Calendar) -> None:
    """What is put shows, and what is deleted with proof is gone at once."""
    href = gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    gateway.run()
    assert [span(2, 9)] == gateway.busy
    gateway.memory.delete(calendar, href)
    gateway.run()
    assert [] == gateway.busy


def test_a_change_replaces(gateway: MemoryGateway, calendar: Calendar) -> None:
    """An item in the place of another moves its time."""
    href = gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    gateway.run()
    gateway.memory.put(calendar, event("a", "20260603T090000Z"), href=href)
    gateway.run()
    assert [span(3, 9)] == gateway.busy


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 9, 10])
def test_page_boundaries(gateway: MemoryGateway, calendar: Calendar, count: int) -> None:
    """However many items meet a page's end, all are read; and all go again."""
    hrefs = [
        gateway.memory.put(calendar, event(f"e{n}", f"202606{n + 2:02}T090000Z"))
        for n in range(count)
    ]
    outcome = gateway.run()
    assert count == outcome.items
    assert [span(n + 2, 9) for n in range(count)] == gateway.busy
    for href in hrefs:
        gateway.memory.delete(calendar, href)
    gateway.run()
    assert [] == gateway.busy


def test_only_what_changed_is_read(gateway: MemoryGateway, calendar: Calendar) -> None:
    """The second run delivers the one new item; a run without news delivers none."""
    for n in range(5):
        gateway.memory.put(calendar, event(f"e{n}", f"202606{n + 2:02}T090000Z"))
    gateway.run()
    gateway.memory.put(calendar, event("new", "20260620T090000Z"))
    outcomes = [gateway.run(), gateway.run()]
    assert [(1, True), (0, False)] == [(each.items, each.changed) for each in outcomes]


def test_progress_is_told(gateway: MemoryGateway, calendar: Calendar) -> None:
    """Each page is told: how many items so far, and how many in all."""
    for n in range(7):
        gateway.memory.put(calendar, event(f"e{n}", f"202606{n + 2:02}T090000Z"))
    told: list[tuple[int, int | None]] = []
    gateway.syncer.sync(gateway.person, gateway.feed, None, lambda *heard: told.append(heard))
    assert [(3, 7), (6, 7), (7, 7)] == told


# -- one UID in several items


def test_the_newest_of_one_uid_wins(gateway: MemoryGateway, calendar: Calendar) -> None:
    """An update as a message of its own replaces the older, and its deletion brings that back."""
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    gateway.run()
    newer = gateway.memory.put(calendar, event("a", "20260603T090000Z"))
    gateway.run()
    assert [span(3, 9)] == gateway.busy
    gateway.memory.delete(calendar, newer)
    gateway.run()
    assert [span(2, 9)] == gateway.busy


def test_an_override_in_a_message_of_its_own(gateway: MemoryGateway, calendar: Calendar) -> None:
    """It moves its instance while it is there, whichever of the two comes first."""
    moved = event("s", "20260603T150000Z", "RECURRENCE-ID:20260603T090000Z")
    early = gateway.memory.put(calendar, moved)
    gateway.run()
    assert [span(3, 15)] == gateway.busy
    gateway.memory.put(calendar, event("s", "20260602T090000Z", "RRULE:FREQ=DAILY;COUNT=3"))
    gateway.run()
    assert [span(2, 9), span(3, 15), span(4, 9)] == gateway.busy
    gateway.memory.delete(calendar, early)
    gateway.run()
    assert [span(2, 9), span(3, 9), span(4, 9)] == gateway.busy


def test_one_uid_in_two_calendars(gateway: MemoryGateway, calendar: Calendar) -> None:
    """Each folder says for itself: a copy in another one takes nothing away."""
    other = gateway.calendar("Team")
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    gateway.memory.put(other, event("a", "20260603T090000Z"))
    gateway.run()
    assert [span(2, 9), span(3, 9)] == gateway.busy


def test_several_uids_in_one_item(gateway: MemoryGateway, calendar: Calendar) -> None:
    """All count, and an item that is replaced by one with fewer leaves the fewer."""
    both = event("a", "20260602T090000Z") + event("b", "20260603T090000Z")
    href = gateway.memory.put(calendar, both)
    gateway.run()
    assert [span(2, 9), span(3, 9)] == gateway.busy
    gateway.memory.put(calendar, event("b", "20260603T090000Z"), href=href)
    gateway.run()
    assert [span(3, 9)] == gateway.busy


# -- losses without proof


def test_emptied_by_proof_counts_at_once(gateway: MemoryGateway, calendar: Calendar) -> None:
    """Every item reported gone: the file says free, and nothing is doubted."""
    hrefs = [gateway.memory.put(calendar, event(f"e{n}", "20260602T090000Z")) for n in range(4)]
    gateway.run()
    for href in hrefs:
        gateway.memory.delete(calendar, href)
    assert not gateway.run().doubtful
    assert [] == gateway.busy


def emptied_anew(gateway: MemoryGateway) -> None:
    gateway.calendar()


def lost(gateway: MemoryGateway) -> None:
    gateway.memory.remove_calendar(gateway.memory.calendars(gateway.person.at_source)[0])


def lost_beside_unused(gateway: MemoryGateway) -> None:
    """Of the two only the one that is left was never used: it does not say that all is free."""
    calendar = gateway.memory.calendars(gateway.person.at_source)[0]
    gateway.calendar("Other")
    gateway.memory.remove_calendar(calendar)


@pytest.mark.parametrize(
    ("loss", "then"), [(emptied_anew, []), (lost, None), (lost_beside_unused, None)]
)
def test_a_loss_without_proof_is_confirmed_first(
    gateway: MemoryGateway,
    calendar: Calendar,
    loss: Callable[[MemoryGateway], None],
    then: list[Span] | None,
) -> None:
    """A new empty generation, no calendar any more, one no longer listed: 2 and 10 minutes."""
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    gateway.run()
    loss(gateway)
    for minutes in (0, 2, 7.9):
        gateway.clock.forward(minutes=minutes)
        assert gateway.run().doubtful
        assert [span(2, 9)] == gateway.busy
    gateway.clock.forward(seconds=7)
    assert not gateway.run().doubtful
    assert then == gateway.busy


def test_a_single_look_after_a_long_time_is_not_enough(
    gateway: MemoryGateway, calendar: Calendar
) -> None:
    """A loss that is seen once, hours after the last success, is still seen a second time."""
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    gateway.run()
    emptied_anew(gateway)
    gateway.clock.forward(hours=5)
    assert gateway.run().doubtful
    assert [span(2, 9)] == gateway.busy


def test_what_comes_back_in_time_was_never_away(gateway: MemoryGateway, calendar: Calendar) -> None:
    """A calendar that is there again before the loss is confirmed ends the doubt."""
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    gateway.run()
    emptied_anew(gateway)
    gateway.run()
    gateway.clock.forward(minutes=5)
    gateway.memory.put(calendar, event("b", "20260603T090000Z"))
    assert not gateway.run().doubtful
    assert [span(3, 9)] == gateway.busy
    emptied_anew(gateway)
    gateway.clock.forward(minutes=6)
    assert gateway.run().doubtful, "a new doubt begins anew"
    assert [span(3, 9)] == gateway.busy


def test_an_outage_does_not_confirm_a_loss(gateway: MemoryGateway, calendar: Calendar) -> None:
    """While the server cannot be reached, nothing is seen again."""
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    gateway.run()
    emptied_anew(gateway)
    gateway.memory.offline = True
    gateway.clock.forward(minutes=20)
    assert not gateway.run().doubtful
    assert [span(2, 9)] == gateway.busy


def test_a_new_generation_with_something_in_it_counts(
    gateway: MemoryGateway, calendar: Calendar
) -> None:
    """UIDVALIDITY changed and there are messages: the old ones are gone, the new ones show."""
    for n in range(5):
        gateway.memory.put(calendar, event(f"e{n}", f"202606{n + 2:02}T090000Z"))
    gateway.run()
    emptied_anew(gateway)
    gateway.memory.put(calendar, event("e3", "20260620T090000Z"))
    assert not gateway.run().doubtful
    assert [span(20, 9)] == gateway.busy


# -- failures


class Refusing(BrokenOffSource):
    """A source that answers with an error while it has one."""

    refusal: SourceError | None = None

    def calendars(self, owner: Owner) -> Sequence[Calendar]:
        if self.refusal is not None:
            raise self.refusal
        return super().calendars(owner)


@pytest.mark.parametrize(
    "error", [SourceUnavailableError("refused connection"), SourceRefusedError("no such login")]
)
def test_failures_keep_the_last_times(tmp_path: Path, error: SourceError) -> None:
    """Neither an outage nor lost rights change what the file says, however long they last."""
    with memory_gateway(tmp_path, make_source=Refusing) as gateway:
        gateway.memory.put(gateway.calendar(), event("a", "20260620T090000Z"))
        gateway.run()
        assert isinstance(gateway.source, Refusing)
        gateway.source.refusal = error
        for _ in range(5):
            gateway.clock.forward(hours=5)
            outcome = gateway.run()
            assert [error] == outcome.errors
            assert not outcome.doubtful
            assert [span(20, 9)] == gateway.busy
        [state] = gateway.store.calendars("hans")
        assert str(error) == state.error
        gateway.source.refusal = None
        gateway.run()
        assert [None] == [state.error for state in gateway.store.calendars("hans")]


@pytest.mark.parametrize("pages", range(4))
@pytest.mark.parametrize("error", [SourceUnavailableError, CalendarMissingError, OSError])
def test_a_run_that_breaks_off_is_repeated(
    tmp_path: Path, pages: int, error: type[Exception]
) -> None:
    """Whatever page a first run ends at, there is no file before it was finished."""
    with memory_gateway(tmp_path, make_source=BrokenOffSource) as gateway:
        source = gateway.source
        assert isinstance(source, BrokenOffSource)
        calendar = gateway.calendar()
        for n in range(10):
            gateway.memory.put(calendar, event(f"e{n}", f"202606{n + 2:02}T090000Z"))
        source.pages_left, source.error = pages, lambda: error("dropped")
        break_off(gateway, error)
        assert gateway.busy is None
        source.pages_left = None
        gateway.run()
        assert [span(n + 2, 9) for n in range(10)] == gateway.busy


def break_off(gateway: MemoryGateway, error: type[Exception]) -> None:
    """Run into an error: those of sources are told in the outcome, our own come out."""
    if issubclass(error, SourceError):
        assert [error] == [type(each) for each in gateway.run().errors]
        return
    with pytest.raises(error):
        gateway.sync()
    gateway.refresh()


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_what_goes_after_a_broken_off_run_is_gone(tmp_path: Path, pages: int) -> None:
    """Items that only the broken-off run delivered do not stay for ever."""
    with memory_gateway(tmp_path, make_source=BrokenOffSource) as gateway:
        source = gateway.source
        assert isinstance(source, BrokenOffSource)
        calendar = gateway.calendar()
        hrefs = [
            gateway.memory.put(calendar, event(f"e{n}", f"202606{n + 2:02}T090000Z"))
            for n in range(10)
        ]
        source.pages_left, source.error = pages, lambda: SourceUnavailableError("dropped")
        gateway.run()
        gateway.memory.delete(calendar, hrefs[0])
        source.pages_left = None
        gateway.run()
        assert [span(n + 2, 9) for n in range(1, 10)] == gateway.busy


@pytest.mark.parametrize("restarted", [False, True])
def test_an_incremental_run_that_breaks_off_is_repeated(tmp_path: Path, restarted: bool) -> None:
    """Its first pages show; what went before the next run is gone although nobody reports it."""
    with memory_gateway(tmp_path, make_source=BrokenOffSource) as gateway:
        source = gateway.source
        assert isinstance(source, BrokenOffSource)
        calendar = gateway.calendar()
        gateway.memory.put(calendar, event("old", "20260602T090000Z"))
        gateway.run()
        hrefs = [
            gateway.memory.put(calendar, event(f"e{n}", f"202606{n + 10:02}T090000Z"))
            for n in range(5)
        ]
        source.pages_left, source.error = 1, lambda: SourceUnavailableError("dropped")
        gateway.run()
        assert [span(2, 9), *(span(n + 10, 9) for n in range(3))] == gateway.busy
        gateway.memory.delete(calendar, hrefs[0])
        if restarted:
            gateway.run()
        source.pages_left = None
        gateway.run()
        assert [span(2, 9), *(span(n + 10, 9) for n in range(1, 5))] == gateway.busy


# -- several calendars


def test_a_calendar_that_was_never_read_holds_the_file_back(tmp_path: Path) -> None:
    """One of several folders fails from the start: no file, for it might say busy."""
    with memory_gateway(tmp_path, make_source=Flaky) as gateway:
        source = gateway.source
        assert isinstance(source, Flaky)
        gateway.memory.put(gateway.calendar("Good"), event("a", "20260602T090000Z"))
        bad = gateway.calendar("Bad")
        gateway.memory.put(bad, event("b", "20260603T090000Z"))
        source.failing = frozenset({bad.key})
        gateway.run()
        assert gateway.body is None
        source.failing = frozenset()
        gateway.run()
        assert [span(2, 9), span(3, 9)] == gateway.busy
        source.failing = frozenset({bad.key})
        gateway.run()
        assert [span(2, 9), span(3, 9)] == gateway.busy, "read once and failing now: it counts"


class Flaky(BrokenOffSource):
    """A source of which some calendars cannot be read."""

    failing: frozenset[str] = frozenset()

    def sync(self, calendar: Calendar, token: SyncToken | None) -> Iterator[SyncPage]:
        if calendar.key in self.failing:
            raise SourceUnavailableError("dropped")
        yield from super().sync(calendar, token)


def test_a_source_that_is_no_longer_configured_is_let_go(
    gateway: MemoryGateway, calendar: Calendar
) -> None:
    """Its times count until all that is configured now was read, and not after that."""
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    gateway.run()
    gateway.feed = Feed("newmail", gateway.memory)
    gateway.person = replace(gateway.person, sources=("newmail",))
    gateway.memory.offline = True
    gateway.run()
    assert [span(2, 9)] == gateway.busy
    gateway.memory.offline = False
    gateway.run()
    assert [span(2, 9)] == gateway.busy
    assert ["newmail"] == [state.source for state in gateway.store.calendars()]


def test_by_real_workers(tmp_path: Path) -> None:
    """Through worker processes all is as it is without."""
    workers = Workers(extract, processes=2)
    try:
        with memory_gateway(tmp_path, workers=workers) as gateway:
            calendar = gateway.calendar()
            for n in range(20):
                rule = ("RRULE:FREQ=DAILY;COUNT=3",) if n % 3 else ()
                gateway.memory.put(calendar, event(f"e{n % 7}", f"202606{n + 2:02}T090000Z", *rule))
            gateway.run()
            assert gateway.from_nothing(calendar) == gateway.busy
    finally:
        workers.close()
