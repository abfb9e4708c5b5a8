"""A calendar source in memory: the simplest example of the contract, for tests and benchmarks.

A calendar keeps its items and a log: href -> number of its last change, in the
order of the changes.  The sync token is ``GENERATION:NUMBER``, and a run walks the
log backwards from its end to that number, so that it costs what changed and not
what the calendar holds (the idea of MODSEQ, RFC 7162 §3.1).
"""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

from calendar_sync.pages import Limits, paged
from freebusy.errors import CalendarMissingError, SourceUnavailableError
from freebusy.ports import ICALENDAR, Calendar, SourceItem, SyncPage, SyncToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from freebusy.ports import Owner

MAX_GONE = 10_000
"""Deletions that a calendar remembers; an older token than the last forgotten one means fresh."""


class _MemoryCalendar:
    """One calendar: its items and the log of what changed; guarded by the source's lock."""

    def __init__(self, generation: int) -> None:
        self.generation = str(generation)
        self.items: dict[str, SourceItem] = {}
        self.changes = 0
        self._log: dict[str, int] = {}
        self._gone: dict[str, None] = {}
        self._forgotten = 0

    @property
    def token(self) -> SyncToken:
        return SyncToken(f"{self.generation}:{self.changes}")

    def note(self, href: str, item: SourceItem | None) -> None:
        """Record a new state of ``href``; None is its deletion."""
        self.changes += 1
        self._log.pop(href, None)
        self._log[href] = self.changes
        self._gone.pop(href, None)
        if item is not None:
            self.items[href] = item
        elif self.items.pop(href, None) is not None:
            self._gone[href] = None
            self._forget()

    def _forget(self) -> None:
        while len(self._gone) > MAX_GONE:
            href = next(iter(self._gone))
            del self._gone[href]
            self._forgotten = max(self._forgotten, self._log.pop(href))

    def position(self, token: SyncToken | None) -> int | None:
        """Return the number a token stands for; None where it is no token of this generation."""
        generation, _, number = (token or "").partition(":")
        if generation != self.generation or not (number.isascii() and number.isdigit()):
            return None
        if len(number) > len(str(self.changes)):
            return None
        return int(number) if self._forgotten <= int(number) <= self.changes else None

    def since(self, position: int) -> tuple[list[SourceItem], list[str]]:
        """Return what is new and what is gone after the change of this number."""
        hrefs = list(itertools.takewhile(lambda h: self._log[h] > position, reversed(self._log)))
        hrefs.reverse()
        items = [self.items[href] for href in hrefs if href in self.items]
        return items, [href for href in hrefs if href not in self.items]


class MemorySource:
    """Calendars held in memory; safe to use from any number of threads."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._calendars: dict[str, _MemoryCalendar] = {}
        self._handles: dict[str, list[Calendar]] = {}
        self._generations = itertools.count(1)
        self._hrefs = itertools.count(1)
        self._orders = itertools.count(1)
        self._changed = threading.Condition()
        self.offline = False
        """While set, everything that reads raises SourceUnavailableError."""

    # what a test or a benchmark does to it

    def add_calendar(self, owner: Owner, name: str = "Calendar") -> Calendar:
        """Make an empty calendar, in place of one of the same owner and name."""
        calendar = Calendar(f"{owner.name}/{name}", owner, name)
        with self._changed:
            handles = self._handles.setdefault(owner.name, [])
            if calendar not in handles:
                handles.append(calendar)
            self._calendars[calendar.key] = _MemoryCalendar(next(self._generations))
            self._changed.notify_all()
        return calendar

    def remove_calendar(self, calendar: Calendar) -> None:
        """Take a calendar away with all that is in it."""
        with self._changed:
            self._calendars.pop(calendar.key, None)
            self._handles[calendar.owner.name].remove(calendar)
            self._changed.notify_all()

    def put(
        self, calendar: Calendar, body: bytes, *, href: str | None = None, media: str = ICALENDAR
    ) -> str:
        """Store an item, new or in place of the one at ``href``, and return its href."""
        with self._changed:
            href = href or f"{next(self._hrefs)}.ics"
            item = self._item(href, media, body)
            self._held(calendar).note(href, item)
            self._changed.notify_all()
        return href

    def delete(self, calendar: Calendar, href: str) -> None:
        """Take an item away."""
        with self._changed:
            self._held(calendar).note(href, None)
            self._changed.notify_all()

    def _item(self, href: str, media: str, body: bytes) -> SourceItem:
        return SourceItem(href, next(self._orders), media, *self._limits.cut(body))

    # CalendarSource

    def calendars(self, owner: Owner) -> Sequence[Calendar]:
        """Return the owner's calendars; CalendarMissingError where there is none."""
        with self._changed:
            self._reach()
            handles = self._handles.get(owner.name)
            if not handles:
                raise CalendarMissingError("no calendar for this person")
            return tuple(handles)

    def sync(self, calendar: Calendar, token: SyncToken | None) -> Iterator[SyncPage]:
        """Yield what changed since ``token``, as it was when the first page is asked for."""
        with self._changed:
            held = self._held(calendar)
            generation, following = held.generation, held.token
            position = held.position(token)
            fresh = position is None
            items, gone = (list(held.items.values()), []) if fresh else held.since(position or 0)
        for page, last in paged(items, self._limits):
            yield SyncPage(
                generation=generation,
                items=page,
                gone=gone if last else (),
                fresh=fresh,
                total=len(items),
                token=following if last else None,
            )

    def close(self) -> None:
        """Do nothing: there are no connections."""

    def _reach(self) -> None:
        if self.offline:
            raise SourceUnavailableError("the source is offline")

    def _held(self, calendar: Calendar) -> _MemoryCalendar:
        self._reach()
        held = self._calendars.get(calendar.key)
        if held is None:
            raise CalendarMissingError("the calendar is not there")
        return held

    # WatchableSource

    def watch(
        self,
        calendars: Sequence[Calendar],
        changed: Callable[[Calendar], None],
        stop: threading.Event,
    ) -> None:
        """Call ``changed`` for each calendar whose token moved, until ``stop`` is set."""
        with self._changed:
            seen = self._states(calendars)
        while not stop.is_set():
            with self._changed:
                now = self._states(calendars)
                if now == seen:
                    self._changed.wait(0.2)  # stop is an Event: nothing notifies us of it
            for calendar in calendars:
                if now[calendar.key] != seen[calendar.key]:
                    changed(calendar)
            seen = now

    def _states(self, calendars: Sequence[Calendar]) -> dict[str, SyncToken | None]:
        held = {calendar.key: self._calendars.get(calendar.key) for calendar in calendars}
        return {key: each.token if each else None for key, each in held.items()}
