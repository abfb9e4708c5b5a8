"""XML from strangers: a small tree, or an error, within bounds.

Expat reads it; a document type is refused before anything in it is looked at, so there
are no entities to expand and nothing to fetch.  The text is fed in one piece: expat
before 2.6 takes quadratic time for long tokens in many.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.parsers import expat

from calendar_sync.formats import encoding
from freebusy.errors import BudgetExceededError, CalendarDataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calendar_sync.formats.part import Part

MAX_TEXT = 4 << 20
"""Bytes of one document in UTF-8; an event with its attendees has a few thousand."""
MAX_ELEMENTS = 20_000
"""A Kolab 3 event has about 60, a Kolab 2 series one more for each exclusion."""
MAX_DEPTH = 40
"""A parameter's text in xCal is at 9."""
_DECLARED = re.compile(rb"""<\?xml[^>]{0,100}?encoding=["']([A-Za-z0-9._:-]{1,40})["']""")
_CUT_OFF = frozenset(
    expat.errors.codes[message]
    for message in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
)


@dataclass(slots=True)
class Element:
    """An element: its name without a namespace prefix, its text, what is in it."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list, repr=False)

    @property
    def text(self) -> str:
        """Its own text, without white space around it."""
        return "".join(self.pieces).strip()

    def all(self, name: str) -> Iterator[Element]:
        """Yield the children of a name."""
        return (child for child in self.children if child.name == name)

    def value(self, name: str) -> str:
        """Return the text of the first child of a name; empty where there is none."""
        return next((child.text for child in self.all(name)), "")


@dataclass(frozen=True, slots=True)
class Document:
    """What was read of a document."""

    root: Element
    complete: bool
    """False where the text ended before the document did."""


def parse(part: Part) -> Document:
    """Read the document in a part; of one that is cut off, what there is.

    Its charset is the part's, else what the document declares (RFC 7303 §3).  Raises
    CalendarDataError for what is no XML or has a document type, BudgetExceededError
    beyond the bounds above.
    """
    content = part.content
    declared = _DECLARED.search(content[:200])
    charset = part.charset or (declared[1].decode("ascii").lower() if declared else "utf-8")
    text = encoding.to_utf8(content, charset)
    if len(text) > MAX_TEXT:
        raise BudgetExceededError("an XML document that is too long")
    return _Reader().read(text)


class _Reader:
    """Builds the tree while expat reads."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate("utf-8")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._above = Element("")
        self._open = [self._above]
        self._count = 0

    def read(self, text: bytes) -> Document:
        """Read a whole text."""
        complete = True
        try:
            self._parser.Parse(text, True)  # noqa: FBT003 - expat takes no keywords
        except expat.ExpatError as error:
            if error.code not in _CUT_OFF or not self._above.children:
                raise CalendarDataError("an XML document that cannot be read") from None
            complete = False
        return Document(self._above.children[0], complete)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS or len(self._open) > MAX_DEPTH:
            raise BudgetExceededError("an XML document with too many elements, or too deep")
        named = {_local(key): each for key, each in attributes.items()} if attributes else {}
        element = Element(_local(name), named)
        self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _characters(self, text: str) -> None:
        self._open[-1].pieces.append(text)

    def _refuse(self, *_: object) -> None:
        raise CalendarDataError("an XML document with a document type")


def _local(name: str) -> str:
    return name.rpartition(":")[2] if ":" in name else name
