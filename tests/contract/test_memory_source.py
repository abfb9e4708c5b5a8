"""The memory source keeps the contract of calendar sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from calendar_sync.memory import MAX_GONE, MemorySource
from calendar_sync.pages import Limits
from freebusy.ports import MESSAGE, Owner, SyncToken, WatchableSource
from tests.contract.place import Replica, event
from tests.contract.source_contract import CalendarSourceContract

if TYPE_CHECKING:
    from freebusy.ports import CalendarSource

LIMITS = Limits(page_items=100, page_bytes=100_000, max_item=20_000, head_bytes=4_000)


class MemoryPlace:
    """A memory source and its calendars; ``make_source`` always gives the one source."""

    owners = tuple(Owner(name, f"{name}@example.com") for name in ("hans", "grete", "otto"))
    max_item = LIMITS.max_item
    page_items = LIMITS.page_items
    page_bytes = LIMITS.page_bytes

    def __init__(self) -> None:
        self.source = MemorySource(LIMITS)
        self.calendars = {owner: self.source.add_calendar(owner) for owner in self.owners}
        self.first = self.calendars[self.owners[0]]
        self.held: set[str] = set()

    def make_source(self) -> CalendarSource:
        return self.source

    def add(self, ics: bytes, *, owner: Owner | None = None) -> str:
        href = self.source.put(self.calendars[owner or self.owners[0]], ics)
        if owner in (None, self.owners[0]):
            self.held.add(href)
        return href

    def change(self, key: str, ics: bytes) -> str:
        return self.source.put(self.first, ics, href=key)

    def delete(self, key: str) -> None:
        self.held.remove(key)
        self.source.delete(self.first, key)

    def empty(self) -> None:
        for key in sorted(self.held):
            self.delete(key)

    def remove_calendar(self) -> None:
        self.source.remove_calendar(self.first)

    def replace_calendar(self) -> None:
        self.held.clear()
        self.source.add_calendar(self.owners[0])

    def unplug(self) -> None:
        self.source.offline = True

    def replug(self) -> None:
        self.source.offline = False

    def snapshot(self) -> object:
        return {key: (held.token, dict(held.items)) for key, held in self.source._calendars.items()}


class TestMemorySource(CalendarSourceContract):
    @pytest.fixture
    def place(self) -> MemoryPlace:
        return MemoryPlace()


def test_it_is_watchable() -> None:
    """The memory source has the add-on of watching."""
    assert isinstance(MemorySource(), WatchableSource)


def test_messages_keep_their_media_type() -> None:
    """An item can be stored as a MIME message under an href of the caller's."""
    source = MemorySource()
    calendar = source.add_calendar(Owner("hans", "hans@example.com"))
    source.put(calendar, b"Subject: x\r\n\r\n", href="17", media=MESSAGE)
    (page,) = source.sync(calendar, None)
    assert [("17", MESSAGE)] == [(item.href, item.media) for item in page.items]


def test_a_token_older_than_the_remembered_deletions_is_fresh() -> None:
    """Deletions are remembered up to a bound; a token from before it means a fresh run."""
    source = MemorySource()
    calendar = source.add_calendar(Owner("hans", "hans@example.com"))
    source.put(calendar, event("stays"))
    old = Replica().run(source, calendar)
    for number in range(MAX_GONE + 1):
        source.delete(calendar, source.put(calendar, b"", href=f"{number}"))
    assert old.run(source, calendar).pages[-1].fresh
    assert ["stays Meeting"] == old.objects


def test_a_number_from_the_future_is_no_token() -> None:
    """A token beyond the last change, as after a restart, means a fresh run."""
    source = MemorySource()
    calendar = source.add_calendar(Owner("hans", "hans@example.com"))
    (page,) = source.sync(calendar, None)
    (again,) = source.sync(calendar, SyncToken(str(page.token).replace(":0", ":9")))
    assert again.fresh
