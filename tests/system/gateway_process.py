"""The whole service as a process of its own, and the clients that ask it.

Started by ``python -m freebusy run`` with a configuration on free loopback ports, and
ended by its own process id.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ftplib import FTP, all_errors
from http.client import HTTPConnection, HTTPException
from io import BytesIO
from typing import TYPE_CHECKING

from freebusy.vfreebusy import decode
from tests.processes import DEADLINE, pause, until
from tests.servers.process import HOST, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from email.message import Message
    from pathlib import Path

    from freebusy.period import Span

CONFIGURATION = """\
persons = [{persons}]
[site]
state = "{state}"
timezone = "Europe/Berlin"
[http]
listen = ["{host}:{http}"]
[ftp]
listen = ["{host}:{ftp}"]
[access]
listing = true
[log]
level = "debug"
{more}
"""
STOP_SECONDS = 15.0


@dataclass
class GatewayProcess:
    """One service: its directory, its ports, its process."""

    directory: Path
    persons: Sequence[str]
    more: str
    """The rest of the configuration: ``[sources.NAME]``, ``[schedule]`` and the like."""
    http_port: int = 0
    ftp_port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.http_port, self.ftp_port = free_ports(2)
        self.write_configuration()

    @property
    def config(self) -> Path:
        return self.directory / "freebusy.toml"

    @property
    def state(self) -> Path:
        return self.directory / "state"

    @property
    def log(self) -> str:
        """Everything that the service has written: log lines and what it printed."""
        file = self.directory / "log"
        return file.read_text("utf-8", "replace") if file.exists() else ""

    @property
    def said(self) -> str:
        """The log without who fetched what."""
        return "".join(
            line for line in self.log.splitlines(keepends=True) if not line.startswith("time=")
        )

    def write_configuration(self, more: str | None = None) -> None:
        self.more = self.more if more is None else more
        persons = ", ".join(f'"{person}"' for person in self.persons)
        self.config.write_text(
            CONFIGURATION.format(
                persons=persons,
                state=self.state,
                host=HOST,
                http=self.http_port,
                ftp=self.ftp_port,
                more=self.more,
            ),
            "utf-8",
        )

    # -- the process

    def start(self, *, wait: bool = True) -> None:
        """Start, and return when it answers or, without ``wait``, at once."""
        command = [sys.executable, "-m", "freebusy", "run", "--config", str(self.config)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        threading.Thread(target=self._keep_log, args=(self.process,), daemon=True).start()
        if wait:
            until(self._answers, f"the service answers; it said: {self.said[-2000:]}")

    def _keep_log(self, process: subprocess.Popen[bytes]) -> None:
        """Write what it says to a file: it says it to a pipe, which no limit on files touches."""
        assert process.stdout is not None
        with (self.directory / "log").open("ab", buffering=0) as log, process.stdout as said:
            while chunk := os.read(said.fileno(), 65536):
                log.write(chunk)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the service ended: {self.said[-3000:]}"
        return self.get("/healthz")[0] == 200

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def stop(self) -> int:
        """End it by SIGTERM; return its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(number)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"it did not stop: {self.said[-2000:]}") from None
        finally:
            self.process = None

    def command(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run another command of ``freebusy`` beside it."""
        command = [sys.executable, "-m", "freebusy", *arguments, "--config", str(self.config)]
        return subprocess.run(command, capture_output=True, timeout=60, check=False)

    @staticmethod
    def filter(*arguments: str) -> bytes:
        """Run a command that needs no configuration; return what it prints."""
        command = [sys.executable, "-m", "freebusy", *arguments]
        return subprocess.run(command, capture_output=True, timeout=60, check=True).stdout

    # -- its clients

    def get(self, path: str) -> tuple[int, Message, bytes]:
        """GET a path; status 0 where nobody answers."""
        connection = HTTPConnection(HOST, self.http_port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        except (OSError, HTTPException):
            from http.client import HTTPMessage

            return 0, HTTPMessage(), b""
        finally:
            connection.close()

    def retr(self, path: str) -> bytes | None:
        """Fetch a path over FTP; None where there is no such file, or no answer."""
        body = BytesIO()
        try:
            with FTP(timeout=10) as client:
                client.connect(HOST, self.ftp_port)
                client.login()
                client.retrbinary(f"RETR {path}", body.write)
        except all_errors:
            return None
        return body.getvalue()

    def urls(self, name: str) -> list[str]:
        """Return the URLs of a file by both prefixes and protocols."""
        return [
            f"{scheme}://{HOST}:{port}{prefix}/{name}.vfb"
            for scheme, port in (("http", self.http_port), ("ftp", self.ftp_port))
            for prefix in ("/pub/calendar", "/calendar")
        ]

    def path(self, name: str) -> Path:
        """Return a file's place on disk."""
        return self.state / "public" / "pub" / "calendar" / f"{name}.vfb"

    def busy(self, name: str) -> list[Span] | None:
        """Return what HTTP says; None where there is no file."""
        status, _, body = self.get(f"/pub/calendar/{name}.vfb")
        return spans_of(body) if status == 200 else None

    def wait_for(self, name: str, expected: list[Span] | None, what: str = "") -> float:
        """Wait until HTTP says so; return how many seconds that took."""
        start = time.monotonic()
        while (found := self.busy(name)) != expected:
            waited = time.monotonic() - start
            if waited > DEADLINE:
                wrong = set(found or ()) ^ set(expected or ())
                raise AssertionError(f"{what}: {wrong} differ; it said: {self.said[-3000:]}")
            time.sleep(pause(waited))
        return time.monotonic() - start


def spans_of(body: bytes) -> list[Span]:
    """Return the busy spans in a file."""
    return [period.span for period in decode(body, now=datetime.now(UTC)).periods]


@contextmanager
def gateway_process(directory: Path, persons: Sequence[str], more: str) -> Iterator[GatewayProcess]:
    """Run the service during the block."""
    gateway = GatewayProcess(directory, persons, more)
    try:
        gateway.start()
        yield gateway
    finally:
        with contextlib.suppress(AssertionError):
            gateway.kill()
