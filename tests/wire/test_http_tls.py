"""HTTP over TLS, from certificate files that change while the server runs."""

from __future__ import annotations

import contextlib
import ssl
import time
from typing import TYPE_CHECKING

import pytest

from freebusy.certificates import server_context
from freebusy.errors import ConfigurationError
from tests.servers.certificate import make_certificate
from tests.wire.http_gateway import (
    BODY,
    HANS,
    HANS_LOGIN,
    LARGE,
    Answer,
    MemoryFiles,
    MemoryLogins,
    MemoryPublications,
    read_all,
    read_answer,
    serving,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.certificate import Certificate
    from tests.wire.http_gateway import Running

PATH = "/pub/calendar/hans.vfb"
REQUEST = f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
OTHER = BODY.replace(b"END:VFREEBUSY", b"COMMENT:other\r\nEND:VFREEBUSY")
TLS_LISTEN = (("127.0.0.1", 0), ("::1", 0))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@contextlib.contextmanager
def secured(
    certificate: Certificate, files: MemoryFiles | None = None, **settings: object
) -> Iterator[Running]:
    context = server_context(certificate.cert, certificate.key)
    files = files or MemoryFiles(HANS, LARGE)
    with serving(
        files,
        logins=MemoryLogins(),
        publications=MemoryPublications(files),
        tls=context,
        tls_listen=TLS_LISTEN,
        plain_logins=(),
        **settings,  # type: ignore[arg-type]  # tests name them
    ) as running:
        yield running


def trusting(certificate: Certificate) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate.cert))


def connect(
    running: Running, certificate: Certificate, family: int = 0, **versions: ssl.TLSVersion
) -> ssl.SSLSocket:
    context = trusting(certificate)
    for name, version in versions.items():
        setattr(context, name, version)
    plain = running.connect(running.server.tls_addresses[family])
    try:
        return context.wrap_socket(plain, server_hostname="localhost")
    except OSError:
        plain.close()
        raise


@pytest.mark.parametrize("family", [0, 1], ids=["IPv4", "IPv6"])
def test_reading_and_writing(certificate: Certificate, family: int) -> None:
    """A login, an upload and a read over one connection; the upload came by https."""
    files = MemoryFiles(HANS)
    with secured(certificate, files) as running, connect(running, certificate, family) as client:
        head = f"PUT {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(OTHER)}\r\n{HANS_LOGIN}\r\n"
        client.sendall(head.encode() + b"\r\n" + OTHER)
        assert 204 == read_answer(client, head_only=True).status
        client.sendall(REQUEST)
        assert OTHER == read_answer(client).body


def test_a_password_without_tls_is_refused_beside(certificate: Certificate) -> None:
    """The plain listener of the same server takes none."""
    with secured(certificate) as running:
        assert [403, 200] == [running.get(PATH, *x).status for x in ((HANS_LOGIN,), ())]


def test_the_request_comes_with_the_handshake(certificate: Certificate) -> None:
    """Bytes that follow the handshake at once are not lost."""
    with secured(certificate) as running:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        peer = trusting(certificate).wrap_bio(incoming, outgoing, server_hostname="localhost")
        with running.connect(running.server.tls_addresses[0]) as client:
            with contextlib.suppress(ssl.SSLWantReadError):
                peer.do_handshake()
            client.sendall(outgoing.read())
            while True:
                incoming.write(client.recv(65536))
                try:
                    peer.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    continue
            peer.write(REQUEST)
            client.sendall(outgoing.read())  # the handshake's last message and the request
            text = b""
            while BODY not in text:
                incoming.write(client.recv(65536))
                with contextlib.suppress(ssl.SSLWantReadError):
                    text += peer.read(65536)
    assert 200 == Answer.parse(text).status


def test_large_answers(certificate: Certificate) -> None:
    """A large file comes whole."""
    with secured(certificate) as running, connect(running, certificate) as client:
        client.sendall(b"GET /calendar/large.vfb HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert LARGE.body == Answer.parse(read_all(client)).body


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions(certificate: Certificate, version: ssl.TLSVersion) -> None:
    """TLS 1.2 and 1.3 are spoken."""
    versions = {"maximum_version": version, "minimum_version": version}
    with secured(certificate) as running, connect(running, certificate, **versions) as client:
        assert client.version() == version.name.replace("_", ".")


def test_old_versions_are_not_spoken(certificate: Certificate) -> None:
    """The context asks for TLS 1.2 at least."""
    context = server_context(certificate.cert, certificate.key)
    assert ssl.TLSVersion.TLSv1_2 == context.minimum_version


@pytest.mark.parametrize("text", [REQUEST, b"\x16\x03\x01\x00\x05hello", b"\0" * 3000, b""])
def test_what_is_no_handshake(certificate: Certificate, text: bytes) -> None:
    """Plain HTTP, rubbish and silence end the connection; the server goes on."""
    with secured(certificate, header_timeout=0.5) as running:
        with running.connect(running.server.tls_addresses[0]) as client:
            client.sendall(text)
            started = time.monotonic()
            assert b"HTTP/" not in read_all(client)
            assert time.monotonic() - started < 5
        with connect(running, certificate) as client:
            client.sendall(REQUEST)
            assert BODY == read_answer(client).body
        connections = running.server._connections
        assert connections is not None
        assert 1 >= len(connections)


def test_limits_hold_before_the_handshake(certificate: Certificate) -> None:
    """Connections that never begin to speak TLS count, and make room when they go."""
    with secured(certificate, max_connections_per_address=3) as running:
        silent = [running.connect(running.server.tls_addresses[0]) for _ in range(3)]
        deadline = time.monotonic() + 10
        while len(running.server._connections or ()) < 3:
            assert time.monotonic() < deadline
        with running.connect(running.server.tls_addresses[0]) as refused:
            assert b"" == read_all(refused)
        for client in silent:
            client.close()
        while len(running.server._connections or ()) > 0:
            assert time.monotonic() < deadline
        with connect(running, certificate) as client:
            client.sendall(REQUEST)
            assert 200 == read_answer(client).status


def test_a_half_head_ends(certificate: Certificate) -> None:
    """The deadlines of plain connections hold for these."""
    with (
        secured(certificate, header_timeout=0.4) as running,
        connect(running, certificate) as client,
    ):
        client.sendall(b"GET / HTT")
        started = time.monotonic()
        with contextlib.suppress(OSError):
            read_all(client)
        assert time.monotonic() - started < 4


def test_a_body_that_breaks_off(certificate: Certificate) -> None:
    """A client that closes in the middle of its upload publishes nothing and logs no fault."""
    files = MemoryFiles(HANS)
    with secured(certificate, files) as running:
        with connect(running, certificate) as client:
            head = f"PUT {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n{HANS_LOGIN}\r\n\r\n"
            client.sendall(head.encode() + OTHER)
        assert BODY == running.get(PATH).body


def test_a_new_certificate_is_used_at_once(certificate: Certificate, tmp_path: Path) -> None:
    """Open connections stay, new ones see the new certificate; a broken one changes nothing."""
    later = make_certificate(tmp_path)
    with secured(certificate) as running, connect(running, certificate) as early:
        running.server.reload_certificate(later.cert, later.key)
        with connect(running, later) as client:
            client.sendall(REQUEST)
            assert 200 == read_answer(client).status
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(running, certificate)
        with pytest.raises(ConfigurationError, match="belong together"):
            running.server.reload_certificate(later.cert, certificate.key)
        connect(running, later).close()
        early.sendall(REQUEST)
        assert 200 == read_answer(early).status


def test_files_that_do_not_serve(certificate: Certificate, tmp_path: Path) -> None:
    """What is missing or no certificate is said in one sentence without a path."""
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("rubbish", "utf-8")
    for cert, key, said in (
        (tmp_path / "none.pem", certificate.key, "No such file"),
        (rubbish, certificate.key, "no certificate with its key"),
        (certificate.cert, rubbish, "no certificate with its key"),
    ):
        with pytest.raises(ConfigurationError, match=said) as caught:
            server_context(cert, key)
        assert str(tmp_path) not in str(caught.value)


def test_listening_with_tls_needs_a_certificate() -> None:
    """Without one the server does not start."""
    with (
        pytest.raises(ConfigurationError, match="needs a certificate"),
        serving(MemoryFiles(), tls_listen=(("127.0.0.1", 0),)),
    ):
        pass


def test_stopping_is_quick(certificate: Certificate) -> None:
    """Whatever clients do: idle, before the handshake, in the middle of a request."""
    with secured(certificate) as running:
        clients: list[socket.socket] = [
            connect(running, certificate),
            running.connect(running.server.tls_addresses[0]),
            connect(running, certificate),
        ]
        clients[2].sendall(b"GET /")
        started = time.monotonic()
    assert time.monotonic() - started < 2.5
    for client in clients:
        client.close()
