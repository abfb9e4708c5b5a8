"""One client connection: its limits, its deadlines, its log line.

aiohttp keeps a half-sent request head for as long as the client likes, holds any
number of connections, and answers a broken request with the parser's words.  The
class here is the one place that builds on aiohttp's RequestHandler to change that.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, cast

from aiohttp import web

from freebusy.ports import Visitor
from freebusy.web.access_log import AccessLog
from freebusy.web.replies import bad_request, plain, unavailable
from freebusy.web.visitors import UNKNOWN, peer_address

if TYPE_CHECKING:
    import asyncio

    from aiohttp.streams import StreamReader

    from freebusy.web.settings import HttpSettings
    from freebusy.web.visitors import TrustedProxies

_LOG = logging.getLogger(__name__)

_TOO_MANY = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: 21\r\nRetry-After: 30\r\nConnection: close\r\n\r\nToo many connections\n"
)


class Connections:
    """All open connections: counts them, and ends those whose deadline has passed."""

    def __init__(
        self, settings: HttpSettings, proxies: TrustedProxies, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.settings = settings
        self.proxies = proxies
        self.loop = loop
        self.access_log = AccessLog(loop)
        self._open: set[Connection] = set()
        self._per_address: dict[str, int] = {}
        shortest = min(settings.header_timeout, settings.answer_timeout)
        self._pause = min(1.0, shortest / 4)
        self._sweeper: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Connection) -> bool:
        """Count a new connection in; False where it is one too many."""
        address = connection.visitor.address
        count = self._per_address.get(address, 0)
        if len(self._open) >= self.settings.max_connections:
            return False
        if count >= self.settings.max_connections_per_address and not connection.is_proxy:
            return False
        self._per_address[address] = count + 1
        self._open.add(connection)
        if self._sweeper is None:
            self._sweeper = self.loop.call_later(self._pause, self._sweep)
        return True

    def release(self, connection: Connection) -> None:
        """Count a connection out."""
        self._open.discard(connection)
        address = connection.visitor.address
        self._per_address[address] -= 1
        if not self._per_address[address]:
            del self._per_address[address]

    def note(self, asker: Visitor, request: web.BaseRequest, response: web.StreamResponse) -> None:
        """Count and log an answer that is sent."""
        if self.settings.counted is not None:
            self.settings.counted(response.status)
        self.access_log.add(asker, request, response)

    def close(self) -> None:
        """End all connections now."""
        for connection in tuple(self._open):
            connection.abort()
        if self._sweeper is not None:
            self._sweeper.cancel()
        self.access_log.flush()

    def _sweep(self) -> None:
        now = self.loop.time()
        for connection in tuple(self._open):
            if connection.deadline < now:
                connection.abort()
        self._sweeper = self.loop.call_later(self._pause, self._sweep) if self._open else None


class Connection(web.RequestHandler):
    """A client connection with a deadline for whatever it is busy with.

    waiting for a head   ``header_timeout`` after the connection or the first byte
    answering            ``answer_timeout``, until the client has taken the answer
    reading a body       the upload's own time, with an answer to follow
    idle                 no deadline of ours: aiohttp's keep-alive time-out ends it
    """

    __slots__ = (
        "_body", "_connections", "_is_ended", "_is_half", "_wire", "asker", "deadline",
        "is_invited", "is_proxy", "is_secure", "visitor",
    )  # fmt: skip

    def __init__(self, server: web.Server, connections: Connections) -> None:
        settings = connections.settings
        super().__init__(
            server,
            loop=connections.loop,
            keepalive_timeout=settings.keepalive_timeout,
            access_log=None,  # type: ignore[arg-type]  # aiohttp's own way to switch its log off
            max_line_size=settings.max_line_size,
            max_field_size=settings.max_line_size,
            max_headers=settings.max_headers,
            lingering_time=min(2.0, settings.header_timeout),
            auto_decompress=False,  # a compressed body is refused: nothing is ever inflated
        )
        self._connections = connections
        self._wire: asyncio.Transport | None = None
        self.deadline = math.inf
        self.visitor = Visitor(UNKNOWN)
        """Who is at the other end."""
        self.is_proxy = False
        self.is_secure = False
        self.asker = self.visitor
        """For whom the request in hand is, as far as that is known."""
        self.is_invited = False
        self._is_ended = False
        self._is_half = False
        self._body: StreamReader | None = None

    # -- asyncio's events

    def enter(self, wire: asyncio.Transport) -> bool:
        """Count this connection among all; False where it is one too many."""
        self.visitor = self.asker = Visitor(peer_address(wire.get_extra_info("peername")))
        self.is_proxy = self.visitor.address in self._connections.proxies
        if not self._connections.admit(self):
            return False
        self._wire = wire
        self.deadline = self._loop.time() + self._connections.settings.header_timeout
        return True

    def leave(self) -> None:
        """Count it out; nothing where it is not in."""
        if self._wire is not None:
            self._wire = None
            self._connections.release(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or refuse it at once where there are too many.

        One with TLS has been counted since before its handshake.
        """
        wire = cast("asyncio.Transport", transport)
        self.is_secure = wire.get_extra_info("ssl_object") is not None
        if self._wire is None and not self.enter(wire):
            wire.write(_TOO_MANY)
            wire.close()
            return
        self._wire = wire
        self.deadline = self._loop.time() + self._connections.settings.header_timeout
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Read what came; the first byte of a request starts its clock."""
        if self.deadline == math.inf:
            self.deadline = self._loop.time() + self._connections.settings.header_timeout
        super().data_received(data)
        if self._body is not None and self._messages:
            # Something comes after a body that has no end yet: the parser has given it up.
            _break_off(self._body)

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio lets it be true
        """Keep what is half closed open until its requests are answered.

        A client may close its side right after its request (RFC 9112 §9.6 leaves it to
        us); an idle one that does so has gone.  A body that is not whole by then never will be.
        """
        self._is_half = True
        if self._body is not None:
            _break_off(self._body)
        waits = self._waiter is not None and not self._waiter.done()
        self._is_ended = self._request_count > 0 and not waits
        # TLS knows no half-closed connections (asyncio warns of the attempt).
        return self._is_ended and not self.is_secure

    def connection_lost(self, exc: BaseException | None) -> None:
        """Let go of the connection."""
        if self._wire is not None:
            self.leave()
            super().connection_lost(exc)

    def abort(self) -> None:
        """End the connection now, whatever is still to be sent."""
        if self._wire is not None:
            self._wire.abort()

    # -- one request

    def begin_answer(self) -> None:
        """Note that a request's head is complete."""
        self.deadline = self._loop.time() + self._connections.settings.answer_timeout
        self.asker = self.visitor
        self.is_invited = False

    def allow(self, seconds: float) -> None:
        """Give the request in hand this much time beside that for taking the answer."""
        self.deadline = self._loop.time() + self._connections.settings.answer_timeout + seconds

    def await_body(self, body: StreamReader, seconds: float) -> None:
        """Note that a body is read, which may take so long."""
        self._body = body
        self.allow(seconds)
        if self._is_half:
            _break_off(body)

    def end_reading(self) -> None:
        """Close after the answer in hand, whatever of its request is still to come."""
        self._lingering_time = 0.0

    def log_access(
        self,
        request: web.BaseRequest,
        response: web.StreamResponse,
        time: float | None,  # noqa: ARG002  # aiohttp's signature
    ) -> None:
        """Note that an answer is sent, and log it.

        aiohttp calls this when an answer is complete, also without a log of its own.
        """
        if self._wire is None or not self._wire.get_write_buffer_size():
            self.deadline = math.inf
        if self._is_ended and not self._messages:
            self.close()
        self._body = None
        self._connections.note(self.asker, request, response)
        self.asker = self.visitor

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002  # aiohttp's signature
    ) -> web.StreamResponse:
        """Answer a broken request or a fault of ours in our words, then close.

        The parser's message quotes the request: neither client nor log gets it.
        """
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun, another one cannot follow")
        if status < 500:
            return bad_request()
        _LOG.error("a request failed", exc_info=exc)
        response = plain(500, "Internal error") if status == 500 else unavailable()
        response.force_close()
        return response


def _break_off(body: StreamReader) -> None:
    """Let nobody wait for the rest of a body that cannot come any more."""
    if not body.is_eof():
        body.set_exception(web.RequestPayloadError("the body broke off"))
