"""Parts of a run: the bounds of a page, which keep memory flat however large a calendar is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from freebusy.ports import SourceItem


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a source holds at once, in items and bytes."""

    page_items: int = 500
    """A round trip to a worker process costs 0.7 ms against 60 µs for an item."""
    page_bytes: int = 4 << 20
    """One item more may be in a page that is not yet full."""
    max_item: int = 1 << 20
    """Of a larger item only the first ``head_bytes`` are delivered."""
    head_bytes: int = 256 << 10
    """Enough for DTSTART and DTEND of an event with a large description before them."""

    def cut(self, body: bytes) -> tuple[bytes, bool]:
        """Return the part of a body that is delivered, and whether it is not all of it."""
        if len(body) <= self.max_item:
            return body, False
        return body[: self.head_bytes], True


def paged(items: Iterable[SourceItem], limits: Limits) -> Iterator[tuple[list[SourceItem], bool]]:
    """Gather items into lists of at most ``page_items`` items and about ``page_bytes`` bytes.

    Each list comes with whether it is the last; where there are no items, one empty
    list comes.  At most one item is read ahead of the list that is handed over.
    """
    page: list[SourceItem] = []
    size = 0
    for item in items:
        if page and (len(page) >= limits.page_items or size >= limits.page_bytes):
            yield page, False
            page, size = [], 0
        page.append(item)
        size += len(item.body)
    yield page, True
