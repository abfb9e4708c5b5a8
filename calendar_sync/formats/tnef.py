"""TNEF, Outlook's ``winmail.dat`` (MS-OXTNEF): the appointments in it and in its attachments.

The container is read by us: tnefparse, the library there is, follows embedded messages
without end, takes as many values as a list claims to have, and is LGPL.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from calendar_sync.formats import appointment, encoding
from calendar_sync.formats.mapi import STRING, Key, Properties, Value, read_properties
from calendar_sync.formats.part import Format, Part
from freebusy.errors import BudgetExceededError, CalendarDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIGNATURE = struct.pack("<I", 0x223E9F78)
MAX_DEPTH = 8
"""Of messages in messages."""
MAX_MESSAGES = 200
MAX_ATTRIBUTES = 20_000
"""Of one message: ten for each attachment, and a dozen."""

_ATTRIBUTE = struct.Struct("<BII")
_MESSAGE_CLASS, _MESSAGE_PROPERTIES = 0x00078008, 0x00069003
_ATTACHMENT_DATA, _ATTACHMENT_PROPERTIES = 0x0006800F, 0x00069005
_TEXTS: dict[int, Key] = {0x00018004: (b"", 0x0037), 0x0002800C: (b"", 0x1000)}
"""Attributes that stand for a property: subject and body."""
_CLASS_PROPERTY = (b"", 0x001A)
_ATTACHED_OBJECT = (b"", 0x3701)
_IMESSAGE = bytes.fromhex("07030200 0000 0000 C000 000000000046")
_MEDIA = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})


@dataclass(slots=True)
class _Message:
    """A message of the container."""

    kind: str = ""
    """Its class, lower case."""
    properties: Properties = field(default_factory=lambda: Properties({}, complete=True))
    attached: list[memoryview] = field(default_factory=list)
    """What may be a message, or calendar text."""


def read(part: Part) -> list[bytes]:
    """Return the appointments in a TNEF part as iCalendar, each as a text of its own.

    Empty for a part that only has the name of one.  Raises CalendarDataError where one is no
    TNEF, or an appointment has no times, and BudgetExceededError beyond the bounds above.
    """
    return read_with(part, appointment.to_calendar)


def read_with(part: Part, to_calendar: Callable[[str, Properties], bytes]) -> list[bytes]:
    """Return what ``to_calendar`` makes of each appointment; raises as :func:`read`.

    It is given the class of the message in lower case and its properties.
    """
    content = part.content
    if content[:4] != SIGNATURE:
        if part.media not in _MEDIA:
            return []
        raise CalendarDataError("a TNEF part that is none")
    return list(_Walk(to_calendar).texts(memoryview(content), 0))


class _Walk:
    """A walk over the messages of one part."""

    def __init__(self, to_calendar: Callable[[str, Properties], bytes]) -> None:
        self._messages = 0
        self._to_calendar = to_calendar

    def texts(self, data: memoryview, depth: int) -> Iterator[bytes]:
        """Yield the texts in a stream."""
        self._messages += 1
        if depth > MAX_DEPTH or self._messages > MAX_MESSAGES:
            raise BudgetExceededError("a TNEF part with too many messages, or too deep")
        message = _read_message(data)
        if appointment.is_appointment(message.kind, message.properties):
            # what is attached to an appointment, such as its own exceptions, is none of its own
            yield self._to_calendar(message.kind, message.properties)
            return
        for attached in message.attached:
            yield from self._attached(attached, depth)

    def _attached(self, data: memoryview, depth: int) -> Iterator[bytes]:
        if data[:16] == _IMESSAGE:
            data = data[16:]
        if data[:4] == SIGNATURE:
            yield from self.texts(data, depth + 1)
        elif bytes(data[:100]).lstrip(b"\xef\xbb\xbf \t\r\n").upper().startswith(b"BEGIN:VCAL"):
            yield encoding.to_utf8(bytes(data), "utf-8")


def _read_message(data: memoryview) -> _Message:
    message = _Message()
    texts: dict[Key, Value] = {}
    for number, (attribute, content) in enumerate(_attributes(data)):
        if number >= MAX_ATTRIBUTES:
            raise BudgetExceededError("a TNEF part with too many attributes")
        if attribute == _MESSAGE_CLASS:
            message.kind = bytes(content[:256]).decode("ascii", "replace").rstrip("\0").lower()
        elif attribute == _MESSAGE_PROPERTIES:
            message.properties = read_properties(content)
        elif attribute in _TEXTS:
            texts[_TEXTS[attribute]] = Value(STRING, content)
        elif attribute == _ATTACHMENT_DATA:
            message.attached.append(content)
        elif attribute == _ATTACHMENT_PROPERTIES:
            message.attached.append(read_properties(content).object(_ATTACHED_OBJECT))
    for key, text in texts.items():
        message.properties.values.setdefault(key, text)
    # an embedded message has its class among its properties only
    message.kind = message.properties.text(_CLASS_PROPERTY).lower() or message.kind
    return message


def _attributes(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield each attribute's ID and octets; of a stream that is cut off the last in part.

    The checksum is not asked: writers get it wrong, and what follows is checked anyway.
    """
    at = 6  # behind the signature and the key
    while at + _ATTRIBUTE.size <= len(data):
        _, attribute, length = _ATTRIBUTE.unpack_from(data, at)
        at += _ATTRIBUTE.size
        yield attribute, data[at : at + length]
        at += length + 2


FORMAT = Format(
    media=_MEDIA,
    endings=("winmail.dat", "win.dat"),
    read=read,
)
