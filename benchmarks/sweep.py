"""A site of 10,000 folders: what a sweep costs, what rest costs, and how late a change is.

    python -m benchmarks.sweep [--folders 10000] [--server dovecot] [--poll 5s]

A person has five calendars with an event each; one service login reads them all.
Dovecot's folders are copied as files, Cyrus's made by its administrator.  First a sweep by itself:
one LIST that returns STATUS, with the CPU of our process and of all of the server's.
Then the whole service: how long it takes to read everybody, what it and the server use
while nothing happens, and the time from APPEND's tagged OK to the file, for folders that
nothing but the sweep looks at.  ``--poll`` is how often it sweeps; a sweep takes a
twentieth of the time at most.
"""

from __future__ import annotations

import argparse
import os
import pwd
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.freshness import Client, append, slot
from benchmarks.freshness import shown as shown_change
from calendar_sync.imap import ImapSettings
from calendar_sync.imap.pool import Pool
from calendar_sync.imap.settings import Login
from calendar_sync.imap.sweep import Sweeps
from tests.servers import cyrus, dovecot
from tests.servers.mailserver import PASSWORD, checked, quoted
from tests.servers.process import HOST
from tests.system.agenda import event, message
from tests.system.gateway_process import GatewayProcess, gateway_process

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.servers.mailserver import MailServer

TICKS = os.sysconf("SC_CLK_TCK")
FIRST = message(event("first", *slot(0)))
CHANGES = 5
CALENDARS = ("Calendar", "Team", "Project", "Travel", "Private")
REST = 60.0
SOURCE = """
[schedule]
interval = "1h"
[sources.mail]
type = "imap"
host = "{host}"
port = {port}
security = "plain"
username = "reader"
password_file = "{password}"
folders = [{folders}]
poll = "{poll}"
timeout = "2m"
max_watched = 10
"""


# -- CPU of process trees


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            found.setdefault(parent, []).append(int(entry.name))
    return found


def tree(root: int) -> list[int]:
    """Return a process and all that descend from it."""
    children, found = _children(), [root]
    for process in found:
        found += children.get(process, [])
    return found


def cpu(root: int) -> float:
    """Return the CPU seconds of a tree of processes, those that ended included."""
    total = 0
    for process in tree(root):
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(map(int, fields[11:15]))
    return total / TICKS


def server_pid(server: MailServer) -> int:
    """Return the process that all of a test server's descend from."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parts = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if str(server.directory) in parts and parent == os.getpid():
                return int(entry.name)
    raise SystemExit("the server's process is not to be found")


# -- many folders


def fill_dovecot(server: dovecot.Dovecot, names: Sequence[str]) -> None:
    """Copy the first person's mail directory, indexes included, for everybody else."""
    mail, first = server.directory / "mail", names[0]
    for leaf in CALENDARS:
        server.create_folder(first, leaf)
        server.grant(first, leaf, "reader")
        server.append(first, leaf, FIRST)
    shared = (mail / "shared-mailboxes").read_text()
    for name in names[1:]:
        shutil.copytree(mail / first, mail / name)
    everybody = (shared.replace(f"/{first}\n", f"/{name}\n") for name in names)
    (mail / "shared-mailboxes").write_text("".join(everybody))
    if os.geteuid() == 0:
        owner = pwd.getpwnam("mail")
        for path in _all(mail):
            os.chown(path, owner.pw_uid, owner.pw_gid)


def _all(path: Path) -> list[Path]:
    return [path, *path.rglob("*")]


def fill_cyrus(server: cyrus.Cyrus, names: Sequence[str]) -> None:
    """Have the administrator make each person's folder."""
    with server.session(cyrus.ADMIN) as admin:
        for name in names:
            checked(admin.create(f"user.{name}"))
            for leaf in CALENDARS:
                folder = f"user.{name}.{leaf}"
                checked(admin.create(folder))
                checked(admin.setacl(folder, "reader", "lr"))
                checked(admin.setacl(folder, cyrus.ADMIN, "lrswipa"))
                checked(admin.append(quoted(folder), "", "", FIRST))


# -- what is measured


def sweeps(server: MailServer, root: int) -> None:
    """Print what a sweep by itself costs."""
    settings = ImapSettings(
        HOST, "reader", PASSWORD, security="plain", port=server.port, timeout=300
    )
    pool = Pool(settings)
    with closing(pool):
        look = Sweeps(settings, pool)
        for number in range(4):
            theirs, ours = cpu(root), time.process_time()
            view = look.look(Login("reader", PASSWORD), ())
            theirs, ours = cpu(root) - theirs, time.process_time() - ours
            print(
                f"  sweep {number + 1} of {len(view.states)} folders: {view.seconds:.2f} s, "
                f"CPU {ours:.2f} s here, {theirs:.2f} s at the server",
                flush=True,
            )


def service(server: MailServer, names: Sequence[str], place: Path, poll: str) -> GatewayProcess:
    """Return the service, not started."""
    password = place / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    values = {"host": HOST, "port": server.port, "password": password, "poll": poll}
    folders = [server.shared_folder("{local}", leaf) for leaf in CALENDARS]
    more = SOURCE.format(**values, folders=", ".join(f'"{folder}"' for folder in folders))
    return GatewayProcess(place, [f"{name}@example.com" for name in names], more)


def wait_for_all(gateway: GatewayProcess, count: int) -> float:
    """Wait until everybody has a file; return how many seconds that took."""
    start, files = time.perf_counter(), gateway.path("x").parent
    while sum(1 for _ in files.glob("*.vfb")) < count:
        if time.perf_counter() - start > 1200:
            raise SystemExit(f"not everybody was read: {gateway.said[-2000:]}")
        time.sleep(0.5)
    return time.perf_counter() - start


def wait_for_rest(gateway: GatewayProcess) -> None:
    """Wait until what follows the start is over."""
    calm = 0
    while calm < 3:
        before = cpu(gateway.pid)
        time.sleep(5)
        calm = calm + 1 if cpu(gateway.pid) - before < 1.0 else 0


def rss(root: int) -> int:
    """Return the resident megabytes of a tree of processes; shared pages count each time."""
    pages = 0
    for process in tree(root):
        try:
            pages += int(Path(f"/proc/{process}/statm").read_text().split()[1])
        except OSError:
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def changes(server: MailServer, client: Client, names: Sequence[str]) -> list[float]:
    """Return the seconds to the file of changes in folders that only the sweep looks at."""
    took = []
    for number, name in enumerate(names[:CHANGES], 1):  # read first: not among the busiest
        if server.kind == "cyrus":
            writer, folder = server.login(cyrus.ADMIN), f"user.{name}.Calendar"
        else:
            writer, folder = server.login(name), server.folder("Calendar")
        start = append(writer, folder, number)
        while shown_change(number) not in client.get(name):
            if time.perf_counter() - start > 600:
                raise SystemExit("the change never showed")
            time.sleep(0.01)
        took.append(time.perf_counter() - start)
        writer.logout()
    return took


def whole(server: MailServer, names: Sequence[str], poll: str, root: int) -> None:
    """Print what the service does with all of them."""
    with tempfile.TemporaryDirectory() as place:
        made = service(server, names, Path(place), poll)
        with gateway_process(made.directory, made.persons, made.more) as gateway:
            took = wait_for_all(gateway, len(names))
            print(
                f"  everybody read and served after {took:.0f} s, {rss(gateway.pid)} MB of memory"
            )
            wait_for_rest(gateway)
            ours, theirs = cpu(gateway.pid), cpu(root)
            time.sleep(REST)
            ours, theirs = cpu(gateway.pid) - ours, cpu(root) - theirs
            print(
                f"  {REST:.0f} s of rest, poll {poll}: CPU {ours:.2f} s here, "
                f"{theirs:.2f} s at the server; {rss(gateway.pid)} MB of memory",
                flush=True,
            )
            with closing(Client(gateway.http_port)) as client:
                late = changes(server, client, names)
            print(
                f"  one change among {len(names) * len(CALENDARS)} folders: served after "
                f"{statistics.median(late):.1f} s ({min(late):.1f} to {max(late):.1f})",
                flush=True,
            )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folders", type=int, default=10_000)
    parser.add_argument("--server", choices=("cyrus", "dovecot"))
    parser.add_argument("--poll", default="5s")
    parser.add_argument("--only-sweep", action="store_true", help="leave the service out")
    arguments = parser.parse_args()
    count = arguments.folders // len(CALENDARS)
    names = [f"p{number}" for number in range(count)]
    for kind, module in (("cyrus", cyrus), ("dovecot", dovecot)):
        if arguments.server not in {None, kind}:
            continue
        if missing := module.available():
            print(f"{kind}: {missing}")
            continue
        with closing(cyrus.Cyrus() if kind == "cyrus" else dovecot.Dovecot()) as server:
            start = time.perf_counter()
            _start(server, names)
            folders = len(names) * len(CALENDARS)
            took = time.perf_counter() - start
            print(f"{kind}: {folders} folders of {count} persons made in {took:.0f} s", flush=True)
            root = server_pid(server)
            sweeps(server, root)
            if not arguments.only_sweep:
                whole(server, names, arguments.poll, root)
    return 0


def _start(server: cyrus.Cyrus | dovecot.Dovecot, names: Sequence[str]) -> None:
    if isinstance(server, cyrus.Cyrus):
        server.start()
        server.add_user("reader")
        fill_cyrus(server, names)
    else:
        server.start()
        fill_dovecot(server, names)


if __name__ == "__main__":
    raise SystemExit(main())
