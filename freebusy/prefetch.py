"""Let a blocking iterator run ahead in a thread of its own, by a bounded number of pages."""

from __future__ import annotations

import threading
from queue import Empty, Full, Queue
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

Page = TypeVar("Page")

_POLL = 0.1


def ahead(pages: Iterator[Page], depth: int = 2) -> Iterator[Page]:
    """Yield what ``pages`` yields, fetched up to ``depth`` pages before it is asked for.

    What the iterator raises is raised here.  When the consumer stops early the thread
    ends at its next page.
    """
    queue: Queue[tuple[str, Page | BaseException | None]] = Queue(depth)
    stop = threading.Event()
    fetcher = threading.Thread(target=_fetch, args=(pages, queue, stop), daemon=True)
    fetcher.start()
    try:
        while True:
            kind, value = queue.get()
            if kind == "page":
                yield value  # type: ignore[misc]  # the kind says which of the three it is
            elif kind == "error":
                raise value  # type: ignore[misc]  # as above
            else:
                return
    finally:
        stop.set()
        _drain(queue)
        fetcher.join()


def _fetch(
    pages: Iterator[Page],
    queue: Queue[tuple[str, Page | BaseException | None]],
    stop: threading.Event,
) -> None:
    try:
        for page in pages:
            _put(queue, ("page", page), stop)
            if stop.is_set():
                break
    except BaseException as error:  # noqa: BLE001 - raised again in the consumer's thread
        _put(queue, ("error", error), stop)
    else:
        _put(queue, ("end", None), stop)


def _put(
    queue: Queue[tuple[str, Page | BaseException | None]],
    value: tuple[str, Page | BaseException | None],
    stop: threading.Event,
) -> None:
    while not stop.is_set():
        try:
            queue.put(value, timeout=_POLL)
        except Full:
            continue
        return


def _drain(queue: Queue[tuple[str, Page | BaseException | None]]) -> None:
    try:
        while True:
            queue.get_nowait()
    except Empty:
        return
