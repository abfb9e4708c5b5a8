"""Connections on behalf of one person: with the person's own password, or by proxying."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from calendar_sync.imap.connection import translated
from calendar_sync.imap.pool import Pool
from calendar_sync.imap.settings import login_of
from freebusy.errors import FolderError, SourceRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from calendar_sync.imap.connection import Connection
    from calendar_sync.imap.settings import ImapSettings, Login
    from freebusy.ports import Owner

T = TypeVar("T")

IDLE_SECONDS = 60.0


class Behalf:
    """Lends connections that see and do what one person may; safe from any thread.

    A connection is kept for the same login and password only, so that a wrong password
    finds none and closes none.
    """

    def __init__(
        self,
        personal: ImapSettings,
        proxying: ImapSettings | None,
        *,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        """``personal`` has no password of its own: each person's is in ``Owner.password``.

        ``proxying`` is for those without one: a service login that acts for others
        (``authorization``, or a master user's template); None where there is none.
        A connection, and the password in it, is kept for ``idle_seconds`` after its last use
        and somewhat longer, at most twice as long; so long after it was made it is not used
        again, because a new one sees what is shared by now.
        """
        self._personal = personal
        self._proxying = proxying
        self._pools = {
            id(used): Pool(used, idle_seconds) for used in (personal, proxying) if used is not None
        }
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def settings(self, who: Owner) -> ImapSettings:
        """Return the settings that are used for a person; raises SourceRefusedError."""
        used = self._personal if who.password is not None else self._proxying
        if used is None:
            raise SourceRefusedError("no login is configured that may act for others")
        return used

    def login(self, who: Owner) -> Login:
        """Return the login that is used for a person; raises SourceRefusedError."""
        return login_of(self.settings(who), who)

    @contextmanager
    def use(self, who: Owner, opening: Callable[[Connection], T]) -> Iterator[tuple[Connection, T]]:
        """Lend a connection on which ``opening`` succeeded; errors are translated (SourceError).

        A FolderError passes, and leaves the connection as good as it was.
        """
        used = self.settings(who)
        refusal: FolderError | None = None
        with (
            translated(used),
            self._pools[id(used)].use(login_of(used, who), opening) as lent,
        ):
            try:
                yield lent
            except FolderError as error:
                refusal = error
        self._close_later()
        if refusal is not None:
            raise refusal

    def close(self) -> None:
        """Log out of idle connections."""
        with self._lock:
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        for pool in self._pools.values():
            pool.close()

    # -- idle ones

    def _close_later(self) -> None:
        with self._lock:
            if self._timer is None:
                self._timer = threading.Timer(self._idle_seconds, self._close_idle)
                self._timer.name = "imap-idle"
                self._timer.daemon = True
                self._timer.start()

    def _close_idle(self) -> None:
        with self._lock:
            self._timer = None
        left = [pool.close_idle(self._idle_seconds) for pool in self._pools.values()]
        if any(left):
            self._close_later()
