"""A listener that answers IMAP commands by a script, for answers no real server gives."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.servers.process import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GREETING = b"* OK ready\r\n"
LOGGED_IN = {
    b"CAPABILITY": b"* CAPABILITY IMAP4rev1 METADATA NAMESPACE\r\nTAG OK done\r\n",
    b"LOGIN": b"TAG OK welcome\r\n",
    b"NAMESPACE": b'* NAMESPACE (("" "/")) NIL NIL\r\nTAG OK done\r\n',
    b"LOGOUT": b"* BYE\r\nTAG OK bye\r\n",
}


class Script:
    """Answers by how a command begins; the longest beginning decides."""

    def __init__(self, answers: Mapping[bytes, bytes], greeting: bytes) -> None:
        self.answers = answers
        self.greeting = greeting
        self.heard: list[bytes] = []
        """The commands that came, without tags and line ends."""
        self.over = threading.Event()
        self.listener = socket.create_server((HOST, 0))
        self.listener.settimeout(0.05)
        self.port: int = self.listener.getsockname()[1]

    def serve(self) -> None:
        """Talk to one client after the other until it is over."""
        while not self.over.is_set():
            try:
                peer, _ = self.listener.accept()
            except TimeoutError:
                continue
            peer.settimeout(5)
            try:
                with peer, peer.makefile("rb") as lines:
                    peer.sendall(self.greeting)
                    for line in lines:
                        peer.sendall(self.answer(line.rstrip(b"\r\n")))
            except OSError:
                continue

    def answer(self, line: bytes) -> bytes:
        """Return the answer to one line."""
        tag, _, command = line.partition(b" ")
        self.heard.append(command)
        known = [start for start in self.answers if command.startswith(start)]
        answer = self.answers[max(known, key=len)] if known else b"TAG BAD unknown\r\n"
        return answer.replace(b"TAG", tag)


@contextmanager
def scripted(
    answers: Mapping[bytes, bytes] | None = None, *, greeting: bytes = GREETING
) -> Iterator[Script]:
    """Run a script, on top of what a login needs, during the block."""
    script = Script({**LOGGED_IN, **(answers or {})}, greeting)
    thread = threading.Thread(target=script.serve)
    thread.start()
    try:
        yield script
    finally:
        script.over.set()
        thread.join()
        script.listener.close()
