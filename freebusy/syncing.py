"""The use case of bringing a person's calendars up to date with their source."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from freebusy.confirming import confirm
from freebusy.errors import CalendarMissingError, SourceError, SourceRefusedError
from freebusy.expanding import basis, expand_further, expanding, outgrown
from freebusy.intake import Run
from freebusy.period import to_seconds
from freebusy.prefetch import ahead
from freebusy.store import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from freebusy.expanding import Person, Rules
    from freebusy.locks import Locks
    from freebusy.metrics import SyncOutcome
    from freebusy.ports import Calendar, CalendarSource
    from freebusy.store import CalendarState, Store
    from freebusy.worker import Workers

log = logging.getLogger(__name__)

UNDISCOVERED = ""
"""The key that stands for a source whose calendars could not be listed yet."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A configured source under its name."""

    name: str
    source: CalendarSource


@dataclass(slots=True)
class Synced:
    """What one sync of a person did."""

    items: int = 0
    """Items that were read."""
    changed: bool = False
    """Whether the person's file may be another one now."""
    errors: list[SourceError] = field(default_factory=list)
    doubtful: bool = False
    """Something looks empty or gone without proof: look again after ``confirm_after``."""
    calendars: tuple[Calendar, ...] | None = None
    """All of the person's calendars there; None where they were not listed."""


def _silent(_done: int, _total: int | None) -> None:
    """Tell nobody."""


def _uncounted(source: str, outcome: SyncOutcome) -> None:
    """Do nothing: nobody counts."""


class Syncer:
    """Reads what changed; safe to use from any thread and beside other processes."""

    def __init__(
        self,
        *,
        store: Store,
        workers: Workers,
        locks: Locks,
        rules: Rules,
        now: Callable[[], datetime],
        counted: Callable[[str, SyncOutcome], None] | None = None,
    ) -> None:
        """``counted`` hears of each calendar that was read, or could not be: its source."""
        self._store = store
        self._workers = workers
        self._locks = locks
        self.rules = rules
        self._now = now
        self._counted = counted or _uncounted

    def sync(
        self,
        person: Person,
        feed: Feed,
        only: Calendar | None = None,
        progress: Callable[[int, int | None], None] = _silent,
    ) -> Synced:
        """Bring a person's calendars, or one of them, up to date with their source.

        What goes wrong with the source is noted, logged and returned, not raised.
        ``progress`` hears of each page: items so far, and items in all of the calendars that
        were begun, where known.
        """
        outcome = Synced()
        with self._locks.hold(f"{person.name}.sync"):
            for calendar in [only] if only else self._discover(person, feed, outcome):
                self._sync_calendar(person, feed, calendar, outcome, progress)
            if only is None and not outcome.errors:
                self._let_go(person, outcome)
        return outcome

    def _let_go(self, person: Person, outcome: Synced) -> None:
        """Forget the calendars of a source that is no longer configured for this person.

        Only once all that now are have been read: until then the old times are what is known.
        """
        states = self._store.calendars(person.name)
        left = [state for state in states if person.sources and state.source not in person.sources]
        if left and all(state.last_success for state in states if state not in left):
            for state in left:
                self._store.forget(state.id)
            outcome.changed = True

    def confirm(self, people: Sequence[Person], feed: Feed, fresh: float) -> set[str]:
        """Note success for those of whom one look proves that nothing happened.

        Returns their names; those without success for ``fresh`` seconds are read in any
        case.  Raises SourceError.
        """
        now = to_seconds(self._now())
        return confirm(self._store, feed.source, feed.name, people, now=now, fresh=fresh)

    def latest(self, source: str) -> dict[tuple[str, str], int]:
        """Return when each calendar of a source changed last, by person and key."""
        return self._store.latest(source)

    def _discover(self, person: Person, feed: Feed, outcome: Synced) -> Sequence[Calendar]:
        """List a person's calendars; one that is no longer listed is doubted."""
        try:
            calendars = feed.source.calendars(person.at_source)
        except SourceError as error:
            for state in self._known(person, feed) or [self._state(person, feed, UNDISCOVERED, "")]:
                self._failed(state, error, outcome)
            return ()
        outcome.calendars = tuple(calendars)
        for calendar in calendars:  # all are noted before the first is read: no half picture
            self._state_of(person, feed, calendar)
        listed = {calendar.key for calendar in calendars}
        for state in self._known(person, feed):
            if state.key == UNDISCOVERED or (state.key not in listed and not state.last_success):
                self._store.forget(state.id)
            elif state.key not in listed:
                self._failed(state, CalendarMissingError("it is no longer listed"), outcome)
        return calendars

    def _state(self, person: Person, feed: Feed, key: str, name: str) -> CalendarState:
        return self._store.calendar(person.name, feed.name, key, name)

    def _state_of(self, person: Person, feed: Feed, calendar: Calendar) -> CalendarState:
        return self._store.calendar(
            person.name,
            feed.name,
            calendar.key,
            calendar.name,
            is_own=calendar.is_own,
            attendees_only=calendar.attendees_only,
        )

    def _known(self, person: Person, feed: Feed) -> list[CalendarState]:
        states = self._store.calendars(person.name)
        return [state for state in states if state.source == feed.name]

    def _sync_calendar(
        self,
        person: Person,
        feed: Feed,
        calendar: Calendar,
        outcome: Synced,
        progress: Callable[[int, int | None], None],
    ) -> None:
        span = self.rules.window(person, self._now())
        state = self._state_of(person, feed, calendar)
        if outgrown(person, state, span):
            expand_further(self._store, self._workers, person, state, span)
            state = self._state_of(person, feed, calendar)
            outcome.changed = True
        task = expanding(person, span, state)
        run = Run(self._store, self._workers, state, task, basis(person))
        before = outcome.items
        try:
            fetched = ahead(feed.source.sync(calendar, run.token))
            for page, batch in ahead(run.readings(fetched)):  # one fetches, one reads, one stores
                if page.token is not None and run.leaves_nothing(page) and not self._sure(state):
                    outcome.doubtful = True
                    self._counted(feed.name, "failed")
                    return
                run.write(page, batch, to_seconds(self._now()))
                outcome.items += len(page.items)
                progress(outcome.items, None if page.total is None else before + page.total)
        except SourceError as error:
            self._failed(state, error, outcome)
        else:
            self._counted(feed.name, "done")
        finally:
            outcome.changed |= run.changed

    def _failed(self, state: CalendarState, error: SourceError, outcome: Synced) -> None:
        """Note a failure: a calendar that is missing is doubted, all others keep their times."""
        outcome.errors.append(error)
        self._counted(state.source, "failed")
        if isinstance(error, CalendarMissingError) and state.last_success is not None:
            if self._sure(state, str(error)):
                log.warning("sync person=%s calendar=%r event=forgotten", state.person, state.name)
                self._store.forget(state.id)
                outcome.changed = True
            else:
                outcome.doubtful = True
            return
        columns: dict[str, Any] = {"last_attempt": to_seconds(self._now()), "error": str(error)}
        if isinstance(error, CalendarMissingError) and state.key == UNDISCOVERED:
            columns["generation"] = ABSENT  # what the person publishes need not wait for it
        self._store.note(state.id, **columns)
        level = logging.ERROR if isinstance(error, SourceRefusedError) else logging.WARNING
        log.log(level, "sync person=%s calendar=%r error=%s", state.person, state.name, error)

    def _sure(self, state: CalendarState, reason: str = "it is suddenly empty") -> bool:
        """Whether a loss without proof has now been seen as often and as long as the site asks."""
        now = to_seconds(self._now())
        since = state.doubted_since or now
        wait = self.rules.confirm_after[-1] if self.rules.confirm_after else 0
        if now - since >= wait and (state.doubts or not wait):
            return True
        doubts = state.doubts + 1
        self._store.note(
            state.id, last_attempt=now, error=reason, doubted_since=since, doubts=doubts
        )
        log.warning("sync person=%s calendar=%r doubt=%s", state.person, state.name, reason)
        return False
