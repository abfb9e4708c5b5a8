"""What the contract of calendar sources needs: a place to change, a replica, a watch."""

from __future__ import annotations

import re
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import pytest

from freebusy.ports import WatchableSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from freebusy.ports import Calendar, CalendarSource, Owner, SourceItem, SyncPage, SyncToken

DEADLINE = 20.0
"""Seconds that a change may take to show on a busy machine; tests poll, they never sleep."""


class Place(Protocol):
    """What lies behind a source, as another client of it sees and changes it.

    It starts with at least three owners, each with one empty calendar.  ``add`` and
    the other changes concern the calendar of the first owner unless told otherwise,
    and are done when they return.
    """

    @property
    def owners(self) -> Sequence[Owner]:
        """Three or more people with one calendar each."""

    @property
    def max_item(self) -> int:
        """The ``max_item`` that ``make_source`` gives its sources: choose a small one."""

    @property
    def page_items(self) -> int:
        """The most items that one page may hold."""

    @property
    def page_bytes(self) -> int:
        """The most bytes that one page may hold, one last item not counted."""

    def make_source(self) -> CalendarSource:
        """Return a new source of this place; the contract closes it."""

    def add(self, ics: bytes, *, owner: Owner | None = None) -> str:
        """Store one object and return a key for ``change`` and ``delete``."""

    def change(self, key: str, ics: bytes) -> str:
        """Replace an object as clients do here and return its key from now on."""

    def delete(self, key: str) -> None:
        """Delete an object."""

    def empty(self) -> None:
        """Delete every object; the calendar itself stays."""

    def remove_calendar(self) -> None:
        """Delete the calendar, so that the first owner has none."""

    def replace_calendar(self) -> None:
        """Delete the calendar and make a new, empty one of the same name."""

    def unplug(self) -> None:
        """Make the place unreachable."""

    def replug(self) -> None:
        """Make the place reachable again, with everything that was in it."""

    def snapshot(self) -> object:
        """Return all that another client can see, flags included, to be compared with ``==``."""


def event(uid: str, summary: str = "Meeting", hour: int = 9, *, padding: int = 0) -> bytes:
    """Return a calendar object of one event, ``padding`` bytes larger than it need be."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//contract//EN", "BEGIN:VEVENT"]
    lines += [f"UID:{uid}", "DTSTAMP:20260101T000000Z", f"DTSTART:20260601T{hour:02d}0000Z"]
    lines += [f"DTEND:20260601T{hour:02d}3000Z", f"SUMMARY:{summary}"]
    lines += ["X-PADDING:" + "x" * 60] * (padding // 72)
    lines += ["END:VEVENT", "END:VCALENDAR", ""]
    return "\r\n".join(lines).encode()


def summary_of(item: SourceItem) -> str:
    """Return ``UID SUMMARY`` of an item that ``event`` made, however it is wrapped."""
    uid = re.search(rb"^UID:(\S+)", item.body, re.MULTILINE)
    summary = re.search(rb"^SUMMARY:(\S+)", item.body, re.MULTILINE)
    return b" ".join(found[1] for found in (uid, summary) if found).decode()


class Replica:
    """What a consumer holds that applies pages in the way ``SyncPage`` says."""

    def __init__(self) -> None:
        self.items: dict[str, tuple[str, SourceItem]] = {}
        self.token: SyncToken | None = None
        self.pages: list[SyncPage] = []

    def run(self, source: CalendarSource, calendar: Calendar) -> Replica:
        """Do one run from the last token and apply it."""
        self.pages = list(source.sync(calendar, self.token))
        delivered = set()
        for page in self.pages:
            for href in page.gone:
                self.items.pop(href, None)
            for item in page.items:
                self.items[item.href] = (page.generation, item)
                delivered.add(item.href)
        last = self.pages[-1]
        for href, (generation, _) in list(self.items.items()):
            if generation != last.generation or (last.fresh and href not in delivered):
                del self.items[href]
        self.token = last.token
        return self

    @property
    def objects(self) -> list[str]:
        """All objects held, sorted."""
        return sorted(summary_of(item) for _, item in self.items.values())

    @property
    def delivered(self) -> list[str]:
        """The objects that the last run delivered, sorted."""
        return sorted(summary_of(item) for page in self.pages for item in page.items)

    @property
    def gone(self) -> list[str]:
        """The hrefs that the last run reported gone, sorted."""
        return sorted(href for page in self.pages for href in page.gone)


class Watching:
    """A ``watch`` that runs in a thread of its own until the block ends."""

    def __init__(self, source: WatchableSource, calendars: Sequence[Calendar]) -> None:
        self.calls: list[Calendar | Owner] = []
        self.error: BaseException | None = None
        self.stop = threading.Event()
        self._called = threading.Condition()
        self._source = source
        self._calendars = calendars
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self._source.watch(self._calendars, self._changed, self.stop)
        except BaseException as error:  # noqa: BLE001 - handed to the test that watches
            self.error = error

    def _changed(self, changed: Calendar | Owner) -> None:
        with self._called:
            self.calls.append(changed)
            self._called.notify_all()

    def wait(self, calendar: Calendar, *, after: int = 0, seconds: float = DEADLINE) -> bool:
        """Whether ``calendar`` was reported among the calls from number ``after`` on."""
        with self._called:
            return self._called.wait_for(lambda: calendar in self.calls[after:], seconds)

    def settle(self, calendar: Calendar, change: Callable[[], object]) -> None:
        """Make changes until one is reported: from then on the watch is ready."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end and not self.error:
            change()
            if self.wait(calendar, seconds=0.5):
                return
        pytest.fail(f"no change was reported; the watch ended with {self.error!r}")

    def quiet(self, seconds: float = 1.0) -> int:
        """Wait until no report came for so long; return how many there were."""
        count = -1
        with self._called:
            while count != len(self.calls):
                count = len(self.calls)
                self._called.wait(seconds)
        return count

    def end(self) -> float:
        """Set ``stop`` and return how many seconds the return took."""
        start = time.monotonic()
        self.stop.set()
        self.thread.join(DEADLINE)
        return time.monotonic() - start


@contextmanager
def watching(source: CalendarSource, calendars: Sequence[Calendar]) -> Iterator[Watching]:
    """Watch calendars during the block."""
    if not isinstance(source, WatchableSource):
        pytest.skip("this source does not watch")
    watch = Watching(source, calendars)
    watch.thread.start()
    try:
        yield watch
    finally:
        watch.end()
    if watch.error is not None:
        raise watch.error


class OnAPlace:
    """The fixtures that the parts of the contract share."""

    quiet = 1.0
    """Seconds after which this source would have reported what changed before."""
    many = 1201
    """Objects in the paging tests; more than fit on one page, where that is cheap."""

    @pytest.fixture
    def place(self) -> Iterator[Place]:
        raise NotImplementedError("a contract test overrides the fixture 'place'")

    @pytest.fixture
    def source(self, place: Place) -> Iterator[CalendarSource]:
        source = place.make_source()
        yield source
        source.close()

    @pytest.fixture
    def owner(self, place: Place) -> Owner:
        return place.owners[0]

    @pytest.fixture
    def calendar(self, source: CalendarSource, owner: Owner) -> Calendar:
        return source.calendars(owner)[0]
