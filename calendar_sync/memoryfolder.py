"""One calendar folder in memory: messages by IMAP UID, a log of changes, an access control list.

The log works as MODSEQ does (RFC 7162 §3.1): each change gets the next number, and what
changed since a number is what has a larger one.  A token is
``UIDVALIDITY.MODSEQ.ACL.RIGHTS.FRESH``: where a question stopped, which access control list
and rights it saw, and whether it is in the middle of a fresh run.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import NamedTuple

from calendar_sync.imap.rights import Combination, Identity, rights_of
from freebusy.ports import FolderChanges, FolderItem, FolderState, SyncToken

ORDER = "lrswipkxtea"
"""The letters of RFC 4314 §2.1, in its order."""
ALL_RIGHTS = frozenset(ORDER)
KEPT_BY_OWNER = frozenset("lkxa")
"""What Cyrus lets nobody take from a folder's owner (``implicit_owner_rights``)."""
MAX_GONE = 10_000
"""Expunged messages that are remembered; an older token than the last forgotten one is fresh."""

_validities = itertools.count(1)


def letters(rights: frozenset[str]) -> str:
    """Return rights in the order of RFC 4314 §2.1."""
    return "".join(right for right in ORDER if right in rights)


class Bookmark(NamedTuple):
    """What a token says."""

    validity: int
    modseq: int
    acl: int
    rights: str
    is_fresh: bool

    @classmethod
    def read(cls, token: SyncToken | None) -> Bookmark | None:
        """Return a token's meaning; None for what is none of ours."""
        parts = (token or "").split(".")
        if len(parts) != 5 or not all(part.isdecimal() for part in parts[:3]):
            return None
        validity, modseq, acl = map(int, parts[:3])
        return cls(validity, modseq, acl, parts[3], parts[4] == "1")

    def token(self) -> SyncToken:
        """Return the token that says this."""
        last = "1" if self.is_fresh else "0"
        return SyncToken(f"{self.validity}.{self.modseq}.{self.acl}.{self.rights}.{last}")


@dataclass(slots=True)
class MemoryFolder:
    """One folder, guarded by the lock of whoever holds it."""

    owner: str | None
    """Whose it is; None for a folder that is nobody's."""
    acl: dict[str, frozenset[str]]
    validity: int = field(default_factory=lambda: next(_validities))
    uidnext: int = 1
    modseq: int = 1
    acl_changes: int = 0
    items: dict[int, tuple[int, FolderItem]] = field(default_factory=dict)
    """UID -> number of the change, message."""
    gone: dict[int, int] = field(default_factory=dict)
    """UID -> number of the change that expunged it."""
    forgotten: int = 0

    # -- rights

    def rights(self, user: str) -> frozenset[str]:
        """Return what a user may do here, as Cyrus works it out."""
        entries = [(who, letters(rights)) for who, rights in self.acl.items()]
        given = rights_of(entries, Identity(frozenset({user.casefold()})), Combination.UNION)
        return given | KEPT_BY_OWNER if user == self.owner else given

    def set_acl(self, user: str, rights: frozenset[str] | None) -> None:
        """Give a user these rights; None takes the user out."""
        self.acl_changes += 1
        self.acl.pop(user, None)
        if rights is not None:
            self.acl[user] = rights

    # -- messages

    def state(self) -> FolderState:
        """Return what STATUS says."""
        return FolderState(self.validity, self.uidnext, len(self.items), self.modseq)

    def append(self, item: FolderItem) -> FolderItem:
        """Add a message under the next UID, and return it with that."""
        uid = self.uidnext
        self.uidnext += 1
        self.modseq += 1
        placed = FolderItem(
            str(uid),
            item.uid,
            item.calendar,
            item.dialect,
            is_partial=item.is_partial,
            change=item.change,
            problem=item.problem,
        )
        self.items[uid] = (self.modseq, placed)
        return placed

    def expunge(self, hrefs: frozenset[str]) -> None:
        """Remove messages; those that are not there mean nothing."""
        for uid in [uid for uid in self.items if str(uid) in hrefs]:
            del self.items[uid]
            self.modseq += 1
            self.gone[uid] = self.modseq
        while len(self.gone) > MAX_GONE:
            self.forgotten = self.gone.pop(next(iter(self.gone)))

    def renew(self) -> None:
        """Begin a new UIDVALIDITY: UIDs are given from the first one on, as after a restore."""
        items = [item for _, item in self.items.values()]
        self.validity, self.uidnext = next(_validities), 1
        self.items.clear()
        self.gone.clear()
        for item in items:
            self.append(item)

    def of_uid(self, uid: str) -> list[FolderItem]:
        """Return the messages that hold an iCalendar UID, the oldest first."""
        return [item for _, item in self.items.values() if uid and item.uid == uid]

    # -- what changed

    def changes(self, user: str, token: SyncToken | None, limit: int) -> FolderChanges:
        """Return a page of what changed since a token."""
        rights = letters(self.rights(user))
        known = Bookmark.read(token)
        if known is None or known.validity != self.validity or known.modseq < self.forgotten:
            return self._page(Bookmark(self.validity, 0, -1, "-", is_fresh=True), rights, limit)
        return self._page(known, rights, limit)

    def _page(self, known: Bookmark, rights: str, limit: int) -> FolderChanges:
        acl, begins = self.acl_changes, known.acl < 0
        if known.is_fresh and not begins:  # told by the next question
            acl, rights = known.acl, known.rights
        later = [entry for entry in self.items.values() if entry[0] > known.modseq]
        more = len(later) > limit
        page = later[:limit]
        reached = page[-1][0] if more else self.modseq
        return FolderChanges(
            token=Bookmark(self.validity, reached, acl, rights, known.is_fresh and more).token(),
            items=tuple(item for _, item in page),
            gone=tuple(str(u) for u, at in self.gone.items() if known.modseq < at <= reached),
            is_fresh=known.is_fresh,
            more=more,
            rights=None if known.rights == rights else rights,
            acl_changed=known.acl != acl,
        )
