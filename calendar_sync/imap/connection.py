"""Connections to the mail server: how they are made, kept and given up.

What imapclient, ssl and socket raise becomes one of ours, with a sentence that
says what to do.  The server's own words are left out, and so is the chain to
the first error: they may quote a command or a message.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from calendar_sync.faults import Server
from calendar_sync.imap import extensions
from freebusy.errors import (
    SourceDownError,
    SourceError,
    SourceRefusedError,
    SourceUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calendar_sync.imap.resync import Since
    from calendar_sync.imap.settings import ImapSettings, Login
    from calendar_sync.imap.uidset import UidSet

T = TypeVar("T")

LOST = (IMAPClientAbortError, OSError, EOFError)
"""What a connection raises that is of no use any more."""

LOGOUT_SECONDS = 1.0

PASSING = {"UNAVAILABLE", "INUSE", "SERVERBUG", "LIMIT", "CONTACTADMIN"}
"""Response codes (RFC 5530) that say: not now."""


class ConnectionLimitError(SourceUnavailableError):
    """The server lets a login have no more connections than it has."""


def server_of(settings: ImapSettings) -> Server:
    """Return the server as messages name it."""
    return Server(
        endpoint=settings.endpoint,
        host=settings.host,
        timeout=settings.timeout,
        kind="mail server",
        host_key="host",
        port_key="the port",
        tls_advice="check port, or set security to starttls",
    )


def _refused(settings: ImapSettings, error: extensions.CommandRefused) -> SourceError:
    said = f"{error.command} was refused by {settings.endpoint}"
    said += f" [{error.code}]" if error.code else ""
    if error.command == "LOGIN" and error.code == "LIMIT":
        return ConnectionLimitError(f"{said}: allow more connections there, or fewer here")
    if error.code in PASSING or error.command not in {"LOGIN", "EXAMINE"}:
        return SourceUnavailableError(said)
    if error.command == "LOGIN" and settings.authorization is not None:
        return SourceRefusedError(
            f"{said}: check username and password, and whether it may act for others "
            "(Cyrus: proxyservers; Dovecot: a master user)"
        )
    if error.command == "LOGIN":
        return SourceRefusedError(f"{said}: check username and password")
    return SourceRefusedError(f"{said}: the login needs the rights l and r on the folder")


@contextmanager
def translated(settings: ImapSettings) -> Iterator[None]:
    """Turn every error of the libraries into a SourceError."""
    try:
        yield
    except SourceError:
        raise
    except extensions.CommandRefused as error:
        raise _refused(settings, error) from None
    except ssl.SSLError as error:
        raise server_of(settings).no_tls(error) from None
    except LOST as error:
        raise server_of(settings).lost(error) from None
    except IMAPClientError:
        raise SourceUnavailableError(
            f"the answer of {settings.endpoint} cannot be understood"
        ) from None


def logout(client: IMAPClient) -> None:
    """Say goodbye without waiting long for an answer, and close."""
    with contextlib.suppress(*LOST, IMAPClientError):
        client.socket().settimeout(LOGOUT_SECONDS)
        client.logout()
    drop(client)


def drop(client: IMAPClient) -> None:
    """Close at once."""
    with contextlib.suppress(*LOST, IMAPClientError):
        client.shutdown()


class Connection:
    """A logged-in connection, used by one thread at a time."""

    def __init__(self, client: IMAPClient, login: Login) -> None:
        self.client = client
        self.login = login
        self.selected = False
        self.kept = 0.0
        """When it was given back last (monotonic)."""
        self.made = time.monotonic()
        self.resynced: tuple[list[extensions.MessageState], UidSet] | None = None
        """What changed in the folder that is open since it was known last."""
        self._capabilities = {bytes(name).upper() for name in client.capabilities()}
        self.qresync = self._enable_qresync()
        self.condstore = self.qresync or self.can("CONDSTORE")

    def can(self, capability: str) -> bool:
        """Whether the server says it has a capability."""
        return capability.encode("ascii") in self._capabilities

    def can_any(self, start: str) -> bool:
        """Whether it has a capability that begins so."""
        return any(name.startswith(start.encode("ascii")) for name in self._capabilities)

    def _enable_qresync(self) -> bool:
        if not (self.can("QRESYNC") and self.can("ENABLE")):
            return False
        return b"QRESYNC" in {bytes(name).upper() for name in self.client.enable("QRESYNC")}

    def examine(self, folder: str, since: Since | None = None) -> extensions.Examined:
        """Open a folder read only; modification sequences only where they can be trusted.

        With QRESYNC the server says as well what changed ``since``: it is in :attr:`resynced`.
        """
        self.selected = False  # a refused EXAMINE leaves no folder open (RFC 3501 §6.3.1)
        asked = since if self.qresync else None
        plain = b" (CONDSTORE)" if self.condstore and not self.qresync else b""
        parameter = plain if asked is None else asked.parameter()
        lines = extensions.examine(self.client, folder, parameter=parameter)
        box = extensions.parse_examine(lines)
        self.resynced = None if asked is None else extensions.parse_states(lines)
        self.selected = True
        if self.condstore:
            return box
        return extensions.Examined(box.uidvalidity, box.uidnext, box.exists, None)

    def unselect(self) -> None:
        """Close the folder, if one is open; opened read only, it loses nothing by it."""
        if not self.selected:
            return
        command = b"UNSELECT" if self.can("UNSELECT") else b"CLOSE"
        extensions.run(self.client, command, name="UNSELECT")
        extensions.set_state(self.client, "AUTH")
        self.selected = False

    def logout(self) -> None:
        """Say goodbye without waiting long for an answer, and close."""
        logout(self.client)

    def drop(self) -> None:
        """Close at once."""
        drop(self.client)


# -- making one ------------------------------------------------------------------------


def tls_context(settings: ImapSettings) -> ssl.SSLContext:
    """Return what checks the server's certificate and name."""
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError):
        raise SourceRefusedError(
            "ca_file cannot be read: it must hold certificates in PEM form"
        ) from None


def is_loopback(peer: str) -> bool:
    """Whether the IP address at the other end is this machine's own."""
    address = ipaddress.ip_address(peer.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _peer(client: IMAPClient) -> str:
    return str(client.socket().getpeername()[0])


def secure(client: IMAPClient, settings: ImapSettings, context: ssl.SSLContext | None) -> None:
    """Bring the connection to a state in which a password may be sent."""
    if settings.security == "starttls":
        if not client.has_capability("STARTTLS"):
            raise SourceRefusedError(
                f"{settings.endpoint} does not offer STARTTLS: set security to tls and its port"
            )
        client.starttls(context)
    elif settings.security == "plain" and not (settings.allow_plain or is_loopback(_peer(client))):
        raise SourceRefusedError(
            f"security is plain and {settings.endpoint} is not this machine: the password would "
            "cross the network unencrypted; use tls or starttls, or set allow_plain"
        )


def authenticate(client: IMAPClient, settings: ImapSettings, login: Login) -> None:
    """Log in; raises CommandRefused and SourceRefusedError."""
    if client.has_capability("LOGINDISABLED"):
        raise SourceRefusedError(
            f"{settings.endpoint} takes no login unencrypted: set security to tls or starttls"
        )
    try:
        if client.has_capability("AUTH=PLAIN"):  # takes any characters, LOGIN only ASCII
            client.plain_login(login.username, login.password, login.authorization or None)
        elif login.authorization:
            raise SourceRefusedError(
                f"{settings.endpoint} does not offer AUTH=PLAIN, which authorization needs"
            )
        else:
            client.login(login.username, login.password)
    except UnicodeEncodeError:
        raise SourceRefusedError(
            f"{settings.endpoint} takes only ASCII in user names and passwords"
        ) from None
    except IMAPClientError as error:
        if isinstance(error.__context__, IMAPClientAbortError):  # imapclient calls all one thing
            raise IMAPClientAbortError("the connection was lost during the login") from None
        raise extensions.refused("LOGIN", str(error)) from None


def _open(settings: ImapSettings, context: ssl.SSLContext | None) -> IMAPClient:
    implicit = settings.security == "tls"
    client = IMAPClient(
        settings.host,
        settings.port_number,
        ssl=implicit,
        ssl_context=context,
        timeout=SocketTimeout(settings.timeout, settings.timeout),
    )
    extensions.silence(client)
    client.socket().setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # imaplib sends a literal and its CRLF apart, which costs a login 40 ms of waiting for an ACK
    client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def _reached(settings: ImapSettings, context: ssl.SSLContext | None) -> IMAPClient:
    """Connect and hear the greeting; raises SourceDownError where nobody would."""
    try:
        with translated(settings):
            return _open(settings, context)
    except SourceUnavailableError as error:
        raise SourceDownError(str(error)) from None


@contextmanager
def opened(settings: ImapSettings, context: ssl.SSLContext | None) -> Iterator[IMAPClient]:
    """Give a connection on which a password may be sent; it is closed where the block fails.

    Raises SourceRefusedError and SourceUnavailableError, also for what the libraries raise
    in the block.
    """
    client = _reached(settings, context)
    with translated(settings):
        try:
            with extensions.understanding():
                secure(client, settings, context)
                yield client
        except BaseException:
            drop(client)
            raise


def connect(settings: ImapSettings, login: Login, context: ssl.SSLContext | None) -> Connection:
    """Connect and log in; raises SourceRefusedError and SourceUnavailableError."""
    with opened(settings, context) as client:
        authenticate(client, settings, login)
        return Connection(client, login)
