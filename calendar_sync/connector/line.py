"""One kept HTTP connection to the service: opened, used, and given up.

The standard library's client follows no redirects, reads no ``.netrc``, no proxy settings
and nothing that was not asked for.  What is added here: a deadline for a whole answer,
however slowly it trickles; the time that each step of connecting took; and a look at a
kept connection before a request is entrusted to it.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import select
import socket
import ssl
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from calendar_sync.connector.errors import (
    ConnectorDownError,
    LineStep,
    NotTrustedError,
    UnexpectedAnswerError,
)
from calendar_sync.faults import Server
from freebusy.connector.bodies import PREFIX
from freebusy.errors import ConfigurationError, SourceRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from _typeshed import WriteableBuffer

PATIENCE = 10
"""Time-outs that a whole answer may take, so that one which trickles ends, too."""
_PIECE = 64 << 10


@dataclass(frozen=True, slots=True)
class Service:
    """Where the service is."""

    secure: bool
    host: str
    port: int
    base: str
    """The path before ``/ping`` and the others."""

    @property
    def endpoint(self) -> str:
        """The service for messages to people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def place(self) -> str:
        """The server that a password is for, whatever the path: ``https://host:port``."""
        return f"{'https' if self.secure else 'http'}://{self.endpoint}"

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine, by its name."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def service_at(url: str) -> Service:
    """Return the service that a URL means: ``https://host[:port][/path]``.

    The path may leave out ``/connector/v1``.  Raises ConfigurationError for any other text,
    and for plain HTTP to another machine, over which no password is ever sent.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    extra = parts.username is not None or parts.query or parts.fragment or not url.isprintable()
    if parts.scheme not in ("http", "https") or not parts.hostname or extra or " " in url:
        raise ConfigurationError(
            ["url: must be like https://freebusy.example.com, without login, password or query"]
        )
    secure = parts.scheme == "https"
    path = parts.path.rstrip("/").removesuffix(PREFIX)
    port = (443 if secure else 80) if port is None else port
    return _checked(Service(secure, parts.hostname, port, path + PREFIX))


def _checked(service: Service) -> Service:
    if not service.base.isascii() or "%" in service.base:
        raise ConfigurationError(["url: its path must be plain ASCII without percent signs"])
    if not (service.secure or service.is_loopback):
        problem = (
            f"url: is http:// and {service.host} is not this machine: the password would cross "
            "the network unencrypted; use https://"
        )
        raise ConfigurationError([problem])
    return service


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Return what checks the service's certificate and name; raises ConfigurationError."""
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError):
        raise ConfigurationError(
            ["ca_file: cannot be read, or holds no certificates in PEM form"]
        ) from None
    context.set_alpn_protocols(["http/1.1"])
    return context


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read to its end."""

    status: int
    headers: http.client.HTTPMessage = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def media(self) -> str:
        """The type of the body, in lower case."""
        return self.headers.get_content_type()


class Line:
    """One connection, opened when it is needed and kept; not for several threads at a time."""

    def __init__(
        self, service: Service, context: ssl.SSLContext | None, *, timeout: float, max_answer: int
    ) -> None:
        self._service = service
        self._connection = _Connection(service, context, timeout)
        self._timeout = timeout
        self._max_answer = max_answer

    @property
    def steps(self) -> Mapping[LineStep, float]:
        """Milliseconds that each step of opening the connection took."""
        return self._connection.steps

    def exchange(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        repeatable: bool,
    ) -> Reply:
        """Send a request and return its whole answer.

        A kept connection that the service closed in the meantime is seen before anything is
        sent; where it closes at that very moment, a ``repeatable`` request is sent once more
        on a new connection.  Raises ConnectorDownError, UnexpectedAnswerError.
        """
        with self._translated():
            is_kept = self._connection.is_alive()
            try:
                return self._once(method, path, body, headers)
            except (ConnectionError, http.client.BadStatusLine):
                if not (is_kept and repeatable):
                    raise
            return self._once(method, path, body, headers)

    def _once(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Reply:
        connection = self._connection
        try:
            connection.wait_until(time.monotonic() + PATIENCE * self._timeout)
            if connection.sock is None:
                connection.connect()
            connection.sock.settimeout(self._timeout)
            connection.step = "answer"
            connection.request(method, self._service.base + path, body, dict(headers))
            with connection.getresponse() as response:
                return Reply(response.status, response.headers, self._whole(response))
        except BaseException:
            connection.close()
            raise

    def _whole(self, response: http.client.HTTPResponse) -> bytes:
        if response.length is not None and response.length > self._max_answer:
            raise self._too_long()
        body = response.read(self._max_answer + 1)
        if len(body) > self._max_answer:
            raise self._too_long()
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        response.read()  # ends a chunked answer, so that the connection can be kept
        return body

    def _too_long(self) -> UnexpectedAnswerError:
        return UnexpectedAnswerError(
            f"the answer of {self._service.endpoint} is longer than {self._max_answer >> 20} MiB: "
            "ask for less at a time"
        )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn the libraries' errors into ours; the service's own words are left out."""
        try:
            yield
        except ssl.SSLError as error:
            fault = self._server().no_tls(error)
            refused = isinstance(fault, SourceRefusedError)
            kind = NotTrustedError if refused else ConnectorDownError
            raise kind(str(fault), self._step) from None
        except http.client.IncompleteRead:
            raise ConnectorDownError(
                f"the connection to {self._service.endpoint} broke off in the middle of an answer:"
                " try again",
                "answer",
            ) from None
        except http.client.RemoteDisconnected as error:
            raise ConnectorDownError(str(self._server().lost(error)), "answer") from None
        except UnicodeError:  # a name that IDNA has no form for
            raise ConnectorDownError(
                f"{self._service.host} is no name of a host: check url", "name"
            ) from None
        except http.client.HTTPException:
            raise UnexpectedAnswerError(
                f"what answers at {self._service.endpoint} does not speak HTTP: check url"
            ) from None
        except OSError as error:
            raise ConnectorDownError(str(self._server().lost(error)), self._step) from None

    @property
    def _step(self) -> LineStep:
        return self._connection.step

    def _server(self) -> Server:
        return Server(
            endpoint=self._service.endpoint,
            host=self._service.host,
            timeout=self._timeout,
            kind="gateway",
            host_key="url",
            port_key="the port in url",
            tls_advice="check the port in url",
        )

    def close(self) -> None:
        """Close the connection; the next request opens one again."""
        self._connection.close()


class _Connection(http.client.HTTPConnection):
    """The standard library's connection, step by step and with a deadline."""

    def __init__(self, service: Service, context: ssl.SSLContext | None, timeout: float) -> None:
        super().__init__(service.host, service.port, timeout=timeout)
        self.default_port = 443 if service.secure else 80
        self.steps: dict[LineStep, float] = {}
        self.step: LineStep = "name"
        self._context = context
        self._patience = timeout
        self._deadline = 0.0
        self.response_class = self._response  # type: ignore[assignment]  # any callable does

    def wait_until(self, deadline: float) -> None:
        """Set when the next answer has to be there, whole; in monotonic seconds."""
        self._deadline = deadline

    def connect(self) -> None:
        """Resolve the name, connect to the first address that answers, and secure it."""
        self.steps.clear()
        with self._timed("name"):
            addresses = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        with self._timed("connection"):
            plain = _first(addresses, self._patience)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = plain
        if self._context is not None:
            with self._timed("tls"):
                self.sock = self._context.wrap_socket(plain, server_hostname=self.host)

    def is_alive(self) -> bool:
        """Whether a connection is kept and nothing came in since: an end would show there."""
        if self.sock is None:
            return False
        try:
            silent = not select.select([self.sock], [], [], 0)[0]
        except (OSError, ValueError):
            silent = False
        if not silent:
            self.close()
        return silent

    @contextmanager
    def _timed(self, step: LineStep) -> Iterator[None]:
        self.step = step
        started = time.perf_counter()
        yield
        self.steps[step] = (time.perf_counter() - started) * 1000

    def _response(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None
    ) -> http.client.HTTPResponse:
        response = http.client.HTTPResponse(sock, debuglevel, method)
        reader = _Reader(sock, response.fp.detach(), self._deadline, self._patience)
        response.fp = io.BufferedReader(reader, _PIECE)
        return response


def _first(addresses: Sequence[tuple[Any, ...]], timeout: float) -> socket.socket:
    """Return a connection to the first address that takes one; OSError of the last."""
    failure = OSError("no address")
    for family, kind, protocol, _, address in addresses:
        plain = socket.socket(family, kind, protocol)
        plain.settimeout(timeout)
        try:
            plain.connect(address)
        except OSError as error:
            plain.close()
            failure = error
        else:
            return plain
    raise failure


class _Reader(io.RawIOBase):
    """Reads a socket's own reader, and gives up at the deadline."""

    def __init__(
        self, sock: socket.socket, reader: io.RawIOBase, deadline: float, patience: float
    ) -> None:
        self._sock = sock
        self._reader = reader
        self._deadline = deadline
        self._patience = patience

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(min(left, self._patience))
        return self._reader.readinto(buffer)

    def close(self) -> None:
        self._reader.close()
        super().close()
