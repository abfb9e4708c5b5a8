"""How fresh a served file is, what clients are told of it, and what a restart costs: nothing."""

from __future__ import annotations

import shutil
import socket
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ftplib import FTP
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from tests.processes import until
from tests.servers.process import HOST
from tests.system.agenda import event, span
from tests.system.gateway_process import GatewayProcess, gateway_process
from tests.system.test_end_to_end import IMAP, VDIR

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANNA = "/pub/calendar/anna.vfb"
GRACE = 6.0
"""Seconds in which the service stops: three for what is under way, the rest for the machine."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "calendars" / "anna"
    made.mkdir(parents=True)
    (made / "1.ics").write_bytes(event("a", 1, 9, "SUMMARY:one"))
    return made


@pytest.fixture
def gateway(folder: Path, tmp_path: Path) -> Iterator[GatewayProcess]:
    more = VDIR.format(root=folder.parent)
    with gateway_process(tmp_path, ["anna@example.com"], more) as made:
        made.wait_for("anna", [span(1, 9)])
        yield made


def asked(gateway: GatewayProcess, **fields: str) -> int:
    """Ask for the file under conditions; return the status."""
    connection = HTTPConnection(HOST, gateway.http_port, timeout=10)
    try:
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        connection.request("GET", ANNA, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def mdtm(gateway: GatewayProcess) -> datetime:
    with FTP(timeout=10) as client:
        client.connect(HOST, gateway.ftp_port)
        client.login()
        digits = client.sendcmd(f"MDTM {ANNA}").removeprefix("213 ")
    return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def test_clients_are_told_of_changes_and_only_of_those(
    folder: Path, gateway: GatewayProcess
) -> None:
    """304 until a time changes: not for another summary, not for another file of the same times."""
    headers = gateway.get(ANNA)[1]
    etag, modified = headers["ETag"], headers["Last-Modified"]
    assert parsedate_to_datetime(modified) == mdtm(gateway)
    (folder / "1.ics").write_bytes(event("a", 1, 9, "SUMMARY:two"))
    (folder / "2.ics").write_bytes(event("b", 1, 9))
    assert 0 == gateway.command("refresh", "--all").returncode
    assert [304, 304] == [
        asked(gateway, If_None_Match=etag),
        asked(gateway, If_Modified_Since=modified),
    ]
    (folder / "2.ics").write_bytes(event("b", 2, 9))
    gateway.wait_for("anna", [span(1, 9), span(2, 9)])
    assert [200, 200] == [
        asked(gateway, If_None_Match=etag),
        asked(gateway, If_Modified_Since=modified),
    ]

    def moved_on() -> bool:
        """Two changes in one second have different MDTMs; HTTP never names a time to come."""
        later = parsedate_to_datetime(gateway.get(ANNA)[1]["Last-Modified"])
        return parsedate_to_datetime(modified) < later == mdtm(gateway)

    until(moved_on, "Last-Modified is that of the new file")


def test_a_restart_serves_what_was_there(folder: Path, gateway: GatewayProcess) -> None:
    """From the first moment on, with the same validators, also while the calendars are away."""
    before = gateway.get(ANNA)
    assert 0 == gateway.stop()
    shutil.move(folder.parent, folder.parent.with_name("away"))
    gateway.start()
    after = gateway.get(ANNA)
    assert (before[0], before[1]["ETag"], before[2]) == (after[0], after[1]["ETag"], after[2])
    shutil.move(folder.parent.with_name("away"), folder.parent)
    (folder / "1.ics").write_bytes(event("a", 3, 9))
    assert 0 == gateway.command("refresh", "anna").returncode
    assert [span(3, 9)] == gateway.busy("anna")


def test_a_vanished_directory_is_doubted_first(folder: Path, gateway: GatewayProcess) -> None:
    """A calendar directory that is suddenly gone frees nobody: its times stay."""
    shutil.move(folder, folder.with_name("elsewhere"))
    until(lambda: "doubt=" in gateway.log or "error=" in gateway.log, "the loss is told")
    gateway.command("refresh", "--all")
    assert [span(1, 9)] == gateway.busy("anna")
    shutil.move(folder.with_name("elsewhere"), folder)
    (folder / "2.ics").write_bytes(event("b", 2, 9))
    gateway.command("refresh", "--all")
    assert [span(1, 9), span(2, 9)] == gateway.busy("anna")


def test_a_mail_server_that_says_nothing_holds_nothing_up(tmp_path: Path) -> None:
    """It takes connections and never answers: the service starts, serves 404 and stops in time."""
    password = tmp_path / "password"
    password.write_text("secret")
    password.chmod(0o600)
    with socket.create_server((HOST, 0)) as silent:
        port = silent.getsockname()[1]
        values = {"host": HOST, "port": port, "password": password, "folder": "Calendar"}
        people = [f"person{number}@example.com" for number in range(12)]
        with gateway_process(tmp_path, people, IMAP.format(**values)) as gateway:
            silent.accept()[0].close()
            silent.settimeout(20)
            held = [silent.accept()[0] for _ in range(3)]
            assert 404 == gateway.get("/pub/calendar/person1.vfb")[0]
            start = time.monotonic()
            assert 0 == gateway.stop()
            assert GRACE > time.monotonic() - start
            for each in held:
                each.close()
