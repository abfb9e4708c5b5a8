"""What a watch saw since the last run, so that a change costs one file and not the folder.

Looking at 5,000 files takes 15 ms, again for each change.  While a folder is watched,
the names that changed are known, and only these need be looked at.  That is trusted
for a while only: an event can get lost (the kernel's queue is bounded), and then the
next run after that while looks at everything, as it would have done anyway.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from calendar_sync.filestate import State
    from freebusy.ports import SyncToken

TRUST = 600.0
"""Seconds after which a run looks at all files: less than the usual 15 minutes of the schedule."""
MAX_FILES = 100_000
"""Files of all folders together whose state is kept in memory: some 25 MB."""


@dataclass(frozen=True, slots=True)
class Swept:
    """Where a complete run left a folder."""

    token: SyncToken
    generation: str
    state: State = field(repr=False)


@dataclass(slots=True)
class _Folder:
    """A watched folder."""

    since: int
    """Number of the last event before it was watched: no event after that was missed."""
    changed: dict[str, int] = field(default_factory=dict)
    """Name -> number of the last event, since the last run."""
    swept: Swept | None = None
    at: float = 0.0
    """When all files were looked at last."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a run stood when it began."""

    since: int
    number: int
    """Of the last event before it began."""
    at: float
    """When all files were looked at last, this run included."""
    names: list[str] = field(default_factory=list)
    """The files that changed since ``swept``."""
    swept: Swept | None = None
    """Where the run that gave the token left the folder; None: look at all files."""


class Recent:
    """The watched folders of a source, by calendar key; safe to use from many threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._number = 0
        self._folders: dict[str, _Folder] = {}

    def watched(self, keys: Iterable[str]) -> None:
        """Note that from now on events of these folders arrive."""
        with self._lock:
            for key in keys:
                if key not in self._folders:
                    self._number += 1
                    self._folders[key] = _Folder(self._number)

    def forget(self, keys: Iterable[str]) -> None:
        """Note that events of these folders may have been missed."""
        with self._lock:
            for key in keys:
                self._folders.pop(key, None)

    def note(self, key: str, name: str) -> None:
        """Note an event."""
        with self._lock:
            self._number += 1
            folder = self._folders.get(key)
            if folder is not None:
                folder.changed[name] = self._number

    def begin(self, key: str, token: SyncToken | None) -> Mark | None:
        """Return where a run begins; None where the folder is not watched."""
        with self._lock:
            folder = self._folders.get(key)
            if folder is None:
                return None
            swept, now = folder.swept, self._clock()
            if swept is None or token != swept.token or now - folder.at > TRUST:
                return Mark(folder.since, self._number, now)
            return Mark(folder.since, self._number, folder.at, list(folder.changed), swept)

    def end(self, key: str, mark: Mark, swept: Swept) -> None:
        """Keep where a complete run that began at ``mark`` left the folder."""
        with self._lock:
            folder = self._folders.get(key)
            if folder is None or folder.since != mark.since:
                return  # events were missed while it ran
            del self._folders[key]
            folder.swept, folder.at = swept, mark.at
            folder.changed = {n: at for n, at in folder.changed.items() if at > mark.number}
            self._folders[key] = folder  # the last one, for _bound
            self._bound()

    def _bound(self) -> None:
        """Drop the states that were not used for longest."""
        files = sum(len(folder.swept.state) for folder in self._folders.values() if folder.swept)
        for folder in self._folders.values():
            if files <= MAX_FILES:
                return
            files -= len(folder.swept.state) if folder.swept else 0
            folder.swept = None
