"""A relay before an IMAP server that notes each command that goes through it."""

from __future__ import annotations

import re
import select
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from tests.servers.process import HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_COMMAND = re.compile(rb"(?m)^[A-Za-z0-9]+ ((?:UID )?[A-Z]+)(?: |\r)")
_PAUSE = 0.05
"""Seconds until it is seen that the relay is over."""


class Relay:
    """Passes everything on; for clients that send no literal."""

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self.over = False
        self.commands: list[str] = []
        self.rewrite: Callable[[bytes], bytes] = bytes
        """What becomes of the server's answers."""
        self.rounds = 0
        """How often a client spoke after the server had: round trips, of one at a time."""
        self._is_heard = True

    def serve(self) -> None:
        """Pass on whatever comes, of all connections in turn, until it is over."""
        other: dict[socket.socket, socket.socket] = {}
        with self._listener:
            while not self.over:
                ready, _, _ = select.select([self._listener, *other], [], [], _PAUSE)
                for one in ready:
                    if one is self._listener:
                        client, _ = one.accept()
                        server = socket.create_connection((HOST, self._server_port))
                        other |= {client: server, server: client}
                    elif one in other:
                        self._pass(one, other)
        for one in other:
            one.close()

    def _pass(self, one: socket.socket, other: dict[socket.socket, socket.socket]) -> None:
        peer, chunk = other[one], b""
        with suppress(OSError):
            chunk = one.recv(1 << 16)
            if one.getpeername()[1] == self._server_port:
                chunk = self.rewrite(chunk)
            peer.sendall(chunk)
        if not chunk:
            for each in (one, peer):
                del other[each]
                each.close()
        elif peer.getpeername()[1] != self._server_port:
            self._is_heard = True
        else:
            self.rounds += self._is_heard
            self._is_heard = False
            self.commands += [found.decode() for found in _COMMAND.findall(chunk)]


@contextmanager
def relayed(port: int) -> Iterator[Relay]:
    """Run a relay to a port during the block."""
    relay = Relay(port)
    thread = threading.Thread(target=relay.serve)
    thread.start()
    try:
        yield relay
    finally:
        relay.over = True
        thread.join()
