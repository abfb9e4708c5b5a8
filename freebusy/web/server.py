"""The HTTP server: binds, serves, stops.

Built on aiohttp's low-level Server: one handler, no application, no middlewares.
"""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.http import HttpVersion10, HttpVersion11
from yarl import URL

from freebusy.certificates import server_context
from freebusy.errors import ConfigurationError
from freebusy.web.connection import Connection, Connections
from freebusy.web.routes import Site
from freebusy.web.tls import Handshake, prepare
from freebusy.web.visitors import TrustedProxies

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.http import RawRequestMessage
    from aiohttp.streams import StreamReader

    from freebusy.connector.parts import Connector
    from freebusy.ports import FreeBusyFiles, Logins, Publications, Triggers
    from freebusy.web.health import Health
    from freebusy.web.settings import Address, HttpSettings

_BACKLOG = 512
_GRACE = 0.7
"""Seconds for answers under way when the server stops; aiohttp may wait this long twice."""

_ROOT = URL("/")
_VERSIONS = (HttpVersion11, HttpVersion10)

_ADVICE = {
    errno.EADDRINUSE: "another program listens there: stop it or choose another port",
    errno.EACCES: "ports below 1024 need a privilege (CAP_NET_BIND_SERVICE), or choose another",
    errno.EPERM: "ports below 1024 need a privilege (CAP_NET_BIND_SERVICE), or choose another",
    errno.EADDRNOTAVAIL: "this machine has no such address: choose one of its own",
    errno.EAFNOSUPPORT: "this machine does not speak that address family: leave it out",
}


class HttpServer:
    """Serves published files over HTTP, from start to stop."""

    def __init__(
        self,
        settings: HttpSettings,
        files: FreeBusyFiles,
        health: Health,
        *,
        logins: Logins | None = None,
        publications: Publications | None = None,
        triggers: Triggers | None = None,
        connector: Connector | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """``tls`` is for ``tls_listen``; it is changed to fit HTTP, so it is nobody else's."""
        self._settings = settings
        self._tls = None if tls is None else prepare(tls)
        self._site = Site(
            settings,
            files,
            health,
            logins=logins,
            publications=publications,
            triggers=triggers,
            connector=connector,
        )
        self._proxies = TrustedProxies(settings.trusted_proxies)
        self._listeners: list[asyncio.Server] = []
        self._secure: list[asyncio.Server] = []
        self._server: web.Server | None = None
        self._connections: Connections | None = None

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Return where the server listens without TLS, with the ports that were taken."""
        return _addresses(self._listeners)

    @property
    def tls_addresses(self) -> tuple[Address, ...]:
        """Return where the server listens with TLS, with the ports that were taken."""
        return _addresses(self._secure)

    def reload_certificate(self, certificate: Path, key: Path) -> None:
        """Use these files for connections from now on; those that are open stay.

        Raises ConfigurationError where they do not serve: the former ones go on then.
        """
        self._tls = prepare(server_context(certificate, key))

    def reload(self, settings: HttpSettings) -> None:
        """Take over what these settings show and to whom; raises ConfigurationError.

        That is ``listing``, ``is_private``, ``plain_logins``, ``hosts``, ``metrics`` and
        ``metrics_networks``; where to listen and the limits stay as they were at the start.
        """
        self._site.reload(settings)

    async def start(self) -> None:
        """Listen on every configured address; ConfigurationError names all that fail."""
        settings = self._settings
        if settings.tls_listen and self._tls is None:
            raise ConfigurationError(["http: listening with TLS needs a certificate"])
        loop = asyncio.get_running_loop()
        server = self._server = web.Server(self._site.answer, request_factory=_make_request)
        connections = self._connections = Connections(settings, self._proxies, loop)

        def plain() -> asyncio.Protocol:
            return Connection(server, connections)

        def secure() -> asyncio.Protocol:
            if self._tls is None:
                raise RuntimeError("no certificate")
            return Handshake(Connection(server, connections), self._tls, settings)

        problems = await _listen(plain, settings.listen, self._listeners)
        problems += await _listen(secure, settings.tls_listen, self._secure)
        if problems:
            await self.stop()
            raise ConfigurationError(problems)

    async def stop(self) -> None:
        """Stop listening, let answers under way finish, end all connections; within 2 seconds."""
        for listener in (*self._listeners, *self._secure):
            listener.close()
        self._listeners.clear()
        self._secure.clear()
        server, connections = self._server, self._connections
        self._server = self._connections = None
        if server is None or connections is None:
            return
        server.pre_shutdown()
        await server.shutdown(_GRACE)
        connections.close()
        self._site.close()


async def _listen(
    factory: Callable[[], asyncio.Protocol], places: Iterable[Address], taken: list[asyncio.Server]
) -> list[str]:
    """Listen at all places, adding to what is taken; return what went wrong."""
    loop = asyncio.get_running_loop()
    problems = []
    for place in places:
        try:
            taken.append(await loop.create_server(factory, *place, backlog=_BACKLOG))
        except (OSError, UnicodeError) as error:
            problems.append(_problem(place, error))
    return problems


def _addresses(listeners: Iterable[asyncio.Server]) -> tuple[Address, ...]:
    names = (s.getsockname() for listener in listeners for s in listener.sockets)
    return tuple((name[0], name[1]) for name in names)


def _make_request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    """Make a request without what aiohttp lets pass.

    Its reading of absolute targets may raise, so ours is the only one.  A missing target
    and a version that we do not speak become a request of HTTP/1.0 for nothing: 400.
    """
    if not message.path or message.version not in _VERSIONS:
        message = message._replace(version=HttpVersion10, path="", url=_ROOT)
    elif message.url.absolute:
        message = message._replace(url=_ROOT)
    return web.BaseRequest(message, payload, protocol, writer, task, asyncio.get_running_loop())


def _problem(address: Address, error: Exception) -> str:
    host, port = address
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    advice = _ADVICE.get(
        _number(error), "the name of the host does not resolve, or the port is wrong"
    )
    return f"http: cannot listen on {where}: {advice}"


def _number(error: Exception) -> int:
    """Return an error's number; from Python 3.13 on asyncio gives none where no address binds."""
    if not isinstance(error, OSError):
        return 0
    return errno.EADDRNOTAVAIL if error.errno is None else error.errno
