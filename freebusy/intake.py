"""One run of one calendar into the store, page by page.

Everything that a page means is worked out before its transaction begins: which
items it replaces, which objects it touches, what those amount to together with
what other items hold.  Then all of it is written at once.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from freebusy.busyrecord import READER_VERSION
from freebusy.expanding import BATCH
from freebusy.pagewriting import Page
from freebusy.ports import SyncToken

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future

    from freebusy.ports import SyncPage
    from freebusy.store import CalendarState, Store
    from freebusy.worker import BatchReading, Expanding, ObjectSpans, Workers


def _done(reading: tuple[SyncPage, Future[BatchReading]]) -> tuple[SyncPage, BatchReading]:
    page, batch = reading
    return page, batch.result()


class Run:
    """A sync run under way; the caller holds the person's sync lock."""

    def __init__(
        self, store: Store, workers: Workers, state: CalendarState, task: Expanding, basis: str
    ) -> None:
        self._store = store
        self._workers = workers
        self._state = state
        self._task = task
        self._basis = basis
        self._fresh = False
        self._delivered = 0
        self.changed = False
        """Whether anything in the calendar changed."""

    @property
    def token(self) -> SyncToken | None:
        """Where the run starts; None where another reader's work must be read anew."""
        state = self._state
        usable = state.token is not None and state.reader == READER_VERSION
        return SyncToken(state.token) if usable and state.token is not None else None

    def leaves_nothing(self, page: SyncPage) -> bool:
        """Whether this last page of a fresh run would empty a calendar that held something.

        Nothing proves it: the server may have lost the folder, or made it anew.
        """
        fresh = self._fresh or page.fresh
        empty = self._delivered == 0 and not page.items
        return fresh and empty and self._store.item_count(self._state.id) > 0

    def readings(self, pages: Iterator[SyncPage]) -> Iterator[tuple[SyncPage, BatchReading]]:
        """Yield each page with what its items gave, as many at once as there are workers.

        Reading rests on nothing that the store holds, so pages need not wait for one another.
        """
        under_way: deque[tuple[SyncPage, Future[BatchReading]]] = deque()
        with ThreadPoolExecutor(self._workers.processes) as readers:
            for page in pages:
                if page.token is not None and not under_way:  # a page by itself: most changes
                    yield page, self._workers.read(page.items, self._task)
                    return
                reading = readers.submit(self._workers.read, page.items, self._task)
                under_way.append((page, reading))
                if len(under_way) >= self._workers.processes:
                    yield _done(under_way.popleft())
            while under_way:
                yield _done(under_way.popleft())

    def write(self, page: SyncPage, batch: BatchReading, now: int) -> None:
        """Write one page; with the last, its token and the news that all went well."""
        self._fresh = self._fresh or page.fresh
        self._delivered += len(page.items)
        number = self._state.run + self._fresh
        leaving = self._leaving(page, number)
        if not (page.items or leaving):
            self._note(page, now)
            return
        self.changed = True
        objects, emptied = self._objects(batch, leaving)
        state = self._columns(page, now, changed=True)
        if any(item.uids for item in batch.items):
            state["ever_held"] = True
        self._store.write(
            self._state.id,
            Page(page.generation, number, batch.items, leaving, objects, emptied, state),
        )

    def _note(self, page: SyncPage, now: int) -> None:
        columns = self._columns(page, now, changed=False)
        if columns:
            self._store.note(self._state.id, **columns)

    def _leaving(self, page: SyncPage, number: int) -> set[int]:
        """Return the ids of items that this page replaces, reports gone, or outlives."""
        hrefs = [*(item.href for item in page.items), *page.gone]
        leaving = set(self._store.item_ids(self._state.id, page.generation, hrefs).values())
        if page.token is not None and self._fresh:
            leaving.update(self._store.outdated(self._state.id, page.generation, number))
        return leaving

    def _columns(self, page: SyncPage, now: int, *, changed: bool) -> dict[str, Any]:
        """Return what the calendar's own row says from this page on."""
        columns: dict[str, Any] = {"last_change": now} if changed else {}
        if self._state.horizon_start is None:
            start, end = self._task.horizon
            columns |= {"horizon_start": start, "horizon_end": end, "basis": self._basis}
        number = self._state.run + self._fresh
        if page.token is None:
            # If the run breaks off now, items are here that no token knows: what of them goes
            # before the next run, nobody reports gone.  So that one must deliver everything.
            return columns | {"token": None, "run": number}
        return columns | {
            "token": str(page.token),
            "generation": page.generation,
            "run": number,
            "reader": READER_VERSION,
            "last_attempt": now,
            "last_success": now,
            "error": None,
            "doubted_since": None,
            "doubts": 0,
        }

    def _objects(
        self, batch: BatchReading, leaving: set[int]
    ) -> tuple[list[ObjectSpans], list[str]]:
        """Return the objects that a page touches, expanded, and the UIDs it leaves unheld."""
        alone = {thing.uid: thing for thing in batch.objects}
        touched = self._store.uids_of(leaving) | alone.keys()
        others = self._store.holders(self._state.id, touched, without=leaving)
        objects = [thing for uid, thing in alone.items() if uid not in others]
        objects += self._together(batch, others)
        emptied = [uid for uid in touched if uid not in others and uid not in alone]
        return objects, emptied

    def _together(
        self, batch: BatchReading, others: dict[str, list[tuple[int, str]]]
    ) -> Iterator[ObjectSpans]:
        """Expand objects that this page's items and others hold between them."""
        for item in batch.items:
            for uid in item.uids:
                if uid in others:
                    others[uid].append((item.order, item.records))
        parts: Sequence[tuple[str, list[str]]] = [
            (uid, [text for _, text in sorted(texts, key=lambda one: one[0])])
            for uid, texts in others.items()
        ]
        for at in range(0, len(parts), BATCH):
            yield from self._workers.expand(parts[at : at + BATCH], self._task)
