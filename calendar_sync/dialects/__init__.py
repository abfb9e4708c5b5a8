"""Calendar objects to and from the messages of a calendar folder, in the dialects there are.

What is read and written here is whole objects, with all their text; the formats beside
this package read the same messages for free/busy alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from calendar_sync.dialects import (
    canonical,
    icalendar,
    kolab2,
    kolab2writing,
    kolab3,
    messages,
    objects,
    outlook,
)
from calendar_sync.dialects.canonical import newness, normal
from calendar_sync.dialects.messages import Context, Envelope
from calendar_sync.formats import icalendar as formats_icalendar
from calendar_sync.formats import kolab2 as formats_kolab2
from calendar_sync.formats import kolab3 as formats_kolab3
from calendar_sync.formats import message as mime
from calendar_sync.formats import tnef
from freebusy.errors import CalendarDataError
from freebusy.ports.connector import Dialect

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from calendar_sync.dialects.objects import CalendarObject, Component
    from calendar_sync.formats.part import Format, Part

    Reader = Callable[[Part, Context], list[Component]]
    Writer = Callable[[CalendarObject, Envelope, str, set[str]], bytes]

__all__ = ["Dialect", "Read", "Written", "newness", "normal", "read", "write"]


@dataclass(frozen=True, slots=True)
class Read:
    """An object, as it was in a message."""

    uid: str
    calendar: str = field(repr=False)
    """A whole iCalendar object with CRLF."""
    dialect: Dialect | Literal["tnef"]
    is_partial: bool = False
    """Whether it holds only changed instances (RECURRENCE-ID)."""
    change: str | None = None
    """Which change of a connector wrote it."""


@dataclass(frozen=True, slots=True)
class Written:
    """The message of an object."""

    message: bytes = field(repr=False)
    """With CRLF, ready for APPEND."""
    losses: tuple[str, ...] = ()
    """Sorted names of properties, components and parameters that the dialect cannot hold."""


def read(message: bytes, *, zone: str) -> Read | None:
    """Return the object in a message; None for mail that is no calendar item.

    ``zone`` is the owner's IANA zone, on whose clock Kolab 2 series are.  Of a message
    that says the same in two dialects one is read, in the order of
    ``calendar_sync.formats.message.FORMATS``.  Raises CalendarDataError, which quotes
    nothing, for a calendar item that cannot be read.
    """
    context = Context(zone, mime.parts(message))
    failures: list[CalendarDataError] = []
    for dialect, form, reader in _DIALECTS:
        found: list[CalendarObject] = []
        for part in filter(form.matches, context.parts):
            try:
                found += [objects.identified(each) for each in reader(part, context)]
            except CalendarDataError as error:
                failures.append(error)
        if found:
            thing = _newest(found)
            calendar = objects.text(thing.calendar)
            change = messages.change_of(message)
            return Read(thing.uid, calendar, dialect, thing.is_partial, change)
    if failures:
        raise failures[0]
    return None


def _newest(found: list[CalendarObject]) -> CalendarObject:
    """Return the one object of a message: of several versions of it the newest."""
    if len({thing.uid for thing in found}) > 1:
        raise CalendarDataError("a message with several calendar objects")
    return max(found, key=canonical.age)


_DIALECTS: tuple[tuple[Dialect | Literal["tnef"], Format, Reader], ...] = (
    ("kolab3", formats_kolab3.FORMAT, kolab3.read),
    ("kolab2", formats_kolab2.FORMAT, kolab2.read),
    ("icalendar", formats_icalendar.FORMAT, icalendar.read),
    ("tnef", tnef.FORMAT, outlook.read),
)
"""In the order in which free/busy reads them."""


def write(
    calendar: str, dialect: Dialect, *, change: str, zone: str, now: datetime, author: str
) -> Written:
    """Return the message of an object that a client hands in.

    ``change`` is the client's name of the change, kept in a header; ``zone`` is the owner's
    IANA zone; ``author`` stands in the From header.  Raises CalendarDataError, with one
    line for the client that quotes nothing, for a text that is not one object with a UID,
    and for one that the dialect cannot hold at all.
    """
    thing = objects.parse(calendar)
    envelope = Envelope(thing.uid, author, now, change)
    losses: set[str] = set()
    message = _WRITERS[dialect](thing, envelope, zone, losses)
    return Written(message, tuple(sorted(losses)))


_WRITERS: dict[Dialect, Writer] = {
    "icalendar": icalendar.write,
    "kolab2": kolab2writing.write,
    "kolab3": kolab3.write,
}
