"""First sync of a whole site: 200 people with 500 messages each, from Dovecot on one machine.

    python -m benchmarks.first_site [--persons 200] [--messages 500]

The service is started on an empty state and watched until everybody's file is served.
Memory is that of the service and its workers together, looked at five times a second:
what each has for itself and its share of what they have in common (PSS).  To see that it
does not grow with a mailbox: ``--persons 1 --messages 50000``.
"""

from __future__ import annotations

import argparse
import os
import pwd
import shutil
import sys
import tempfile
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.first_sync import message
from benchmarks.sweep import cpu, server_pid, tree
from tests.oracles.generator import events
from tests.servers import dovecot
from tests.servers.mailserver import PASSWORD
from tests.servers.process import HOST
from tests.system.gateway_process import GatewayProcess, gateway_process

if TYPE_CHECKING:
    from collections.abc import Sequence

TARGET = 300
"""Megabytes."""
PATIENCE = 1800.0
SOURCE = """
[sources.mail]
type = "imap"
host = "{host}"
port = {port}
security = "plain"
username = "{{local}}"
password_file = "{password}"
folders = ["Calendar"]
timeout = "2m"
"""


def pss(root: int) -> int:
    """Return the kilobytes that a tree of processes takes, each shared page counted once."""
    total = 0
    for process in tree(root):
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    return total


class Peak:
    """The most memory that a tree of processes took during the block."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.kilobytes = 0

    def _look(self) -> None:
        while not self._stop.wait(0.2):
            self.kilobytes = max(self.kilobytes, pss(self._root))

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def fill(server: dovecot.Dovecot, names: Sequence[str], messages: int) -> None:
    """Write one person's calendar, and give everybody else the same messages."""
    mail, first = server.directory / "mail", names[0]
    server.create_folder(first, "Calendar")
    texts = events(9, messages, datetime.now(UTC))
    server.append_all(first, "Calendar", [message(text, n) for n, text in enumerate(texts)])
    for name in names[1:]:
        shutil.copytree(mail / first, mail / name, copy_function=_copy)
    if os.geteuid() == 0:
        owner = pwd.getpwnam("mail")
        for path in [mail, *mail.rglob("*")]:
            os.chown(path, owner.pw_uid, owner.pw_gid)


def _copy(source: str, target: str) -> None:
    """Copy what Dovecot writes to, and link messages."""
    if Path(source).parent.name in {"cur", "new"}:
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def wait_for_all(gateway: GatewayProcess, count: int) -> float:
    """Wait until everybody has a file; return how many seconds that took."""
    start, files = time.perf_counter(), gateway.path("x").parent
    while sum(1 for _ in files.glob("*.vfb")) < count:
        if time.perf_counter() - start > PATIENCE:
            raise SystemExit(f"not everybody was read: {gateway.said[-2000:]}")
        time.sleep(0.1)
    return time.perf_counter() - start


def measure(server: dovecot.Dovecot, names: Sequence[str], messages: int) -> int:
    """Read everybody and print; return the peak of memory in megabytes."""
    root = server_pid(server)
    with tempfile.TemporaryDirectory() as place:
        password = Path(place) / "password"
        password.write_text(PASSWORD)
        password.chmod(0o600)
        more = SOURCE.format(host=HOST, port=server.port, password=password)
        people = [f"{name}@example.com" for name in names]
        theirs = cpu(root)
        with gateway_process(Path(place), people, more) as gateway:
            with Peak(gateway.pid) as peak:
                took = wait_for_all(gateway, len(names))
            ours, theirs = cpu(gateway.pid), cpu(root) - theirs
    count = len(names) * messages
    print(
        f"{count} messages of {len(names)} people in {took:.0f} s: {count / took:.0f} a second; "
        f"CPU {ours:.0f} s here, {theirs:.0f} s at the server"
    )
    return peak.kilobytes >> 10


def main() -> int:
    """Measure and print; return 1 where memory went beyond its target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--persons", type=int, default=200)
    parser.add_argument("--messages", type=int, default=500)
    arguments = parser.parse_args()
    if missing := dovecot.available():
        print(missing)
        return 0
    names = [f"p{number}" for number in range(arguments.persons)]
    with closing(dovecot.Dovecot()) as server:
        server.start()
        fill(server, names, arguments.messages)
        megabytes = measure(server, names, arguments.messages)
    print(f"peak memory {megabytes} MB (target below {TARGET})")
    return int(megabytes >= TARGET)


if __name__ == "__main__":
    raise SystemExit(main())
