"""XML that comes in, as small as DAV needs it (RFC 4918 §8.2, §17, §20.6).

Expat itself is asked, so that a document type, the door to entities, ends the parsing at
once, and depth and number of elements are bounded while they are read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.parsers import expat

from freebusy.web.dav.multistatus import DAV, Name
from freebusy.web.dav.refused import malformed

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH = 16
MAX_ELEMENTS = 256
MAX_NAME = 256
"""Characters of a name with its namespace: names are echoed, for each member."""


@dataclass(slots=True)
class Element:
    """An element without its attributes, which no method of ours reads."""

    name: Name
    content: list[Element | str] = field(default_factory=list)
    """Children and the text between them, in order."""

    @property
    def children(self) -> list[Element]:
        """Return the elements in it."""
        return [each for each in self.content if isinstance(each, Element)]

    @property
    def text(self) -> str:
        """Return the text in it and in all that it holds, without blanks around it."""
        return "".join(self._texts()).strip()

    def _texts(self) -> Iterator[str]:
        for each in self.content:
            if isinstance(each, str):
                yield each
            else:
                yield from each._texts()  # noqa: SLF001  # of the same class

    def find(self, local: str) -> Element | None:
        """Return the first child of that name in DAV:."""
        return next((child for child in self.children if child.name == (DAV, local)), None)


def parse_request(body: bytes, root: str) -> Element:
    """Return the document's root, which must be that element of DAV:.

    RefusedError (400) for what is not well-formed, too deep, too many, of a document type.
    """
    element = _Reading().parse(body)
    if element.name != (DAV, root):
        raise malformed("The body is not the XML that this method takes")
    return element


class _Reading:
    """One document on its way from expat's events to elements."""

    def __init__(self) -> None:
        self._open: list[Element] = []
        self._root: Element | None = None
        self._count = 0
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        self._parser = parser

    def parse(self, body: bytes) -> Element:
        try:
            self._parser.Parse(body, True)  # noqa: FBT003  # expat takes no keywords
        except (expat.ExpatError, LookupError, ValueError) as error:
            # The last two: an encoding that Python does not know, or cannot give to expat.
            raise malformed("The XML is not well-formed") from error
        if self._root is None:
            raise malformed("The XML is not well-formed")
        return self._root

    def _doctype(self, *_: object) -> None:
        raise malformed("A document type is not taken")

    def _start(self, name: str, _attributes: object) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS or len(self._open) >= MAX_DEPTH or len(name) > MAX_NAME:
            raise malformed("The XML is larger than any client needs")
        namespace, _, local = name.rpartition(" ")
        if ":" in local:  # expat lets a second colon pass (Namespaces in XML 1.0 §4)
            raise malformed("The XML is not well-formed")
        element = Element(Name(namespace, local))
        if self._open:
            self._open[-1].content.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].content.append(text)
