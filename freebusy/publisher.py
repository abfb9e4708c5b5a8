"""The use case of making a person's file: look up, combine, render, replace.

No source is asked.  What is written is the last good knowledge, and says so
where it is old.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal, Protocol

from freebusy.combine import Combination, Knowledge, combine
from freebusy.errors import PreconditionFailedError
from freebusy.expanding import expand_further, outgrown, reached
from freebusy.period import Period, TimeRange, from_seconds, to_seconds
from freebusy.ports import Published
from freebusy.publications import Ledger
from freebusy.vfreebusy import FreeBusy, encode, same_but_stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from freebusy.combine import Publication
    from freebusy.expanding import Person, Rules
    from freebusy.locks import Locks
    from freebusy.metrics import RefreshOutcome
    from freebusy.period import Span
    from freebusy.ports import Precondition, PublishedFile
    from freebusy.publications import Received
    from freebusy.store import CalendarState, Store
    from freebusy.worker import Workers

log = logging.getLogger(__name__)

Refreshed = Literal["written", "unchanged", "unknown", "withdrawn"]
"""``unknown``: there is nothing to say yet, and no file; ``withdrawn``: there was one."""


class PublishedTree(Protocol):
    """Where the files are."""

    def read(self, name: str) -> PublishedFile | None:
        """Return the file as it is now, or None."""

    def replace(self, name: str, body: bytes) -> None:
        """Put ``body`` in the place of the file, whole and on disk when this returns."""

    def remove(self, name: str) -> bool:
        """Remove the file; False where there was none."""


class Publisher:
    """Renders files; safe to use from any thread and beside other processes.

    Without ``workers`` it expands nothing: the window of a file then ends where the
    expanded times end, until a process that syncs has gone further.
    """

    def __init__(
        self,
        *,
        store: Store,
        public: PublishedTree,
        workers: Workers | None,
        locks: Locks,
        rules: Rules,
        now: Callable[[], datetime],
        ledger: Ledger | None = None,
        counted: Callable[[RefreshOutcome], None] | None = None,
    ) -> None:
        """``counted`` hears what became of each file that was made or looked at."""
        self._store = store
        self._public = public
        self._workers = workers
        self._locks = locks
        self._ledger = ledger or Ledger(store)
        self.rules = rules
        self._now = now
        self._counted = counted or _uncounted
        self._spoken: set[str] = set()

    def refresh(self, person: Person) -> Refreshed:
        """Bring a person's file up to date with the store and the clock.

        The file is replaced only when something but DTSTAMP changed.
        """
        try:
            span = self.rules.window(person, self._now())
            self._reach(person, span)
            with self._locks.hold(f"{person.name}.lock"):
                outcome = self._render(person, span)
        except Exception:
            self._counted("failed")
            raise
        return self._tell(person, outcome)

    def publish(
        self, person: Person, received: Received, precondition: Precondition | None = None
    ) -> Published:
        """Put a publication in force and render the file, under one lock.

        Raises PreconditionFailedError where the file is not the one that was meant.
        """
        with self._locks.hold(f"{person.name}.lock"):
            before = self._meant(person, precondition)
            publications = self._ledger.add(person.name, received)
            span = self.rules.window(person, self._now())
            outcome = self._render(person, span, publications)
        self._tell(person, outcome)
        return Published(person.name, created=before is None, served=outcome != "unknown")

    def drop(
        self, person: Person, precondition: Precondition | None = None, *, shared_only: bool
    ) -> bool:
        """Take what was published out of force; False where nothing was."""
        with self._locks.hold(f"{person.name}.lock"):
            self._meant(person, precondition)
            if not self._ledger.end(person.name, self._now(), shared_only=shared_only):
                return False
            outcome = self._render(person, self.rules.window(person, self._now()))
        self._tell(person, outcome)
        return True

    def _meant(self, person: Person, precondition: Precondition | None) -> PublishedFile | None:
        """Return the served file; raises PreconditionFailedError for another than was meant."""
        before = self._public.read(person.name)
        if precondition is not None and not precondition(before):
            raise PreconditionFailedError("the file has changed since you read it")
        return before

    def _tell(self, person: Person, outcome: Refreshed) -> Refreshed:
        self._counted(outcome)
        if outcome == "written":
            log.info("refresh person=%s outcome=%s", person.name, outcome)
        return outcome

    def _render(
        self, person: Person, span: TimeRange, publications: Sequence[Publication] | None = None
    ) -> Refreshed:
        """Make the file of what is known now; the caller holds the NAME's lock.

        ``publications`` are those in force, where the caller has them.
        """
        name, rule = person.name, person.combination
        states = self._store.calendars(name)
        if publications is None:
            publications = self._ledger.in_force(name)
        before = self._public.read(name)
        standing = self._standing(name, states, before)
        own = any(publication.is_own for publication in publications)
        if standing == "waits" and not does_without_calendars(rule, own=own):
            return "unknown" if before is None else "unchanged"
        computed = self._computed(person, span, states) if standing == "tells" else None
        max_age = self.rules.publication_max_age
        known = combine(computed, publications, rule, self._now(), max_age)
        if known is None:
            return self._without(name, states, before)
        self._note_spoken(name)
        return self._replace(person, *known, None if computed is None else self._as_of(states))

    def _standing(
        self, name: str, states: Sequence[CalendarState], before: PublishedFile | None
    ) -> Literal["nothing", "waits", "tells"]:
        """Say whether the calendars have anything to say, or could have when they are read.

        DTSTART..DTEND must not claim to know more than the calendars do.  Once there is
        a file it goes on, though: what is known is better shown than frozen.
        """
        if unread(states) is not None and (before is None or not self._has_spoken(name)):
            return "waits"
        return "tells" if any(self._tells(state) for state in states) else "nothing"

    def _without(
        self, name: str, states: Sequence[CalendarState], before: PublishedFile | None
    ) -> Refreshed:
        """Take the file away, unless it says more than this store ever knew."""
        if states and before is not None and not self._has_spoken(name):
            return "unchanged"
        return self._withdraw(name)

    def _computed(
        self, person: Person, span: TimeRange, states: Sequence[CalendarState]
    ) -> Knowledge | None:
        window = span if self._workers is not None else _reached(span, states)
        if window is None:
            return None
        spans = self._store.spans(person.name, *window.seconds)
        changed = max(state.last_change or 0 for state in states)
        return Knowledge(window, tuple(spans), from_seconds(changed))

    def withdraw(self, name: str) -> Refreshed:
        """Remove the file of somebody who left."""
        with self._locks.hold(f"{name}.lock"):
            outcome = self._withdraw(name)
        self._counted(outcome)
        return outcome

    def _note_spoken(self, name: str) -> None:
        """Remember that what this store knows of a person has been enough for a file."""
        if name not in self._spoken:
            self._store.remember(**{f"spoken:{name}": "yes"})
            self._spoken.add(name)

    def _has_spoken(self, name: str) -> bool:
        """Whether a file rests on this store; if not, it says more than the store does.

        That is one that an older state left, and which stays until all is read again.
        """
        return name in self._spoken or has_spoken(self._store, name)

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
        states = self._store.calendars(person.name)
        if self._workers is None or not any(outgrown(person, state, span) for state in states):
            return
        with self._locks.hold(f"{person.name}.sync"):
            for state in self._store.calendars(person.name):
                if outgrown(person, state, span):
                    expand_further(self._store, self._workers, person, state, span)

    def _tells(self, state: CalendarState) -> bool:
        """Whether a calendar was read, and is one that its owner keeps."""
        if not state.is_own:  # who keeps a paper diary is not free because others are not
            return False
        return state.last_success is not None and (state.ever_held or self.rules.untouched_is_free)

    def _as_of(self, states: Sequence[CalendarState]) -> datetime | None:
        """Return the last success of the calendar that has gone longest without, if too long."""
        read = [state.last_success for state in states if state.last_success is not None]
        if not read or to_seconds(self._now()) - min(read) < self.rules.stale_after:
            return None
        return from_seconds(min(read))

    def _replace(
        self, person: Person, window: TimeRange, spans: Sequence[Span], as_of: datetime | None
    ) -> Refreshed:
        made = FreeBusy(
            organizer=person.organizer,
            uid=f"freebusy-{person.name}",
            stamp=from_seconds(to_seconds(self._now())),
            window=window,
            periods=tuple(Period.from_span(span) for span in spans),
            as_of=as_of,
        )
        body = encode(made, plain=self.rules.plain)
        before = self._public.read(person.name)
        if before is not None and same_but_stamp(before.body, body):
            return "unchanged"
        self._public.replace(person.name, body)
        return "written"


def _uncounted(outcome: RefreshOutcome) -> None:
    """Do nothing: nobody counts."""


def unread(states: Sequence[CalendarState]) -> CalendarState | None:
    """Return the first calendar that is there and was never read, None where all were."""
    return next(
        (state for state in states if state.last_success is None and not state.is_absent), None
    )


def has_spoken(store: Store, name: str) -> bool:
    """Whether what a store knows of a person has been enough for a file."""
    return store.meta(f"spoken:{name}") == "yes"


def does_without_calendars(rule: Combination, *, own: bool) -> bool:
    """Whether a person's own publication, if there is one, is all that the file is made of."""
    return own and rule is Combination.PUBLISHED


def _reached(span: TimeRange, states: Sequence[CalendarState]) -> TimeRange | None:
    """Return what of a window the calendars are expanded for; None where that is nothing."""
    horizons = [horizon for state in states if (horizon := reached(state)) is not None]
    start = max([span.seconds[0], *(horizon[0] for horizon in horizons)])
    end = min([span.seconds[1], *(horizon[1] for horizon in horizons)])
    return TimeRange(from_seconds(start), from_seconds(end)) if start < end else None
