"""The use case of making a person's file: look the spans up, render, replace.

No source is asked.  What is written is the last good knowledge, and says so
where it is old.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from freebusy.expanding import expand_further, outgrown
from freebusy.period import from_seconds, to_seconds
from freebusy.vfreebusy import encode, free_busy, same_but_stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from freebusy.expanding import Person, Rules
    from freebusy.locks import Locks
    from freebusy.period import TimeRange
    from freebusy.ports import PublishedFile
    from freebusy.public import PublicDirectory
    from freebusy.store import CalendarState, Store
    from freebusy.worker import Workers

log = logging.getLogger(__name__)

Refreshed = Literal["written", "unchanged", "unknown", "withdrawn"]
"""``unknown``: there is nothing to say yet, and no file; ``withdrawn``: there was one."""


class Publisher:
    """Renders files; safe to use from any thread and beside other processes."""

    def __init__(
        self,
        *,
        store: Store,
        public: PublicDirectory,
        workers: Workers,
        locks: Locks,
        rules: Rules,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._public = public
        self._workers = workers
        self._locks = locks
        self.rules = rules
        self._now = now
        self._spoken: set[str] = set()

    def refresh(self, person: Person) -> Refreshed:
        """Bring a person's file up to date with the store and the clock.

        The file is replaced only when something but DTSTAMP changed.
        """
        span = self.rules.window(person, self._now())
        self._reach(person, span)
        with self._locks.hold(f"{person.name}.lock"):
            states = self._store.calendars(person.name)
            if not states:
                return self._withdraw(person.name)
            before = self._public.read(person.name)
            if self._knows(states):
                self._note_spoken(person.name)
            elif before is None:
                return "unknown"
            elif not self._has_spoken(person.name):
                return "unchanged"
            elif not any(self._tells(state) for state in states):
                return self._withdraw(person.name)
            outcome = self._replace(person, span, states, before)
        if outcome == "written":
            log.info("refresh person=%s outcome=%s", person.name, outcome)
        return outcome

    def withdraw(self, name: str) -> Refreshed:
        """Remove the file of somebody who left."""
        with self._locks.hold(f"{name}.lock"):
            return self._withdraw(name)

    def _note_spoken(self, name: str) -> None:
        """Remember that what this store knows of a person has been enough for a file."""
        if name not in self._spoken:
            self._store.remember(**{f"spoken:{name}": "yes"})
            self._spoken.add(name)

    def _has_spoken(self, name: str) -> bool:
        """Whether a file rests on this store; if not, it says more than the store does.

        That is one that an older state left, and which stays until all is read again.
        """
        return name in self._spoken or self._store.meta(f"spoken:{name}") == "yes"

    def _withdraw(self, name: str) -> Refreshed:
        self._spoken.discard(name)
        if self._store.meta(f"spoken:{name}"):
            self._store.remember(**{f"spoken:{name}": ""})
        if not self._public.remove(name):
            return "unknown"
        log.warning("refresh person=%s outcome=withdrawn", name)
        return "withdrawn"

    def _reach(self, person: Person, span: TimeRange) -> None:
        """Expand further where the window has outgrown what is expanded."""
        if not any(outgrown(person, s, span) for s in self._store.calendars(person.name)):
            return
        with self._locks.hold(f"{person.name}.sync"):
            for state in self._store.calendars(person.name):
                if outgrown(person, state, span):
                    expand_further(self._store, self._workers, person, state, span)

    def _knows(self, states: Sequence[CalendarState]) -> bool:
        """Whether there is anything to say: all own calendars were read, and one held an event.

        DTSTART..DTEND must not claim to know more than the calendars do.  Once there is
        a file it goes on, though: what is known is better shown than frozen.
        """
        if any(state.last_success is None for state in states):
            return False
        return any(self._tells(state) for state in states)

    def _tells(self, state: CalendarState) -> bool:
        """Whether a calendar was read, and is one that its owner keeps."""
        return state.last_success is not None and (state.ever_held or self.rules.untouched_is_free)

    def _as_of(self, states: Sequence[CalendarState]) -> datetime | None:
        """Return the last success of the calendar that has gone longest without, if too long."""
        read = [state.last_success for state in states if state.last_success is not None]
        if not read or to_seconds(self._now()) - min(read) < self.rules.stale_after:
            return None
        return from_seconds(min(read))

    def _replace(
        self,
        person: Person,
        span: TimeRange,
        states: Sequence[CalendarState],
        before: PublishedFile | None,
    ) -> Refreshed:
        made = free_busy(
            organizer=person.organizer,
            uid=f"freebusy-{person.name}",
            stamp=self._now(),
            window=span,
            spans=self._store.spans(person.name, *span.seconds),
            as_of=self._as_of(states),
        )
        body = encode(made, plain=self.rules.plain)
        if before is not None and same_but_stamp(before.body, body):
            return "unchanged"
        self._public.replace(person.name, body)
        return "written"
