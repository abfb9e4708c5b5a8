"""What a connector is given to say what it knows of a folder, as text without a meaning to it.

A token holds the numbers of STATUS, which messages were told of, which are still to be
told, and what the rights and the access control list were.  It is read strictly: one that
is not ours is of no use, and the next run is a fresh one.
"""

from __future__ import annotations

import binascii
import hashlib
import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from calendar_sync.imap.resync import Since
from calendar_sync.imap.uidset import MAX_UID, UidSet
from freebusy.ports import SyncToken

if TYPE_CHECKING:
    from calendar_sync.imap.extensions import Examined

VERSION = 2
MAX_TEXT = 1 << 20
"""Characters of a token; longer ones are not looked at."""
MAX_BYTES = 1 << 20
"""A token that unpacks to more is not believed."""
MAX_NUMBER = 2**63 - 1

NONE = SyncToken("")
"""What stands for a token before it is there."""

NO_UIDS = UidSet()
_KINDS = (int, str, int, int, int, int, str, bool, str, str, bool, str, str)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemToken:
    """What a connector knows of a folder."""

    folder: str
    """Stands for login and path, without naming them."""
    uidvalidity: int
    uidnext: int
    """0 where the server does not say."""
    exists: int
    modseq: int
    """0 where there is none."""
    known: UidSet
    """Messages that were told of."""
    is_coarse: bool
    """Whether ``known`` also has UIDs of messages that are gone: enough where the server tells
    which vanish (QRESYNC), and short however long a folder is in use."""
    todo: UidSet = NO_UIDS
    """Messages that are there and still to be told of."""
    gone: UidSet = NO_UIDS
    """Messages that are gone, to be told of at the end."""
    is_fresh: bool = False
    """In the middle of a run that tells everything."""
    rights: str = ""
    acl: str = ""

    @property
    def since(self) -> Since | None:
        """Return what SELECT and EXAMINE are asked with; None where nothing can be."""
        if not Since.is_possible(self.uidvalidity, self.modseq):
            return None
        return Since(self.uidvalidity, self.modseq)

    @property
    def is_at_rest(self) -> bool:
        """Whether all that was there was told of."""
        return not (self.todo or self.gone or self.is_fresh)

    def proves(self, box: Examined) -> bool:
        """Whether a folder in this state holds nothing that was not told of.

        Without modification sequences nothing proves it: ``\\Deleted`` may have been set.
        """
        numbers = (self.uidvalidity, self.uidnext, self.exists, self.modseq)
        found = (box.uidvalidity, box.uidnext or 0, box.exists, box.highestmodseq or 0)
        return self.is_at_rest and self.modseq > 0 and numbers == found

    def is_of(self, box: Examined) -> bool:
        """Whether the UIDs still mean the same messages; not after a return from a backup."""
        if self.uidvalidity != box.uidvalidity or (box.highestmodseq or MAX_NUMBER) < self.modseq:
            return False
        last = max(self.known.last, self.todo.last)
        return box.uidnext is None or last < box.uidnext

    def text(self) -> SyncToken:
        """Return the token as text."""
        values = [
            VERSION,
            self.folder,
            self.uidvalidity,
            self.uidnext,
            self.exists,
            self.modseq,
            self.known.pack(),
            self.is_coarse,
            self.todo.pack(),
            self.gone.pack(),
            self.is_fresh,
            self.rights,
            self.acl,
        ]
        packed = zlib.compress(json.dumps(values, separators=(",", ":")).encode("ascii"), 9)
        return SyncToken(urlsafe_b64encode(packed).rstrip(b"=").decode("ascii"))


def fingerprint(*words: str) -> str:
    """Return what stands for some words where they themselves are not to be seen."""
    joined = "\0".join(words).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(joined, digest_size=9).hexdigest()


def parse(text: str | None, folder: str) -> ItemToken | None:
    """Read a token of this folder; None for every text that is none."""
    if not text or len(text) > MAX_TEXT:
        return None
    try:
        return _token(json.loads(_unpacked(text)), folder)
    except (ValueError, RecursionError, zlib.error, binascii.Error):
        return None


def _unpacked(text: str) -> bytes:
    packed = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    unpacking = zlib.decompressobj()
    found = unpacking.decompress(packed, MAX_BYTES)
    if not unpacking.eof or unpacking.unused_data:
        raise ValueError("more than a token, or less")
    return found


def _token(values: Any, folder: str) -> ItemToken | None:
    if not isinstance(values, list) or tuple(map(type, values)) != _KINDS:
        return None
    version, of, validity, uidnext, exists, modseq, known, coarse, todo, gone, *rest = values
    if version != VERSION or of != folder:
        return None
    _within(MAX_UID, validity, exists)
    _within(MAX_UID + 1, uidnext)
    _within(MAX_NUMBER, modseq)
    return ItemToken(
        folder=of,
        uidvalidity=validity,
        uidnext=uidnext,
        exists=exists,
        modseq=modseq,
        known=UidSet.unpack(known),
        is_coarse=coarse,
        todo=UidSet.unpack(todo),
        gone=UidSet.unpack(gone),
        is_fresh=rest[0],
        rights=rest[1],
        acl=rest[2],
    )


def _within(bound: int, *numbers: int) -> None:
    if not all(0 <= number <= bound for number in numbers):
        raise ValueError("no number that a server gives")
