"""The store's database file: how SQLite is opened for one gateway's several processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event

if TYPE_CHECKING:
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
        write = connection.get_execution_options().get("write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine
