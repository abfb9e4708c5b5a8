"""TLS for the HTTP side: the handshake and its limits."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import ssl

    from freebusy.web.connection import Connection
    from freebusy.web.settings import HttpSettings

_LOG = logging.getLogger(__name__)


def prepare(context: ssl.SSLContext) -> ssl.SSLContext:
    """Make a context fit for HTTP: no other protocol is agreed on (RFC 7301 §3.2)."""
    context.set_alpn_protocols(["http/1.1"])
    return context


class Handshake(asyncio.Protocol):
    """A connection until TLS is agreed: it counts among all from its first byte on.

    asyncio's own TLS listener shows a connection only after the handshake, and so lets
    anybody hold any number of them open before it.
    """

    def __init__(
        self, connection: Connection, context: ssl.SSLContext, settings: HttpSettings
    ) -> None:
        self._connection = connection
        self._context = context
        self._settings = settings
        self._early: list[bytes] = []
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake, or close at once where there are too many connections."""
        wire = cast("asyncio.Transport", transport)
        if self._connection.enter(wire):
            self._task = asyncio.get_running_loop().create_task(self._agree(wire))
        else:
            wire.abort()

    def data_received(self, data: bytes) -> None:
        """Keep what comes together with the handshake's last message."""
        self._early.append(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's
        """Let go of a connection that ended before it was a client's."""
        self._connection.leave()

    async def _agree(self, wire: asyncio.Transport) -> None:
        settings = self._settings
        try:
            secure = await asyncio.get_running_loop().start_tls(
                wire,
                self,
                self._context,
                server_side=True,
                ssl_handshake_timeout=settings.header_timeout,
                ssl_shutdown_timeout=settings.keepalive_timeout,
            )
        except OSError as error:  # also ssl.SSLError and TimeoutError: nobody to answer
            _LOG.debug("tls event=no_handshake error=%s", type(error).__name__)
            self._connection.leave()
            return
        if secure is None or secure.is_closing():
            self._connection.leave()
            return
        secure.set_protocol(self._connection)
        self._connection.connection_made(secure)
        if self._early:
            self._connection.data_received(b"".join(self._early))
