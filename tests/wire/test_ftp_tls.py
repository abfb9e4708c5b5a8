"""FTPS, explicit and implicit (RFC 4217), byte by byte where it matters."""

from __future__ import annotations

import os
import re
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

import pytest

from freebusy.certificates import server_context
from freebusy.errors import ConfigurationError
from ftpsrv.server import FtpServer, FtpSettings
from ftpsrv.tls import TlsSocket, prepare
from tests.servers.certificate import Certificate, make_certificate
from tests.wire.ftp_accounts import MemoryLogins, some_publications
from tests.wire.ftp_dialogue import (
    BODY,
    HOSTS,
    IPV4,
    Client,
    MemoryFiles,
    Place,
    published,
    read_all,
    serving,
    some_files,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

NEW = BODY.replace(b"20260105", b"20260206")
HANS = "/pub/calendar/hans.vfb"
LARGE = b"FREEBUSY:20260105T070000Z/20260105T073000Z\r\n" * 200_000


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def trust(certificate: Certificate) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate.cert))


@contextmanager
def protected(
    certificate: Certificate, files: MemoryFiles | None = None, host: str = IPV4, **options: object
) -> Iterator[Place]:
    publications = some_publications()
    publications.tree = files or publications.tree
    context = server_context(certificate.cert, certificate.key)
    with serving(
        publications.tree,
        host,
        logins=MemoryLogins(),
        publications=publications,
        tls=context,
        **options,
    ) as place:
        yield place


@pytest.fixture(params=HOSTS)
def place(request: pytest.FixtureRequest, certificate: Certificate) -> Iterator[Place]:
    with protected(certificate, host=request.param) as place:
        yield place


class TlsClient(Client):
    """A client whose control connection is protected from now on."""

    def __init__(self, plain: Client, trust: ssl.SSLContext) -> None:
        self.trust = trust
        plain._lines.close()
        super().__init__(trust.wrap_socket(plain.socket, server_hostname="localhost"))

    def logs_in(self, user: str = "hans", password: str = "secret", level: str = "P") -> TlsClient:
        self.asks(f"USER {user}", "331")
        self.asks(f"PASS {password}", "230")
        self.asks("PBSZ 0", "200")
        self.asks(f"PROT {level}", "200")
        return self

    def wraps(self, data: socket.socket) -> ssl.SSLSocket:
        """Protect a data connection; its end without close_notify is an error."""
        return self.trust.wrap_socket(data, server_hostname="localhost", suppress_ragged_eofs=False)

    def uploads_privately(self, command: str, body: bytes) -> str:
        with self.passive() as plain:
            self.asks(command, "1")
            with self.wraps(plain) as data:
                data.sendall(body)
                data.unwrap().close()
        return self.reply()

    def fetches_privately(self, command: str) -> bytes:
        with self.passive() as plain:
            self.asks(command, "1")
            with self.wraps(plain) as data:
                body = read_all(data)
        self.answers("226")
        return body


@contextmanager
def over_tls(place: Place, trust: ssl.SSLContext) -> Iterator[TlsClient]:
    with place.dial() as plain:
        plain.answers("220")
        plain.asks("AUTH TLS", "234")
        with TlsClient(plain, trust) as client:
            yield client


def test_publishing_over_tls(place: Place, trust: ssl.SSLContext) -> None:
    """Login, upload and download are protected, and end with TLS's own farewell."""
    with over_tls(place, trust) as client:
        client.logs_in()
        assert "226 Stored." == client.uploads_privately(f"STOR {HANS}", NEW)
        assert NEW == client.fetches_privately(f"RETR {HANS}")
        assert b"calendar\r\n" == client.fetches_privately("NLST /pub")
        client.asks("QUIT", "221")
        assert client.ended()


def test_active_over_tls(place: Place, trust: ssl.SSLContext) -> None:
    """In active mode the server connects, and is the server of TLS all the same (RFC 4217 §7)."""
    with over_tls(place, trust) as client:
        client.logs_in()
        with client.listener() as listener:
            client.asks(f"STOR {HANS}", "150")
            plain, _ = listener.accept()
            with client.wraps(plain) as data:
                data.sendall(NEW)
                data.unwrap()
        client.answers("226")
        with client.listener() as listener:
            client.asks(f"RETR {HANS}", "150")
            plain, _ = listener.accept()
            with client.wraps(plain) as data:
                assert NEW == read_all(data)
        client.answers("226")


def test_upload_without_farewell(place: Place, trust: ssl.SSLContext) -> None:
    """An upload that ends without close_notify counts: its own last line says that it is whole."""
    with over_tls(place, trust) as client:
        client.logs_in()
        with client.passive() as plain:
            client.asks(f"STOR {HANS}", "1")
            with client.wraps(plain) as data:
                data.sendall(NEW)
        client.answers("226")


def test_handshake_before_the_command(place: Place, trust: ssl.SSLContext) -> None:
    """A client may protect its data connection before it says what for."""
    with over_tls(place, trust) as client:
        client.logs_in()
        with client.passive() as plain, client.wraps(plain) as data:
            data.sendall(NEW)
            client.asks(f"STOR {HANS}", "1")
            data.unwrap().close()
        client.answers("226")


def test_clear_data_on_request(place: Place, trust: ssl.SSLContext) -> None:
    """PROT C leaves the data in the clear, where accounts may."""
    with over_tls(place, trust) as client:
        client.logs_in(level="C")
        assert "226 Stored." == client.uploads(f"STOR {HANS}", NEW)
        assert NEW == client.fetches(f"RETR {HANS}")


def test_large_file_over_tls(certificate: Certificate, trust: ssl.SSLContext) -> None:
    """A file that no buffer holds arrives whole, with its farewell, however slowly it is read."""
    files = MemoryFiles({"large": published("large", LARGE)})
    with protected(certificate, files) as place, over_tls(place, trust) as client:
        client.logs_in("anonymous")
        assert LARGE == client.fetches_privately("RETR /calendar/large.vfb")


def test_broken_off_download_has_no_farewell(
    certificate: Certificate, trust: ssl.SSLContext
) -> None:
    """A download that is aborted does not look like a whole file."""
    files = MemoryFiles({"large": published("large", LARGE)})
    with protected(certificate, files) as place, over_tls(place, trust) as client:
        client.logs_in("anonymous")
        with client.passive() as plain:
            client.asks("RETR /calendar/large.vfb", "1")
            with client.wraps(plain) as data:
                client.asks("ABOR", "426")
                client.answers("226")
                with pytest.raises(OSError, match=r"EOF|reset"):
                    read_all(data)


@pytest.mark.parametrize("kind", ["TLS", "tls", "TLS-C", "SSL"])
def test_mechanisms(place: Place, trust: ssl.SSLContext, kind: str) -> None:
    """AUTH takes every name of TLS."""
    with place.dial() as plain:
        plain.answers("220")
        plain.asks(f"AUTH {kind}", "234")
        with TlsClient(plain, trust) as client:
            client.asks("AUTH TLS", "503")


def test_transcript(place: Place, trust: ssl.SSLContext) -> None:
    """The protection commands have their order, and the connection stays protected."""
    with place.dial() as plain:
        plain.follows("""
            S: 220 Free/busy server ready.
            C: PBSZ 0
            S: 503 Send AUTH first.
            C: PROT P
            S: 503 Send AUTH and PBSZ first.
            C: CCC
            S: 533 The control connection is not protected.
            C: AUTH TLS-P
            S: 504 There is no such mechanism; use TLS.
            C: AUTH GSSAPI
            S: 504 There is no such mechanism; use TLS.
            C: AUTH TLS
            S: 234 Go on with the TLS handshake.
        """)
        with TlsClient(plain, trust) as client:
            client.follows("""
                C: PROT P
                S: 503 Send AUTH and PBSZ first.
                C: PBSZ x
                S: 501 The size is a number.
                C: PBSZ 16384
                S: 200 PBSZ=0
                C: PROT S
                S: 536 Use PROT P or PROT C.
                C: PROT E
                S: 536 Use PROT P or PROT C.
                C: PROT P
                S: 200 Data connections are protected.
                C: CCC
                S: 534 The control connection stays protected.
            """)
            assert re.search("\n AUTH TLS\n.*\n PBSZ\n PROT\n", client.says("FEAT"), re.DOTALL)


def test_a_login_does_not_outlast_auth(place: Place, trust: ssl.SSLContext) -> None:
    """Who logged in without TLS has to do so again with it (RFC 2228 §3)."""
    with place.login("hans", "secret") as plain:
        plain.asks("AUTH TLS", "234")
        with TlsClient(plain, trust) as client:
            client.asks("PWD", "530")
            client.asks("PASS secret", "503")


def test_what_came_before_the_handshake_is_dropped(place: Place, trust: ssl.SSLContext) -> None:
    """Commands put in by somebody between do not count as said under TLS (CVE-2011-0411)."""
    with place.dial() as plain:
        plain.answers("220")
        plain.sends("AUTH TLS\r\nUSER anonymous\r\nPASS injected\r\nUS")
        plain.answers("234")
        with TlsClient(plain, trust) as client:
            client.asks("PWD", "530")
            client.asks("PASS x", "503")


def test_what_waited_before_the_handshake_is_dropped(place: Place, trust: ssl.SSLContext) -> None:
    """Commands that were held back while a login was checked do not count under TLS either."""
    with place.dial() as plain:
        plain.answers("220")
        plain.asks("USER hans", "331")
        plain.sends("PASS secret\r\nAUTH TLS\r\nUSER anonymous\r\nPASS injected\r\nUS")
        plain.answers("230")
        plain.answers("234")
        with TlsClient(plain, trust) as client:
            client.asks("PWD", "530")
            client.asks("PASS x", "503")


def test_commands_in_one_record(place: Place, trust: ssl.SSLContext) -> None:
    """Many commands in one TLS record are all answered, and none waits for another record."""
    with over_tls(place, trust) as client:
        client.sends("\r\n".join(["NOOP"] * 2000))
        for _ in range(2000):
            client.answers("200")


def test_one_octet_at_a_time(place: Place, trust: ssl.SSLContext) -> None:
    """The handshake and a record may arrive octet by octet."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trust.wrap_bio(incoming, outgoing, server_hostname="localhost")

    def insists(call: Callable[[], T]) -> T:
        while True:
            try:
                done = call()
            except ssl.SSLWantReadError:
                trickle()
                incoming.write(client.socket.recv(65536))
            else:
                trickle()
                return done

    def trickle() -> None:
        for octet in outgoing.read():
            client.socket.sendall(bytes([octet]))

    with place.dial() as client:
        client.answers("220")
        client.asks("AUTH TLS", "234")
        insists(tls.do_handshake)
        insists(lambda: tls.write(b"NOOP\r\n"))
        assert b"200 OK.\r\n" == insists(tls.read)


def test_farewell_that_has_to_wait(
    place: Place, trust: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A download whose farewell finds no room at first sends it when there is some."""
    end, refusals = TlsSocket.end, [False, False]
    # When the kernel has room for the last octet and for none after it, is its own choice.
    monkeypatch.setattr(TlsSocket, "end", lambda sock: refusals.pop() if refusals else end(sock))
    with over_tls(place, trust) as client:
        client.logs_in()
        assert BODY == client.fetches_privately(f"RETR {HANS}")
    assert [] == refusals


def test_farewell_finds_no_room(certificate: Certificate, trust: ssl.SSLContext) -> None:
    """A TLS socket says when its farewell cannot be sent yet, and sends it later."""
    ours, theirs = socket.socketpair()
    context = prepare(server_context(certificate.cert, certificate.key))
    with ThreadPoolExecutor(1) as pool:
        client = pool.submit(trust.wrap_socket, theirs, server_hostname="localhost")
        sock = context.wrap_socket(ours, server_side=True)
        peer = client.result()
    with peer, sock:
        assert isinstance(sock, TlsSocket)
        sock.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                os.write(sock.fileno(), b"x" * 1000)
        assert not sock.end()
        raw = socket.socket(fileno=os.dup(peer.fileno()))
        with raw:
            raw.settimeout(0.05)
            with suppress(TimeoutError):
                while raw.recv(65536):
                    pass
        assert sock.end()


def test_plain_talk_instead_of_a_handshake(place: Place) -> None:
    """A client that goes on in the clear after AUTH is dropped without an answer in the clear."""
    with place.dial() as client:
        client.answers("220")
        client.asks("AUTH TLS", "234")
        client.sends("USER anonymous")
        assert b"0 " not in client.rest()
    wait_until(lambda: not place.server._session.sessions)


def test_handshake_that_never_ends(certificate: Certificate) -> None:
    """A handshake has its time, on the control connection and on data connections."""
    with protected(certificate, handshake_timeout=0.1) as place, place.dial() as client:
        client.answers("220")
        client.asks("AUTH TLS", "234")
        assert client.ended()


def test_data_handshake_that_never_ends(certificate: Certificate, trust: ssl.SSLContext) -> None:
    """A data connection that is not protected in time is answered 522, and the session goes on."""
    with (
        protected(certificate, handshake_timeout=0.3) as place,
        over_tls(place, trust) as client,
    ):
        client.logs_in()
        with client.passive() as data:
            client.asks(f"RETR {HANS}", "150")
            client.answers("522")
            assert data.recv(1) == b""
        assert BODY == client.fetches_privately(f"RETR {HANS}")


def test_plain_data_where_protected_data_is_due(place: Place, trust: ssl.SSLContext) -> None:
    """An upload in the clear is refused where PROT P was agreed; nothing of it is stored."""
    with over_tls(place, trust) as client:
        client.logs_in()
        assert client.uploads(f"STOR {HANS}", NEW).startswith("522")
        assert BODY == client.fetches_privately(f"RETR {HANS}")


@pytest.mark.parametrize("stage", ["before", "during"])
def test_clients_that_vanish_in_the_handshake(place: Place, stage: str) -> None:
    """A client that goes in the middle of the handshake leaves nothing behind."""
    with place.dial() as client:
        client.answers("220")
        client.asks("AUTH TLS", "234")
        if stage == "during":
            client.socket.sendall(b"\x16\x03\x01\x02\x00\x01")
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    wait_until(lambda: not place.server._session.sessions)


def test_old_tls(place: Place) -> None:
    """TLS 1.1 is refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with pytest.warns(DeprecationWarning, match="TLSv1 is deprecated"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with place.dial() as client:
        client.answers("220")
        client.asks("AUTH TLS", "234")
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            context.wrap_socket(client.socket)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_new_tls(certificate: Certificate, trust: ssl.SSLContext, version: ssl.TLSVersion) -> None:
    """TLS 1.2 and 1.3 both work."""
    context = ssl.create_default_context(cafile=str(certificate.cert))
    context.minimum_version = context.maximum_version = version
    with protected(certificate) as place, over_tls(place, context) as client:
        client.logs_in()
        assert "226 Stored." == client.uploads_privately(f"STOR {HANS}", NEW)


# -- where accounts need TLS


@pytest.fixture
def strict(certificate: Certificate) -> Iterator[Place]:
    with protected(certificate, require_tls=True) as place:
        yield place


def test_no_password_in_the_clear(strict: Place) -> None:
    """Where accounts need TLS the user is refused before the password; anonymous is not."""
    with strict.dial() as client:
        client.follows("""
            S: 220 Free/busy server ready.
            C: USER hans
            S: 530 Accounts need TLS here; send AUTH TLS first.
            C: PASS secret
            S: 503 Send USER first.
            C: USER anonymous
            S: 331 Username ok, send password.
            C: PASS x
            S: 230 Login successful.
            C: USER hans
            S: 530 Accounts need TLS here; send AUTH TLS first.
            C: PWD
            S: 530 Log in with USER and PASS first.
        """)
    with strict.login() as client:
        assert BODY == client.fetches(f"RETR {HANS}")


def test_no_data_in_the_clear(strict: Place, trust: ssl.SSLContext) -> None:
    """Where accounts need TLS their data does, too."""
    with over_tls(strict, trust) as client:
        client.asks("USER hans", "331")
        client.asks("PASS secret", "230")
        for command in (f"RETR {HANS}", f"STOR {HANS}", "LIST"):
            client.asks("EPSV", "229")
            client.asks(command, "521")
        client.asks("PBSZ 0", "200")
        client.asks("PROT P", "200")
        client.asks("PROT C", "534")
        assert "226 Stored." == client.uploads_privately(f"STOR {HANS}", NEW)


# -- the implicit port


@pytest.fixture
def implicit(certificate: Certificate) -> Iterator[Place]:
    with protected(certificate, listen=(), tls_listen=((IPV4, 0),)) as place:
        yield place


def test_implicit(implicit: Place, trust: ssl.SSLContext) -> None:
    """On the implicit port TLS comes before the greeting, and data is protected unless PROT C."""
    with TlsClient(implicit.dial(), trust) as client:
        client.answers("220 Free/busy server ready.")
        client.asks("AUTH TLS", "503")
        client.asks("USER hans", "331")
        client.asks("PASS secret", "230")
        assert "226 Stored." == client.uploads_privately(f"STOR {HANS}", NEW)
        assert NEW == client.fetches_privately(f"RETR {HANS}")


def test_plain_client_on_the_implicit_port(implicit: Place) -> None:
    """A client that knows no TLS is told nothing in the clear, and goes."""
    with implicit.dial() as client:
        client.sends("USER anonymous")
        assert b"0 " not in client.rest()


def test_silent_client_on_the_implicit_port(certificate: Certificate) -> None:
    """A client that says nothing is dropped after the time for the handshake."""
    options = {"listen": (), "tls_listen": ((IPV4, 0),), "handshake_timeout": 0.1}
    with protected(certificate, **options) as place, place.dial() as client:  # type: ignore[arg-type]  # a table of settings
        assert client.ended()


def test_too_many_on_the_implicit_port(certificate: Certificate) -> None:
    """A client that is turned away before the handshake gets nothing in the clear."""
    options = {"listen": (), "tls_listen": ((IPV4, 0),), "max_connections": 1}
    with protected(certificate, **options) as place, place.dial(), place.dial() as client:  # type: ignore[arg-type]  # as above
        assert client.ended()


def test_stop_in_the_handshake(certificate: Certificate) -> None:
    """A stop ends sessions that are in the middle of a handshake."""
    with protected(certificate) as place, place.dial() as client:
        client.answers("220")
        client.asks("AUTH TLS", "234")
        began = time.monotonic()
        place.server.stop()
        assert time.monotonic() - began < 2
        assert client.ended()


# -- certificates


def test_another_certificate(
    certificate: Certificate, trust: ssl.SSLContext, tmp_path: pytest.TempPathFactory
) -> None:
    """New handshakes get the new certificate, and sessions go on with the old one."""
    other = make_certificate(tmp_path)  # type: ignore[arg-type]  # pytest's own path
    new_trust = ssl.create_default_context(cafile=str(other.cert))
    with protected(certificate) as place, over_tls(place, trust) as old:
        place.server.reload_certificate(other.cert, other.key)
        old.asks("NOOP", "200")
        with over_tls(place, new_trust) as client:
            client.asks("NOOP", "200")
        with pytest.raises(ConfigurationError, match="no certificate with its key"):
            place.server.reload_certificate(other.cert, certificate.key)
        with pytest.raises(ConfigurationError, match="No such file"):
            place.server.reload_certificate(other.cert, other.key.with_name("none"))
        with over_tls(place, new_trust) as client:
            client.asks("NOOP", "200")


@pytest.mark.parametrize("options", [{"tls_listen": ((IPV4, 0),)}, {"require_tls": True}])
def test_tls_without_certificate(options: dict[str, object]) -> None:
    """TLS without a certificate is named before anything is bound."""
    settings = FtpSettings(listen=((IPV4, 0),), **options)  # type: ignore[arg-type]  # a table of settings
    with pytest.raises(ConfigurationError, match="ftp: TLS needs a certificate"):
        FtpServer(settings, some_files()).start()


def test_nothing_is_sent_in_the_clear_after_the_farewell(certificate: Certificate) -> None:
    """A TLS socket that has ended sends and gives nothing more."""
    ours, theirs = socket.socketpair()
    context = prepare(server_context(certificate.cert, certificate.key))
    with theirs:
        sock = context.wrap_socket(ours, server_side=True, do_handshake_on_connect=False)
        assert isinstance(sock, TlsSocket)
        with sock:
            sock.end()
            assert b"" == sock.recv(10)
            with pytest.raises(BrokenPipeError):
                sock.send(b"secret")
