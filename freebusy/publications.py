"""The ledger: every publication as it was received, and which of them are in force.

For each NAME at most two are in force: the person's own, and what came by the shared
account or from a trusted network.  What is replaced stays for the audit trail until it
is too old, or the NAME has had its share of the disk.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import sqlalchemy as sa

from freebusy.combine import Knowledge, Publication
from freebusy.merging import pack, unpack
from freebusy.migrations import PUBLICATIONS
from freebusy.period import TimeRange, clip, from_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from freebusy.period import Span
    from freebusy.store import Store

    Row = Any  # one of _IN_FORCE

_STAMP = re.compile(rb"^DTSTAMP[:;][^\r\n]*\r*\n?", re.MULTILINE | re.IGNORECASE)
_LONGEST_TEXT = 200
"""Characters kept of what a client says about itself."""


@dataclass(frozen=True, slots=True)
class Received:
    """An upload that was read and found good."""

    body: bytes
    window: TimeRange
    spans: Sequence[Span]
    moment: datetime
    """When it came; aware UTC."""
    is_own: bool
    account: str
    """The label of the account; empty for a trusted network."""
    address: str
    protocol: str
    client: str = ""


class Entry(NamedTuple):
    """One publication as the ledger has it; all times are UTC seconds."""

    id: int
    person: str
    own: bool
    in_force: bool
    received: int
    """When it was sent last."""
    first: int
    """When it was sent first."""
    times: int
    """How often it was sent, unchanged."""
    changed: int
    """When its busy times became what they are."""
    ended: int | None
    ending: str | None
    """Why it is no longer in force: ``replaced``, ``removed``."""
    account: str
    address: str
    protocol: str
    client: str
    window_start: int
    window_end: int
    periods: int
    size: int
    """Octets as received."""


_ENTRY = [PUBLICATIONS.c[name] for name in Entry._fields]

# Built once: to build a statement costs several times what it costs to run it.
_IN_FORCE = sa.select(
    *(
        PUBLICATIONS.c[name]
        for name in (
            *("id", "own", "received", "changed", "digest", "account"),
            *("window_start", "window_end", "spans"),
        )
    ),
    sa.func.length(PUBLICATIONS.c.body).label("kept"),
).where(PUBLICATIONS.c.person == sa.bindparam("name"), PUBLICATIONS.c.in_force.is_(sa.true()))
_INSERT = sa.insert(PUBLICATIONS)
_END = (
    sa.update(PUBLICATIONS)
    .where(PUBLICATIONS.c.id == sa.bindparam("number"))
    .values(in_force=sa.false(), ended=sa.bindparam("moment"), ending=sa.bindparam("why"))
)
_COUNT = (
    sa.update(PUBLICATIONS)
    .where(PUBLICATIONS.c.id == sa.bindparam("number"))
    .values(
        times=PUBLICATIONS.c.times + 1,
        **{
            name: sa.bindparam(f"new_{name}")
            for name in ("received", "account", "address", "protocol", "client")
        },
    )
)
_OUT_OF_FORCE = (
    sa.select(PUBLICATIONS.c.id, sa.func.length(PUBLICATIONS.c.body))
    .where(PUBLICATIONS.c.person == sa.bindparam("name"), PUBLICATIONS.c.in_force.is_(sa.false()))
    .order_by(PUBLICATIONS.c.id.desc())
)
_DROP = sa.delete(PUBLICATIONS).where(
    PUBLICATIONS.c.id <= sa.bindparam("number"),
    PUBLICATIONS.c.person == sa.bindparam("name"),
    PUBLICATIONS.c.in_force.is_(sa.false()),
)
_STEP = 8
"""What a process may add unlooked at is this part of a NAME's share of the disk: to add up
all that it holds would make an upload the dearer the more came before."""


class Ledger:
    """The publications of all NAMEs, in the store; safe from any thread and process.

    Every method raises StoreError where the disk fails.  ``keep_bytes`` is what a NAME
    may hold of compressed bodies beside the ones in force.
    """

    def __init__(self, store: Store, *, keep_bytes: int = 16 << 20) -> None:
        self._store = store
        self._room: dict[str, int] = {}
        """Octets that a NAME may still use of its share before that is added up again."""
        self._keep_bytes = keep_bytes

    @property
    def keep_bytes(self) -> int:
        """Return the share of the disk that a NAME has."""
        return self._keep_bytes

    @keep_bytes.setter
    def keep_bytes(self, octets: int) -> None:
        self._keep_bytes = octets
        self._room.clear()

    def in_force(self, name: str) -> list[Publication]:
        """Return what counts for a NAME now: at most its own and a shared one."""
        with self._store.reading() as connection:
            return [_publication(row) for row in connection.execute(_IN_FORCE, {"name": name})]

    def add(self, name: str, received: Received) -> list[Publication]:
        """Put a publication in force, on disk when this returns; return what counts now.

        The person's own supersedes all before it, a shared one only shared ones.  The
        same text from the same account once more (but for DTSTAMP) is counted and changes
        nothing else.
        """
        digest = hashlib.sha256(_STAMP.sub(b"", received.body)).hexdigest()
        account = _clean(received.account)
        with self._store.writing(durable=True) as connection:
            standing = connection.execute(_IN_FORCE, {"name": name}).all()
            before = next((row for row in standing if row.own == received.is_own), None)
            over = [row for row in standing if received.is_own or not row.own]
            if before is not None and (before.digest, before.account) == (digest, account):
                over.remove(before)
                changed = int(before.changed)
                connection.execute(_COUNT, _counting(before.id, received))
            else:
                changed = _changed(before, received)
                connection.execute(_INSERT, _row(name, received, digest, changed))
            self._end(connection, name, over, received.moment, "replaced")
        kept = [_publication(row) for row in standing if row.own and not received.is_own]
        return [*kept, _in_force(received, changed)]

    def end(self, name: str, moment: datetime, *, shared_only: bool = False) -> bool:
        """Take what is in force out of force; False where nothing was."""
        with self._store.writing(durable=True) as connection:
            standing = connection.execute(_IN_FORCE, {"name": name}).all()
            over = [row for row in standing if not (shared_only and row.own)]
            self._end(connection, name, over, moment, "removed")
        return bool(over)

    def history(self, name: str | None = None) -> list[Entry]:
        """Return the entries of a NAME, or of everybody, the newest first."""
        where = sa.true() if name is None else PUBLICATIONS.c.person == name
        query = sa.select(*_ENTRY).where(where).order_by(PUBLICATIONS.c.id.desc())
        with self._store.reading() as connection:
            return [Entry(*row) for row in connection.execute(query)]

    def standing(self) -> list[Entry]:
        """Return what is in force of everybody, by NAME."""
        query = sa.select(*_ENTRY).where(PUBLICATIONS.c.in_force.is_(sa.true()))
        with self._store.reading() as connection:
            rows = connection.execute(query.order_by(PUBLICATIONS.c.person, PUBLICATIONS.c.id))
            return [Entry(*row) for row in rows]

    def body(self, number: int) -> bytes | None:
        """Return an upload as it was received; None where it is no longer kept."""
        query = sa.select(PUBLICATIONS.c.body).where(PUBLICATIONS.c.id == number)
        with self._store.reading() as connection:
            kept = connection.scalar(query)
        return None if kept is None else zlib.decompress(kept)

    def names(self) -> set[str]:
        """Return the NAMEs for which something was ever received and is still kept."""
        with self._store.reading() as connection:
            return set(connection.scalars(sa.select(PUBLICATIONS.c.person).distinct()))

    def purge(self, before: datetime) -> int:
        """Forget what went out of force before a moment; return how many."""
        with self._store.writing() as connection:
            ended = PUBLICATIONS.c.ended < int(before.timestamp())
            return connection.execute(sa.delete(PUBLICATIONS).where(ended)).rowcount

    def forget(self, name: str) -> None:
        """Forget all of a NAME."""
        with self._store.writing() as connection:
            connection.execute(sa.delete(PUBLICATIONS).where(PUBLICATIONS.c.person == name))

    def _end(
        self,
        connection: sa.Connection,
        name: str,
        over: Sequence[Row],
        moment: datetime,
        why: Literal["replaced", "removed"],
    ) -> None:
        """Take entries out of force; they fall to the NAME's share of the disk then."""
        if not over:
            return
        when = int(moment.timestamp())
        connection.execute(_END, [{"number": row.id, "moment": when, "why": why} for row in over])
        room = self._room.get(name, 0) - sum(row.kept for row in over)
        self._room[name] = self._trim(connection, name) if room < 0 else room

    def _trim(self, connection: sa.Connection, name: str) -> int:
        """Keep no more of a NAME than its share, the newest first; return the room left.

        Where it is more, some room is made, and other processes are left some.
        """
        step = self.keep_bytes // _STEP
        entries = connection.execute(_OUT_OF_FORCE, {"name": name}).all()
        total = sum(size for _, size in entries)
        if total <= self.keep_bytes:
            return min(step, self.keep_bytes - int(total))
        most = self.keep_bytes - step
        surplus = next(
            number
            for (number, _), so_far in zip(
                entries, accumulate(size for _, size in entries), strict=True
            )
            if so_far > most
        )
        connection.execute(_DROP, {"name": name, "number": surplus})
        return step


def _source(received: Received) -> dict[str, str]:
    """Return who sent it, by what, from where."""
    texts = {
        "account": received.account,
        "address": received.address,
        "protocol": received.protocol,
        "client": received.client,
    }
    return {name: _clean(text) for name, text in texts.items()}


def _counting(number: int, received: Received) -> dict[str, Any]:
    """Return what changes in an entry that was sent once more."""
    new = {"received": int(received.moment.timestamp()), **_source(received)}
    return {"number": number, **{f"new_{name}": value for name, value in new.items()}}


def _clean(text: str) -> str:
    """Keep of what a client says what can be printed, in one line."""
    kept = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(kept.split())[:_LONGEST_TEXT]


def _row(name: str, received: Received, digest: str, changed: int) -> dict[str, Any]:
    moment = int(received.moment.timestamp())
    start, end = received.window.seconds
    return _source(received) | {
        "person": name,
        "own": received.is_own,
        "in_force": True,
        "received": moment,
        "first": moment,
        "times": 1,
        "changed": changed,
        "window_start": start,
        "window_end": end,
        "periods": len(received.spans),
        "spans": pack(received.spans),
        "size": len(received.body),
        "digest": digest,
        "body": zlib.compress(received.body),
    }


def _changed(before: Row | None, received: Received) -> int:
    """Return since when the busy times are what they are: another window alone is no change."""
    if before is not None:
        start = max(before.window_start, received.window.seconds[0])
        end = min(before.window_end, received.window.seconds[1])
        old, new = (list(clip(s, start, end)) for s in (unpack(before.spans), received.spans))
        beyond = any(span[0] >= before.window_end for span in received.spans)
        if old == new and not beyond:
            return int(before.changed)
    return int(received.moment.timestamp())


def _in_force(received: Received, changed: int) -> Publication:
    """Return what counts of an upload, as the store has it: to the second."""
    knowledge = Knowledge(
        _window(*received.window.seconds), tuple(received.spans), from_seconds(changed)
    )
    return Publication(
        knowledge, from_seconds(int(received.moment.timestamp())), is_own=received.is_own
    )


def _publication(row: Row) -> Publication:
    window = _window(row.window_start, row.window_end)
    knowledge = Knowledge(window, tuple(unpack(row.spans)), from_seconds(row.changed))
    return Publication(knowledge, from_seconds(row.received), is_own=row.own)


def _window(start: int, end: int) -> TimeRange:
    return TimeRange(from_seconds(start), from_seconds(end))
