"""Worker processes: what an item may cost, and that it costs nobody else anything."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from freebusy.busytime import CalendarOwner
from freebusy.cputime import limited
from freebusy.kills import PATIENCE, Kills, WorkerKilledError
from freebusy.period import FreeBusyType
from freebusy.ports import ICALENDAR, SourceItem
from freebusy.worker import ITEM_CPU, Expanding, Workers, expand_stored, read_batch
from freebusy.workerpool import PoolClosedError, WorkerLostError, WorkerPool, WorkerStartError
from tests.processes import pool_workers, until
from tests.unit.bad_items import MARKER, burn, extract, killed

if TYPE_CHECKING:
    from collections.abc import Iterator

YEAR = (1767225600, 1798761600)  # 2026
TASK = Expanding(CalendarOwner(zone="Europe/Berlin"), YEAR, YEAR)
BUSY = FreeBusyType.BUSY


def event(uid: str, *lines: str, start: str = "20260601T090000Z") -> bytes:
    text = ("BEGIN:VEVENT", f"UID:{uid}", f"DTSTART:{start}", "DURATION:PT1H", *lines)
    return "\r\n".join(("BEGIN:VCALENDAR", *text, "END:VEVENT", "END:VCALENDAR", "")).encode()


def item(body: bytes, number: int = 1) -> SourceItem:
    return SourceItem(f"{number}.ics", number, ICALENDAR, body)


def good(number: int) -> SourceItem:
    return item(event(f"good-{number}"), number)


@pytest.fixture(autouse=True)
def _nobody_elses_garbage() -> Iterator[None]:
    """The budget's signal must not come while what other tests left is being finalised."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    made = Workers(extract, processes=2)
    yield made
    made.close()


def new_worker(before: set[int]) -> int:
    """Return a worker that was not there before, once there is one."""
    return until(lambda: pool_workers(os.getpid()) - before, "a worker is started").pop()


JUNK = bytes(range(256)) * 4096
HOURS = [
    f"2026{month:02}{day:02}T{hour:02}0000Z"
    for month in range(1, 13)
    for day in range(1, 29)
    for hour in range(24)
]
RUNAWAY = [
    "FREQ=SECONDLY",
    "FREQ=DAILY;INTERVAL=0",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE=" + ",".join(["0,30"] * 30),
    "FREQ=YEARLY;BYYEARDAY=" + ",".join(map(str, range(1, 367))) + ";BYSETPOS=366",
    "FREQ=DAILY;COUNT=999999999;INTERVAL=999999999",
    "FREQ=MONTHLY;BYDAY=" + ",".join(f"{n}MO" for n in range(-5, 6)) * 1000,
]
HOSTILE = {
    "junk": JUNK,
    "one line": b"A" * (1 << 20),
    "one folded line": b"X\r\n " * (1 << 18),
    "100,000 components": b"BEGIN:A\nEND:A\n" * 60_000 + b"BEGIN:VEVENT\nEND:VEVENT\n" * 40_000,
    "nested": b"BEGIN:VEVENT\n" * 80_000,
    "40,000 events": b"BEGIN:VEVENT\nDTSTART:20260601\nEND:VEVENT\n" * 25_000,
    "2,000 series": b"".join(
        event(f"s{n}", "RRULE:FREQ=HOURLY;BYMINUTE=1,7,13,19,25", start="20000101T000000Z")
        for n in range(2000)
    ),
    "one long list": event("long", "EXDATE:" + ",".join(["20260601T090000Z"] * 60_000)),
    "dates": event("dates", "RDATE:" + ",".join(HOURS)),
    "quotes": b'BEGIN:VEVENT\nDTSTART;TZID="' + b'"";' * 200_000 + b":20260601\nEND:VEVENT\n",
    "zone": b"BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:x\n"
    + b"BEGIN:STANDARD\nDTSTART:16010101T000000\nRRULE:FREQ=SECONDLY\nEND:STANDARD\n" * 10_000
    + b"END:VTIMEZONE\n" + event("zoned")[17:],
    **{rule[:40]: event("rule", f"RRULE:{rule}", start="19000101T000000Z") for rule in RUNAWAY},
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_items_are_bounded(name: str) -> None:
    """The budget of 50 ms ends every item soon, and a good one beside it counts.

    Beside other processes on the same core the same work costs more of it.
    """
    read_batch(extract, [good(2)], TASK)  # zones are read once
    used: list[float] = []
    while len(used) < 5 and min(used, default=1) > 0.2:  # a busy machine's timer may come late
        before = time.process_time()
        batch = read_batch(extract, [item(HOSTILE[name][: 1 << 20]), good(2)], TASK)
        used.append(time.process_time() - before)
        assert "good-2" in {thing.uid for thing in batch.objects}
    assert 0.2 > min(used)


@pytest.mark.parametrize("word", [b"LOOP", b"SWALLOW"])
def test_a_runaway_is_stopped(word: bytes, workers: Workers) -> None:
    """Code that never ends is stopped after its CPU time, also inside a tolerant except."""
    batch = workers.read([item(word), good(2)], TASK)
    reasons = [one.skipped for one in batch.items]
    assert [(("", "more than 50 ms of CPU"),), ()] == reasons
    assert ["good-2"] == [thing.uid for thing in batch.objects]


@pytest.mark.parametrize("word", [b"EXIT", b"CRASH"])
def test_an_item_that_ends_its_worker_costs_only_itself(word: bytes, workers: Workers) -> None:
    """The others of its batch are read, and objects in several of its items stay whole."""
    moved = event("series", "RECURRENCE-ID:20260602T090000Z", start="20260602T150000Z")
    series = event("series", "RRULE:FREQ=DAILY;COUNT=2")
    batch = workers.read([item(series, 1), item(word, 2), item(moved, 3), good(4)], TASK)
    lost = ("", "it ends the worker process that reads it")
    assert [(), (lost,), (), ()] == [one.skipped for one in batch.items]
    spans = {thing.uid: sorted(thing.spans) for thing in batch.objects}
    nine = 1780304400
    moved_span = (nine + 86400 + 6 * 3600, nine + 86400 + 7 * 3600, BUSY)
    assert [(nine, nine + 3600, BUSY), moved_span] == spans["series"]
    assert {"series", "good-4"} == set(spans)


def test_memory_is_bounded(workers: Workers) -> None:
    """An item that wants 16 GiB is skipped and named."""
    batch = workers.read([item(b"MEMORY"), good(2)], TASK)
    assert (("", "a MemoryError while it was read"),) == batch.items[0].skipped
    assert () == batch.items[1].skipped


def test_our_own_fault_costs_only_the_item(workers: Workers) -> None:
    """An exception that nobody expected is a reason to skip; it names its kind, not its text."""
    batch = workers.read([item(b"FAULT"), good(2)], TASK)
    assert (("", "a fault of the gateway (LookupError)"),) == batch.items[0].skipped
    assert MARKER not in repr(batch)
    assert ["good-2"] == [thing.uid for thing in batch.objects]


def test_a_fault_in_expanding_costs_only_the_object() -> None:
    """Records that cannot be expanded are refused by kind; the next object is expanded."""
    broken = '["bad",["No/Such",0,false],null,null,2]'
    readings = read_batch(extract, [good(2)], TASK).items
    things = expand_stored([("bad", [broken]), ("good-2", [readings[0].records])], TASK)
    assert [[], [(1780304400, 1780308000, BUSY)]] == [thing.spans for thing in things]
    assert things[0].refused is not None


def test_hostile_batches_do_not_harm_each_other(workers: Workers) -> None:
    """While some threads' items end workers, no good item of another thread is lost."""

    def read(number: int) -> list[tuple[tuple[str, str], ...]]:
        first = item(b"EXIT") if number % 2 else good(1)
        return [one.skipped for one in workers.read([first, good(2), good(3)], TASK).items]

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(read, range(8)))
    lost = (("", "it ends the worker process that reads it"),)
    assert [[(), (), ()], [lost, (), ()]] * 4 == found


def test_a_worker_killed_from_outside_costs_nothing() -> None:
    """SIGKILL in the middle of a batch: it is read again by another process."""
    before = pool_workers(os.getpid())
    workers = Workers(extract, processes=1)
    try:
        with ThreadPoolExecutor(1) as thread:
            reading = thread.submit(workers.read, [item(b"PAUSE0.5\n" + event("a"))], TASK)
            os.kill(new_worker(before), signal.SIGKILL)
            assert ("a",) == reading.result(30).items[0].uids
    finally:
        workers.close()


def test_kills_blame_no_item_at_once(workers: Workers) -> None:
    """Whoever is killed over and over fails as a whole, so that a good item is not lost."""
    for _ in range(2):
        with pytest.raises(WorkerKilledError):
            workers.read([good(1), item(b"KILL ", 2)], TASK)


def test_an_item_that_the_system_always_kills_for_costs_only_itself(workers: Workers) -> None:
    """At the last of many kills, the item that was being read at each of them is left out."""
    items = [good(1), item(b"KILL", 2)]
    for _ in range(PATIENCE - 1):
        with pytest.raises(WorkerKilledError):
            workers.read(items, TASK)
    lost = ("", "it ends the worker process that reads it")
    assert [(), (lost,)] == [one.skipped for one in workers.read(items, TASK).items]


def test_what_was_read_to_its_end_is_cleared_of_suspicion() -> None:
    """Kills with a good reading between them add up to nothing."""
    kills, loss = Kills(), WorkerLostError(killed=True)
    for _ in range(PATIENCE):
        with pytest.raises(WorkerKilledError):
            kills.judge(loss, b"good")
        kills.forget([b"good", b"other"])


def test_an_object_that_is_killed_for_is_not_emptied_at_once(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stored series whose expanding is cut off by kills keeps the times it has."""
    monkeypatch.setattr("freebusy.worker.expand_stored", killed)
    with pytest.raises(WorkerKilledError):
        workers.expand([("a", [""])], TASK)


def test_closing_ends_workers_at_work() -> None:
    """close() does not wait for the items in hand, and a call under way ends with it."""
    before = pool_workers(os.getpid())
    pool = WorkerPool(1, memory=1 << 31)
    ended: list[type[Exception]] = []

    def call() -> None:
        try:
            pool.call(60, time.sleep, 60)
        except (PoolClosedError, WorkerLostError) as error:
            ended.append(type(error))

    thread = threading.Thread(target=call)
    thread.start()
    new_worker(before)
    start = time.monotonic()
    pool.close()
    thread.join(10)
    assert 5 > time.monotonic() - start
    assert [PoolClosedError] == ended
    with pytest.raises(PoolClosedError):
        pool.call(1, time.sleep, 0)


def test_a_call_that_hears_no_signal_is_ended_by_the_kernel() -> None:
    """What uses CPU without end where no timer reaches it ends its worker, and another goes on."""
    pool = WorkerPool(1, memory=1 << 31)
    try:
        with pytest.raises(WorkerLostError):
            pool.call(0, burn)
        assert 3 == pool.call(1, max, 2, 3)
    finally:
        pool.close()


def test_workers_that_cannot_start_blame_no_item() -> None:
    """Where every process ends at once, reading fails as a whole: no event is lost by it."""
    workers = Workers(extract, processes=1, memory=1 << 70)  # no limit is that
    try:
        with pytest.raises(WorkerStartError):
            workers.read([good(1), good(2)], TASK)
    finally:
        workers.close()


def test_limited_gives_the_result_and_restores_the_signal() -> None:
    """Within the limit a function's result comes back, and SIGVTALRM is as it was."""
    before = signal.getsignal(signal.SIGVTALRM)
    assert 5 == limited(ITEM_CPU, len, "hello")
    assert before == signal.getsignal(signal.SIGVTALRM)
    assert (0.0, 0.0) == signal.getitimer(signal.ITIMER_VIRTUAL)
