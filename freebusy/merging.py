"""Packed spans, and the merged ones of a whole calendar kept up to date by the piece.

A calendar's merged spans are those of all its objects, coalesced over the horizon.
When one object changes, only the time it took and takes is put together anew; what
that costs does not grow with the years of series around it.
"""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from freebusy.period import clip, coalesce

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from freebusy.period import Span

MAX_RANGES = 8
"""A change that touches more places than this is cheaper put together from nothing."""

Range = tuple[int, int]


def pack(spans: Sequence[Span]) -> bytes:
    """Return spans as native 64-bit integers, three a span."""
    flat = [value for span in spans for value in span]
    return struct.pack(f"={len(flat)}q", *flat)


def unpack(packed: bytes) -> Iterator[Span]:
    """Yield the spans that :func:`pack` packed."""
    return struct.iter_unpack("=3q", packed)


def inside(packed: bytes, start: int, end: int) -> Sequence[Span]:
    """Return of packed, coalesced spans those that touch ``[start, end)``."""
    values = memoryview(packed).cast("q")
    if len(values) == 3:  # what most objects have
        return [tuple(values)] if values[0] < end and values[1] > start else []  # type: ignore[list-item]  # three
    first = bisect_right(values[1::3], start)
    last = bisect_left(values[0::3], end)
    return list(unpack(packed[first * 24 : last * 24])) if first < last else []


def touched(before: Iterable[bytes], after: Iterable[Sequence[Span]]) -> list[Range] | None:
    """Return the time that changed objects took before and take now; None for too many places."""
    spans = [span for packed in before for span in unpack(packed)]
    spans += [span for some in after for span in some]
    ranges = coalesce((start, end, 1) for start, end, _ in spans)
    return [(start, end) for start, end, _ in ranges] if len(ranges) <= MAX_RANGES else None


def patch(merged: bytes, ranges: Sequence[Range], new: Sequence[Span]) -> bytes:
    """Replace what merged spans say inside some disjoint ranges by ``new`` spans.

    Only the neighbourhood of each range is taken apart.
    """
    for start, end in ranges:
        values = memoryview(merged).cast("q")
        # neighbours that only touch the range are taken along: they may merge with it now
        first = bisect_left(values[1::3], start)
        last = bisect_right(values[0::3], end)
        around = unpack(merged[first * 24 : last * 24])
        pieces = [piece for span in around for piece in _outside(span, start, end)]
        pieces += clip(new, start, end)
        merged = merged[: first * 24] + pack(coalesce(pieces)) + merged[last * 24 :]
    return merged


def _outside(span: Span, start: int, end: int) -> Iterator[Span]:
    """Yield what of a span lies outside ``[start, end)``."""
    first, last, kind = span
    if last <= start or first >= end:
        yield span
        return
    if first < start:
        yield first, start, kind
    if last > end:
        yield end, last, kind
