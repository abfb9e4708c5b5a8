"""Reading and expanding, in worker processes, under a CPU budget.

What people's calendars hold is not to be trusted with the gateway's own process:
an item that takes too long is stopped by ITIMER_VIRTUAL, which only a process's
main thread can receive, and one that takes the whole process with it takes a worker.
A batch is read and expanded in one round trip; records come back as JSON text,
ready to be stored.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from freebusy.busyrecord import BusyRecord, from_json, to_json
from freebusy.busytime import (
    CalendarOwner,
    Expansion,
    expand_object,
    is_single,
    upper_bound,
)
from freebusy.calendarobject import Reading, Skipped, read_object
from freebusy.cputime import Purse, limited
from freebusy.errors import BudgetExceededError, CalendarDataError
from freebusy.kills import Kills
from freebusy.period import coalesce
from freebusy.ports import MESSAGE, SourceItem
from freebusy.workerpool import WorkerLostError, WorkerPool, WorkerStartError
from freebusy.zones import database_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from freebusy.period import Span
    from freebusy.ports import ItemExtractor

ITEM_CPU = 0.05
"""Seconds of CPU for one item before it is stopped; reading and expanding count apart."""
MEMORY = 2 << 30
"""Bytes of address space a worker may have."""
_SALVAGED = 16 << 10
"""How much of an item that was stopped is looked at once more: the times are at its start."""
_LEEWAY = 2.0
"""CPU seconds that a call may take beyond what its items may, before the kernel ends it."""
_LOST = "it ends the worker process that reads it"

Result = TypeVar("Result")


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
    """Coalesced: sorted and disjoint."""
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


_SAMPLE = b"""Content-Type: multipart/mixed; boundary=x

--x
Content-Type: text/calendar

BEGIN:VCALENDAR
BEGIN:VEVENT
UID:x
DTSTART:20260601T090000Z
RRULE:FREQ=DAILY;COUNT=2
END:VEVENT
END:VCALENDAR
--x--
"""
"""A message that goes through the mail parser, which is imported only when first needed."""


def prepare(extract: ItemExtractor) -> None:
    """Import and load what the first item of a process would otherwise pay for."""
    day = 1780272000, 1780358400
    item = SourceItem("", 0, MESSAGE, _SAMPLE)
    read_batch(extract, [item], Expanding(CalendarOwner(zone="UTC"), day, day), cpu=_LEEWAY)
    database_names()


def _read(
    extract: ItemExtractor, item: SourceItem, watched: tuple[int, int], *, all_attendees: bool
) -> Reading:
    """Read all calendar texts of one item into one reading."""
    whole = Reading()
    for text in extract(item):
        cut_off = item.truncated
        whole.add(read_object(text, watched, cut_off=cut_off, all_attendees=all_attendees))
    return whole


def _salvage(item: SourceItem, reason: str, cpu: float, *, all_attendees: bool) -> Reading:
    """Read what the start of an item says, after reading all of it went wrong."""
    head = item.body[:_SALVAGED]
    try:
        reading = limited(
            cpu / 4, read_object, head, None, cut_off=True, all_attendees=all_attendees
        )
    except Exception:  # noqa: BLE001 - as in read_item, whose reason counts
        reading = Reading()
    reading.skipped.append(Skipped("", reason))
    return reading


def read_item(
    extract: ItemExtractor,
    item: SourceItem,
    watched: tuple[int, int],
    cpu: float,
    *,
    all_attendees: bool = False,
) -> Reading:
    """Read one item within its budget; what goes wrong is in the reading, never raised."""
    try:
        return limited(cpu, _read, extract, item, watched, all_attendees=all_attendees)
    except Exception as error:  # noqa: BLE001 - one bad item never costs the file, nor our bug
        return _salvage(item, _reason(error), cpu, all_attendees=all_attendees)


def _reason(error: Exception) -> str:
    """Return what to tell of an error: of one that is ours only its kind, it may quote the item."""
    if isinstance(error, CalendarDataError):
        return error.reason
    return f"a fault of the gateway ({type(error).__name__})"


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
    upper = None
    try:
        upper = upper_bound(parts)
        if cpu <= 0:
            raise BudgetExceededError("other series of its item took all the CPU time")
        if is_single(parts):  # nothing in it can run away
            expansion = _expanded(parts, task)
        else:
            expansion = limited(cpu, _expanded, parts, task)
    except Exception as error:  # noqa: BLE001 - as in read_item
        expansion = _first_only(uid, parts, task, _reason(error))
    refused = expansion.refused[0][1] if expansion.refused else None
    return ObjectSpans(uid, coalesce(expansion.spans), upper, refused)


def _expanded(parts: Sequence[Sequence[BusyRecord]], task: Expanding) -> Expansion:
    expansion = Expansion()
    expand_object(parts, task.owner, task.horizon, expansion)
    return expansion


def _first_only(
    uid: str, parts: Sequence[Sequence[BusyRecord]], task: Expanding, reason: str
) -> Expansion:
    """Return what an object shows whose series cannot be expanded."""
    expansion = Expansion()
    with suppress(Exception):
        expand_object(parts, task.owner, task.horizon, expansion, series=False)
    expansion.refused.insert(0, (uid, reason))
    return expansion


def read_batch(
    extract: ItemExtractor, items: Sequence[SourceItem], task: Expanding, cpu: float = ITEM_CPU
) -> BatchReading:
    """Read items and expand the objects they hold; main thread only.

    All objects of one item share its budget: a thousand costly series are as bad as one.
    """
    readings: list[ItemReading] = []
    parts: dict[str, list[list[BusyRecord]]] = defaultdict(list)
    purses: dict[str, Purse] = {}
    for item in sorted(items, key=lambda item: item.order):
        purse = Purse(1.25 * cpu)
        reading = read_item(
            extract, item, task.watched, cpu, all_attendees=task.owner.attendees_only
        )
        readings.append(_item_reading(item, reading))
        purse.pay()
        for uid, records in _by_uid(reading.records).items():
            parts[uid].append(records)
            purses[uid] = purse
    return BatchReading(
        readings,
        [_expand_paid(uid, records, task, cpu, purses[uid]) for uid, records in parts.items()],
    )


def _expand_paid(
    uid: str, parts: Sequence[Sequence[BusyRecord]], task: Expanding, cpu: float, purse: Purse
) -> ObjectSpans:
    purse.start()
    thing = expand_within(uid, parts, task, min(cpu, purse.left))
    purse.pay()
    return thing


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


def _bytes_of(thing: tuple[str, Sequence[str]]) -> bytes:
    uid, texts = thing
    return "\n".join((uid, *texts)).encode(errors="replace")


class Workers:
    """Reading and expanding in worker processes; safe to use from any thread."""

    def __init__(
        self,
        extract: ItemExtractor,
        *,
        processes: int,
        item_cpu: float = ITEM_CPU,
        memory: int = MEMORY,
    ) -> None:
        self.processes = processes
        self._extract = extract
        self._cpu = item_cpu
        self._pool = WorkerPool(processes, memory=memory, prepare=partial(prepare, extract))
        self._kills = Kills()

    def _call(self, function: Callable[..., Result], things: Sequence[Any], *args: Any) -> Result:
        """Run a function in a worker; once more where the worker is lost.

        It may have been somebody's hand, or memory that ran out elsewhere.
        """
        cpu = _LEEWAY + 2 * self._cpu * len(things)
        try:
            return self._pool.call(cpu, function, *args)
        except (WorkerLostError, WorkerStartError):
            return self._pool.call(cpu, function, *args)

    def read(self, items: Sequence[SourceItem], task: Expanding) -> BatchReading:
        """Read a batch; where it ends its worker, item by item, to find the one that does.

        Raises WorkerKilledError where others end the workers, and PoolClosedError after
        :meth:`close`.
        """
        if not items:
            return BatchReading([], [])
        try:
            batch = self._call(read_batch, items, self._extract, items, task, self._cpu)
        except WorkerLostError as loss:
            if len(items) == 1:
                self._kills.judge(loss, items[0].body)
                lost = Reading(skipped=[Skipped("", _LOST)])
                return BatchReading([_item_reading(items[0], lost)], [])
        else:
            self._kills.forget(item.body for item in items)
            return batch
        batches = [self.read([item], task) for item in items]
        # what one item expanded alone would be is not what several with its UID are
        return self._rejoined([item for batch in batches for item in batch.items], task)

    def _rejoined(self, readings: list[ItemReading], task: Expanding) -> BatchReading:
        """Expand what a batch read item by item holds, over its items as one batch would."""
        texts: dict[str, list[str]] = defaultdict(list)
        for reading in sorted(readings, key=lambda reading: reading.order):
            for uid in reading.uids:
                texts[uid].append(reading.records)
        return BatchReading(readings, self.expand(list(texts.items()), task))

    def expand(
        self, objects: Sequence[tuple[str, Sequence[str]]], task: Expanding
    ) -> list[ObjectSpans]:
        """Expand stored objects; one that ends its worker comes back empty and refused.

        Raises as :meth:`read`.
        """
        if not objects:
            return []
        try:
            things = self._call(expand_stored, objects, objects, task, self._cpu)
        except WorkerLostError as loss:
            if len(objects) == 1:
                self._kills.judge(loss, _bytes_of(objects[0]))
                return [ObjectSpans(objects[0][0], [], None, _LOST)]
        else:
            self._kills.forget(map(_bytes_of, objects))
            return things
        return [spans for thing in objects for spans in self.expand([thing], task)]

    def close(self) -> None:
        """End the workers, also those at work."""
        self._pool.close()
