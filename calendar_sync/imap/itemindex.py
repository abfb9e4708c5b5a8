"""Which messages of a folder hold which item: what has to be known before one is replaced.

An index is filled by whatever reads the folder, and is complete up to a modification
sequence or not at all.  It lives in memory only, the least used one is dropped, and it
holds digests of UIDs and no text of an item.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from calendar_sync.imap.resync import Since

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from calendar_sync.imap.extensions import Examined
    from calendar_sync.imap.itemtoken import ItemToken
    from calendar_sync.imap.uidset import UidSet
    from freebusy.ports import Dialect, FolderItem


class Entry(NamedTuple):
    """What one message holds."""

    uid: bytes | None = None
    """The digest of the iCalendar UID; None where it holds no item that can be read."""
    is_partial: bool = False
    dialect: Dialect | None = None
    change: str | None = None


NO_ITEM = Entry()
OVERHEAD = 10
"""What an index takes that knows nothing, in messages."""


def digest(uid: str) -> bytes:
    """Return what stands for an iCalendar UID, however long it is."""
    return hashlib.blake2b(uid.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def entry_of(item: FolderItem | None) -> Entry:
    """Return what is remembered of an item."""
    if item is None or item.problem is not None:
        return NO_ITEM
    dialect = None if item.dialect == "tnef" else item.dialect
    return Entry(digest(item.uid), item.is_partial, dialect, item.change)


@dataclass(slots=True)
class Index:
    """The messages of one folder as one login sees them; for whoever holds ``writing``."""

    writing: threading.Lock = field(default_factory=threading.Lock)
    """Held by whoever writes to the folder, or fills the index."""
    uidvalidity: int = 0
    uidnext: int = 0
    exists: int = 0
    modseq: int = 0
    """Up to here all messages are known; 0: they have to be listed."""
    entries: dict[int, Entry] = field(default_factory=dict)
    flagged: set[int] = field(default_factory=set)
    """Messages that are ``\\Deleted``: there, and as good as gone."""
    _by_uid: dict[bytes, tuple[int, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def since(self) -> Since | None:
        """Return what SELECT is asked with; None where everything has to be listed."""
        if not Since.is_possible(self.uidvalidity, self.modseq):
            return None
        return Since(self.uidvalidity, self.modseq)

    def learn(self, seen: ItemToken, found: Iterable[tuple[int, Entry]]) -> None:
        """Remember what a reader of the folder saw in messages.

        What it saw before the index was complete may be gone again, and is passed over; so
        is everything while somebody writes, who finds out for himself.
        """
        if not self.writing.acquire(blocking=False):
            return
        try:
            self.begin(seen.uidvalidity)
            if seen.modseq >= self.modseq:
                self.note(found)
        finally:
            self.writing.release()

    def begin(self, uidvalidity: int) -> None:
        """Forget everything where the UIDs mean other messages now."""
        if uidvalidity != self.uidvalidity:
            self.uidvalidity, self.modseq = uidvalidity, 0
            self.entries.clear()
            self.flagged.clear()
            self._by_uid.clear()

    def is_at(self, box: Examined) -> bool:
        """Whether the folder is as it was when all its messages were known."""
        numbers = (self.uidvalidity, self.uidnext, self.exists, self.modseq)
        found = (box.uidvalidity, box.uidnext, box.exists, box.highestmodseq)
        return self.modseq > 0 and numbers == found

    def complete(self, box: Examined) -> None:
        """Note that all messages are known of a folder in this state."""
        self.uidnext, self.exists = box.uidnext or 0, box.exists
        self.modseq = box.highestmodseq or 0

    # -- what is there

    def note(self, found: Iterable[tuple[int, Entry]]) -> None:
        """Remember what messages hold."""
        for uid, entry in found:
            if uid in self.entries:
                continue
            self.entries[uid] = entry
            if entry.uid is not None:
                self._by_uid[entry.uid] = (*self._by_uid.get(entry.uid, ()), uid)

    def drop(self, uids: Iterable[int]) -> None:
        """Forget messages that are gone."""
        for uid in uids:
            self.flagged.discard(uid)
            entry = self.entries.pop(uid, NO_ITEM)
            if entry.uid is None:
                continue
            left = tuple(each for each in self._by_uid[entry.uid] if each != uid)
            if left:
                self._by_uid[entry.uid] = left
            else:
                del self._by_uid[entry.uid]

    def keep(self, live: UidSet) -> None:
        """Forget all messages that are not among these."""
        self.drop([uid for uid in self.entries if uid not in live])

    def held(self, vanished: UidSet) -> list[int]:
        """Return which of these are known."""
        return [uid for uid in self.entries if uid in vanished] if vanished else []

    def of(self, uid: str) -> tuple[int, ...]:
        """Return the messages that hold an iCalendar UID, the oldest first."""
        found = self._by_uid.get(digest(uid), ())
        return tuple(sorted(each for each in found if each not in self.flagged))

    def dialect(self) -> Dialect:
        """Return the dialect of the newest item; of an empty folder iCalendar."""
        newest = max((uid for uid, entry in self.entries.items() if entry.dialect), default=None)
        found = None if newest is None else self.entries[newest].dialect
        return found or "icalendar"


class Indexes:
    """The indexes of those folders that were used last; safe from any thread."""

    def __init__(self, most: int) -> None:
        """``most`` messages are remembered in all folders together, or one folder's."""
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Index] = OrderedDict()

    def of(self, folder: str) -> Index:
        """Return the index of a folder, an empty one where none is kept.

        Those that were not used for the longest time are dropped as far as there is too much.
        """
        with self._lock:
            found = self._kept.setdefault(folder, Index())
            self._kept.move_to_end(folder)
            for oldest in list(self._surplus()):
                del self._kept[oldest]
            return found

    def _surplus(self) -> Iterator[str]:
        total = sum(len(index) + OVERHEAD for index in self._kept.values())
        for folder, index in list(self._kept.items())[:-1]:
            if total <= self._most:
                return
            total -= len(index) + OVERHEAD
            yield folder
