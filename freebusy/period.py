"""Periods of time and their algebra (RFC 5545 §3.3.9, RFC 4791 §7.10).

Everything here is half-open, ``[start, end)``, and in UTC.

Two shapes of the same thing live side by side.  :class:`Period` is the value
that leaves the core: aware datetimes, impossible to build wrong.
:data:`Span` is what the sweep works on: three integers, ``(start, end, type)``
with times in seconds since 1970-01-01T00:00:00Z, because a daily series means
hundreds of them per person and a datetime costs ten times an integer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Span = tuple[int, int, int]
"""``(start, end, type)``: UTC seconds, UTC seconds, :class:`FreeBusyType`; ``start < end``."""


class FreeBusyType(IntEnum):
    """How a period is taken; a larger value wins where periods overlap (RFC 5545 §3.2.9)."""

    FREE = 0
    BUSY_TENTATIVE = 1
    BUSY = 2
    BUSY_UNAVAILABLE = 3

    @property
    def fbtype(self) -> str:
        """Return the FBTYPE parameter value."""
        return self.name.replace("_", "-")


def to_seconds(moment: datetime) -> int:
    """Return an aware datetime as whole seconds since 1970 in UTC."""
    if moment.tzinfo is None:
        raise ValueError("a naive datetime has no place on the UTC line")
    return (moment - EPOCH) // timedelta(seconds=1)


def from_seconds(seconds: int) -> datetime:
    """Return seconds since 1970 as an aware UTC datetime."""
    return EPOCH + timedelta(seconds=seconds)


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        raise ValueError("a period needs aware datetimes")
    return moment.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A half-open range ``[start, end)`` of UTC time (RFC 4791 §9.9)."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", _utc(self.start))
        object.__setattr__(self, "end", _utc(self.end))
        if self.end <= self.start:
            raise ValueError("a time range ends after it starts")

    @property
    def seconds(self) -> tuple[int, int]:
        """Return the two ends as UTC seconds."""
        return to_seconds(self.start), to_seconds(self.end)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A half-open period ``[start, end)`` in UTC and how it is taken (RFC 5545 §3.3.9)."""

    start: datetime
    end: datetime
    type: FreeBusyType = FreeBusyType.BUSY

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", _utc(self.start))
        object.__setattr__(self, "end", _utc(self.end))
        if self.end <= self.start:
            raise ValueError("a period ends after it starts")

    @property
    def span(self) -> Span:
        """Return the period as a span."""
        return to_seconds(self.start), to_seconds(self.end), int(self.type)

    @classmethod
    def from_span(cls, span: Span) -> Period:
        """Return the period that a span stands for."""
        return cls(from_seconds(span[0]), from_seconds(span[1]), FreeBusyType(span[2]))


def clip(spans: Iterable[Span], start: int, end: int) -> Iterator[Span]:
    """Cut spans to ``[start, end)`` and drop what lies outside."""
    for first, last, kind in spans:
        low, high = max(first, start), min(last, end)
        if low < high:
            yield low, high, kind


def _merge(spans: list[Span]) -> list[tuple[int, int]]:
    """Merge the touching and overlapping of one type; ``spans`` is sorted."""
    merged: list[tuple[int, int]] = []
    for start, end, _ in spans:
        if merged and start <= merged[-1][1]:
            if end > merged[-1][1]:
                merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def _subtract(low: list[tuple[int, int]], high: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield what of ``low`` no range of ``high`` covers; both merged and sorted."""
    at = 0
    for first, end in low:
        start = first
        while at < len(high) and high[at][1] <= start:
            at += 1
        ahead = at
        while ahead < len(high) and high[ahead][0] < end:
            if high[ahead][0] > start:
                yield start, high[ahead][0]
            start = max(start, high[ahead][1])
            ahead += 1
        if start < end:
            yield start, end


def coalesce(spans: Iterable[Span]) -> list[Span]:
    """Return disjoint, sorted spans: the strongest type at each moment, neighbours merged.

    FREE never comes out (RFC 4791 §7.10: only busy time is reported).
    """
    by_type: dict[int, list[Span]] = {}
    for span in spans:
        if span[2] > 0 and span[0] < span[1]:
            by_type.setdefault(span[2], []).append(span)
    result: list[Span] = []
    covered: list[tuple[int, int]] = []
    for kind in sorted(by_type, reverse=True):
        merged = _merge(sorted(by_type[kind]))
        visible = list(_subtract(merged, covered)) if covered else merged
        result += [(start, end, kind) for start, end in visible]
        covered = _merge(sorted((a, b, 0) for a, b in covered + merged)) if covered else merged
    result.sort()
    return result
