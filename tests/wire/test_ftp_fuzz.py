"""Arbitrary bytes on the control connection."""

from __future__ import annotations

import logging
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freebusy.certificates import server_context
from ftpsrv.commands import COMMANDS
from tests.servers.certificate import Certificate, make_certificate
from tests.wire.ftp_accounts import MemoryLogins, MemoryPublications
from tests.wire.ftp_dialogue import BODY, PATIENCE, Place, published, serving, some_files

if TYPE_CHECKING:
    from collections.abc import Iterator

# What leads to a connection elsewhere or takes its time is left out of the mix.
VERBS = sorted(verb for verb in COMMANDS if verb not in {b"PASS", b"QUIT", b"PORT", b"EPRT"})
PIECES = (b"/pub/calendar/hans.vfb", b"/", b"..", b"-la", b"anonymous", b"UTF8 ON", b"MLST size;")

HELLO = b"\x16\x03\x01\x00\x32\x01\x00\x00\x2e\x03\x03"
"""How a ClientHello begins."""

arguments = st.one_of(st.binary(max_size=40), st.sampled_from(PIECES), st.just(b"a" * 5000))
lines = st.builds(
    lambda verb, gap, argument, end: verb + gap + argument + end,
    st.one_of(st.sampled_from(VERBS), st.binary(max_size=6)),
    st.sampled_from([b" ", b"", b"  ", b"\t"]),
    arguments,
    st.sampled_from([b"\r\n", b"\n", b"\r", b"\r\r\n", b""]),
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def place(certificate: Certificate) -> Iterator[Place]:
    files = some_files(listed=True)
    publications = MemoryPublications(files)
    with serving(
        files,
        logins=MemoryLogins(),
        publications=publications,
        tls=server_context(certificate.cert, certificate.key),
        max_connections_per_address=0,
    ) as place:
        yield place


@pytest.mark.parametrize("user", [None, "anonymous", "freebusy"])
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sent=st.lists(lines, max_size=12))
def test_arbitrary_bytes_harm_nobody(
    place: Place, caplog: pytest.LogCaptureFixture, user: str | None, sent: list[bytes]
) -> None:
    """Whatever a client sends, no session meets a bug, and the next client is served."""
    place.files.files["hans"] = published("hans")
    client = place.login(user, "secret") if user else place.dial()
    with client:
        client.socket.sendall(b"".join(sent))
        client.socket.shutdown(socket.SHUT_WR)
        client.rest()
    with place.login() as after:
        assert after.fetches("RETR /calendar/hans.vfb") == BODY
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@settings(max_examples=30, deadline=None)
@given(cut=st.integers(min_value=0, max_value=80))
def test_vanishing_at_any_point(place: Place, cut: int) -> None:
    """A client may vanish with a reset at any byte of its session."""
    place.files.files["hans"] = published("hans")
    script = b"USER ftp\r\nPASS x\r\nEPSV\r\nRETR /calendar/hans.vfb\r\nLIST\r\nABOR\r\nQUIT\r\n"
    sock = socket.create_connection((place.host, place.port), PATIENCE)
    with sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        sock.sendall(script[:cut])
    with place.login() as after:
        assert after.fetches("RETR /calendar/hans.vfb") == BODY


@settings(max_examples=60, deadline=None)
@given(sent=st.one_of(st.binary(max_size=200), st.binary(max_size=50).map(lambda b: HELLO + b)))
def test_arbitrary_bytes_instead_of_a_handshake(place: Place, sent: bytes) -> None:
    """Whatever comes instead of a handshake ends that connection, and the next client is served."""
    with place.dial() as client:
        client.answers("220")
        client.asks("AUTH TLS", "234")
        client.socket.sendall(sent)
        with suppress(OSError):  # the server was faster
            client.socket.shutdown(socket.SHUT_WR)
        client.rest()
    with place.login() as after:
        after.asks("NOOP", "200")
