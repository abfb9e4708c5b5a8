"""Radicale and Xandikos, as processes of their own on free loopback ports."""

from __future__ import annotations

import itertools
import os
import sys
from abc import ABC, abstractmethod
from typing import ClassVar

from tests.servers.mailserver import PASSWORD
from tests.servers.process import (
    HOST,
    Process,
    free_ports,
    listens,
    make_directory,
    remove_directory,
)

READER = "reader"
"""May read everybody's calendars at Radicale."""

_numbers = itertools.count(1)

RADICALE = """\
[server]
hosts = {host}:{port}
[auth]
type = htpasswd
htpasswd_filename = {directory}/users
htpasswd_encryption = plain
delay = 0
[rights]
type = from_file
file = {directory}/rights
[storage]
filesystem_folder = {directory}/collections
[web]
type = none
[logging]
level = warning
"""

RIGHTS = """\
[root]
user: .+
collection:
permissions: R
[principal]
user: .+
collection: {user}
permissions: RW
[calendars]
user: .+
collection: {user}/[^/]+
permissions: rw
[reader]
user: reader
collection: .*
permissions: Rr
"""


class DavServer(ABC):
    """A running CalDAV server; every user's password is :data:`PASSWORD`."""

    kind: ClassVar[str]

    def __init__(self) -> None:
        self.directory = make_directory(f"fb-{self.kind}-")
        (self.port,) = free_ports(1)
        self._process = Process(self._command(), self.directory / "log", {})

    @abstractmethod
    def _command(self) -> list[str]:
        """Write what the server needs and return what starts it."""

    @property
    def url(self) -> str:
        """The root."""
        return f"http://{HOST}:{self.port}"

    def home(self, user: str) -> str:
        """Return the URL of a user's calendar home; ``user`` may be a template field."""
        return f"{self.url}/{user}/"

    def new_user(self) -> str:
        """Return a user whom no other test knows."""
        return f"u{os.getpid()}n{next(_numbers)}"

    def start(self) -> None:
        self._process.start(self.port, ready=listens)

    def stop(self) -> None:
        self._process.stop()

    def close(self) -> None:
        self.stop()
        remove_directory(self.directory)


class Radicale(DavServer):
    """One Radicale: everybody has a home of their own."""

    kind = "radicale"

    def _command(self) -> list[str]:
        (self.directory / "collections").mkdir()
        self._users = self.directory / "users"
        self._users.write_text(f"{READER}:{PASSWORD}\n")
        (self.directory / "rights").write_text(RIGHTS)
        config = self.directory / "config"
        config.write_text(RADICALE.format(host=HOST, port=self.port, directory=self.directory))
        return [sys.executable, "-W", "ignore", "-m", "radicale", "--config", str(config)]

    def new_user(self) -> str:
        name = super().new_user()
        with self._users.open("a") as file:
            file.write(f"{name}:{PASSWORD}\n")
        return name


class Xandikos(DavServer):
    """One Xandikos: it knows no passwords and leaves them to a proxy in front of it."""

    kind = "xandikos"

    def _command(self) -> list[str]:
        data = self.directory / "data"
        data.mkdir()
        code = "import sys; from xandikos.__main__ import cli_main; sys.exit(cli_main())"
        options = ["serve", "-d", str(data), "-l", HOST, "-p", str(self.port)]
        options += ["--state-dir", str(self.directory), "--no-detect-systemd"]
        return [sys.executable, "-W", "ignore", "-c", code, *options]
