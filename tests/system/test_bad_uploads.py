"""Whatever is uploaded, one file changes as it should, or nothing does."""

from __future__ import annotations

import re
import socket
import time
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from tests.servers.process import HOST
from tests.system import bad_requests, bad_times, bad_uploads
from tests.system.agenda import event, span
from tests.system.bad_uploads import GOOD, GOOD_SERVED, LIMIT, MARKER, USUAL, Row, Served
from tests.system.gateway_process import GatewayProcess
from tests.wire.ftp_dialogue import Client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.system.bad_requests import Framing
    from tests.system.bad_requests import Path as Trick

PASSWORD = "nur-fuer-diesen-Test"
HANS = b"/pub/calendar/hans.vfb"
MINE = "public/pub/calendar/hans.vfb"
MORE = """
[publish]
password_file = "{directory}/password"
[sources.files]
type = "vdir"
root = "{directory}/calendars"
"""
PERSONS = """\
persons = [
  {{address = "hans@example.com", aliases = ["hw"], source = []}},
  {{address = "berta@example.com"}},
]
"""
SLOW = 1.0
"""Seconds in which an upload has to arrive."""


@dataclass
class Service(GatewayProcess):
    """A service that waits for nobody long, and the clients that try it."""

    good: tuple[str, int] | None = None
    """What the good file was told by when it was last put there."""

    def write_configuration(self, more: str | None = None) -> None:
        super().write_configuration(more)
        text = self.config.read_text("utf-8")
        text = re.sub(r"^persons = .*\n", PERSONS.format(), text)
        text = text.replace("[http]\n", f'[http]\nupload_timeout = "{SLOW:.0f}s"\n')
        text = text.replace(
            "[ftp]\n", f'[ftp]\nupload_timeout = "{SLOW:.0f}s"\ndata_timeout = "{SLOW:.0f}s"\n'
        )
        self.config.write_text(text.replace("[access]\n", "[access]\nscan_free = 10000\n"), "utf-8")

    @property
    def login(self) -> bytes:
        return b"Authorization: Basic " + b64encode(f"freebusy:{PASSWORD}".encode())

    def dial(self) -> socket.socket:
        return socket.create_connection((HOST, self.http_port), 10)

    def says(self, request: bytes) -> bytes:
        """Send what is no request, or one, and its end; return all that comes back."""
        with self.dial() as connection:
            with suppress(ConnectionError):
                connection.sendall(request.replace(b"{login}", self.login))
                connection.shutdown(socket.SHUT_WR)
            return rest_of(connection)

    def put(self, target: bytes, body: bytes) -> tuple[int, str]:
        """PUT a body; return the status and what the answer says."""
        head = b"PUT %s HTTP/1.1\r\nHost: 127.0.0.1\r\n{login}\r\nContent-Length: %d\r\n"
        answer = self.says(head % (target, len(body)) + b"Connection: close\r\n\r\n" + body)
        return int(answer[9:12]), answer.partition(b"\r\n\r\n")[2].decode().strip()

    def session(self) -> Client:
        client = Client(socket.create_connection((HOST, self.ftp_port), 10))
        client.answers("220")
        client.asks("USER freebusy", "331")
        client.asks(f"PASS {PASSWORD}", "230")
        return client

    def store(self, path: bytes, body: bytes, folder: bytes = b"/pub/calendar") -> str:
        """STOR a body; return the last reply."""
        with self.session() as client:
            client.asks(b"CWD " + folder, "250")
            with client.passive() as data:
                reply = client.says(b"STOR " + path)
                if not reply.startswith("1"):
                    return reply
                with suppress(ConnectionError):
                    data.sendall(body)
            return client.reply()

    def files(self) -> dict[str, tuple[str, int]]:
        """Return a digest and the time of change of every file that could be served."""
        places = (self.state / place for place in ("public", "restricted", "uploads"))
        return {
            str(path.relative_to(self.state)): _told(path)
            for place in places
            for path in sorted(place.rglob("*"))
            if path.is_file()
        }


def _told(path: Path) -> tuple[str, int]:
    return sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns


def rest_of(connection: socket.socket) -> bytes:
    received = b""
    with suppress(ConnectionError):
        while chunk := connection.recv(65536):
            received += chunk
    return received


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    directory = tmp_path_factory.mktemp("bad")
    calendar = directory / "calendars" / "berta"
    calendar.mkdir(parents=True)
    (calendar / "1.ics").write_bytes(event("computed", 2, 9, f"SUMMARY:{MARKER}"))
    (directory / "password").touch(0o600)
    (directory / "password").write_text(PASSWORD, "utf-8")
    running = Service(directory, [], MORE.format(directory=directory))
    try:
        running.start()
        running.wait_for("berta", [span(2, 9)])
        yield running
        assert 0 == running.stop()
        check_log(running)
    finally:
        running.kill()


def check_log(service: Service) -> None:
    """Nothing that was uploaded or is secret is in the log, and no bug of ours."""
    for word in ("Traceback", MARKER, MARKER.lower(), PASSWORD, " ERROR "):
        assert word not in service.log, word


@pytest.fixture(autouse=True)
def before(service: Service) -> Iterator[dict[str, tuple[str, int]]]:
    """A good file is there; afterwards the service is well, and only that file can differ."""
    files = service.files()
    if service.good is None or files[MINE] != service.good:
        assert service.put(HANS, GOOD)[0] in {201, 204}
        files = service.files()
        service.good = files[MINE]
    yield files
    after = service.files()
    assert {**files, MINE: None} == {**after, MINE: None}
    assert service.process is not None
    assert service.process.poll() is None
    assert "Traceback" not in service.log
    body = service.get(HANS.decode())[2]
    assert MARKER.encode().lower() not in body.lower()


def check_served(service: Service, expected: Served) -> None:
    """Nothing but these times is in the file, over either protocol."""
    status, _, body = service.get(HANS.decode())
    assert 200 == status
    lines = body.decode().split("\r\n")
    assert [
        "BEGIN:VCALENDAR",
        "PRODID:-//Free Busy Gateway//vfb//EN",
        "VERSION:2.0",
        "METHOD:PUBLISH",
        "BEGIN:VFREEBUSY",
        "UID",
        "DTSTAMP",
        "ORGANIZER:mailto:hans@example.com",
        f"DTSTART:{expected.window[0]}",
        f"DTEND:{expected.window[1]}",
        *(f"FREEBUSY;FBTYPE={period}" for period in expected.periods),
        "END:VFREEBUSY",
        "END:VCALENDAR",
        "",
    ] == [*lines[:5], lines[5].partition(":")[0], lines[6].partition(":")[0], *lines[7:]]
    assert body == service.retr(HANS.decode())


BODIES = {
    f"{table}: {name}": row
    for table, rows in {
        "text": bad_uploads.LINE_ENDS_AND_CHARSETS,
        "no file": bad_uploads.NO_FILES,
        "broken off": bad_uploads.NOT_WHOLE,
        "who": bad_uploads.WHO,
        "parts": bad_uploads.PARTS,
        "types": bad_times.TYPES,
        "periods": bad_times.PERIODS,
        "window": bad_times.WINDOWS,
    }.items()
    for name, row in rows.items()
}


@pytest.mark.parametrize("protocol", ["http", "ftp"])
@pytest.mark.parametrize("name", BODIES)
def test_a_body(
    name: str, protocol: str, service: Service, before: dict[str, tuple[str, int]]
) -> None:
    """Each is served normalised, or refused with its reason and without a trace."""
    row: Row = BODIES[name]
    why = row.expected if isinstance(row.expected, str) else ""
    why = why[:1].upper() + why[1:]
    if protocol == "http":
        answer: object = service.put(HANS, row.body)
        good: object = (204, "")
        bad: object = (422, why)
    else:
        answer, good, bad = service.store(HANS, row.body), "226 Stored.", f"550 {why}."
    if isinstance(row.expected, Served):
        assert good == answer
        check_served(service, row.expected)
    else:
        assert bad == answer
        assert before == service.files()


@pytest.mark.parametrize("size", [LIMIT + 1, 10 << 20])
def test_too_much(size: int, service: Service, before: dict[str, tuple[str, int]]) -> None:
    """More octets than are accepted: said as an answer, not as a broken connection."""
    body = (USUAL + MARKER * (size // len(MARKER))).encode()[:size]
    assert (413, "The file is larger than is accepted") == service.put(HANS, body)
    assert f"552 More than {LIMIT} octets; nothing is stored." == service.store(HANS, body)
    assert before == service.files()


def test_as_much_as_is_accepted(service: Service) -> None:
    """The last octet that is accepted is."""
    body = USUAL.encode().ljust(LIMIT)
    assert (204, "") == service.put(HANS, body)
    assert "226 Stored." == service.store(HANS, body)
    check_served(service, Served())


def drip(data: socket.socket, body: bytes) -> None:
    """Send an octet now and then, until nobody takes them any more."""
    deadline = time.monotonic() + 10 * SLOW
    with suppress(OSError):
        for at in range(len(body)):
            data.sendall(body[at : at + 1])
            data.settimeout(0.1)
            with suppress(TimeoutError):
                if data.recv(1, socket.MSG_PEEK):
                    return
            assert time.monotonic() < deadline, "a slow client is let drip on"


def test_a_slow_drip_over_http(service: Service, before: dict[str, tuple[str, int]]) -> None:
    """An upload that takes too long is answered and ended."""
    head = b"PUT %s HTTP/1.1\r\nHost: a\r\n%s\r\nContent-Length: 5000\r\n\r\n"
    with service.dial() as connection:
        connection.sendall(head % (HANS, service.login))
        drip(connection, USUAL.encode())
        connection.settimeout(10)
        assert rest_of(connection).startswith(b"HTTP/1.1 408 ")
    assert before == service.files()


def test_a_slow_drip_over_ftp(service: Service, before: dict[str, tuple[str, int]]) -> None:
    """An upload that takes too long is answered and ended, however alive its client is."""
    with service.session() as client, client.passive() as data:
        client.asks(b"STOR " + HANS, "1")
        drip(data, USUAL.encode())
        assert client.reply()[:3] in {"421", "426"}
    assert before == service.files()


# -- names


@pytest.mark.parametrize("name", bad_requests.MEANS_HANS)
def test_another_way_to_say_a_name(name: str, service: Service) -> None:
    """Aliases, addresses, prefixes and extensions all write the one file."""
    path: Trick = bad_requests.MEANS_HANS[name]
    assert (204, "") == service.put(path.http, USUAL.encode())
    check_served(service, Served())
    if path.ftp is not None:
        assert 204 == service.put(HANS, GOOD)[0]
        assert "226 Stored." == service.store(path.ftp, USUAL.encode(), path.folder)
        check_served(service, Served())


@pytest.mark.parametrize("name", bad_requests.MEANS_NOBODY)
def test_a_path_that_means_nobody(
    name: str, service: Service, before: dict[str, tuple[str, int]]
) -> None:
    """All below the folder get one answer, and nothing is written anywhere."""
    path: Trick = bad_requests.MEANS_NOBODY[name]
    is_below = re.match(rb"(/pub)?/calendar/.", path.http)
    expected = (403, "Not allowed") if is_below else (405, "Method not allowed")
    assert expected == service.put(path.http, USUAL.encode())
    if path.ftp is not None:
        assert "550 Permission denied." == service.store(path.ftp, USUAL.encode(), path.folder)
    assert before == service.files()


@pytest.mark.parametrize("name", bad_requests.WAITS)
def test_a_temporary_name(name: str, service: Service, before: dict[str, tuple[str, int]]) -> None:
    """It is checked like any other, waits outside the tree, and can be taken back."""
    path = bad_requests.WAITS[name].encode()
    assert 422 == service.put(path, b"<html>")[0]
    assert before == service.files()
    assert (201, "") == service.put(path, USUAL.encode())
    waits = "226 Stored; served once it is renamed to its final name."
    assert waits == service.store(path, USUAL.encode())
    kept = service.files()
    assert before == {path: told for path, told in kept.items() if path in before}
    assert ["uploads"] == [path.partition("/")[0] for path in kept if path not in before]
    assert 404 == service.get(path.decode())[0]
    with service.session() as client:
        client.asks(b"DELE " + path, "250")
    assert before == service.files()


@pytest.mark.parametrize("name", bad_requests.BROKEN_TARGETS)
def test_a_target_that_is_no_path(
    name: str, service: Service, before: dict[str, tuple[str, int]]
) -> None:
    """What is no path is not repaired into one."""
    assert service.put(bad_requests.BROKEN_TARGETS[name], USUAL.encode())[0] in {400, 403, 405}
    assert before == service.files()


# -- requests


@pytest.mark.parametrize("name", bad_requests.FRAMINGS)
def test_a_request(name: str, service: Service, before: dict[str, tuple[str, int]]) -> None:
    """Each request has as many answers as it should, and nothing hides in it."""
    framing: Framing = bad_requests.FRAMINGS[name]
    answer = service.says(framing.request)
    assert list(framing.statuses) == [
        int(status) for status in re.findall(rb"^HTTP/1\.[01] (\d{3}) ", answer, re.MULTILINE)
    ]
    assert MARKER.encode() not in answer
    if framing.publishes:
        check_served(service, Served())
    else:
        assert before == service.files()
        check_served(service, GOOD_SERVED)


def test_the_tables_are_long_enough() -> None:
    """What can be wrong with an upload is told by examples."""
    requests = len(bad_requests.MEANS_NOBODY) + len(bad_requests.FRAMINGS)
    assert len(BODIES) + requests >= 180
