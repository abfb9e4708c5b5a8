"""HTTP connections to the server: how they are made, kept and given up.

The standard library's client follows no redirects, reads no ``.netrc``, no proxy
settings and nothing that was not asked for.  Its errors become ours, with a sentence
that says what to do; the server's own words are left out.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import ssl
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from calendar_sync.caldav.hrefs import path_of
from calendar_sync.faults import Server
from freebusy.errors import (
    CalendarMissingError,
    SourceError,
    SourceRefusedError,
    SourceUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calendar_sync.caldav.settings import CaldavSettings, Login, Origin

MAX_ANSWER = 256 << 20
"""Bytes of one answer; a member of a calendar takes some 500 in a listing."""
MAX_REDIRECTS = 5
PATIENCE = 10
"""Time-outs that a whole answer may take, so that one which trickles ends, too."""
PIECE = 64 << 10
GONE = frozenset({404, 410})
FAILED = frozenset({401, 404, 410, 429, 502, 503, 504})
"""Statuses that speak of the login, the calendar or the server, whatever was asked of it."""
_REDIRECTS = frozenset({301, 302, 307, 308})
_LOST = (OSError, http.client.HTTPException)
_STALE = (ConnectionError, http.client.RemoteDisconnected, http.client.BadStatusLine)
"""What shows that the server closed a kept connection in the meantime."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked; only methods that change nothing."""

    method: str
    path: str
    body: bytes | None = field(default=None, repr=False)
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Answer:
    """What came back: the head; the body is read piece by piece, once."""

    status: int
    path: str
    """Where it came from in the end."""
    response: http.client.HTTPResponse = field(repr=False)
    deadline: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the server did what it was asked."""
        return 200 <= self.status < 300

    def header(self, name: str) -> str:
        """Return a header field; empty where it is not there."""
        return self.response.headers.get(name) or ""

    def pieces(self) -> Iterator[bytes]:
        """Yield the body; SourceUnavailableError where it is too long or takes too long."""
        left = MAX_ANSWER
        while piece := self.response.read1(PIECE):
            left -= len(piece)
            if left < 0:
                raise SourceUnavailableError("the server's answer is too long to be read")
            if time.monotonic() > self.deadline:
                raise TimeoutError
            yield piece
        self._check_end()

    def head(self, size: int) -> bytes:
        """Return at most ``size`` bytes of the body."""
        parts: list[bytes] = []
        for piece in self.pieces():
            parts.append(piece[:size])
            size -= len(piece)
            if size <= 0:
                break
        return b"".join(parts)

    def _check_end(self) -> None:
        """Raise IncompleteRead where the connection ended before the body did."""
        if self.response.length:
            raise http.client.IncompleteRead(b"", self.response.length)

    def drain(self) -> bool:
        """Read what is left where that is little; return whether nothing is left."""
        left = PIECE
        while left > 0 and (piece := self.response.read1(PIECE)):
            left -= len(piece)
        if self.response.length == 0:
            self.response.read()  # without it the connection takes the answer for unread
        whole = self.response.isclosed()
        self.response.close()
        return whole and not self.response.will_close


def _server(settings: CaldavSettings, origin: Origin) -> Server:
    return Server(
        endpoint=origin.endpoint,
        host=origin.host,
        timeout=settings.timeout,
        host_key="url",
        port_key="the port in url",
        tls_advice="check the port in url",
    )


@contextmanager
def translated(settings: CaldavSettings, origin: Origin) -> Iterator[None]:
    """Turn every error of the libraries into a SourceError."""
    try:
        yield
    except SourceError:
        raise
    except ssl.SSLError as error:
        raise _server(settings, origin).no_tls(error) from None
    except http.client.HTTPException:
        raise SourceUnavailableError(
            f"the answer of {origin.endpoint} cannot be understood"
        ) from None
    except OSError as error:
        raise _server(settings, origin).lost(error) from None


def refusal(origin: Origin, answer: Answer) -> SourceError:
    """Return the error that a status means (RFC 9110 §15)."""
    where, status = origin.endpoint, answer.status
    if status == 401:
        return SourceRefusedError(f"{where} refused the login: check username and password")
    if status == 403:
        return SourceRefusedError(f"{where} lets this login not read there: it needs the right to")
    if status in GONE:
        return CalendarMissingError(f"{where} has no calendar there")
    if 300 <= status < 400:
        return SourceRefusedError(f"{where} redirects in a way that is not followed ({status})")
    return SourceUnavailableError(f"{where} could not answer ({status})")


def tls_context(settings: CaldavSettings) -> ssl.SSLContext:
    """Return what checks the server's certificate and name."""
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError):
        raise SourceRefusedError(
            "ca_file cannot be read: it must hold certificates in PEM form"
        ) from None


class Pool:
    """Idle connections by server; safe to use from any number of threads."""

    def __init__(self, settings: CaldavSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._idle: dict[Origin, list[http.client.HTTPConnection]] = {}
        self._closed = 0
        self._slots = threading.BoundedSemaphore(settings.max_connections)
        self._context: ssl.SSLContext | None = None

    @contextmanager
    def ask(self, origin: Origin, login: Login, request: Request) -> Iterator[Answer]:
        """Send a request and lend its answer; redirects on the same host are followed.

        A kept connection may have died unnoticed; then the request is sent again on a
        new one.  Raises SourceError, also for what the libraries raise in the block.
        """
        with translated(self._settings, origin), self._slot():
            born = self._closed
            connection, answer = self._followed(origin, login, request)
            try:
                yield answer
                reusable = answer.drain()
            except BaseException:
                answer.response.close()
                connection.close()
                raise
            self._keep(origin, connection, born, reusable=reusable)

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=self._settings.timeout):
            raise SourceUnavailableError("all connections are busy: raise max_connections")
        try:
            yield
        finally:
            self._slots.release()

    def _followed(
        self, origin: Origin, login: Login, request: Request
    ) -> tuple[http.client.HTTPConnection, Answer]:
        for _ in range(MAX_REDIRECTS):
            connection, answer = self._answered(origin, login, request)
            location = answer.header("Location")
            if answer.status not in _REDIRECTS or not location:
                return connection, answer
            answer.response.close()
            connection.close()
            path = path_of(location, origin.host, request.path)
            request = Request(request.method, path, request.body, request.headers)
        raise SourceRefusedError(f"{origin.endpoint} redirects without end")

    def _answered(
        self, origin: Origin, login: Login, request: Request
    ) -> tuple[http.client.HTTPConnection, Answer]:
        while (kept := self._take(origin)) is not None:
            with contextlib.suppress(*_STALE):
                return kept, self._exchange(kept, login, request)
        connection = self._connect(origin)
        return connection, self._exchange(connection, login, request)

    def _exchange(
        self, connection: http.client.HTTPConnection, login: Login, request: Request
    ) -> Answer:
        deadline = time.monotonic() + PATIENCE * self._settings.timeout
        try:
            connection.request(
                request.method, request.path, request.body, headers=_headers(login, request)
            )
            response = connection.getresponse()
        except BaseException:
            connection.close()
            raise
        return Answer(response.status, request.path, response, deadline)

    def _connect(self, origin: Origin) -> http.client.HTTPConnection:
        settings = self._settings
        timeout = settings.timeout
        if origin.secure:
            with self._lock:
                if self._context is None:
                    self._context = tls_context(settings)
            return http.client.HTTPSConnection(
                origin.host, origin.port, timeout=timeout, context=self._context
            )
        if not (settings.allow_plain or origin.is_loopback):
            raise SourceRefusedError(
                f"url is http:// and {origin.host} is not this machine: the password would cross "
                "the network unencrypted; use https://, or set allow_plain"
            )
        return http.client.HTTPConnection(origin.host, origin.port, timeout=timeout)

    def _take(self, origin: Origin) -> http.client.HTTPConnection | None:
        with self._lock:
            kept = self._idle.get(origin)
            return kept.pop() if kept else None

    def _keep(
        self, origin: Origin, connection: http.client.HTTPConnection, born: int, *, reusable: bool
    ) -> None:
        with self._lock:
            if reusable and born == self._closed:
                self._idle.setdefault(origin, []).append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close what is idle now, and what is in use when it comes back."""
        with self._lock:
            self._closed += 1
            kept = [each for some in self._idle.values() for each in some]
            self._idle.clear()
        for connection in kept:
            connection.close()


def _headers(login: Login, request: Request) -> dict[str, str]:
    secret = f"{login.username}:{login.password}".encode()
    headers = {
        "Authorization": "Basic " + base64.b64encode(secret).decode("ascii"),  # RFC 7617, UTF-8
        "User-Agent": "freebusy-gateway",
        "Accept-Encoding": "identity",
    }
    if request.body is not None:
        headers["Content-Type"] = "application/xml; charset=utf-8"
    return headers | dict(request.headers)
