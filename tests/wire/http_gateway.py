"""A gateway's HTTP side over files in memory, on real sockets, for the tests."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import re
import socket
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from freebusy.errors import (
    FreeBusyError,
    LoginRefusedError,
    NoPublicationError,
    NotAllowedError,
    NotFreeBusyError,
    PreconditionFailedError,
)
from freebusy.ports import Account, Published, PublishedFile, Scope, Visitor
from freebusy.temporary import temporary_target
from freebusy.web.server import HttpServer
from freebusy.web.settings import HttpSettings

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Sequence

    from freebusy.connector.parts import Connector
    from freebusy.ports import (
        FreeBusyFiles,
        Logins,
        Precondition,
        Publications,
        Triggers,
        Upload,
    )
    from freebusy.web.health import Health

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


def name_of(path: str) -> str | None:
    """Return the NAME that a path asks for."""
    found = PATHS.fullmatch(path)
    return None if found is None else found[1].partition("@")[0]


class MemoryFiles:
    """A published tree in memory: enough of the path rules to tell right from wrong."""

    def __init__(self, *files: PublishedFile) -> None:
        self.files = {file.name: file for file in files}
        self.refused: set[str] = set()
        self.asked: list[tuple[str, Visitor]] = []
        self.fault: Exception | None = None
        self.wants_login = False
        self.seconds = 0.0
        self.hidden: set[str] = set()
        """NAMEs that only their owner and the shared account may read."""

    def admits(self, visitor: Visitor) -> bool:
        if self.wants_login:
            return visitor.account is not None
        return visitor.address not in self.refused

    def needs_login(self, visitor: Visitor) -> bool:
        return self.wants_login and visitor.account is None

    def hold_up(self, visitor: Visitor) -> float:
        return self.seconds

    def find(self, path: str, visitor: Visitor) -> PublishedFile | None:
        self.asked.append((path, visitor))
        if self.fault is not None:
            raise self.fault
        name = name_of(path)
        if name is None or (name in self.hidden and not _is_for(visitor, name)):
            return None
        return self.files.get(name)

    def listing(self, visitor: Visitor) -> Sequence[PublishedFile]:
        return [self.files[name] for name in sorted(self.files)] if self.admits(visitor) else []


def _is_for(visitor: Visitor, name: str) -> bool:
    account = visitor.account
    return account is not None and (account.scope is Scope.SHARED or account.person == name)


class MemoryLogins:
    """Accounts in memory: the shared one, and people with a password each."""

    ACCOUNTS: ClassVar = {
        ("freebusy", "geheim"): Account("freebusy", None, Scope.SHARED),
        ("hans", "wort"): Account("hans", "hans", Scope.MAIL),
        ("anna", "kennwort"): Account("anna/outlook", "anna", Scope.PUBLISH),
        ("grün", "pass wört:"): Account("grün", "grün", Scope.MAIL),
    }

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        """User, password and address of every login that was checked."""
        self.recalled: dict[tuple[str, str, str], Account] = {}
        self.seconds = 0.0
        self.fault: Exception | None = None
        self.held: threading.Event | None = None
        """Checks wait until it is set."""

    def recall(self, user: str, password: str, address: str) -> Account | None:
        return self.recalled.get((user, password, address))

    def delay(self, user: str, address: str) -> float:
        return self.seconds

    def log_in(self, user: str, password: str, address: str) -> Account:
        self.asked.append((user, password, address))
        if self.held is not None:
            self.held.wait(20)
        if self.fault is not None:
            raise self.fault
        account = self.ACCOUNTS.get((user.partition("@")[0].partition("%40")[0], password))
        if account is None:
            raise LoginRefusedError("wrong")
        return account


class MemoryPublications:
    """What clients published, in memory and served as it came."""

    NAMES = ("hans", "anna", "grün", "neu", "otto")

    def __init__(self, files: MemoryFiles) -> None:
        self.files = files
        self.max_upload = 1000
        self.trusted: set[str] = set()
        """Addresses that publish without a login."""
        self.uploads: list[Upload] = []
        self.temporaries: dict[tuple[str, str], PublishedFile] = {}
        self.served = True
        self.fault: Exception | None = None
        self.lock = threading.Lock()

    def may_write(self, path: str, visitor: Visitor) -> bool:
        name = name_of(temporary_target(path) or path)
        if name not in self.NAMES:
            return False
        if visitor.account is None:
            return visitor.is_vouched and visitor.address in self.trusted
        return _is_for(visitor, name) and visitor.account.scope is not Scope.READ

    def publish(
        self, path: str, upload: Upload, visitor: Visitor, precondition: Precondition | None = None
    ) -> Published:
        with self.lock:
            self._check(path, visitor, precondition)
            if b"BEGIN:VFREEBUSY" not in upload.body:
                raise NotFreeBusyError("There is no VFREEBUSY in it")
            self.uploads.append(upload)
            if temporary_target(path) is not None:
                key = (_label(visitor), path)
                created = key not in self.temporaries
                self.temporaries[key] = _file(path.rpartition("/")[2], upload.body)
                return Published(path.rpartition("/")[2], created, served=False)
            return self._serve(path, upload.body)

    def _check(self, path: str, visitor: Visitor, precondition: Precondition | None) -> None:
        if self.fault is not None:
            raise self.fault
        if not self.may_write(path, visitor):
            raise NotAllowedError("Not allowed")
        served = self.files.files.get(name_of(path) or "")
        if precondition is not None and not precondition(served):
            raise PreconditionFailedError("The file has changed meanwhile")

    def _serve(self, path: str, body: bytes) -> Published:
        name = name_of(path)
        assert name is not None
        created = name not in self.files.files
        if self.served:
            self.files.files[name] = _file(name, body)
        return Published(name, created, served=self.served)

    def rename(
        self,
        source: str,
        target: str,
        upload: Upload,
        visitor: Visitor,
        precondition: Precondition | None = None,
    ) -> Published:
        with self.lock:
            self._check(target, visitor, precondition)
            file = self.temporaries.pop((_label(visitor), source), None)
            if file is None:
                raise NoPublicationError("There is no such upload")
            self.uploads.append(upload)
            return self._serve(target, file.body)

    def drop(
        self,
        path: str,
        visitor: Visitor,
        precondition: Precondition | None = None,
        *,
        protocol: str = "http",
    ) -> None:
        with self.lock:
            self._check(path, visitor, precondition)
            if self.temporaries.pop((_label(visitor), path), None) is not None:
                return
            if self.files.files.pop(name_of(path) or "", None) is None:
                raise NoPublicationError("Nothing was published there")

    def temporary(self, path: str, visitor: Visitor) -> PublishedFile | None:
        return self.temporaries.get((_label(visitor), path))


def _label(visitor: Visitor) -> str:
    return "" if visitor.account is None else visitor.account.label


def _file(name: str, body: bytes) -> PublishedFile:
    return PublishedFile(name, body, f'"{hashlib.sha256(body).hexdigest()[:8]}"', MODIFIED)


def basic(user: str, password: str, encoding: str = "utf-8") -> str:
    """Return an Authorization line."""
    token = base64.b64encode(f"{user}:{password}".encode(encoding)).decode()
    return f"Authorization: Basic {token}"


FREEBUSY = basic("freebusy", "geheim")
HANS_LOGIN = basic("hans", "wort")
ANNA_LOGIN = basic("anna", "kennwort")


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

    def get(self, target: str, *lines: str, method: str = "GET", host: str = "x") -> Answer:
        """Send one request and read its one answer."""
        return self.send(method, target, *lines, host=host)

    def put(self, target: str, *lines: str, body: bytes = BODY, host: str = "x") -> Answer:
        """Send one upload and read its one answer."""
        return self.send(
            "PUT", target, f"Content-Length: {len(body)}", *lines, body=body, host=host
        )

    def send(
        self, method: str, target: str, *lines: str, body: bytes = b"", host: str = "x"
    ) -> Answer:
        head = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close", *lines]
        request = "".join(f"{line}\r\n" for line in (*head, "")).encode("utf-8", "surrogateescape")
        with self.connect() as client:
            client.sendall(request + body)
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
    *,
    logins: Logins | None = None,
    publications: Publications | None = None,
    triggers: Triggers | None = None,
    connector: Connector | None = None,
    tls: ssl.SSLContext | None = None,
    **settings: object,
) -> Iterator[Running]:
    """Run a server in a thread with a loop of its own, and look for faults at its end."""
    started: Future[Running] = Future()
    done = threading.Event()
    options = HttpSettings(listen=listen, **settings)  # type: ignore[arg-type]  # tests name them

    def make(health: Health) -> HttpServer:
        return HttpServer(
            options,
            files,
            health,
            logins=logins,
            publications=publications,
            triggers=triggers,
            connector=connector,
            tls=tls,
        )

    thread = threading.Thread(target=lambda: asyncio.run(_serve(make, started, done)))
    thread.start()
    try:
        running = started.result(20)
        yield running
    finally:
        done.set()
        thread.join(20)
    assert running.faults == []


async def _serve(
    make: Callable[[Health], HttpServer], started: Future[Running], done: threading.Event
) -> None:
    loop = asyncio.get_running_loop()
    health: list[str] = []

    async def is_healthy() -> tuple[bool, Sequence[str]]:
        if BROKEN in health:
            raise KeyError(BROKEN)
        return not health, health

    try:
        server = make(is_healthy)
        await server.start()
    except FreeBusyError as error:
        started.set_exception(error)
        return
    running = Running(server.addresses, loop, server, health)
    loop.set_exception_handler(lambda _, context: running.faults.append(repr(context)))
    started.set_result(running)
    await loop.run_in_executor(None, done.wait)
    await server.stop()
