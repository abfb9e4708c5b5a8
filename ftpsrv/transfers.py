"""Data connections from the session's side: PASV, EPSV, PORT, EPRT and what goes over them."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from ftpsrv.control import ControlConnection, unmapped
from ftpsrv.data import ActiveConnector, DataConnection, PassiveListener
from ftpsrv.log import logger, value

if TYPE_CHECKING:
    import socket

    from ftpsrv.filesystem import OpenFile


class TransferringConnection(ControlConnection):
    """A control connection with at most one data connection at a time."""

    dtp_handler = DataConnection
    passive_dtp = PassiveListener
    active_dtp = ActiveConnector
    passive_ports: range | None = None
    _dtp_acceptor: PassiveListener | None
    _dtp_connector: ActiveConnector | None
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
        if self._out_dtp_queue is not None:
            file, self._out_dtp_queue = self._out_dtp_queue[2], None
            if file is not None:
                file.close()
            self.push(reply)

    def lose_data_connection(self) -> None:
        """Answer a transfer whose data connection did not come about."""
        self._dtp_acceptor = None
        self._dtp_connector = None
        self._client_port = None
        self._drop_transfer("425 Cannot open the data connection.\r\n")

    def adopt(self, sock: socket.socket) -> None:
        """Take a new data connection and start the transfer that waits for it."""
        self._dtp_acceptor = None
        self._dtp_connector = None
        channel = self.dtp_handler(sock, self)
        if channel.connected:
            self.data_channel = channel
            waiting, self._out_dtp_queue = self._out_dtp_queue, None
            self._on_dtp_connection()
            if waiting is not None:
                body, _, file, command = waiting
                channel.deliver(command, body, file)

    def transfer(self, command: str, body: bytes, file: OpenFile | None = None) -> None:
        """Send bytes over the data connection, now or when it is there."""
        channel = self.data_channel
        if channel is not None:
            self.push("125 Data connection open, transfer starting.\r\n")
            if not self._closed:
                channel.deliver(command, body, file)
            return
        if self._dtp_acceptor is None and self._client_port is None:
            self.push("425 Use PASV, EPSV, PORT or EPRT first.\r\n")
            return
        self._out_dtp_queue = (body, False, file, command)
        self.push("150 Opening the data connection.\r\n")
        if self._client_port is not None and not self._closed:
            self._connect(self._client_port)

    def _connect(self, port: int) -> None:
        """Connect to the client now that there is something to transfer (RFC 959 §3.2)."""
        self._client_port = None
        try:
            self._dtp_connector = self.active_dtp(self, port)
        except OSError:
            self.lose_data_connection()
