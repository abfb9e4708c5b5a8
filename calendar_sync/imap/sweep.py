"""Looking at all folders of a login at once: what changed, what is new and what is gone.

One LIST that returns STATUS tells it (RFC 5819); where the server has none, one LIST of
names and a STATUS for each folder that matters, sent without waiting for each answer.
What a look found is compared with what was read (:class:`Memory`), not with what was
found the last time: so nothing is lost between a reading and a look.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from calendar_sync.imap import status
from calendar_sync.imap.connection import translated
from calendar_sync.imap.namespaces import namespaces

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from calendar_sync.imap.connection import Connection
    from calendar_sync.imap.extensions import Examined
    from calendar_sync.imap.pool import Pool
    from calendar_sync.imap.settings import ImapSettings, Login
    from calendar_sync.imap.status import States


class Place(NamedTuple):
    """A folder as one login names it."""

    login: Login
    folder: str


def differs(known: Examined | None, found: Examined | None) -> bool:
    """Whether two looks at a mailbox saw different things.

    Modification sequences count only where both have one: a server may tell them in
    STATUS and not in EXAMINE.
    """
    if known is None or found is None:
        return known is not found
    if known.highestmodseq is None or found.highestmodseq is None:
        known = replace(known, highestmodseq=found.highestmodseq)
        found = replace(found, highestmodseq=known.highestmodseq)
    return known != found


class Memory:
    """What was read of which folder, and when each changed; safe from any thread.

    Each entry is replaced whole, so that readers need no lock.
    """

    def __init__(self) -> None:
        self._read: dict[Place, Examined] = {}
        self._changed: dict[Place, float] = {}

    def read(self, place: Place, box: Examined) -> None:
        """Note that a folder was read as it is in ``box``."""
        if differs(self._read.get(place), box):
            self._changed[place] = time.monotonic()
        self._read[place] = box

    def known(self, place: Place) -> Examined | None:
        """Return the state in which a folder was read last; None where it never was."""
        return self._read.get(place)

    def forget(self, place: Place) -> None:
        """Take a folder for one that was never read: it went, or reading it failed."""
        self._read.pop(place, None)

    def changed(self, place: Place) -> None:
        """Note that a folder changed just now."""
        self._changed[place] = time.monotonic()

    def latest(self, places: Iterable[Place], count: int) -> list[Place]:
        """Return the folders that changed most lately; of those that did not, the first."""
        ranked = sorted(places, key=lambda place: -self._changed.get(place, 0.0))
        return ranked[:count]


@dataclass(frozen=True, slots=True)
class View:
    """All folders that a login sees, at one moment."""

    states: States
    seconds: float
    """How long it took to see them."""
    news: frozenset[str] | None
    """Which are new, and which are gone, since the look before; None where there was none."""


@dataclass(slots=True)
class Sweeps:
    """Looks through the pool's connections; safe from any thread."""

    settings: ImapSettings
    pool: Pool
    _patterns: dict[Login, tuple[str, ...]] = field(default_factory=dict)
    _names: dict[Login, frozenset[str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self, login: Login, wanted: Collection[str]) -> View:
        """Return what a login sees, with the state of at least the wanted folders.

        Raises SourceError.
        """
        start = time.monotonic()
        with (
            translated(self.settings),
            self.pool.use(login, lambda c: self._states(c, wanted)) as (_, states),
        ):
            return View(states, time.monotonic() - start, self._news(login, states))

    def _news(self, login: Login, states: States) -> frozenset[str] | None:
        """Return how the names differ from those before, which these replace."""
        names = frozenset(states)
        with self._lock:
            before = self._names.get(login)
            self._names[login] = names
        return None if before is None else names ^ before

    def _states(self, connection: Connection, wanted: Collection[str]) -> States:
        if not connection.can("LIST-STATUS"):
            return _one_by_one(connection, wanted)
        known = self._patterns.get(connection.login, ("*",))
        states = _list_status(connection, known)
        if known == ("*",) and not all(name in states for name in wanted):
            known = (*known, *_hidden(connection, states))
            if len(known) > 1:
                self._patterns[connection.login] = known
                states = _list_status(connection, known)
        return states


def _list_status(connection: Connection, patterns: Sequence[str]) -> States:
    found = status.list_status(connection.client, patterns, condstore=connection.condstore)
    return status.collect(found)


def _hidden(connection: Connection, states: States) -> Iterator[str]:
    """Yield patterns of namespaces that ``*`` does not reach (Dovecot's ``list = no``)."""
    for _, space in namespaces(connection).all():
        if space.prefix and not any(map(space.holds, states)):
            yield space.pattern


def _one_by_one(connection: Connection, wanted: Collection[str]) -> States:
    """Return the names that are there and the states of the wanted ones."""
    states = status.list_names(connection.client, "*")
    states |= status.statuses(connection.client, sorted(wanted), condstore=connection.condstore)
    return states
