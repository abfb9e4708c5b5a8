"""A multistatus, response by response while it comes (RFC 4918 §13, RFC 6578 §6.4).

Expat reads it in pieces as they arrive, so that an answer of any length costs the
memory of one response.  A document type is refused before anything in it is looked
at: there are no entities to expand and nothing to fetch.  Texts are cut where they
are longer than anybody asked for.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.parsers import expat

from freebusy.errors import SourceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DAV = "DAV:"
CALDAV = "urn:ietf:params:xml:ns:caldav"
CALENDARSERVER = "http://calendarserver.org/ns/"

MAX_DEPTH = 30
MAX_TEXT = 16 << 10
"""Characters of a property that is no calendar text; of a longer one the rest is dropped."""
MAX_CHILDREN = 1000
"""Elements in one property; privileges and reports are the longest lists."""

_STATUS = re.compile(r"HTTP/\d(?:\.\d)? +(\d{3})")
_RESPONSE = f"{DAV} response"
_CALENDAR_DATA = f"{CALDAV} calendar-data"


@dataclass(slots=True)
class Property:
    """The value of a property: text and the elements in it, of any depth, in order."""

    text: str = ""
    inside: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """Name (``namespace name``), text and attributes of each."""
    cut: bool = False
    """Whether text was dropped."""

    def has(self, name: str) -> bool:
        """Whether there is an element of this name in it."""
        return any(name == each for each, _, _ in self.inside)

    def texts(self, name: str) -> list[str]:
        """Return the texts of the elements of this name."""
        return [text for each, text, _ in self.inside if each == name]

    @property
    def href(self) -> str | None:
        """The first DAV:href in it."""
        return next(iter(self.texts(f"{DAV} href")), None)


@dataclass(slots=True)
class Response:
    """What is said of one resource."""

    href: str = ""
    status: int | None = None
    """Of the resource itself, where there are no properties."""
    properties: dict[str, Property] = field(default_factory=dict)
    """Those that were found, by ``namespace name``."""
    refused: dict[str, int] = field(default_factory=dict)
    """Status of those that were not."""

    def text(self, name: str) -> str:
        """Return the text of a property; empty where it is not there."""
        found = self.properties.get(name)
        return found.text.strip() if found else ""


@dataclass(slots=True)
class _Open:
    """An element that is being read."""

    name: str
    attributes: dict[str, str]
    limit: int
    pieces: list[str] = field(default_factory=list)
    length: int = 0

    @property
    def text(self) -> str:
        return "".join(self.pieces)


class Multistatus:
    """Reads one answer; :meth:`responses` may be asked once."""

    def __init__(self, max_data: int = 0) -> None:
        """Keep at most ``max_data`` characters of each calendar text."""
        self._max_data = max_data
        self._ready: deque[Response] = deque()
        self._open: list[_Open] = []
        self._current: Response | None = None
        self._property: Property | None = None
        self._propstat: dict[str, Property] = {}
        self._propstat_status = 200
        self.sync_token: str | None = None
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._refuse
        self._parser = parser

    def responses(self, pieces: Iterable[bytes]) -> Iterator[Response]:
        """Yield the responses in an answer that comes in pieces.

        SourceUnavailableError for what is no XML, breaks off, or has a document type.
        """
        for piece in pieces:
            self._feed(piece, last=False)
            yield from self._taken()
        self._feed(b"", last=True)
        yield from self._taken()

    def _taken(self) -> Iterator[Response]:
        while self._ready:
            yield self._ready.popleft()

    def _feed(self, piece: bytes, *, last: bool) -> None:
        try:
            self._parser.Parse(piece, last)
        except (expat.ExpatError, LookupError, ValueError):  # also for an encoding nobody knows
            raise SourceUnavailableError("the server's answer is no XML, or breaks off") from None

    def _refuse(self, *_: object) -> None:
        raise SourceUnavailableError("the server's answer has a document type: it is not read")

    # -- elements

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise SourceUnavailableError("the server's answer is nested too deeply")
        parent = self._open[-1].name if self._open else ""
        limit = self._max_data if name == _CALENDAR_DATA else MAX_TEXT
        self._open.append(_Open(name, attributes, limit))
        if name == _RESPONSE:
            self._current = Response()
        elif name == f"{DAV} propstat":
            self._propstat, self._propstat_status = {}, 200
        elif parent == f"{DAV} prop" and self._property is None:
            self._property = Property()

    def _characters(self, text: str) -> None:
        element = self._open[-1]
        room = element.limit - element.length
        if room <= 0 or len(text) > room:
            text = text[: max(0, room)]
            if self._property is not None:
                self._property.cut = True
        element.pieces.append(text)
        element.length += len(text)

    def _end(self, name: str) -> None:
        element = self._open.pop()
        parent = self._open[-1].name if self._open else ""
        if self._property is not None:
            self._end_in_property(element, parent)
        elif name == f"{DAV} sync-token":
            self.sync_token = element.text.strip()
        elif self._current is not None:
            self._end_in_response(self._current, element, parent)

    def _end_in_property(self, element: _Open, parent: str) -> None:
        value = self._property
        if value is None:
            return
        if parent == f"{DAV} prop" and not self._is_nested():
            value.text = element.text
            self._propstat[element.name] = value
            self._property = None
        elif len(value.inside) < MAX_CHILDREN:
            value.inside.append((element.name, element.text.strip(), element.attributes))

    def _is_nested(self) -> bool:
        """Whether a DAV:prop above is itself inside a property (DAV:expand-property)."""
        return sum(each.name == f"{DAV} prop" for each in self._open) > 1

    def _end_in_response(self, response: Response, element: _Open, parent: str) -> None:
        if element.name == _RESPONSE:
            self._ready.append(response)
            self._current = None
        elif element.name == f"{DAV} propstat":
            self._close_propstat(response)
        elif element.name == f"{DAV} status":
            found = _STATUS.match(element.text.strip())
            status = int(found[1]) if found else 500
            if parent == f"{DAV} propstat":
                self._propstat_status = status
            elif parent == _RESPONSE:
                response.status = status
        elif element.name == f"{DAV} href" and parent == _RESPONSE and not response.href:
            response.href = element.text.strip()

    def _close_propstat(self, response: Response) -> None:
        if 200 <= self._propstat_status < 300:
            response.properties |= self._propstat
        else:
            response.refused |= dict.fromkeys(self._propstat, self._propstat_status)
