"""Files that are attached to an event: in iCalendar in base64, in Kolab's messages as parts.

Without them an event that goes to a client and comes back would have lost them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import TYPE_CHECKING

from calendar_sync.dialects import messages, objects, values
from calendar_sync.dialects.messages import Body

if TYPE_CHECKING:
    from collections.abc import Sequence

    from calendar_sync.dialects.objects import Component, Line
    from calendar_sync.formats.part import Part
    from freebusy.contentline import ContentLine

MAX_FILE = 512 << 10
"""Octets of a file that goes along with its event; in base64 it has a third more."""
MAX_FILES = 100
"""Parts of one message beside its object; a message may have 200."""
MAX_AGAIN = 4 << 20
"""Octets of files that several components of an object refer to, beside the first of each."""
_NAMES = ("X-LABEL", "FILENAME", "X-FILENAME", "X-APPLE-FILENAME")
"""Parameters that give a name: Kolab's, RFC 8607's, Mozilla's and Apple's."""
_GIVEN = re.compile(r"attachment-\d+", re.ASCII)
"""A name that was given here, to a file without one."""
_IN_NAMES = re.compile(r"[^\w.,()+@ -]+")
_MEDIA = re.compile(r"[A-Za-z0-9][\w.+-]{0,60}/[A-Za-z0-9][\w.+-]{0,60}", re.ASCII)


def name_of(found: ContentLine, number: int) -> str:
    """Return the file name that an ATTACH says, else one with its number."""
    said = next((found.parameters[key] for key in _NAMES if key in found.parameters), "")
    return _IN_NAMES.sub("_", values.from_carets(said)) or f"attachment-{number}"


def detach(found: ContentLine, files: list[Body]) -> str:
    """Append a part with the content of an ATTACH, and return its Content-ID.

    Empty for one that cannot be read, or that is more than goes along.
    """
    if len(files) >= MAX_FILES:
        return ""
    try:
        content = base64.b64decode(found.value.encode(), validate=True)
    except (binascii.Error, ValueError):
        return ""
    if len(content) > MAX_FILE:
        return ""
    name = name_of(found, len(files) + 1)
    media = found.parameters.get("FMTTYPE", "")
    media = media if _MEDIA.fullmatch(media) else "application/octet-stream"
    identity = f"{hashlib.sha256(content).hexdigest()[:32]}.{len(files)}@freebusy.invalid"
    files.append(
        Body(
            media + messages.parameter("name", name),
            base64.encodebytes(content).replace(b"\n", b"\r\n"),
            "attachment" + messages.parameter("filename", name),
            "base64",
            identity,
        )
    )
    return identity


def attach(part: Part, parameters: dict[str, str]) -> Line | None:
    """Return the ATTACH of a part; None for one that is too large to go along."""
    content = part.content
    if len(content) > MAX_FILE:
        return None
    media = {} if part.media == "application/octet-stream" else {"FMTTYPE": part.media}
    kept = {key: each for key, each in parameters.items() if not _GIVEN.fullmatch(each)}
    said = {**media, **kept, "ENCODING": "BASE64", "VALUE": "BINARY"}
    return objects.line("ATTACH", base64.b64encode(content).decode("ascii"), said)


class _Files:
    """The parts of a message, as they go into the components of its object."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = {part.identity: part for part in parts if part.identity}
        self._used: set[str] = set()
        self._again = MAX_AGAIN

    def take(self, identity: str) -> Part | None:
        """Return a part; None for none, and for one that was put in elsewhere too often."""
        part = self._parts.get(identity)
        if part is None:
            return None
        if identity in self._used:
            self._again -= len(part.content)
        self._used.add(identity)
        return part if self._again >= 0 else None


def embed(components: Sequence[Component], parts: Sequence[Part]) -> None:
    """Put the parts that components' ATTACHes refer to in their places, of alarms too."""
    files = _Files(parts)
    for component in components:
        # each once: an event with a thousand references to one file would be as much longer
        seen: set[str] = set()
        for each in (component, *component.parts):
            each.lines = [_embedded(line, files, seen) for line in each.lines]


def _embedded(line: Line, files: _Files, seen: set[str]) -> Line:
    if line.name != "ATTACH":
        return line
    found = line.parsed
    scheme, _, identity = found.value.strip().partition(":")
    if scheme.lower() != "cid" or identity in seen:
        return line
    seen.add(identity)
    part = files.take(identity)
    return (part and attach(part, found.parameters)) or line
