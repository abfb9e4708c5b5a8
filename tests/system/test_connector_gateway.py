"""The connector's interface of a running service, with real mail servers behind it."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import pytest

from calendar_sync.connector.client import ApiError, ConnectorClient
from freebusy.apppasswords import AppPasswords
from freebusy.connector.bodies import (
    Change,
    FolderChange,
    FreeBusyUpload,
    Grant,
    Job,
    NewFolder,
    Query,
    Settings,
    SettingsChange,
    Sync,
    Times,
)
from freebusy.ports import Scope
from freebusy.store import Store
from tests.processes import until
from tests.servers.cyrus import PROXY
from tests.servers.dovecot import MASTER_USER
from tests.servers.mailserver import PASSWORD
from tests.servers.process import HOST
from tests.system.agenda import at, event, message, span
from tests.system.gateway_process import GatewayProcess, gateway_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.servers.mailserver import MailServer

TABLES = """
[schedule]
interval = "7d"
[login]
username = "{{local}}"
first_delay = "1ms"
[connector]
idle = "1s"
{connector}
[sources.mail]
type = "imap"
host = "{host}"
port = {port}
security = "plain"
username = "{service}"
{authorization}
password_file = "{password}"
watch = false
"""


class Office(NamedTuple):
    """A service, its mail server, and two people with a calendar each."""

    gateway: GatewayProcess
    server: MailServer
    anna: str
    bernd: str

    def app_password(self, person: str, scope: Scope) -> str:
        store = Store(self.gateway.state / "store.db")
        try:
            return AppPasswords(store, lambda: datetime.now(UTC)).add(person, scope.value, scope)
        finally:
            store.close()

    def client(self, person: str, password: str = PASSWORD) -> ConnectorClient:
        url = f"http://{HOST}:{self.gateway.http_port}"
        return ConnectorClient(url, person, password)


def tables(server: MailServer, directory: Path, *, acts: bool = True, connector: str = "") -> str:
    """Return the configuration of a service; ``acts``: its login may act for others."""
    service = PROXY if server.kind == "cyrus" else MASTER_USER
    password = directory / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    return TABLES.format(
        host=HOST,
        port=server.port,
        service=service,
        authorization='authorization = "{local}"' if acts else "",
        password=password,
        connector=connector,
    )


@contextmanager
def office(server: MailServer, directory: Path) -> Iterator[Office]:
    people = [server.new_user() for _ in range(2)]
    for user in people:
        server.create_folder(user, server.folder("Calendar"), folder_type="event.default")
        server.append(user, server.folder("Calendar"), message(event("base", 1, 8)))
    addresses = [f"{user}@example.com" for user in people]
    with gateway_process(directory, addresses, tables(server, directory)) as gateway:
        for user in people:
            gateway.wait_for(user, [span(1, 8)])
        yield Office(gateway, server, *people)


def synced(client: ConnectorClient) -> Job:
    """Press "synchronise", and wait until that is done."""
    job = client.sync(Sync(event="manual"))

    until(lambda: client.job(job.id).finished is not None, "the job ends")
    found = client.job(job.id)
    assert ("done", None) == (found.state, found.problem)
    return found


def refusal(ask: Callable[[], object]) -> int:
    """Return the status of a refusal, which says what to do."""
    with pytest.raises(ApiError) as raised:
        ask()
    assert raised.value.problem.detail
    return raised.value.problem.status


@pytest.mark.parametrize("scope", [Scope.MAIL, Scope.CONNECTOR])
def test_all_that_a_connector_does(mail_server: MailServer, tmp_path: Path, scope: Scope) -> None:
    """With the mail account's own password, and with an app password by proxying."""
    with office(mail_server, tmp_path) as here:
        anna, bernd, gateway = here.anna, here.bernd, here.gateway
        password = PASSWORD
        if scope is Scope.CONNECTOR:
            password = here.app_password(anna, scope)
        with here.client(anna, password) as client:
            ping = client.ping()
            assert (anna, scope is Scope.CONNECTOR) == (ping.login, ping.proxied)
            (calendar,) = client.folders().folders
            assert (mail_server.folder("Calendar"), 1, True, "own", None) == (
                calendar.path, calendar.items, calendar.in_freebusy, calendar.kind, calendar.owner,
            )  # fmt: skip

            # an item that the connector puts there, and one of a third client
            (result,) = client.write(
                calendar.id,
                [Change(action="put", uid="mine", calendar=event("mine", 2, 9).decode())],
            ).results
            assert ("done", None) == (result.status, result.problem)
            mail_server.append(anna, calendar.path, message(event("theirs", 3, 9)))
            job = synced(client)
            assert [calendar.id] == job.folders
            assert [span(1, 8), span(2, 9), span(3, 9)] == gateway.busy(anna)
            page = client.changes(calendar.id)
            assert ["base", "mine", "theirs"] == sorted(item.uid for item in page.items)

            # modes, and a folder that moves
            client.change_settings(SettingsChange(default_mode="on_select"))
            assert Settings(default_mode="on_select") == client.settings()
            club = client.create_folder(NewFolder(name="Club", mode="on_start_and_exit"))
            (result,) = client.write(
                club.id, [Change(action="put", uid="c", calendar=event("c", 4, 9).decode())]
            ).results
            synced(client)
            assert span(4, 9) in (gateway.busy(anna) or [])
            moved = client.change_folder(club.id, FolderChange(name="Verein"))
            assert ("on_start_and_exit", "own", 1) == (moved.mode, moved.mode_from, moved.items)
            synced(client)
            assert span(4, 9) in (gateway.busy(anna) or [])
            assert 409 == refusal(lambda: client.delete_folder(moved.id))
            shared(here, client, moved.id, bernd)
            client.delete_folder(moved.id, even_if_filled=True)
            synced(client)
            assert [span(1, 8), span(2, 9), span(3, 9)] == gateway.busy(anna)
            published(here, client, anna, bernd)


def shared(here: Office, client: ConnectorClient, folder: str, bernd: str) -> None:
    """A folder that is shared shows up for the other person by itself, and disappears."""
    with here.client(bernd) as other:
        assert {"own"} == {each.kind for each in other.folders().folders}
        entry = client.grant(folder, bernd, Grant(role="guest"))
        assert ("lrs", "guest") == (entry.rights, entry.role)

        def seen() -> list[str]:
            return [each.owner or "" for each in other.folders().folders if each.kind != "own"]

        until(lambda: len(seen()) == 1, "the shared folder shows up", seconds=40)
        client.revoke(folder, bernd)
        assert [here.anna] == [
            entry.user for entry in client.acl(folder).entries if not entry.is_everyone
        ]


def published(here: Office, client: ConnectorClient, anna: str, bernd: str) -> None:
    """What is published counts, and people are found together."""
    upload = FreeBusyUpload(
        start=at(0, 0), end=at(20, 0), periods=[Times(start=at(6, 9), end=at(6, 10))]
    )
    assert client.publish(anna, upload).served
    assert span(6, 9) in (here.gateway.busy(anna) or [])
    client.unpublish(anna)
    assert span(6, 9) not in (here.gateway.busy(anna) or [])
    assert 403 == refusal(lambda: client.publish(bernd, upload))
    people = client.look_up(Query(names=[anna, f"{bernd}@example.com", "nobody"])).people
    assert ["known", "known", "unknown"] == [person.status for person in people]
    assert [(at(1, 8), at(1, 9))] == [(each.start, each.end) for each in people[1].periods]


def test_who_may_not(dovecot: MailServer, tmp_path: Path) -> None:
    """Each refusal says what to do; who leaves the roster, or a service that may no longer act
    for others, is gone with the reload; so is what was a small enough request."""
    with office(dovecot, tmp_path) as here:
        for scope in (Scope.PUBLISH, Scope.READ):
            with here.client(here.anna, here.app_password(here.anna, scope)) as client:
                assert [403] * 3 == [
                    refusal(ask) for ask in (client.ping, client.folders, client.settings)
                ]
        with here.client(here.anna, "wrong") as client:
            assert 401 == refusal(client.ping)
        password = here.app_password(here.anna, Scope.CONNECTOR)
        with here.client(here.anna) as mail, here.client(here.anna, password) as app:
            assert [1, 1] == [len(client.folders().folders) for client in (mail, app)]
            reload(here.gateway, tables(dovecot, tmp_path, acts=False))
            assert 403 == refusal(app.folders)
            assert 1 == len(mail.folders().folders)
            here.gateway.persons = [f"{here.bernd}@example.com"]
            reload(here.gateway, tables(dovecot, tmp_path))
            assert [401, 401] == [refusal(client.folders) for client in (mail, app)]
        with here.client(here.bernd) as client:
            assert 1 == len(client.folders().folders)
            large = Query(names=["x" * 200] * 400)
            assert 400 == len(client.look_up(large).people)
            reload(here.gateway, tables(dovecot, tmp_path, connector='max_body = "64KiB"'))
            assert 413 == refusal(lambda: client.look_up(large))
            assert "next start" not in here.gateway.log
            reload(here.gateway, tables(dovecot, tmp_path, connector="enabled = false"))
            assert 403 == refusal(client.folders)


def reload(gateway: GatewayProcess, more: str) -> None:
    done = gateway.log.count("reload persons=")
    gateway.write_configuration(more)
    os.kill(gateway.pid, signal.SIGHUP)
    until(lambda: gateway.log.count("reload persons=") > done, "it has reloaded")


def test_a_mail_server_that_is_down(dovecot: MailServer, tmp_path: Path) -> None:
    """The answers are 503 and say so, the job fails, and all is well after its return."""
    with office(dovecot, tmp_path) as here, here.client(here.anna) as client:
        assert client.ping().latency > 0  # and the login is remembered
        with dovecot.outage():
            assert {503, 502} >= {refusal(client.ping), refusal(client.folders)}
        assert 1 == len(client.folders().folders)
        synced(client)
