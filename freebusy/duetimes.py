"""What is due when: the earliest time counts, and nothing waits twice."""

from __future__ import annotations

import heapq
from typing import Generic, TypeVar

Key = TypeVar("Key")


class DueTimes(Generic[Key]):
    """Keys with the time at which each is due; times are monotonic seconds."""

    def __init__(self) -> None:
        self._times: dict[Key, float] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._count = 0

    def set(self, key: Key, at: float) -> None:
        """Make a key due at a time, unless it is due earlier already."""
        if at < self._times.get(key, float("inf")):
            self._times[key] = at
            self._count += 1
            heapq.heappush(self._heap, (at, self._count, key))

    def next(self) -> float | None:
        """Return when the next key is due."""
        while self._heap:
            at, _, key = self._heap[0]
            if self._times.get(key) == at:
                return at
            heapq.heappop(self._heap)
        return None

    def pop(self, now: float) -> list[Key]:
        """Take out and return all keys that are due."""
        due = []
        while (key := self.take(now)) is not None:
            due.append(key)
        return due

    def take(self, now: float) -> Key | None:
        """Take out and return the key that has been due for longest; None where none is."""
        at = self.next()
        if at is None or at > now:
            return None
        key = heapq.heappop(self._heap)[2]
        del self._times[key]
        return key
