"""The short answers: one plain line, no echo of what was asked.

A refusal must not tell an unknown name from a forbidden or malformed one
(wire behaviour that real servers got wrong: users can be harvested).
"""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import hdrs, web

from freebusy.web.credentials import CHALLENGE
from freebusy.web.prepared import PreparedResponse, head_lines

SERVER = "freebusy-gateway"
"""Without a version: it helps only those who look for a vulnerable one."""

READING = "GET, HEAD"

NO_CACHE = "no-cache"
"""Keep it if you like, but ask before each use (RFC 9111 §5.2.2.4)."""

PRIVATE: dict[str, str] = {hdrs.CACHE_CONTROL: "private, no-cache", hdrs.VARY: hdrs.AUTHORIZATION}
"""Of answers that depend on who asks (RFC 9111 §5.2.2.7, RFC 9110 §12.5.5)."""

TEXT_HEADERS = {
    hdrs.CONTENT_TYPE: "text/plain; charset=utf-8",
    hdrs.CACHE_CONTROL: NO_CACHE,
    "X-Content-Type-Options": "nosniff",
    hdrs.SERVER: SERVER,
}

_LOG_IN = "Log in with a name and a password"


class RefusalError(Exception):
    """A request that is answered with ``response`` instead of what it asks for."""

    def __init__(self, response: web.StreamResponse) -> None:
        super().__init__(response.status)
        self.response = response


def plain(status: int, line: str, **headers: str) -> web.Response:
    """Return a one-line answer; further headers are named with underscores."""
    response = web.Response(status=status, body=f"{line}\n".encode(), headers=TEXT_HEADERS)
    for name, value in headers.items():
        response.headers[name.replace("_", "-")] = value
    return response


def empty(status: int) -> web.Response:
    """Return an answer without a body, such as 204."""
    headers = {k: v for k, v in TEXT_HEADERS.items() if k != hdrs.CONTENT_TYPE}
    return web.Response(status=status, headers=headers)


class Refusal:
    """A refusal of prepared bytes, as a file is: it must not be told from one by its cost."""

    def __init__(self, status: HTTPStatus, line: str, *, is_private: bool, **headers: str) -> None:
        self._status = status
        self._body = f"{line}\n".encode()
        own = {name.replace("_", "-"): value for name, value in headers.items()}
        own[hdrs.CONTENT_LENGTH] = str(len(self._body))
        self._lines = head_lines(TEXT_HEADERS | (PRIVATE if is_private else {}) | own)

    def __call__(self) -> PreparedResponse:
        """Return the answer to one more request."""
        return PreparedResponse(self._status, self._lines, self._body)


def not_found(*, is_private: bool) -> Refusal:
    """Return the one refusal for whatever is unknown, forbidden or malformed."""
    return Refusal(HTTPStatus.NOT_FOUND, "Not found", is_private=is_private)


def login_demand(*, is_private: bool) -> Refusal:
    """Return the same where a login might help (RFC 9110 §15.5.2)."""
    return Refusal(
        HTTPStatus.UNAUTHORIZED, _LOG_IN, is_private=is_private, WWW_Authenticate=CHALLENGE
    )


def forbidden() -> web.Response:
    """Return the answer to a visitor who may read nothing at all."""
    return plain(403, "Not allowed from this address")


def refused(status: int, reason: str) -> web.Response:
    """Return a refusal with an error's reason, which begins in lower case for the log."""
    return plain(status, reason[:1].upper() + reason[1:])


def not_allowed(reason: str = "Not allowed") -> web.Response:
    """Return the answer to an account that may not do this (RFC 9110 §15.5.4)."""
    return refused(403, reason)


def unauthorized() -> web.Response:
    """Return the demand for a login (RFC 9110 §15.5.2), the same for every reason."""
    return plain(401, _LOG_IN, WWW_Authenticate=CHALLENGE)


def needs_tls() -> web.Response:
    """Return the answer to a password that came where others can read it."""
    return plain(403, "Use https: a password must not go over plain http")


def slowed(seconds: int) -> web.Response:
    """Return the answer to who failed too often (RFC 6585 §4)."""
    return plain(429, "Too many failed logins: try again later", Retry_After=str(seconds))


def login_unavailable() -> web.Response:
    """Return the answer while passwords cannot be checked."""
    return plain(503, "Logins cannot be checked at the moment", Retry_After="30")


def bad_request() -> web.Response:
    """Return the answer to what is no HTTP request; the connection ends with it."""
    response = plain(400, "Bad request")
    response.force_close()
    return response


def method_not_allowed(allowed: str = READING) -> web.Response:
    """Return the answer to a method that the path does not have (RFC 9110 §15.5.6)."""
    return plain(405, "Method not allowed", Allow=allowed)


def unavailable() -> web.Response:
    """Return the answer while the files cannot be read (RFC 9110 §15.6.4)."""
    return plain(503, "Not available at the moment", Retry_After="60")


def full() -> web.Response:
    """Return the answer where the disk or a quota is full (RFC 4918 §11.5)."""
    return plain(507, "No room is left")


def crowded() -> web.Response:
    """Return the answer while uploads take all the memory that they may (RFC 9110 §15.6.4)."""
    return plain(503, "Too many uploads at once: try again later", Retry_After="5")
