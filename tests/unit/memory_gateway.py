"""A gateway between calendars in memory and a directory, at whatever time a test says it is."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from calendar_sync.formats import extract
from calendar_sync.memory import MemorySource
from calendar_sync.pages import Limits
from freebusy.busytime import CalendarOwner, Expansion, expand_object
from freebusy.calendarobject import read_object
from freebusy.expanding import Person, Rules
from freebusy.locks import Locks
from freebusy.period import FreeBusyType, clip, coalesce, to_seconds
from freebusy.ports import Owner
from freebusy.public import PublicDirectory
from freebusy.publisher import Publisher
from freebusy.store import Store
from freebusy.syncing import Feed, Syncer
from freebusy.vfreebusy import decode
from freebusy.worker import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from freebusy.busyrecord import BusyRecord
    from freebusy.period import Span
    from freebusy.ports import Calendar, CalendarSource, SourceItem, SyncPage, SyncToken
    from freebusy.publisher import Refreshed
    from freebusy.syncing import Synced

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
ADDRESS = "hans@example.com"
HANS = Owner("hans", ADDRESS)
SMALL_PAGES = Limits(page_items=3)


@cache
def shared_workers() -> Workers:
    """Return one worker for all tests of this process; it ends with it."""
    return Workers(extract, processes=1)


@dataclass
class Clock:
    """The time, as a test says."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **parts: float) -> None:
        """Let time pass."""
        self.now += timedelta(**parts)


class BrokenOffSource:
    """A source whose runs end after so many pages, as if its line had dropped.

    Its tokens are lists of what there was, as those of directories and of servers without
    CONDSTORE are: what came and went since, it never reports gone.
    """

    def __init__(self, source: MemorySource) -> None:
        self.source = source
        self.pages_left: int | None = None
        self.error: Callable[[], Exception] = lambda: RuntimeError("set an error")
        self.tokens: list[SyncToken | None] = []
        self._held: dict[tuple[str, SyncToken | None], frozenset[str]] = {}

    def calendars(self, owner: Owner) -> Sequence[Calendar]:
        return self.source.calendars(owner)

    def sync(self, calendar: Calendar, token: SyncToken | None) -> Iterator[SyncPage]:
        self.tokens.append(token)
        for number, page in enumerate(self.source.sync(calendar, token)):
            if self.pages_left is not None and number >= self.pages_left:
                raise self.error()
            known = self._held.get((calendar.key, token), frozenset())
            if page.token is not None:
                there = frozenset(self.source._calendars[calendar.key].items)
                self._held[calendar.key, page.token] = there
            yield replace(page, gone=[href for href in page.gone if href in known])

    def close(self) -> None:
        self.source.close()


@dataclass
class MemoryGateway:
    """Everything between one source and one state directory, for one person."""

    state: Path
    workers: Workers
    memory: MemorySource
    clock: Clock
    person: Person
    rules: Rules = field(default_factory=Rules)
    source: CalendarSource | None = None

    def __post_init__(self) -> None:
        (self.state / "locks").mkdir(parents=True, exist_ok=True)
        self.public = PublicDirectory(self.state / "public", clock=self._nanoseconds)
        self.store = Store(self.state / "store.db")
        self.feed = Feed("mail", self.source or self.memory)
        self._compose()

    def _nanoseconds(self) -> int:
        return int(self.clock.now.timestamp()) * 1_000_000_000

    def _compose(self) -> None:
        locks = Locks(self.state / "locks")
        self.syncer = Syncer(
            store=self.store, workers=self.workers, locks=locks, rules=self.rules, now=self.clock
        )
        self.publisher = Publisher(
            store=self.store,
            public=self.public,
            workers=self.workers,
            locks=locks,
            rules=self.rules,
            now=self.clock,
        )

    def close(self) -> None:
        self.store.close()

    def change_rules(self, **rules: Any) -> None:
        """Go on under other rules, as after a restart."""
        self.rules = replace(self.rules, **rules)
        self._compose()

    def change_owner(self, **owner: Any) -> None:
        """Go on with another zone or other addresses."""
        self.person = replace(self.person, owner=replace(self.person.owner, **owner))

    def calendar(self, name: str = "Calendar") -> Calendar:
        """Make an empty calendar."""
        return self.memory.add_calendar(HANS, name)

    def sync(self) -> Synced:
        """Sync without rendering."""
        return self.syncer.sync(self.person, self.feed)

    def refresh(self) -> Refreshed:
        """Render without syncing."""
        return self.publisher.refresh(self.person)

    def run(self) -> Synced:
        """Sync and render, as the service does."""
        outcome = self.sync()
        self.refresh()
        return outcome

    @property
    def body(self) -> bytes | None:
        """The file as it is."""
        file = self.public.read("hans")
        return None if file is None else file.body

    @property
    def busy(self) -> list[Span] | None:
        """What the file says; None where there is none."""
        body = self.body
        if body is None:
            return None
        return [period.span for period in decode(body, now=self.clock.now).periods]

    @property
    def as_of(self) -> datetime | None:
        """Up to when the file knows, where it says so."""
        file = self.public.read("hans")
        return None if file is None else file.as_of

    def from_nothing(self, *calendars: Calendar) -> list[Span]:
        """Compute what the file should say from what the calendars hold now."""
        window = self.rules.window(self.person, self.clock.now).seconds
        spans: list[Span] = []
        for calendar in calendars:
            spans += from_nothing(items_of(self.memory, calendar), self.person.owner, window)
        return coalesce(spans)


def items_of(memory: MemorySource, calendar: Calendar) -> list[SourceItem]:
    """Return everything in a calendar."""
    return [item for page in memory.sync(calendar, None) for item in page.items]


def from_nothing(
    items: Iterable[SourceItem], owner: CalendarOwner, window: tuple[int, int]
) -> list[Span]:
    """Compute a calendar's busy time by the pure functions alone."""
    objects: dict[str, list[list[BusyRecord]]] = defaultdict(list)
    for item in sorted(items, key=lambda item: item.order):
        parts: dict[str, list[BusyRecord]] = defaultdict(list)
        for text in extract(item):
            for record in read_object(text).records:
                parts[record.uid].append(record)
        for uid, records in parts.items():
            objects[uid].append(records)
    expansion = Expansion()
    for pieces in objects.values():
        expand_object(pieces, owner, window, expansion)
    return coalesce(clip(expansion.spans, *window))


def person(zone: str = "Europe/Berlin") -> Person:
    return Person("hans", ADDRESS, CalendarOwner(frozenset({ADDRESS}), zone), HANS, ("mail",))


@contextmanager
def memory_gateway(
    state: Path,
    *,
    limits: Limits = SMALL_PAGES,
    workers: Workers | None = None,
    make_source: Callable[[MemorySource], CalendarSource] | None = None,
) -> Iterator[MemoryGateway]:
    """Give a gateway in a state directory, with pages of three items."""
    memory = MemorySource(limits)
    source = make_source(memory) if make_source else None
    made = MemoryGateway(
        state, workers or shared_workers(), memory, Clock(), person(), source=source
    )
    with closing(made):
        yield made


def event(uid: str, start: str, *lines: str, hours: int = 1) -> bytes:
    """Return an object of one event; a start without Z is the owner's local time."""
    return calendar_text(component(uid, start, *lines, hours=hours))


def component(uid: str, start: str, *lines: str, hours: int = 1) -> str:
    text = ["BEGIN:VEVENT", f"UID:{uid}", f"DTSTART:{start}", f"DURATION:PT{hours}H", *lines]
    return "\r\n".join([*text, "END:VEVENT"])


def calendar_text(*components: str) -> bytes:
    return "\r\n".join(
        ["BEGIN:VCALENDAR", "VERSION:2.0", *components, "END:VCALENDAR", ""]
    ).encode()


def span(
    day: int, hour: int, hours: int = 1, kind: int = FreeBusyType.BUSY, month: int = 6
) -> Span:
    """Return an hour or more of 2026, in UTC."""
    start = to_seconds(datetime(2026, month, day, hour, tzinfo=UTC))
    return start, start + hours * 3600, kind
