"""The short answers: one plain line, no echo of what was asked.

A refusal must not tell an unknown name from a forbidden or malformed one
(wire behaviour that real servers got wrong: users can be harvested).
"""

from __future__ import annotations

from aiohttp import hdrs, web

SERVER = "freebusy-gateway"
"""Without a version: it helps only those who look for a vulnerable one."""

METHODS = "GET, HEAD"

NO_CACHE = "no-cache"
"""Keep it if you like, but ask before each use (RFC 9111 §5.2.2.4)."""

TEXT_HEADERS = {
    hdrs.CONTENT_TYPE: "text/plain; charset=utf-8",
    hdrs.CACHE_CONTROL: NO_CACHE,
    "X-Content-Type-Options": "nosniff",
    hdrs.SERVER: SERVER,
}


def plain(status: int, line: str, **headers: str) -> web.Response:
    """Return a one-line answer; further headers are named with underscores."""
    response = web.Response(status=status, body=f"{line}\n".encode(), headers=TEXT_HEADERS)
    for name, value in headers.items():
        response.headers[name.replace("_", "-")] = value
    return response


def not_found() -> web.Response:
    """Return the one refusal for whatever is unknown, forbidden or malformed."""
    return plain(404, "Not found")


def forbidden() -> web.Response:
    """Return the answer to a visitor who may read nothing at all."""
    return plain(403, "Not allowed from this address")


def bad_request() -> web.Response:
    """Return the answer to what is no HTTP request; the connection ends with it."""
    response = plain(400, "Bad request")
    response.force_close()
    return response


def method_not_allowed() -> web.Response:
    """Return the answer to every method but GET and HEAD (RFC 9110 §15.5.6)."""
    return plain(405, "Method not allowed", Allow=METHODS)


def unavailable() -> web.Response:
    """Return the answer while the files cannot be read (RFC 9110 §15.6.4)."""
    return plain(503, "Not available at the moment", Retry_After="60")
