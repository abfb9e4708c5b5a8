"""What is said of a certificate before a client meets it."""

from __future__ import annotations

import socket
import threading
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from freebusy import portcheck
from freebusy.certificatecheck import check_certificate
from freebusy.certificates import server_context
from freebusy.config import Endpoint
from tests.servers.certificate import Certificate, make_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime.now(UTC)
"""The certificate of the tests is made now, and ends in two days."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize(
    ("later", "level", "text"),
    [
        (timedelta(days=-30), "FAIL", "it begins on "),
        (timedelta(hours=1), "warn", "it ends on "),
        (timedelta(days=30), "FAIL", "it ended on "),
    ],
)
def test_its_time(certificate: Certificate, later: timedelta, level: str, text: str) -> None:
    """It is to be renewed before clients refuse it, and what has ended is told as that."""
    found = check_certificate(certificate.cert, certificate.key, host=None, now=NOW + later)
    assert (level, True) == (found.level, found.text.startswith(text))


@pytest.mark.parametrize(
    ("host", "level"),
    [
        (None, "ok"),
        ("localhost", "ok"),
        ("LOCALHOST", "ok"),
        ("127.0.0.1", "ok"),
        ("fb.example.com", "warn"),
    ],
)
def test_for_whom(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch, host: str | None, level: str
) -> None:
    """What clients call this machine has to stand in it."""
    monkeypatch.setattr("freebusy.certificatecheck.RENEWED_BY", timedelta(0))
    found = check_certificate(
        certificate.cert, certificate.key, host=host, now=NOW + timedelta(hours=1)
    )
    assert level == found.level
    assert "for localhost, 127.0.0.1" in found.text


@contextmanager
def answering(certificate: Certificate, answer: bytes) -> Iterator[Endpoint]:
    """Serve one client over TLS, with one answer whatever it asks."""
    context = server_context(certificate.cert, certificate.key)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve() -> None:
            with suppress(OSError):
                raw, _ = listener.accept()
                with context.wrap_socket(raw, server_side=True) as peer:
                    if answer.startswith(b"HTTP"):
                        peer.recv(4096)
                    peer.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Endpoint("127.0.0.1", listener.getsockname()[1])
        thread.join(10)


def test_who_holds_a_port_with_tls(certificate: Certificate) -> None:
    """A gateway is known by its answer, behind a certificate that nobody knows, too."""
    with answering(certificate, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n") as place:
        assert (
            "held by a running gateway, which is well" == portcheck.check_http(place, tls=True).text
        )
    with answering(certificate, b"220 Free/busy server ready.\r\n") as place:
        assert (
            "held by a running gateway, which answers" == portcheck.check_ftp(place, tls=True).text
        )
