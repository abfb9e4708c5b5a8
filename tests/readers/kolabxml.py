"""Reader three: libkolabxml, by which Kolab's clients read and write; through its Python binding.

It holds a document against Kolab's schema, and refuses all of one that has a fault.
"""

from __future__ import annotations

import email
import json
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.unit.test_formats_message import mime, multipart

if TYPE_CHECKING:
    from collections.abc import Sequence

PYTHON = Path("/usr/bin/python3")
PROGRAM = Path(__file__).with_name("kolabxml_program.py")
MEDIA = "application/calendar+xml"
ERROR = 2
"""From this severity on Kontact takes a message for broken."""


class Outcome(NamedTuple):
    """What the library found in a message's document."""

    severity: int
    said: str
    """The last fault in the library's words, with the most severe before it."""
    message: bytes
    """The message with the document as the library writes it again."""


@cache
def available() -> str | None:
    """Return why the reader cannot be used, or None."""
    command = [str(PYTHON), "-c", "import kolabformat"]
    if not PYTHON.exists() or subprocess.run(command, capture_output=True, check=False).returncode:
        return "libkolabxml is not installed (Debian: python3-kolabformat)"
    return None


def read(messages: Sequence[tuple[str, bytes]]) -> list[Outcome]:
    """Return what becomes of messages, each with its kind of component."""
    parsed = [list(email.message_from_bytes(message).walk())[1:] for _, message in messages]
    documents = [
        next(each.get_payload(decode=True) for each in parts if each.get_content_type() == MEDIA)
        for parts in parsed
    ]
    asked = [
        (kind, document.decode() if isinstance(document, bytes) else "")
        for (kind, _), document in zip(messages, documents, strict=True)
    ]
    done = subprocess.run(
        [str(PYTHON), str(PROGRAM)],
        input=json.dumps(asked).encode(),
        capture_output=True,
        timeout=60,
        check=True,
    )
    return [
        Outcome(severity, said, _again(parts, document.encode()))
        for (severity, said, document), parts in zip(json.loads(done.stdout), parsed, strict=True)
    ]


def _again(parts: Sequence[object], document: bytes) -> bytes:
    """Return a message with another document and the same files."""
    files = [
        each.as_bytes()
        for each in parts
        if isinstance(each, email.message.Message) and each["Content-ID"]
    ]
    return multipart("mixed", mime(f"Content-Type: {MEDIA}", body=document), *files)
