"""The button "ping server": ports.MailServerCheck over IMAP.

Each step is made and timed by itself, so that whoever presses it is told which one fails:
the name, the connection, TLS (directly, or by STARTTLS), the login.  The name is resolved
once, and the certificate checked against it, not against the address.
"""

from __future__ import annotations

import contextlib
import imaplib
import socket
import ssl
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from imapclient import IMAPClient, SocketTimeout

from calendar_sync.imap import extensions
from calendar_sync.imap.connection import (
    Connection,
    authenticate,
    drop,
    logout,
    secure,
    tls_context,
    translated,
)
from calendar_sync.imap.namespaces import Kind, namespaces
from freebusy.errors import SourceError, UnreachableError
from freebusy.ports import MailServer, NamespaceEntry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from calendar_sync.imap.behalf import Behalf
    from calendar_sync.imap.namespaces import Namespaces
    from calendar_sync.imap.settings import ImapSettings, Login
    from freebusy.ports import Owner, Step

    _Address = tuple[Any, Any, int, str, Any]

MAX_SHOWN = 100
"""Characters of what a server says of itself."""


class ImapPing:
    """Reaches one mail server, step by step; safe from any thread."""

    def __init__(self, behalf: Behalf, settings: ImapSettings) -> None:
        """``settings`` name the server for :meth:`reach`, which needs no login."""
        self._behalf = behalf
        self._settings = settings

    def ping(self, who: Owner) -> MailServer:
        """Reach the server, log in, and tell what was found; raises UnreachableError.

        Raises SourceRefusedError where nobody may log in for this person.
        """
        used, login = self._behalf.settings(who), self._behalf.login(who)
        with _reached(used) as (client, steps):
            with _step("login", steps, used):
                authenticate(client, used, login)
            with _step("login", {}, used):
                found = _found(client, used, login, steps)
        logout(client)
        return found

    def reach(self) -> None:
        """Go as far as a login would, without one; raises UnreachableError."""
        with _reached(self._settings) as (client, _):
            pass
        logout(client)


# -- the steps


@contextmanager
def _step(name: Step, steps: dict[Step, float], settings: ImapSettings) -> Iterator[None]:
    """Do one step: note its milliseconds, and name it where it fails."""
    began = time.perf_counter()
    try:
        with translated(settings), extensions.understanding():
            yield
    except SourceError as error:
        raise UnreachableError(str(error), name) from None
    steps[name] = round(steps.get(name, 0.0) + 1000 * (time.perf_counter() - began), 3)


@contextmanager
def _reached(settings: ImapSettings) -> Iterator[tuple[IMAPClient, dict[Step, float]]]:
    """Give a connection on which a password may be sent; it is closed where the block fails."""
    steps: dict[Step, float] = {}
    with _step("name", steps, settings):
        addresses = _addresses(settings)
    with contextlib.ExitStack() as undo:
        with _step("connection", steps, settings):
            sock = _connected(settings, addresses)
        undo.callback(sock.close)
        client = _greeted(settings, sock, steps, undo)
        yield client, steps
        undo.pop_all()


def _addresses(settings: ImapSettings) -> Sequence[_Address]:
    try:
        return socket.getaddrinfo(settings.host, settings.port_number, type=socket.SOCK_STREAM)
    except UnicodeError:  # no name at all
        raise socket.gaierror from None


def _connected(settings: ImapSettings, addresses: Sequence[_Address]) -> socket.socket:
    """Connect to the first address that answers; raises OSError."""
    deadline = time.monotonic() + settings.timeout
    failed: OSError = TimeoutError()
    for family, kind, protocol, _, address in addresses:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(max(0.001, deadline - time.monotonic()))
            sock.connect(address)
            sock.settimeout(settings.timeout)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            failed = error
        else:
            return sock
    raise failed


def _greeted(
    settings: ImapSettings,
    sock: socket.socket,
    steps: dict[Step, float],
    undo: contextlib.ExitStack,
) -> IMAPClient:
    """Return a client that is protected as the settings say, and heard the greeting."""
    if settings.security == "tls":
        with _step("tls", steps, settings):
            sock = tls_context(settings).wrap_socket(sock, server_hostname=settings.host)
        undo.callback(sock.close)
    with _step("connection", steps, settings):
        client = _OnSocket(settings, sock)
        extensions.silence(client)
    undo.callback(drop, client)
    if settings.security != "tls":
        starttls = settings.security == "starttls"
        with _step("tls" if starttls else "login", steps if starttls else {}, settings):
            secure(client, settings, tls_context(settings) if starttls else None)
    return client


class _Imap(imaplib.IMAP4):
    """imaplib on a connection that is there already."""

    def __init__(self, settings: ImapSettings, sock: socket.socket) -> None:
        self._given = sock
        super().__init__(settings.host, settings.port_number)

    def _create_socket(self, timeout: float | None = None) -> socket.socket:  # noqa: ARG002  # imaplib's
        return self._given


class _OnSocket(IMAPClient):  # type: ignore[misc]  # imapclient has no types
    """imapclient on a connection that is there already."""

    def __init__(self, settings: ImapSettings, sock: socket.socket) -> None:
        self._given = (settings, sock)
        read = SocketTimeout(settings.timeout, settings.timeout)
        implicit = settings.security == "tls"
        super().__init__(settings.host, settings.port_number, ssl=implicit, timeout=read)

    def _create_IMAP4(self) -> _Imap:  # noqa: N802  # imapclient's
        return _Imap(*self._given)


# -- what is there


def _found(
    client: IMAPClient, settings: ImapSettings, login: Login, steps: dict[Step, float]
) -> MailServer:
    connection = Connection(client, login)
    software, version = _software(connection)
    used = client.socket()
    return MailServer(
        host=settings.host,
        port=settings.port_number,
        security=settings.security,
        tls_version=used.version() if isinstance(used, ssl.SSLSocket) else None,
        software=software,
        version=version,
        login=login.identity,
        namespaces=_entries(namespaces(connection)),
        capabilities=sorted(map(_shown, client.capabilities())),
        steps=steps,
        latency=_latency(client),
    )


def _software(connection: Connection) -> tuple[str | None, str | None]:
    """Return what the server calls itself (ID, RFC 2971), else how it greets."""
    if not connection.can("ID"):
        return _greeting(connection), None
    answer = connection.client.id_()
    pairs = answer[0] if answer and isinstance(answer[0], tuple) else ()
    said = {_shown(key).lower(): value for key, value in zip(pairs[::2], pairs[1::2], strict=False)}
    version = said.get("version")
    name = _shown(said.get("name") or b"") or _greeting(connection)
    return name, None if version is None else _shown(version)


def _greeting(connection: Connection) -> str | None:
    """Return the words of ``* OK [CAPABILITY ...] words``."""
    welcome = bytes(connection.client.welcome or b"")
    words = welcome.partition(b" OK ")[2]
    if words.startswith(b"["):
        words = words.partition(b"] ")[2]
    return _shown(words) or None


def _shown(text: object) -> str:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return "".join(filter(str.isprintable, said)).strip()[:MAX_SHOWN]


def _entries(spaces: Namespaces) -> tuple[NamespaceEntry, ...]:
    return tuple(
        NamespaceEntry(_KINDS[kind], space.prefix, space.separator) for kind, space in spaces.all()
    )


def _latency(client: IMAPClient) -> float:
    """Return the milliseconds of one round trip."""
    began = time.perf_counter()
    extensions.run(client, b"NOOP", name="NOOP")
    return round(1000 * (time.perf_counter() - began), 3)


_KINDS: dict[Kind, Literal["personal", "others", "shared"]] = {
    Kind.PERSONAL: "personal",
    Kind.OTHERS: "others",
    Kind.SHARED: "shared",
}
