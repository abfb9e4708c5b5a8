"""Where one free/busy file says less than another one did (pure)."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from freebusy.period import FreeBusyType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from freebusy.period import Span


class Freer(NamedTuple):
    """A stretch of time, UTC seconds, in which somebody has become freer."""

    start: int
    end: int
    was: FreeBusyType
    now: FreeBusyType


def freer(old: Sequence[Span], new: Sequence[Span], start: int, end: int) -> list[Freer]:
    """Return where, inside ``[start, end)``, time that was taken is taken less or not at all.

    Both are disjoint and sorted.  Busy and unavailable weigh the same: either keeps a
    meeting away.
    """
    found: list[Freer] = []
    for first, last, kind in old:
        low, high = max(first, start), min(last, end)
        for piece_start, piece_end, other in _pieces(new, low, high):
            if _weight(other) < _weight(kind):
                _append(found, Freer(piece_start, piece_end, FreeBusyType(kind), other))
    return found


def _weight(kind: int) -> int:
    return min(kind, FreeBusyType.BUSY)


def _pieces(spans: Sequence[Span], start: int, end: int) -> list[tuple[int, int, FreeBusyType]]:
    """Return ``[start, end)`` cut where the spans change, each piece with its type."""
    pieces = []
    at = bisect_right(spans, start, key=lambda span: span[1])
    while start < end:
        if at == len(spans) or spans[at][0] >= end:
            pieces.append((start, end, FreeBusyType.FREE))
            break
        first, last, kind = spans[at]
        if start < first:
            pieces.append((start, first, FreeBusyType.FREE))
        pieces.append((max(start, first), min(last, end), FreeBusyType(kind)))
        start, at = last, at + 1
    return pieces


def _append(found: list[Freer], piece: Freer) -> None:
    """Add a piece, joined to the one before where only its types' borders parted them."""
    if found and found[-1].end == piece.start and found[-1][2:] == piece[2:]:
        piece = piece._replace(start=found.pop().start)
    found.append(piece)
