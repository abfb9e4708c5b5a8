"""Triggers: a client says that a calendar changed, and the gateway looks at once.

Who serves and who syncs may be different processes: then a datagram with the NAME, and
the id of the job where a connector waits, goes through a socket in the state directory,
which only the gateway's own user may write to.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from freebusy.errors import SourceUnavailableError
from freebusy.ports import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from freebusy.ports import Visitor
    from freebusy.roster import Roster

log = logging.getLogger(__name__)

FILE = "trigger"
"""The socket's name in the state directory."""
_LONGEST = 1024
"""Octets of a datagram; a NAME has at most 200."""
_SEPARATOR = "\t"
"""Between a NAME and a job, neither of which holds one."""
_ENOUGH = 256
"""Datagrams that are taken in one turn."""


class Triggering:
    """Who may have whose calendars looked at, and who then looks: ports.Triggers."""

    def __init__(
        self, state: Path, roster: Roster, delegates: Mapping[str, tuple[str, ...]]
    ) -> None:
        """``delegates`` by canonical NAME, as canonical NAMEs."""
        self._state = state
        self.here: Callable[[str, str | None], None] | None = None
        """Looks, where this process syncs; else another one is told."""
        self.reload(roster, delegates)

    def reload(self, roster: Roster, delegates: Mapping[str, tuple[str, ...]]) -> None:
        """Go on with other people."""
        self._roster = roster
        self._delegates = delegates

    def meant(self, address: str, visitor: Visitor) -> str | None:
        """Return the NAME whose calendars this visitor may have looked at, or None."""
        account = visitor.account
        name = self._roster.person_of(address)
        if account is None or name is None:
            return None
        if account.scope is Scope.SHARED or account.person == name:
            return name
        return name if account.person in self._delegates.get(name, ()) else None

    def refresh(self, name: str, job: str | None = None) -> None:
        """Have a person's calendars looked at; raises SourceUnavailableError where nobody does.

        ``job`` waits for that.
        """
        if self.here is not None:
            self.here(name, job)
            return
        text = name if job is None else f"{name}{_SEPARATOR}{job}"
        try:
            with _address(self._state) as address, _socket() as sender:
                sender.sendto(text.encode(), address)
        except OSError as error:
            if error.errno not in {errno.ENOENT, errno.ECONNREFUSED}:
                log.warning("trigger person=%s error=%s", name, error.strerror)
            raise SourceUnavailableError("no process follows the calendars") from None


def listen(state: Path) -> socket.socket:
    """Return the socket on which other processes' triggers come in; raises OSError.

    One that a crash left is replaced.
    """
    receiver = _socket()
    try:
        with _address(state) as address:
            with suppress(FileNotFoundError):
                Path(address).unlink()
            os.fchmod(receiver.fileno(), 0o600)  # before it has a name: never open to others
            receiver.bind(address)
    except OSError:
        receiver.close()
        raise
    return receiver


def received(receiver: socket.socket) -> Iterator[tuple[str, str | None]]:
    """Yield the NAMEs that have come in, with the jobs that wait; what is no text is dropped."""
    for _turn in range(_ENOUGH):
        try:
            name, _, job = receiver.recv(_LONGEST).decode().partition(_SEPARATOR)
            yield name, job or None
        except UnicodeDecodeError:
            continue
        except BlockingIOError:
            return


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.settimeout(0)
    return made


@contextmanager
def _address(state: Path) -> Iterator[str]:
    """Give the socket's path by way of the directory's descriptor: a path may have 107 octets."""
    descriptor = os.open(state, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{FILE}"
    finally:
        os.close(descriptor)
