"""What a server tells of its sessions and transfers, to whoever counts them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from ftpsrv.control import ControlConnection


def _nobody(*_: object) -> None:
    """Do nothing: nobody counts."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Who is told, in the loop's thread; none of them may block."""

    opened: Callable[[], None] = _nobody
    """A session has begun."""
    closed: Callable[[], None] = _nobody
    """A session has ended."""
    transferred: Callable[[str, Literal["completed", "aborted"]], None] = _nobody
    """A transfer has ended: its command, and whether all of it was transferred."""


UNCOUNTED = Counted()


class OpenSessions(set["ControlConnection"]):
    """The sessions of one server; each is told of once, however often it is added."""

    def __init__(self, counted: Counted) -> None:
        super().__init__()
        self._counted = counted

    def add(self, session: ControlConnection, /) -> None:
        """Take a session in."""
        if session not in self:
            super().add(session)
            self._counted.opened()

    def discard(self, session: object, /) -> None:
        """Let a session go, if it is here."""
        if session in self:
            super().discard(session)
            self._counted.closed()
