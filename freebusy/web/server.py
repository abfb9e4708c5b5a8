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

from freebusy.errors import ConfigurationError
from freebusy.web.connection import Connections, connection_factory
from freebusy.web.routes import Site
from freebusy.web.visitors import TrustedProxies

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.http import RawRequestMessage
    from aiohttp.streams import StreamReader

    from freebusy.ports import FreeBusyFiles
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

    def __init__(self, settings: HttpSettings, files: FreeBusyFiles, health: Health) -> None:
        self._settings = settings
        self._site = Site(settings, files, health)
        self._proxies = TrustedProxies(settings.trusted_proxies)
        self._listeners: list[asyncio.Server] = []
        self._server: web.Server | None = None
        self._connections: Connections | None = None

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Return where the server listens, with the ports that were taken."""
        names = (s.getsockname() for listener in self._listeners for s in listener.sockets)
        return tuple((name[0], name[1]) for name in names)

    async def start(self) -> None:
        """Listen on every configured address; ConfigurationError names all that fail."""
        loop = asyncio.get_running_loop()
        self._server = web.Server(self._site.answer, request_factory=_make_request)
        self._connections = Connections(self._settings, self._proxies, loop)
        problems = []
        for address in self._settings.listen:
            try:
                self._listeners.append(await self._listen(address))
            except (OSError, UnicodeError) as error:
                problems.append(_problem(address, error))
        if problems:
            await self.stop()
            raise ConfigurationError(problems)

    async def _listen(self, address: Address) -> asyncio.Server:
        if self._server is None or self._connections is None:
            raise RuntimeError("not started")
        factory = connection_factory(self._server, self._connections)
        loop = asyncio.get_running_loop()
        return await loop.create_server(factory, *address, backlog=_BACKLOG)

    async def stop(self) -> None:
        """Stop listening, let answers under way finish, end all connections; within 2 seconds."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        server, connections = self._server, self._connections
        self._server = self._connections = None
        if server is None or connections is None:
            return
        server.pre_shutdown()
        await server.shutdown(_GRACE)
        connections.close()


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
