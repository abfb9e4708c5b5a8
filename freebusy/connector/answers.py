"""What another server answered: read by our reader, and kept as times alone."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from freebusy.errors import CalendarDataError, ElsewhereError, NotFreeBusyError
from freebusy.period import TimeRange, clip
from freebusy.vfreebusy import read_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from freebusy.period import Span
    from freebusy.vfreebusy import Told

_AS_OF = re.compile(rb"^COMMENT:as of (\d{8}T\d{6})Z\r?$", re.MULTILINE)
"""What a gateway such as this one writes while it cannot read the calendars."""
_STAMP = re.compile(rb"^DTSTAMP:(\d{8}T\d{6})Z\r?$", re.MULTILINE)
_ENTRY = 400
"""About so many octets does an answer take beside its periods."""


@dataclass(frozen=True, slots=True)
class Answer:
    """When one person is busy, packed: thousands of these are kept."""

    window: TimeRange
    as_of: datetime
    numbers: array[int]
    """Start, end and type of each period, one after the other."""
    is_stale: bool = False
    """Whether the calendars could not be read since."""

    @property
    def size(self) -> int:
        """Return about how many octets it takes."""
        return _ENTRY + self.numbers.itemsize * len(self.numbers)

    def spans(self) -> Iterator[Span]:
        """Yield the periods as spans."""
        numbers = iter(self.numbers)
        return zip(numbers, numbers, numbers, strict=True)

    def within(self, wanted: TimeRange | None) -> tuple[TimeRange, Iterator[Span]] | None:
        """Return what is known of a range, and what of it is busy; None where nothing is."""
        known = self.window if wanted is None else _common(self.window, wanted)
        return None if known is None else (known, clip(self.spans(), *known.seconds))


def _common(one: TimeRange, other: TimeRange) -> TimeRange | None:
    start, end = max(one.start, other.start), min(one.end, other.end)
    return TimeRange(start, end) if start < end else None


def packed(told: Told, as_of: datetime, *, is_stale: bool) -> Answer:
    """Return what a file says as an answer."""
    numbers = array("q", (number for span in told.spans for number in span))
    return Answer(told.window, as_of, numbers, is_stale)


def read_answer(body: bytes, now: datetime, *, zone: str | None = None) -> Answer | None:
    """Read another server's answer; None for what says nothing of anybody.

    ``zone`` is that of times without one.  Raises ElsewhereError for a free/busy file that
    cannot be read; an error page, or whatever else is none, is an answer for nobody.
    """
    try:
        told = read_file(body, zone=zone)
    except NotFreeBusyError:
        if b"VFREEBUSY" in body.replace(b"\0", b"").upper():
            raise ElsewhereError("content") from None
        return None
    except CalendarDataError:
        raise ElsewhereError("content") from None
    start, end = told.window.seconds
    if end - start <= 1 and not told.spans:
        return None  # so a gateway answers that does not say who is unknown to it
    is_stale = _AS_OF.search(body) is not None
    return packed(told, min(_stated(body) or now, now), is_stale=is_stale)


def _stated(body: bytes) -> datetime | None:
    """Return the time up to which a file says that it knows, by its own writing."""
    found = _AS_OF.search(body) or _STAMP.search(body)
    try:
        return (
            None
            if found is None
            else datetime.strptime(found[1].decode(), "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        )
    except ValueError:
        return None
