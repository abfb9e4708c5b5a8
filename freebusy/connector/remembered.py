"""What other servers answered a short while ago: bounded in time, in number and in memory."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from freebusy.connector.answers import Answer
    from freebusy.metrics import LookupOutcome

MAX_ENTRIES = 20_000
_EMPTY = 300
"""About so many octets does an entry take that says nothing."""

Key = tuple[str, str, str]
"""Server, local part, domain."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of asking for one person."""

    answer: Answer | None = None
    """None: nobody, or no usable answer."""
    problem: str | None = None
    """Why there is no usable answer, in one word."""

    @property
    def word(self) -> LookupOutcome:
        """Return what it is to be counted as."""
        if self.problem is not None:
            return "failed"
        return "unknown" if self.answer is None else "known"

    @property
    def size(self) -> int:
        """Return about how many octets it takes."""
        return _EMPTY if self.answer is None else self.answer.size


class Remembered:
    """Outcomes by server and person; the least used goes first.  For one event loop."""

    def __init__(
        self, lifetime: float, misses: float, size: int, clock: Callable[[], float]
    ) -> None:
        """``lifetime`` of answers and of ``misses`` in seconds; ``size`` in octets."""
        self._lifetime = lifetime
        self._misses = misses
        self._size = self._room = size
        self._clock = clock
        self._kept: OrderedDict[Key, tuple[float, Outcome]] = OrderedDict()

    def recall(self, key: Key) -> Outcome | None:
        """Return what is remembered, or None."""
        until, outcome = self._kept.get(key, (0.0, None))
        if outcome is None:
            return None
        if self._clock() >= until:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return outcome

    def keep(self, key: Key, outcome: Outcome) -> None:
        """Remember an outcome for as long as its kind is."""
        self._drop(key)
        lifetime = self._misses if outcome.answer is None else self._lifetime
        if lifetime <= 0 or outcome.size > self._size:
            return
        self._kept[key] = self._clock() + lifetime, outcome
        self._room -= outcome.size
        while self._room < 0 or len(self._kept) > MAX_ENTRIES:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Key) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._room += kept[1].size
