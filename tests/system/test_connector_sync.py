"""Two connectors and a third client on real mail servers, with the service between them.

``FREEBUSY_SYNC_EXAMPLES`` sets how many stories are told, instead of a few short ones.
"""

from __future__ import annotations

import itertools
import os
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from calendar_sync.connector.client import ConnectorClient
from calendar_sync.dialects import read
from calendar_sync.dialects.objects import parse
from freebusy.period import FreeBusyType, to_seconds
from tests.replica.machine import FOLDERS, SyncMachine, World
from tests.servers.mailserver import PASSWORD, checked, quoted
from tests.servers.process import HOST
from tests.system.agenda import message
from tests.system.gateway_process import GatewayProcess, gateway_process
from tests.system.test_connector_gateway import tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from calendar_sync.replica import Remote
    from freebusy.period import Span
    from tests.servers.mailserver import MailServer

EXAMPLES = int(os.environ.get("FREEBUSY_SYNC_EXAMPLES", "2"))
STEPS = 12
PEOPLE = 8
TYPES = {"Calendar": "event.default", "Work": "event"}
HOUR = 3600


class Office:
    """A mail server, a service, and people who take turns."""

    def __init__(self, server: MailServer, gateway: GatewayProcess, people: list[str]) -> None:
        self.server = server
        self.gateway = gateway
        self.people = itertools.cycle(people)

    def client(self, user: str) -> ConnectorClient:
        return ConnectorClient(f"http://{HOST}:{self.gateway.http_port}", user, PASSWORD)


@contextmanager
def office(server: MailServer, directory: Path, size: int = PEOPLE) -> Iterator[Office]:
    people = [server.new_user() for _ in range(size)]
    addresses = [f"{user}@example.com" for user in people]
    with gateway_process(directory, addresses, tables(server, directory)) as gateway:
        yield Office(server, gateway, people)


class RealWorld(World):
    """A mailbox on a real server; the third client speaks IMAP."""

    office: ClassVar[Office]

    def __init__(self) -> None:
        self.server = self.office.server
        self.user = next(self.office.people)
        self.clients: list[ConnectorClient] = []
        with self.server.session(self.user) as client:
            for folder in FOLDERS:
                client.delete(quoted(self.server.folder(folder)))
        for folder, kind in TYPES.items():
            self.server.create_folder(self.user, self.server.folder(folder), folder_type=kind)

    def remote(self) -> Remote:
        self.clients.append(self.office.client(self.user))
        return self.clients[-1]

    def items(self, folder: str) -> list[str]:
        return [text for _, text in self._messages(folder)]

    def _messages(self, folder: str) -> list[tuple[int, str]]:
        """Return the UIDs and the texts of all messages."""
        with self.server.session(self.user, self.server.folder(folder)) as client:
            status, found = client.uid("FETCH", "1:*", "(UID BODY.PEEK[])")
            assert "OK" == status
        made = []
        for part in found:
            if isinstance(part, tuple):
                content = read(part[1], zone="Europe/Berlin")
                assert content is not None
                made.append((int(part[0].split(b"UID ")[1].split()[0]), content.calendar))
        return made

    def put(self, folder: str, text: str) -> None:
        path, uid = self.server.folder(folder), parse(text).uid
        old = self._of(folder, uid)
        self.server.append(self.user, path, message(text.encode()))
        if old:
            self._expunge(folder, old)

    def _of(self, folder: str, uid: str) -> list[int]:
        return [number for number, text in self._messages(folder) if parse(text).uid == uid]

    def _expunge(self, folder: str, numbers: list[int]) -> None:
        told = ",".join(map(str, numbers))
        with self.server.session(self.user, self.server.folder(folder)) as client:
            checked(client.uid("STORE", told, "+FLAGS.SILENT", r"(\Deleted)"))
            checked(client.uid("EXPUNGE", told))

    def remove(self, folder: str, uid: str) -> None:
        if found := self._of(folder, uid):
            self._expunge(folder, found)

    def delete(self, folder: str) -> None:
        self.server.delete_folder(self.user, self.server.folder(folder))

    def create(self, folder: str, texts: list[str]) -> None:
        path = self.server.folder(folder)
        self.server.create_folder(self.user, path, folder_type=TYPES[folder])
        self.server.append_all(self.user, path, [message(text.encode()) for text in texts])

    def breaks_off(self, remote: Remote, *, between: bool) -> None:
        """It is one process for all."""

    def at_rest(self, texts: list[str]) -> None:
        assert sorted({_span(text) for text in texts}) == self.office.gateway.busy(self.user)

    def close(self) -> None:
        for client in self.clients:
            client.close()


def _span(text: str) -> Span:
    """Return when an event of the machine is, which lasts an hour."""
    (component,) = parse(text).instances
    start = datetime.strptime(component.value("DTSTART"), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return to_seconds(start), to_seconds(start) + HOUR, FreeBusyType.BUSY


def test_everything_settles(mail_server: MailServer, tmp_path: Path) -> None:
    """Whatever happens, all sides hold the same at rest, nothing is lost, free/busy is right."""
    with office(mail_server, tmp_path) as here:
        world = type("ServersWorld", (RealWorld,), {"office": here})
        machine = type("ServersMachine", (SyncMachine,), {"world_of": world})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                phases=[Phase.generate],
                print_blob=True,
            ),
        )
