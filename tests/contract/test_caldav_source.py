"""Calendars on a real Radicale, Xandikos and Cyrus keep the contract of calendar sources."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import pytest

from calendar_sync.caldav import CaldavSettings, CaldavSource
from calendar_sync.pages import Limits
from freebusy.ports import Owner
from tests.contract.place import Replica, event
from tests.contract.source_contract import CalendarSourceContract
from tests.contract.sync_contract import SyncContract
from tests.servers.davclient import DavClient
from tests.servers.mailserver import PASSWORD, checked, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from freebusy.ports import Calendar, CalendarSource
    from tests.contract.place import Place
    from tests.servers.cyrusdav import CyrusDav
    from tests.servers.davserver import Radicale, Xandikos

LIMITS = Limits(page_items=20, page_bytes=30_000, max_item=20_000, head_bytes=4_000)


class Server(Protocol):
    """What the servers have in common."""

    def new_user(self) -> str: ...
    def home(self, user: str) -> str: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...


def uid_of(ics: bytes) -> bytes:
    return ics.partition(b"\nUID:")[2].split()[0]


class DavPlace:
    """Three people with a calendar each, read by each person's own login."""

    max_item = LIMITS.max_item
    page_items = LIMITS.page_items
    page_bytes = LIMITS.page_bytes
    leaf = "work"

    def __init__(self, server: Server) -> None:
        self.server = server
        self.count = 0
        self.held: dict[tuple[Owner, bytes], str] = {}
        names = [server.new_user() for _ in range(3)]
        self.owners = tuple(Owner(name, f"{name}@example.com") for name in names)
        self.clients = {owner: DavClient(owner.name) for owner in self.owners}
        for owner in self.owners:
            self.clients[owner].make_collection(server.home(owner.name))
            self.make(owner)

    def make(self, owner: Owner) -> None:
        self.clients[owner].make_calendar(self.url(owner))

    def url(self, owner: Owner) -> str:
        return f"{self.server.home(owner.name)}{self.leaf}/"

    @property
    def settings(self) -> CaldavSettings:
        return CaldavSettings(
            self.server.home("{name}"),
            "{name}",
            PASSWORD,
            timeout=10,
            limits=LIMITS,
            poll_seconds=0.2,
        )

    def make_source(self) -> CalendarSource:
        return CaldavSource(self.settings)

    def add(self, ics: bytes, *, owner: Owner | None = None) -> str:
        owner = owner or self.owners[0]
        self.count += 1
        key = f"{self.url(owner)}{self.count:05d}.ics"
        with contextlib.suppress(KeyError):  # a UID may be in one resource only (RFC 4791 §4.1)
            self.clients[owner].delete(self.held.pop((owner, uid_of(ics))))
        self.clients[owner].put(key, ics)
        self.held[owner, uid_of(ics)] = key
        return key

    def change(self, key: str, ics: bytes) -> str:
        self.clients[self.owners[0]].put(key, ics)
        return key

    def delete(self, key: str) -> None:
        self.clients[self.owners[0]].delete(key)
        self.held = {of: each for of, each in self.held.items() if each != key}

    def empty(self) -> None:
        owner = self.owners[0]
        parts = urlsplit(self.url(owner))
        for path in self.clients[owner].members(self.url(owner)):
            self.delete(f"{parts.scheme}://{parts.netloc}{path}")

    def remove_calendar(self) -> None:
        self.delete(self.url(self.owners[0]))
        self.held.clear()

    def replace_calendar(self) -> None:
        self.remove_calendar()
        self.make(self.owners[0])

    def clear(self) -> None:
        """Make the calendars anew that a test may have changed."""
        for owner in {self.owners[0], *(owner for owner, _ in self.held)}:
            if self.clients[owner].exists(self.url(owner)):
                self.clients[owner].delete(self.url(owner))
            self.make(owner)
        self.held.clear()

    def unplug(self) -> None:
        self.server.stop()

    def replug(self) -> None:
        self.server.start()

    def snapshot(self) -> object:
        return self.clients[self.owners[0]].snapshot(self.url(self.owners[0]))


def cleared(kind: Callable[[Any], DavPlace], server: Server) -> DavPlace:
    """Return a place with empty calendars; people are made once, which takes the longest."""
    place = PLACES.get((kind, server))
    if place is None:
        place = PLACES[kind, server] = kind(server)
    else:
        place.clear()
    return place


PLACES: dict[tuple[Callable[[Any], DavPlace], Server], DavPlace] = {}


class PlainPlace(DavPlace):
    """The same, read without sync-collection, by comparing entity tags."""

    @property
    def settings(self) -> CaldavSettings:
        return replace(super().settings, sync_collection=False)


class CyrusPlace(DavPlace):
    """The same at Cyrus, where a home comes with a calendar that cannot be deleted."""

    @property
    def settings(self) -> CaldavSettings:
        return replace(super().settings, calendars=(self.leaf,))


class SharedPlace(CyrusPlace):
    """The same, read by one service login that has the rights ``lr`` and subscribed."""

    def __init__(self, server: CyrusDav) -> None:
        self.cyrus = server
        self.reader = server.new_user()
        super().__init__(server)

    def make(self, owner: Owner) -> None:
        super().make(owner)
        folder = f"#calendars.{self.leaf}"
        with self.cyrus.session(owner.name) as client:
            checked(client.setacl(quoted(f"INBOX.{folder}"), self.reader, "lr"))
        with self.cyrus.session(self.reader) as client:
            checked(client.subscribe(quoted(f"user.{owner.name}.{folder}")))

    @property
    def settings(self) -> CaldavSettings:
        home = self.server.home(self.reader)
        return replace(super().settings, url=home, username=self.reader, calendars=())


class TestRadicale(CalendarSourceContract):
    many = 31
    quiet = 0.6

    @pytest.fixture
    def place(self, radicale: Radicale) -> DavPlace:
        return cleared(DavPlace, radicale)


class TestEntityTags(SyncContract):
    many = 31
    quiet = 0.6

    @pytest.fixture
    def place(self, radicale: Radicale) -> DavPlace:
        return cleared(PlainPlace, radicale)

    def test_an_emptied_calendar_proves_it(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """It does not here: it may be another one, so a fresh run says that it is empty."""
        place.add(event("a"))
        replica = Replica().run(source, calendar)
        place.empty()
        replica.run(source, calendar)
        assert ([True], []) == ([page.fresh for page in replica.pages], replica.objects)


class TestXandikos(CalendarSourceContract):
    many = 31
    quiet = 0.6

    @pytest.fixture
    def place(self, xandikos: Xandikos) -> DavPlace:
        return cleared(DavPlace, xandikos)


@pytest.mark.cyrus
class TestCyrus(CalendarSourceContract):
    many = 31
    quiet = 0.6

    @pytest.fixture
    def place(self, cyrus_dav: CyrusDav) -> DavPlace:
        return cleared(CyrusPlace, cyrus_dav)


@pytest.mark.cyrus
class TestCyrusServiceLogin(SyncContract):
    many = 31
    quiet = 0.6

    @pytest.fixture
    def place(self, cyrus_dav: CyrusDav) -> DavPlace:
        return cleared(SharedPlace, cyrus_dav)
