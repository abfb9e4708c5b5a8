"""People looked up by a connector: at a running service, and on a partner's server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from calendar_sync.connector.client import ApiError, ConnectorClient
from freebusy.apppasswords import AppPasswords
from freebusy.connector.bodies import FreeBusyUpload, Person, Query, Times
from freebusy.ports import PublishedFile, Scope
from freebusy.store import Store
from tests.servers.process import HOST
from tests.system.gateway_process import GatewayProcess, gateway_process
from tests.wire.http_gateway import MemoryFiles, serving
from tests.wire.other_servers import FILE, NOW

if TYPE_CHECKING:
    from pathlib import Path

TABLES = """
[roster]
file = "people.csv"
[lookup]
max_names = 100
patience = "1s"
[lookup.servers.partner]
domains = "partner.example"
ports = [{port}]
urls = "http://{host}:{port}/pub/calendar/%NAME%.vfb"
private = true
[sources.mail]
type = "imap"
host = "{host}"
port = 1
security = "plain"
username = "freebusy"
authorization = "{{local}}"
password_file = "password"
"""
PEOPLE = "address,source\nanna@example.com,-\nbernd@example.com,-\n"
START = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
BUSY = Times(start=START, end=START + timedelta(hours=1))


def anna_at(gateway: GatewayProcess) -> ConnectorClient:
    store = Store(gateway.state / "store.db")
    try:
        passwords = AppPasswords(store, lambda: datetime.now(UTC))
        password = passwords.add("anna", "desk", Scope.CONNECTOR)
    finally:
        store.close()
    return ConnectorClient(f"http://{HOST}:{gateway.http_port}", "anna", password)


def test_people_here_and_there(tmp_path: Path) -> None:
    """One request tells of a colleague, of a partner's people, and of nobody; guesses end it."""
    (tmp_path / "password").write_text("geheim", "utf-8")
    (tmp_path / "password").chmod(0o600)
    (tmp_path / "people.csv").write_text(PEOPLE, "utf-8")
    with serving(MemoryFiles(PublishedFile("hans", FILE, '"x"', NOW))) as partner:
        tables = TABLES.format(host=HOST, port=partner.port)
        with gateway_process(tmp_path, [], tables) as gateway, anna_at(gateway) as connector:
            assert_told(connector)
            assert_slowed(connector)
            assert_bounded(connector)
        assert "hans" not in gateway.said


def assert_told(connector: ConnectorClient) -> None:
    window = {"start": START - timedelta(hours=9), "end": START + timedelta(hours=9)}
    connector.publish("anna", FreeBusyUpload(**window, periods=[BUSY]))
    names = ["anna", "Hans@Partner.example", "nobody@partner.example", "bernd", "x@other.example"]
    anna, hans, *others = connector.look_up(Query(names=names)).people
    assert ("known", [BUSY], False) == (anna.status, anna.periods, anna.elsewhere)
    assert ("known", 2, True, NOW.replace(hour=11, minute=30)) == (
        hans.status,
        len(hans.periods),
        hans.elsewhere,
        hans.as_of,
    )
    assert ["unknown", "unknown", "not_allowed"] == [person.status for person in others]
    since = START - timedelta(hours=1)
    (anna,) = connector.look_up(Query(names=["anna"], start=since, end=START)).people
    assert (
        Person(
            name="anna",
            status="known",
            start=since,
            end=START,
            as_of=anna.as_of,
            age=anna.age,
            stale=False,
            elsewhere=False,
            periods=[],
        )
        == anna
    )


def assert_slowed(connector: ConnectorClient) -> None:
    """Names that nobody has are told as they would be one by one, and then no more."""
    guesses = [f"guess{number}" for number in range(99)]
    people = connector.look_up(Query(names=[*guesses, "anna"])).people
    statuses = [person.status for person in people]
    told = statuses.count("unknown")
    assert 55 <= told <= 65
    assert ["unknown"] * told + ["unreachable"] * (100 - told) == statuses


def assert_bounded(connector: ConnectorClient) -> None:
    with pytest.raises(ApiError) as caught:
        connector.look_up(Query(names=["anna"] * 101))
    assert 422 == caught.value.problem.status
