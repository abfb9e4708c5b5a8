"""A few threads that do what they are given, and that nobody has to wait for at the end.

Threads of concurrent.futures are joined when the process ends; one that waits for a
mail server would hold it up.  Whatever is cut off here is repeated at the next start.
"""

from __future__ import annotations

import logging
import threading
import time
from itertools import count
from queue import PriorityQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)


RESERVED = 2
"""Threads, and what each of them needs, that are not for what is merely due."""
_LEAVE, _URGENT, _ORDINARY = range(3)


class Crew:
    """Daemon threads over one queue; started with the first job, each rank in turn."""

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._jobs: PriorityQueue[tuple[int, int, Callable[[], None] | None]] = PriorityQueue()
        self._numbers = count()
        self._threads: list[threading.Thread] = []

    def give(self, job: Callable[[], None], *, urgent: bool = False) -> None:
        """Queue a job, an urgent one before all that are not.

        An exception in it is logged and costs nothing else.
        """
        if len(self._threads) < self._size:
            thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._threads.append(thread)
            thread.start()
        self._put(_URGENT if urgent else _ORDINARY, job)

    def _put(self, rank: int, job: Callable[[], None] | None) -> None:
        self._jobs.put((rank, next(self._numbers), job))

    def _work(self) -> None:
        while (job := self._jobs.get()[2]) is not None:
            try:
                job()
            except Exception:
                log.exception("crew=%s event=job_failed", self._name)

    def dismiss(self, patience: float) -> None:
        """Let everybody go after the job in hand; wait at most ``patience`` seconds for all."""
        for _ in self._threads:
            self._put(_LEAVE, None)
        deadline = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))


class Crews:
    """Who works on one source.

    Two threads are left to those that nobody else may hold up: what just changed, and
    what has failed before and may hang again.
    """

    def __init__(self, name: str, threads: int) -> None:
        self._many = Crew(f"sync-{name}", threads if threads <= RESERVED else threads - RESERVED)
        self._urgent = Crew(f"urgent-{name}", 1)
        self._troubled = Crew(f"retry-{name}", 1)

    @property
    def all(self) -> tuple[Crew, ...]:
        """Return the crews."""
        return self._many, self._urgent, self._troubled

    def give(
        self, job: Callable[[], None], *, urgent: bool = False, troubled: bool = False
    ) -> None:
        """Hand a job out; an urgent one to two crews, for it does its work but once."""
        if troubled:
            self._troubled.give(job, urgent=urgent)
            return
        self._many.give(job, urgent=urgent)
        if urgent:
            self._urgent.give(job)
