"""What the store and the files make of calendars that are not their owner's own."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from freebusy.migrations import CALENDARS, migrate
from freebusy.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Give an empty store."""
    with closing(Store(tmp_path / "store.db")) as opened:
        yield opened


def test_a_calendar_may_become_another_kind(store: Store) -> None:
    """What a source now says of a calendar counts, and nothing that was read is lost."""
    first = store.calendar("hans", "mail", "k", "Team")
    store.note(first.id, token="t")
    second = store.calendar("hans", "mail", "k", "Team", is_own=False)
    assert (True, False, first.id, "t") == (first.is_own, second.is_own, second.id, second.token)
    assert [second] == store.calendars("hans")


def test_an_older_store_gets_the_columns() -> None:
    """In a store of an older release every calendar is its owner's own."""
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        migrate(connection)
        for column in ("is_own", "attendees_only"):
            connection.exec_driver_sql(f"ALTER TABLE calendars DROP COLUMN {column}")
        connection.exec_driver_sql(
            "INSERT INTO calendars (person, source, key, name) VALUES ('hans', 'mail', 'k', 'K')"
        )
        connection.exec_driver_sql("PRAGMA user_version = 4")
        migrate(connection)
        row = connection.execute(sa.select(CALENDARS)).one()
    engine.dispose()
    assert (True, False) == (row.is_own, row.attendees_only)
