"""Connections that are kept by login, to be used again."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from calendar_sync.imap.connection import LOST, ConnectionLimitError, connect, tls_context
from freebusy.errors import SourceUnavailableError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    from calendar_sync.imap.connection import Connection
    from calendar_sync.imap.settings import ImapSettings, Login

T = TypeVar("T")


class Pool:
    """Idle connections by login; safe to use from any number of threads."""

    def __init__(self, settings: ImapSettings, lifetime: float = math.inf) -> None:
        """A connection is not used again ``lifetime`` seconds after it was made.

        Dovecot's sessions never learn of somebody who shares a folder for the first time.
        """
        self._settings = settings
        self._lifetime = lifetime
        self._lock = threading.Lock()
        self._idle: dict[Login, list[Connection]] = {}
        self._closed = 0
        self._slots = threading.BoundedSemaphore(settings.max_connections)
        self._context: ssl.SSLContext | None = None
        self.limited: set[Login] = set()
        """Logins that the server let have no more connections."""

    def connect(self, login: Login) -> Connection:
        """Return a new connection that the pool does not know."""
        with self._lock:
            if self._context is None and self._settings.security != "plain":
                self._context = tls_context(self._settings)
        try:
            return connect(self._settings, login, self._context)
        except ConnectionLimitError:
            self.limited.add(login)
            raise

    @contextmanager
    def use(
        self, login: Login, opening: Callable[[Connection], T]
    ) -> Iterator[tuple[Connection, T]]:
        """Lend a connection on which ``opening`` succeeded, and what it returned.

        A kept connection may have died unnoticed; then ``opening`` is done again on a
        new one.  A connection that is given back after an error is closed.
        """
        if not self._slots.acquire(timeout=self._settings.timeout):
            raise SourceUnavailableError("all connections are busy: raise max_connections")
        try:
            born = self._closed
            connection, opened = self._opened(login, opening)
            try:
                yield connection, opened
                connection.unselect()
            except BaseException:
                connection.drop()
                raise
            self._keep(connection, born)
        finally:
            self._slots.release()

    def _opened(self, login: Login, opening: Callable[[Connection], T]) -> tuple[Connection, T]:
        while (kept := self._take(login)) is not None:
            if self._is_old(kept):
                kept.logout()
                continue
            with contextlib.suppress(*LOST):
                return kept, self._try(kept, opening)
        connection = self.connect(login)
        return connection, self._try(connection, opening)

    @staticmethod
    def _try(connection: Connection, opening: Callable[[Connection], T]) -> T:
        try:
            return opening(connection)
        except BaseException:
            connection.drop()
            raise

    def _take(self, login: Login) -> Connection | None:
        with self._lock:
            kept = self._idle.get(login)
            if kept is None:
                return None
            connection = kept.pop()
            if not kept:
                del self._idle[login]
            return connection

    def _is_old(self, connection: Connection) -> bool:
        return time.monotonic() - connection.made >= self._lifetime

    def _keep(self, connection: Connection, born: int) -> None:
        with self._lock:
            if born == self._closed and not self._is_old(connection):
                self._make_room()
                connection.kept = time.monotonic()
                self._idle.setdefault(connection.login, []).append(connection)
                return
        connection.logout()

    def close_idle(self, seconds: float) -> bool:
        """Log out of what was not used for so long; return whether anything else is kept."""
        since = time.monotonic() - seconds
        with self._lock:
            old = [each for some in self._idle.values() for each in some if each.kept <= since]
            for each in old:
                self._idle[each.login].remove(each)
            self._idle = {login: some for login, some in self._idle.items() if some}
        for connection in old:
            connection.logout()
        return bool(self._idle)

    def _make_room(self) -> None:
        """Close the oldest kept connection where there are as many as may be open."""
        if sum(map(len, self._idle.values())) >= self._settings.max_connections:
            login = next(iter(self._idle))
            self._idle[login].pop(0).drop()
            if not self._idle[login]:
                del self._idle[login]

    def close(self) -> None:
        """Close what is idle now, and what is in use when it comes back."""
        with self._lock:
            self._closed += 1
            kept = [each for some in self._idle.values() for each in some]
            self._idle.clear()
        for connection in kept:
            connection.logout()
