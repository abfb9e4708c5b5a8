"""The one door from the tests to our own reader: calendar texts in, periods out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from freebusy.busytime import CalendarOwner, Expansion, expand_object
from freebusy.calendarobject import Reading, read_object
from freebusy.period import Period, Span, coalesce, from_seconds, to_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from freebusy.busyrecord import BusyRecord


@dataclass(frozen=True)
class Outcome:
    """What a folder of messages comes to."""

    periods: list[Period]
    """Coalesced."""
    instances: list[Span]
    """Before coalescing, cut to the window, sorted."""
    skipped: list[str]
    """Reasons: components that could not be read and rules that were refused."""
    unknown_zones: set[str]


def as_bytes(text: str | bytes) -> bytes:
    """Return a text as it would lie in a message."""
    return text.encode() if isinstance(text, str) else text


def by_uid(readings: Sequence[Reading]) -> Iterable[list[list[BusyRecord]]]:
    """Return each object's records message by message, in the order of the messages."""
    uids = dict.fromkeys(record.uid for reading in readings for record in reading.records)
    for uid in uids:
        parts = [[one for one in reading.records if one.uid == uid] for reading in readings]
        yield [part for part in parts if part]


def folder(
    texts: Sequence[str | bytes],
    *,
    addresses: Sequence[str] = (),
    zone: str = "UTC",
    start: datetime,
    end: datetime,
) -> Outcome:
    """Read a folder of messages, the oldest first, and expand it into a window."""
    window = to_seconds(start), to_seconds(end)
    readings = [read_object(as_bytes(text), window) for text in texts]
    owner = CalendarOwner(frozenset(address.lower() for address in addresses), zone)
    expansion = Expansion()
    for parts in by_uid(readings):
        expand_object(parts, owner, window, expansion)
    reasons = [skipped.reason for reading in readings for skipped in reading.skipped]
    return Outcome(
        [Period.from_span(span) for span in coalesce(expansion.spans)],
        sorted(expansion.spans),
        reasons + [reason for _, reason in expansion.refused],
        {name for reading in readings for name in reading.unknown_zones},
    )


def busy(
    text: str | bytes,
    *,
    addresses: Sequence[str] = (),
    zone: str = "UTC",
    start: datetime,
    end: datetime,
) -> list[Period]:
    """Return one message's coalesced periods."""
    return folder([text], addresses=addresses, zone=zone, start=start, end=end).periods


def starts(
    text: str | bytes,
    *,
    addresses: Sequence[str] = (),
    zone: str = "UTC",
    start: datetime,
    end: datetime,
) -> list[tuple[datetime, datetime]]:
    """Return one message's instances as (start, end) in UTC, not coalesced, sorted."""
    outcome = folder([text], addresses=addresses, zone=zone, start=start, end=end)
    return [(from_seconds(first), from_seconds(last)) for first, last, _ in outcome.instances]
