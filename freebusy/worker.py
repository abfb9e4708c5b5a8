"""Reading and expanding, in worker processes, under a CPU budget.

What people's calendars hold is not to be trusted with the gateway's own process:
an item that takes too long is stopped by ITIMER_VIRTUAL, which only a process's
main thread can receive, and one that takes the whole process with it takes a worker.
A batch is read and expanded in one round trip; records come back as JSON text,
ready to be stored.
"""

from __future__ import annotations

import resource
import signal
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar

from freebusy.busyrecord import BusyRecord, from_json, to_json
from freebusy.busytime import CalendarOwner, Expansion, expand_object, upper_bound
from freebusy.calendarobject import Reading, Skipped, read_object
from freebusy.errors import BudgetExceededError, CalendarDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from freebusy.period import Span
    from freebusy.ports import ItemExtractor, SourceItem

ITEM_CPU = 0.05
"""Seconds of CPU for one item before it is stopped; reading and expanding count apart."""
MEMORY = 2 << 30
"""Bytes of address space a worker may have."""
_SALVAGED = 64 << 10
"""How much of an item that was stopped is looked at once more: the times are at its start."""
_AGAIN = 0.01

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class _OutOfTimeError(BaseException):
    """Not an Exception: no tolerant ``except`` on the way up may swallow it."""


class ItemReading(NamedTuple):
    """What one item gave."""

    href: str
    order: int
    uids: tuple[str, ...]
    records: str
    """The records, one JSON text a line."""
    skipped: tuple[tuple[str, str], ...]
    """``(UID, reason)`` of what could not be read."""
    notes: tuple[tuple[str, int], ...]
    """Counts for the operator: ``unknown-zone``, ``zone-disagrees``, ``passed-by`` and others."""


class ObjectSpans(NamedTuple):
    """One calendar object, expanded into the horizon."""

    uid: str
    spans: list[Span]
    upper: int | None
    """UTC seconds after which the object has no instance; None for a series without end."""
    refused: str | None
    """Why only its first instance is shown, where that is so."""


class BatchReading(NamedTuple):
    """What a batch of items gave: items, and their objects as far as the batch holds them."""

    items: list[ItemReading]
    objects: list[ObjectSpans]


@dataclass(frozen=True, slots=True)
class Expanding:
    """For whom, and how far, objects are expanded."""

    owner: CalendarOwner
    horizon: tuple[int, int]
    """UTC seconds, half-open."""
    watched: tuple[int, int]
    """Where zone definitions are compared: the window."""


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise _OutOfTimeError


def limited(
    seconds: float,
    function: Callable[Arguments, Result],
    *args: Arguments.args,
    **kwargs: Arguments.kwargs,
) -> Result:
    """Call a function with a limit of CPU seconds; main thread only.

    Raises BudgetExceededError when the limit is reached.
    """
    before = signal.signal(signal.SIGVTALRM, _stop)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds, _AGAIN)
        try:
            return function(*args, **kwargs)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    except _OutOfTimeError:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        raise BudgetExceededError(f"more than {seconds * 1000:.0f} ms of CPU") from None
    except (MemoryError, RecursionError) as error:
        raise BudgetExceededError(f"a {type(error).__name__} while it was read") from None
    finally:
        signal.signal(signal.SIGVTALRM, before)


def _read(extract: ItemExtractor, item: SourceItem, watched: tuple[int, int]) -> Reading:
    """Read all calendar texts of one item into one reading."""
    whole = Reading()
    for text in extract(item):
        whole.add(read_object(text, watched, cut_off=item.truncated))
    return whole


def _salvage(item: SourceItem, reason: str, cpu: float) -> Reading:
    """Read what the start of an item says, after reading all of it went wrong."""
    try:
        reading = limited(cpu, read_object, item.body[:_SALVAGED], None, cut_off=True)
    except CalendarDataError:
        reading = Reading()
    reading.skipped.append(Skipped("", reason))
    return reading


def read_item(
    extract: ItemExtractor, item: SourceItem, watched: tuple[int, int], cpu: float
) -> Reading:
    """Read one item within its budget; what goes wrong is in the reading, never raised."""
    try:
        return limited(cpu, _read, extract, item, watched)
    except CalendarDataError as error:
        return _salvage(item, error.reason, cpu)


def _item_reading(item: SourceItem, reading: Reading) -> ItemReading:
    notes = {
        "unknown-zone": len(reading.unknown_zones),
        "zone-disagrees": len(reading.disagreeing_zones),
        "passed-by": reading.passed_by,
        "no-calendar": int(not (reading.records or reading.skipped or reading.passed_by)),
        "cut-off": int(item.truncated),
    }
    return ItemReading(
        href=item.href,
        order=item.order,
        uids=tuple(dict.fromkeys(record.uid for record in reading.records)),
        records="\n".join(map(to_json, reading.records)),
        skipped=tuple((skipped.uid, skipped.reason) for skipped in reading.skipped),
        notes=tuple((name, count) for name, count in notes.items() if count),
    )


def expand_within(
    uid: str, parts: Sequence[Sequence[BusyRecord]], task: Expanding, cpu: float = ITEM_CPU
) -> ObjectSpans:
    """Expand one object within its budget; a series that is refused still shows its start."""
    expansion = Expansion()
    upper = upper_bound(parts)
    try:
        limited(cpu, expand_object, parts, task.owner, task.horizon, expansion)
    except CalendarDataError as error:
        expansion = Expansion(refused=[(uid, error.reason)])
        expand_object(parts, task.owner, task.horizon, expansion, series=False)
    refused = expansion.refused[0][1] if expansion.refused else None
    return ObjectSpans(uid, expansion.spans, upper, refused)


def read_batch(
    extract: ItemExtractor, items: Sequence[SourceItem], task: Expanding, cpu: float = ITEM_CPU
) -> BatchReading:
    """Read items and expand the objects they hold; main thread only."""
    readings: list[ItemReading] = []
    parts: dict[str, list[list[BusyRecord]]] = defaultdict(list)
    for item in sorted(items, key=lambda item: item.order):
        reading = read_item(extract, item, task.watched, cpu)
        readings.append(_item_reading(item, reading))
        for uid, records in _by_uid(reading.records).items():
            parts[uid].append(records)
    return BatchReading(
        readings, [expand_within(uid, records, task, cpu) for uid, records in parts.items()]
    )


def _by_uid(records: Sequence[BusyRecord]) -> dict[str, list[BusyRecord]]:
    found: dict[str, list[BusyRecord]] = defaultdict(list)
    for record in records:
        found[record.uid].append(record)
    return found


def expand_stored(
    objects: Sequence[tuple[str, Sequence[str]]], task: Expanding, cpu: float = ITEM_CPU
) -> list[ObjectSpans]:
    """Expand objects from stored records: ``(UID, records of each item, oldest first)``."""
    return [
        expand_within(uid, [records_of(text, uid) for text in texts], task, cpu)
        for uid, texts in objects
    ]


def records_of(text: str, uid: str) -> list[BusyRecord]:
    """Return the stored records of one UID."""
    records = map(from_json, filter(None, text.split("\n")))
    return [record for record in records if record.uid == uid]


def _start_worker(memory: int) -> None:
    """Prepare a worker: Ctrl-C is the parent's, memory is bounded."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    allowed = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    resource.setrlimit(resource.RLIMIT_AS, (allowed, hard))


class Workers:
    """A pool of worker processes, started when first needed; safe to use from any thread."""

    def __init__(
        self,
        extract: ItemExtractor,
        *,
        processes: int,
        item_cpu: float = ITEM_CPU,
        memory: int = MEMORY,
    ) -> None:
        self._extract = extract
        self._processes = processes
        self._cpu = item_cpu
        self._memory = memory
        self._lock = Lock()
        self._pool: ProcessPoolExecutor | None = None

    def _running(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(
                    self._processes,
                    mp_context=get_context("spawn"),
                    initializer=_start_worker,
                    initargs=(self._memory,),
                )
            return self._pool

    def _forget(self, broken: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._pool is broken:
                self._pool = None
        broken.shutdown(wait=False, cancel_futures=True)

    def _call(self, function: Callable[..., Result], *args: Any) -> Result:
        """Run a function in a worker; one retry when the pool broke under somebody else's item."""
        for _ in range(2):
            pool = self._running()
            try:
                return pool.submit(function, *args).result()
            except BrokenProcessPool:
                self._forget(pool)
        raise BudgetExceededError("it ends the worker process that reads it")

    def read(self, items: Sequence[SourceItem], task: Expanding) -> BatchReading:
        """Read a batch; where it kills its worker, item by item, to find the one that does."""
        try:
            return self._call(read_batch, self._extract, items, task, self._cpu)
        except BudgetExceededError as error:
            if len(items) == 1:
                lost = Reading(skipped=[Skipped("", error.reason)])
                return BatchReading([_item_reading(items[0], lost)], [])
        batches = [self.read([item], task) for item in items]
        return BatchReading(
            [item for batch in batches for item in batch.items],
            [thing for batch in batches for thing in batch.objects],
        )

    def expand(
        self, objects: Sequence[tuple[str, Sequence[str]]], task: Expanding
    ) -> list[ObjectSpans]:
        """Expand stored objects; one that kills its worker comes back empty and refused."""
        if not objects:
            return []
        try:
            return self._call(expand_stored, objects, task, self._cpu)
        except BudgetExceededError as error:
            if len(objects) == 1:
                return [ObjectSpans(objects[0][0], [], None, error.reason)]
        return [spans for thing in objects for spans in self.expand([thing], task)]

    def close(self) -> None:
        """End the workers."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)
