"""From APPEND's tagged OK to the new file served over HTTP, on real Cyrus and Dovecot.

    python -m benchmarks.freshness [--changes 200] [--persons 20] [--server cyrus]

The whole service runs as a process of its own, with one service login that has the
rights ``lr`` on everybody's calendar.  An event is appended to one person's calendar
after the other's, and that person's file is fetched over a kept connection, every
millisecond, until the event's time is in it.  Cyrus tells of changes at once (idled);
Dovecot's IDLE takes half a second.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import sys
import tempfile
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.servers import cyrus, dovecot
from tests.servers.mailserver import PASSWORD, checked, quoted
from tests.servers.process import HOST
from tests.system.agenda import at, event, message
from tests.system.gateway_process import GatewayProcess, gateway_process

if TYPE_CHECKING:
    import imaplib
    from collections.abc import Iterator, Sequence

    from tests.servers.mailserver import MailServer

TARGETS = {"cyrus": 0.060, "dovecot": 0.600}
"""Seconds in the median."""
PATIENCE = 20.0
SOURCE = """
[sources.mail]
type = "imap"
host = "{host}"
port = {port}
security = "plain"
username = "{reader}"
password_file = "{password}"
folders = ["{folder}"]
"""


class Client:
    """One kept HTTP connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((HOST, port), timeout=PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._lines = self._socket.makefile("rb")

    def get(self, name: str) -> bytes:
        """Return a file's body; empty where there is none."""
        request = f"GET /pub/calendar/{name}.vfb HTTP/1.1\r\nHost: {HOST}\r\n\r\n"
        self._socket.sendall(request.encode())
        length, found = 0, self._lines.readline().split()[1] == b"200"
        while (line := self._lines.readline()) != b"\r\n":
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        body = self._lines.read(length)
        return body if found else b""

    def close(self) -> None:
        """Close the connection."""
        self._lines.close()
        self._socket.close()


def slot(number: int) -> tuple[int, int]:
    """Return day and hour of one change; no two touch."""
    return 1 + number // 12, 2 * (number % 12)


def shown(number: int) -> bytes:
    """Return how the file says that the change's time is busy."""
    start = at(*slot(number))
    return f":{start:%Y%m%dT%H%M%SZ}/{start + timedelta(hours=1):%Y%m%dT%H%M%SZ}".encode()


def wait_for(client: Client, name: str, number: int) -> float:
    """Fetch until the change shows; return the moment."""
    deadline = time.perf_counter() + PATIENCE
    while shown(number) not in client.get(name):
        if time.perf_counter() > deadline:
            raise SystemExit(f"change {number} of {name} never showed")
        time.sleep(0.001)
    return time.perf_counter()


def append(writer: imaplib.IMAP4, folder: str, number: int) -> float:
    """Append the event of one change; return the moment of the tagged OK."""
    text = message(event(f"change-{number}", *slot(number)))
    checked(writer.append(quoted(folder), "", "", text))
    return time.perf_counter()


def people(server: MailServer, count: int) -> tuple[str, list[str]]:
    """Make a service login and people whose calendars it may read."""
    reader = server.new_user()
    names = [server.new_user() for _ in range(count)]
    folder = server.folder("Calendar")
    for name in names:
        server.create_folder(name, folder)
        server.grant(name, folder, reader)
        server.append(name, folder, message(event("first", *slot(0))))
    return reader, names


def service(server: MailServer, reader: str, names: Sequence[str], place: Path) -> GatewayProcess:
    """Return the service, not started."""
    password = place / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    values = {"host": HOST, "port": server.port, "reader": reader, "password": password}
    more = SOURCE.format(**values, folder=server.shared_folder("{local}", "Calendar"))
    return GatewayProcess(place, [f"{name}@example.com" for name in names], more)


def measure(server: MailServer, persons: int, changes: int) -> list[float]:
    """Return the seconds that each change took."""
    reader, names = people(server, persons)
    with tempfile.TemporaryDirectory() as place:
        made = service(server, reader, names, Path(place))
        with gateway_process(made.directory, made.persons, made.more) as gateway:
            writers = [server.login(name) for name in names]
            with closing(Client(gateway.http_port)) as client:
                for name in names:
                    wait_for(client, name, 0)
                time.sleep(5)  # the watch has come about
                took = list(_changes(client, writers, server.folder("Calendar"), names, changes))
            for writer in writers:
                writer.logout()
    return took


def _changes(
    client: Client,
    writers: Sequence[imaplib.IMAP4],
    folder: str,
    names: Sequence[str],
    changes: int,
) -> Iterator[float]:
    for number in range(1, changes + 1):
        who = number % len(names)
        start = append(writers[who], folder, number)
        yield max(0.0, wait_for(client, names[who], number) - start)
        time.sleep(0.05)


def main() -> int:
    """Measure and print; return 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--changes", type=int, default=200)
    parser.add_argument("--persons", type=int, default=20)
    parser.add_argument("--server", choices=sorted(TARGETS))
    arguments = parser.parse_args()
    missed = False
    for kind, module in (("cyrus", cyrus), ("dovecot", dovecot)):
        if arguments.server not in {None, kind}:
            continue
        if missing := module.available():
            print(f"{kind}: {missing}")
            continue
        with closing(cyrus.Cyrus() if kind == "cyrus" else dovecot.Dovecot()) as server:
            server.start()
            took = measure(server, arguments.persons, arguments.changes)
        p95 = statistics.quantiles(took, n=20)[-1]
        median = statistics.median(took)
        missed |= median > TARGETS[kind]
        print(
            f"{kind:8} {len(took)} changes: median {median * 1000:.0f} ms "
            f"(target {TARGETS[kind] * 1000:.0f}), p95 {p95 * 1000:.0f} ms, "
            f"fastest {min(took) * 1000:.0f}, slowest {max(took) * 1000:.0f}"
        )
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
