"""XML that goes out: names, hrefs, propstats and the multistatus (RFC 4918 §13, §14).

Written as text: every name was read by the parser before, every value is escaped here.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from aiohttp import hdrs, web

from freebusy.web.replies import NO_CACHE, SERVER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DAV = "DAV:"
MEDIA_TYPE = 'application/xml; charset="utf-8"'

_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'
_SAFE = "/~@+=-._!$&'()*,;:"
"""What a path may hold as it is (RFC 3986 §3.3)."""


class Name(NamedTuple):
    """The name of an element (Namespaces in XML 1.0 §2.2)."""

    namespace: str
    local: str


def element(name: Name, content: str = "") -> str:
    """Return an element; ``content`` is XML already.  The prefix D is bound to DAV:."""
    if name.namespace == DAV:
        tag, declared = f"D:{name.local}", ""
    elif name.namespace:
        tag, declared = f"p:{name.local}", f" xmlns:p={quoteattr(name.namespace)}"
    else:
        tag, declared = name.local, ""
    return f"<{tag}{declared}>{content}</{tag}>" if content else f"<{tag}{declared}/>"


def href(path: str) -> str:
    """Return DAV:href with a path as it stands in a URL (RFC 4918 §8.3)."""
    return f"<D:href>{escape(quote(path, safe=_SAFE))}</D:href>"


def propstat(status: HTTPStatus, properties: Iterable[str]) -> str:
    """Return the properties, elements already, that share a status; "" for none."""
    inside = "".join(properties)
    if not inside:
        return ""
    line = f"<D:status>HTTP/1.1 {status.value} {status.phrase}</D:status>"
    return f"<D:propstat><D:prop>{inside}</D:prop>{line}</D:propstat>"


def response(path: str, propstats: Iterable[str]) -> str:
    """Return what is said about one resource; at least one propstat (RFC 4918 §14.24)."""
    said = "".join(propstats) or (
        f"<D:propstat><D:prop/><D:status>HTTP/1.1 200 {HTTPStatus.OK.phrase}</D:status>"
        "</D:propstat>"
    )
    return f"<D:response>{href(path)}{said}</D:response>\n"


def multistatus(responses: Iterable[str]) -> web.Response:
    """Return the answer 207; it may be about nothing (RFC 4918 §14.16)."""
    return xml_answer(207, f'<D:multistatus xmlns:D="DAV:">{"".join(responses)}</D:multistatus>')


def xml_answer(status: int, text: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an answer whose body is an XML document."""
    fixed = {
        hdrs.CONTENT_TYPE: MEDIA_TYPE,
        hdrs.CACHE_CONTROL: NO_CACHE,
        "X-Content-Type-Options": "nosniff",
        hdrs.SERVER: SERVER,
    }
    body = f"{_DECLARATION}{text}\n".encode()
    return web.Response(status=status, body=body, headers=fixed | dict(headers or {}))


def no_content() -> web.Response:
    """Return 204."""
    headers = {hdrs.CACHE_CONTROL: NO_CACHE, hdrs.SERVER: SERVER}
    return web.Response(status=204, headers=headers)
