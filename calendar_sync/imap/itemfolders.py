"""Which folders are calendars: items of no other folder are read or written.

A login opens all of a person's mail, and an app password is for calendars only.  What is a
calendar takes several commands to find out, so it is remembered for a while.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from calendar_sync.imap.itemlook import NO_FOLDER
from calendar_sync.imap.itemtoken import fingerprint
from freebusy.errors import NoFolderError

if TYPE_CHECKING:
    from collections.abc import Callable

    from freebusy.ports import CalendarFolders, Owner

REMEMBERED_SECONDS = 3600.0
MOST = 50_000
"""Folders that are remembered, each as a digest."""


class KnownFolders:
    """The calendar folders that were seen lately; safe from any thread."""

    def __init__(
        self, folders: CalendarFolders, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folders = folders
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, float] = OrderedDict()

    def check(self, who: Owner, identity: str, path: str) -> None:
        """Raise NoFolderError for a folder that is not there or no calendar; may ask the server.

        ``identity`` is whose folders the login sees.
        """
        wanted = fingerprint(identity, path)
        if self._is_known(wanted):
            return
        self._note([fingerprint(identity, folder.path) for folder in self._folders.folders(who)])
        if not self._is_known(wanted):
            raise NoFolderError(NO_FOLDER)

    def _is_known(self, folder: str) -> bool:
        with self._lock:
            seen = self._seen.get(folder)
        return seen is not None and self._clock() - seen < REMEMBERED_SECONDS

    def _note(self, found: list[str]) -> None:
        now = self._clock()
        with self._lock:
            for each in found:
                self._seen[each] = now
                self._seen.move_to_end(each)
            while len(self._seen) > max(MOST, len(found)):
                self._seen.popitem(last=False)
