"""The header fields of DAV: Depth, Destination, Overwrite, Timeout, Lock-Token (RFC 4918 §10)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from freebusy.web.dav.refused import RefusedError, malformed
from freebusy.web.target import decode_path, raw_path

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

INFINITY = "infinity"

_URL = re.compile(r"(https?)://(?:[^/?#@]*@)?([^/?#@]+)", re.IGNORECASE)
_HOST = re.compile(r"(\[[^\]]*\]|[^:]*)(?::(\d*))?")
_SECONDS = re.compile(r"Second-(\d{1,10})", re.IGNORECASE)
_CODED_URL = re.compile(r"<([A-Za-z][A-Za-z0-9+.-]*:[\x21-\x3b\x3d\x3f-\x7e]+)>")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


@dataclass(frozen=True, slots=True)
class Depth:
    """How far a method goes (§10.2)."""

    levels: str
    """``0``, ``1`` or ``infinity``."""
    without_root: bool = False
    """``1,noroot``: members alone; Microsoft's Internet Publishing Provider asks so."""


def depth(headers: Mapping[str, str], *, default: str = INFINITY) -> Depth:
    """Return the Depth; RefusedError (400) for any other value."""
    value = headers.get("Depth", default).strip().lower()
    levels, _, extension = value.partition(",")
    noroot = extension.strip() == "noroot"
    if levels not in {"0", "1", INFINITY} or (extension and not noroot):
        raise malformed("Depth is 0, 1 or infinity")
    return Depth(levels, noroot and levels != "0")


def overwrites(headers: Mapping[str, str]) -> bool:
    """Return whether a target may be replaced (§10.6): yes, unless told otherwise."""
    value = headers.get("Overwrite", "T").strip().upper()
    if value not in {"T", "F"}:
        raise malformed("Overwrite is T or F")
    return value == "T"


def timeout(headers: Mapping[str, str], longest: float) -> int:
    """Return for how many seconds a lock is granted: the first wish understood, capped (§10.7)."""
    cap = max(1, int(longest))
    for wish in headers.get("Timeout", "").split(","):
        seconds = _SECONDS.fullmatch(wish.strip())
        if seconds:
            return min(cap, max(1, int(seconds[1])))
        if wish.strip().lower() == "infinite":
            return cap
    return cap


def lock_token(headers: Mapping[str, str]) -> str:
    """Return the token of the Lock-Token field (§10.5); RefusedError (400) without one."""
    found = _CODED_URL.fullmatch(headers.get("Lock-Token", "").strip())
    if found is None:
        raise malformed("UNLOCK needs a Lock-Token")
    return found[1]


def destination(headers: Mapping[str, str], hosts: Collection[str]) -> str | None:
    """Return the decoded path that Destination names (§10.3), None where it can be no file.

    RefusedError: 400 where it is missing or no URL, 502 where it is another server's.
    """
    value = headers.get("Destination", "").strip()
    if not value:
        raise malformed("The method needs a Destination")
    if not is_own(value, headers, hosts):
        raise RefusedError(502, "The destination is another server's")
    raw = raw_path(value)
    if raw is None:
        raise malformed("The Destination is no URL")
    return decode_path(raw)


def is_own(url: str, headers: Mapping[str, str], hosts: Collection[str]) -> bool:
    """Whether an absolute URL, or a path, is on this server.

    It is when it names the host that the request was sent to, or one of ``hosts`` with any
    port: the scheme and port that a client sees may be those of a proxy before us.
    """
    if url.startswith("/") and not url.startswith("//"):
        return True
    absolute = _URL.match(url)
    if absolute is None:
        raise malformed("A URL is absolute, or a path")
    scheme, authority = absolute[1].lower(), absolute[2]
    name, port = _host(authority, scheme)
    if name in hosts:
        return True
    return (name, port) == _host(headers.get("Host", ""), scheme)


def _host(authority: str, scheme: str) -> tuple[str, str]:
    """Split host and port, the port filled in as the scheme says (RFC 3986 §6.2.3)."""
    found = _HOST.fullmatch(authority.strip().lower())
    if found is None:
        return authority, ""
    return found[1], found[2] or _DEFAULT_PORTS[scheme]
