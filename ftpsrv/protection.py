"""TLS from the session's side: AUTH, PBSZ, PROT and the implicit port (RFC 2228, RFC 4217)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ftpsrv.control import ControlConnection
from ftpsrv.log import logger, value
from ftpsrv.tls import Handshake, Offer, TlsSocket

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable

_MECHANISMS = frozenset({"TLS", "TLS-C", "SSL"})
"""What AUTH may name: the same to us, although SSL once meant protected data too."""


class ProtectedConnection(ControlConnection):
    """A control connection that can be protected, on request or from its beginning."""

    tls: ClassVar[Offer] = Offer()
    handshake_timeout = 10.0
    require_tls = False
    """Whether accounts need TLS, for the login and for the data."""
    socket: Any
    is_protected = False
    protects_data = False
    """Whether data connections are to be protected (PROT P)."""
    _has_buffer_size = False
    _handshake: Handshake | None = None

    @property
    def protocol(self) -> Literal["ftp", "ftps"]:
        """Return what is spoken, by its name."""
        return "ftps" if self.is_protected else "ftp"

    @property
    def must_protect_data(self) -> bool:
        """Whether who has logged in may use protected data connections only."""
        return False

    # -- the life of a session

    def handle(self) -> None:
        """Greet the client; on the implicit port after the handshake."""
        if self.server.implicit:
            self.sessions.add(self)
            self.protects_data = True
            self._protect(self.greeting.removesuffix("\r\n"))
        else:
            super().handle()

    def _turn_away(self, reply: str, limit: str) -> None:
        self._is_mute = self.server.implicit
        super()._turn_away(reply, limit)

    def close(self) -> None:
        """End the session at once, with TLS's own farewell."""
        if self._handshake is not None:
            self._handshake.let_go()
            self._handshake = None
        elif isinstance(self.socket, TlsSocket) and not self._closed:
            self.socket.end()
        super().close()

    def shake_hands(
        self, sock: socket.socket, done: Callable[[ssl.SSLSocket | None], None]
    ) -> Handshake:
        """Begin a handshake; OSError where the client has gone already."""
        context = self.tls.context
        if context is None:
            raise OSError("TLS is not offered any more")
        return Handshake(self.ioloop, context, sock, self.handshake_timeout, done)

    def _protect(self, reply: str) -> None:
        """Shake hands, and then send a reply, or none."""
        self._forget_input()
        self._is_mute = True
        self.pause()
        self.del_channel()
        try:
            self._handshake = self.shake_hands(self.socket, lambda sock: self._go_on(sock, reply))
        except OSError:
            self._go_on(None, reply)
        else:
            self.socket = self._handshake.socket

    def _forget_input(self) -> None:
        """Drop what came in the clear: it must not count as said under TLS (CVE-2011-0411)."""
        self.ac_in_buffer = b""
        self._in_buffer.clear()
        self._in_buffer_len = 0
        self._held.clear()

    def _go_on(self, sock: ssl.SSLSocket | None, reply: str) -> None:
        self._handshake = None
        if sock is None:
            logger.info("event=ftp_tls_failed peer=%s connection=control", value(self.peer))
            # Its number may be another connection's by now.
            self._fileno = None
            self.close()
            return
        self.is_protected = True
        self._is_mute = False
        self.add_channel()
        self.resume(reply)

    # -- commands

    def protect_control(self, mechanism: str) -> None:
        """AUTH: begin TLS on the control connection; who has logged in must do so again."""
        if self.tls.context is None:
            self.not_offered("")
        elif self.is_protected:
            self.push("503 The connection is protected already.\r\n")
        elif mechanism.upper() not in _MECHANISMS:
            self.push("504 There is no such mechanism; use TLS.\r\n")
        else:
            self.flush_account()
            self.push("234 Go on with the TLS handshake.\r\n")
            if self.producer_fifo:
                # It reads nothing; what it has not read yet must not be mixed with TLS.
                self.close()
            elif not self._closed:
                self._protect("")

    def set_buffer_size(self, argument: str) -> None:
        """PBSZ: TLS has no buffer of its own (RFC 4217 §8)."""
        if self.tls.context is None:
            self.not_offered("")
        elif not self.is_protected:
            self.push("503 Send AUTH first.\r\n")
        elif not (argument.isascii() and argument.isdigit()):
            self.push("501 The size is a number.\r\n")
        else:
            self._has_buffer_size = True
            self.push("200 PBSZ=0\r\n")

    def protect_data(self, level: str) -> None:
        """PROT: protect data connections, or do not (RFC 4217 §9)."""
        if self.tls.context is None:
            self.not_offered("")
        elif not self._has_buffer_size:
            self.push("503 Send AUTH and PBSZ first.\r\n")
        elif level.upper() == "P":
            self.protects_data = True
            self.push("200 Data connections are protected.\r\n")
        elif level.upper() != "C":
            self.push("536 Use PROT P or PROT C.\r\n")
        elif self.must_protect_data:
            self.push("534 Data connections of this account are protected.\r\n")
        else:
            self.protects_data = False
            self.push("200 Data connections are not protected.\r\n")

    def stay_protected(self, _: str) -> None:
        """CCC: the control connection is never unprotected again (RFC 4217 §6)."""
        if self.tls.context is None:
            self.not_offered("")
        elif not self.is_protected:
            self.push("533 The control connection is not protected.\r\n")
        else:
            self.push("534 The control connection stays protected.\r\n")

    def not_offered(self, _: str) -> None:
        """Refuse what this server never does."""
        self.push("502 Command not implemented.\r\n")
