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
    from collections.abc import Callable

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
    idle                 no deadline of ours: aiohttp's keep-alive time-out ends it
    """

    __slots__ = ("_connections", "_is_ended", "_wire", "deadline", "is_proxy", "visitor")

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
            auto_decompress=False,  # bodies are thrown away: nothing is gained by inflating them
        )
        self._connections = connections
        self._wire: asyncio.Transport | None = None
        self.deadline = math.inf
        self.visitor = Visitor(UNKNOWN)
        self.is_proxy = False
        self._is_ended = False

    # -- asyncio's events

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or refuse it at once where there are too many."""
        wire = cast("asyncio.Transport", transport)
        self.visitor = Visitor(peer_address(wire.get_extra_info("peername")))
        self.is_proxy = self.visitor.address in self._connections.proxies
        if not self._connections.admit(self):
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

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio lets it be true
        """Keep what is half closed open until its requests are answered.

        A client may close its side right after its request (RFC 9112 §9.6 leaves it to
        us); an idle one that does so has gone.
        """
        waits = self._waiter is not None and not self._waiter.done()
        self._is_ended = self._request_count > 0 and not waits
        return self._is_ended

    def connection_lost(self, exc: BaseException | None) -> None:
        """Let go of the connection."""
        if self._wire is not None:
            self._wire = None
            self._connections.release(self)
            super().connection_lost(exc)

    def abort(self) -> None:
        """End the connection now, whatever is still to be sent."""
        if self._wire is not None:
            self._wire.abort()

    # -- one request

    def begin_answer(self) -> None:
        """Note that a request's head is complete."""
        self.deadline = self._loop.time() + self._connections.settings.answer_timeout

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
        self._connections.access_log.add(self.visitor.address, request, response)

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


def connection_factory(server: web.Server, connections: Connections) -> Callable[[], Connection]:
    """Return what makes a protocol for each accepted connection."""
    return lambda: Connection(server, connections)
