"""Being told of changes: IDLE (RFC 2177) on a connection for each of the busiest folders.

Which those are is looked at now and then: the ones that changed most lately.  All others
are swept (:mod:`calendar_sync.imap.sweeping`).  What happened while nobody listened is
found by comparing what EXAMINE says with what was read.
"""

from __future__ import annotations

import logging
import random
import re
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imapclient.exceptions import IMAPClientAbortError

from calendar_sync.imap import extensions, folders
from calendar_sync.imap.connection import translated
from calendar_sync.imap.sweep import differs
from calendar_sync.imap.waiting import Bell, Gate, Lines
from freebusy.errors import (
    CalendarMissingError,
    SourceDownError,
    SourceError,
    SourceRefusedError,
)
from freebusy.schedule import Backoff

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from calendar_sync.imap.connection import Connection
    from calendar_sync.imap.pool import Pool
    from calendar_sync.imap.settings import ImapSettings, Login
    from calendar_sync.imap.sweep import Memory, Place
    from freebusy.ports import Calendar

log = logging.getLogger(__name__)

FIRST_RETRY, LAST_RETRY = 1.0, 60.0
REFUSED_RETRY = 300.0
"""Asking a server that said no any more often looks like guessing passwords."""

MOVED = 5
"""Of so many watchers one is moved at a time: each costs the server a login."""

_CHANGE = re.compile(rb"\* (?:\d+ (?:EXISTS|EXPUNGE|FETCH)|VANISHED)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Watched:
    """A folder to watch, and everybody's calendar that it is."""

    place: Place
    calendars: tuple[Calendar, ...]
    seen_at: Place
    """Where a sweep sees it: for a service login it may have another name."""


def is_change(line: bytes) -> bool:
    """Whether an untagged response says that messages came, went or got other flags."""
    return _CHANGE.match(line) is not None


@dataclass(slots=True)
class Watch:
    """What the threads of one ``watch`` share."""

    settings: ImapSettings
    pool: Pool
    memory: Memory
    changed: Callable[[Calendar], None]
    gate: Gate = field(default_factory=lambda: Gate(Backoff(FIRST_RETRY, LAST_RETRY)))
    over: threading.Event = field(default_factory=threading.Event)
    refusals: dict[Place, SourceRefusedError] = field(default_factory=dict)
    """Why folders cannot be watched."""
    failures: list[Exception] = field(default_factory=list)
    """What ended a thread that should have gone on: a bug, or an error from ``changed``."""

    def report(self, watched: Watched) -> None:
        """Call ``changed`` for everybody whose calendar it is, unless the watch is over."""
        self.memory.changed(watched.place)
        for calendar in watched.calendars:
            if not self.over.is_set():
                self.changed(calendar)


class Watcher:
    """Watches one folder at a time, through any number of connections."""

    def __init__(self, watch: Watch, watched: Watched) -> None:
        self.watched = watched
        """The folder that is watched, or is to be from now on."""
        self.is_connected = False
        self._retired = False
        self._watch = watch
        self._bell = Bell()
        self._begin(watched)

    def _begin(self, watched: Watched) -> None:
        self._current = watched
        self._state: object = self  # what no EXAMINE equals: nothing was seen yet
        self._troubled = False
        self._retry = FIRST_RETRY

    def move(self, watched: Watched) -> None:
        """Watch another folder from now on."""
        self.watched = watched
        self._bell.ring()

    def end(self) -> None:
        """Come to an end."""
        self._retired = True
        self._bell.ring()

    def run(self) -> None:
        """Watch until the end."""
        try:
            while not self._retired:
                if self.watched is not self._current:
                    self._begin(self.watched)
                self._try()
                self._bell.reset()
        except Exception as error:  # noqa: BLE001  # the caller of watch() raises it
            self._watch.failures.append(error)
        finally:
            self._bell.close()

    def _try(self) -> None:
        try:
            with translated(self._watch.settings):
                self._session()
        except (SourceRefusedError, CalendarMissingError) as error:
            if isinstance(error, SourceRefusedError):
                self._watch.refusals[self._current.place] = error
            self._trouble(REFUSED_RETRY)
        except SourceDownError:
            self._unseen()  # the gate says when to come back
        except SourceError:
            self._trouble(LAST_RETRY)

    def _unseen(self) -> None:
        """Have the calendar looked at as soon as it can be: anything may happen meanwhile."""
        if self._state is self:
            self._state = None

    def _trouble(self, longest: float) -> None:
        """Have the calendar looked at, once, and wait, longer each time."""
        if longest == REFUSED_RETRY and not self._troubled:
            self._watch.report(self._current)
            self._troubled = True
        self._unseen()
        self._bell.wait(self._retry * random.uniform(0.5, 1.0))  # noqa: S311  # not a secret
        self._retry = min(self._retry * 2, longest)

    def _session(self) -> None:
        place = self._current.place
        with self._watch.gate.attempt() as may:
            if not may or self._bell.rung:
                return
            connection = self._watch.pool.connect(place.login)
        self.is_connected = True
        try:
            while not self._bell.rung:
                # each time anew: nothing tells a session of Dovecot that its folder was replaced
                self._look(folders.examine(connection, place.folder))
                if connection.can("IDLE"):
                    self._idle(connection)
                else:
                    self._ask(connection)
        finally:
            self.is_connected = False
            connection.drop()

    def _look(self, box: extensions.Examined) -> None:
        """Report what happened while nobody listened, or before anybody did."""
        self._retry, self._troubled = FIRST_RETRY, False
        self._watch.refusals.pop(self._current.place, None)
        known = self._watch.memory.known(self._current.place)
        before = known if self._state is self else self._state
        seen_at_all = self._state is not self or known is not None
        if seen_at_all and before != box and (known is None or differs(known, box)):
            self._watch.report(self._current)
        self._state = box

    def _heard(self, lines: Sequence[bytes]) -> None:
        if any(map(is_change, lines)):
            self._state = None
            self._watch.report(self._current)

    def _ask(self, connection: Connection) -> None:
        """Wait, and have the server say what it knows."""
        self._bell.wait(self._watch.settings.poll_seconds)
        if not self._bell.rung:
            answer = extensions.run(connection.client, b"NOOP", name="NOOP")
            self._heard([response[0] for response in answer])

    def _idle(self, connection: Connection) -> None:
        """IDLE once: until the bell rings, or it is time to say it again."""
        tag = extensions.send(connection.client, b"IDLE")
        sock: Any = connection.client.socket()
        sock.settimeout(0.0)
        lines = Lines(sock)
        end = time.monotonic() + self._watch.settings.idle_seconds
        while (left := end - time.monotonic()) > 0 and not self._bell.rung:
            if self._bell.wait(left, sock):
                self._heard(_untagged(lines.ready(), tag))
        sock.settimeout(self._watch.settings.timeout)
        sock.sendall(b"DONE\r\n")
        if not self._bell.rung:
            self._finish(lines, sock, tag)

    def _finish(self, lines: Lines, sock: socket.socket, tag: bytes) -> None:
        """Read to the end of IDLE's answer."""
        sock.settimeout(0.0)
        end = time.monotonic() + self._watch.settings.timeout
        while (left := end - time.monotonic()) > 0 and not self._bell.rung:
            if self._bell.wait(left, sock):
                came = lines.ready()
                self._heard(came)
                if any(line.startswith(tag + b" ") for line in came):
                    sock.settimeout(self._watch.settings.timeout)
                    return
        if not self._bell.rung:
            raise TimeoutError


def _untagged(lines: list[bytes], tag: bytes) -> list[bytes]:
    """Return lines that are part of an IDLE that goes on."""
    for line in lines:
        if line.startswith((tag + b" ", b"* BYE")):
            raise IMAPClientAbortError("the server ended IDLE")
    return lines


class Watchers:
    """As many watchers as there may be, on the folders that changed most lately."""

    def __init__(self, watch: Watch, watched: Sequence[Watched]) -> None:
        self._watch = watch
        self._all = {each.place: each for each in watched}
        first = watch.memory.latest(self._all, watch.settings.max_watched)
        self._watchers = [Watcher(watch, self._all[place]) for place in first]

    @property
    def places(self) -> set[Place]:
        """Return the folders that have a watcher."""
        return {watcher.watched.place for watcher in self._watchers}

    def threads(self) -> list[threading.Thread]:
        """Return a thread for each, not started."""
        return [
            threading.Thread(target=watcher.run, name=f"imap-idle-{number}", daemon=True)
            for number, watcher in enumerate(self._watchers)
        ]

    def choose(self) -> None:
        """Move watchers from the folders that have been quiet to those that were not."""
        wanted = self._watch.memory.latest(self._all, len(self._watchers))
        held = self.places
        fresh = [place for place in wanted if place not in held]
        keep = set(wanted)
        idle = [watcher for watcher in self._watchers if watcher.watched.place not in keep]
        few = 1 + len(self._watchers) // MOVED
        for watcher, place in zip(idle[:few], fresh, strict=False):
            watcher.move(self._all[place])

    def make_room(self, login: Login) -> None:
        """Give up the connections of a login that the server lets have no more.

        Some are left where that leaves enough for reading; all folders are swept anyway.
        """
        ours = [each for each in self._watchers if each.watched.place.login == login]
        held = [watcher for watcher in ours if watcher.is_connected]
        kept = held[: max(1, len(held) - self._watch.settings.max_connections)]
        leaving = [watcher for watcher in ours if watcher not in kept]
        self._watchers = [watcher for watcher in self._watchers if watcher not in leaving]
        for watcher in leaving:
            watcher.end()
        log.warning(
            "watch login=%s event=limit watched=%d: the mail server allows no more connections",
            login.identity,
            len(kept),
        )

    def end(self) -> None:
        """Call all of them off."""
        for watcher in self._watchers:
            watcher.end()
