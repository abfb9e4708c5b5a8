"""Data connections (RFC 959 §3.2, RFC 2428): waiting for one, opening one, sending over it.

A session has at most one of each: a :class:`PassiveListener` or an
:class:`ActiveConnector` that leads to a :class:`DataConnection`.
"""

from __future__ import annotations

import errno
import secrets
import socket
from typing import TYPE_CHECKING, Any

from pyftpdlib.handlers import DTPHandler
from pyftpdlib.ioloop import Acceptor, AsyncChat, Connector

from ftpsrv.counting import UNCOUNTED
from ftpsrv.log import log_exception, logger, value
from ftpsrv.tls import TlsSocket

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BytesIO

    from ftpsrv.uploads import IncomingFile

_TAKEN = frozenset({errno.EADDRINUSE, errno.EACCES, errno.EPERM})
_BACKLOG = 2
"""One client connects once; a stranger's attempt must not use up the place."""


class DataConnection(DTPHandler):  # type: ignore[misc]  # pyftpdlib has no types
    """An open data connection, over which at most one transfer goes."""

    cmd: str | None
    """The transfer; None while there is none."""
    upload_timeout = 120.0
    """Seconds that a client has for an upload, from its beginning to its end."""
    counted = UNCOUNTED

    def __init__(self, sock: socket.socket, session: Any) -> None:
        self._upload: IncomingFile | None = None
        self._early = b""
        super().__init__(sock, session)

    def __repr__(self) -> str:
        # pyftpdlib formats this for debug lines that nobody reads, at each close.
        return "<DataConnection>"

    # -- sending

    def deliver(self, command: str, body: bytes, file: BytesIO | None = None) -> None:
        """Send the bytes as they are, whatever the TYPE, and close.

        Most files fit into the socket's buffer: then this is all, with no turn of the loop.
        """
        self.cmd, self.file_obj = command, file
        self._initialized = True
        self.producer_fifo.extend((memoryview(body), None))
        self.initiate_send()
        if not self._closed and self.producer_fifo[0] is None:
            self.initiate_send()
        if not self._closed:
            self.modify_ioloop_events(self.ioloop.WRITE)
            self._wanted_io_events = self.ioloop.WRITE

    # -- receiving

    def take_in(self, upload: IncomingFile) -> None:
        """Receive an upload until the client closes the connection."""
        self.cmd, self.receive, self._upload = "STOR", True, upload
        self._initialized = True
        self.modify_ioloop_events(self.ioloop.READ)
        self.call_later(self.upload_timeout, self._take_too_long)
        if self._early:
            self._keep(self._early)

    def readable(self) -> bool:
        """Return True: whatever comes before its transfer is looked at, too."""
        return True

    def handle_read_event(self) -> None:
        """Read what has come."""
        try:
            chunk: bytes = self.socket.recv(self.ac_in_buffer_size)
        except BlockingIOError:
            return
        except OSError:
            # A reset: whatever came before it is not all.
            self._break_off("426 The data connection broke off.")
            return
        if chunk:
            self._keep(chunk)
        else:
            self.handle_close()

    def _keep(self, chunk: bytes) -> None:
        upload = self._upload
        if upload is None:
            # A client may send before it reads that it may: then the rest waits.
            self._early = chunk
            self.modify_ioloop_events(0)
            return
        self.tot_bytes_received += len(chunk)
        if not upload.take(chunk):
            self._finish_upload()

    def _finish_upload(self) -> None:
        upload, self._upload = self._upload, None
        if upload is None:
            return
        self.transfer_finished = True
        if isinstance(self.socket, TlsSocket):
            self.socket.end()
        reply = self.cmd_channel.take_over(upload)
        if reply is not None:
            self._resp = (reply, None)
        self.close()

    # -- the end

    def handle_close(self) -> None:
        """Take note that the client has closed the connection, or that all is sent."""
        if self._closed:
            return
        if self.cmd is None:
            self.close()
        elif self.receive:
            self._finish_upload()
        elif self.producer_fifo or self._has_ended():
            super().handle_close()
        else:
            # No room for the farewell yet: come again when there is some.
            self.producer_fifo.append(None)

    def _has_ended(self) -> bool:
        return not isinstance(self.socket, TlsSocket) or self.socket.end()

    def abort(self) -> None:
        """Close in the middle of a transfer, and say so."""
        self._break_off("426 Transfer aborted.")

    def _take_too_long(self) -> None:
        self._break_off("426 The upload took too long; nothing is stored.")

    def _break_off(self, reply: str) -> None:
        if self.cmd is not None:
            self._resp = (reply, None)
        self.close()

    def close(self) -> None:
        """Close; of an upload that is not complete nothing is kept."""
        upload, self._upload = self._upload, None
        if self.cmd is not None and not self._closed:
            whole = self.transfer_finished
            self.counted.transferred(self.cmd, "completed" if whole else "aborted")
        super().close()
        if upload is not None:
            self.cmd_channel.give_up(upload)


class PassiveListener(Acceptor):  # type: ignore[misc]  # pyftpdlib has no types
    """A port on which one client may open its data connection (PASV, EPSV)."""

    timeout = 30.0

    def __init__(self, session: Any, ports: range | None) -> None:
        """Listen where the control connection arrived; OSError where no port is free."""
        super().__init__(ioloop=session.ioloop)
        self._session = session
        self._peer: str = session.remote_ip
        host, _, *scope = session.socket.getsockname()
        self.set_socket(_listening_socket(session.socket.family, host, scope, ports))
        self.accepting = True
        self.call_later(self.timeout, self.handle_timeout)

    @property
    def port(self) -> int:
        """Return the port."""
        port: int = self.socket.getsockname()[1]
        return port

    def handle_accepted(self, sock: socket.socket, addr: tuple[str, int]) -> None:
        """Take the session's own client; nobody else gets in, nor disturbs it (RFC 2577 §4)."""
        if addr[0] != self._peer:
            sock.close()
            logger.warning("event=ftp_foreign_data peer=%s", value(addr[0]))
            return
        self.close()
        self._session.adopt(sock)

    def handle_timeout(self) -> None:
        """Give up waiting for the client."""
        self.close()
        self._session.lose_data_connection()

    def handle_error(self) -> None:
        """End the session: this is a bug of ours."""
        log_exception("ftp_data_error", self._peer)
        self.close()
        self._session.close()


def _listening_socket(
    family: int, host: str, scope: list[int], ports: range | None
) -> socket.socket:
    for port in _in_random_order(ports):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            if ports is not None:
                # Few ports, each used again soon.  Not for any free port: with thousands of
                # connections in TIME-WAIT the kernel then looks for one ten times as long.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, port, *scope))
            sock.listen(_BACKLOG)
        except OSError as error:
            sock.close()
            if error.errno not in _TAKEN:
                raise
        else:
            sock.setblocking(False)  # noqa: FBT003  # the standard library's signature
            return sock
    raise OSError(errno.EADDRINUSE, "no passive port is free")


def _in_random_order(ports: range | None) -> Iterator[int]:
    """Yield the ports from a random one on: a guessable port can be stolen (RFC 2577 §8)."""
    if ports is None:
        yield 0
        return
    first = secrets.randbelow(len(ports))
    yield from ports[first:]
    yield from ports[:first]


class ActiveConnector(Connector):  # type: ignore[misc]  # pyftpdlib has no types
    """A connection being made to the port that the client named (PORT, EPRT).

    It goes to the control connection's own peer, never to an address from a command.
    """

    socket: Any
    timeout = 30.0

    def __init__(self, session: Any, port: int) -> None:
        """Start connecting; OSError where it fails at once."""
        super().__init__(ioloop=session.ioloop)
        self._session = session
        self._peer: str = session.remote_ip
        local, _, *scope = session.socket.getsockname()
        remote, _, *peer_scope = session.socket.getpeername()
        self.create_socket(session.socket.family, socket.SOCK_STREAM)
        try:
            self.socket.bind((local, 0, *scope))
            error = self.socket.connect_ex((remote, port, *peer_scope))
            if error not in (0, errno.EINPROGRESS):
                raise OSError(error, "cannot connect")
        except OSError:
            self.close()
            raise
        self.call_later(self.timeout, self.handle_close)

    def readable(self) -> bool:
        """Return False: nothing comes before the connection is made."""
        return False

    def handle_write_event(self) -> None:
        """Hand the connected socket over."""
        if self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0:
            self.handle_close()
            return
        self.del_channel()
        # close() would close the socket too; it lives on in the data connection.
        sock, self.socket = self.socket, None
        AsyncChat.close(self)
        self._session.adopt(sock)

    def handle_close(self) -> None:
        """Give up: refused, unreachable, or too slow."""
        if not self._closed:
            self.close()
            self._session.lose_data_connection()

    def handle_error(self) -> None:
        """End the session: this is a bug of ours."""
        log_exception("ftp_data_error", self._peer)
        self.close()
        self._session.close()
