"""The store's database file: how SQLite is opened for one gateway's several processes."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event

from freebusy.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY_TIMEOUT = 10.0
"""Seconds that a writer waits for another."""


def _url(path: Path, *, read_only: bool) -> sa.URL:
    if not read_only:
        return sa.URL.create("sqlite", database=str(path))
    return sa.URL.create(
        "sqlite", database=f"file:{quote(str(path))}", query={"mode": "ro", "uri": "true"}
    )


def open_database(path: Path, *, read_only: bool) -> sa.Engine:
    """Return an engine; ``read_only`` creates nothing and leaves the journal mode alone."""
    engine = sa.create_engine(
        _url(path, read_only=read_only),
        pool_use_lifo=True,  # the connection used last has the pages at hand
        connect_args={"timeout": BUSY_TIMEOUT, "check_same_thread": False},
    )
    pragmas = () if read_only else ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON")

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        # pysqlite must not begin transactions by itself, or BEGIN IMMEDIATE comes too late
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        options = connection.get_execution_options()
        if options.get("durable", False):
            connection.exec_driver_sql("PRAGMA synchronous=FULL")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("write", False) else "BEGIN")

    return engine


def _is_full(error: BaseException | None) -> bool:
    """Whether a disk or a quota is full (sqlite.org/rescode.html, SQLITE_FULL)."""
    code = getattr(error, "sqlite_errorcode", None)  # none where the driver itself refuses
    return code is not None and code & 0xFF == sqlite3.SQLITE_FULL


def _relax(connection: sa.Connection) -> None:
    """Give a connection back as it was; SQLite takes the change outside transactions only."""
    raw: Any = connection.connection.driver_connection
    raw.execute("PRAGMA synchronous=NORMAL")


@contextmanager
def transaction(
    engine: sa.Engine, *, write: bool = False, durable: bool = False
) -> Iterator[sa.Connection]:
    """Begin a transaction, to be committed at the end of the block.

    In WAL mode a committed transaction may be lost by a power cut, unless it is ``durable``
    (sqlite.org, PRAGMA synchronous).  Raises StoreError for what the operator must see to: a
    full disk, lost rights, a broken file, a writer that never ends.  The statement, which may
    hold a UID, is left out.
    """
    try:
        options = {"write": write, "durable": durable}
        with engine.connect().execution_options(**options) as connection:
            with connection.begin():
                yield connection
            if durable:
                _relax(connection)
    except sa.exc.DatabaseError as error:
        if isinstance(error, sa.exc.OperationalError) or type(error) is sa.exc.DatabaseError:
            raise StoreError(
                f"the store cannot be used: {error.orig}", is_full=_is_full(error.orig)
            ) from None
        raise
