"""Data connections from the session's side: PASV, EPSV, PORT, EPRT and what goes over them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Protocol

from ftpsrv.control import unmapped
from ftpsrv.data import ActiveConnector, DataConnection, PassiveListener
from ftpsrv.log import logger, value
from ftpsrv.protection import ProtectedConnection

if TYPE_CHECKING:
    import socket

    from ftpsrv.filesystem import OpenFile
    from ftpsrv.tls import Handshake

NO_CONNECTION = "425 Cannot open the data connection."


class Transfer(Protocol):
    """What goes over a data connection once there is one."""

    def start(self, channel: DataConnection) -> None:
        """Begin."""

    def close(self) -> None:
        """Let go of everything: the data connection did not come about."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A file or a listing to be sent."""

    command: str
    body: bytes
    file: OpenFile | None = None

    def start(self, channel: DataConnection) -> None:
        """Send it."""
        channel.deliver(self.command, self.body, self.file)

    def close(self) -> None:
        """Let go of the file."""
        if self.file is not None:
            self.file.close()


class TransferringConnection(ProtectedConnection):
    """A control connection with at most one data connection at a time."""

    dtp_handler = DataConnection
    passive_dtp = PassiveListener
    active_dtp = ActiveConnector
    passive_ports: range | None = None
    _dtp_acceptor: PassiveListener | None
    _dtp_connector: ActiveConnector | Handshake | None
    _transfer: Transfer | None = None
    """What waits for its data connection."""
    _client_port: int | None = None
    """Where the client waits for the next transfer (PORT, EPRT)."""

    def _make_epasv(self, extmode: bool = False) -> None:  # noqa: FBT001, FBT002  # pyftpdlib's signature
        host = unmapped(self.socket.getsockname()[0])
        if not extmode and ":" in host:
            self.push("502 PASV is for IPv4 only; use EPSV.\r\n")
            return
        self._close_data_connection()
        try:
            self._dtp_acceptor = listener = self.passive_dtp(self, self.passive_ports)
        except OSError as error:
            logger.warning("event=ftp_no_passive_port errno=%d", error.errno or 0)
            self.push("425 No passive port is free; try again.\r\n")
            return
        if extmode:
            self.respond(f"229 Entering extended passive mode (|||{listener.port}|).")
            return
        fields = [*(self.masquerade_address or host).split("."), *divmod(listener.port, 256)]
        self.respond(f"227 Entering passive mode ({','.join(map(str, fields))}).")

    def _make_eport(self, ip: str, port: int) -> None:
        """Note the port for the next transfer; only the client's own address (RFC 2577 §3)."""
        if port < 1024 or not self._is_client(ip):
            logger.warning("event=ftp_bounce_refused peer=%s port=%d", value(self.peer), port)
            self.push("501 Data connections go to your own address only, from port 1024 up.\r\n")
            return
        self._close_data_connection()
        self._client_port = port
        self.push("200 Port noted.\r\n")

    def _is_client(self, ip: str) -> bool:
        """Tell whether an address means the client itself.

        lftp writes the unspecified address over IPv6 (``EPRT |2|::|6446|``): tolerated,
        because the connection goes to the peer of the control connection anyhow.
        """
        try:
            address = ip_address(ip)
        except ValueError:
            return False
        return address.is_unspecified or address == ip_address(self.peer.partition("%")[0])

    def _close_data_connection(self) -> None:
        self._shutdown_connecting_dtp()
        channel = self.data_channel
        if channel is not None:
            if channel.cmd is not None:
                channel.abort()
            channel.close()
            self.data_channel = None

    def _shutdown_connecting_dtp(self) -> None:
        """Also drop the transfer that waits, or the next connection would get its file."""
        super()._shutdown_connecting_dtp()
        self._client_port = None
        self._drop_transfer("426 Transfer aborted.\r\n")

    def _drop_transfer(self, reply: str) -> None:
        waiting, self._transfer = self._transfer, None
        if waiting is not None:
            waiting.close()
            self.push(reply)

    def lose_data_connection(self, reply: str = NO_CONNECTION) -> None:
        """Answer a transfer whose data connection did not come about."""
        self._dtp_acceptor = None
        self._dtp_connector = None
        self._client_port = None
        self._drop_transfer(reply + "\r\n")

    def adopt(self, sock: socket.socket) -> None:
        """Take a new data connection, protected first where the client wants that."""
        self._dtp_acceptor = None
        self._dtp_connector = None
        if not self.protects_data:
            self._open(sock)
            return
        try:
            self._dtp_connector = self.shake_hands(sock, self._open_protected)
        except OSError:
            sock.close()
            self.lose_data_connection()

    def _open_protected(self, sock: socket.socket | None) -> None:
        self._dtp_connector = None
        if sock is None:
            logger.info("event=ftp_tls_failed peer=%s connection=data", value(self.peer))
            self.lose_data_connection("522 The TLS handshake of the data connection failed.")
        else:
            self._open(sock)

    def _open(self, sock: socket.socket) -> None:
        """Start the transfer that waits for this data connection, if there is one already."""
        channel = self.dtp_handler(sock, self)
        if channel.connected:
            self.data_channel = channel
            waiting, self._transfer = self._transfer, None
            self._on_dtp_connection()
            if waiting is not None:
                waiting.start(channel)

    def transfer(self, transfer: Transfer) -> None:
        """Begin a transfer over the data connection, now or when it is there."""
        refusal = self._why_not()
        if refusal is not None:
            transfer.close()
            self.respond(refusal)
            return
        channel = self.data_channel
        if channel is not None:
            self.push("125 Data connection open, transfer starting.\r\n")
            self._start(transfer, channel)
            return
        self._transfer = transfer
        self.push("150 Opening the data connection.\r\n")
        if self._client_port is not None and not self._closed:
            self._connect(self._client_port)

    def _start(self, transfer: Transfer, channel: DataConnection) -> None:
        if self._closed:
            transfer.close()
        else:
            transfer.start(channel)

    def _why_not(self) -> str | None:
        if self.must_protect_data and not self.protects_data:
            return "521 Data connections of this account need PROT P."
        if self.data_channel is not None:
            busy = self.data_channel.cmd is not None
            return "425 Another transfer is under way." if busy else None
        if self._transfer is not None:
            return "425 Another transfer is under way."
        ways = (self._dtp_acceptor, self._dtp_connector, self._client_port)
        if all(way is None for way in ways):
            return "425 Use PASV, EPSV, PORT or EPRT first."
        return None

    def _connect(self, port: int) -> None:
        """Connect to the client now that there is something to transfer (RFC 959 §3.2)."""
        self._client_port = None
        try:
            self._dtp_connector = self.active_dtp(self, port)
        except OSError:
            self.lose_data_connection()

    def abort_transfer(self, _: str) -> None:
        """ABOR: end the transfer that is under way or waits, then say so (RFC 959 §4.1.3)."""
        is_under_way = self.data_channel is not None and self.data_channel.cmd is not None
        self._close_data_connection()
        if is_under_way:
            self.push("226 The transfer is aborted.\r\n")
        else:
            self.push("225 No transfer is under way.\r\n")
