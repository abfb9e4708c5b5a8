"""Sync modes: what is chosen, and what folders inherit."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from freebusy.connector.modes import StoredModes
from freebusy.migrations import JOBS, SYNC_MODES, migrate
from freebusy.ports import CalendarFolder, FolderMode, SyncMode
from freebusy.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SELECT, MANUAL, BOTH = SyncMode.ON_SELECT, SyncMode.MANUAL, SyncMode.ON_START_AND_EXIT


def folder(path: str, separator: str = "/") -> CalendarFolder:
    return CalendarFolder(path, "own", None, separator, frozenset("lr"), None)


def shown(modes: StoredModes, *paths: str, separator: str = "/") -> list[FolderMode]:
    folders = [folder(path, separator) for path in paths]
    return list(modes.modes("hans", folders).values())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "store.db")) as made:
        yield made


@pytest.fixture
def modes(store: Store) -> StoredModes:
    return StoredModes(store, MANUAL)


def test_the_default_is_ones_own_else_the_sites(modes: StoredModes) -> None:
    """It is each person's own, and can be given up again."""
    assert MANUAL is modes.default("hans")
    modes.set_default("hans", SELECT)
    assert [SELECT, MANUAL] == [modes.default("hans"), modes.default("eva")]
    assert [FolderMode(SELECT, "default")] == shown(modes, "Calendar")
    modes.set_default("hans", None)
    assert MANUAL is modes.default("hans")


def test_the_nearest_folder_above_hands_its_mode_down(modes: StoredModes) -> None:
    """One that keeps its mode to itself is passed over; an own choice counts for more."""
    modes.choose("hans", "A", SELECT, hands_down=True)
    modes.choose("hans", "A/B", BOTH)
    modes.choose("hans", "A/B/D", MANUAL)
    assert [
        FolderMode(SELECT, "own", hands_down=True),
        FolderMode(BOTH, "own"),
        FolderMode(SELECT, "parent"),
        FolderMode(MANUAL, "own"),
        FolderMode(MANUAL, "default"),
        FolderMode(MANUAL, "default"),
    ] == shown(modes, "A", "A/B", "A/B/C", "A/B/D", "AB/C", "X")
    modes.choose("hans", "A/B", BOTH, hands_down=True)
    assert [FolderMode(BOTH, "parent")] == shown(modes, "A/B/C")
    modes.choose("hans", "A/B", None)
    assert [FolderMode(SELECT, "parent")] * 2 == shown(modes, "A/B", "A/B/C")


def test_folders_that_are_no_calendars_hand_nothing_down(modes: StoredModes) -> None:
    """Where no folder lies above another (a server without a separator) each is alone."""
    modes.choose("hans", "A", SELECT, hands_down=True)
    assert [FolderMode(MANUAL, "default")] == shown(modes, "A/B", separator="")
    assert [FolderMode(SELECT, "parent")] == shown(modes, "A.B", separator=".")


def test_choices_follow_a_folder_that_moves(modes: StoredModes) -> None:
    """With those below it; what was left of a folder that had the new path before is dropped."""
    for path, mode in (("A", SELECT), ("A/B", BOTH), ("AB", BOTH), ("Z/B", MANUAL)):
        modes.choose("hans", path, mode)
    modes.choose("eva", "A", BOTH)
    modes.synced("hans", "A/B", datetime(2026, 6, 1, tzinfo=UTC))
    modes.moved("hans", "A", "Z", "/")
    default = FolderMode(MANUAL, "default")
    assert [default, default, FolderMode(BOTH, "own")] == shown(modes, "A", "A/B", "AB")
    assert [FolderMode(SELECT, "own"), FolderMode(BOTH, "own")] == shown(modes, "Z", "Z/B")
    assert {"Z/B": datetime(2026, 6, 1, tzinfo=UTC)} == modes.last_syncs("hans")
    assert FolderMode(BOTH, "own") == modes.modes("eva", [folder("A")])["A"]


def test_a_folder_that_is_deleted_is_forgotten(modes: StoredModes) -> None:
    """A folder of that name that is made later starts anew; those below are still there."""
    modes.choose("hans", "A", SELECT)
    modes.choose("hans", "A/B", BOTH)
    modes.forget("hans", "A")
    assert [FolderMode(MANUAL, "default"), FolderMode(BOTH, "own")] == shown(modes, "A", "A/B")


def test_a_sync_is_noted_beside_the_choice(modes: StoredModes) -> None:
    """Neither overwrites the other."""
    modes.choose("hans", "A", SELECT, hands_down=True)
    modes.synced("hans", "A", datetime(2026, 6, 1, 8, 30, tzinfo=UTC))
    modes.choose("hans", "A", BOTH, hands_down=True)
    assert [FolderMode(BOTH, "own", hands_down=True)] == shown(modes, "A")
    assert {"A": datetime(2026, 6, 1, 8, 30, tzinfo=UTC)} == modes.last_syncs("hans")


def test_who_left_is_forgotten(modes: StoredModes) -> None:
    """Nothing stays of that person, and all of the others'."""
    modes.choose("hans", "A", SELECT)
    modes.set_default("hans", BOTH)
    modes.set_default("eva", BOTH)
    modes.forget_all("hans")
    assert [FolderMode(MANUAL, "default")] == shown(modes, "A")
    assert BOTH is modes.default("eva")


def test_an_older_store_gets_the_tables() -> None:
    """A store of a release without connectors takes modes and jobs; nothing else changes."""
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        migrate(connection)
        for table in (JOBS, SYNC_MODES):
            table.drop(connection)
        connection.exec_driver_sql("PRAGMA user_version = 5")
        migrate(connection)
        assert {"jobs", "sync_modes"} <= set(sa.inspect(connection).get_table_names())
    engine.dispose()
