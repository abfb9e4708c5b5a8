"""Running ahead: bounded, in order, and over when the consumer is."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from freebusy.prefetch import ahead
from tests.processes import until

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 10.0


class Pages:
    """An iterator that says how far it was read, and whether it was closed."""

    def __init__(self, count: int, error: BaseException | None = None) -> None:
        self.count = count
        self.error = error
        self.given = 0
        self.closed = threading.Event()
        self.thread = 0

    def __iter__(self) -> Iterator[int]:
        self.thread = threading.get_ident()
        try:
            while self.given < self.count:
                self.given += 1
                yield self.given
            if self.error is not None:
                raise self.error
        finally:
            self.closed.set()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_everything_comes_in_order(count: int, depth: int) -> None:
    """Whatever the depth, the pages are those of the iterator."""
    pages = Pages(count)
    assert list(range(1, count + 1)) == list(ahead(iter(pages), depth))
    assert pages.thread != threading.get_ident()


def test_pages_are_fetched_before_they_are_asked_for() -> None:
    """While the first page is in hand, the next ones are on their way: so many and no more."""
    pages = Pages(50)
    running = ahead(iter(pages), 3)
    assert 1 == next(running)
    # three in the queue, and one in the hand of whoever fetches
    until(lambda: pages.given == 5, "five pages are fetched")
    assert 2 == next(running)
    until(lambda: pages.given == 6, "a sixth page is fetched")
    assert list(range(3, 51)) == list(running)


def test_an_error_comes_after_the_pages_before_it() -> None:
    """What the iterator raises is raised to the consumer, itself."""
    error = LookupError("gone")
    found: list[int] = []
    with pytest.raises(LookupError) as raised:
        found.extend(ahead(iter(Pages(3, error))))
    assert error is raised.value
    running = ahead(iter(Pages(2, error)))
    assert [1, 2] == [next(running), next(running)]
    with pytest.raises(LookupError):
        next(running)


def test_an_interrupt_comes_through() -> None:
    """Not only Exceptions: nothing is lost between the threads."""
    with pytest.raises(KeyboardInterrupt):
        list(ahead(iter(Pages(1, KeyboardInterrupt()))))


def test_a_consumer_that_stops_ends_the_thread() -> None:
    """After close() nobody fetches any more, and the thread is gone."""
    before = set(threading.enumerate())
    pages = Pages(10**6)
    running = ahead(iter(pages), 2)
    next(running)
    running.close()  # type: ignore[attr-defined]  # a generator
    assert pages.given <= 5
    assert before == set(threading.enumerate())


def test_a_consumer_that_fails_ends_the_thread() -> None:
    """An error of the consumer's own comes out, and the thread is gone."""
    before = set(threading.enumerate())
    with pytest.raises(ZeroDivisionError):
        [page / (page - page) for page in ahead(iter(Pages(10**6)), 2)]
    until(lambda: before == set(threading.enumerate()), "the thread ends")


def test_nothing_is_fetched_before_the_first_is_asked_for() -> None:
    """Making the generator starts no thread."""
    pages = Pages(3)
    running = ahead(iter(pages))
    assert 0 == pages.given
    assert [1, 2, 3] == list(running)
    assert pages.closed.wait(PATIENCE)
