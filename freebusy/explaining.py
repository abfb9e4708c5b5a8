"""Why somebody is busy: the items and publications behind the times in a file.

Only looks, as :mod:`freebusy.standing` does.  Nothing but times, UIDs and the names of
items is stored, so that nothing else can be told.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from freebusy import gateway
from freebusy.busytime import Expansion, expand_object
from freebusy.combine import Combination, is_aged
from freebusy.cputime import limited
from freebusy.errors import BudgetExceededError, NotFreeBusyError
from freebusy.expanding import expanding
from freebusy.period import FreeBusyType, TimeRange, clip, from_seconds, to_seconds
from freebusy.publications import Ledger
from freebusy.standing import open_store
from freebusy.storedobjects import objects_at, refused_near
from freebusy.values import DAY
from freebusy.vfreebusy import decode
from freebusy.worker import records_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from freebusy.combine import Publication
    from freebusy.config import Config
    from freebusy.expanding import Person
    from freebusy.period import Span
    from freebusy.ports import PublishedFile
    from freebusy.publications import Entry
    from freebusy.store import CalendarState, Store
    from freebusy.storedobjects import StoredObject

_CPU = 0.5
"""Seconds for telling an object's instances apart."""
_AROUND = 62 * DAY
"""An instance is shown with its own times unless it is longer than this."""
_TOLD = {"zone-disagrees", "unknown-zone", "cut-off"}

Overruled = Literal["", "newest", "published", "computed"]
"""The rule by which something does not count; empty where it does."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A calendar object that has busy time at the time in question."""

    source: str
    calendar: str
    hrefs: tuple[str, ...]
    """The items that hold it (IMAP UIDs, file names), the one that counts first."""
    uid: str
    spans: tuple[Span, ...]
    """The instances, whole."""
    is_series: bool
    refused: str | None
    notes: tuple[str, ...]
    """``zone-disagrees``, ``unknown-zone``, ``cut-off``."""
    is_own: bool = True
    """Whether the calendar is the person's own; else one that others share."""
    attendees_only: bool = False
    """Of the calendar those events count to which the person is invited."""
    overruled: Overruled = ""


@dataclass(frozen=True, slots=True)
class PublishedCause:
    """A publication in force that has busy time then."""

    entry: Entry
    spans: tuple[Span, ...]
    is_aged: bool
    """It counts as tentative only, beside calendars."""
    overruled: Overruled = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A series of which more could lie there than is shown."""

    source: str
    calendar: str
    hrefs: tuple[str, ...]
    uid: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unsure:
    """A calendar that could not be read when it was last tried."""

    source: str
    calendar: str
    error: str
    last_success: int | None


@dataclass(frozen=True, slots=True)
class FileSays:
    """What the published file says of the time in question."""

    modified: datetime
    as_of: datetime | None
    spans: tuple[Span, ...]
    is_inside: bool
    """Whether the time lies in the file's window: outside it says nothing, which is not free."""


@dataclass(slots=True)
class Explanation:
    """Why somebody is busy, or not, at a time."""

    name: str
    start: int
    end: int
    """UTC seconds, half-open."""
    file: FileSays | None = None
    causes: list[Cause] = field(default_factory=list)
    published: list[PublishedCause] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    unsure: list[Unsure] = field(default_factory=list)

    @property
    def is_explained(self) -> bool:
        """Whether something that counts covers each busy span of the file."""
        counting: list[Cause | PublishedCause] = [*self.causes, *self.published]
        known = [span for cause in counting if not cause.overruled for span in cause.spans]
        said = () if self.file is None else self.file.spans
        return all(any(s < end and e > start for s, e, _ in known) for start, end, _ in said)


def explain(config: Config, name: str, span: tuple[int, int], now: datetime) -> Explanation:
    """Gather what makes a person busy in ``[start, end)``, UTC seconds; raises StoreError."""
    start, end = span
    found = Explanation(name, start, end)
    file = gateway.tree(config).read(name)
    if file is not None:
        found.file = _file(file, span, now)
    store = open_store(config)
    if store is None:
        return found
    with closing(store):
        person = gateway.person(name, config.members[name], config)
        states = store.calendars(name)
        for state in states:
            _look_at(store, state, person, found)
        _add_published(store, config, person, found, now)
        _overrule(config, person, states, Ledger(store).in_force(name), found, now)
    return found


def _file(file: PublishedFile, span: tuple[int, int], now: datetime) -> FileSays | None:
    try:
        made = decode(file.body, now=now)
    except NotFreeBusyError:
        return None
    first, last = made.window.seconds
    spans = tuple(clip((period.span for period in made.periods), *span))
    return FileSays(file.modified, file.as_of, spans, first <= span[0] and span[1] <= last)


# -- calendars


def _look_at(store: Store, state: CalendarState, person: Person, found: Explanation) -> None:
    place = state.source, state.name
    for thing in objects_at(store, state.id, found.start, found.end):
        found.causes.append(_cause(state, thing, person, found))
    shown = {cause.uid for cause in found.causes if (cause.source, cause.calendar) == place}
    for thing in refused_near(store, state.id, found.start, found.end):
        if thing.uid not in shown and _begins_before(thing, found.end):
            hrefs = tuple(item.href for item in reversed(thing.items))
            found.refused.append(Refused(*place, hrefs, thing.uid, thing.refused or ""))
    if state.error is not None:
        found.unsure.append(Unsure(*place, state.error, state.last_success))


def _begins_before(thing: StoredObject, end: int) -> bool:
    """Whether anything of an object can lie before a moment, in whatever zone it is."""
    records = (record for item in thing.items for record in records_of(item.records, thing.uid))
    starts = [record.start.local for record in records if record.start is not None]
    return not starts or min(starts) < end + DAY


def _cause(state: CalendarState, thing: StoredObject, person: Person, found: Explanation) -> Cause:
    parts = [records_of(item.records, thing.uid) for item in thing.items]
    notes = {note for item in thing.items for note in item.notes}
    return Cause(
        state.source,
        state.name,
        hrefs=tuple(item.href for item in reversed(thing.items)),
        uid=thing.uid,
        spans=_instances(thing, person, state, found),
        is_series=any(record.recurring for part in parts for record in part),
        refused=thing.refused,
        notes=tuple(sorted(notes & _TOLD)),
        is_own=state.is_own,
        attendees_only=state.attendees_only,
    )


def _instances(
    thing: StoredObject, person: Person, state: CalendarState, found: Explanation
) -> tuple[Span, ...]:
    """Return the instances apart from one another: stored spans that touch have become one."""
    parts = [records_of(item.records, thing.uid) for item in thing.items]
    around = found.start - _AROUND, found.end + _AROUND
    asked = TimeRange(from_seconds(found.start), from_seconds(found.end))
    owner = expanding(person, asked, state).owner

    def expanded() -> list[Span]:
        expansion = Expansion()
        expand_object(parts, owner, around, expansion)
        return expansion.spans

    try:
        instances = limited(_CPU, expanded)
    except BudgetExceededError:
        return thing.spans
    spans = tuple(
        sorted({span for span in instances if span[0] < found.end and span[1] > found.start})
    )
    return spans or thing.spans


# -- publications


def _add_published(
    store: Store, config: Config, person: Person, found: Explanation, now: datetime
) -> None:
    ledger = Ledger(store)
    entries = {e.own: e for e in reversed(ledger.history(person.name)) if e.in_force}
    for publication in ledger.in_force(person.name):
        spans = tuple(_touching(publication.knowledge.spans, found))
        entry = entries.get(publication.is_own)
        if spans and entry is not None:
            aged = is_aged(publication, now, config.publish.publication_max_age)
            found.published.append(PublishedCause(entry, spans, aged))


def _touching(spans: Sequence[Span], found: Explanation) -> Iterator[Span]:
    return (span for span in spans if span[0] < found.end and span[1] > found.start)


# -- which of them counts


def _overrule(
    config: Config,
    person: Person,
    states: Sequence[CalendarState],
    publications: Sequence[Publication],
    found: Explanation,
    now: datetime,
) -> None:
    """Mark what does not count, as freebusy.combine decides."""
    rule = person.combination
    if rule is Combination.COMPUTED:
        found.published = [replace(each, overruled=rule.value) for each in found.published]
        return
    own = next((each for each in publications if each.is_own), None)
    if own is None or rule is Combination.UNION or not found.causes:
        return
    if is_aged(own, now, config.publish.publication_max_age) or own.knowledge.window.end <= now:
        return
    changed = max((state.last_change or 0 for state in states), default=0)
    if rule is Combination.NEWEST and changed >= to_seconds(own.knowledge.changed):
        found.published = [
            replace(each, overruled=rule.value) if each.entry.own else each
            for each in found.published
        ]
        return
    first, last = own.knowledge.window.seconds
    found.causes = [
        replace(each, overruled=rule.value)
        if all(first <= start and end <= last for start, end, _ in each.spans)
        else each
        for each in found.causes
    ]


def word(state: int) -> str:
    """Return a type as files have it: ``BUSY``, ``BUSY-TENTATIVE``, ``BUSY-UNAVAILABLE``."""
    return FreeBusyType(state).fbtype
