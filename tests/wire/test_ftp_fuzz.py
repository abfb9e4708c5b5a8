"""Arbitrary bytes on the control connection."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftpsrv.commands import COMMANDS
from tests.wire.ftp_dialogue import BODY, PATIENCE, Place, serving, some_files

if TYPE_CHECKING:
    from collections.abc import Iterator

# What leads to a connection elsewhere or takes its time is left out of the mix.
VERBS = sorted(verb for verb in COMMANDS if verb not in {b"PASS", b"QUIT", b"PORT", b"EPRT"})
PIECES = (b"/pub/calendar/hans.vfb", b"/", b"..", b"-la", b"anonymous", b"UTF8 ON", b"MLST size;")

arguments = st.one_of(st.binary(max_size=40), st.sampled_from(PIECES), st.just(b"a" * 5000))
lines = st.builds(
    lambda verb, gap, argument, end: verb + gap + argument + end,
    st.one_of(st.sampled_from(VERBS), st.binary(max_size=6)),
    st.sampled_from([b" ", b"", b"  ", b"\t"]),
    arguments,
    st.sampled_from([b"\r\n", b"\n", b"\r", b"\r\r\n", b""]),
)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with serving(some_files(listed=True), max_connections_per_address=0) as place:
        yield place


@pytest.mark.parametrize("login", [False, True], ids=["before login", "after login"])
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sent=st.lists(lines, max_size=12))
def test_arbitrary_bytes_harm_nobody(
    place: Place, caplog: pytest.LogCaptureFixture, login: bool, sent: list[bytes]
) -> None:
    """Whatever a client sends, no session meets a bug, and the next client is served."""
    client = place.login() if login else place.dial()
    with client:
        client.socket.sendall(b"".join(sent))
        client.socket.shutdown(socket.SHUT_WR)
        while client.socket.recv(65536):
            pass
    with place.login() as after:
        assert after.fetches("RETR /calendar/hans.vfb") == BODY
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@settings(max_examples=30, deadline=None)
@given(cut=st.integers(min_value=0, max_value=80))
def test_vanishing_at_any_point(place: Place, cut: int) -> None:
    """A client may vanish with a reset at any byte of its session."""
    script = b"USER ftp\r\nPASS x\r\nEPSV\r\nRETR /calendar/hans.vfb\r\nLIST\r\nABOR\r\nQUIT\r\n"
    sock = socket.create_connection((place.host, place.port), PATIENCE)
    with sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        sock.sendall(script[:cut])
    with place.login() as after:
        assert after.fetches("RETR /calendar/hans.vfb") == BODY
