"""Between a client and a mail server: commands are noted, and something happens or breaks then."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.servers.process import HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_COMMAND = re.compile(rb"(?m)^[A-Za-z0-9]+ ((?:UID )?[A-Z]+)(?: |\r)")
"""Of clients that send no literal with such lines in it."""


class Relay:
    """Passes bytes on, a chunk at a time, until told otherwise."""

    def __init__(self, port: int) -> None:
        self.server_port = port
        self.listener = socket.create_server((HOST, 0))
        self.listener.settimeout(0.05)
        self.port: int = self.listener.getsockname()[1]
        self.over = threading.Event()
        self.rewrite: Callable[[bytes], bytes] = bytes
        """What becomes of the server's answers."""
        self.commands: list[str] = []
        self.rounds = 0
        """How often a client spoke after the server had: round trips, of one at a time."""
        self._is_heard = True
        self._word = b""
        self._act: Callable[[], object] | None = None
        self._threads: list[threading.Thread] = []

    def at(self, word: bytes, act: Callable[[], object] | None = None) -> None:
        """Do something once, before ``word`` reaches the server; without ``act`` cut the line."""
        self._word, self._act = word, act

    def serve(self) -> None:
        """Relay one connection after the other, each in threads of its own."""
        while not self.over.is_set():
            try:
                client, _ = self.listener.accept()
            except TimeoutError:
                continue
            server = socket.create_connection((HOST, self.server_port))
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                each.settimeout(0.05)
            thread = threading.Thread(target=self._relay, args=(client, server))
            thread.start()
            self._threads.append(thread)
        for thread in self._threads:
            thread.join()

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        back = threading.Thread(target=self._back, args=(server, client))
        back.start()
        with client, server:
            while chunk := self._read(client):
                if self._word and self._word in chunk:
                    self._word = b""
                    if self._act is None:
                        break
                    self._act()
                self._note(chunk)
                server.sendall(chunk)
            self._shut(server)
            back.join()

    def _note(self, chunk: bytes) -> None:
        self.rounds += self._is_heard
        self._is_heard = False
        self.commands += [found.decode() for found in _COMMAND.findall(chunk)]

    def _back(self, server: socket.socket, client: socket.socket) -> None:
        while chunk := self._read(server):
            self._is_heard = True
            client.sendall(self.rewrite(chunk))
        self._shut(client)

    def _read(self, peer: socket.socket) -> bytes:
        while not self.over.is_set():
            try:
                return peer.recv(1 << 16)
            except TimeoutError:
                continue
            except OSError:
                return b""
        return b""

    @staticmethod
    def _shut(peer: socket.socket) -> None:
        try:
            peer.shutdown(socket.SHUT_RDWR)
        except OSError:  # it is closed already
            return


@contextmanager
def relayed(port: int) -> Iterator[Relay]:
    """Run a relay to a server during the block."""
    relay = Relay(port)
    thread = threading.Thread(target=relay.serve)
    thread.start()
    try:
        yield relay
    finally:
        relay.over.set()
        thread.join()
        relay.listener.close()
