"""From an item of a calendar folder to iCalendar text, whatever it is wrapped in.

Each format is one module with a ``FORMAT``, and one line in ``message.FORMATS``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from calendar_sync.formats import message
from freebusy.errors import CalendarDataError
from freebusy.ports import ICALENDAR, MESSAGE

if TYPE_CHECKING:
    from freebusy.ports import SourceItem


def extract(item: SourceItem) -> list[bytes]:
    """Return the iCalendar texts in an item (``freebusy.ports.ItemExtractor``).

    Empty for messages without any, such as mail and notes.  Text from messages is
    UTF-8; that of ``text/calendar`` items is as it was stored.
    Raises CalendarDataError where the item cannot be read.
    """
    if item.media == ICALENDAR:
        return [item.body]
    if item.media == MESSAGE:
        return message.calendar_texts(item.body)
    raise CalendarDataError("an item of no known media type")
