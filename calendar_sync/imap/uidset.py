"""Sets of UIDs as the few ranges they usually are (RFC 3501 §9, sequence-set)."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Range = tuple[int, int]
"""First and last UID, both included."""

MAX_UID = 2**32 - 1
_SET = re.compile(r"[0-9]{1,10}(:[0-9]{1,10})?(,[0-9]{1,10}(:[0-9]{1,10})?)*\Z", re.ASCII)


def _merged(ranges: Iterable[Range]) -> Iterator[Range]:
    """Merge sorted ranges that overlap or touch."""
    held: Range | None = None
    for first, last in ranges:
        if held is None:
            held = (first, last)
        elif first <= held[1] + 1:
            held = (held[0], max(held[1], last))
        else:
            yield held
            held = (first, last)
    if held is not None:
        yield held


def _range(text: str) -> Range:
    first, _, last = text.partition(":")
    low, high = sorted((int(first), int(last or first)))
    if low < 1 or high > MAX_UID:
        raise ValueError("a UID is between 1 and 2**32-1")
    return low, high


@dataclass(frozen=True, slots=True)
class UidSet:
    """UIDs in ascending order; its size in memory is that of its ranges."""

    ranges: tuple[Range, ...] = ()

    @classmethod
    def of(cls, uids: Iterable[int]) -> UidSet:
        """Return the set of these UIDs."""
        ranges: list[Range] = []
        first = last = 0
        for uid in sorted(uids):  # as _merged does, but it is done for each message of a mailbox
            if uid > last + 1 or not first:
                if first:
                    ranges.append((first, last))
                first = uid
            last = uid
        return cls((*ranges, (first, last))) if first else cls()

    @classmethod
    def parse(cls, text: str) -> UidSet:
        """Read a set such as ``1:500,502``; the empty text is the empty set.

        Raises ValueError for everything else, ``*`` included.
        """
        if not text:
            return cls()
        if not _SET.match(text):
            raise ValueError("not a set of UIDs")
        return cls(tuple(_merged(sorted(map(_range, text.split(","))))))

    def __str__(self) -> str:
        return ",".join(str(a) if a == b else f"{a}:{b}" for a, b in self.ranges)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __iter__(self) -> Iterator[int]:
        for first, last in self.ranges:
            yield from range(first, last + 1)

    def __contains__(self, uid: int) -> bool:
        at = bisect_right(self.ranges, (uid, MAX_UID)) - 1
        return at >= 0 and self.ranges[at][1] >= uid

    @property
    def last(self) -> int:
        """The largest UID; 0 where there is none."""
        return self.ranges[-1][1] if self.ranges else 0

    def __or__(self, other: UidSet) -> UidSet:
        return UidSet(tuple(_merged(sorted(self.ranges + other.ranges))))

    def __and__(self, other: UidSet) -> UidSet:
        return UidSet(tuple(_common(self.ranges, other.ranges)))

    def __sub__(self, other: UidSet) -> UidSet:
        return self & UidSet(tuple(_gaps(other.ranges)))


def _common(left: tuple[Range, ...], right: tuple[Range, ...]) -> Iterator[Range]:
    at = 0
    for first, last in left:
        while at < len(right) and right[at][1] < first:
            at += 1
        ahead = at
        while ahead < len(right) and right[ahead][0] <= last:
            yield max(first, right[ahead][0]), min(last, right[ahead][1])
            ahead += 1


def _gaps(ranges: tuple[Range, ...]) -> Iterator[Range]:
    """Yield what lies between the ranges, up to the largest UID there can be."""
    after = 1
    for first, last in ranges:
        if after < first:
            yield after, first - 1
        after = last + 1
    if after <= MAX_UID:
        yield after, MAX_UID
