"""How things stand: what the store and the published tree say about each person.

Only looks: nothing is created, migrated or asked of a source, so that it can be done at
any time, by anybody who may read the state, beside a service that runs or never ran.
Holds times, counts, NAMEs, UIDs and reasons, never a calendar's text.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from freebusy import gateway
from freebusy.combine import Combination
from freebusy.errors import FreeBusyError, NotFreeBusyError
from freebusy.period import from_seconds
from freebusy.publications import Ledger
from freebusy.publisher import does_without_calendars, has_spoken, unread
from freebusy.store import Store
from freebusy.vfreebusy import decode
from freebusy.wording import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from freebusy.config import Config, Member
    from freebusy.ports import PublishedFile
    from freebusy.publications import Entry
    from freebusy.store import CalendarState


@dataclass(frozen=True, slots=True)
class FileStanding:
    """The published file of a person, and what it says; times are aware UTC."""

    modified: datetime
    as_of: datetime | None
    """Set while the file is stale: up to when it knows."""
    start: datetime | None
    end: datetime | None
    """The window; None where the file cannot be read back."""
    periods: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """An item that was skipped, or a series (``href`` is empty) of which one instance shows."""

    href: str
    uid: str
    reason: str


@dataclass(frozen=True, slots=True)
class CalendarStanding:
    """One calendar: when it was read, what is in it and what was wrong; times are aware UTC."""

    source: str
    name: str
    found: bool
    """False for a source whose calendars could not be listed yet."""
    items: int
    last_attempt: datetime | None
    last_success: datetime | None
    last_change: datetime | None
    ever_held: bool
    error: str | None
    doubted_since: datetime | None
    doubts: int
    troubles: tuple[Trouble, ...]
    notes: Mapping[str, int]

    @property
    def skipped(self) -> list[Trouble]:
        """Return the items, or parts of them, that could not be read."""
        return [trouble for trouble in self.troubles if trouble.href]

    @property
    def refused(self) -> list[Trouble]:
        """Return the series that must not be expanded."""
        return [trouble for trouble in self.troubles if not trouble.href]


@dataclass(frozen=True, slots=True)
class PublicationStanding:
    """A publication in force; times are aware UTC."""

    id: int
    own: bool
    """The person's own, or a delegate's; else one that only adds busy time."""
    received: datetime
    ends: datetime
    """The end of what it covers."""
    account: str
    aged: bool
    """It counts as tentative only, because of its age."""
    over: bool
    """What it covers has passed."""


@dataclass(frozen=True, slots=True)
class PersonStanding:
    """One person of the roster."""

    name: str
    addresses: Sequence[str]
    timezone: str
    sources: Sequence[str]
    file: FileStanding | None
    no_file: str | None
    """Why there is none; one sentence."""
    calendars: Sequence[CalendarStanding]
    publications: Sequence[PublicationStanding]
    waits_for: str | None
    """The calendar that has to be read before anything that was published counts."""


@dataclass(frozen=True, slots=True)
class SourceStanding:
    """One configured source; a run asks it for everybody's changes; times are aware UTC."""

    name: str
    type: str
    last_run: datetime | None
    next_run: datetime | None


@dataclass(frozen=True, slots=True)
class Left:
    """Somebody who is no longer in the roster and of whom records remain."""

    name: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How all things stand."""

    now: datetime
    ran: bool
    """False where no service and no refresh has ever worked on this state."""
    sources: Sequence[SourceStanding]
    persons: Sequence[PersonStanding]
    left: Sequence[Left]


def open_store(config: Config) -> Store | None:
    """Open the store to look at it, or return None where there is none yet."""
    path = config.site.state / "store.db"
    try:
        if not path.stat().st_size:
            return None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FreeBusyError(
            f"the state directory {config.site.state} cannot be read ({error.strerror}):"
            " ask as the gateway's user, or as root"
        ) from error
    return Store(path, read_only=True)


def standing(config: Config, names: Sequence[str], now: datetime) -> Standing:
    """Gather how things stand for these canonical NAMEs; raises StoreError."""
    with ExitStack() as stack:
        store = open_store(config)
        if store is not None:
            stack.callback(store.close)
        states = _by_person(store)
        published = _published(store)
        files = gateway.tree(config)
        return Standing(
            now=now,
            ran=store is not None,
            sources=[_source(store, config, name) for name in config.sources],
            persons=[
                _person(
                    store,
                    config,
                    name,
                    file=files.read(name),
                    states=states.get(name, ()),
                    entries=published.get(name, ()),
                    now=now,
                )
                for name in names
            ],
            left=_left(store, [name for name in states if name not in config.members]),
        )


def _by_person(store: Store | None) -> dict[str, list[CalendarState]]:
    states: dict[str, list[CalendarState]] = {}
    for state in store.calendars() if store is not None else ():
        states.setdefault(state.person, []).append(state)
    return states


def _published(store: Store | None) -> dict[str, list[Entry]]:
    entries: dict[str, list[Entry]] = {}
    for entry in Ledger(store).standing() if store is not None else ():
        entries.setdefault(entry.person, []).append(entry)
    return entries


def _left(store: Store | None, names: Sequence[str]) -> list[Left]:
    return [Left(name, _remembered(store, f"left:{name}")) for name in names]


def _remembered(store: Store | None, name: str) -> datetime | None:
    value = store.meta(name) if store is not None else None
    return from_seconds(int(value)) if value and value.isdecimal() else None


def _source(store: Store | None, config: Config, name: str) -> SourceStanding:
    return SourceStanding(
        name,
        config.sources[name].type,
        _remembered(store, f"last-run:{name}"),
        _remembered(store, f"next-run:{name}"),
    )


def _person(
    store: Store | None,
    config: Config,
    name: str,
    *,
    file: PublishedFile | None,
    states: Sequence[CalendarState],
    entries: Sequence[Entry],
    now: datetime,
) -> PersonStanding:
    member = config.members[name]
    calendars = [_calendar(store, state) for state in states if store is not None]
    return PersonStanding(
        name=member.owner.name,
        addresses=member.addresses,
        timezone=member.timezone,
        sources=member.sources,
        file=None if file is None else _file(file, now),
        no_file=why_no_file(member, calendars) if file is None else None,
        calendars=calendars,
        publications=[_publication(entry, config, states, now) for entry in entries],
        waits_for=awaited(config, store, name, states, entries) if store and entries else None,
    )


def _publication(
    entry: Entry, config: Config, states: Sequence[CalendarState], now: datetime
) -> PublicationStanding:
    received, ends = from_seconds(entry.received), from_seconds(entry.window_end)
    beside = any(state.last_success is not None for state in states)
    return PublicationStanding(
        id=entry.id,
        own=entry.own,
        received=received,
        ends=ends,
        account=safe(entry.account),
        aged=beside and ends > now and received < now - config.publish.publication_max_age,
        over=ends <= now,
    )


def awaited(
    config: Config,
    store: Store,
    name: str,
    states: Sequence[CalendarState],
    entries: Iterable[Entry],
) -> str | None:
    """Return what is read for the first time before anything that was published counts."""
    rule = Combination(config.members[name].combine)
    own = any(entry.own and entry.in_force for entry in entries)
    calendar = unread(states)
    if calendar is None or does_without_calendars(rule, own=own):
        return None
    if has_spoken(store, name) and gateway.tree(config).read(name) is not None:
        return None
    return safe(calendar.name) if calendar.key else f"source {calendar.source}"


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else from_seconds(seconds)


def _calendar(store: Store, state: CalendarState) -> CalendarStanding:
    return CalendarStanding(
        source=state.source,
        name=safe(state.name),
        found=bool(state.key),
        items=store.item_count(state.id),
        last_attempt=_moment(state.last_attempt),
        last_success=_moment(state.last_success),
        last_change=_moment(state.last_change),
        ever_held=state.ever_held,
        error=None if state.error is None else safe(state.error, 500),
        doubted_since=_moment(state.doubted_since),
        doubts=state.doubts,
        troubles=tuple(Trouble(*map(safe, found)) for found in store.troubles(state.id)),
        notes=store.notes(state.id),
    )


def _file(file: PublishedFile, now: datetime) -> FileStanding:
    try:
        found = decode(file.body, now=now)
    except NotFreeBusyError:
        return FileStanding(file.modified, file.as_of, None, None, 0)
    return FileStanding(
        file.modified, file.as_of, found.window.start, found.window.end, len(found.periods)
    )


def why_no_file(member: Member, calendars: Sequence[CalendarStanding]) -> str:
    """Say in one sentence why a person of the roster has no file."""
    if not member.sources:
        return "nothing was published yet, and no source is configured for this person"
    if not calendars:
        return "no calendar was ever read; run the service, or: freebusy refresh"
    unread = [calendar for calendar in calendars if calendar.last_success is None]
    if unread:
        name = unread[0].name if unread[0].found else f"source {unread[0].source}"
        return f"{name} was never read: {unread[0].error or 'its first reading is not finished'}"
    if not any(calendar.ever_held for calendar in calendars):
        return 'no calendar ever held an event (site.untouched_calendar = "unknown")'
    return "it has not been written yet; run the service, or: freebusy refresh"


def origin(entry: Entry) -> str:
    """Say who sent a publication, from where and by what."""
    who = entry.account or ("a trusted network" if entry.address else "nobody who logged in")
    where = f" from {entry.address}" if entry.address else ""
    client = f", {entry.client}" if entry.client else ""
    return safe(f"by {who}{where}, {entry.protocol}{client}")
