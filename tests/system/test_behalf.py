"""Connections on behalf of persons: kept for those who come again, and for nobody else."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from calendar_sync.imap.behalf import Behalf
from freebusy.errors import FolderError, SourceRefusedError
from freebusy.ports import Owner
from tests.contract.place import DEADLINE
from tests.servers.dovecot import MASTER_USER
from tests.servers.mailserver import PASSWORD
from tests.system.imap_case import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calendar_sync.imap.connection import Connection
    from tests.servers.dovecot import Dovecot

pytestmark = pytest.mark.dovecot


@contextmanager
def behalf_of(server: Dovecot, *, idle_seconds: float = 60.0) -> Iterator[Behalf]:
    own = settings(server, password=None)
    proxying = settings(server, username=f"{{name}}*{MASTER_USER}")
    behalf = Behalf(own, proxying, idle_seconds=idle_seconds)
    try:
        yield behalf
    finally:
        behalf.close()


def owner(server: Dovecot, password: str | None = PASSWORD) -> Owner:
    name = server.new_user()
    return Owner(name, f"{name}@example.com", password=password)


def look(connection: Connection) -> Connection:
    """Make sure that a connection is alive."""
    connection.client.noop()
    return connection


def used(behalf: Behalf, who: Owner) -> Connection:
    """Use a connection, and return which one it was."""
    with behalf.use(who, look) as (connection, _):
        return connection


def test_a_connection_is_used_again(dovecot: Dovecot) -> None:
    """Who comes again gets the same connection, and nobody else does."""
    with behalf_of(dovecot) as behalf:
        anna, bernd = owner(dovecot), owner(dovecot)
        found = [used(behalf, who) for who in (anna, bernd, anna)]
    assert (found[0], False) == (found[2], found[0] is found[1])


def test_a_wrong_password_finds_and_closes_nothing(dovecot: Dovecot) -> None:
    """A kept connection is neither lent nor lost where somebody guesses a password."""
    with behalf_of(dovecot) as behalf:
        anna = owner(dovecot)
        first = used(behalf, anna)
        with pytest.raises(SourceRefusedError):
            used(behalf, replace(anna, password="guessed"))
        assert first is used(behalf, anna)


def test_a_folder_error_keeps_the_connection(dovecot: Dovecot) -> None:
    """What a server refuses says nothing against the connection; any other error does."""
    with behalf_of(dovecot) as behalf:
        anna = owner(dovecot)
        first = used(behalf, anna)
        with pytest.raises(FolderError), behalf.use(anna, look):
            raise FolderError("no")
        assert first is used(behalf, anna)
        with pytest.raises(KeyError), behalf.use(anna, look):
            raise KeyError
        assert first is not used(behalf, anna)


def test_idle_connections_are_closed(dovecot: Dovecot) -> None:
    """A connection that nobody uses is closed by itself, and the password in it forgotten."""
    with behalf_of(dovecot, idle_seconds=0.05) as behalf:
        connections = [used(behalf, owner(dovecot)) for _ in range(2)]
        until = time.monotonic() + DEADLINE
        while any(each.client.socket().fileno() != -1 for each in connections):
            assert time.monotonic() < until
            threading.Event().wait(0.01)
    assert "imap-idle" not in [thread.name for thread in threading.enumerate()]


def test_the_service_acts_for_who_gave_no_password(dovecot: Dovecot) -> None:
    """Without a password it is the service that logs in, for the person; if it can."""
    anna = owner(dovecot, None)
    with behalf_of(dovecot) as behalf:
        assert f"{anna.name}*{MASTER_USER}" == used(behalf, anna).login.username
    alone = Behalf(settings(dovecot, password=None), None)
    with pytest.raises(SourceRefusedError, match="no login is configured"):
        used(alone, anna)


def test_passwords_are_in_no_log(dovecot: Dovecot, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a log at its most talkative nor what a login looks like holds the password."""
    secret = "word-that-nobody-logs"
    with caplog.at_level(logging.DEBUG), behalf_of(dovecot) as behalf:
        anna = owner(dovecot, secret)
        shown = repr(behalf.login(anna)) + repr(anna)
        with pytest.raises(SourceRefusedError) as refused:
            used(behalf, anna)
        used(behalf, replace(anna, password=PASSWORD))
    everything = caplog.text + shown + str(refused.value)
    assert [] == [word for word in (secret, f'"{PASSWORD}"') if word in everything]
