"""The dialect ``icalendar``: the object as it is, in a text/calendar part (RFC 5545 §8.1).

Everything survives: lines are only folded anew.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from calendar_sync.dialects import messages, objects
from calendar_sync.formats import encoding
from freebusy import contentline

if TYPE_CHECKING:
    from calendar_sync.dialects.messages import Context, Envelope
    from calendar_sync.dialects.objects import CalendarObject, Component
    from calendar_sync.formats.part import Part

_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read(part: Part, _: Context) -> list[Component]:
    """Return the VCALENDAR in a part; raises CalendarDataError."""
    calendar = objects.tree(_utf8(part), strict=False)
    objects.accept_no_uid(calendar)
    return [calendar]


def _utf8(part: Part) -> bytes:
    """Return a part's text, unfolded before it is decoded: writers fold through characters."""
    content = part.content
    if content.startswith(_BOMS) or part.charset.startswith(("utf-16", "utf-32")):
        return encoding.to_utf8(content, part.charset)
    content = contentline.accept_any_line_end(contentline.accept_byte_order_mark(content))
    return encoding.to_utf8(content.replace(b"\n ", b"").replace(b"\n\t", b""), part.charset)


def write(thing: CalendarObject, envelope: Envelope, _zone: str, _losses: set[str]) -> bytes:
    """Return the message of an object."""
    media = f"text/calendar; charset=utf-8; component={thing.kind}"
    content = objects.text(thing.calendar).encode()
    return messages.single(envelope, messages.Body(media, content))
