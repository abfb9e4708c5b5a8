"""The store: what was read, how far, and what it amounts to (SQLAlchemy Core over SQLite).

Per calendar a sync token; per item its busy records as JSON text; per object (UID)
its spans, packed, expanded to a horizon.  A page of changes is written in one short
transaction, its token with it: a crash repeats work and loses none.  Several
processes may write: BEGIN IMMEDIATE, and ten seconds of patience.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from freebusy.database import open_database, transaction
from freebusy.errors import StoreError
from freebusy.merging import inside
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
from freebusy.pagewriting import Page, among, merge, note, write_page

if TYPE_CHECKING:
    from collections.abc import Collection
    from contextlib import AbstractContextManager
    from pathlib import Path

    from freebusy.period import Span


ABSENT = "absent"
"""The generation of what stands for a calendar where the source has none."""

_EVERYBODYS = sa.select(CALENDARS).order_by(CALENDARS.c.person, CALENDARS.c.name)
_CALENDARS_OF = _EVERYBODYS.where(CALENDARS.c.person == sa.bindparam("person"))
"""Built once, as every upload asks it: building costs several times what running does."""


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
    is_own: bool = True
    """Whether it says something of the person's free time, and not only of busy time."""
    attendees_only: bool = False
    """Only events count to which the person is invited."""

    @property
    def is_absent(self) -> bool:
        """Whether it stands for a source that answered and never had a calendar for the person."""
        return self.generation == ABSENT and self.last_success is None


class Store:
    """One state database; safe to use from any thread and beside other processes.

    Every method raises StoreError where the database cannot be used: a full disk, a lock
    that is held for longer than anybody's patience.
    """

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
        except StoreError as error:
            self._engine.dispose()
            raise StoreError(f"{path}: {error}") from error

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def writing(self, *, durable: bool = False) -> AbstractContextManager[sa.Connection]:
        """Begin a transaction that writes, for the ledgers that share this database.

        A ``durable`` one survives a power cut once it is committed: what a client was told
        is stored.  Calendars can be read again, so that the others need not wait for that.
        """
        return transaction(self._engine, write=True, durable=durable)

    def reading(self) -> AbstractContextManager[sa.Connection]:
        """Begin a transaction that only reads."""
        return transaction(self._engine)

    _write, _read = writing, reading

    # -- calendars

    def calendar(
        self,
        person: str,
        source: str,
        key: str,
        name: str,
        *,
        is_own: bool = True,
        attendees_only: bool = False,
    ) -> CalendarState:
        """Return a calendar's state, noting it as new where it is."""
        found = self._calendars(
            _CALENDARS_OF.where(CALENDARS.c.source == source, CALENDARS.c.key == key),
            person=person,
        )
        kind = {"is_own": is_own, "attendees_only": attendees_only}
        if not found:
            with self._write() as connection:
                connection.execute(
                    insert(CALENDARS)
                    .values(person=person, source=source, key=key, name=name, **kind)
                    .on_conflict_do_nothing()
                )
        elif (found[0].is_own, found[0].attendees_only) == (is_own, attendees_only):
            return found[0]
        else:
            self.note(found[0].id, **kind)
        return self.calendar(
            person, source, key, name, is_own=is_own, attendees_only=attendees_only
        )

    def calendars(self, person: str | None = None) -> list[CalendarState]:
        """Return the calendars of a person, or of everybody, by person and name."""
        if person is None:
            return self._calendars(_EVERYBODYS)
        return self._calendars(_CALENDARS_OF, person=person)

    def _calendars(self, query: sa.Select[Any], **values: str) -> list[CalendarState]:
        with self._read() as connection:
            return [CalendarState(**row) for row in connection.execute(query, values).mappings()]

    def note(self, calendar: int, **columns: Any) -> None:
        """Change columns of a calendar."""
        with self._write() as connection:
            note(connection, calendar, columns)

    def confirm(self, calendars: Collection[int], now: int) -> None:
        """Note of many calendars at once that they are as they were."""
        if not calendars:
            return
        update = sa.update(CALENDARS).where(among(CALENDARS.c.id, calendars))
        with self._write() as connection:
            connection.execute(update.values(last_attempt=now, last_success=now))

    def latest(self, source: str) -> dict[tuple[str, str], int]:
        """Return when each calendar of a source changed last, by person and key."""
        columns = CALENDARS.c.person, CALENDARS.c.key, CALENDARS.c.last_change
        query = sa.select(*columns).where(CALENDARS.c.source == source)
        with self._read() as connection:
            return {
                (person, key): changed
                for person, key, changed in connection.execute(query)
                if changed is not None
            }

    def forget(self, calendar: int) -> None:
        """Drop a calendar with all that was read of it."""
        with self._write() as connection:
            connection.execute(sa.delete(CALENDARS).where(CALENDARS.c.id == calendar))

    # -- items and objects

    def item_ids(self, calendar: int, generation: str, hrefs: Collection[str]) -> dict[str, int]:
        """Return the ids of the items of one generation that are known, by href."""
        query = sa.select(ITEMS.c.href, ITEMS.c.id).where(
            ITEMS.c.calendar == calendar,
            ITEMS.c.generation == generation,
            among(ITEMS.c.href, hrefs),
        )
        with self._read() as connection:
            return {row.href: row.id for row in connection.execute(query)}

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
        query = sa.select(ITEM_UIDS.c.uid).where(among(ITEM_UIDS.c.item, items))
        with self._read() as connection:
            return set(connection.scalars(query))

    def holders(
        self, calendar: int, uids: Collection[str], without: Collection[int] = ()
    ) -> dict[str, list[tuple[int, str]]]:
        """Return ``UID -> [(order, records)]`` of the items that hold them, the newest last."""
        query = (
            sa.select(ITEM_UIDS.c.uid, ITEMS.c.id, ITEMS.c.order, ITEMS.c.records)
            .join(ITEMS, ITEMS.c.id == ITEM_UIDS.c.item)
            .where(ITEM_UIDS.c.calendar == calendar, among(ITEM_UIDS.c.uid, uids))
            .order_by(ITEMS.c.order, ITEMS.c.id)
        )
        found: dict[str, list[tuple[int, str]]] = {}
        left_out = set(without)
        with self._read() as connection:
            for uid, item, order, records in connection.execute(query):
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
            write_page(connection, calendar, page)

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
                merged[number] = merge(connection, number)
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
