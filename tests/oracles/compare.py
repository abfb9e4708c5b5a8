"""Compares our reader with the oracles, second by second."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from freebusy.period import to_seconds
from tests.oracles import libical, ours, recurring
from tests.oracles.explained import OWNERS_ZONE
from tests.oracles.generator import OWNER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from freebusy.period import Span

ORACLES: dict[str, Callable[..., list[Span]]] = {
    "recurring-ical-events": recurring.spans,
    "libical": libical.spans,
}


class Dispute(NamedTuple):
    """A time in which an oracle sees something else than we do."""

    text: str
    """The event, unfolded, LF line ends."""
    oracle: str
    start: int
    end: int
    """UTC seconds, half-open."""
    ours: int
    theirs: int
    """The strongest type at that time; 0 is free."""

    @property
    def direction(self) -> str:
        """Return what we would be guilty of if the oracle were right."""
        if not self.ours:
            return "falsely free"
        return "falsely busy" if not self.theirs else "another type"


def steps(spans: Iterable[Span], low: int, high: int) -> Iterator[tuple[int, int, int]]:
    """Yield ``(moment, type, +1 or -1)`` for each end of what lies in ``[low, high)``."""
    for start, end, kind in spans:
        if kind and start < high and end > low:
            yield max(start, low), kind, 1
            yield min(end, high), kind, -1


def differences(
    mine: list[Span], theirs: list[Span], low: int, high: int
) -> Iterator[tuple[int, int, int, int]]:
    """Yield ``(start, end, our type, their type)`` wherever the strongest types differ."""
    marks = [(at, 0, kind, change) for at, kind, change in steps(mine, low, high)]
    marks += [(at, 1, kind, change) for at, kind, change in steps(theirs, low, high)]
    marks.sort()
    active = ([0, 0, 0, 0], [0, 0, 0, 0])
    for (at, side, kind, change), following in pairwise(marks):
        active[side][kind] += change
        mine_now, theirs_now = (max((k for k in (1, 2, 3) if one[k]), default=0) for one in active)
        if following[0] > at and mine_now != theirs_now:
            yield at, following[0], mine_now, theirs_now


def joined(found: list[Dispute]) -> list[Dispute]:
    """Join disputes that touch and are of one kind."""
    result: list[Dispute] = []
    for dispute in found:
        last = result[-1] if result else None
        if last and last[4:] == dispute[4:] and last.end == dispute.start:
            result[-1] = last._replace(end=dispute.end)
        else:
            result.append(dispute)
    return result


def disputes(
    text: str, windows: Iterable[tuple[datetime, datetime]], oracles: Iterable[str]
) -> Iterator[Dispute]:
    """Yield all disputes over one event in some windows."""
    unfolded = text.replace("\r\n ", "").replace("\r\n", "\n")
    for start, end in windows:
        low, high = to_seconds(start), to_seconds(end)
        outcome = ours.folder([text], addresses=[OWNER], zone=OWNERS_ZONE, start=start, end=end)
        for name in oracles:
            theirs = ORACLES[name](text, addresses=[OWNER], zone=OWNERS_ZONE, start=start, end=end)
            found = differences(outcome.instances, theirs, low, high)
            yield from joined([Dispute(unfolded, name, *one) for one in found])
