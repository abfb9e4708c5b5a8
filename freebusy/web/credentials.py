"""Basic credentials (RFC 7617)."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

CHALLENGE = 'Basic realm="Free/busy", charset="UTF-8"'


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody logs in with."""

    user: str
    password: str = field(repr=False)


def is_basic(authorization: str) -> bool:
    """Whether an Authorization field is of the one scheme that is spoken here."""
    return authorization.lstrip()[:6].lower() == "basic "


def basic_credentials(authorization: str) -> Credentials | None:
    """Return what a Basic Authorization field holds, or None where it is broken.

    The text is UTF-8, as the challenge asks for; clients older than RFC 7617 write latin-1.
    """
    try:
        octets = base64.b64decode(authorization.strip()[6:].strip(), validate=True)
    except ValueError:
        return None
    user, colon, password = _text(octets).partition(":")
    if not (colon and user) or _has_control(user) or _has_control(password):
        return None
    return Credentials(user, password)


def _text(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def _has_control(text: str) -> bool:
    """Say whether a text holds what RFC 7617 §2 forbids in user-id and password."""
    return any(character < " " or character == "\x7f" for character in text)
