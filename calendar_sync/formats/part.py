"""A part of a message, and what reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from calendar_sync.formats import encoding

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf of a MIME message (RFC 2045 §2.5)."""

    media: str
    """Type and subtype, lower case."""
    payload: bytes = field(repr=False)
    """As it was sent."""
    transfer: str = ""
    """Content-Transfer-Encoding, lower case; empty where there was none."""
    charset: str = ""
    """The parameter, lower case; empty where there was none."""
    name: str = field(default="", repr=False)
    """The file name, lower case."""
    identity: str = field(default="", repr=False)
    """Content-ID without its brackets; empty where there was none."""

    @property
    def content(self) -> bytes:
        """The payload without its transfer encoding."""
        return encoding.decode_transfer(self.payload, self.transfer)

    @property
    def text(self) -> bytes:
        """The content as UTF-8."""
        return encoding.to_utf8(self.content, self.charset)


@dataclass(frozen=True, slots=True)
class Format:
    """A format in which events come: how its parts are known, and what reads one."""

    media: frozenset[str]
    endings: tuple[str, ...]
    """Of file names, for parts whose media type says nothing."""
    read: Callable[[Part], list[bytes]]
    """Returns iCalendar texts; raises CalendarDataError."""

    def matches(self, part: Part) -> bool:
        """Whether a part is in this format."""
        return part.media in self.media or part.name.endswith(self.endings)
