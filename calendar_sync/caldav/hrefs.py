"""Hrefs: what names a resource, in one spelling (RFC 4918 §8.3, RFC 3986 §6.2.2).

A server may write one resource in several ways: absolute or not, ``@`` or ``%40``.
A path is kept percent-encoded, each segment by itself, so that ``%2F`` stays part of
a name; only the spelling of each octet is made the same.
"""

from __future__ import annotations

import posixpath
import re
from urllib.parse import quote, unquote, unquote_to_bytes, urlsplit

from freebusy.errors import SourceRefusedError, SourceUnavailableError

MAX_HREF = 4096
_SIMPLE = re.compile(r"(?:/[A-Za-z0-9_~@=+,-][A-Za-z0-9._~@=+,-]*)+/?")
"""A path that is written in the one spelling already, as nearly all are."""
_PLAIN = "!$&'()*+,;=:@"
"""What a segment may hold beside letters, digits and ``-._~`` (RFC 3986 §3.3)."""


def canonical(path: str) -> str:
    """Return an absolute path in the one spelling; SourceUnavailableError where it is none."""
    if not path.startswith("/") or len(path) > MAX_HREF:
        raise SourceUnavailableError("the server names a resource by something that is no path")
    return "/".join(quote(unquote_to_bytes(part), safe=_PLAIN) for part in path.split("/"))


def path_of(href: str, host: str, base: str) -> str:
    """Return the path in an href or Location, relative ones below ``base``, in the one spelling.

    Of an absolute URL only the path counts: a server behind a proxy often does not
    know its own scheme and port.  SourceRefusedError where it names another host,
    because the password is for this one only.
    """
    if len(href) <= MAX_HREF and _SIMPLE.fullmatch(href):
        return href
    try:
        parts = urlsplit(href.strip())
        named = parts.hostname
    except ValueError:
        raise SourceUnavailableError("the server answers with a URL that is none") from None
    if named is not None and named.lower() != host.lower():
        raise SourceRefusedError(
            f"{host} leads to another host, {named}: if that is meant, name it in url"
        )
    path = parts.path
    if not path.startswith("/"):
        path = posixpath.join(base.rpartition("/")[0] + "/", path)
    return canonical(_flattened(path or "/"))


def _flattened(path: str) -> str:
    """Return a path without ``.`` and ``..`` and doubled slashes."""
    flat = posixpath.normpath("/" + path.lstrip("/"))
    return flat if not path.endswith("/") or flat == "/" else flat + "/"


def as_collection(path: str) -> str:
    """Return a path with the slash at its end that collections have (RFC 4918 §5.2)."""
    return path if path.endswith("/") else path + "/"


def member(path: str, collection: str) -> str:
    """Return what names a resource in its collection; the whole path where it is elsewhere."""
    return path.removeprefix(collection)


def member_path(href: str, collection: str) -> str:
    """Return the path of what :func:`member` named."""
    return href if href.startswith("/") else collection + href


def last_part(path: str) -> str:
    """Return the last segment of a path as text, for people and for comparison."""
    return unquote(path.rstrip("/").rpartition("/")[2])
