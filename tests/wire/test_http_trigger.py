"""Kolab's trigger over HTTP, as its clients send it after a change in a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from freebusy.errors import SourceUnavailableError
from freebusy.ports import Scope
from tests.processes import until
from tests.wire.http_gateway import (
    ANNA_LOGIN,
    FREEBUSY,
    HANS,
    HANS_LOGIN,
    MemoryFiles,
    MemoryLogins,
    serving,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from freebusy.ports import Visitor
    from tests.wire.http_gateway import Running

PATH = "/freebusy/trigger/hans@x.example/Calendar.pfb"


class MemoryTriggers:
    """Notes who was triggered."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.fault: Exception | None = None

    def meant(self, address: str, visitor: Visitor) -> str | None:
        name, account = address.partition("@")[0].lower(), visitor.account
        if account is None or name not in {"hans", "anna"}:
            return None
        return name if account.scope is Scope.SHARED or account.person == name else None

    def refresh(self, name: str) -> None:
        if self.fault is not None:
            raise self.fault
        self.names.append(name)


class Site:
    """A server that takes triggers."""

    def __init__(self, running: Running, triggers: MemoryTriggers) -> None:
        self.running, self.triggers = running, triggers

    def get(self, path: str, *lines: str, method: str = "GET") -> tuple[int, bytes]:
        answer = self.running.get(path, *lines, method=method)
        return answer.status, answer.body


@pytest.fixture
def site() -> Iterator[Site]:
    triggers = MemoryTriggers()
    with serving(MemoryFiles(HANS), logins=MemoryLogins(), triggers=triggers) as running:
        yield Site(running, triggers)


@pytest.mark.parametrize(
    "path",
    [
        PATH,
        "/freebusy/trigger/hans%40x.example/Calendar.pfb",
        "/freebusy/trigger/Hans@x.example/INBOX/Kalender/Sommer%202026.pfb",
        "/freebusy/trigger/hans/Calendar.xpfb?extended=1",
        "/freebusy/trigger/hans",
    ],
)
def test_a_trigger_is_passed_on(site: Site, path: str) -> None:
    """However the address and the folder are written."""
    assert (200, b"The calendars are being read\n") == site.get(path, HANS_LOGIN)
    assert ["hans"] == site.triggers.names


@pytest.mark.parametrize(
    ("path", "lines", "status"),
    [
        (PATH, (), 401),
        ("/freebusy/trigger/nobody/Calendar.pfb", (), 401),
        ("/freebusy/trigger/", (), 401),
        (PATH, (ANNA_LOGIN,), 404),
        ("/freebusy/trigger/nobody/Calendar.pfb", (ANNA_LOGIN,), 404),
        ("/freebusy/trigger/nobody/Calendar.pfb", (FREEBUSY,), 404),
        ("/freebusy/trigger/", (FREEBUSY,), 404),
        ("/freebusy/trigger//hans", (FREEBUSY,), 404),
        ("/freebusy/trigger/hans%2fCalendar.pfb", (HANS_LOGIN,), 404),
        ("/freebusy/trigger", (HANS_LOGIN,), 404),
        (PATH, (FREEBUSY,), 200),
        ("/freebusy/trigger/anna/Calendar.pfb", (ANNA_LOGIN,), 200),
    ],
)
def test_only_those_who_may_trigger(
    site: Site, path: str, lines: tuple[str, ...], status: int
) -> None:
    """Nobody learns by it who is there: without a login nothing is looked up."""
    assert status == site.get(path, *lines)[0]
    assert bool(site.triggers.names) == (status == 200)


def test_head_and_other_methods_trigger_nothing(site: Site) -> None:
    """Only GET is a trigger."""
    assert (200, b"") == site.get(PATH, HANS_LOGIN, method="HEAD")
    assert 405 == site.get(PATH, HANS_LOGIN, method="POST")[0]
    assert [] == site.triggers.names


def test_many_triggers_are_two(site: Site) -> None:
    """The first acts at once; those within a second after it have one look together."""
    assert {200} == {site.get(PATH, HANS_LOGIN)[0] for _ in range(10)}
    until(lambda: len(site.triggers.names) > 1, "the late one")
    assert ["hans", "hans"] == site.triggers.names
    site.get("/freebusy/trigger/anna", FREEBUSY)
    assert "anna" == site.triggers.names[2]


def test_nobody_follows_the_calendars(site: Site) -> None:
    """The client is told to come again."""
    site.triggers.fault = SourceUnavailableError("no process follows the calendars")
    assert (503, b"Not available at the moment\n") == site.get(PATH, HANS_LOGIN)


def test_a_server_without_accounts_has_no_trigger() -> None:
    """Nobody can be anybody there."""
    with serving(MemoryFiles(HANS), triggers=MemoryTriggers()) as running:
        assert 404 == running.get(PATH).status
    with serving(MemoryFiles(HANS), logins=MemoryLogins()) as running:
        assert 404 == running.get(PATH, HANS_LOGIN).status
