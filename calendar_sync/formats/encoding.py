"""Transfer encodings (RFC 2045 §6) and charsets (RFC 2046 §4.1.2), read with tolerance.

A part may be cut off anywhere, and gateways relabel what they did not recode.  None
of these functions raises: calendar text is ASCII where it matters.
"""

from __future__ import annotations

import binascii
import codecs
import re

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_PLAIN_PARAMETER = re.compile(rb";[A-Za-z-]+=(?!3[Dd]|[ \t]*\r?\n|\Z)")
_ASCII_LIKE = re.compile(r"(|us-ascii|ascii|utf-?8|(iso-?8859-|windows-|cp)\d+|latin-?1)\Z")
_EXPENSIVE = frozenset({"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined"})
"""Python codecs that are no charsets; the first two take quadratic time."""


def decode_transfer(payload: bytes, transfer: str) -> bytes:
    """Return a payload without its Content-Transfer-Encoding; unknown ones mean identity."""
    if transfer == "base64" and not _is_calendar_text(payload):
        return decode_base64(payload)
    if transfer == "quoted-printable" and not _is_not_quoted(payload):
        return binascii.a2b_qp(payload)
    return payload


def _is_calendar_text(payload: bytes) -> bool:
    """Whether a part that claims base64 was decoded by a gateway that left the label."""
    return payload[:100].lstrip()[:6].upper() == b"BEGIN:"


def _is_not_quoted(payload: bytes) -> bool:
    """Whether a part that claims quoted-printable never was.

    ``;VALUE=DATE`` would become ``;VALUE`` and a byte DA; a real encoder writes ``=3D``.
    """
    return _PLAIN_PARAMETER.search(payload) is not None


def decode_base64(payload: bytes) -> bytes:
    """Return what base64 text stands for, as far as there is any (RFC 2045 §6.8)."""
    payload = payload.partition(b"=")[0]
    try:
        return binascii.a2b_base64(payload + b"===")  # what is too much of it is passed over
    except binascii.Error:
        letters = _NOT_BASE64.sub(b"", payload)
    usable = len(letters) - (len(letters) % 4 == 1)  # six bits alone are no byte
    return binascii.a2b_base64(letters[:usable] + b"=" * (-usable % 4))


def to_utf8(content: bytes, charset: str) -> bytes:
    """Return text as UTF-8, from its charset or, where that fails, from the usual ones."""
    if content.isascii() and _ASCII_LIKE.match(charset):
        return content
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        charset = "utf-16"
    for candidate in (charset, "utf-8", "cp1252"):
        text = _decode(content, candidate)
        if text is not None:
            return text.encode(errors="replace")
    return content.decode("latin-1").encode()


def _decode(content: bytes, charset: str) -> str | None:
    try:
        if charset and codecs.lookup(charset).name not in _EXPENSIVE:
            return content.decode(charset)
    except (LookupError, ValueError):  # unknown, no text encoding, a null byte in its name
        return None
    return None
