"""Writing a page of changes: all its statements, in the caller's transaction."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from freebusy.merging import inside, pack, patch, touched, unpack
from freebusy.migrations import CALENDARS, ITEMS, MERGED, OBJECTS
from freebusy.period import coalesce

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from freebusy.period import Span
    from freebusy.worker import ItemReading, ObjectSpans

MAX_PATCHED = 16
"""Objects that may change together and still be patched into their calendar's merged spans."""


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


def among(column: sa.Column[Any], values: Iterable[Any]) -> sa.ColumnElement[bool]:
    """Return the condition that a column is one of any number of values.

    They go in as one JSON text: an IN list is compiled anew for each number of values.
    """
    listed = sa.func.json_each(json.dumps(list(values))).table_valued("value")
    return column.in_(sa.select(listed.c.value))


def write_page(connection: sa.Connection, calendar: int, page: Page) -> None:
    """Write one page of changes and what it makes of the calendar's merged spans."""
    ranges = _touched(connection, calendar, page)
    if page.gone:
        connection.execute(sa.delete(ITEMS).where(among(ITEMS.c.id, page.gone)))
    _insert_items(connection, calendar, page)
    if page.emptied:
        here = OBJECTS.c.calendar == calendar
        connection.execute(sa.delete(OBJECTS).where(here, among(OBJECTS.c.uid, page.emptied)))
    _upsert_objects(connection, calendar, page.objects)
    _patch(connection, calendar, ranges)
    note(connection, calendar, page.state)


def note(connection: sa.Connection, calendar: int, columns: Mapping[str, Any]) -> None:
    """Change columns of a calendar."""
    if columns:
        connection.execute(sa.update(CALENDARS).where(CALENDARS.c.id == calendar).values(**columns))


def _touched(connection: sa.Connection, calendar: int, page: Page) -> list[tuple[int, int]] | None:
    """Return the time that a page changes; None where it is put together from nothing."""
    uids = [*(thing.uid for thing in page.objects), *page.emptied]
    if len(uids) > MAX_PATCHED:
        return None
    query = sa.select(OBJECTS.c.spans).where(
        OBJECTS.c.calendar == calendar, among(OBJECTS.c.uid, uids)
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


def merge(connection: sa.Connection, calendar: int) -> bytes:
    """Put a calendar's merged spans together from all its objects."""
    rows = connection.execute(sa.select(OBJECTS.c.spans).where(OBJECTS.c.calendar == calendar))
    packed = pack(coalesce(span for (spans,) in rows.fetchall() for span in unpack(spans)))
    statement = insert(MERGED).values(calendar=calendar, spans=packed)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["calendar"], set_={"spans": packed})
    )
    return packed


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
