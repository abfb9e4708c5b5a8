"""A service that answers as it is told: for what a real one seldom or never does."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Sequence

JSON = "application/json"
PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Drip:
    """An answer of which a byte comes now and then."""

    body: bytes
    pause: float


TLS_HELLO = b"\x16\x03"
CLOSE = b""
"""Instead of an answer: the connection ends."""
SILENCE = Drip(b"", 0.0)
"""Instead of an answer: nothing, until the other side ends the connection."""


def answer(body: str = "", media: str = JSON, status: str = "200 OK", **headers: str) -> bytes:
    """Return an answer with its head."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {media}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", body]).encode()


@dataclass
class Script:
    """The answers on each connection in turn, and what was asked."""

    connections: Sequence[Sequence[bytes | Drip]]
    port: int
    asked: list[bytes] = field(default_factory=list)
    """Each request, head and body."""
    ended: threading.Event = field(default_factory=threading.Event)
    """Set whenever a connection was closed by its script."""
    context: ssl.SSLContext | None = None
    """To speak TLS with."""

    @property
    def url(self) -> str:
        return f"{'https' if self.context else 'http'}://127.0.0.1:{self.port}"

    @property
    def lines(self) -> list[str]:
        """The first line of each request."""
        return [text.split(b"\r\n", 1)[0].decode() for text in self.asked]

    def play(self, listener: socket.socket) -> None:
        for answers in self.connections:
            with contextlib.suppress(OSError):
                peer, _ = listener.accept()
                if self.context is not None:
                    peer = self.context.wrap_socket(peer, server_side=True)
                with peer, contextlib.suppress(OSError):
                    self._talk(peer, answers)
                self.ended.set()

    def _talk(self, peer: socket.socket, answers: Sequence[bytes | Drip]) -> None:
        for each in answers:
            self.asked.append(_request(peer))
            if each == SILENCE:
                peer.recv(1)
            elif isinstance(each, Drip):
                for number in range(len(each.body)):
                    peer.sendall(each.body[number : number + 1])
                    time.sleep(each.pause)
            else:
                peer.sendall(each)


def _request(peer: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        piece = peer.recv(65536)
        if not piece:
            raise ConnectionError
        head += piece
        if head.startswith(TLS_HELLO):
            return head
    named = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    size = head.index(b"\r\n\r\n") + 4 + (int(named[0].split(b":")[1]) if named else 0)
    while len(head) < size:
        head += peer.recv(65536)
    return head


@contextmanager
def scripted(
    *connections: Sequence[bytes | Drip], context: ssl.SSLContext | None = None
) -> Iterator[Script]:
    """Run a script during the block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        script = Script(connections, listener.getsockname()[1], context=context)
        thread = threading.Thread(target=script.play, args=(listener,), daemon=True)
        thread.start()
        try:
            yield script
        finally:
            listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)
