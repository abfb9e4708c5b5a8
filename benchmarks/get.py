"""What a GET of a .vfb costs, as a ratio to a bare aiohttp handler and to nginx.

    python benchmarks/get.py [--rounds 12] [--seconds 1] [--kilobytes 12] [--limit 1.2]

Each server runs in a process of its own on loopback and is loaded in turns, so that
whatever else the machine does falls on all of them.  What is compared is the CPU of
the server's process per request, not the rate: it stays true on a busy machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from freebusy.public import PublicDirectory
from freebusy.web.server import HttpServer
from freebusy.web.settings import HttpSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from freebusy.ports import PublishedFile, Visitor

PATH = "/pub/calendar/hans.vfb"
CONNECTIONS = 16
KINDS = ("bare aiohttp", "gateway", "gateway, access log on")

NGINX = """daemon off; master_process off; pid {state}/nginx.pid; error_log /dev/null;
events {{ worker_connections 512; }}
http {{ access_log off; sendfile on; keepalive_requests 10000000; types {{ text/calendar vfb; }}
client_body_temp_path {state}/b; proxy_temp_path {state}/p; fastcgi_temp_path {state}/f;
uwsgi_temp_path {state}/u; scgi_temp_path {state}/s;
server {{ listen 127.0.0.1:{port}; root {root}; }} }}
"""


# -- the servers, each in its own process


class Tree:
    """The published tree as the daemon's look-up sees it: a dict hit and a read."""

    def __init__(self, root: Path) -> None:
        self._tree = PublicDirectory(root)
        self._names = {PATH: "hans"}

    def admits(self, visitor: Visitor) -> bool:
        return visitor.address == "127.0.0.1"

    def find(self, path: str, _visitor: Visitor) -> PublishedFile | None:
        name = self._names.get(path)
        return None if name is None else self._tree.read(name)

    def listing(self, _visitor: Visitor) -> Sequence[PublishedFile]:
        return ()

    def needs_login(self, _visitor: Visitor) -> bool:
        return False

    def hold_up(self, _visitor: Visitor) -> float:
        return 0.0


async def _healthy() -> tuple[bool, Sequence[str]]:
    return True, ()


async def serve_gateway(root: Path, port: int, *, log: bool) -> None:
    if log:
        import logging

        logging.basicConfig(filename=os.devnull, level=logging.INFO)
    settings = HttpSettings(listen=(("127.0.0.1", port),))
    await HttpServer(settings, Tree(root), _healthy).start()
    await asyncio.Event().wait()


async def serve_bare(root: Path, port: int) -> None:
    body = (root / PATH[1:]).read_bytes()

    async def handler(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="text/calendar", charset="utf-8")

    application = web.Application()
    application.router.add_get("/pub/calendar/{name}", handler)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


def serve(kind: str, root: Path, port: int) -> None:
    if kind == "bare aiohttp":
        asyncio.run(serve_bare(root, port))
    else:
        asyncio.run(serve_gateway(root, port, log=kind.endswith("log on")))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def command(kind: str, root: Path, port: int, state: Path) -> list[str]:
    if kind != "nginx":
        return [sys.executable, __file__, "--serve", kind, str(root), str(port)]
    configuration = state / "nginx.conf"
    configuration.write_text(NGINX.format(state=state, port=port, root=root))
    return [_nginx() or "nginx", "-e", os.devnull, "-c", str(configuration)]


def _nginx() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextlib.contextmanager
def running(kind: str, root: Path, state: Path) -> Iterator[tuple[int, int]]:
    """Run a server; gives its process id and port."""
    port = free_port()
    process = subprocess.Popen(command(kind, root, port, state))
    try:
        wait_for(port)
        yield process.pid, port
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 15
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


# -- the load


def load_with_wrk(port: int, seconds: float) -> int:
    """Load for that long; return how many requests were answered with 200."""
    url = f"http://127.0.0.1:{port}{PATH}"
    whole = max(1, round(seconds))
    load = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{whole}s", url]
    text = subprocess.run(load, check=True, capture_output=True, text=True).stdout
    found = re.search(r"(\d+) requests in", text)
    if found is None or "Non-2xx" in text:
        raise RuntimeError(f"the load did not get the file:\n{text}")
    return int(found[1])


def load_with_sockets(port: int, seconds: float) -> int:
    """Do what wrk does where there is no wrk."""
    return asyncio.run(_load(port, seconds))


async def _load(port: int, seconds: float) -> int:
    until = time.monotonic() + seconds
    return sum(await asyncio.gather(*(_client(port, until) for _ in range(CONNECTIONS))))


async def _client(port: int, until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    while time.monotonic() < until:
        writer.write(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if length is None or b" 200 " not in head:
            raise RuntimeError("the load did not get the file")
        await reader.readexactly(int(length[1]))
        count += 1
    writer.close()
    return count


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, all threads, to the nanosecond."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def cost(pid: int, port: int, seconds: float, load: Callable[[int, float], int]) -> float:
    """Return the CPU microseconds of one request."""
    before = cpu_seconds(pid)
    count = load(port, seconds)
    return (cpu_seconds(pid) - before) / count * 1e6


# -- the comparison


def publish(root: Path, size: int) -> None:
    line = b"FREEBUSY;FBTYPE=BUSY:20260601T080000Z/20260601T090000Z\r\n"
    head, tail = b"BEGIN:VCALENDAR\r\nBEGIN:VFREEBUSY\r\n", b"END:VFREEBUSY\r\nEND:VCALENDAR\r\n"
    PublicDirectory(root).replace("hans", head + line * (size // len(line)) + tail)


def measure(rounds: int, seconds: float, size: int) -> dict[str, list[float]]:
    """Load all servers in turns; return the cost of a request for each, by round."""
    load = load_with_wrk if shutil.which("wrk") else load_with_sockets
    kinds = [*KINDS, "nginx"] if _nginx() else list(KINDS)
    costs: dict[str, list[float]] = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        root = Path(folder) / "public"
        Path(folder).chmod(0o755)  # nginx may read as somebody else
        publish(root, size)
        servers = {kind: stack.enter_context(running(kind, root, Path(folder))) for kind in kinds}
        for kind in kinds:
            load(servers[kind][1], 1)
        for _ in range(rounds):
            for kind in kinds:
                costs[kind].append(cost(*servers[kind], seconds, load))
    return costs


def report(costs: dict[str, list[float]]) -> dict[str, float]:
    """Print the table; return the ratios to the bare handler.

    Of each server's rounds the cheapest quarter counts: whatever else runs on the
    machine only ever makes a request dearer.
    """
    lowest = {kind: _cheapest(values) for kind, values in costs.items()}
    ratios = {kind: value / lowest[KINDS[0]] for kind, value in lowest.items()}
    print(f"{'server':<24} {'CPU µs/request':>14} {'median':>8} {'to bare aiohttp':>16}")
    for kind, values in costs.items():
        median = statistics.median(values)
        print(f"{kind:<24} {lowest[kind]:>14.1f} {median:>8.1f} {ratios[kind]:>16.2f}")
    if "nginx" in costs:
        print(f"gateway to nginx: {lowest['gateway'] / lowest['nginx']:.1f}")
    return ratios


def _cheapest(values: Sequence[float]) -> float:
    """Return the mean of the cheapest quarter."""
    return statistics.mean(sorted(values)[: max(1, len(values) // 4)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=1.0, help="of load, per round and server")
    parser.add_argument("--kilobytes", type=int, default=12, help="size of the file")
    parser.add_argument("--limit", type=float, help="exit 1 above this ratio to bare aiohttp")
    parser.add_argument("--json", action="store_true", help="print the ratios as JSON as well")
    parser.add_argument("--serve", nargs=3, metavar=("KIND", "ROOT", "PORT"), help="for itself")
    given = parser.parse_args()
    if given.serve:
        serve(given.serve[0], Path(given.serve[1]), int(given.serve[2]))
        return 0
    ratios = report(measure(given.rounds, given.seconds, given.kilobytes * 1024))
    if given.json:
        print(json.dumps(ratios))
    return 1 if given.limit and ratios["gateway"] > given.limit else 0


if __name__ == "__main__":
    sys.exit(main())
