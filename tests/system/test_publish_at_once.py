"""Two clients write one file at once while many read it and calendars change."""

from __future__ import annotations

import http.client
import subprocess
import sys
import threading
from base64 import b64encode
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ftplib import FTP
from functools import lru_cache
from io import BytesIO
from itertools import count
from typing import TYPE_CHECKING

import pytest

from freebusy.period import coalesce
from freebusy.publications import Ledger
from freebusy.store import Store
from freebusy.vfreebusy import decode
from tests.processes import until
from tests.servers.process import HOST
from tests.system.agenda import at, event, span
from tests.system.gateway_process import GatewayProcess, spans_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from freebusy.period import Span

WRITES = 500
"""Of each of the two writers."""
READERS = 20
FILLER = 60
PASSWORD = "only-for-this-test"
PATH = "/pub/calendar/hans.vfb"
MORE = """
[publish]
password_file = "{directory}/password"
keep_received_bytes = "64MiB"
[sources.files]
type = "vdir"
root = "{directory}/calendars"
[schedule]
debounce = "50ms"
"""
STEADY = span(2, 9)
"""What the calendar says from the beginning."""


def text(writer: int, number: int) -> bytes:
    """Return a publication by which its writer and its number can be told.

    The filler makes a torn file show: of every whole one there are the same many periods.
    """
    first = at(5, 0).timestamp() + number * 60
    own = (int(first), int(first) + (10 + 10 * writer) * 60)
    filler = [(int(at(20, 0).timestamp()) + n * 1800, 600) for n in range(FILLER)]
    lines = [f"FREEBUSY:{utc(own[0])}/{utc(own[1])}"]
    lines += [f"FREEBUSY:{utc(start)}/{utc(start + length)}" for start, length in filler]
    head = f"DTSTART:{utc(int(at(-1, 0).timestamp()))}\r\nDTEND:{utc(int(at(40, 0).timestamp()))}"
    whole = ["BEGIN:VCALENDAR", "BEGIN:VFREEBUSY", head, *lines, "END:VFREEBUSY", "END:VCALENDAR"]
    return "\r\n".join([*whole, ""]).encode()


def utc(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y%m%dT%H%M%SZ}"


@lru_cache(maxsize=64)
def told(body: bytes) -> tuple[int, int] | None:
    """Return the writer and the number of a served file; AssertionError for a torn one."""
    assert body.endswith(b"END:VFREEBUSY\r\nEND:VCALENDAR\r\n")
    spans = spans_of(body)
    assert STEADY in spans, "a busy person was shown as free"
    low, high = int(at(5, 0).timestamp()), int(at(19, 0).timestamp())
    own = [one for one in spans if low <= one[0] < high]
    later = [one for one in spans if one[0] >= high]
    if not own and not later:
        return None
    assert (1, FILLER) == (len(own), len(later))
    (start, end, _kind) = own[0]
    return (end - start) // 600 - 1, (start - low) // 60


@dataclass
class Site:
    """One service, in one process or in three."""

    gateway: GatewayProcess
    stop: threading.Event = field(default_factory=threading.Event)
    failures: list[BaseException] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=lambda: [-1, -1])
    """The number of each writer's last acknowledged upload."""
    reads: list[int] = field(default_factory=list)

    def guarded(self, work: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001  # it is told at the end of the test
                self.failures.append(error)
                self.stop.set()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    # -- writers: after each acknowledged upload its writer looks whether it is there

    def write_by_http(self) -> None:
        connection = http.client.HTTPConnection(HOST, self.gateway.http_port, timeout=30)
        key = b64encode(f"freebusy:{PASSWORD}".encode()).decode()

        def put(number: int) -> None:
            headers = {"Authorization": f"Basic {key}"}
            connection.request("PUT", PATH, text(0, number), headers)
            answer = connection.getresponse()
            assert (answer.status, answer.read()) in {(201, b""), (204, b"")}

        def get() -> bytes:
            connection.request("GET", PATH)
            return connection.getresponse().read()

        self._write(0, put, get)
        connection.close()

    def write_by_ftp(self) -> None:
        with FTP(timeout=30) as client:
            client.connect(HOST, self.gateway.ftp_port)
            client.login("freebusy", PASSWORD)

            def stor(number: int) -> None:
                reply = client.storbinary(f"STOR {PATH}", BytesIO(text(1, number)))
                assert reply.startswith("226 Stored")

            def retr() -> bytes:
                body = BytesIO()
                client.retrbinary(f"RETR {PATH}", body.write)
                return body.getvalue()

            self._write(1, stor, retr)

    def _write(self, writer: int, put: Callable[[int], None], get: Callable[[], bytes]) -> None:
        for number in range(WRITES):
            if self.stop.is_set():
                return
            others = self.acknowledged[1 - writer]
            put(number)
            self.acknowledged[writer] = number
            found = told(get())
            assert found is not None
            # Mine, or what the other one wrote after I began: never anything older.
            assert found == (writer, number) or (found[0] != writer and found[1] >= others)

    # -- readers and refreshes

    def read(self) -> None:
        connection = http.client.HTTPConnection(HOST, self.gateway.http_port, timeout=30)
        seen = 0
        while not self.stop.wait(0.1):
            connection.request("GET", PATH)
            answer = connection.getresponse()
            body = answer.read()
            assert (200, str(len(body))) == (answer.status, answer.getheader("Content-Length"))
            told(body)
            seen += 1
        self.reads.append(seen)
        connection.close()

    def change_calendars(self) -> None:
        """Let the calendar change all the time, far from what is published."""
        file = self.gateway.directory / "calendars" / "hans" / "moving.ics"
        for number in count():
            if self.stop.wait(0.1):
                return
            temporary = file.with_suffix(".tmp")
            temporary.write_bytes(event("moving", 3, number % 20))
            temporary.replace(file)


@contextmanager
def processes(gateway: GatewayProcess, *parts: tuple[str, ...]) -> Iterator[None]:
    """Run parts of the service, each in a process of its own, during the block."""
    with ExitStack() as stack:
        for part in parts:
            log = stack.enter_context((gateway.directory / f"log-{part[-1]}").open("wb"))
            command = [sys.executable, "-m", "freebusy", *part, "--config", str(gateway.config)]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.terminate)
        yield


def site(directory: Path) -> Site:
    (directory / "calendars" / "hans").mkdir(parents=True)
    (directory / "calendars" / "hans" / "steady.ics").write_bytes(event("steady", 2, 9))
    (directory / "password").write_text(PASSWORD)
    (directory / "password").chmod(0o600)
    more = MORE.format(directory=directory)
    return Site(GatewayProcess(directory, ["hans@example.com"], more))


WAYS = {
    "one process": (("run",),),
    "three processes": (("serve", "http"), ("serve", "ftp"), ("sync",)),
}


@pytest.mark.parametrize("way", WAYS)
def test_two_write_and_twenty_read(tmp_path: Path, way: str) -> None:
    """No reader sees a torn file, no upload is lost, and the last one is what remains."""
    place = site(tmp_path)
    with processes(place.gateway, *WAYS[way]):
        until(lambda: place.gateway.busy("hans") is not None, "the calendar is served")
        until(lambda: place.gateway.retr(PATH) is not None, "FTP answers")
        beside = [place.guarded(place.read) for _ in range(READERS)]
        beside.append(place.guarded(place.change_calendars))
        writers = [place.guarded(place.write_by_http), place.guarded(place.write_by_ftp)]
        for thread in writers:
            thread.join(100)
        place.stop.set()
        for thread in beside:
            thread.join(20)
        assert [] == place.failures
        assert [WRITES - 1] * 2 == place.acknowledged
        assert min(place.reads) > 10
        last = told(place.gateway.get(PATH)[2])
    store = Store(place.gateway.state / "store.db", read_only=True)
    ledger = Ledger(store)
    history = ledger.history("hans")
    assert 2 * WRITES == sum(entry.times for entry in history)
    (kept,) = (ledger.body(entry.id) for entry in history if entry.in_force)
    assert kept is not None
    assert last is not None
    assert text(*last) == kept
    assert {(writer, WRITES - 1) for writer in (0, 1)} >= {last}
    store.close()


def test_what_the_test_can_tell() -> None:
    """The files that the writers send are told apart, and are what their writers sent."""
    for writer, number in ((0, 0), (1, 0), (0, 499), (1, 499)):
        read = decode(text(writer, number), now=datetime.now(UTC))
        spans: list[Span] = coalesce([STEADY, *(period.span for period in read.periods)])
        assert FILLER + 2 == len(spans)
