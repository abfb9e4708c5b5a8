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
from typing import TYPE_CHECKING, Any, NamedTuple

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


class Ledger:
    """The publications of all NAMEs, in the store; safe from any thread and process.

    Every method raises StoreError where the disk fails.  ``keep_bytes`` is what a NAME
    may hold of compressed bodies beside the ones in force.
    """

    def __init__(self, store: Store, *, keep_bytes: int = 16 << 20) -> None:
        self._store = store
        self.keep_bytes = keep_bytes

    def in_force(self, name: str) -> list[Publication]:
        """Return what counts for a NAME now: at most its own and a shared one."""
        query = sa.select(PUBLICATIONS).where(
            PUBLICATIONS.c.person == name, PUBLICATIONS.c.in_force.is_(sa.true())
        )
        with self._store.reading() as connection:
            return [_publication(row) for row in connection.execute(query).mappings()]

    def add(self, name: str, received: Received) -> None:
        """Put a publication in force; on disk when this returns.

        The person's own supersedes all before it, a shared one only shared ones.  The
        same text once more (but for DTSTAMP) is counted and changes nothing else.
        """
        digest = hashlib.sha256(_STAMP.sub(b"", received.body)).hexdigest()
        with self._store.writing(durable=True) as connection:
            same = _in_force(name, own=received.is_own)
            before = connection.execute(sa.select(PUBLICATIONS).where(same)).mappings().first()
            if before is not None and before["digest"] == digest:
                _count(connection, before, received)
            else:
                moment = int(received.moment.timestamp())
                _end(connection, name, moment, "replaced", shared_only=not received.is_own)
                row = _row(name, received, digest) | {"changed": _changed(before, received)}
                connection.execute(sa.insert(PUBLICATIONS).values(row))
                self._trim(connection, name)

    def end(self, name: str, moment: datetime, *, shared_only: bool = False) -> bool:
        """Take what is in force out of force; False where nothing was."""
        with self._store.writing(durable=True) as connection:
            when = int(moment.timestamp())
            return _end(connection, name, when, "removed", shared_only=shared_only)

    def history(self, name: str | None = None) -> list[Entry]:
        """Return the entries of a NAME, or of everybody, the newest first."""
        where = sa.true() if name is None else PUBLICATIONS.c.person == name
        query = sa.select(*_ENTRY).where(where).order_by(PUBLICATIONS.c.id.desc())
        with self._store.reading() as connection:
            return [Entry(*row) for row in connection.execute(query)]

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

    def _trim(self, connection: sa.Connection, name: str) -> None:
        """Keep no more of a NAME than its share, the newest first."""
        query = (
            sa.select(PUBLICATIONS.c.id, sa.func.length(PUBLICATIONS.c.body))
            .where(PUBLICATIONS.c.person == name, PUBLICATIONS.c.in_force.is_(sa.false()))
            .order_by(PUBLICATIONS.c.id.desc())
        )
        room, surplus = self.keep_bytes, []
        for number, size in connection.execute(query):
            room -= size
            if room < 0:
                surplus.append(number)
        if surplus:
            connection.execute(
                sa.delete(PUBLICATIONS).where(
                    PUBLICATIONS.c.id <= max(surplus),
                    PUBLICATIONS.c.person == name,
                    PUBLICATIONS.c.in_force.is_(sa.false()),
                )
            )


def _in_force(name: str, *, own: bool) -> sa.ColumnElement[bool]:
    return sa.and_(
        PUBLICATIONS.c.person == name,
        PUBLICATIONS.c.in_force.is_(sa.true()),
        PUBLICATIONS.c.own.is_(own),
    )


def _end(
    connection: sa.Connection, name: str, moment: int, ending: str, *, shared_only: bool
) -> bool:
    shared = _in_force(name, own=False)
    which = shared if shared_only else shared | _in_force(name, own=True)
    change = sa.update(PUBLICATIONS).where(which)
    values = {"in_force": False, "ended": moment, "ending": ending}
    return connection.execute(change.values(values)).rowcount > 0


def _count(connection: sa.Connection, before: Any, received: Received) -> None:
    change = sa.update(PUBLICATIONS).where(PUBLICATIONS.c.id == before["id"])
    values = _source(received) | {"received": int(received.moment.timestamp())}
    connection.execute(change.values(times=PUBLICATIONS.c.times + 1, **values))
    if received.is_own:  # an own one supersedes what strangers added meanwhile, unchanged or not
        moment = int(received.moment.timestamp())
        _end(connection, before["person"], moment, "replaced", shared_only=True)


def _source(received: Received) -> dict[str, str]:
    """Return who sent it, by what, from where."""
    texts = {
        "account": received.account,
        "address": received.address,
        "protocol": received.protocol,
        "client": received.client,
    }
    return {name: _clean(text) for name, text in texts.items()}


def _clean(text: str) -> str:
    """Keep of what a client says what can be printed, in one line."""
    kept = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(kept.split())[:_LONGEST_TEXT]


def _row(name: str, received: Received, digest: str) -> dict[str, Any]:
    moment = int(received.moment.timestamp())
    start, end = received.window.seconds
    return _source(received) | {
        "person": name,
        "own": received.is_own,
        "in_force": True,
        "received": moment,
        "first": moment,
        "times": 1,
        "window_start": start,
        "window_end": end,
        "periods": len(received.spans),
        "spans": pack(received.spans),
        "size": len(received.body),
        "digest": digest,
        "body": zlib.compress(received.body),
    }


def _changed(before: Any, received: Received) -> int:
    """Return since when the busy times are what they are: another window alone is no change."""
    if before is not None:
        start = max(before["window_start"], received.window.seconds[0])
        end = min(before["window_end"], received.window.seconds[1])
        old, new = (list(clip(s, start, end)) for s in (unpack(before["spans"]), received.spans))
        beyond = any(span[0] >= before["window_end"] for span in received.spans)
        if old == new and not beyond:
            return int(before["changed"])
    return int(received.moment.timestamp())


def _publication(row: Any) -> Publication:
    window = TimeRange(from_seconds(row["window_start"]), from_seconds(row["window_end"]))
    changed = from_seconds(row["changed"])
    knowledge = Knowledge(window, tuple(unpack(row["spans"])), changed)
    return Publication(knowledge, from_seconds(row["received"]), is_own=row["own"])
