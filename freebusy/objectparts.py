"""Calendar objects put together from all items of a folder that hold one UID.

The newest item that has the master counts, with the overrides in it; items that
hold overrides alone add theirs.  Of two overrides of one instance the newer item
wins; within one item the higher SEQUENCE, then the later DTSTAMP (RFC 5546 §2.1.5).
Different masters of one item of which none is newer all count: broken exporters give
one UID to several events, and to drop one would show a busy person as free.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from freebusy.busyrecord import BusyRecord
    from freebusy.values import Moment


@dataclass(frozen=True, slots=True)
class Override:
    """One instance that says of itself what it is (RFC 5545 §3.8.4.4)."""

    instant: int
    """Its RECURRENCE-ID in UTC seconds."""
    record: BusyRecord


@dataclass(slots=True)
class CalendarObject:
    """A master and its overrides; either may be missing."""

    uid: str
    master: BusyRecord | None = None
    overrides: dict[int, Override] = field(default_factory=dict)
    """By instant, those that move a whole range included."""
    ranges: list[Override] = field(default_factory=list)
    """RANGE=THISANDFUTURE ones."""


def _newer(record: BusyRecord) -> tuple[int, int]:
    return record.sequence, record.stamp


def resolve_parts(
    parts: Sequence[Sequence[BusyRecord]], instant: Callable[[Moment], int]
) -> list[CalendarObject]:
    """Put an object together; ``parts`` are its records item by item, the newest item last.

    Usually that is one; none where no part has an event, several where masters compete.
    """
    events = [[record for record in part if record.start is not None] for part in parts]
    events = [part for part in events if part]
    if not events:
        return []
    thing = CalendarObject(events[0][0].uid)
    bearing = [part for part in events if any(record.recurrence_id is None for record in part)]
    masters = _masters(bearing[-1]) if bearing else []
    if masters:
        thing.master = masters[-1]
    for part in events:
        if part in bearing[:-1]:
            continue
        for record in sorted(part, key=_newer):
            if record.recurrence_id is not None:
                _add(thing, record, record.recurrence_id, instant)
    return [thing, *_rivals(thing, masters)] if len(masters) > 1 else [thing]


def _masters(part: Sequence[BusyRecord]) -> list[BusyRecord]:
    """Return the different masters of an item of which none is known to be newer.

    One without any stamp may be as new as the newest.
    """
    masters = dict.fromkeys(record for record in part if record.recurrence_id is None)
    sequence = max(record.sequence for record in masters)
    rivals = [record for record in masters if record.sequence == sequence]
    stamp = max(record.stamp for record in rivals)
    return [record for record in rivals if record.stamp in (stamp, 0)]


def _rivals(thing: CalendarObject, masters: list[BusyRecord]) -> Iterator[CalendarObject]:
    """Yield what is busy besides, where several masters count.

    Nobody knows whose the overrides are: they take nothing away from any master, and
    those that move a range may move each of them.
    """
    for master in masters if thing.overrides else masters[:-1]:
        yield CalendarObject(thing.uid, master)
    for master in masters[:-1] if thing.ranges else ():
        yield CalendarObject(thing.uid, master, {}, thing.ranges)


def _add(
    thing: CalendarObject,
    record: BusyRecord,
    recurrence_id: Moment,
    instant: Callable[[Moment], int],
) -> None:
    """Add an override, unless a newer master has excluded that very instance."""
    at = _matched(thing.master, recurrence_id, instant)
    master = thing.master
    if master is not None and _newer(record) < _newer(master):
        excluded = {instant(moment) for moment in master.excluded if not moment.is_date}
        if at in excluded or _day_excluded(master, recurrence_id):
            return
    override = Override(at, record)
    thing.overrides[at] = override
    if record.this_and_future:
        thing.ranges = [one for one in thing.ranges if one.instant != at] + [override]


def _day_excluded(master: BusyRecord, recurrence_id: Moment) -> bool:
    days = {moment.local // 86400 for moment in master.excluded if moment.is_date}
    return recurrence_id.local // 86400 in days


def _matched(
    master: BusyRecord | None, recurrence_id: Moment, instant: Callable[[Moment], int]
) -> int:
    """Return the instant that a RECURRENCE-ID names.

    A bare DATE beside a series with times names that day's instance (some writers
    of all-day overrides); a date-time beside a DATE series, that day.
    """
    if master is None or master.start is None or master.start.is_date == recurrence_id.is_date:
        return instant(recurrence_id)
    if recurrence_id.is_date:
        clock = master.start.local % 86400
        return instant(master.start._replace(local=recurrence_id.local + clock))
    return instant(recurrence_id)
