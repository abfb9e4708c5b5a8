"""TLS over FTP's connections (RFC 4217): the socket, its certificate, and the handshake.

The standard library's ssl module and no other: its sockets fit pyftpdlib's loop as soon as
they speak the errors of plain ones, while pyftpdlib's own TLS classes need PyOpenSSL.
"""

from __future__ import annotations

import errno
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ftpsrv.log import log_exception

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

LARGEST_RECORD = 16384
"""Octets of one TLS record (RFC 8446 §5.1)."""


class TlsSocket(ssl.SSLSocket):
    """A non-blocking TLS socket that fails as a plain one does."""

    _ended = False

    def recv(self, buflen: int = LARGEST_RECORD, flags: int = 0) -> bytes:
        """Return at least what is left of one record, or nothing at the end.

        A part of a record must not stay behind: the loop waits for the kernel, which
        knows nothing of it.
        """
        if self._ended:
            return b""
        try:
            return super().recv(max(buflen, LARGEST_RECORD), flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError(errno.EAGAIN, "nothing has come") from None
        except ssl.SSLError:
            raise ConnectionResetError(errno.ECONNRESET, "no TLS came") from None

    def send(self, data: Any, flags: int = 0) -> int:
        """Send all of the octets or none."""
        if self._ended:
            # After its farewell the standard library's socket would send in the clear.
            raise BrokenPipeError(errno.EPIPE, "the farewell was sent")
        try:
            return super().send(data, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError(errno.EAGAIN, "no room") from None
        except ssl.SSLError:
            raise ConnectionResetError(errno.ECONNRESET, "TLS failed") from None

    def end(self) -> bool:
        """Send close_notify (RFC 8446 §6.1); return False where there is no room for it yet."""
        if not self._ended:
            try:
                self.unwrap()
            except ssl.SSLWantWriteError:
                return False
            except (OSError, ValueError):
                # Sent, and the other side's is not awaited; or the connection has failed.
                pass
            self._ended = True
        return True


def prepare(context: ssl.SSLContext) -> ssl.SSLContext:
    """Make a context fit for FTP.

    No session tickets: a client that only uploads never reads them, and its system then
    ends the connection with a reset instead of an end.
    """
    context.num_tickets = 0
    context.sslsocket_class = TlsSocket
    return context


@dataclass(slots=True)
class Offer:
    """Whether TLS is offered, and with what certificate; sessions look at each handshake."""

    context: ssl.SSLContext | None = None


class Handshake:
    """The server's side of one handshake, in the loop; ``done`` hears how it ended."""

    def __init__(
        self,
        ioloop: Any,
        context: ssl.SSLContext,
        sock: socket.socket,
        within: float,
        done: Callable[[ssl.SSLSocket | None], None],
    ) -> None:
        """Take a connected socket over; OSError where the client has gone already.

        ``done`` gets the protected socket, or None where it came to nothing.
        """
        # Python's own check comes when the socket is in its hands, and leaves it open.
        sock.getpeername()
        self.socket = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        self._ioloop = ioloop
        self._done = done
        self._fileno = self.socket.fileno()
        self._timer = ioloop.call_later(within, self._end, None)
        ioloop.register(self._fileno, self, ioloop.READ)

    def readable(self) -> bool:
        """Return True: every event takes the handshake on."""
        return True

    writable = readable

    def handle_read_event(self) -> None:
        """Go on with the handshake."""
        try:
            self.socket.do_handshake()
        except ssl.SSLWantReadError:
            self._ioloop.modify(self._fileno, self._ioloop.READ)
        except ssl.SSLWantWriteError:
            self._ioloop.modify(self._fileno, self._ioloop.WRITE)
        except OSError:
            self._end(None)
        else:
            self._end(self.socket)

    handle_write_event = handle_read_event

    def handle_close(self) -> None:
        """End: the client has gone."""
        self._end(None)

    def handle_error(self) -> None:
        """End: this is a bug of ours."""
        log_exception("ftp_tls_error", "unknown")
        self._end(None)

    def _end(self, sock: ssl.SSLSocket | None) -> None:
        if not self._timer.cancelled:
            self.let_go()
            if sock is None:
                self.socket.close()
            self._done(sock)

    def let_go(self) -> None:
        """Watch the socket no longer, and tell nobody."""
        self._timer.cancel()
        self._ioloop.unregister(self._fileno)

    def close(self) -> None:
        """Give up, and tell nobody."""
        if not self._timer.cancelled:
            self.let_go()
            with suppress(OSError):
                self.socket.close()
