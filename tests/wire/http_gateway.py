"""A gateway's HTTP side over files in memory, on real sockets, for the tests."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from freebusy.errors import FreeBusyError
from freebusy.ports import PublishedFile, Visitor
from freebusy.web.server import HttpServer
from freebusy.web.settings import HttpSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from freebusy.ports import FreeBusyFiles

BROKEN = "the check itself is broken"
BODY = b"BEGIN:VCALENDAR\r\nBEGIN:VFREEBUSY\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n"
MODIFIED = datetime(2026, 6, 1, 12, 30, 15, tzinfo=UTC)
LAST_MODIFIED = "Mon, 01 Jun 2026 12:30:15 GMT"
HANS = PublishedFile("hans", BODY, '"5eed"', MODIFIED)
STALE = PublishedFile("anna", BODY, '"01d"', MODIFIED, datetime(2026, 6, 1, 9, tzinfo=UTC))
GREEN = PublishedFile("grün", b"green", '"9"', MODIFIED)
LARGE = PublishedFile("large", b"0123456789abcdef" * (1 << 20), '"1a"', MODIFIED)

PATHS = re.compile(
    r"/(?:pub/calendar(?:/x\.example)?|calendar|freebusy)/(?!.*\.xfb$)([^/]+?)(?:\.[vi]fb)?"
)


class MemoryFiles:
    """A published tree in memory: enough of the path rules to tell right from wrong."""

    def __init__(self, *files: PublishedFile) -> None:
        self.files = {file.name: file for file in files}
        self.refused: set[str] = set()
        self.asked: list[tuple[str, Visitor]] = []
        self.fault: Exception | None = None

    def admits(self, visitor: Visitor) -> bool:
        return visitor.address not in self.refused

    def find(self, path: str, visitor: Visitor) -> PublishedFile | None:
        self.asked.append((path, visitor))
        if self.fault is not None:
            raise self.fault
        found = PATHS.fullmatch(path)
        return None if found is None else self.files.get(found[1].partition("@")[0])

    def listing(self, visitor: Visitor) -> Sequence[PublishedFile]:
        return [self.files[name] for name in sorted(self.files)] if self.admits(visitor) else []


@dataclass
class Running:
    """A server under test."""

    addresses: tuple[tuple[str, int], ...]
    loop: asyncio.AbstractEventLoop
    server: HttpServer
    health: list[str]
    """Lines that say what is wrong; empty while all is well."""
    faults: list[str] = field(default_factory=list)
    """What the event loop's last resort was told: must stay empty."""

    @property
    def port(self) -> int:
        return self.addresses[0][1]

    def connect(self, address: tuple[str, int] | None = None) -> socket.socket:
        return socket.create_connection(address or self.addresses[0], 10)

    def exchange(self, request: bytes, address: tuple[str, int] | None = None) -> bytes:
        """Send a request, and nothing more; return all that comes until the end."""
        with self.connect(address) as client:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            return read_all(client)

    def get(self, target: str, *lines: str, method: str = "GET") -> Answer:
        """Send one request and read its one answer."""
        head = [f"{method} {target} HTTP/1.1", "Host: x", "Connection: close", *lines]
        request = "".join(f"{line}\r\n" for line in (*head, "")).encode("utf-8", "surrogateescape")
        with self.connect() as client:
            client.sendall(request)
            return Answer.parse(read_all(client))


@dataclass(frozen=True)
class Answer:
    """A response taken apart."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @classmethod
    def parse(cls, text: bytes) -> Answer:
        head, _, body = text.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        fields = (line.partition(": ")[::2] for line in lines)
        return cls(int(first.split(" ")[1]), {k.lower(): v for k, v in fields}, body)

    def without_date(self) -> Answer:
        kept = {k: v for k, v in self.headers.items() if k != "date"}
        return Answer(self.status, kept, self.body)


def read_all(client: socket.socket) -> bytes:
    """Read until the other side closes; a reset ends it as well."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := client.recv(65536):
            parts.append(part)
    return b"".join(parts)


def read_answer(client: socket.socket, *, head_only: bool = False) -> Answer:
    """Read one answer from a connection that stays open."""
    text = b""
    while b"\r\n\r\n" not in text:
        text += _some(client)
    head, _, body = text.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while not head_only and length is not None and len(body) < int(length[1]):
        body += _some(client)
    return Answer.parse(head + b"\r\n\r\n" + body)


def _some(client: socket.socket) -> bytes:
    part = client.recv(1 if client.gettimeout() is None else 65536)
    if not part:
        raise EOFError("the server closed the connection")
    return part


@contextlib.contextmanager
def serving(
    files: FreeBusyFiles,
    listen: tuple[tuple[str, int], ...] = (("127.0.0.1", 0),),
    **settings: object,
) -> Iterator[Running]:
    """Run a server in a thread with a loop of its own, and look for faults at its end."""
    started: Future[Running] = Future()
    done = threading.Event()
    options = HttpSettings(listen=listen, **settings)  # type: ignore[arg-type]  # tests name them
    thread = threading.Thread(target=lambda: asyncio.run(_serve(options, files, started, done)))
    thread.start()
    try:
        running = started.result(20)
        yield running
    finally:
        done.set()
        thread.join(20)
    assert running.faults == []


async def _serve(
    settings: HttpSettings, files: FreeBusyFiles, started: Future[Running], done: threading.Event
) -> None:
    loop = asyncio.get_running_loop()
    health: list[str] = []

    async def is_healthy() -> tuple[bool, Sequence[str]]:
        if BROKEN in health:
            raise KeyError(BROKEN)
        return not health, health

    try:
        server = HttpServer(settings, files, is_healthy)
        await server.start()
    except FreeBusyError as error:
        started.set_exception(error)
        return
    running = Running(server.addresses, loop, server, health)
    loop.set_exception_handler(lambda _, context: running.faults.append(repr(context)))
    started.set_result(running)
    await loop.run_in_executor(None, done.wait)
    await server.stop()
