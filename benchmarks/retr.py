"""CPU per RETR session: our FTP server against bare pyftpdlib, and against pure-ftpd if found.

    python benchmarks/retr.py [--rounds 12] [--sessions 150] [--pure-ftpd PATH]

Each server is a process (group) of its own and serves the same file; rounds are interleaved,
so that whatever else the machine does meets all alike.  A session is what a client does for one
file: connect, USER, PASS, TYPE I, EPSV, RETR, QUIT.  CPU is read from /proc, children included;
a ratio is the median over the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from freebusy.ports import PublishedFile, Visitor

HOST = "127.0.0.1"
FTP_PATH = "/pub/calendar/user1.vfb"
PASSWORD = b"x@example.com"
PASSWORD_HASH = "fbg6Dboo3Tj4Y"
"""Of that password, by the cheapest algorithm: pure-ftpd's login must not cost it time here."""
TARGET = 1.2
MOST_SESSIONS = 20_000
MOST_WAITING = 10_000
TIMEOUT = 20.0
TICK = os.sysconf("SC_CLK_TCK")


class Server(NamedTuple):
    """A server under measurement."""

    name: str
    port: int
    group: int
    user: bytes


class FilesOnDisk:
    """The published tree as the gateway keeps it: in memory, checked by one stat per look-up."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._held: dict[str, tuple[int, PublishedFile]] = {}

    def admits(self, visitor: Visitor) -> bool:  # noqa: ARG002  # the port's signature
        return True

    def find(self, path: str, visitor: Visitor) -> PublishedFile | None:  # noqa: ARG002  # the port's signature
        status = os.stat(f"{self._root}{path}")  # noqa: PTH116  # half the time of pathlib's
        held = self._held.get(path)
        if held is None or held[0] != status.st_mtime_ns:
            held = self._held[path] = (status.st_mtime_ns, _published(self._root, path))
        return held[1]

    def listing(self, visitor: Visitor) -> list[PublishedFile]:  # noqa: ARG002  # the port's signature
        return []

    def needs_login(self, visitor: Visitor) -> bool:  # noqa: ARG002  # the port's signature
        return False

    def hold_up(self, visitor: Visitor) -> float:  # noqa: ARG002  # the port's signature
        return 0.0


def _published(root: Path, path: str) -> PublishedFile:
    from freebusy.period import from_seconds
    from freebusy.ports import PublishedFile

    file = root / path[1:]
    moment = from_seconds(int(file.stat().st_mtime))
    return PublishedFile(file.stem, file.read_bytes(), '"x"', moment)


# -- the servers, each in a process of its own


def serve_ours(port: int, root: Path) -> None:
    from ftpsrv.server import FtpServer, FtpSettings

    settings = FtpSettings(
        listen=((HOST, port),), max_connections=1000, max_connections_per_address=0
    )
    server = FtpServer(settings, FilesOnDisk(root))
    server.start()
    server.serve()


def serve_bare(port: int, root: Path) -> None:
    warnings.simplefilter("ignore", DeprecationWarning)  # of asyncore
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.servers import FTPServer

    authorizer = DummyAuthorizer()
    authorizer.add_anonymous(str(root), perm="elr")
    FTPHandler.authorizer = authorizer
    FTPHandler.banner = "ready"
    server = FTPServer((HOST, port), FTPHandler, backlog=256)
    server.max_cons = 4096
    server.serve_forever()


SERVERS = {"ours": serve_ours, "pyftpdlib": serve_bare}


def command_line(name: str, port: int, root: Path) -> list[str]:
    if name in SERVERS:
        return [sys.executable, __file__, "--serve", name, "--port", str(port), "--root", str(root)]
    accounts = pure_ftpd_accounts(name, root)
    options = ["-4", "-E", "-H", "-A", "-c", "500", "-C", "500", "-l", f"puredb:{accounts}"]
    return [name, *options, "-S", f"{HOST},{port}"]


def pure_ftpd_accounts(binary: str, root: Path) -> Path:
    """Write pure-ftpd's own list of accounts: anonymous needs a system user called ftp."""
    plain, database = root.parent / "accounts", root.parent / "accounts.pdb"
    plain.write_text(f"bench:{PASSWORD_HASH}:65534:65534::{root}/./::::::::::::\n")
    beside = Path(binary).resolve().parents[1] / "bin" / "pure-pw"
    tool = shutil.which("pure-pw") or str(beside)
    subprocess.run([tool, "mkdb", database, "-f", plain], check=True)
    return database


@contextlib.contextmanager
def running(name: str, root: Path) -> Iterator[Server]:
    port = free_port()
    process = subprocess.Popen(
        command_line(name, port, root),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for(port)
        user = b"anonymous" if name in SERVERS else b"bench"
        yield Server(Path(name).name, port, process.pid, user)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(TIMEOUT)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            socket.create_connection((HOST, port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def cpu_seconds(group: int) -> float:
    """Return what the processes of a group have used, reaped children included."""
    return sum(_cpu_of(entry) for entry in Path("/proc").iterdir() if _group_of(entry) == group)


def _group_of(entry: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return os.getpgid(int(entry.name))
    return None


def _cpu_of(entry: Path) -> float:
    """Return a process's own time to the nanosecond, and its children's in clock ticks."""
    with contextlib.suppress(OSError):
        threads = (entry / "task").glob("*/schedstat")
        own = sum(int(thread.read_text().split()[0]) for thread in threads)
        fields = (entry / "stat").read_text().rpartition(")")[2].split()
        return own / 1e9 + (int(fields[13]) + int(fields[14])) / TICK
    return 0.0


# -- the load


async def expect(reader: asyncio.StreamReader, code: bytes) -> bytes:
    line = await reader.readline()
    first = line
    while line[3:4] == b"-" or (first[3:4] == b"-" and line[:4] != first[:3] + b" "):
        line = await reader.readline()
    if not line.startswith(code):
        raise ConnectionError(f"unexpected reply {line[:60]!r}")
    return line


async def session(server: Server) -> int:
    reader, writer = await asyncio.open_connection(HOST, server.port)
    try:
        await expect(reader, b"220")
        writer.write(b"USER %b\r\n" % server.user)
        await expect(reader, b"331")
        writer.write(b"PASS %b\r\n" % PASSWORD)
        await expect(reader, b"230")
        writer.write(b"TYPE I\r\n")
        await expect(reader, b"200")
        return await retrieve(reader, writer)
    finally:
        writer.close()


async def retrieve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    writer.write(b"EPSV\r\n")
    match = re.search(rb"\|\|\|(\d+)\|", await expect(reader, b"229"))
    if match is None:
        raise ConnectionError("no port in the reply to EPSV")
    data, data_writer = await asyncio.open_connection(HOST, int(match[1]))
    try:
        writer.write(f"RETR {FTP_PATH}\r\n".encode())
        await expect(reader, b"1")
        size = len(await data.read())
    finally:
        data_writer.close()
    await expect(reader, b"226")
    writer.write(b"QUIT\r\n")
    await expect(reader, b"221")
    return size


async def load(server: Server, sessions: int, at_once: int, size: int) -> None:
    left = iter(range(sessions))

    async def client() -> None:
        for _ in left:
            received = await asyncio.wait_for(session(server), TIMEOUT)
            if received != size:
                raise ConnectionError(f"{received} bytes instead of {size}")

    await asyncio.gather(*(client() for _ in range(at_once)))


def measure(server: Server, sessions: int, at_once: int, size: int) -> float:
    """Return milliseconds of CPU per session."""
    before = cpu_seconds(server.group)
    asyncio.run(load(server, sessions, at_once, size))
    return (cpu_seconds(server.group) - before) / sessions * 1000


def vfb(periods: int) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "METHOD:PUBLISH", "BEGIN:VFREEBUSY"]
    lines += [
        f"FREEBUSY;FBTYPE=BUSY:202601{day % 28 + 1:02}T080000Z/202601{day % 28 + 1:02}T090000Z"
        for day in range(periods)
    ]
    return "\r\n".join([*lines, "END:VFREEBUSY", "END:VCALENDAR", ""]).encode()


def compare(arguments: argparse.Namespace, root: Path, size: int) -> dict[str, list[float]]:
    pure_ftpd = arguments.pure_ftpd or shutil.which("pure-ftpd")
    names = [*SERVERS, *([pure_ftpd] if pure_ftpd else [])]
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(running(name, root)) for name in names]
        results: dict[str, list[float]] = {server.name: [] for server in servers}
        for server in servers:
            asyncio.run(load(server, 50, arguments.at_once, size))
        for _ in range(arguments.rounds):
            servers.reverse()  # who goes first
            for server in servers:
                cost = measure(server, arguments.sessions, arguments.at_once, size)
                results[server.name].append(cost)
    return results


def report(results: dict[str, list[float]]) -> bool:
    for name, costs in results.items():
        rounds = " ".join(f"{cost:.3f}" for cost in costs)
        print(f"{name:<10} {statistics.median(costs):.3f} ms of CPU a session ({rounds})")
    ratio = 0.0
    for name in list(results)[1:]:
        against = statistics.median(
            ours / other for ours, other in zip(results["ours"], results[name], strict=True)
        )
        print(f"ours / {name:<10} {against:.2f}")
        ratio = against if name == "pyftpdlib" else ratio
    print(f"target against pyftpdlib: at most {TARGET}")
    return ratio <= TARGET


def warn_of_time_wait() -> None:
    """Say so when the kernel is slow to find free ports, after many runs in a minute."""
    match = re.search(r" tw (\d+)", Path("/proc/net/sockstat").read_text())
    waiting = int(match[1]) if match else 0
    if waiting > MOST_WAITING:
        print(f"{waiting} connections are in TIME-WAIT and slow all servers: wait a minute")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--sessions", type=int, default=150, help="a round; at most 20000")
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--pure-ftpd", help="the binary, where it is not in PATH")
    parser.add_argument("--serve", choices=SERVERS, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    if arguments.serve:
        # Without this pyftpdlib logs every session, to be compared with ours that does not.
        logging.basicConfig(level=logging.ERROR)
        SERVERS[arguments.serve](arguments.port, arguments.root)
        return 0
    warn_of_time_wait()
    arguments.sessions = min(arguments.sessions, MOST_SESSIONS)
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        root, body = Path(directory) / "root", vfb(40)
        file = root / FTP_PATH[1:]
        file.parent.mkdir(parents=True)
        file.write_bytes(body)
        good = report(compare(arguments, root, len(body)))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
