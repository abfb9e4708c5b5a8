"""What a sync remembers between its runs: ``status.db``.

The standard library's sqlite3 and nothing above it, because this runs at every sync on
somebody's own machine: the rows are few and plain, and importing SQLAlchemy takes longer
than a sync of an unchanged folder.  A rollback journal, because homes lie on network file
systems too, where a write-ahead log cannot (sqlite.org/wal.html §1); each commit is on the
disk before it returns (``synchronous=EXTRA``), because what is sent must be known.
"""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from freebusy.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SCHEMAS = (
    """
CREATE TABLE folder (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    path TEXT NOT NULL,
    directory TEXT NOT NULL UNIQUE,
    token TEXT,
    state TEXT,                 -- as it was before the token was given
    run INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE message (          -- the folder on the server, as of the token
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    folder INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE,
    href INTEGER NOT NULL,
    uid TEXT NOT NULL,
    calendar TEXT NOT NULL,
    is_partial INTEGER NOT NULL,
    change TEXT,
    problem TEXT,
    run INTEGER NOT NULL,
    UNIQUE (folder, href)
);
CREATE INDEX message_uid ON message (folder, uid);
CREATE TABLE file (             -- the local folder, as it was looked at last
    folder INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE,
    name TEXT NOT NULL,
    signature TEXT NOT NULL,
    digest TEXT NOT NULL,
    uid TEXT,
    problem TEXT,
    settled INTEGER NOT NULL,   -- an equal signature proves an unchanged file
    PRIMARY KEY (folder, name)
) WITHOUT ROWID;
CREATE TABLE pair (             -- what both sides agreed on
    folder INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE,
    uid TEXT NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    version TEXT NOT NULL,      -- keys of messages
    PRIMARY KEY (folder, uid)
) WITHOUT ROWID;
CREATE TABLE intent (           -- what is being sent
    change TEXT PRIMARY KEY,
    folder INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE,
    uid TEXT NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    calendar TEXT NOT NULL,
    replaces TEXT NOT NULL      -- keys of messages
) WITHOUT ROWID;
CREATE INDEX intent_folder ON intent (folder);
CREATE TABLE refusal (          -- what the server refused: not sent again unless it changes
    folder INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE,
    uid TEXT NOT NULL,
    digest TEXT NOT NULL,
    version TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (folder, uid)
) WITHOUT ROWID;
""",
    """
CREATE TABLE arrival (          -- what is about to come into a file
    folder INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE,
    uid TEXT NOT NULL,
    digest TEXT NOT NULL,
    version TEXT NOT NULL,      -- keys of messages
    PRIMARY KEY (folder, uid)
) WITHOUT ROWID;
""",
)
"""What each version adds to the one before."""
VERSION = len(_SCHEMAS)


class Status:
    """The database of one home; for one thread."""

    def __init__(self, path: Path | None) -> None:
        """Open or make it; None: in memory.  Raises StoreError where it cannot be used."""
        with usable():
            self.database = sqlite3.connect(path or ":memory:", isolation_level=None)
            with ExitStack() as unusable:
                unusable.callback(self.database.close)
                self.database.execute("PRAGMA synchronous = EXTRA")
                self._prepare()
                self.database.execute("PRAGMA foreign_keys = ON")
                unusable.pop_all()

    def _prepare(self) -> None:
        version = self.database.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise StoreError("status.db is of a newer version of this program")
        for number, schema in enumerate(_SCHEMAS[version:], version + 1):
            self.database.executescript(f"BEGIN; {schema} PRAGMA user_version = {number}; COMMIT;")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all of the block or nothing of it, and let it last.  Raises StoreError."""
        with usable():
            self.begin()
            try:
                yield
                self.commit()
            finally:
                if self.database.in_transaction:
                    self.database.execute("ROLLBACK")

    def begin(self) -> None:
        """Begin what is to be done whole or not at all."""
        self.database.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Let what was done last."""
        self.database.execute("COMMIT")

    def copy(self) -> Status:
        """Return a copy in memory, for a run that must leave no trace."""
        made = Status(None)
        with usable():
            self.database.backup(made.database)
        return made

    def close(self) -> None:
        """Close it."""
        self.database.close()


@contextmanager
def usable() -> Iterator[None]:
    """Turn SQLite's errors into StoreError."""
    try:
        yield
    except sqlite3.Error as error:
        full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        raise StoreError(
            f"status.db cannot be used: {error}; if it is damaged, move it away: "
            "the next sync links what is equal on both sides",
            is_full=full,
        ) from error
