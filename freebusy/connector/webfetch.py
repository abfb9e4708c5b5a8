"""Fetching an answer over HTTP: nothing of ours goes along, and nothing is believed.

No cookie, no credentials, no proxy or .netrc of the environment, no Referer.  A host's
addresses are looked up once for each connection, and the connection goes to one of those
that were checked, so that a name that leads elsewhere a moment later gains nothing (DNS
rebinding); the certificate still has to be the name's.
"""

from __future__ import annotations

import socket
import ssl
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import hdrs
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from freebusy.connector.targets import read_target
from freebusy.errors import ElsewhereError

if TYPE_CHECKING:
    from freebusy.connector.addresses import Resolver
    from freebusy.connector.limits import FetchLimits
    from freebusy.connector.servers import OtherServer
    from freebusy.connector.targets import Target

_HEADERS = {
    hdrs.ACCEPT: "text/calendar, */*;q=0.5",
    # What unpacks to a thousand times its size is not asked for, and not unpacked.
    hdrs.ACCEPT_ENCODING: "identity",
    hdrs.USER_AGENT: "FreeBusyGateway",
}
_MAX_LINE, _MAX_HEADERS = 8190, 64
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)
"""Among the 4xx: come again."""


class WebFetch:
    """Fetches from one server, in the event loop in which it was made."""

    def __init__(self, server: OtherServer, limits: FetchLimits, resolver: Resolver) -> None:
        self._server = server
        self._limits = limits
        connector = aiohttp.TCPConnector(
            resolver=_Checked(server, resolver),
            use_dns_cache=False,
            limit=server.at_once,
            keepalive_timeout=10,
            # True: aiohttp's own context, which verifies by the system's authorities.
            ssl=ssl.create_default_context(cafile=server.ca_file) if server.ca_file else True,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=limits.connect),
            max_line_size=_MAX_LINE,
            max_field_size=_MAX_LINE,
            max_headers=_MAX_HEADERS,
        )

    async def fetch(self, target: Target, domain: str) -> bytes | None:
        """Return the body, or None where the server knows nobody of that name.

        Follows redirects for a person of ``domain``.  Raises ElsewhereError.
        """
        for _ in range(self._limits.max_redirects + 1):
            found = await self._get(target)
            if not isinstance(found, str):
                return found
            target = self._server.redirected(target, read_target(found), domain)
        raise ElsewhereError("redirects")

    async def close(self) -> None:
        """End all connections."""
        await self._session.close()

    async def _get(self, target: Target) -> bytes | str | None:
        """Return a body, the URL to go on with, or None."""
        url = URL(target.url, encoded=True)
        try:
            async with self._session.get(url, allow_redirects=False) as response:
                try:
                    return await self._taken(response)
                finally:
                    if not response.content.at_eof():
                        response.close()  # the rest of the body is nobody's
        except aiohttp.ClientError as error:
            raise _said(error) from None
        except ValueError:  # aiohttp's parser and yarl, of what they cannot read
            raise ElsewhereError("protocol") from None

    async def _taken(self, response: aiohttp.ClientResponse) -> bytes | str | None:
        status = response.status
        if status in _REDIRECTS:
            return _location(response)
        if status in _PASSING or not (status == HTTPStatus.OK or 400 <= status < 500):
            raise ElsewhereError("status")
        if status != HTTPStatus.OK:
            return None
        if response.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower() != "identity":
            raise ElsewhereError("encoding")
        return await self._body(response)

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        most = self._limits.max_size
        if (response.content_length or 0) > most:
            raise ElsewhereError("size")
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > most:
                raise ElsewhereError("size")
        return bytes(body)


def _location(response: aiohttp.ClientResponse) -> str:
    """Return where a redirect leads, as an absolute URL (RFC 9110 §10.2.2)."""
    location = response.headers.get(hdrs.LOCATION, "")
    if not location or not location.isascii() or not location.isprintable():
        raise ElsewhereError("redirect")
    try:
        return str(response.url.join(URL(location, encoded=True)).with_fragment(None))
    except ValueError:
        raise ElsewhereError("redirect") from None


def _said(error: aiohttp.ClientError) -> ElsewhereError:
    """Return what an error means, in one word."""
    cause = error.__cause__
    while cause is not None:
        if isinstance(cause, ElsewhereError):
            return cause
        cause = cause.__cause__
    for kind, word in _WORDS:
        if isinstance(error, kind):
            return ElsewhereError(word)
    return ElsewhereError("protocol")


_WORDS: tuple[tuple[type[aiohttp.ClientError], str], ...] = (
    (aiohttp.ClientSSLError, "tls"),
    (aiohttp.ConnectionTimeoutError, "connection"),
    (aiohttp.ClientConnectorError, "connection"),
    (aiohttp.ServerTimeoutError, "timeout"),
    (aiohttp.InvalidURL, "url"),
)


class _Checked(AbstractResolver):
    """Gives aiohttp only addresses that may be connected to."""

    def __init__(self, server: OtherServer, resolver: Resolver) -> None:
        self._server = server
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a host as aiohttp wants them; raises OSError."""
        try:
            found = await self._server.addresses(host, self._resolver)
        except ElsewhereError as error:
            raise OSError(error.kind) from error
        entries = [_entry(host, port, address) for address in found]
        return [entry for entry in entries if family in (socket.AF_UNSPEC, entry["family"])]

    async def close(self) -> None:
        """Nothing is held."""


def _entry(host: str, port: int, address: str) -> ResolveResult:
    family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
    return ResolveResult(
        hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST
    )
