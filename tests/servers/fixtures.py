"""The servers as fixtures: one of each kind for a whole test session (and xdist worker).

A test gets users and folders of its own, so tests share a server without
meeting.  ``mail_server`` runs a test once for each kind.  A test that needs
another configuration makes its own with ``make_dovecot``; one that stops the
shared server starts it again with ``MailServer.outage``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from tests.servers import cyrus as cyrus_server
from tests.servers import dovecot as dovecot_server
from tests.servers.cyrus import Cyrus
from tests.servers.dovecot import Dovecot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers.mailserver import MailServer

    MakeDovecot = Callable[..., Dovecot]

KINDS = [
    pytest.param("dovecot", marks=pytest.mark.dovecot),
    pytest.param("cyrus", marks=pytest.mark.cyrus),
]


def _skip_unless(reason: str | None) -> None:
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """Give a running Dovecot."""
    _skip_unless(dovecot_server.available())
    server = Dovecot()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def cyrus() -> Iterator[Cyrus]:
    """Give a running Cyrus."""
    _skip_unless(cyrus_server.available())
    server = Cyrus()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(params=KINDS)
def mail_server(request: pytest.FixtureRequest) -> MailServer:
    """Give each kind of mail server in turn."""
    return cast("MailServer", request.getfixturevalue(request.param))


@pytest.fixture(scope="module")
def make_dovecot() -> Iterator[MakeDovecot]:
    """Give a function that starts a Dovecot with the settings it is given."""
    _skip_unless(dovecot_server.available())
    made: list[Dovecot] = []

    def make(**settings: object) -> Dovecot:
        server = Dovecot(**settings)  # type: ignore[arg-type]  # checked by Dovecot itself
        made.append(server)
        server.start()
        return server

    try:
        yield make
    finally:
        for server in made:
            server.close()
