"""A running FTP server over files in memory, and a client that reads like a transcript."""

from __future__ import annotations

import re
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import pytest

from freebusy.ports import PublishedFile
from ftpsrv.server import FtpServer, FtpSettings

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Sequence

    from freebusy.ports import Logins, Publications, Visitor

IPV4, IPV6 = "127.0.0.1", "::1"
PATIENCE = 10.0
"""Seconds after which a test gives up waiting."""

BODY = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:PUBLISH\r\nBEGIN:VFREEBUSY\r\n"
    b"FREEBUSY;FBTYPE=BUSY:20260105T070000Z/20260105T073000Z\r\n"
    b"END:VFREEBUSY\r\nEND:VCALENDAR\r\n"
)
MODIFIED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def published(name: str, body: bytes = BODY) -> PublishedFile:
    return PublishedFile(name, body, '"etag"', MODIFIED)


@dataclass
class MemoryFiles:
    """The published tree in memory."""

    files: dict[str, PublishedFile] = field(default_factory=dict)
    listed: bool = False
    admitted: bool = True
    visitors: list[Visitor] = field(default_factory=list, repr=False)
    error: type[Exception] | None = None
    held_up: float = 0.0

    def admits(self, visitor: Visitor) -> bool:
        self.visitors.append(visitor)
        return self.admitted

    def find(self, path: str, visitor: Visitor) -> PublishedFile | None:
        if self.error is not None:
            raise self.error("SECRET in /var/lib/secret")
        directory, _, name = path.rpartition("/")
        if directory not in {"/pub/calendar", "/calendar", "/pub/calendar/example.com"}:
            return None
        for extension in (".vfb", ".ifb"):
            name = name.removesuffix(extension)
        return self.files.get(name)

    def needs_login(self, visitor: Visitor) -> bool:
        return False

    def hold_up(self, visitor: Visitor) -> float:
        return self.held_up

    def listing(self, visitor: Visitor) -> Sequence[PublishedFile]:
        return sorted(self.files.values(), key=lambda file: file.name) if self.listed else []


def some_files(**options: Any) -> MemoryFiles:
    names = ("berta", "hans", "зоя")
    return MemoryFiles({name: published(name) for name in names}, **options)


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind((IPV6, 0))
    except OSError:
        return False
    return True


HOSTS = [
    pytest.param(IPV4, id="ipv4"),
    pytest.param(
        IPV6, id="ipv6", marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback here")
    ),
]


@dataclass(frozen=True)
class Place:
    """Where a server listens, and what it serves."""

    server: FtpServer
    files: MemoryFiles
    host: str
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ftp://{host}:{self.port}"

    def dial(self) -> Client:
        return Client(socket.create_connection((self.host, self.port), PATIENCE))

    def login(self, user: str = "anonymous", password: str = "me@example.com") -> Client:
        client = self.dial()
        try:
            client.answers("220")
            client.asks(f"USER {user}", "331")
            client.asks(f"PASS {password}", "230")
        except BaseException:
            client.close()
            raise
        return client


@contextmanager
def serving(
    files: MemoryFiles | None = None,
    host: str = IPV4,
    *,
    logins: Logins | None = None,
    publications: Publications | None = None,
    tls: ssl.SSLContext | None = None,
    **options: Any,
) -> Iterator[Place]:
    """Run a server in a thread of its own; afterwards it must have stopped."""
    files = some_files() if files is None else files
    settings = replace(FtpSettings(listen=((host, 0),), login_delay=0.02), **options)
    server = FtpServer(settings, files, logins=logins, publications=publications, tls=tls)
    server.start()
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield Place(server, files, host, (server.addresses or server.tls_addresses)[0][1])
    finally:
        server.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def wait_until(condition: Callable[[], bool]) -> None:
    """Poll until something is so, and fail when it takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        threading.Event().wait(0.005)


class Client:
    """One end of a control connection, speaking bytes."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._lines = sock.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._lines.close()
        self.socket.close()

    def sends(self, line: str | bytes) -> None:
        data = line if isinstance(line, bytes) else line.encode()
        self.socket.sendall(data + b"\r\n")

    def reply(self) -> str:
        """Return the next reply, whole; empty at the end of the connection."""
        lines = [self._lines.readline().decode()]
        if lines[0][3:4] == "-":
            while not lines[-1].startswith(lines[0][:3] + " "):
                assert lines[-1], "the connection ended within a reply"
                lines.append(self._lines.readline().decode())
        return "".join(lines).removesuffix("\r\n").replace("\r\n", "\n")

    def answers(self, expected: str) -> str:
        reply = self.reply()
        assert reply.startswith(expected), f"{expected!r} expected, not {reply!r}"
        return reply

    def asks(self, line: str | bytes, expected: str) -> str:
        self.sends(line)
        return self.answers(expected)

    def says(self, line: str | bytes) -> str:
        self.sends(line)
        return self.reply()

    def follows(self, transcript: str) -> None:
        """Play ``C:`` lines and compare each ``S:`` line with what the server sends."""
        for line in transcript.strip().splitlines():
            side, _, text = line.strip().partition(": ")
            if side == "C":
                self.sends(text)
            else:
                actual = self._lines.readline().decode().removesuffix("\r\n")
                assert text == actual, f"{text!r} expected, not {actual!r}"

    def ended(self) -> bool:
        """Tell whether the server has closed the connection (waits for it)."""
        try:
            return self._lines.readline() == b""
        except ConnectionResetError:
            return True

    def rest(self) -> bytes:
        """Return whatever else the server sends until it closes."""
        received = b""
        try:
            while chunk := self.socket.recv(65536):
                received += chunk
        except ConnectionResetError:
            pass
        return received

    # -- data connections

    def passive(self) -> socket.socket:
        """Open a data connection by EPSV."""
        match = re.search(r"\|\|\|(\d+)\|", self.asks("EPSV", "229"))
        assert match is not None
        host = self.socket.getpeername()[0]
        return socket.create_connection((host, int(match[1])), PATIENCE)

    def listener(self) -> socket.socket:
        """Listen for the server and say so by EPRT."""
        host = self.socket.getsockname()[0]
        family = self.socket.family
        listener = socket.create_server((host, 0), family=family)
        listener.settimeout(PATIENCE)
        number = 2 if family == socket.AF_INET6 else 1
        self.asks(f"EPRT |{number}|{host}|{listener.getsockname()[1]}|", "200")
        return listener

    def uploads(self, command: str, body: bytes) -> str:
        """Return the reply to an upload over a passive data connection."""
        with self.passive() as data:
            self.asks(command, "1")
            data.sendall(body)
        return self.reply()

    def fetches(self, command: str) -> bytes:
        """Return what a command sends over a passive data connection."""
        with self.passive() as data:
            self.asks(command, "1")
            body = read_all(data)
        self.answers("226")
        return body


def read_all(sock: socket.socket) -> bytes:
    with sock.makefile("rb") as stream:
        return stream.read()
