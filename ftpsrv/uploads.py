"""Uploads under way: what is kept of each, and how much of all of them together."""

from __future__ import annotations

from collections import Counter
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from freebusy.ports import Visitor
    from ftpsrv.data import DataConnection

TOO_MANY = "450 Too many uploads from your address at once; try again."
NO_ROOM = "452 Too many uploads at once; try again."


def too_large(limit: int) -> str:
    """Return the reply to more octets than are accepted."""
    return f"552 More than {limit} octets; nothing is stored."


class UploadRoom:
    """What all uploads of a server may take together; used in the loop alone."""

    def __init__(self, max_per_address: int, max_octets: int) -> None:
        """``max_per_address`` may be 0 for no limit."""
        self._max_per_address = max_per_address
        self._max_octets = max_octets
        self._octets = 0
        self._addresses: Counter[str] = Counter()

    def enter(self, address: str) -> bool:
        """Let one more upload in, if there is room for one from this address."""
        if 0 < self._max_per_address <= self._addresses[address]:
            return False
        self._addresses[address] += 1
        return True

    def grow(self, octets: int) -> bool:
        """Take so many octets more, if there is room for them."""
        if self._octets + octets > self._max_octets:
            return False
        self._octets += octets
        return True

    def shrink(self, octets: int) -> None:
        """Give so many octets back."""
        self._octets -= octets

    def leave(self, address: str) -> None:
        """Let one upload out."""
        self._addresses[address] -= 1
        if not self._addresses[address]:
            del self._addresses[address]


class IncomingFile:
    """One upload from STOR until its reply; its octets stay in memory."""

    def __init__(
        self, path: str, visitor: Visitor, room: UploadRoom, *, max_octets: int, max_discard: int
    ) -> None:
        """Begin an upload that :meth:`UploadRoom.enter` let in."""
        self.path = path
        self.visitor = visitor
        self.received = 0
        """Octets, whether kept or not."""
        self.refusal: str | None = None
        """The reply, where it is clear before the end that nothing will be stored."""
        self._began = monotonic()
        self._room = room
        self._max_octets = max_octets
        self._max_discard = max(max_octets, max_discard)
        self._body = bytearray()
        self._is_open = True

    @property
    def body(self) -> bytes:
        """Return what has come."""
        return bytes(self._body)

    @property
    def seconds(self) -> float:
        """Return how long the upload has taken."""
        return monotonic() - self._began

    def take(self, chunk: bytes) -> bool:
        """Take more octets; return False when so many have come that even reading them must end.

        What comes after a refusal is read and thrown away: a client that is cut off
        while it sends never sees the reply.
        """
        self.received += len(chunk)
        if self.refusal is None:
            if self.received > self._max_octets:
                self._refuse(too_large(self._max_octets))
            elif not self._room.grow(len(chunk)):
                self._refuse(NO_ROOM)
            else:
                self._body += chunk
        return self.received <= self._max_discard

    def _refuse(self, reply: str) -> None:
        self.refusal = reply
        self._forget()

    def _forget(self) -> None:
        self._room.shrink(len(self._body))
        self._body = bytearray()

    def close(self) -> None:
        """Give the memory back, and the place."""
        if self._is_open:
            self._is_open = False
            self._forget()
            self._room.leave(self.visitor.address)

    def start(self, channel: DataConnection) -> None:
        """Receive the octets over a data connection."""
        channel.take_in(self)
