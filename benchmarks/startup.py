"""From start to the first right answer, and idle memory, with 5,000 events in the store.

    python benchmarks/startup.py [--events 5000] [--rounds 3]

The gateway runs as a process of its own, as an operator starts it.  Its store is filled
in a first run; then it is stopped, its calendar gets one more event, and what is
measured is the time until the old file is served and until the new event is in it.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.change import event
from tests.oracles.generator import OWNER, events

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = """
persons = [{{ name = "hans", address = "{owner}" }}]
[site]
state = "state"
[http]
listen = ["127.0.0.1:{http}"]
[ftp]
listen = ["127.0.0.1:{ftp}"]
[sources.demo]
type = "vdir"
root = "calendars"
"""
PATIENCE = 60.0
IDLE = 5.0
"""Seconds to settle before memory is read."""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answer(port: int) -> bytes:
    """Return the file as it is served, empty while it is not."""
    try:
        url = f"http://127.0.0.1:{port}/pub/calendar/hans.vfb"
        with urllib.request.urlopen(url, timeout=5) as reply:
            body: bytes = reply.read()
            return body
    except (urllib.error.URLError, OSError):
        return b""


def until(port: int, wanted: bytes) -> float:
    """Return the seconds until the served file holds ``wanted``."""
    start = time.perf_counter()
    while wanted not in answer(port):
        if time.perf_counter() - start > PATIENCE:
            raise SystemExit("the gateway did not answer")
        time.sleep(0.005)
    return time.perf_counter() - start


@contextmanager
def gateway(folder: Path) -> Iterator[int]:
    """Run the gateway; give its process id."""
    command = [sys.executable, "-m", "freebusy", "run", "--config", str(folder / "freebusy.toml")]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def resident(parent: int) -> dict[int, float]:
    """Return the resident memory, in MiB, of a process and its children."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    sizes = {}
    for process in (parent, *map(int, children)):
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
        sizes[process] = pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
    return sizes


def moment(number: int) -> datetime:
    """Return a time in the window: nobody is away here, so a new absence shows at its start."""
    now = datetime.now(UTC).replace(minute=7, second=11, microsecond=0)
    return now + timedelta(days=30 + number)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        calendar = folder / "calendars" / "hans"
        calendar.mkdir(parents=True)
        drawn = events(3, 2 * arguments.events, datetime.now(UTC))
        here = (text for text in drawn if "OOF" not in text and ":3\r\n" not in text)
        for number, text in zip(range(arguments.events), here, strict=False):
            (calendar / f"{number}.ics").write_text(text, newline="")
        port = free_port()
        (folder / "freebusy.toml").write_text(
            CONFIG.format(owner=OWNER, http=port, ftp=free_port())
        )
        with gateway(folder):
            print(f"first sync of {arguments.events} files: {until(port, b'FREEBUSY'):.2f} s")
        old, new = [], []
        for number in range(arguments.rounds):
            start = moment(number)
            (calendar / f"new-{number}.ics").write_bytes(
                event(start, start + timedelta(minutes=5), f"new-{number}", "OOF")
            )
            with gateway(folder) as process:
                old.append(until(port, b"FREEBUSY"))
                new.append(old[-1] + until(port, f"{start:%Y%m%dT%H%M%SZ}".encode()))
                time.sleep(IDLE)
                sizes = resident(process)
        print(f"from start to the file as it was: {statistics.median(old):.2f} s")
        print(f"from start to the file with what changed meanwhile: {statistics.median(new):.2f} s")
        print(
            f"idle memory: {sizes.pop(process):.0f} MiB, and {len(sizes)} workers and helpers"
            f" with {sum(sizes.values()):.0f} MiB together"
        )


if __name__ == "__main__":
    main()
