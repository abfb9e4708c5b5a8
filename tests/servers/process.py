"""One server program: free loopback ports, a directory of its own, start and stop by pid."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HOST = "127.0.0.1"
START_SECONDS = 20.0
STOP_SECONDS = 3.0
MEMORY_NEEDED = 200 << 20


class ServerStartError(RuntimeError):
    """The program ended, or never answered on its port."""


def free_ports(count: int) -> list[int]:
    """Return ports on which nobody listens at the moment.

    They lie below the range from which outgoing connections take theirs, or one of
    those could have it when a server that was stopped wants it again.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.randint(15_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


def make_directory(prefix: str) -> Path:
    """Make a directory that a server which drops its rights can enter.

    Not pytest's own: that one is closed to other users, and too deep for the
    108 bytes of a UNIX socket's path.  In memory where there is room, because a
    server waits for the disk after each message.
    """
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > MEMORY_NEEDED
    path = Path(tempfile.mkdtemp(prefix=prefix, dir=memory if roomy else None))
    path.chmod(0o755)
    return path


def answers(port: int) -> bool:
    """Whether somebody listens on the port and says a greeting."""
    try:
        with socket.create_connection((HOST, port), timeout=1) as peer:
            return bool(peer.recv(1))
    except OSError:
        return False


def listens(port: int) -> bool:
    """Whether somebody takes connections on the port; for who greets nobody, as with HTTP."""
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False


class Process:
    """A program in a session of its own, so that stopping it also ends its children."""

    def __init__(self, command: Sequence[str], log: Path, env: Mapping[str, str]) -> None:
        self._command = list(command)
        self._log = log
        self._env = {**os.environ, **env}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, port: int, ready: Callable[[int], bool] = answers) -> None:
        """Start, and return when the port is ready."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._env,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not ready(port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                said = self._log.read_text(errors="replace")[-2000:]
                raise ServerStartError(f"{self._command[0]} did not start: {said}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End the program and whatever is left of its session."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process = None


def remove_directory(path: Path) -> None:
    """Remove a server's directory, also while the last of its children lets go of it."""
    shutil.rmtree(path, ignore_errors=True)
