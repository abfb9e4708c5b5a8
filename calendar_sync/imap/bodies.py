"""Which parts of a large message are calendar text, and how they are encoded.

BODYSTRUCTURE is RFC 3501 §7.4.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imapclient.exceptions import ProtocolError

from calendar_sync.formats import encoding, icalendar
from calendar_sync.formats.message import FORMATS
from calendar_sync.imap import extensions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from calendar_sync.formats.part import Format

MAX_PARTS = 1000
"""A message of more parts is not looked at further."""

MAX_DEPTH = 50

_BEFORE = FORMATS[: FORMATS.index(icalendar.FORMAT)]
"""Formats that are read in the place of iCalendar text, where a message has both."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a message, as the server describes it."""

    section: str
    """What ``BODY[...]`` calls it (RFC 3501 §6.4.5)."""
    media: str
    transfer: str
    """Content-Transfer-Encoding, lower case."""
    octets: int
    """Its size as it is encoded."""
    charset: str = ""
    filename: str = ""

    @property
    def is_calendar(self) -> bool:
        """Whether its content is iCalendar text."""
        return self._is_in(icalendar.FORMAT)

    @property
    def is_event(self) -> bool:
        """Whether its content is an event in any format."""
        return any(map(self._is_in, FORMATS))

    @property
    def comes_first(self) -> bool:
        """Whether it is read in the place of iCalendar text in the same message."""
        return any(map(self._is_in, _BEFORE))

    def _is_in(self, known: Format) -> bool:
        return self.media in known.media or self.filename.endswith(known.endings)


def _word(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("ascii", "replace").lower()
    return ""


def _parameters(value: object) -> dict[str, str]:
    if not isinstance(value, tuple):
        return {}
    return dict(zip(map(_word, value[::2]), map(_word, value[1::2]), strict=False))


def _disposition_filename(body: tuple[Any, ...]) -> str:
    """Find ``("attachment" ("filename" "x.ics"))``, whose place depends on the media type."""
    for value in body[7:]:
        match value:
            case (bytes(), tuple(parameters)):
                return _name(_parameters(parameters), "filename")
    return ""


def _name(parameters: dict[str, str], key: str) -> str:
    """Return a file name; of one in RFC 2231's encoding all that matters is how it ends."""
    return parameters.get(key) or parameters.get(f"{key}*", "")


def _leaf(body: tuple[Any, ...], section: str) -> Part:
    parameters = _parameters(body[2])
    octets = body[6] if isinstance(body[6], int) else 0
    return Part(
        section,
        f"{_word(body[0])}/{_word(body[1])}",
        _word(body[5]),
        octets,
        parameters.get("charset", ""),
        _disposition_filename(body) or _name(parameters, "name"),
    )


def _children(body: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Return the parts of a multipart: the leading elements that are lists themselves."""
    found = []
    for value in body:
        if not isinstance(value, tuple):
            break
        found.append(value)
    return found


def walk(body: object, prefix: str = "", depth: int = 0) -> Iterator[Part]:
    """Yield the leaves of a body structure in order, those of attached messages included."""
    if not isinstance(body, tuple) or not body or depth > MAX_DEPTH:
        return
    if isinstance(body[0], tuple):
        for number, child in enumerate(_children(body), 1):
            section = f"{prefix}.{number}" if prefix else str(number)
            yield from _descend(child, section, depth + 1)
    else:
        yield from _descend(body, prefix or "1", depth + 1)


def _descend(body: tuple[Any, ...], section: str, depth: int) -> Iterator[Part]:
    if body and isinstance(body[0], tuple):
        yield from walk(body, section, depth)
    elif len(body) > 8 and (_word(body[0]), _word(body[1])) == ("message", "rfc822"):
        yield from _attached(body[8], section, depth)
    elif len(body) > 6:
        yield _leaf(body, section)


def _attached(body: object, section: str, depth: int) -> Iterator[Part]:
    """Walk an attached message: its parts are ``section.1`` and on, also where it has but one."""
    if isinstance(body, tuple) and body and not isinstance(body[0], tuple):
        yield from walk(body, f"{section}.1", depth)
    else:
        yield from walk(body, section, depth)


def parts_of(response: extensions.Response) -> list[Part]:
    """Return the leaves of the BODYSTRUCTURE in a FETCH response.

    Raises ProtocolError where there is none that can be read.
    """
    match extensions.parse(response):
        case (_, _, tuple(attributes)):
            for name, value in zip(attributes[::2], attributes[1::2], strict=False):
                if _word(name) == "bodystructure":
                    found = walk(value)
                    return [part for part, _ in zip(found, range(MAX_PARTS), strict=False)]
    raise ProtocolError("FETCH was answered without BODYSTRUCTURE")


def decode(part: Part, text: bytes) -> bytes:
    """Undo transfer encoding and charset, in the same way as for a message that came whole."""
    return encoding.to_utf8(encoding.decode_transfer(text, part.transfer), part.charset)


def joined(parts: tuple[Part, ...], sections: Mapping[bytes, bytes]) -> bytes:
    """Return the decoded parts as one iCalendar stream (RFC 5545 §3.4 allows several objects)."""
    texts = (sections.get(part.section.encode("ascii")) for part in parts)
    found = [decode(part, text) for part, text in zip(parts, texts, strict=True) if text]
    return b"\r\n".join(dict.fromkeys(found))
