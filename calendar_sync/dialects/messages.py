"""The messages of a calendar folder: their headers, and what is round an object (RFC 5322, 2045).

No text of an event is in a header: the subject is the UID, which is Kolab's convention.
Nothing that a client says can end a header line.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from dataclasses import dataclass, field
from email.header import Header
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from freebusy import __version__
from freebusy.errors import CalendarDataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from calendar_sync.formats.part import Part

CHANGE_HEADER = "X-Freebusy-Change"
LONGEST_LINE = 998
"""Octets of a line of a message without its line end (RFC 5322 §2.1.1)."""
_LONGEST_VALUE = 900
"""Characters of a header's value; a longer UID is cut there, for nothing is found by it."""
_LONGEST_NAME = 80
"""Characters of a file's name."""
_CHANGE = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_HEADERS_END = re.compile(rb"\r?\n\r?\n")
_CHANGE_FIELD = re.compile(
    rb"(?:\A|\n)x-freebusy-change:[ \t]*([!-~]{1,64})[ \t]*\r?\n", re.IGNORECASE
)
_LONG_LINE = re.compile(rb"[^\n]{%d}" % LONGEST_LINE)
_LINE_END = re.compile(rb"\r?\n|\r")


@dataclass(frozen=True, slots=True)
class Context:
    """What a reader must know beside the part that it reads."""

    zone: str
    """The owner's, an IANA name."""
    parts: Sequence[Part]
    """All of the message."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the headers of a message say."""

    uid: str
    author: str
    now: datetime
    change: str
    """At most 64 of ``[A-Za-z0-9._-]``; empty where nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Body:
    """A part: its header fields, without the transfer encoding, and its content."""

    media: str
    """Content-Type with its parameters."""
    content: bytes = field(repr=False)
    disposition: str = ""
    transfer: str = ""
    """Of content that is encoded already."""
    identity: str = ""
    """Content-ID, without its brackets."""


def change_of(message: bytes) -> str | None:
    """Return which change wrote a message; None where no connector did."""
    end = _HEADERS_END.search(message)
    found = _CHANGE_FIELD.search(message[: end.start() + 2 if end else len(message)])
    text = found[1].decode("ascii") if found else ""
    return text if _CHANGE.fullmatch(text) else None


def single(envelope: Envelope, body: Body) -> bytes:
    """Return a message of one part, with CRLF."""
    return _joined([*_headers(envelope, {}), *_part(body)])


def multipart(envelope: Envelope, bodies: Sequence[Body], further: Mapping[str, str]) -> bytes:
    """Return a multipart/mixed message with further headers, with CRLF (RFC 2046 §5.1.3)."""
    # not to be found in a part: whoever could choose one that is would need to break SHA-256
    boundary = "=_" + _digest(envelope, *(body.content for body in bodies))
    lines = [
        *_headers(envelope, further),
        f'Content-Type: multipart/mixed; boundary="{boundary}"'.encode(),
        b"",
    ]
    for body in bodies:
        lines += [b"--" + boundary.encode(), *_part(body)]
    return _joined([*lines, b"--" + boundary.encode() + b"--"])


def _joined(lines: Sequence[bytes]) -> bytes:
    return b"\r\n".join(line.removesuffix(b"\r\n") for line in lines) + b"\r\n"


def _headers(envelope: Envelope, further: Mapping[str, str]) -> list[bytes]:
    if envelope.change and not _CHANGE.fullmatch(envelope.change):
        raise CalendarDataError("a change's name is at most 64 of A-Z a-z 0-9 . _ -")
    named = {
        "From": _value(envelope.author),
        "Date": format_datetime(envelope.now),
        "Subject": _value(envelope.uid),
        "Message-ID": f"<{_digest(envelope)}@freebusy.invalid>",
        "MIME-Version": "1.0",
        "User-Agent": f"freebusy/{__version__}",
        **({CHANGE_HEADER: envelope.change} if envelope.change else {}),
        **further,
    }
    return [f"{name}: {value}".encode() for name, value in named.items()]


def _digest(envelope: Envelope, *contents: bytes) -> str:
    """Return a name for a message that is the same whenever it is written again."""
    digest = hashlib.sha256()
    stamp = envelope.now.isoformat()
    for each in (envelope.uid, envelope.author, envelope.change, stamp):
        digest.update(each.encode("utf-8", "replace") + b"\0")
    for content in contents:
        digest.update(content)
    return digest.hexdigest()[:40]


def _value(text: str) -> str:
    """Return a header's value on one line: ASCII as it is, other text as RFC 2047 says."""
    text = _CONTROLS.sub(" ", text)[:_LONGEST_VALUE].strip()
    if text.isascii() and "=?" not in text:
        return text
    return Header(text[:200], "utf-8").encode(linesep="\r\n")


def parameter(name: str, value: str) -> str:
    """Return ``; name="value"``; other text than ASCII as RFC 2231 says."""
    value = _CONTROLS.sub(" ", value)[:_LONGEST_NAME].replace("\\", "_").replace('"', "'")
    return f'; {name}="{value}"' if value.isascii() else f"; {name}*=utf-8''{quote(value, safe='')}"


def _part(body: Body) -> list[bytes]:
    content, transfer = _transferable(body)
    lines = [f"Content-Type: {body.media}", f"Content-Transfer-Encoding: {transfer}"]
    if body.disposition:
        lines.append(f"Content-Disposition: {body.disposition}")
    if body.identity:
        lines.append(f"Content-ID: <{body.identity}>")
    return [*(line.encode() for line in lines), b"", content]


def _transferable(body: Body) -> tuple[bytes, str]:
    """Return content with CRLF that any server takes, and how it is encoded (RFC 2045 §6)."""
    if body.transfer:
        return body.content, body.transfer
    content = _LINE_END.sub(b"\r\n", body.content)
    if not _LONG_LINE.search(content):
        return content, "7bit" if content.isascii() else "8bit"
    coded = binascii.b2a_qp(content, istext=True)
    return _LINE_END.sub(b"\r\n", coded), "quoted-printable"
