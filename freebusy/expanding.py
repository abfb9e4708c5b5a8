"""How far, for whom and on what basis calendar objects are expanded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from freebusy.combine import Combination
from freebusy.pagewriting import Page
from freebusy.window import horizon, window
from freebusy.worker import Expanding
from freebusy.zones import database_version

if TYPE_CHECKING:
    from datetime import datetime

    from freebusy.busytime import CalendarOwner
    from freebusy.period import TimeRange
    from freebusy.ports import Owner
    from freebusy.store import CalendarState, Store
    from freebusy.worker import Workers

EXPANDER_VERSION = 2
"""Changes whenever the same records would give other spans: all is then expanded anew."""
BATCH = 500
"""Objects that are expanded in one call of a worker."""


@dataclass(frozen=True, slots=True)
class Person:
    """One person of the roster, as syncing and publishing need one."""

    name: str
    """The canonical NAME."""
    organizer: str
    """The main address: ORGANIZER of the file."""
    owner: CalendarOwner
    at_source: Owner
    """The same person as a calendar source knows one."""
    sources: tuple[str, ...] = ()
    """The names of the configured sources that hold this person's calendars."""
    combination: Combination = Combination.UNION
    """How the person's own publication and the computed times become one file."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The site's rules for syncing and publishing; times in seconds."""

    past_days: int = 7
    months: int = 6
    stale_after: float = 3600
    confirm_after: tuple[float, ...] = (120, 600)
    untouched_is_free: bool = False
    plain: bool = False
    publication_max_age: timedelta = timedelta(days=30)
    """After which a publication counts as tentative, beside calendars."""

    def window(self, person: Person, now: datetime) -> TimeRange:
        """Return the window of a person's file."""
        zone = person.owner.zone
        return window(now, zone, past_days=self.past_days, months=self.months)


def reached(state: CalendarState) -> tuple[int, int] | None:
    """Return how far a calendar's objects are expanded; None where nothing was read yet."""
    if state.horizon_start is None or state.horizon_end is None:
        return None
    return state.horizon_start, state.horizon_end


def expanding(person: Person, span: TimeRange, state: CalendarState | None = None) -> Expanding:
    """Return for whom and how far a person's objects are expanded when the window is ``span``.

    With ``state``, as far as those that the calendar holds already: were a new one to
    fall short of them, a window that grows again would find it missing.
    """
    kept = None if state is None else reached(state)
    return Expanding(_owner(person, state), kept or horizon(span), span.seconds)


def _owner(person: Person, state: CalendarState | None) -> CalendarOwner:
    if state is None or not state.attendees_only:
        return person.owner
    return replace(person.owner, attendees_only=True)


def basis(person: Person) -> str:
    """Return all beside records and horizon that spans depend on, as one text."""
    owner = person.owner
    counted = f"{int(owner.needs_action)}{int(owner.working_elsewhere)}"
    versions = f"{database_version()} {EXPANDER_VERSION}"
    return f"{owner.zone} {','.join(sorted(owner.addresses))} {counted} {versions}"


def outgrown(person: Person, state: CalendarState, span: TimeRange) -> bool:
    """Whether a calendar's spans do not reach over the window, or rest on another basis."""
    kept = reached(state)
    if kept is None:
        return False
    start, end = span.seconds
    return state.basis != basis(person) or not (kept[0] <= start and end <= kept[1])


def expand_further(
    store: Store, workers: Workers, person: Person, state: CalendarState, span: TimeRange
) -> None:
    """Expand a calendar's objects from their records as far as the window now asks.

    The caller holds the person's sync lock.  Where only the end moved, only objects
    that reach beyond the old one are touched.
    """
    start, end = horizon(span)
    task = Expanding(_owner(person, state), (start, end), span.seconds)
    only_longer = (
        state.basis == basis(person)
        and state.horizon_start is not None
        and state.horizon_start <= start
    )
    uids = store.objects_reaching(state.id, state.horizon_end if only_longer else None)
    for at in range(0, len(uids), BATCH):
        holders = store.holders(state.id, uids[at : at + BATCH])
        objects = [(uid, [text for _, text in texts]) for uid, texts in holders.items()]
        spans = workers.expand(objects, task)
        store.write(state.id, Page(state.generation or "", state.run, (), (), spans, (), {}))
    store.note(state.id, basis=basis(person), horizon_start=start, horizon_end=end)
