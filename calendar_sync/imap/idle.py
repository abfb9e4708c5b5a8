"""Waiting for changes: IDLE (RFC 2177) on a connection for each folder, else asking now and then.

A watched folder has a thread that sleeps in ``select`` on its connection and on a
bell; the bell ends all of them at once.  What happened while a connection was
away is found by comparing what EXAMINE says before and after.
"""

from __future__ import annotations

import random
import re
import select
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imapclient.exceptions import IMAPClientAbortError

from calendar_sync.imap import extensions, folders
from calendar_sync.imap.connection import translated
from freebusy.errors import CalendarMissingError, SourceError, SourceRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from calendar_sync.imap.connection import Connection, Pool
    from calendar_sync.imap.settings import ImapSettings, Login
    from freebusy.ports import Calendar

JOIN_SECONDS = 1.5
"""A thread that is stuck in a connection attempt is left to end by itself."""
FIRST_RETRY, LAST_RETRY = 1.0, 60.0
REFUSED_RETRY = 300.0
"""Asking a server that said no any more often looks like guessing passwords."""
MAX_LINE = 1 << 20

_CHANGE = re.compile(rb"\* (?:\d+ (?:EXISTS|EXPUNGE|FETCH)|VANISHED)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Watched:
    """A folder to watch."""

    calendar: Calendar
    login: Login
    folder: str


def is_change(line: bytes) -> bool:
    """Whether an untagged response says that messages came, went or got other flags."""
    return _CHANGE.match(line) is not None


class Bell:
    """Wakes every thread that waits on it, once and for good."""

    def __init__(self, holders: int) -> None:
        self._listening, self._ringing = socket.socketpair()
        self._holders = holders
        self._lock = threading.Lock()
        self.rung = False

    def ring(self) -> None:
        """Wake everybody."""
        self.rung = True
        self._ringing.send(b"!")

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

    def let_go(self) -> None:
        """Close it when its last holder lets go."""
        with self._lock:
            self._holders -= 1
            if not self._holders:
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


@dataclass(slots=True)
class Watch:
    """What the threads of one ``watch`` share."""

    settings: ImapSettings
    pool: Pool
    changed: Callable[[Calendar], None]
    bell: Bell
    refusals: dict[str, SourceRefusedError] = field(default_factory=dict)
    """Why folders cannot be watched, by the key of their calendar."""
    failures: list[Exception] = field(default_factory=list)
    """What ended a thread that should have gone on: a bug, or an error from ``changed``."""

    def report(self, calendar: Calendar) -> None:
        """Call ``changed``, unless the watch is over."""
        if not self.bell.rung:
            self.changed(calendar)


class Watcher:
    """Watches one folder, through any number of connections."""

    def __init__(self, watch: Watch, watched: Watched) -> None:
        self._watch = watch
        self._watched = watched
        self._state: object = self  # what no EXAMINE equals, and no report is due for
        self._troubled = False
        self._retry = FIRST_RETRY

    def run(self) -> None:
        """Watch until the bell rings."""
        try:
            while not self._watch.bell.rung:
                self._try()
        except Exception as error:  # noqa: BLE001  # the caller of watch() raises it
            self._watch.failures.append(error)
        finally:
            self._watch.bell.let_go()

    def _try(self) -> None:
        key = self._watched.calendar.key
        try:
            with translated(self._watch.settings):
                self._session()
        except (SourceRefusedError, CalendarMissingError) as error:
            if isinstance(error, SourceRefusedError):
                self._watch.refusals[key] = error
            self._trouble(REFUSED_RETRY)
        except SourceError:
            self._trouble(LAST_RETRY)

    def _trouble(self, longest: float) -> None:
        """Have the calendar looked at, once, and wait, longer each time."""
        if longest == REFUSED_RETRY and not self._troubled:
            self._watch.report(self._watched.calendar)
            self._troubled = True
        if self._state is self:
            self._state = None
        self._watch.bell.wait(self._retry * random.uniform(0.5, 1.0))  # noqa: S311  # not a secret
        self._retry = min(self._retry * 2, longest)

    def _session(self) -> None:
        connection = self._watch.pool.connect(self._watched.login)
        try:
            while not self._watch.bell.rung:
                # each time anew: nothing tells a session of Dovecot that its folder was replaced
                self._look(folders.examine(connection, self._watched.folder))
                if connection.can("IDLE"):
                    self._idle(connection)
                else:
                    self._ask(connection)
        finally:
            connection.drop()

    def _look(self, box: extensions.Examined) -> None:
        """Report what happened while nobody listened."""
        self._retry, self._troubled = FIRST_RETRY, False
        self._watch.refusals.pop(self._watched.calendar.key, None)
        if self._state not in (self, box):
            self._watch.report(self._watched.calendar)
        self._state = box

    def _heard(self, lines: Sequence[bytes]) -> None:
        if any(map(is_change, lines)):
            self._state = None
            self._watch.report(self._watched.calendar)

    def _ask(self, connection: Connection) -> None:
        """Wait, and have the server say what it knows."""
        self._watch.bell.wait(self._watch.settings.poll_seconds)
        if not self._watch.bell.rung:
            answer = extensions.run(connection.client, b"NOOP", name="NOOP")
            self._heard([response[0] for response in answer])

    def _idle(self, connection: Connection) -> None:
        """IDLE once: until the bell rings, or it is time to say it again."""
        tag = extensions.send(connection.client, b"IDLE")
        sock: Any = connection.client.socket()
        sock.settimeout(0.0)
        lines = Lines(sock)
        end = time.monotonic() + self._watch.settings.idle_seconds
        while (left := end - time.monotonic()) > 0 and not self._watch.bell.rung:
            if self._watch.bell.wait(left, sock):
                self._heard(_untagged(lines.ready(), tag))
        sock.settimeout(self._watch.settings.timeout)
        sock.sendall(b"DONE\r\n")
        if not self._watch.bell.rung:
            self._finish(lines, sock, tag)

    def _finish(self, lines: Lines, sock: socket.socket, tag: bytes) -> None:
        """Read to the end of IDLE's answer."""
        sock.settimeout(0.0)
        end = time.monotonic() + self._watch.settings.timeout
        while (left := end - time.monotonic()) > 0 and not self._watch.bell.rung:
            if self._watch.bell.wait(left, sock):
                came = lines.ready()
                self._heard(came)
                if any(line.startswith(tag + b" ") for line in came):
                    sock.settimeout(self._watch.settings.timeout)
                    return
        raise TimeoutError


def _untagged(lines: list[bytes], tag: bytes) -> list[bytes]:
    """Return lines that are part of an IDLE that goes on."""
    for line in lines:
        if line.startswith((tag + b" ", b"* BYE")):
            raise IMAPClientAbortError("the server ended IDLE")
    return lines


class Sweeper:
    """Asks for the state of folders that have no connection of their own, one after the other."""

    def __init__(self, watch: Watch, watched: Sequence[Watched]) -> None:
        self._watch = watch
        self._watched = watched
        self._states: dict[str, object] = {}

    def run(self) -> None:
        """Go round until the bell rings."""
        try:
            while not self._watch.bell.rung:
                for watched in self._watched:
                    if not self._watch.bell.rung:
                        self._look(watched)
                self._watch.bell.wait(self._watch.settings.poll_seconds)
        except Exception as error:  # noqa: BLE001  # the caller of watch() raises it
            self._watch.failures.append(error)
        finally:
            self._watch.bell.let_go()

    def _look(self, watched: Watched) -> None:
        key = watched.calendar.key
        state = self._state(watched)
        if state != self._states.setdefault(key, state):
            self._states[key] = state
            self._watch.report(watched.calendar)

    def _state(self, watched: Watched) -> object:
        try:
            with (
                translated(self._watch.settings),
                self._watch.pool.use(
                    watched.login, lambda c: folders.examine(c, watched.folder)
                ) as (_, box),
            ):
                return box
        except SourceError as error:
            return type(error)


def _threads(watch: Watch, watched: Sequence[Watched]) -> Iterator[threading.Thread]:
    own = watched[: watch.settings.max_watched]
    for number, each in enumerate(own):
        yield threading.Thread(
            target=Watcher(watch, each).run, name=f"imap-idle-{number}", daemon=True
        )
    if rest := watched[len(own) :]:
        yield threading.Thread(target=Sweeper(watch, rest).run, name="imap-sweep", daemon=True)


def watch(
    settings: ImapSettings,
    pool: Pool,
    watched: Sequence[Watched],
    changed: Callable[[Calendar], None],
    stop: threading.Event,
) -> None:
    """Report changes until ``stop`` is set.

    Raises SourceRefusedError when no folder may be watched, and what ``changed`` raised.
    """
    own = min(len(watched), settings.max_watched)
    bell = Bell(1 + own + (len(watched) > own))
    shared = Watch(settings, pool, changed, bell)
    threads = list(_threads(shared, watched))
    for thread in threads:
        thread.start()
    try:
        while not stop.wait(0.5):
            if shared.failures:
                raise shared.failures[0]
            if len(watched) == len(shared.refusals) > 0:
                raise next(iter(shared.refusals.values()))
    finally:
        bell.ring()
        end = time.monotonic() + JOIN_SECONDS
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        bell.let_go()
