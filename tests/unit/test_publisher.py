"""From what the store knows to the file that is served."""

from __future__ import annotations

import logging
import shutil
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from calendar_sync.formats import extract
from freebusy.errors import SourceUnavailableError
from freebusy.period import FreeBusyType
from freebusy.store import Store
from freebusy.vfreebusy import decode
from freebusy.worker import Workers
from tests.unit.memory_gateway import (
    NOON,
    BrokenOffSource,
    MemoryGateway,
    calendar_text,
    component,
    event,
    memory_gateway,
    span,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from freebusy.ports import Calendar


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[MemoryGateway]:
    with memory_gateway(tmp_path) as made:
        yield made


@pytest.fixture
def calendar(gateway: MemoryGateway) -> Calendar:
    return gateway.calendar()


# -- is there anything to say?


def test_never_read_means_no_file(gateway: MemoryGateway) -> None:
    """Before the first sync, and while the source has never answered: nothing is claimed."""
    assert "unknown" == gateway.refresh()
    gateway.memory.offline = True
    gateway.run()
    assert "unknown" == gateway.refresh()
    assert gateway.body is None


@pytest.mark.parametrize(("free", "expected"), [(False, None), (True, [])])
def test_a_calendar_that_never_held_an_event(
    gateway: MemoryGateway, calendar: Calendar, free: bool, expected: list[object] | None
) -> None:
    """It says nothing, as mail servers make empty folders; or free, where the site says so."""
    gateway.change_rules(untouched_is_free=free)
    gateway.run()
    assert expected == gateway.busy


@pytest.mark.parametrize("body", [b"Subject: hello\r\n\r\njust mail", calendar_text()])
def test_mail_in_the_folder_is_no_event(
    gateway: MemoryGateway, calendar: Calendar, body: bytes
) -> None:
    """Messages without an event do not make an untouched calendar a kept one."""
    gateway.memory.put(calendar, body)
    gateway.run()
    assert gateway.busy is None


def test_one_that_once_held_an_event_says_free(gateway: MemoryGateway, calendar: Calendar) -> None:
    """An event that came and went between two looks at the file is enough."""
    href = gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    gateway.sync()
    gateway.memory.delete(calendar, href)
    gateway.run()
    assert [] == gateway.busy


def test_a_new_store_does_not_take_an_old_file_away(tmp_path: Path) -> None:
    """The state was lost: the last good file is served until all calendars are read again."""
    with memory_gateway(tmp_path, make_source=BrokenOffSource) as gateway:
        calendar, other = gateway.calendar("A"), gateway.calendar("B")
        gateway.memory.put(calendar, event("a", "20260602T090000Z"))
        gateway.memory.put(other, event("b", "20260603T090000Z"))
        gateway.run()
        lose_store(gateway)
        source = gateway.source
        assert isinstance(source, BrokenOffSource)
        source.pages_left, source.error = 0, lambda: SourceUnavailableError("dropped")
        gateway.run()
        assert [span(2, 9), span(3, 9)] == gateway.busy, "none is read"
        source.pages_left = None
        gateway.syncer.sync(gateway.person, gateway.feed, calendar)
        gateway.refresh()
        assert [span(2, 9), span(3, 9)] == gateway.busy, "one of two is read"
        gateway.run()
        assert [span(2, 9), span(3, 9)] == gateway.busy
        gateway.memory.delete(calendar, "1.ics")
        gateway.run()
        assert [span(3, 9)] == gateway.busy


def lose_store(gateway: MemoryGateway) -> None:
    gateway.store.close()
    for path in gateway.state.glob("store.db*"):
        path.unlink()
    gateway.store = Store(gateway.state / "store.db")
    gateway._compose()


def test_a_crash_between_forgetting_and_withdrawing(
    gateway: MemoryGateway, calendar: Calendar
) -> None:
    """The loss was confirmed, then the service was killed: no empty file says that all is free."""
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    gateway.run()
    gateway.memory.remove_calendar(calendar)
    gateway.run()
    gateway.clock.forward(minutes=11)
    gateway.sync()
    gateway._compose()
    gateway.run()
    assert gateway.body is None


def test_a_new_folder_that_cannot_be_read_does_not_freeze_the_file(tmp_path: Path) -> None:
    """What is known goes on to be shown where a folder is added that is not readable yet."""
    with memory_gateway(tmp_path, make_source=BrokenOffSource) as gateway:
        calendar = gateway.calendar("A")
        gateway.memory.put(calendar, event("a", "20260602T090000Z"))
        gateway.run()
        gateway.memory.put(gateway.calendar("B"), event("b", "20260603T090000Z"))
        gateway.memory.put(calendar, event("c", "20260604T090000Z"))
        source = gateway.source
        assert isinstance(source, BrokenOffSource)
        gateway.store.calendar("hans", "mail", "hans/B", "B")
        gateway.syncer.sync(gateway.person, gateway.feed, calendar)
        gateway.refresh()
        assert [span(2, 9), span(4, 9)] == gateway.busy


# -- honest validators


def test_unchanged_content_keeps_the_file(gateway: MemoryGateway, calendar: Calendar) -> None:
    """Runs, and changes that change no time, leave ETag, mtime and DTSTAMP as they were."""
    gateway.memory.put(calendar, event("a", "20260602T090000Z", "SUMMARY:one"))
    gateway.run()
    before = gateway.public.read("hans")
    gateway.clock.forward(minutes=15)
    gateway.run()
    gateway.memory.put(calendar, event("a", "20260602T090000Z", "SUMMARY:two"))
    gateway.memory.put(calendar, event("b", "20260602T090000Z"))
    gateway.run()
    assert before == gateway.public.read("hans")
    assert "unchanged" == gateway.refresh()


def test_a_change_moves_validators(gateway: MemoryGateway, calendar: Calendar) -> None:
    """Two changes within a second have different entity tags and times."""
    seen = []
    for day in (2, 3, 4):
        gateway.memory.put(calendar, event(f"e{day}", f"2026060{day}T090000Z"))
        gateway.run()
        file = gateway.public.read("hans")
        assert file is not None
        seen.append((file.etag, file.modified))
    assert 3 == len({etag for etag, _ in seen})
    assert [NOON + timedelta(seconds=n) for n in range(3)] == [moment for _, moment in seen]


def test_what_the_file_says(gateway: MemoryGateway, calendar: Calendar) -> None:
    """Window, organizer, stamp and types are there; text is not."""
    gateway.memory.put(calendar, event("t", "20260602T090000Z", "STATUS:TENTATIVE"))
    gateway.memory.put(
        calendar, event("o", "20260603T090000Z", "X-MICROSOFT-CDO-BUSYSTATUS:OOF", hours=2)
    )
    gateway.run()
    body = gateway.body
    assert body is not None
    found = decode(body, now=NOON)
    window = (
        datetime(2026, 5, 24, 22, tzinfo=UTC),  # midnight in Berlin seven days ago
        datetime(2026, 12, 31, 23, tzinfo=UTC),
    )
    assert window == (found.window.start, found.window.end)
    assert ("hans@example.com", NOON) == (found.organizer, found.stamp)
    assert [
        span(2, 9, kind=FreeBusyType.BUSY_TENTATIVE),
        span(3, 9, 2, kind=FreeBusyType.BUSY_UNAVAILABLE),
    ] == gateway.busy
    assert b"UID:freebusy-hans\r\n" in body


# -- time


def test_the_window_rolls_at_local_midnight_without_the_source(
    gateway: MemoryGateway, calendar: Calendar
) -> None:
    """At 22:00 UTC a day begins in Berlin: the file moves on by one day, its busy times stay."""
    gateway.memory.put(calendar, event("a", "20260525T060000Z"))
    gateway.memory.put(calendar, event("b", "20260602T090000Z"))
    gateway.run()
    gateway.memory.offline = True
    gateway.clock.now = datetime(2026, 6, 1, 21, 59, tzinfo=UTC)
    gateway.change_rules(stale_after=1e9)
    assert "unchanged" == gateway.refresh()
    gateway.clock.forward(minutes=1)
    assert "written" == gateway.refresh()
    assert [span(2, 9)] == gateway.busy
    assert "unchanged" == gateway.refresh()


def test_stale_and_recovered_are_one_rewrite_each(
    gateway: MemoryGateway, calendar: Calendar
) -> None:
    """After an hour without success the file says as of when it knows, and no longer after."""
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    gateway.run()
    gateway.memory.offline = True
    outcomes = []
    for _ in range(8):
        gateway.clock.forward(minutes=15)
        gateway.sync()
        outcomes.append((gateway.refresh(), gateway.as_of))
    old = [("unchanged", None)] * 3
    assert [*old, ("written", NOON), *[("unchanged", NOON)] * 4] == outcomes
    assert [span(2, 9)] == gateway.busy
    assert b"COMMENT:as of 20260601T120000Z\r\n" in (gateway.body or b"")
    gateway.memory.offline = False
    gateway.sync()
    assert ["written", "unchanged"] == [gateway.refresh(), gateway.refresh()]
    assert gateway.as_of is None


def test_one_stale_calendar_makes_the_file_stale(tmp_path: Path) -> None:
    """The oldest knowledge counts: a file is as old as its oldest calendar."""
    with memory_gateway(tmp_path) as gateway:
        one, two = gateway.calendar("A"), gateway.calendar("B")
        gateway.memory.put(one, event("a", "20260602T090000Z"))
        gateway.memory.put(two, event("b", "20260603T090000Z"))
        gateway.run()
        gateway.clock.forward(hours=2)
        gateway.syncer.sync(gateway.person, gateway.feed, one)
        gateway.refresh()
        assert NOON == gateway.as_of
        gateway.syncer.sync(gateway.person, gateway.feed, two)
        gateway.refresh()
        assert gateway.as_of is None


# -- failures and company


def test_a_file_that_cannot_be_written_stays(gateway: MemoryGateway, calendar: Calendar) -> None:
    """A full disk: the last good file is served whole, and the next refresh catches up."""
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    gateway.run()
    before = gateway.body
    gateway.memory.put(calendar, event("b", "20260603T090000Z"))
    gateway.sync()
    aside = gateway.public.directory.with_name("aside")
    shutil.move(gateway.public.directory, aside)
    gateway.public.directory.write_bytes(b"a file in the directory's place")
    with pytest.raises(Exception, match="published file cannot be"):
        gateway.refresh()
    gateway.public.directory.unlink()
    shutil.move(aside, gateway.public.directory)
    assert before == gateway.body
    gateway.refresh()
    assert [span(2, 9), span(3, 9)] == gateway.busy


def test_withdraw(
    gateway: MemoryGateway, calendar: Calendar, caplog: pytest.LogCaptureFixture
) -> None:
    """The file of somebody who left goes once, and the log says so."""
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    gateway.run()
    with caplog.at_level(logging.WARNING):
        assert ["withdrawn", "unknown"] == [gateway.publisher.withdraw("hans") for _ in range(2)]
    assert ["refresh person=hans outcome=withdrawn"] == caplog.messages


SERIES = [component(f"s{n}", f"2026060{n}T0{n}0000Z", "RRULE:FREQ=DAILY") for n in range(1, 9)]


def fill(gateway: MemoryGateway, calendar: Calendar) -> None:
    for number in range(40):
        gateway.memory.put(calendar, calendar_text(SERIES[number % 8]), href=f"{number}.ics")


def test_threads_beside_each_other(tmp_path: Path) -> None:
    """Several syncers and publishers over one store, while the calendar changes, end right."""
    workers = Workers(extract, processes=1)
    try:
        with memory_gateway(tmp_path, workers=workers) as gateway:
            calendar = gateway.calendar()
            fill(gateway, calendar)
            start = threading.Barrier(4)

            def work(number: int) -> None:
                start.wait(20)
                for turn in range(4):
                    if number == 0:
                        gateway.memory.put(
                            calendar, event(f"t{turn}", f"2026070{turn + 1}T090000Z")
                        )
                    gateway.run()

            with ThreadPoolExecutor(4) as threads:
                list(threads.map(work, range(4)))
            gateway.run()
            assert gateway.from_nothing(calendar) == gateway.busy
    finally:
        workers.close()


def sync_in_a_process(state: str, number: int) -> list[tuple[int, int, int]] | None:
    """Sync a calendar that is the same in each process, over and over from nothing."""
    with memory_gateway(Path(state)) as gateway:
        calendar = gateway.calendar()
        fill(gateway, calendar)
        for turn in range(6):
            if turn % 2 == number % 2:
                for calendar_state in gateway.store.calendars():
                    gateway.store.note(calendar_state.id, token=None)
            gateway.run()
        return gateway.busy


def test_processes_beside_each_other(tmp_path: Path) -> None:
    """Two processes sync one calendar into one store that neither of them found: both end right."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        found = list(processes.map(sync_in_a_process, [str(tmp_path)] * 2, range(2)))
    with memory_gateway(tmp_path) as gateway:
        calendar = gateway.calendar()
        fill(gateway, calendar)
        assert [gateway.from_nothing(calendar)] * 2 == found
    with closing(Store(tmp_path / "store.db")) as store:
        [state] = store.calendars()
        assert 40 == store.item_count(state.id)
