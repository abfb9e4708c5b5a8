"""The command line as a user has it: a program, a configuration, demo calendars, free ports."""

from __future__ import annotations

import contextlib
import ftplib
import io
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers.process import HOST, free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
CLI = (sys.executable, "-m", "freebusy.cli")
DEADLINE = 20.0
STOPS_WITHIN = 5.0

_EVENT = """BEGIN:VCALENDAR
BEGIN:VEVENT
UID:{uid}
DTSTART:{start}
DURATION:PT1H
SUMMARY:MARKER-SUMMARY
DESCRIPTION:MARKER-DESCRIPTION
END:VEVENT
END:VCALENDAR
"""


def event(uid: str, start: str) -> str:
    """Return an event of one hour, with texts that must appear nowhere."""
    return _EVENT.format(uid=uid, start=start)


def until(condition: Callable[[], bool], what: str, within: float = DEADLINE) -> None:
    """Wait until something holds, at most so many seconds."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:.0f} s: {what}")
        time.sleep(0.05)


@dataclass(frozen=True)
class Done:
    """What a command answered."""

    code: int
    out: str
    err: str


def freebusy(
    *arguments: str | Path,
    given: bytes | None = None,
    folder: Path | None = None,
    **environ: str,
) -> Done:
    """Run one command to its end, in an 80-column terminal without colour."""
    done = subprocess.run(
        [*CLI, *map(str, arguments)],
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        check=False,
        cwd=folder,
        env=_environ(environ),
        timeout=60,
    )
    out, err = (text.decode("utf-8") for text in (done.stdout, done.stderr))
    assert "Traceback" not in err
    assert "MARKER" not in out + err
    return Done(done.returncode, out, err)


def _environ(more: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FREEBUSY_")}
    return kept | {"COLUMNS": "80", "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"} | more


class Site:
    """A configuration for the demo calendars in a directory of its own, and its commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.http, self.ftp = free_ports(2)
        self.config = folder / "freebusy.toml"
        self.state = folder / "state"
        self.calendars = self.state / "demo"
        self.persons = ["anna@example.com", "bernd@example.com"]
        self.extra = ""
        self.write()
        for name in ("anna", "bernd"):
            self.add_event(name, "1", "20260601T080000Z")

    def write(self) -> None:
        """Write the configuration as it now is."""
        listed = ", ".join(f'"{address}"' for address in self.persons)
        self.config.write_text(
            f'persons = [{listed}]\n[site]\ntimezone = "Europe/Berlin"\n'
            f"[window]\npast_days = 366\nmonths = 36\n"
            f'[http]\nlisten = "{HOST}:{self.http}"\n[ftp]\nlisten = "{HOST}:{self.ftp}"\n'
            f'[sources.demo]\ntype = "vdir"\nroot = "state/demo"\n{self.extra}',
            encoding="utf-8",
        )

    def add_event(self, name: str, uid: str, start: str) -> None:
        """Put an event into somebody's calendar, whole at once."""
        folder = self.calendars / name
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".{uid}.tmp"
        draft.write_text(event(uid, start), encoding="utf-8")
        draft.rename(folder / f"{uid}.ics")

    def __call__(self, *arguments: str | Path) -> Done:
        return freebusy(*arguments, FREEBUSY_CONFIG=str(self.config))

    @property
    def published(self) -> Path:
        return self.state / "public" / "pub" / "calendar"

    # servers

    def get(self, name: str) -> str | None:
        """Return a file over HTTP; None for 404 or nobody listening."""
        return _get(f"http://{HOST}:{self.http}/pub/calendar/{name}.vfb")

    def well(self) -> bool:
        """Whether the HTTP server says that all is well."""
        return _get(f"http://{HOST}:{self.http}/healthz") == "ok\n"

    def retrieve(self, name: str) -> str | None:
        """Return a file over FTP; None where there is none or nobody listens."""
        body = io.BytesIO()
        try:
            with ftplib.FTP(timeout=5) as session:
                session.connect(HOST, self.ftp)
                session.login()
                session.retrbinary(f"RETR /pub/calendar/{name}.vfb", body.write)
        except ftplib.all_errors:
            return None
        return body.getvalue().decode()

    @contextlib.contextmanager
    def service(self, *command: str, terminal: int | None = None) -> Iterator[Service]:
        """Run a service until the end of the block, then stop it by SIGTERM if need be.

        ``terminal`` is a file descriptor for its standard error, in the place of the log.
        """
        log = self.folder / f"{'-'.join(command)}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [*CLI, *command],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT if terminal is None else terminal,
                env=_environ({"FREEBUSY_CONFIG": str(self.config)}),
                start_new_session=True,
            )
        service = Service(process, log)
        try:
            yield service
        finally:
            service.end()


def _get(url: str) -> str | None:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())
    except (urllib.error.URLError, OSError):
        return None


@dataclass(frozen=True)
class Service:
    """A running service."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Send a signal and return after how many seconds the service had ended, cleanly."""
        started = time.monotonic()
        self.process.send_signal(number)
        assert 0 == self.process.wait(STOPS_WITHIN), self.said
        assert "Traceback" not in self.said
        assert "event=bug" not in self.said
        assert "MARKER" not in self.said
        return time.monotonic() - started

    def end(self) -> None:
        """End the service and whatever is left of its session, by any means."""
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOPS_WITHIN)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
