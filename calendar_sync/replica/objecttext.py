"""One item as text: whose UID it has, and one object out of several messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calendar_sync.dialects import objects
from freebusy.contentline import accept_byte_order_mark, accept_utf16
from freebusy.errors import CalendarDataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from calendar_sync.dialects.objects import Component


def text_of(body: bytes) -> str:
    """Return a file's text as it is sent; CalendarDataError where it is not in UTF-8."""
    try:
        return accept_byte_order_mark(accept_utf16(body)).decode()
    except UnicodeDecodeError:
        raise CalendarDataError("it is not in UTF-8") from None


def uid_of(body: bytes) -> str:
    """Return the UID of all components in a file.

    Raises CalendarDataError for what is not one whole object, as the server would.
    """
    return objects.parse(text_of(body)).uid


def whole(calendars: Sequence[str]) -> str:
    """Return one object out of the messages of one UID, the one that rules first.

    What only changes instances (RECURRENCE-ID) comes after it, the newest first: of two
    that change the same instance the first one counts.  Raises CalendarDataError.
    """
    if len(calendars) == 1:
        return calendars[0]
    first = objects.parse(calendars[0]).calendar
    known = {_identity(part) for part in first.parts}
    for text in calendars[1:]:
        for part in objects.parse(text).calendar.parts:
            if _identity(part) not in known:
                known.add(_identity(part))
                first.parts.append(part)
    first.parts.sort(key=lambda part: part.name != "VTIMEZONE")
    return objects.text(first)


def _identity(part: Component) -> tuple[str, str]:
    """Return which zone, or which instance of a series, a component is."""
    name = "TZID" if part.name == "VTIMEZONE" else "RECURRENCE-ID"
    return part.name, part.value(name)
