"""The store: what was read, how far, and what it amounts to (SQLAlchemy Core over SQLite).

Per calendar a sync token; per item its busy records as JSON text; per object (UID)
its spans, packed, expanded to a horizon.  A page of changes is written in one short
transaction, its token with it: a crash repeats work and loses none.  Several
processes may write: BEGIN IMMEDIATE, and ten seconds of patience.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from freebusy.database import open_database
from freebusy.errors import StoreError
from freebusy.merging import inside, pack, patch, touched, unpack
from freebusy.migrations import (
    CALENDARS,
    ITEM_UIDS,
    ITEMS,
    MERGED,
    META,
    OBJECTS,
    check,
    migrate,
)
from freebusy.period import coalesce

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from freebusy.period import Span
    from freebusy.worker import ItemReading, ObjectSpans

MAX_PATCHED = 16
"""Objects that may change together and still be patched into their calendar's merged spans."""
_CHUNK = 500
"""How many values go into one IN list; SQLite's own limit is far higher, memory's is not."""


@dataclass(frozen=True, slots=True)
class CalendarState:
    """What the store knows of one calendar; all times are UTC seconds, None for never."""

    id: int
    person: str
    source: str
    key: str
    name: str
    token: str | None = None
    generation: str | None = None
    run: int = 0
    """Counts the runs that deliver everything."""
    basis: str | None = None
    """For whom, with which options and which zone database the objects were expanded."""
    horizon_start: int | None = None
    horizon_end: int | None = None
    reader: int | None = None
    ever_held: bool = False
    """Whether it ever held an event: an untouched calendar proves nothing."""
    last_attempt: int | None = None
    last_success: int | None = None
    last_change: int | None = None
    error: str | None = None
    doubted_since: int | None = None
    """Since when it has looked empty or gone without proof."""
    doubts: int = 0
    """How often it has looked so by now."""


@dataclass(frozen=True, slots=True)
class Page:
    """What one transaction writes of a calendar."""

    generation: str
    run: int
    items: Sequence[ItemReading]
    gone: Collection[int]
    """Item ids that go, replaced ones among them."""
    objects: Sequence[ObjectSpans]
    emptied: Collection[str]
    """UIDs that no item holds any more."""
    state: Mapping[str, Any]
    """Columns of the calendar that change with it."""


class Store:
    """One state database; safe to use from any thread and beside other processes."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open or create the database; raises StoreError where it cannot be used.

        ``read_only`` is for those who only look: nothing is created and no older schema
        changed under a service that runs.
        """
        self._engine = open_database(path, read_only=read_only)
        try:
            if read_only:
                with self._read() as connection:
                    check(connection)
            else:
                with self._write() as connection:
                    migrate(connection)
        except StoreError:
            self._engine.dispose()
            raise
        except sa.exc.DatabaseError as error:
            self._engine.dispose()
            raise StoreError(f"{path} cannot be used: {error.orig}") from error

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        with self._engine.connect().execution_options(write=True) as connection, connection.begin():
            yield connection

    @contextmanager
    def _read(self) -> Iterator[sa.Connection]:
        with self._engine.connect() as connection, connection.begin():
            yield connection

    # -- calendars

    def calendar(self, person: str, source: str, key: str, name: str) -> CalendarState:
        """Return a calendar's state, noting it as new where it is."""
        found = self._calendars(
            (CALENDARS.c.source == source)
            & (CALENDARS.c.person == person)
            & (CALENDARS.c.key == key)
        )
        if found:
            return found[0]
        with self._write() as connection:
            connection.execute(
                insert(CALENDARS)
                .values(person=person, source=source, key=key, name=name)
                .on_conflict_do_nothing()
            )
        return self.calendar(person, source, key, name)

    def calendars(self, person: str | None = None) -> list[CalendarState]:
        """Return the calendars of a person, or of everybody, by person and name."""
        return self._calendars(sa.true() if person is None else CALENDARS.c.person == person)

    def _calendars(self, where: sa.ColumnElement[bool]) -> list[CalendarState]:
        query = sa.select(CALENDARS).where(where).order_by(CALENDARS.c.person, CALENDARS.c.name)
        with self._read() as connection:
            return [CalendarState(**row) for row in connection.execute(query).mappings()]

    def note(self, calendar: int, **columns: Any) -> None:
        """Change columns of a calendar."""
        with self._write() as connection:
            self._note(connection, calendar, columns)

    def _note(self, connection: sa.Connection, calendar: int, columns: Mapping[str, Any]) -> None:
        if columns:
            connection.execute(
                sa.update(CALENDARS).where(CALENDARS.c.id == calendar).values(**columns)
            )

    def forget(self, calendar: int) -> None:
        """Drop a calendar with all that was read of it."""
        with self._write() as connection:
            connection.execute(sa.delete(CALENDARS).where(CALENDARS.c.id == calendar))

    # -- items and objects

    def item_ids(self, calendar: int, generation: str, hrefs: Collection[str]) -> dict[str, int]:
        """Return the ids of the items of one generation that are known, by href."""
        query = sa.select(ITEMS.c.href, ITEMS.c.id).where(
            ITEMS.c.calendar == calendar, ITEMS.c.generation == generation
        )
        with self._read() as connection:
            return {
                href: number
                for some in _chunks(list(hrefs))
                for href, number in connection.execute(query.where(ITEMS.c.href.in_(some)))
            }

    def outdated(self, calendar: int, generation: str, run: int) -> list[int]:
        """Return the ids of items that a finished fresh run has not delivered."""
        query = sa.select(ITEMS.c.id).where(
            ITEMS.c.calendar == calendar,
            (ITEMS.c.generation != generation) | (ITEMS.c.run < run),
        )
        with self._read() as connection:
            return list(connection.scalars(query))

    def item_count(self, calendar: int) -> int:
        """Return how many items of a calendar are known."""
        query = sa.select(sa.func.count()).where(ITEMS.c.calendar == calendar)
        with self._read() as connection:
            return connection.scalar(query) or 0

    def uids_of(self, items: Collection[int]) -> set[str]:
        """Return the UIDs that these items hold."""
        query = sa.select(ITEM_UIDS.c.uid)
        with self._read() as connection:
            return {
                uid
                for some in _chunks(list(items))
                for uid in connection.scalars(query.where(ITEM_UIDS.c.item.in_(some)))
            }

    def holders(
        self, calendar: int, uids: Collection[str], without: Collection[int] = ()
    ) -> dict[str, list[tuple[int, str]]]:
        """Return ``UID -> [(order, records)]`` of the items that hold them, the newest last."""
        query = (
            sa.select(ITEM_UIDS.c.uid, ITEMS.c.id, ITEMS.c.order, ITEMS.c.records)
            .join(ITEMS, ITEMS.c.id == ITEM_UIDS.c.item)
            .where(ITEM_UIDS.c.calendar == calendar)
            .order_by(ITEMS.c.order, ITEMS.c.id)
        )
        found: dict[str, list[tuple[int, str]]] = {}
        left_out = set(without)
        with self._read() as connection:
            for some in _chunks(list(uids)):
                for uid, item, order, records in connection.execute(
                    query.where(ITEM_UIDS.c.uid.in_(some))
                ):
                    if item not in left_out:
                        found.setdefault(uid, []).append((order, records))
        return found

    def objects_reaching(self, calendar: int, since: int | None) -> list[str]:
        """Return the UIDs of objects with instances after ``since``; of all where it is None."""
        query = sa.select(OBJECTS.c.uid).where(OBJECTS.c.calendar == calendar)
        if since is not None:
            query = query.where(OBJECTS.c.upper.is_(None) | (OBJECTS.c.upper > since))
        with self._read() as connection:
            return list(connection.scalars(query))

    def write(self, calendar: int, page: Page) -> None:
        """Write one page of changes, all or nothing."""
        with self._write() as connection:
            ranges = _touched(connection, calendar, page)
            _delete(connection, ITEMS.c.id, page.gone)
            _insert_items(connection, calendar, page)
            _delete(connection, OBJECTS.c.uid, page.emptied, OBJECTS.c.calendar == calendar)
            _upsert_objects(connection, calendar, page.objects)
            _patch(connection, calendar, ranges)
            self._note(connection, calendar, page.state)

    def spans(self, person: str, start: int, end: int) -> list[Span]:
        """Return the merged spans of a person's calendars that touch ``[start, end)``."""
        query = (
            sa.select(CALENDARS.c.id, MERGED.c.spans)
            .outerjoin(MERGED, MERGED.c.calendar == CALENDARS.c.id)
            .where(CALENDARS.c.person == person)
        )
        with self._read() as connection:
            merged = {row.id: row.spans for row in connection.execute(query)}
        for number in (number for number, packed in merged.items() if packed is None):
            with self._write() as connection:
                merged[number] = _merge(connection, number)
        return [span for packed in merged.values() for span in inside(packed, start, end)]

    # -- what operators see

    def troubles(self, calendar: int) -> list[tuple[str, str, str]]:
        """Return ``(href, UID, reason)`` for all that was skipped or refused."""
        skipped = sa.select(ITEMS.c.href, ITEMS.c.skipped).where(
            ITEMS.c.calendar == calendar, ITEMS.c.skipped != ""
        )
        refused = sa.select(OBJECTS.c.uid, OBJECTS.c.refused).where(
            OBJECTS.c.calendar == calendar, OBJECTS.c.refused.is_not(None)
        )
        with self._read() as connection:
            found = [
                (href, *line.partition("\t")[::2])
                for href, text in connection.execute(skipped)
                for line in text.split("\n")
            ]
            return found + [("", uid, reason) for uid, reason in connection.execute(refused)]

    def notes(self, calendar: int) -> dict[str, int]:
        """Return the sums of what the reader counted."""
        query = sa.select(ITEMS.c.notes).where(ITEMS.c.calendar == calendar, ITEMS.c.notes != "")
        sums: dict[str, int] = {}
        with self._read() as connection:
            for text in connection.scalars(query):
                for part in text.split():
                    name, _, count = part.partition("=")
                    sums[name] = sums.get(name, 0) + int(count)
        return sums

    def meta(self, name: str) -> str | None:
        """Return a remembered value."""
        with self._read() as connection:
            return connection.scalar(sa.select(META.c.value).where(META.c.name == name))

    def remember(self, **values: str) -> None:
        """Remember values by name."""
        upsert = insert(META)
        upsert = upsert.on_conflict_do_update(
            index_elements=["name"], set_={"value": upsert.excluded.value}
        )
        with self._write() as connection:
            connection.execute(upsert, [{"name": k, "value": v} for k, v in values.items()])


def _touched(connection: sa.Connection, calendar: int, page: Page) -> list[tuple[int, int]] | None:
    """Return the time that a page changes; None where it is put together from nothing."""
    uids = [*(thing.uid for thing in page.objects), *page.emptied]
    if len(uids) > MAX_PATCHED:
        return None
    query = sa.select(OBJECTS.c.spans).where(
        OBJECTS.c.calendar == calendar, OBJECTS.c.uid.in_(uids)
    )
    return touched(connection.scalars(query), [thing.spans for thing in page.objects])


_INSIDE = "SELECT spans FROM objects WHERE calendar = ? AND last > ? AND first < ?"


def _patch(connection: sa.Connection, calendar: int, ranges: list[tuple[int, int]] | None) -> None:
    """Bring a calendar's merged spans up to date, or drop them to be made when asked for."""
    if ranges is None:
        connection.execute(sa.delete(MERGED).where(MERGED.c.calendar == calendar))
        return
    merged = connection.scalar(sa.select(MERGED.c.spans).where(MERGED.c.calendar == calendar))
    if merged is None or not ranges:
        return
    found: list[Span] = []
    for start, end in ranges:
        rows = connection.exec_driver_sql(_INSIDE, (calendar, start, end))
        for (packed,) in rows.fetchall():
            found += inside(packed, start, end)
    packed = patch(merged, ranges, found)
    if packed != merged:
        connection.execute(
            sa.update(MERGED).where(MERGED.c.calendar == calendar).values(spans=packed)
        )


def _merge(connection: sa.Connection, calendar: int) -> bytes:
    """Put a calendar's merged spans together from all its objects."""
    rows = connection.execute(sa.select(OBJECTS.c.spans).where(OBJECTS.c.calendar == calendar))
    packed = pack(coalesce(span for (spans,) in rows.fetchall() for span in unpack(spans)))
    statement = insert(MERGED).values(calendar=calendar, spans=packed)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["calendar"], set_={"spans": packed})
    )
    return packed


def _chunks(values: list[Any]) -> Iterator[list[Any]]:
    return (values[at : at + _CHUNK] for at in range(0, len(values), _CHUNK))


def _delete(
    connection: sa.Connection,
    column: sa.Column[Any],
    values: Collection[Any],
    where: sa.ColumnElement[bool] | None = None,
) -> None:
    for some in _chunks(list(values)):
        statement = sa.delete(column.table).where(column.in_(some))
        connection.execute(statement if where is None else statement.where(where))


# The bulk statements go past Core's row handling, which costs twice SQLite's own time.
_INSERT_ITEM = (
    'INSERT INTO items (id, calendar, generation, href, "order", run, records, skipped, notes)'
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_UID = "INSERT INTO item_uids (calendar, item, uid) VALUES (?, ?, ?)"
_UPSERT_OBJECT = (
    "INSERT INTO objects (calendar, uid, first, last, upper, spans, refused)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (calendar, uid) DO UPDATE SET"
    " first = excluded.first, last = excluded.last, upper = excluded.upper,"
    " spans = excluded.spans, refused = excluded.refused"
)


def _insert_items(connection: sa.Connection, calendar: int, page: Page) -> None:
    if not page.items:
        return
    # ids are given here: the write lock is held, so nobody else takes them meanwhile
    highest = connection.scalar(sa.select(sa.func.max(ITEMS.c.id))) or 0
    rows = []
    uids = []
    for number, item in enumerate(page.items, highest + 1):
        skipped = "\n".join(f"{uid}\t{reason}" for uid, reason in item.skipped)
        notes = " ".join(f"{name}={count}" for name, count in item.notes)
        place = (number, calendar, page.generation, item.href, item.order, page.run)
        rows.append((*place, item.records, skipped, notes))
        uids += [(calendar, number, uid) for uid in item.uids]
    connection.exec_driver_sql(_INSERT_ITEM, rows)
    if uids:
        connection.exec_driver_sql(_INSERT_UID, uids)


def _upsert_objects(
    connection: sa.Connection, calendar: int, objects: Sequence[ObjectSpans]
) -> None:
    rows = [
        (
            calendar,
            thing.uid,
            min((span[0] for span in thing.spans), default=None),
            max((span[1] for span in thing.spans), default=None),
            thing.upper,
            pack(thing.spans),
            thing.refused,
        )
        for thing in objects
    ]
    if rows:
        connection.exec_driver_sql(_UPSERT_OBJECT, rows)
