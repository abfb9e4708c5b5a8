"""The store: schema, transactions, many writers, and values that no database likes."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freebusy.errors import StoreError
from freebusy.migrations import SCHEMA, STEPS
from freebusy.pagewriting import Page
from freebusy.period import Span, clip, coalesce
from freebusy.store import Store
from freebusy.worker import ItemReading, ObjectSpans
from tests.unit.memory_gateway import event, memory_gateway, span

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "store.db")) as made:
        yield made


def schema_of(path: Path) -> tuple[int, set[str]]:
    with closing(sqlite3.connect(path)) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return version, {name for (name,) in names}


# -- schema


def test_a_new_database_has_the_whole_schema(store: Store, tmp_path: Path) -> None:
    """All steps were done, all tables are there; opening it again changes nothing."""
    expected = len(STEPS), set(SCHEMA.tables)
    assert expected == schema_of(tmp_path / "store.db")
    Store(tmp_path / "store.db").close()
    assert expected == schema_of(tmp_path / "store.db")


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_schema_is_refused(tmp_path: Path, read_only: bool) -> None:
    """What a newer release wrote is left alone, with a sentence that says what to do."""
    path = tmp_path / "store.db"
    Store(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="newer release"):
        Store(path, read_only=read_only)
    assert before == path.read_bytes()


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    """What is no database is a StoreError, and stays for whoever looks into it."""
    path = tmp_path / "store.db"
    path.write_bytes(b"no database at all, but long enough to look like one" * 50)
    with pytest.raises(StoreError, match="not a database"):
        Store(path)


def test_a_directory_in_its_place_is_refused(tmp_path: Path) -> None:
    """So is what cannot be opened."""
    with pytest.raises(StoreError, match="unable to open"):
        Store(tmp_path)


def test_an_older_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    """Each step by itself leads to the same schema as all at once; calendars survive."""
    new, old = tmp_path / "new.db", tmp_path / "old.db"
    Store(new).close()
    with closing(Store(old)) as store:
        store.calendar("hans", "mail", "key", "Calendar")
    with closing(Store(old)) as store:
        assert ["hans"] == [state.person for state in store.calendars()]
    assert schema_of(new) == schema_of(old)


# -- transactions


def reading(href: str, *uids: str, order: int = 1) -> ItemReading:
    return ItemReading(href, order, uids, "", (), ())


def page(items: list[ItemReading], objects: list[ObjectSpans], **state: object) -> Page:
    return Page("1", 1, items, (), objects, (), state)


def test_a_page_is_written_whole_or_not_at_all(store: Store) -> None:
    """A page that fails in its last statement leaves no trace of the first."""
    calendar = store.calendar("hans", "mail", "key", "Calendar").id
    broken = page([reading("1.ics", "a")], [ObjectSpans("a", [span(2, 9)], None, None)], nope=1)
    with pytest.raises(Exception, match="nope"):
        store.write(calendar, broken)
    assert 0 == store.item_count(calendar)
    assert [] == store.spans("hans", 0, 1 << 40)


def test_forgetting_a_calendar_takes_everything(store: Store, tmp_path: Path) -> None:
    """Items, UIDs, objects and merged spans go with it; another person's stay."""
    for name in ("hans", "anna"):
        calendar = store.calendar(name, "mail", "key", "Calendar").id
        store.write(
            calendar, page([reading("1", "a")], [ObjectSpans("a", [span(2, 9)], None, None)])
        )
        assert [span(2, 9)] == store.spans(name, 0, 1 << 40)
    store.forget(store.calendars("hans")[0].id)
    assert [] == store.spans("hans", 0, 1 << 40)
    assert [span(2, 9)] == store.spans("anna", 0, 1 << 40)
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("calendars", "items", "item_uids", "objects", "merged")
        ]
    assert [1] * 5 == counts


def count_up(path: str, writer: int) -> None:
    """Write many pages, each with a row that counts them in the same transaction."""
    with closing(Store(Path(path))) as store:
        calendar = store.calendar("hans", "mail", f"key{writer % 2}", "Calendar").id
        for number in range(30):
            href = f"{writer}-{number}"
            thing = ObjectSpans(href, [span(2, 9)], None, None)
            store.write(calendar, page([reading(href, href)], [thing], last_change=number))
            store.remember(**{href: "yes"})


def test_no_transaction_of_several_processes_is_lost(tmp_path: Path) -> None:
    """Four processes write at once into a database that none of them found."""
    path = tmp_path / "store.db"
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as processes:
        list(processes.map(count_up, [str(path)] * 4, range(4)))
    with closing(Store(path)) as store:
        states = store.calendars()
        assert [60, 60] == [store.item_count(state.id) for state in states]
        hrefs = [f"{writer}-{number}" for writer in range(4) for number in range(30)]
        assert {"yes"} == {store.meta(href) for href in hrefs}


def test_a_lock_that_is_never_released_is_a_store_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Patience ends with a StoreError, not with a library's exception."""
    monkeypatch.setattr("freebusy.database.BUSY_TIMEOUT", 0.05)
    path = tmp_path / "store.db"
    with closing(Store(path)) as store, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            store.remember(a="b")
        assert [] == store.calendars(), "readers are not kept waiting"


# -- values


ODD_UIDS = [
    "tab\there",
    "nul\x00here",
    "emoji \N{SNOWMAN}",
    "quote ' \" \\ %",
    "x" * 1024,
    "123",
    "null",
    "ü",
    "u\u0308",
    "[1]",
]


@pytest.mark.parametrize("uid", ODD_UIDS)
def test_odd_uids(tmp_path: Path, uid: str) -> None:
    """Whatever a UID is made of, its event comes, changes and goes."""
    with memory_gateway(tmp_path) as gateway:
        calendar = gateway.calendar()
        kept = gateway.memory.put(calendar, event("other", "20260601T090000Z"))
        first = gateway.memory.put(calendar, event(uid, "20260602T090000Z"))
        second = gateway.memory.put(calendar, event(uid, "20260603T090000Z"))
        gateway.run()
        assert [span(1, 9), span(3, 9)] == gateway.busy
        gateway.memory.delete(calendar, second)
        gateway.run()
        assert [span(1, 9), span(2, 9)] == gateway.busy
        gateway.memory.delete(calendar, first)
        gateway.run()
        assert [span(1, 9)] == gateway.busy
        gateway.memory.delete(calendar, kept)
        gateway.run()
        assert [] == gateway.busy


def test_troubles_name_item_uid_and_reason(tmp_path: Path) -> None:
    """What was skipped is listed with where it is; what was refused with its UID."""
    with memory_gateway(tmp_path) as gateway:
        calendar = gateway.calendar()
        gateway.memory.put(calendar, event("bad", "junk"), href="bad.ics")
        gateway.memory.put(calendar, event("runaway", "20260602T090000Z", "RRULE:FREQ=SECONDLY"))
        gateway.memory.put(calendar, b"no calendar", href="mail.txt")
        gateway.run()
        [state] = gateway.store.calendars()
        skipped, refused = gateway.store.troubles(state.id)
        assert ("bad.ics", "bad") == skipped[:2]
        assert ("", "runaway") == refused[:2]
        assert {"no-calendar": 1} == gateway.store.notes(state.id)


# -- spans


objects = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 20), st.integers(1, 3)), max_size=4
).map(lambda some: coalesce((start, start + length, kind) for start, length, kind in some))
changes = st.lists(
    st.dictionaries(st.sampled_from("abcdef"), objects | st.none(), max_size=4), max_size=8
)


@settings(max_examples=30, deadline=None)
@given(changes, st.integers(0, 50), st.integers(1, 40))
def test_spans_are_those_of_all_objects(
    changes: list[dict[str, list[Span] | None]], start: int, length: int
) -> None:
    """Whatever objects come, change and go, in whatever pages, a window shows what they say."""
    window = start, start + length
    with TemporaryDirectory() as directory, closing(Store(Path(directory) / "s.db")) as store:
        calendar = store.calendar("hans", "mail", "key", "Calendar").id
        held: dict[str, list[Span]] = {}
        for change in changes:
            things = [ObjectSpans(uid, s, None, None) for uid, s in change.items() if s is not None]
            gone = [uid for uid, spans in change.items() if spans is None]
            store.write(calendar, Page("1", 1, (), (), things, gone, {}))
            held |= {thing.uid: thing.spans for thing in things}
            held = {uid: spans for uid, spans in held.items() if uid not in gone}
            everything = (each for spans in held.values() for each in spans)
            found = store.spans("hans", *window)
            assert coalesce(clip(everything, *window)) == coalesce(clip(found, *window))
