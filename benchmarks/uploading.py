"""What put.py and stor.py share: what is uploaded, the service, the rounds and the ratios."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from benchmarks.get import cpu_seconds, free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence

HOST = "127.0.0.1"
USER, PASSWORD = "freebusy", "known to everybody"
NAMES = tuple(f"user{number}" for number in range(8))
PATHS = tuple(f"/pub/calendar/{name}.vfb" for name in NAMES)
PERIODS = 40
PATIENCE = 20.0

Kind = Literal["changed", "unchanged"]
KINDS: tuple[Kind, ...] = ("changed", "unchanged")
"""``unchanged`` is what clients send every few minutes: nothing differs but DTSTAMP."""

CONFIGURATION = """
persons = [{persons}]
[site]
state = "state"
[http]
listen = ["{host}:{http}"]
[ftp]
listen = ["{host}:{ftp}"]
max_uploads_per_address = 8
[publish]
password_file = "password"
"""

_FIRST = datetime(2026, 6, 1, 8, tzinfo=UTC)
_LINES = """BEGIN:VCALENDAR\r
PRODID:-//Microsoft Corporation//Outlook 16.0 MIMEDIR//EN\r
VERSION:2.0\r
METHOD:PUBLISH\r
BEGIN:VFREEBUSY\r
ORGANIZER:mailto:user@example.com\r
DTSTAMP:{stamp:%Y%m%dT%H%M%SZ}\r
DTSTART:20260601T000000Z\r
DTEND:20260801T000000Z\r
{periods}END:VFREEBUSY\r
END:VCALENDAR\r
"""


class Server(NamedTuple):
    """A server under measurement."""

    name: str
    port: int
    pid: int


Load = Callable[[Server, Iterator[tuple[str, bytes]]], Coroutine[None, None, None]]
"""Sends uploads, path and text, one after the other."""


def text(kind: Kind, serial: int) -> bytes:
    """Return the upload of that number: an Outlook's two months, 40 periods."""
    shift = timedelta(minutes=serial % 600 if kind == "changed" else 0)
    starts = [_FIRST + timedelta(days=1.5 * number) + shift for number in range(PERIODS)]
    lines = [
        f"FREEBUSY;FBTYPE=BUSY:{start:%Y%m%dT%H%M%SZ}/{start + timedelta(hours=1):%Y%m%dT%H%M%SZ}"
        for start in starts
    ]
    stamp = _FIRST + timedelta(seconds=serial)
    return _LINES.format(stamp=stamp, periods="".join(f"{line}\r\n" for line in lines)).encode()


def uploads(kind: Kind, name: int, first: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield path and text of the uploads of one NAME."""
    for serial in range(first, first + count):
        yield PATHS[name], text(kind, serial)


# -- the servers


def service(folder: Path, part: Literal["http", "ftp"]) -> tuple[list[str], int]:
    """Return what starts one part of the service, as operators start it, and its port."""
    ports = {"http": free_port(), "ftp": free_port()}
    persons = ", ".join(f'{{name = "{name}", address = "{name}@example.com"}}' for name in NAMES)
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o600)
    configuration = folder / "freebusy.toml"
    configuration.write_text(CONFIGURATION.format(persons=persons, host=HOST, **ports))
    command = [sys.executable, "-m", "freebusy", "serve", part, "--config", str(configuration)]
    return command, ports[part]


@contextlib.contextmanager
def running(name: str, command: Sequence[str], port: int, log: Path) -> Iterator[Server]:
    """Run a server while the block lasts; its log goes to a file, as a service's does."""
    with log.open("ab") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream)
        try:
            wait_for(port)
            yield Server(name, port, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)


def write(path: Path, body: bytes) -> None:
    """Replace a file as a careful peer does: temporary file, fsync, rename."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


# -- rounds and ratios


def measure(
    server: Server, load: Load, kind: Kind, first: int, options: argparse.Namespace
) -> float:
    """Return the milliseconds of CPU that the server's process takes for one upload."""
    share: int = options.uploads // options.at_once

    async def all_clients() -> None:
        clients = (
            load(server, uploads(kind, number, first, share)) for number in range(options.at_once)
        )
        await asyncio.wait_for(asyncio.gather(*clients), PATIENCE + options.uploads)

    before = cpu_seconds(server.pid)
    asyncio.run(all_clients())
    used = cpu_seconds(server.pid) - before
    return used / (share * int(options.at_once)) * 1000


def compare(
    servers: list[Server], load: Load, options: argparse.Namespace
) -> dict[Kind, dict[str, list[float]]]:
    """Load the servers in turns; return what an upload costs, by kind, server and round."""
    costs: dict[Kind, dict[str, list[float]]] = {
        kind: {server.name: [] for server in servers} for kind in KINDS
    }
    for server in servers:
        measure(server, load, "changed", 1, options)
    for turn in range(options.rounds):
        order = servers if turn % 2 else servers[::-1]
        for kind in KINDS:
            for server in order:
                first = 1 + (turn + 1) * options.uploads
                costs[kind][server.name].append(measure(server, load, kind, first, options))
    return costs


def report(costs: dict[Kind, dict[str, list[float]]]) -> float:
    """Print the tables; return the highest of the median ratios of the first to the second."""
    highest = 0.0
    for kind, by_server in costs.items():
        print(f"{kind} content, {PERIODS} periods:")
        for name, values in by_server.items():
            print(
                f"  {name:<16} {statistics.median(values):.2f} ms of CPU an upload"
                f" ({min(values):.2f} to {max(values):.2f})"
            )
        ours, peer = by_server.values()
        ratios = sorted(one / other for one, other in zip(ours, peer, strict=True))
        median = statistics.median(ratios)
        quarter = len(ratios) // 4
        print(
            f"  ratio in pairs: {median:.1f}; half of the rounds within"
            f" {ratios[quarter]:.1f} to {ratios[-1 - quarter]:.1f}"
        )
        highest = max(highest, median)
    return highest


def parse(about: str) -> argparse.Namespace:
    """Return the options that both commands have."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--uploads", type=int, default=160, help="a round, kind and server")
    parser.add_argument("--at-once", type=int, default=4, help="clients, at most 8")
    parser.add_argument("--limit", type=float, help="exit 1 above this ratio")
    parser.add_argument("--serve", nargs=2, metavar=("ROOT", "PORT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.at_once = min(options.at_once, len(NAMES))
    return options


def run(
    options: argparse.Namespace, load: Load, *, part: Literal["http", "ftp"], script: str, peer: str
) -> int:
    """Run both servers and compare them; return the exit status."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        root = folder / "peer"
        (root / "pub" / "calendar").mkdir(parents=True)
        port = free_port()
        command, own_port = service(folder, part)
        beside = [sys.executable, script, "--serve", str(root), str(port)]
        servers = [
            stack.enter_context(running("gateway", command, own_port, folder / "log")),
            stack.enter_context(running(peer, beside, port, folder / "peer.log")),
        ]
        highest = report(compare(servers, load, options))
    return int(options.limit is not None and highest > options.limit)
