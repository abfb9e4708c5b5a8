"""Waiting for a mail server and for whoever has something to say meanwhile.

A watched folder has a thread that sleeps in ``poll`` on its connection and on a bell; the
bell calls it off.  While a server does not answer, a gate lets one attempt at a time
through, after ever longer pauses, and everybody else waits for its return.
"""

from __future__ import annotations

import contextlib
import random
import select
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from imapclient.exceptions import IMAPClientAbortError

from freebusy.errors import SourceDownError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from freebusy.schedule import Backoff

MAX_LINE = 1 << 20
MAX_ATTEMPTS = 8
"""Connections that are being made at once, when a server is back and all want theirs."""


class Bell:
    """Wakes the one thread that waits on it."""

    def __init__(self) -> None:
        self._listening, self._ringing = socket.socketpair()
        self._lock = threading.Lock()
        self.rung = False

    def ring(self) -> None:
        """Wake the thread; it stays awake until :meth:`reset`."""
        with self._lock:
            if not self.rung:
                self.rung = True
                with contextlib.suppress(OSError):  # the thread has ended
                    self._ringing.send(b"!")

    def reset(self) -> None:
        """Sleep again when next asked to."""
        with self._lock:
            if self.rung:
                self._listening.recv(1)
                self.rung = False

    def wait(self, seconds: float, peer: socket.socket | None = None) -> bool:
        """Wait for the bell or for ``peer``, at most so long; return whether the peer is ready."""
        if peer is not None and getattr(peer, "pending", int)():
            return True  # decrypted already: select would not see it
        poller = select.poll()  # select() ends at 1,024 descriptors
        poller.register(self._listening, select.POLLIN)
        if peer is not None:
            poller.register(peer, select.POLLIN)
        ready = poller.poll(max(0.0, seconds) * 1000)
        return peer is not None and any(fd == peer.fileno() for fd, _ in ready)

    def close(self) -> None:
        """Let go of it."""
        self._listening.close()
        self._ringing.close()


class Lines:
    """The lines of a socket that does not block; used instead of imaplib's file from IDLE on."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._rest = b""

    def ready(self) -> list[bytes]:
        """Return the whole lines that have come; raises IMAPClientAbortError at the end."""
        while (chunk := self._receive()) is not None:
            if not chunk:
                raise IMAPClientAbortError("the connection ended")
            self._rest += chunk
            if len(self._rest) > MAX_LINE:
                break
        *lines, self._rest = self._rest.split(b"\r\n")
        if len(self._rest) > MAX_LINE:
            raise IMAPClientAbortError("a line without end")
        return lines

    def _receive(self) -> bytes | None:
        try:
            return self._sock.recv(65536)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError as error:
            if type(error).__name__ in {"SSLWantReadError", "SSLWantWriteError"}:
                return None
            raise


class Gate:
    """The way to one server, shut while it does not answer."""

    def __init__(self, retries: Backoff) -> None:
        self._retries = retries
        self._changed = threading.Condition()
        self._slots = threading.BoundedSemaphore(MAX_ATTEMPTS)
        self._failures = 0
        self._until = 0.0
        self._probing = False
        self._over = False

    @contextmanager
    def attempt(self) -> Iterator[bool]:
        """Wait until the server may be asked, and ask; False where nobody may any more.

        What the block raises decides: SourceDownError shuts the gate for the others.
        """
        if not self._enter():
            yield False
            return
        with self._slots:
            try:
                yield True
            except SourceDownError:
                self._failed()
                raise
            except BaseException:
                self._answered()
                raise
            self._answered()

    def _enter(self) -> bool:
        with self._changed:
            while not self._over and self._failures:
                left = self._until - time.monotonic()
                if not self._probing and left <= 0:
                    self._probing = True
                    return True
                self._changed.wait(None if self._probing else left)
            return not self._over

    def _answered(self) -> None:
        with self._changed:
            self._failures, self._until, self._probing = 0, 0.0, False
            self._changed.notify_all()

    def _failed(self) -> None:
        """Note a failure; many that happen at once, as when a server goes, are one."""
        with self._changed:
            now = time.monotonic()
            if now >= self._until:
                self._failures += 1
                jitter = random.random()  # noqa: S311 - no secret
                self._until = now + self._retries.delay(self._failures, jitter=jitter)
            self._probing = False
            self._changed.notify_all()

    def end(self) -> None:
        """Let nobody through any more."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
