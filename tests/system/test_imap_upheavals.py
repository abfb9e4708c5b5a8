"""Folders that are renamed, replaced, made and deleted, and a server that is another one.

Nothing asks the service to look: its watch and its sweeps have to find out.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.processes import until
from tests.servers.mailserver import PASSWORD, checked, quoted
from tests.servers.process import HOST
from tests.system.agenda import event, message, span
from tests.system.gateway_process import GatewayProcess, gateway_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.mailserver import MailServer

SOURCE = """
[schedule]
interval = "10s"
confirm_after = ["1s", "2s"]
[sources.mail]
type = "imap"
host = "{host}"
port = {port}
security = "plain"
username = "{{local}}"
password_file = "{password}"
poll = "1s"
idle = "2s"
"""


class Forwarder:
    """A port behind which now this server is and now that."""

    def __init__(self, port: int) -> None:
        self.target = port
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client = self._listener.accept()[0]
                server = socket.create_connection((HOST, self.target))
            except OSError:
                return
            self._open += [client, server]
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=_forward, args=(one, other), daemon=True).start()

    def switch(self, port: int) -> None:
        """Be another server from now on; all connections end."""
        self.target = port
        self._end()

    def _end(self) -> None:
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)  # closing alone would not wake who reads
            each.close()
        self._open.clear()

    def close(self) -> None:
        self._listener.close()
        self._end()


def _forward(source: socket.socket, target: socket.socket) -> None:
    try:
        while octets := source.recv(65536):
            target.sendall(octets)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()
        target.close()


@contextmanager
def service(port: int, user: str, place: Path) -> Iterator[GatewayProcess]:
    password = place / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    more = SOURCE.format(host=HOST, port=port, password=password)
    with gateway_process(place, [f"{user}@example.com"], more) as gateway:
        yield gateway


def store(server: MailServer, user: str, leaf: str, day: int) -> None:
    """Put an event of one day into a folder."""
    server.append(user, server.folder(leaf), message(event(f"day-{day}", day, 9)))


@pytest.fixture
def user(mail_server: MailServer) -> str:
    name = mail_server.new_user()
    mail_server.create_folder(name, mail_server.folder("Calendar"))
    store(mail_server, name, "Calendar", 1)
    return name


def test_folders(mail_server: MailServer, user: str, tmp_path: Path) -> None:
    """After each upheaval the file says what is in the folders that there are."""
    old, new = mail_server.folder("Calendar"), mail_server.folder("Kalender")
    with service(mail_server.port, user, tmp_path) as gateway:
        gateway.wait_for(user, [span(1, 9)], "as it began")
        with mail_server.session(user) as client:
            checked(client.rename(quoted(old), quoted(new)))
        store(mail_server, user, "Kalender", 2)
        gateway.wait_for(user, [span(1, 9), span(2, 9)], "renamed, and followed")
        mail_server.delete_folder(user, new)
        mail_server.create_folder(user, new)
        store(mail_server, user, "Kalender", 3)
        gateway.wait_for(user, [span(3, 9)], "replaced by another of its name")
        mail_server.create_folder(user, old)
        store(mail_server, user, "Calendar", 4)
        gateway.wait_for(user, [span(3, 9), span(4, 9)], "one more")
        mail_server.delete_folder(user, new)
        gateway.wait_for(user, [span(4, 9)], "one less, once that is confirmed")


def test_another_server(mail_server: MailServer, user: str, tmp_path: Path) -> None:
    """A server in the place of the first, with the same person and other mail, counts alone."""
    with closing(type(mail_server)()) as other, closing(Forwarder(mail_server.port)) as port:
        other.start()
        other.add_user(user)
        second = int(time.time())  # a UIDVALIDITY is the second in which a folder is made
        until(lambda: time.time() >= second + 1, "the next second begins")
        other.create_folder(user, other.folder("Calendar"))
        store(other, user, "Calendar", 5)
        store(other, user, "Calendar", 6)
        with service(port.port, user, tmp_path) as gateway:
            gateway.wait_for(user, [span(1, 9)], "the first")
            port.switch(other.port)
            gateway.wait_for(user, [span(5, 9), span(6, 9)], "the other")
            store(other, user, "Calendar", 7)
            gateway.wait_for(user, [span(5, 9), span(6, 9), span(7, 9)], "and it is followed")
