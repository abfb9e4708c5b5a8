"""Opening a mailbox and hearing in the same answer what changed in it (RFC 7162 §3.2.5)."""

from __future__ import annotations

from dataclasses import dataclass

from calendar_sync.imap.uidset import MAX_UID


@dataclass(frozen=True, slots=True)
class Since:
    """What a client knew of a mailbox."""

    uidvalidity: int
    modseq: int

    @staticmethod
    def is_possible(uidvalidity: int, modseq: int) -> bool:
        """Whether these are numbers that a server takes (RFC 7162 §7)."""
        return 0 < uidvalidity <= MAX_UID and 0 < modseq < 2**63

    def parameter(self) -> bytes:
        """Return the parameter of EXAMINE that asks what changed, new messages included."""
        return b" (QRESYNC (%d %d 1:%d))" % (self.uidvalidity, self.modseq, MAX_UID)
