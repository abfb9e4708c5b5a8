"""Who may have whose calendars looked at, and how one process tells another."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from freebusy import gateway
from freebusy.config import load
from freebusy.errors import SourceUnavailableError
from freebusy.ports import Account, Scope, Visitor
from freebusy.triggering import Triggering, listen, received

if TYPE_CHECKING:
    from pathlib import Path

SHARED = Account("freebusy", None, Scope.SHARED)
HANS = Account("hans", "hans", Scope.MAIL)
EVA = Account("eva/outlook", "eva", Scope.PUBLISH)
OTTO = Account("otto", "otto", Scope.MAIL)


@pytest.fixture
def triggering(tmp_path: Path) -> Triggering:
    path = tmp_path / "freebusy.toml"
    path.write_text(
        'persons = ["eva@example.com", "otto@example.com",\n'
        '{address = "hans@example.com", aliases = ["chef"], delegates = ["eva@example.com"]}]\n',
        "utf-8",
    )
    config = load(path, {})
    delegates = {name: member.delegates for name, member in config.members.items()}
    return Triggering(tmp_path, gateway.roster(config), delegates)


@pytest.mark.parametrize(
    ("address", "account", "expected"),
    [
        ("hans@example.com", HANS, "hans"),
        ("HANS%40example.com", HANS, "hans"),
        ("chef", SHARED, "hans"),
        ("hans", EVA, "hans"),
        ("eva", HANS, None),
        ("hans", OTTO, None),
        ("hans", None, None),
        ("nobody", SHARED, None),
        ("", SHARED, None),
        ("*", SHARED, None),
    ],
)
def test_who_may_trigger(
    triggering: Triggering, address: str, account: Account | None, expected: str | None
) -> None:
    """The person, delegates and the shared account, by any address or alias."""
    assert expected == triggering.meant(address, Visitor("192.0.2.1", account))


def test_the_process_that_syncs_looks_itself(triggering: Triggering) -> None:
    """Nothing goes through a socket then."""
    looked: list[tuple[str, str | None]] = []
    triggering.here = lambda name, job: looked.append((name, job))
    triggering.refresh("hans")
    triggering.refresh("hans", "j1")
    assert [("hans", None), ("hans", "j1")] == looked


def test_another_process_is_told(triggering: Triggering, tmp_path: Path) -> None:
    """What was sent arrives in order; a socket that a crash left is replaced."""
    with closing(listen(tmp_path)):
        pass
    with closing(listen(tmp_path)) as receiver:
        sent = [("hans", None), ("eva", "j-1_x"), ("jürgen@example.com", None)]
        for name, job in sent:
            triggering.refresh(name, job)
        assert sent == list(received(receiver))
        assert 0o600 == stat.S_IMODE((tmp_path / "trigger").stat().st_mode)


def test_the_socket_is_the_gateways_own(tmp_path: Path) -> None:
    """Whatever the umask, nobody else on the machine may send to it."""
    before = os.umask(0)
    try:
        listen(tmp_path).close()
    finally:
        os.umask(before)
    assert 0o600 == stat.S_IMODE((tmp_path / "trigger").stat().st_mode)


def test_nobody_listens(triggering: Triggering, tmp_path: Path) -> None:
    """It is no use to wait: whether the other process never was, or is no more."""
    with pytest.raises(SourceUnavailableError):
        triggering.refresh("hans")
    listen(tmp_path).close()
    with pytest.raises(SourceUnavailableError):
        triggering.refresh("hans")


def test_a_long_path(triggering: Triggering, tmp_path: Path) -> None:
    """A state directory may lie deeper than a socket's address reaches."""
    deep = tmp_path / ("x" * 100) / ("y" * 100)
    deep.mkdir(parents=True)
    other = Triggering(deep, triggering._roster, {})
    with closing(listen(deep)) as receiver:
        other.refresh("hans")
        assert [("hans", None)] == list(received(receiver))


def test_strange_datagrams_are_dropped(triggering: Triggering, tmp_path: Path) -> None:
    """Whatever comes in is a text, or nothing."""
    with (
        closing(listen(tmp_path)) as receiver,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
    ):
        for datagram in (b"\xff", b"hans"):
            sender.sendto(datagram, str(tmp_path / "trigger"))
        assert [("hans", None)] == list(received(receiver))
