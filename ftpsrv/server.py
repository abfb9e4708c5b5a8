"""The FTP server: sockets, limits and the loop (RFC 959, RFC 2428)."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer

from freebusy.certificates import server_context
from freebusy.errors import ConfigurationError
from ftpsrv.authorizer import AnonymousAuthorizer
from ftpsrv.counting import UNCOUNTED, Counted, OpenSessions
from ftpsrv.data import ActiveConnector, DataConnection, PassiveListener
from ftpsrv.errands import Errands
from ftpsrv.handler import Session
from ftpsrv.listening import BACKLOG, bind_all, close_all
from ftpsrv.log import log_exception, logger, tame_library_log
from ftpsrv.tls import Offer, prepare
from ftpsrv.uploads import UploadRoom

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable
    from pathlib import Path

    from freebusy.ports import FreeBusyFiles, Logins, Publications

_GRACE = 1.0
"""Seconds that a transfer under way has left when the server stops."""
_STOP_WITHIN = 2.0
_BREATH = 0.5
"""Seconds without accepting, when the process has no more file descriptors."""


@dataclass(frozen=True, slots=True)
class FtpSettings:
    """What an operator decides about the FTP server; times in seconds."""

    listen: tuple[tuple[str, int], ...]
    """Host and port; an empty host means every address, port 0 any free port."""
    passive_ports: range | None = None
    """What a firewall lets through; None for any free port."""
    masquerade_address: str | None = None
    """The IPv4 address that PASV names instead of the server's own (behind NAT)."""
    max_connections: int = 200
    max_connections_per_address: int = 20
    """0 for no limit."""
    idle_timeout: float = 60.0
    data_timeout: float = 30.0
    """For a data connection to come about, and for one to move on."""
    login_delay: float = 1.0
    """Before a refused login is answered."""
    banner: str = "Free/busy server ready."
    anonymous: tuple[str, ...] = ("anonymous", "ftp")
    tls_listen: tuple[tuple[str, int], ...] = ()
    """Where TLS comes first (implicit FTPS)."""
    require_tls: bool = False
    """Whether accounts need TLS; anonymous clients never do."""
    handshake_timeout: float = 10.0
    max_uploads_per_address: int = 4
    """At once; 0 for no limit."""
    upload_memory: int = 64 << 20
    """Octets of all uploads under way together."""
    max_discard: int = 16 << 20
    """Octets of an upload that are read at all, so that the client gets the reply."""
    upload_timeout: float = 120.0
    """From the beginning of an upload to its end."""
    counted: Counted = UNCOUNTED
    """Told of every session and transfer."""


class Listener(FTPServer):  # type: ignore[misc]  # pyftpdlib has no types
    """One listening socket; sessions are counted over all of a server's listeners."""

    implicit = False
    """Whether TLS comes before the greeting."""

    def _accept_new_cons(self) -> bool:
        room: bool = len(self.handler.sessions) < self.max_cons
        return room

    def handle_accept(self) -> None:
        """Accept one connection."""
        try:
            super().handle_accept()
        except OSError as error:
            # The waiting connection would wake the loop again at once, and for ever.
            logger.warning("event=ftp_accept_failed errno=%d", error.errno or 0)
            self.del_channel()
            self.call_later(_BREATH, self.add_channel)

    def handle_error(self) -> None:
        """Log a bug of ours and go on listening, which pyftpdlib would not."""
        log_exception("ftp_accept_error", "unknown")


class FtpServer:
    """Serves the published files; ``start`` and ``stop`` in any thread, ``serve`` in its own."""

    def __init__(
        self,
        settings: FtpSettings,
        files: FreeBusyFiles,
        *,
        logins: Logins | None = None,
        publications: Publications | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Without ``logins`` only anonymous clients get in, without ``publications`` all just read.

        ``tls`` is changed to fit FTP, so it is nobody else's; see :func:`ftpsrv.tls.prepare`.
        """
        self._settings = settings
        self._files = files
        self._logins = logins
        self._publications = publications
        self._tls = Offer(None if tls is None else prepare(tls))
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self._serving: int | None = None
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []
        self._ioloop: Any = None
        self._errands: Errands | None = None
        self._session: type[Session] = Session

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Return the hosts and ports that are listened on without TLS at first."""
        return tuple(each.address for each in self._listeners if not each.implicit)

    @property
    def tls_addresses(self) -> tuple[tuple[str, int], ...]:
        """Return the hosts and ports where TLS comes first."""
        return tuple(each.address for each in self._listeners if each.implicit)

    def start(self) -> None:
        """Bind every address; ConfigurationError with all the problems."""
        _check(self._settings, has_certificate=self._tls.context is not None)
        plain = bind_all(self._settings.listen)
        try:
            implicit = bind_all(self._settings.tls_listen)
        except ConfigurationError:
            close_all(plain)
            raise
        tame_library_log()
        # pyftpdlib's own default loop is one for the whole process.
        self._ioloop = IOLoop()
        self._errands = Errands(self._ioloop)
        self._session = self._session_class(self._errands)
        peers: list[str] = []
        for sock in [*plain, *implicit]:
            self._listen(sock, peers, implicit=sock in implicit)

    def _listen(self, sock: socket.socket, peers: list[str], *, implicit: bool) -> None:
        listener = Listener(sock, self._session, ioloop=self._ioloop, backlog=BACKLOG)
        listener.max_cons = self._settings.max_connections
        listener.max_cons_per_ip = self._settings.max_connections_per_address
        listener.ip_map = peers
        listener.implicit = implicit
        self._listeners.append(listener)

    def reload_certificate(self, certificate: Path, key: Path) -> None:
        """Take another certificate for new handshakes; from any thread.

        Raises ConfigurationError where the files are no pair; the old one stays then.
        """
        self._tls.context = prepare(server_context(certificate, key))

    def serve(self) -> None:
        """Serve until :meth:`stop`; blocks."""
        with self._lock:
            if self._stopping.is_set():
                return
            self._serving = threading.get_ident()
        try:
            self._turn_until(self._stopping.is_set)
            self._drain()
        finally:
            self._close()

    def stop(self) -> None:
        """Stop within two seconds; transfers under way have one to end; from any thread."""
        with self._lock:
            self._stopping.set()
            serving = self._serving
        if serving is None:
            self._close()
        elif self._errands is not None:
            self._errands.wake()
        if serving not in {None, threading.get_ident()}:
            self._stopped.wait(_STOP_WITHIN)

    def _turn_until(self, done: Callable[[], bool], deadline: float | None = None) -> None:
        timeout: float | None = 0.0
        while not done():
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0:
                    return
                timeout = left if timeout is None else min(left, timeout)
            timeout = self._turn(timeout)

    def _turn(self, timeout: float | None) -> float | None:
        """Wait for events and serve them; return the seconds until the next timer, if any."""
        try:
            self._ioloop.poll(timeout)
            wait: float | None = self._ioloop.sched.poll()
        except Exception:  # noqa: BLE001  # the one catch-all: a session's bug must not end the others
            log_exception("ftp_loop_error", "unknown")
            # Whatever it was may come again at once; leave the processor to others.
            time.sleep(0.05)
            return 0.0
        return wait

    def _drain(self) -> None:
        """Refuse new clients, and let transfers under way end."""
        for listener in self._listeners:
            listener.close()
        for session in list(self._session.sessions):
            session.retire()
        self._turn_until(lambda: not self._session.sessions, time.monotonic() + _GRACE)

    def _close(self) -> None:
        for session in list(self._session.sessions):
            session.close()
        if self._errands is not None:
            self._errands.dismiss()
        if self._ioloop is not None:
            self._ioloop.close()
        self._stopped.set()

    def _session_class(self, errands: Errands) -> type[Session]:
        """Return a class with this server's options: pyftpdlib keeps them in class attributes."""
        options = _session_options(self._settings) | {
            "files": self._files,
            "logins": self._logins,
            "publications": self._publications,
            "errands": errands,
            "authorizer": AnonymousAuthorizer(self._files, self._settings.anonymous),
            "tls": self._tls,
        }
        return type("Session", (Session,), options)


def _session_options(settings: FtpSettings) -> dict[str, Any]:
    times = {"timeout": settings.data_timeout}
    uploads = times | {"upload_timeout": settings.upload_timeout, "counted": settings.counted}
    return {
        "sessions": OpenSessions(settings.counted),
        "tree_time": datetime.now(UTC),
        "greeting": f"220 {' '.join(settings.banner.split())}\r\n",
        "login_delay": settings.login_delay,
        "timeout": settings.idle_timeout,
        "passive_ports": settings.passive_ports,
        "masquerade_address": settings.masquerade_address,
        "require_tls": settings.require_tls,
        "handshake_timeout": settings.handshake_timeout,
        "upload_room": UploadRoom(settings.max_uploads_per_address, settings.upload_memory),
        "max_discard": settings.max_discard,
        "dtp_handler": type("DataConnection", (DataConnection,), uploads),
        "passive_dtp": type("PassiveListener", (PassiveListener,), times),
        "active_dtp": type("ActiveConnector", (ActiveConnector,), times),
    }


def _check(settings: FtpSettings, *, has_certificate: bool) -> None:
    problems = []
    if (settings.tls_listen or settings.require_tls) and not has_certificate:
        problems.append("ftp: TLS needs a certificate and its key; name both, or switch it off")
    if not (settings.listen or settings.tls_listen):
        problems.append("ftp: no address to listen on; name at least one host and port")
    ports = settings.passive_ports
    if ports is not None and not (len(ports) and 0 < min(ports) <= max(ports) < 65536):
        problems.append(
            "ftp: the passive ports are no range of ports; use one within 1024 to 65535"
        )
    if settings.masquerade_address is not None and not _is_ipv4(settings.masquerade_address):
        problems.append("ftp: the masquerade address is no IPv4 address; write it as 192.0.2.1")
    if problems:
        raise ConfigurationError(problems)


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True
