"""Data connections, active and passive, and what strangers try with them (RFC 2577)."""

from __future__ import annotations

import re
import socket
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from freebusy.errors import ConfigurationError
from ftpsrv.server import FtpServer, FtpSettings
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
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

HANS = "RETR /calendar/hans.vfb"
LARGE = b"FREEBUSY:20260105T070000Z/20260105T073000Z\r\n" * 400_000
"""17 MB: more than the sockets on both sides hold."""


@pytest.fixture(params=HOSTS)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    with serving(host=request.param) as place:
        yield place


def passive_port(reply: str) -> tuple[str, int]:
    match = re.search(r"\((\d+),(\d+),(\d+),(\d+),(\d+),(\d+)\)", reply)
    assert match is not None, reply
    *host, high, low = match.groups()
    return ".".join(host), int(high) * 256 + int(low)


def test_passive_ipv4() -> None:
    """PASV names the server's address and a port that works once."""
    with serving() as place, place.login() as client:
        address = passive_port(client.says("PASV"))
        assert address[0] == IPV4
        with socket.create_connection(address, PATIENCE) as data:
            client.asks(HANS, "1")
            assert read_all(data) == BODY
        client.answers("226 Transfer complete.")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, PATIENCE)


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback here")
def test_passive_ipv6() -> None:
    """Over IPv6 EPSV works and PASV, which has no room for the address, is refused."""
    with serving(host=IPV6) as place, place.login() as client:
        client.asks("PASV", "502")
        client.asks("EPSV 1", "522")
        client.asks("EPSV 2", "229")
        assert client.fetches(HANS) == BODY


def test_command_before_the_data_connection(place: Place) -> None:
    """RETR may come before the client connects: then it begins when that happens."""
    with place.login() as client:
        match = re.search(r"\|(\d+)\|", client.asks("EPSV", "229"))
        assert match is not None
        client.asks(HANS, "150")
        with socket.create_connection((place.host, int(match[1])), PATIENCE) as data:
            assert read_all(data) == BODY
        client.answers("226")


def test_active(place: Place) -> None:
    """With EPRT the server connects to the client when there is something to send."""
    with place.login() as client, client.listener() as listener:
        client.asks(HANS, "150")
        data, peer = listener.accept()
        with data:
            assert read_all(data) == BODY
        assert peer[0] == place.host
        client.answers("226")


def test_active_by_port() -> None:
    """PORT does the same for IPv4."""
    with (
        serving() as place,
        place.login() as client,
        socket.create_server((IPV4, 0)) as listener,
    ):
        listener.settimeout(PATIENCE)
        high, low = divmod(listener.getsockname()[1], 256)
        client.asks(f"PORT 127,0,0,1,{high},{low}", "200")
        client.asks("NLST /", "150")
        data, _ = listener.accept()
        with data:
            assert read_all(data) == b"calendar\r\npub\r\n"
        client.answers("226")


def test_active_port_counts_for_one_transfer(place: Place) -> None:
    """The next transfer needs a new port."""
    with place.login() as client:
        with client.listener() as listener:
            client.asks(HANS, "150")
            listener.accept()[0].close()
            client.reply()
        client.asks(HANS, "425")


def test_active_port_where_nobody_listens(place: Place) -> None:
    """A client that does not listen gets 425, and the session goes on."""
    with place.login() as client:
        client.listener().close()
        client.asks(HANS, "150")
        client.answers("425")
        assert client.fetches(HANS) == BODY


@pytest.mark.parametrize(
    "line",
    [
        "PORT 127,0,0,2,8,1",
        "PORT 10,0,0,1,8,1",
        "PORT 169,254,169,254,0,80",
        "PORT 127,0,0,1,0,22",
        "PORT 127,0,0,1,3,255",
        "PORT 127,0,0,1,0,0",
        "PORT 127,0,0,1,256,1",
        "PORT 127,0,0,1",
        "PORT 127,0,0,1,x,y",
        "PORT localhost,8,1",
        "EPRT |1|10.0.0.1|6000|",
        "EPRT |1|127.0.0.1|80|",
        "EPRT |1|127.0.0.1|70000|",
        "EPRT |2|::1|6000|",
        "EPRT |1|localhost|6000|",
        "EPRT |3|x|6000|",
        "EPRT |",
        "EPRT x",
    ],
)
def test_no_bounce(line: str) -> None:
    """PORT and EPRT lead to the client's own address and unprivileged ports only."""
    with serving() as place, place.login() as client:
        assert client.says(line)[0] == "5"
        client.asks(HANS, "425")


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback here")
@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("::1", "200"),
        ("::", "200"),
        ("0:0:0:0:0:0:0:1", "200"),
        ("::2", "501"),
        ("fe80::1", "501"),
        ("x", "501"),
    ],
)
def test_no_bounce_over_ipv6(address: str, code: str) -> None:
    """An IPv6 address may be written in any way, but must be the client's."""
    with serving(host=IPV6) as place, place.login() as client:
        client.asks(f"EPRT |2|{address}|6000|", code)


def test_stranger_at_the_passive_port() -> None:
    """A data connection from another address is dropped, and the client's own still works."""
    with serving() as place, place.login() as client:
        address = passive_port(client.says("PASV"))
        with socket.create_connection(address, PATIENCE, source_address=("127.0.0.2", 0)) as other:
            assert other.recv(1) == b""
        with socket.create_connection(address, PATIENCE) as data:
            client.asks(HANS, "1")
            assert read_all(data) == BODY
        client.answers("226")


def test_passive_ports_and_masquerade_address() -> None:
    """The passive ports and the address that PASV names are the operator's choice."""
    with socket.create_server((IPV4, 0)) as taken:
        first = taken.getsockname()[1]
        ports = range(first, min(first + 40, 65536))
        options: dict[str, Any] = {"passive_ports": ports, "masquerade_address": "192.0.2.7"}
        with serving(None, IPV4, **options) as place, place.login() as client:
            seen = set()
            for _ in range(20):
                host, port = passive_port(client.says("PASV"))
                assert host == "192.0.2.7"
                seen.add(port)
    assert seen <= set(ports) - {first}
    assert len(seen) > 1


def test_no_passive_port_is_free() -> None:
    """When all passive ports are taken the client is told so, and no other port is used."""
    with socket.create_server((IPV4, 0)) as taken:
        port = taken.getsockname()[1]
        with serving(passive_ports=range(port, port + 1)) as place, place.login() as client:
            client.asks("PASV", "425")
            client.asks("EPSV", "425")
            client.asks(HANS, "425")
            client.asks("NOOP", "200")


def test_transfer_without_a_data_connection(place: Place) -> None:
    """A transfer before PASV or PORT gets 425 at once."""
    with place.login() as client:
        for command in (HANS, "NLST", "LIST", "MLSD"):
            client.asks(command, "425")


def test_a_second_data_connection_replaces_the_first(place: Place) -> None:
    """A transfer that waits is aborted by a new EPSV, and its file never comes over it."""
    with place.login() as client:
        client.asks("EPSV", "229")
        client.asks(HANS, "150")
        client.asks("EPSV", "426")
        client.answers("229")
        assert client.fetches("NLST /pub") == b"calendar\r\n"


def test_abort(place: Place) -> None:
    """ABOR ends a transfer that waits and a data connection that idles."""
    with place.login() as client:
        client.asks("EPSV", "229")
        client.asks(HANS, "150")
        client.asks("ABOR", "426")
        client.answers("225")
        with client.passive():
            client.asks("ABOR", "225")
        assert client.fetches(HANS) == BODY


def test_epsv_all() -> None:
    """After EPSV ALL nothing but EPSV opens a data connection (RFC 2428 §4)."""
    with serving() as place, place.login() as client:
        client.asks("EPSV ALL", "2")
        client.asks("PASV", "501")
        client.asks("PORT 127,0,0,1,200,1", "501")
        client.asks("EPRT |1|127.0.0.1|60000|", "501")
        assert client.fetches(HANS) == BODY


def test_data_connection_that_never_comes() -> None:
    """A transfer whose client never connects ends with 425 after the data time-out."""
    with serving(data_timeout=0.1) as place, place.login() as client:
        client.asks("EPSV", "229")
        client.asks(HANS, "150")
        client.answers("425")
        client.asks(HANS, "425")
        assert client.fetches(HANS) == BODY


def test_half_open_data_connection() -> None:
    """A data connection over which nothing happens ends the session after the time-out."""
    with serving(data_timeout=0.1) as place, place.login() as client, client.passive() as data:
        client.answers("421")
        assert client.ended()
        assert data.recv(1) == b""


def large_files() -> MemoryFiles:
    return MemoryFiles({"large": published("large", LARGE), "hans": published("hans")})


def test_large_file(place: Place) -> None:
    """A file that no buffer holds arrives whole."""
    place.files.files["large"] = published("large", LARGE)
    with place.login() as client:
        assert client.fetches("RETR /calendar/large.vfb") == LARGE


@contextmanager
def slow_reader(place: Place) -> Iterator[tuple[Client, socket.socket]]:
    with place.login() as client, client.passive() as data:
        client.asks("RETR /calendar/large.vfb", "1")
        yield client, data


def test_slow_readers_block_nobody() -> None:
    """While some clients read nothing, others get their files at once."""
    with serving(large_files()) as place, ExitStack() as stack:
        slow = [stack.enter_context(slow_reader(place)) for _ in range(5)]
        with place.login() as client:
            began = time.monotonic()
            for _ in range(20):
                assert client.fetches(HANS) == BODY
            assert time.monotonic() - began < 2
        for client, data in slow:
            assert read_all(data) == LARGE
            client.answers("226")


def test_reader_that_stops_is_cut_off() -> None:
    """A transfer that does not move on is ended by the data time-out."""
    with serving(large_files(), data_timeout=0.2) as place, slow_reader(place) as (client, _):
        client.answers("421")
        assert client.ended()


def test_reader_that_breaks_off() -> None:
    """A client that closes in the middle gets 426, and its session goes on."""
    with serving(large_files()) as place, slow_reader(place) as (client, data):
        data.close()
        client.answers("426")
        assert client.fetches(HANS) == BODY


def test_abort_in_the_middle() -> None:
    """ABOR and a new EPSV both end a transfer that is under way, and say so."""
    with serving(large_files()) as place:
        with slow_reader(place) as (client, _):
            client.asks("ABOR", "426")
            client.answers("226")
        with slow_reader(place) as (client, _):
            client.asks("EPSV", "426")
            client.answers("229")


def test_quit_in_the_middle() -> None:
    """QUIT lets the transfer end first (RFC 959 §4.1.1)."""
    with serving(large_files()) as place, slow_reader(place) as (client, data):
        client.asks("QUIT", "221")
        assert read_all(data) == LARGE
        client.answers("226")
        assert client.ended()


def test_client_that_vanishes_in_the_middle() -> None:
    """A client that drops both connections leaves no session behind."""
    with serving(large_files(), max_connections_per_address=1) as place:
        with slow_reader(place):
            assert not is_let_in(place)
        wait_until(lambda: is_let_in(place))


def is_let_in(place: Place) -> bool:
    with place.dial() as client:
        return client.reply().startswith("220")


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"passive_ports": range(5, 5)}, "passive ports"),
        ({"passive_ports": range(65000, 70000)}, "passive ports"),
        ({"masquerade_address": "gateway.example"}, "masquerade address"),
        ({"listen": ()}, "no address to listen on"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, object], problem: str) -> None:
    """Settings that make no sense are named before anything is bound."""
    wanted = {"listen": ((IPV4, 0),), **settings}
    server = FtpServer(FtpSettings(**wanted), MemoryFiles())  # type: ignore[arg-type]  # a table of wrong ones
    with pytest.raises(ConfigurationError, match=problem):
        server.start()
