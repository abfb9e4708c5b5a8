"""Limits, time-outs, stopping, and that one session's trouble stays its own."""

from __future__ import annotations

import errno
import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from freebusy.errors import ConfigurationError
from ftpsrv.server import FtpServer, FtpSettings, Listener
from tests.wire.ftp_dialogue import (
    BODY,
    HOSTS,
    IPV4,
    IPV6,
    PATIENCE,
    Client,
    MemoryFiles,
    Place,
    has_ipv6,
    published,
    read_all,
    serving,
    some_files,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Callable

HANS = "RETR /calendar/hans.vfb"


def greeting(dial: Callable[[], socket.socket]) -> str:
    with dial() as sock, sock.makefile("rb") as lines:
        return lines.readline().decode()[:3]


def from_address(place: Place, address: str) -> socket.socket:
    return socket.create_connection((place.host, place.port), PATIENCE, source_address=(address, 0))


def test_connections_per_address() -> None:
    """One address gets so many sessions, another still gets its own; who leaves makes room."""
    with serving(max_connections_per_address=2) as place, place.login():
        with place.login():
            assert greeting(lambda: from_address(place, "127.0.0.1")) == "421"
            assert greeting(lambda: from_address(place, "127.0.0.2")) == "220"
        wait_until(lambda: greeting(lambda: from_address(place, "127.0.0.1")) == "220")


def test_connections_in_all() -> None:
    """There are so many sessions in all, whoever has them; transfers count for nothing."""
    with serving(max_connections=2) as place, place.login() as client:
        with place.login():
            assert greeting(lambda: from_address(place, "127.0.0.2")) == "421"
            assert client.fetches(HANS) == BODY
        wait_until(lambda: greeting(lambda: from_address(place, "127.0.0.2")) == "220")


def test_limits_hold_over_all_listeners() -> None:
    """Several addresses to listen on share one count."""
    listen = ((IPV4, 0), (IPV4, 0))
    with serving(listen=listen, max_connections=1) as place, place.login():
        other = place.server.addresses[1]
        assert greeting(lambda: socket.create_connection(other, PATIENCE)) == "421"


@pytest.mark.parametrize("login", [False, True])
def test_idle_session(login: bool) -> None:
    """A session without a command ends after the idle time, logged in or not."""
    with serving(idle_timeout=0.1) as place:
        client = place.login() if login else place.dial()
        with client:
            if not login:
                client.answers("220")
            client.answers("421")
            assert client.ended()


def test_bytes_without_a_line_end_are_no_command() -> None:
    """A client that trickles bytes and never ends a line is idle."""
    with serving(idle_timeout=0.2) as place, place.dial() as client:
        client.answers("220")
        stop = threading.Event()

        def trickle() -> None:
            while not stop.wait(0.02):
                try:
                    client.socket.send(b"A")
                except OSError:
                    return

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            client.answers("421")
        finally:
            stop.set()
            thread.join()


def test_commands_keep_a_session_alive() -> None:
    """The idle time begins again with each command."""
    with serving(idle_timeout=0.8) as place, place.login() as client:
        end = time.monotonic() + 1.2
        while time.monotonic() < end:
            client.asks("NOOP", "200")


@pytest.mark.parametrize("host", HOSTS)
def test_fifty_sessions_at_once(host: str) -> None:
    """Fifty clients are served side by side."""
    with serving(host=host, max_connections_per_address=0) as place:
        together = threading.Barrier(50, timeout=PATIENCE)

        def client(_: int) -> bytes:
            with place.login() as client:
                together.wait()
                body = client.fetches(HANS)
                client.asks("QUIT", "221")
                return body

        with ThreadPoolExecutor(50) as pool:
            assert list(pool.map(client, range(50))) == [BODY] * 50


def test_client_that_reads_no_replies() -> None:
    """A client that asks on and on and reads nothing is cut off; the others do not notice."""
    with serving() as place, place.login() as flood, place.login() as client:
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            pour_into(flood, client)
        assert client.fetches(HANS) == BODY


def pour_into(flood: Client, client: Client) -> None:
    """Ask for help without end, and see that another client is served meanwhile."""
    for _ in range(2000):
        flood.socket.sendall(b"HELP\r\n" * 1000)
        client.asks("NOOP", "200")


def test_half_closed_control_connection() -> None:
    """A client that says it will send no more ends its session."""
    with serving() as place, place.login() as client:
        client.socket.shutdown(socket.SHUT_WR)
        assert client.ended()


def test_exception_ends_its_session_only(caplog: pytest.LogCaptureFixture) -> None:
    """A bug met by one session ends it with one log line that quotes nothing."""
    with serving() as place, place.login() as one, place.login() as other:
        place.files.error = RuntimeError
        one.sends(HANS)
        assert one.ended()
        place.files.error = None
        assert other.fetches(HANS) == BODY
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == 1
    message = errors[0].getMessage()
    assert message.startswith("event=ftp_session_error peer=127.0.0.1 error=RuntimeError at=")
    assert "SECRET" not in caplog.text
    assert "/var" not in caplog.text


def test_no_more_file_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a connection cannot be accepted the server waits a moment and goes on."""
    accept, failures = Listener.accept, [OSError(errno.EMFILE, "too many open files")]

    def failing(listener: Listener) -> object:
        if failures:
            raise failures.pop()
        return accept(listener)

    # The one thing that a test cannot bring about without starving itself.
    monkeypatch.setattr(Listener, "accept", failing)
    with serving() as place, place.login() as client:
        assert client.fetches(HANS) == BODY


def test_stop_says_farewell() -> None:
    """Stopping tells the clients, ends within two seconds, and frees the port."""
    with serving() as place, place.login() as client:
        began = time.monotonic()
        place.server.stop()
        assert time.monotonic() - began < 2
        client.answers("421")
        assert client.ended()
        with pytest.raises(ConnectionRefusedError):
            place.dial()


def test_stop_lets_a_transfer_end() -> None:
    """A transfer under way may end while the server stops."""
    large = b"x" * 8_000_000
    files = MemoryFiles({"large": published("large", large)})
    with serving(files) as place, place.login() as client, client.passive() as data:
        client.asks("RETR /calendar/large.vfb", "1")
        thread = threading.Thread(target=place.server.stop)
        thread.start()
        assert read_all(data) == large
        client.answers("226")
        thread.join(PATIENCE)


def test_stop_does_not_wait_for_ever() -> None:
    """A client that reads nothing does not hold up the stop."""
    files = MemoryFiles({"large": published("large", b"x" * 20_000_000)})
    with serving(files) as place, place.login() as client, client.passive():
        client.asks("RETR /calendar/large.vfb", "1")
        began = time.monotonic()
        place.server.stop()
        assert time.monotonic() - began < 2


def test_stop_without_serving() -> None:
    """A server that was started and never served can be stopped, twice, and serves no more."""
    server = FtpServer(FtpSettings(listen=((IPV4, 0),)), some_files())
    server.start()
    address = server.addresses[0]
    server.stop()
    server.stop()
    server.serve()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, PATIENCE)


def test_two_servers_in_one_process() -> None:
    """Options and clients of two servers do not mix."""
    with (
        serving(banner="One.") as one,
        serving(MemoryFiles(), banner="Two.") as two,
        one.dial() as first,
        two.dial() as second,
    ):
        assert (first.reply(), second.reply()) == ("220 One.", "220 Two.")
        one.server.stop()
        second.asks("NOOP", "200")


@pytest.mark.parametrize(
    ("host", "problem"),
    [
        ("192.0.2.1", r"192\.0\.2\.1:2121: Cannot assign requested address; .* no such address"),
        ("no.such.host.invalid", r"invalid:2121: the name has no address; write the host"),
    ],
)
def test_address_that_cannot_be_bound(host: str, problem: str) -> None:
    """What is wrong with an address is said, and what to do."""
    server = FtpServer(FtpSettings(listen=((host, 2121),)), some_files())
    with pytest.raises(ConfigurationError, match=problem):
        server.start()


def test_every_taken_address_is_named() -> None:
    """All addresses that cannot be bound are named at once, and none stays bound."""
    with socket.create_server((IPV4, 0)) as one, socket.create_server((IPV4, 0)) as two:
        taken = [one.getsockname()[:2], two.getsockname()[:2]]
        server = FtpServer(FtpSettings(listen=((IPV4, 0), *taken)), some_files())
        with pytest.raises(ConfigurationError, match="stop the other server") as caught:
            server.start()
    assert [str(port) in text for (_, port), text in zip(taken, caught.value.problems, strict=True)]
    assert server.addresses == ()


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback here")
def test_empty_host_is_every_address() -> None:
    """An empty host listens over both families, side by side."""
    with serving(listen=(("", 0),)) as place:
        ports = dict(place.server.addresses)
        assert set(ports) == {"0.0.0.0", "::"}
        for host, wildcard in ((IPV4, "0.0.0.0"), (IPV6, "::")):
            address = (host, ports[wildcard])
            assert greeting(lambda address=address: socket.create_connection(address)) == "220"  # type: ignore[misc]  # a default binds the loop's value
