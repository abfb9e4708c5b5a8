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
_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
"""Five bits each; from the 33rd on more of the same number follow."""
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}


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

    @classmethod
    def unpack(cls, text: str) -> UidSet:
        """Read what :meth:`pack` returned; raises ValueError for what never could be."""
        numbers = _numbers(text)
        return cls(tuple(_merged(_counted(zip(numbers, numbers, strict=True)))))

    def pack(self) -> str:
        """Return the set as the lengths of gaps and of ranges in turn.

        Where there are many gaps these are small numbers, which compress to a quarter of
        what UIDs do.
        """
        after, words = 1, list[str]()
        for first, last in self.ranges:
            words += _digits(first - after), _digits(last - first)
            after = last + 1
        return "".join(words)

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


def _digits(number: int) -> str:
    found = ""
    while number > 31:
        found += _DIGITS[32 | number & 31]
        number >>= 5
    return found + _DIGITS[number]


def _numbers(text: str) -> Iterator[int]:
    """Yield the numbers that digits stand for, the lowest digit first."""
    number = shift = 0
    for digit in text:
        value = _VALUES.get(digit)
        if value is None or shift > 30:
            raise ValueError("no digit, or too many of them")
        number |= (value & 31) << shift
        shift += 5
        if value < 32:
            yield number
            number = shift = 0
    if shift:
        raise ValueError("a number without its end")


def _counted(lengths: Iterable[Range]) -> Iterator[Range]:
    """Yield the ranges that lengths of gaps and of ranges (less one) are."""
    after = 1
    for gap, more in lengths:
        first, last = after + gap, after + gap + more
        if last > MAX_UID:
            raise ValueError("a UID is between 1 and 2**32-1")
        yield first, last
        after = last + 1


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
