"""What becomes of the database's faults: the operator's are told, ours stay ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from freebusy import database
from freebusy.errors import StoreError
from freebusy.store import Store

if TYPE_CHECKING:
    from pathlib import Path


def test_a_full_disk_is_the_operators(tmp_path: Path) -> None:
    """A database that cannot grow is a StoreError, which quotes nothing that was to be stored."""
    store = Store(tmp_path / "store.db")
    with store._write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
        with pytest.raises(sa.exc.OperationalError):
            connection.exec_driver_sql("CREATE TABLE more (text)")
        connection.rollback()
    with pytest.raises(StoreError, match="cannot be used: database or disk is full") as caught:
        store.remember(name="MARKER" * 10_000)
    assert "MARKER" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.is_full
    store.close()


def test_a_writer_that_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that somebody holds for longer than a writer waits is a StoreError."""
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.1)
    one, other = Store(tmp_path / "store.db"), Store(tmp_path / "store.db")
    with one._write(), pytest.raises(StoreError, match="locked") as caught:
        other.remember(name="value")
    assert not caught.value.is_full
    other.remember(name="value")
    assert "value" == one.meta("name")
    one.close()
    other.close()


def test_a_constraint_is_our_bug(tmp_path: Path) -> None:
    """What breaks a rule of the schema is no fault of the operator's."""
    store = Store(tmp_path / "store.db")
    with pytest.raises(sa.exc.IntegrityError), store._write() as connection:
        connection.exec_driver_sql("INSERT INTO meta (name) VALUES ('x')")
    store.close()


def test_looking_only(tmp_path: Path) -> None:
    """A store that is opened to look at it creates nothing and changes nothing."""
    path = tmp_path / "a ?#%41" / "store.db"
    path.parent.mkdir()
    with pytest.raises(StoreError):
        Store(path, read_only=True)
    assert [] == list(path.parent.iterdir())
    writing = Store(path)
    reading = Store(path, read_only=True)
    writing.remember(name="value")
    assert "value" == reading.meta("name")
    with pytest.raises(StoreError, match="readonly"):
        reading.remember(name="other")
    reading.close()
    writing.close()
