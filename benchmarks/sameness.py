"""Whether the time of an answer tells names apart: known, unknown and hidden ones.

    python benchmarks/sameness.py [--requests 10000] [--limit 5]

Asks a running ``serve http`` and ``serve ftp`` as a stranger on one connection each, the
kinds of names in random order, and prints the median time of each kind.  Exit status 1
where two kinds lie further apart than ``--limit`` per cent.
"""

from __future__ import annotations

import argparse
import random
import socket
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.get import free_port
from benchmarks.uploading import HOST, running, text

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIGURATION = """
persons = [
  {{name = "exists", address = "exists@example.com"}},
  {{name = "hidden", address = "hidden@example.com", read = "accounts"}},
]
[site]
state = "state"
[http]
listen = ["{host}:{http}"]
[ftp]
listen = ["{host}:{ftp}"]
[access]
scan_free = 1000000
"""
KINDS = {"known": "exists", "unknown": "nobody", "hidden": "hidden"}
"""Kind -> the NAME that is asked for; all are as long."""

SERVE = [sys.executable, "-m", "freebusy", "serve"]


def prepare(folder: Path, ports: Mapping[str, int]) -> Path:
    """Write a configuration and the files of the two who have one; return its path."""
    configuration = folder / "freebusy.toml"
    configuration.write_text(CONFIGURATION.format(host=HOST, **ports))
    for half, name in (("public", "exists"), ("restricted", "hidden")):
        place = folder / "state" / half / "pub" / "calendar"
        place.mkdir(parents=True)
        (place / f"{name}.vfb").write_bytes(text("changed", 1))
    (folder / "state" / "restricted").chmod(0o700)
    return configuration


class Web:
    """GET over one connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((HOST, port), 10)

    def __call__(self, name: str) -> bytes:
        request = f"GET /pub/calendar/{name}.vfb HTTP/1.1\r\nHost: {HOST}\r\n\r\n"
        self._socket.sendall(request.encode())
        head, _, body = self._socket.recv(1 << 16).partition(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        while len(body) < int(fields[b"Content-Length"]):
            body += self._socket.recv(1 << 16)
        return head[:12]


class Control:
    """SIZE over one control connection; what a data connection costs would hide the rest."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((HOST, port), 10)
        for line in (b"", b"USER anonymous\r\n", b"PASS x\r\n"):
            self._socket.sendall(line)
            self._socket.recv(4096)

    def __call__(self, name: str) -> bytes:
        self._socket.sendall(f"SIZE /pub/calendar/{name}.vfb\r\n".encode())
        return self._socket.recv(4096)[:3]


def ask(client: Web | Control, requests: int) -> dict[str, float]:
    """Return the median time of each kind in microseconds, asked in random order."""
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    order = [kind for kind in KINDS for _ in range(requests)]
    random.Random(7).shuffle(order)
    for kind in [*KINDS] * 100:
        client(KINDS[kind])
    for kind in order:
        start = time.perf_counter()
        client(KINDS[kind])
        times[kind].append(time.perf_counter() - start)
    return {kind: statistics.median(each) * 1e6 for kind, each in times.items()}


def report(protocol: str, medians: Mapping[str, float]) -> float:
    """Print the medians; return how far those lie apart that must not, in per cent.

    Over FTP a refusal is an exception and costs more than a number; that a file is there
    is what the reply says.  Who is unknown and who is hidden must not show.
    """
    alike = [median for kind, median in medians.items() if protocol == "http" or kind != "known"]
    gap = (max(alike) / min(alike) - 1) * 100
    shown = ", ".join(f"{kind} {median:.1f}" for kind, median in medians.items())
    print(f"{protocol}: {shown} microseconds; {gap:.1f} % apart")
    return gap


def main() -> int:
    """Measure both servers; return 1 where names can be told apart by the time."""
    parser = argparse.ArgumentParser(description="Time answers about names of all kinds.")
    parser.add_argument("--requests", type=int, default=10_000, help="of each kind")
    parser.add_argument("--limit", type=float, default=5.0, help="per cent")
    options = parser.parse_args()
    ports = {"http": free_port(), "ftp": free_port()}
    gaps = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        configuration = prepare(folder, ports)
        for part, kind in (("http", Web), ("ftp", Control)):
            command = [*SERVE, part, "--config", str(configuration)]
            stack.enter_context(running(part, command, ports[part], folder / "log"))
            gaps.append(report(part, ask(kind(ports[part]), options.requests)))
    return int(max(gaps) > options.limit)


if __name__ == "__main__":
    raise SystemExit(main())
