"""From a calendar folder to the file that clients fetch, through the whole service."""

from __future__ import annotations

import shutil
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING

import pytest

from freebusy.period import FreeBusyType
from tests.processes import is_there, pool_workers, until
from tests.readers import Reading
from tests.servers.mailserver import PASSWORD
from tests.system.agenda import event, message, span
from tests.system.gateway_process import GatewayProcess, gateway_process, spans_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.readers.fixtures import Reader
    from tests.servers.mailserver import MailServer

IMAP = """
[schedule]
interval = "10s"
stale_after = "10s"
[sources.mail]
type = "imap"
host = "{host}"
port = {port}
security = "plain"
username = "{{local}}"
password_file = "{password}"
folders = ["{folder}"]
"""
VDIR = """
[sources.demo]
type = "vdir"
root = "{root}"
"""
PROMPT = 1.0
"""Seconds from a change to the served file."""
ATTEMPTS = 5


@pytest.fixture
def user(mail_server: MailServer) -> str:
    name = mail_server.new_user()
    mail_server.create_folder(name, mail_server.folder("Calendar"))
    return name


@pytest.fixture
def by_mail(mail_server: MailServer, user: str, tmp_path: Path) -> Iterator[GatewayProcess]:
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    values = {"host": mail_server.host, "port": mail_server.port, "password": password}
    more = IMAP.format(**values, folder=mail_server.folder("Calendar"))
    with gateway_process(tmp_path, [f"{user}@example.com"], more) as gateway:
        yield gateway


def prompt(change: Callable[[int], float]) -> None:
    """Make changes that are timed, until three in a row have a prompt one among their middle.

    The watch may only just begin, and the machine may be busy: the median of three counts.
    """
    took: list[float] = []
    for number in range(ATTEMPTS):
        took.append(change(number))
        if len(took) >= 3 and median(took[-3:]) <= PROMPT:
            return
    pytest.fail(f"changes took {', '.join(f'{each:.2f}' for each in took)} seconds")


def test_mail_comes_and_goes_within_a_second(
    mail_server: MailServer, user: str, by_mail: GatewayProcess
) -> None:
    """APPEND a message: it is served over HTTP and FTP; delete and expunge it: it is gone."""
    folder = mail_server.folder("Calendar")
    assert by_mail.busy(user) is None, "the folder never held an event"
    mail_server.append(user, folder, message(event("base", 1, 8)))
    by_mail.wait_for(user, [span(1, 8)])

    def come_and_go(number: int) -> float:
        uid = mail_server.append(user, folder, message(event(f"e{number}", 2, 9)))
        came = by_mail.wait_for(user, [span(1, 8), span(2, 9)], "appended")
        body = by_mail.retr(f"/pub/calendar/{user}.vfb")
        assert by_mail.get(f"/calendar/{user}.vfb")[2] == body == by_mail.path(user).read_bytes()
        mail_server.delete(user, folder, uid)
        gone = by_mail.wait_for(user, [span(1, 8)], "expunged")
        assert [span(1, 8)] == spans_of(by_mail.retr(f"/calendar/{user}.vfb") or b"")
        return max(came, gone)

    prompt(come_and_go)


def test_an_outage_of_the_mail_server(
    mail_server: MailServer, user: str, by_mail: GatewayProcess
) -> None:
    """The old file is served, says its age after stale_after, and recovers with the server."""
    folder = mail_server.folder("Calendar")
    mail_server.append(user, folder, message(event("a", 1, 8)))
    by_mail.wait_for(user, [span(1, 8)])
    path = f"/pub/calendar/{user}.vfb"
    assert by_mail.get(path)[1]["X-Freebusy-As-Of"] is None
    before = datetime.now(UTC)
    with mail_server.outage():
        until(lambda: by_mail.get(path)[1]["X-Freebusy-As-Of"], "the file says its age", seconds=40)
        status, headers, body = by_mail.get(path)
        assert (200, [span(1, 8)]) == (status, spans_of(body))
        told = next(line for line in body.split(b"\r\n") if line.startswith(b"COMMENT:as of "))
        as_of = datetime.strptime(told[-16:].decode(), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        assert timedelta(seconds=-15) < as_of - before < timedelta(seconds=15)
        assert body == by_mail.retr(path)
        assert headers["X-Freebusy-As-Of"] == f"{as_of:%Y-%m-%dT%H:%M:%SZ}"
    mail_server.append(user, folder, message(event("b", 2, 9)))
    by_mail.wait_for(user, [span(1, 8), span(2, 9)], "recovered")
    assert by_mail.get(path)[1]["X-Freebusy-As-Of"] is None
    assert 0 == by_mail.stop()


# -- the directory source, as in the demo


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Four people's calendars: a folder of files each, one of them with two folders."""
    root = tmp_path / "calendars"
    kinds = ("", "STATUS:TENTATIVE", "X-MICROSOFT-CDO-BUSYSTATUS:OOF", "TRANSP:TRANSPARENT")
    for name in ("anna", "bernd", "clara"):
        (root / name).mkdir(parents=True)
        for number, line in enumerate(kinds):
            ics = event(f"{name}{number}", number, 8, *filter(None, [line]), hours=2)
            (root / name / f"{number}.ics").write_bytes(ics)
    for folder in ("work", "home"):
        (root / "david" / folder).mkdir(parents=True)
        (root / "david" / folder / "1.ics").write_bytes(event(folder, 1, len(folder) * 2))
    return root


PEOPLE = ["anna@example.com", "bernd@example.com", "clara@example.com", "david@example.com"]
KINDS = [
    span(0, 8, hours=2),
    span(1, 8, FreeBusyType.BUSY_TENTATIVE, 2),
    span(2, 8, FreeBusyType.BUSY_UNAVAILABLE, 2),
]


@pytest.fixture
def by_files(tree: Path, tmp_path: Path) -> Iterator[GatewayProcess]:
    with gateway_process(tmp_path, PEOPLE, VDIR.format(root=tree)) as gateway:
        yield gateway


def test_files_come_change_and_go_within_a_second(tree: Path, by_files: GatewayProcess) -> None:
    """A file that is written, replaced and removed shows in the served file each time."""
    by_files.wait_for("anna", KINDS)
    by_files.wait_for("david", [span(1, 8)])
    file = tree / "anna" / "new.ics"

    def come_change_and_go(number: int) -> float:
        file.write_bytes(event(f"n{number}", 5, 9))
        came = by_files.wait_for("anna", [*KINDS, span(5, 9)], "written")
        replacement = tree / "anna" / ".new.ics.tmp"
        replacement.write_bytes(event(f"n{number}", 6, 9))
        replacement.replace(file)
        changed = by_files.wait_for("anna", [*KINDS, span(6, 9)], "replaced")
        file.unlink()
        return max(came, changed, by_files.wait_for("anna", KINDS, "removed"))

    prompt(come_change_and_go)


def fetched(client: str, url: str) -> bytes:
    """Fetch a URL with curl or lftp."""
    commands = {
        "curl": ["curl", "-qsS", "--fail", "--noproxy", "*", "--max-time", "10", url],
        "lftp": ["lftp", "--norc", "-c", f"set net:max-retries 1; set dns:order inet; cat {url}"],
    }
    done = subprocess.run(commands[client], capture_output=True, timeout=30, check=True)
    return done.stdout


@pytest.mark.readers
@pytest.mark.parametrize("client", ["curl", "lftp"])
def test_what_clients_fetch_others_read(
    client: str, by_files: GatewayProcess, reader: Reader
) -> None:
    """By both prefixes and protocols a file has the right periods and types for its readers."""
    if shutil.which(client) is None:
        pytest.skip(f"{client} is not installed")
    by_files.wait_for("bernd", KINDS)
    expected = [(FreeBusyType(kind).fbtype, _utc(start), _utc(end)) for start, end, kind in KINDS]
    readings = [reader(fetched(client, url)) for url in by_files.urls("bernd")]
    assert [Reading(expected, readings[0].window)] * 4 == readings


def _utc(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y%m%dT%H%M%SZ}"


def test_stopping_leaves_nobody_behind(by_files: GatewayProcess) -> None:
    """SIGTERM ends the service within seconds, and its workers with it."""
    by_files.wait_for("anna", KINDS)
    workers = pool_workers(by_files.pid)
    assert workers
    assert 0 == by_files.stop()
    until(lambda: not any(map(is_there, workers)), "the workers ended")


def test_killing_leaves_nobody_behind(by_files: GatewayProcess) -> None:
    """After kill -9 the workers end by themselves."""
    by_files.wait_for("anna", KINDS)
    workers = pool_workers(by_files.pid)
    assert workers
    by_files.kill()
    until(lambda: not any(map(is_there, workers)), "the workers ended")


def test_a_refresh_beside_the_service(tree: Path, by_files: GatewayProcess) -> None:
    """freebusy refresh --all is safe beside it and changes nothing that is right."""
    by_files.wait_for("anna", KINDS)
    before = by_files.get("/calendar/anna.vfb")
    done = by_files.command("refresh", "--all")
    assert (0, b"") == (done.returncode, done.stdout)
    after = by_files.get("/calendar/anna.vfb")
    assert (before[1]["ETag"], before[2]) == (after[1]["ETag"], after[2])


def test_a_reload_takes_new_people_in(tree: Path, by_files: GatewayProcess) -> None:
    """SIGHUP: a further person is served, and the others without a gap."""
    by_files.wait_for("anna", KINDS)
    (tree / "eva").mkdir()
    (tree / "eva" / "1.ics").write_bytes(event("eva", 3, 9))
    by_files.persons = [*PEOPLE, "eva@example.com"]
    by_files.write_configuration()
    assert by_files.process is not None
    by_files.process.send_signal(signal.SIGHUP)
    by_files.wait_for("eva", [span(3, 9)])
    assert KINDS == by_files.busy("anna")
    (tree / "eva" / "1.ics").write_bytes(event("eva", 4, 9))
    by_files.wait_for("eva", [span(4, 9)])
