"""What the store holds of the calendar objects at a time: for those who ask why.

Each object has its spans as they count; its items have the records that they come from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from freebusy.merging import inside
from freebusy.migrations import ITEM_UIDS, ITEMS, OBJECTS

if TYPE_CHECKING:
    from freebusy.period import Span
    from freebusy.store import Store


class StoredItem(NamedTuple):
    """One message or file that holds an object."""

    href: str
    records: str
    """Of all its objects, one JSON text a line."""
    notes: tuple[str, ...]
    """What the reader counted: ``zone-disagrees`` and others."""


class StoredObject(NamedTuple):
    """One calendar object, with the items that hold it."""

    uid: str
    spans: tuple[Span, ...]
    """Of the time that was asked for; coalesced."""
    refused: str | None
    """Why not all of it is shown."""
    items: tuple[StoredItem, ...]
    """The oldest first: the newest says what counts."""


def objects_at(store: Store, calendar: int, start: int, end: int) -> list[StoredObject]:
    """Return the objects that have a span in ``[start, end)``, UTC seconds."""
    touching = sa.and_(OBJECTS.c.last > start, OBJECTS.c.first < end)
    found = _objects(store, calendar, touching, start, end)
    return [thing for thing in found if thing.spans]


def refused_near(store: Store, calendar: int, start: int, end: int) -> list[StoredObject]:
    """Return the refused objects that could have more in ``[start, end)`` than is shown."""
    first = sa.or_(OBJECTS.c.first.is_(None), OBJECTS.c.first < end)
    last = sa.or_(OBJECTS.c.upper.is_(None), OBJECTS.c.upper > start)
    return _objects(
        store, calendar, sa.and_(OBJECTS.c.refused.is_not(None), first, last), start, end
    )


def _objects(
    store: Store, calendar: int, condition: sa.ColumnElement[bool], start: int, end: int
) -> list[StoredObject]:
    query = sa.select(OBJECTS.c.uid, OBJECTS.c.spans, OBJECTS.c.refused).where(
        OBJECTS.c.calendar == calendar, condition
    )
    with store.reading() as connection:
        return [
            StoredObject(
                row.uid,
                tuple(inside(row.spans, start, end)),
                row.refused,
                _items(connection, calendar, row.uid),
            )
            for row in connection.execute(query.order_by(OBJECTS.c.first)).all()
        ]


def _items(connection: sa.Connection, calendar: int, uid: str) -> tuple[StoredItem, ...]:
    query = (
        sa.select(ITEMS.c.href, ITEMS.c.records, ITEMS.c.notes)
        .join(ITEM_UIDS, ITEM_UIDS.c.item == ITEMS.c.id)
        .where(ITEM_UIDS.c.calendar == calendar, ITEM_UIDS.c.uid == uid)
        .order_by(ITEMS.c.order, ITEMS.c.id)
    )
    rows = connection.execute(query).all()
    return tuple(StoredItem(row.href, row.records, _names(row.notes)) for row in rows)


def _names(notes: str) -> tuple[str, ...]:
    return tuple(note.partition("=")[0] for note in notes.split())
