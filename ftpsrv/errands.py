"""Blocking calls: made in threads, while the loop goes on; their outcome comes back to it."""

from __future__ import annotations

import socket
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from freebusy.crew import Crew
from ftpsrv.log import log_exception

if TYPE_CHECKING:
    from collections.abc import Callable

Value = TypeVar("Value")

_LOGIN_THREADS = 8
_STORE_THREADS = 4


class Waker:
    """Ends the loop's wait from another thread."""

    def __init__(self, ioloop: Any, awake: Callable[[], None]) -> None:
        """``awake`` is called in the loop after each :meth:`wake`, or a few of them."""
        self._awake = awake
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)  # noqa: FBT003  # the standard library's signature
        self._theirs.setblocking(False)  # noqa: FBT003  # as above
        self._fileno = self._ours.fileno()
        ioloop.register(self._fileno, self, ioloop.READ)

    def wake(self) -> None:
        """Wake the loop up; may be called from any thread."""
        # A full buffer wakes it as well as one more byte would.
        with suppress(OSError):
            self._theirs.send(b".")

    def readable(self) -> bool:
        """Return True, as the loop asks."""
        return True

    def handle_read_event(self) -> None:
        """Take note of a wake."""
        self._ours.recv(4096)
        self._awake()

    def handle_error(self) -> None:
        """Log a bug of ours and go on."""
        log_exception("ftp_waker_error", "none")

    def close(self) -> None:
        """Close both ends; the loop does it."""
        self._ours.close()
        self._theirs.close()


class Errands:
    """What a server's sessions wait for: logins and the disk, each with its own threads.

    A mail server that does not answer holds up logins, and no upload.
    """

    def __init__(self, ioloop: Any) -> None:
        self._outcomes: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._waker = Waker(ioloop, self._deliver)
        self._logins = Crew("ftp-login", _LOGIN_THREADS)
        self._store = Crew("ftp-store", _STORE_THREADS)

    def log_in(self, call: Callable[[], Value], then: Callable[[Future[Value]], None]) -> None:
        """Make a call that asks about a password; ``then`` hears of it in the loop."""
        self._give(self._logins, call, then)

    def store(self, call: Callable[[], Value], then: Callable[[Future[Value]], None]) -> None:
        """Make a call that reads or writes the disk; ``then`` hears of it in the loop."""
        self._give(self._store, call, then)

    def _give(
        self, crew: Crew, call: Callable[[], Value], then: Callable[[Future[Value]], None]
    ) -> None:
        def job() -> None:
            outcome = _outcome(call)
            self._outcomes.put(lambda: then(outcome))
            self._waker.wake()

        crew.give(job)

    def _deliver(self) -> None:
        with suppress(Empty):
            while True:
                deliver = self._outcomes.get_nowait()
                try:
                    deliver()
                except Exception:  # noqa: BLE001  # one session's bug must not cost the others their outcome
                    log_exception("ftp_outcome_error", "unknown")

    def wake(self) -> None:
        """Wake the loop up; may be called from any thread."""
        self._waker.wake()

    def dismiss(self) -> None:
        """Let the threads go after what they have in hand; wait for none."""
        self._logins.dismiss(0)
        self._store.dismiss(0)


def _outcome(call: Callable[[], Value]) -> Future[Value]:
    outcome: Future[Value] = Future()
    try:
        outcome.set_result(call())
    except Exception as error:  # noqa: BLE001  # raised again in the loop, by whoever asks for the result
        outcome.set_exception(error)
    return outcome
