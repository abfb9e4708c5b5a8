"""The request target: from what stands in the request line to a decoded path.

RFC 9112 §3.2 (the four forms), RFC 3986 §2.1 (percent-encoding), decoded exactly
once and as strict UTF-8.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

MAX_PATH_BYTES = 1024

_PLAIN = re.compile(r"(?:/[A-Za-z0-9_~@+=-][A-Za-z0-9._~@+=-]*)+/?")
"""A path that decodes to itself and has nothing to refuse: nearly every request."""

_ABSOLUTE = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ENCODED_SEPARATOR = re.compile(r"%(?:2f|5c|00)", re.IGNORECASE)


def raw_path(target: str) -> str | None:
    """Return the path of a request target without its query; None for a broken target.

    Origin-form and absolute-form name a path (RFC 9112 §3.2.1, §3.2.2).
    """
    if not target.startswith("/"):
        authority = _ABSOLUTE.match(target)
        if authority is None:
            return None
        target = target[authority.end() :]
        target = target if target.startswith("/") else f"/{target}"
    return target.partition("?")[0]


def authority(target: str) -> str | None:
    """Return host and port of an absolute-form target; None where it has another form."""
    found = None if target.startswith("/") else _ABSOLUTE.match(target)
    return None if found is None else found[0].partition("://")[2].rpartition("@")[2]


def is_absent(raw: str) -> bool:
    """Whether a path is one that Office's old stacks probe, and never anything of ours."""
    return raw.startswith(("/_vti_", "/scripts/"))


def decode_path(raw: str) -> str | None:
    """Return the path decoded, or None where no file can be meant.

    Nothing is repaired: an encoded separator, an empty, hidden or dot segment and
    anything unprintable is no path to a free/busy file.
    """
    if len(raw) > MAX_PATH_BYTES:
        return None
    if _PLAIN.fullmatch(raw):
        return raw
    if _BROKEN_ESCAPE.search(raw) or _ENCODED_SEPARATOR.search(raw):
        return None
    try:
        path = unquote_to_bytes(raw.encode("utf-8", "surrogateescape")).decode("utf-8")
    except UnicodeError:
        return None
    return path if _is_clean(path) else None


def _is_clean(path: str) -> bool:
    if "//" in path or "/." in path or "\\" in path:
        return False
    return path.startswith("/") and path.isprintable()
