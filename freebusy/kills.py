"""Who is to blame for a worker that was killed: what it read, or somebody else.

A process that dies by SIGKILL was killed from outside, mostly by the system because
memory was short, and most often over nothing that it read.  To take the item for the
cause at once would lose a good event for good, and show a busy person as free.  To
never do so would keep a calendar from being read as long as one item in it makes the
system kill.  So the item takes the blame when it was being read at every one of many
kills, minutes apart, and was never read to its end between them.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from freebusy.errors import FreeBusyError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from freebusy.workerpool import WorkerLostError

PATIENCE = 6
"""Readings that were ended by kills (each tried twice) before the item takes the blame; with
the pauses between them, each about twice the one before, one to three minutes, or less where
``schedule.interval`` is shorter than that."""
_MAX_KEPT = 1000


class WorkerKilledError(FreeBusyError):
    """Workers are killed from outside: the reading is to be tried again later."""

    def __init__(self) -> None:
        super().__init__("a worker process was killed while it read; is memory short?")


class Kills:
    """What was being read at kills; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: OrderedDict[bytes, int] = OrderedDict()

    def judge(self, loss: WorkerLostError, read: bytes) -> None:
        """Return where ``read`` is to blame; raises WorkerKilledError where it may not be."""
        if not loss.killed:
            return
        mark = _mark(read)
        with self._lock:
            count = self._counts.pop(mark, 0) + 1
            if count >= PATIENCE:
                return
            self._counts[mark] = count
            if len(self._counts) > _MAX_KEPT:
                self._counts.popitem(last=False)
        raise WorkerKilledError from loss

    def forget(self, read: Iterable[bytes]) -> None:
        """Clear of suspicion what has been read to its end."""
        if not self._counts:  # nearly always
            return
        marks = [_mark(each) for each in read]
        with self._lock:
            for mark in marks:
                self._counts.pop(mark, None)


def _mark(read: bytes) -> bytes:
    return hashlib.blake2b(read, digest_size=16).digest()
