"""Other servers that say what a test wants them to, on loopback, in the test's own loop."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from freebusy.connector.elsewhere import Elsewhere
from freebusy.connector.limits import FetchLimits
from freebusy.connector.servers import OtherServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
FILE = (
    b"BEGIN:VCALENDAR\r\nBEGIN:VFREEBUSY\r\nORGANIZER:mailto:hans@partner.example\r\n"
    b"DTSTAMP:20260601T113000Z\r\nDTSTART:20260601T000000Z\r\nDTEND:20260701T000000Z\r\n"
    b"FREEBUSY;FBTYPE=BUSY:20260602T080000Z/20260602T090000Z\r\n"
    b"FREEBUSY;FBTYPE=BUSY-TENTATIVE;X-SUBJECT=SECRET:20260603T080000Z/PT1H\r\n"
    b"END:VFREEBUSY\r\nEND:VCALENDAR\r\n"
)
BUSY = ["2026-06-02 08:00 BUSY", "2026-06-03 08:00 BUSY_TENTATIVE"]
"""What it says, as :func:`shown` shows it."""

Reply = bytes | Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def http(body: bytes = FILE, *lines: str, status: str = "200 OK") -> bytes:
    """Return a whole answer."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *lines]
    return "".join(f"{line}\r\n" for line in (*head, "")).encode() + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    return http(b"elsewhere", f"Location: {location}", status=status)


@dataclass
class Peer:
    """A web server that answers each path as it was told, and keeps what it was asked."""

    host: str
    port: int
    replies: dict[str, Reply] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    """Whole heads."""
    connections: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def paths(self) -> list[str]:
        return [head.split(" ")[1] for head in self.requests]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with serving(writer, self.tasks):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.requests.append(head)
                reply = self.replies.get(head.split(" ")[1], http(b"", status="404 Not Found"))
                if callable(reply):
                    await reply(reader, writer)
                    break
                writer.write(reply)
                await writer.drain()


@contextlib.contextmanager
def serving(writer: asyncio.StreamWriter, tasks: set[asyncio.Task[None]]) -> Iterator[None]:
    """Serve one connection, and close it however that ends."""
    task: Any = asyncio.current_task()
    tasks.add(task)
    try:
        with contextlib.suppress(
            ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError
        ):
            yield
        writer.close()
    finally:
        tasks.discard(task)


async def finish(server: asyncio.Server, tasks: set[asyncio.Task[None]]) -> None:
    """Close a server and every connection."""
    server.close()
    waiting = list(tasks)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await asyncio.sleep(0)  # what was closed is let go of in the next round


@asynccontextmanager
async def peer(
    replies: Mapping[str, Reply], *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Peer]:
    """Run a web server."""
    made = Peer(host, 0, dict(replies))
    server = await asyncio.start_server(made.serve, host, 0, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        await finish(server, made.tasks)


class Names:
    """A resolver that says what a test wants, something else each time where that is a list."""

    def __init__(self, **hosts: str | Sequence[str] | None) -> None:
        self.hosts: dict[str, Any] = {name.replace("_", "."): at for name, at in hosts.items()}
        self.asked: list[str] = []

    async def addresses(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        at = self.hosts.get(host, "127.0.0.1" if host.endswith(".example") else None)
        if not at:
            raise OSError("no such host")
        if isinstance(at, list):
            return [at.pop(0)]
        return [at] if isinstance(at, str) else at


def server_at(port: int, *urls: str, **options: Any) -> OtherServer:
    """Return a partner whose URLs are on this port, which may be inside."""
    made: dict[str, Any] = {
        "name": "partner",
        "domains": ("partner.example", "*.partner.example"),
        "urls": urls or (f"http://%SERVER%:{port}/%NAME%.vfb",),
        "ports": frozenset({port}),
        "private": True,
    }
    return OtherServer(**{**made, **options})


@asynccontextmanager
async def asking(
    *servers: OtherServer,
    names: Names | None = None,
    clock: Any = None,
    counted: Any = None,
    **limits: Any,
) -> AsyncIterator[Elsewhere]:
    """Make what asks other servers, and close it in the end."""
    quick = {"timeout": 5.0, "connect": 2.0, **limits}
    options = {"counted": counted} if clock is None else {"clock": clock}
    made = Elsewhere(
        servers, FetchLimits(**quick), lambda: NOW, resolver=names or Names(), **options
    )
    try:
        yield made
    finally:
        await made.close()


def shown(answer: Any) -> list[str] | None:
    """Return the periods of an answer as a reader sees them."""
    if answer is None:
        return None
    from freebusy.period import Period

    periods = map(Period.from_span, answer.spans())
    return [f"{period.start:%Y-%m-%d %H:%M} {period.type.name}" for period in periods]


def header(head: str, name: str) -> str | None:
    """Return one field of a request's head."""
    found = re.search(rf"(?im)^{name}: (.*?)\r$", head)
    return None if found is None else found[1]
