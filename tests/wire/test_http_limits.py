"""Limits: slow, many and endless clients get what they deserve, the others their file."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.wire.http_gateway import BODY, HANS, LARGE, MemoryFiles, read_all, read_answer, serving

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from tests.wire.http_gateway import Running

REQUEST = b"GET /calendar/hans.vfb HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE_REQUEST = b"GET /calendar/large.vfb HTTP/1.1\r\nHost: x\r\n\r\n"


def seconds_until_closed(client: socket.socket) -> float:
    started = time.monotonic()
    read_all(client)
    return time.monotonic() - started


def until(condition: Callable[[], bool], within: float = 10) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def open_connections(running: Running) -> int:
    connections = running.server._connections
    return 0 if connections is None else len(connections)


@pytest.mark.parametrize(
    "beginning", [b"", b"G", b"GET /calendar/hans.vfb HTTP/1.1\r\nHost: x\r\n", REQUEST + b"GET /"]
)
def test_a_head_must_come_in_time(beginning: bytes) -> None:
    """Silence, half a head, and half a second head end by the time-out."""
    with (
        serving(MemoryFiles(HANS), header_timeout=0.4, keepalive_timeout=0.6) as running,
        running.connect() as client,
    ):
        client.sendall(beginning)
        assert 0.3 < seconds_until_closed(client) < 3


def test_dripping_bytes_do_not_buy_time() -> None:
    """A client that sends a byte now and then is cut off like a silent one."""
    with serving(MemoryFiles(HANS), header_timeout=0.4) as running, running.connect() as client:
        started = time.monotonic()
        with contextlib.suppress(ConnectionError):
            client.sendall(b"GET / HTTP/1.1\r\nX: ")
            while time.monotonic() - started < 5:
                client.sendall(b"y")
                threading.Event().wait(0.05)
        assert time.monotonic() - started < 3


def test_a_later_request_has_a_clock_of_its_own() -> None:
    """Idling between requests is no half-sent head: the connection stays usable."""
    with serving(MemoryFiles(HANS), header_timeout=0.3) as running, running.connect() as client:
        for _ in range(3):
            client.sendall(REQUEST)
            assert read_answer(client).body == BODY
            threading.Event().wait(0.7)  # longer than the header time-out: that is the point


def test_a_late_half_head_ends_too() -> None:
    """After a good exchange, half a head that came later is cut off by the header time-out."""
    with serving(MemoryFiles(HANS), header_timeout=0.3) as running, running.connect() as client:
        client.sendall(REQUEST)
        read_answer(client)
        threading.Event().wait(0.1)
        client.sendall(b"GET /calendar")
        assert 0.2 < seconds_until_closed(client) < 3


def test_an_idle_connection_ends() -> None:
    """Keep-alive is not for ever."""
    with serving(MemoryFiles(HANS), keepalive_timeout=0.3) as running, running.connect() as client:
        client.sendall(REQUEST)
        read_answer(client)
        assert 0.2 < seconds_until_closed(client) < 3


def test_who_does_not_take_the_answer_is_cut_off() -> None:
    """A client that asks for much and reads nothing does not hold its place."""
    with serving(MemoryFiles(LARGE), answer_timeout=0.5) as running, running.connect() as client:
        client.sendall(LARGE_REQUEST)
        until(lambda: open_connections(running) == 1)
        until(lambda: open_connections(running) == 0)


def test_a_slow_reader_in_time_gets_all() -> None:
    """Reading in small steps is fine as long as it comes to an end."""
    with serving(MemoryFiles(LARGE)) as running, running.connect() as client:
        client.sendall(LARGE_REQUEST)
        assert read_answer(client).body == LARGE.body


def test_connections_from_one_address_are_limited() -> None:
    """One too many gets 503 and is closed; once one has gone there is room again."""
    with serving(MemoryFiles(HANS), max_connections_per_address=3) as running:
        clients = [running.connect() for _ in range(3)]
        for client in clients:
            client.sendall(REQUEST)
            assert read_answer(client).status == 200
        with running.connect() as refused:
            assert read_all(refused).startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        clients.pop().close()
        until(lambda: open_connections(running) == 2)
        assert running.get("/calendar/hans.vfb").status == 200
        for client in clients:
            client.close()


def test_addresses_are_counted_apart() -> None:
    """The other family's visitor is not hurt by a greedy one."""
    listen = (("127.0.0.1", 0), ("::1", 0))
    with (
        serving(MemoryFiles(HANS), listen, max_connections_per_address=1) as running,
        running.connect() as first,
        running.connect(running.addresses[1]) as second,
    ):
        for client in (first, second):
            client.sendall(REQUEST)
            assert read_answer(client).status == 200


@pytest.mark.parametrize(("limit", "expected"), [(2, 503), (10, 200)])
def test_a_trusted_proxy_counts_for_the_whole_only(limit: int, expected: int) -> None:
    """A proxy speaks for many, so only the limit in all holds for it."""
    with (
        serving(
            MemoryFiles(HANS),
            max_connections=limit,
            max_connections_per_address=1,
            trusted_proxies=("127.0.0.1",),
        ) as running,
        running.connect() as first,
        running.connect() as second,
        running.connect() as third,
    ):
        for client in (first, second):
            client.sendall(REQUEST)
            assert read_answer(client).status == 200
        third.sendall(REQUEST)
        assert read_answer(third).status == expected


def test_stopping_is_quick_whatever_clients_do() -> None:
    """Idle, half-sent and stuck connections do not hold the server beyond two seconds."""
    with serving(MemoryFiles(HANS, LARGE)) as running:
        clients = [running.connect() for _ in range(4)]
        clients[0].sendall(REQUEST)
        read_answer(clients[0])
        clients[1].sendall(b"GET /calendar")
        clients[2].sendall(LARGE_REQUEST)
        clients[2].recv(10)
        started = time.monotonic()
    assert time.monotonic() - started < 2.5
    for client in clients:
        read_all(client)
        client.close()
    with pytest.raises(ConnectionRefusedError):
        running.connect()


def test_stopping_lets_an_answer_finish() -> None:
    """Who is reading when the server stops gets the whole file, if it does not take long."""
    with serving(MemoryFiles(LARGE)) as running:
        client = running.connect()
        client.sendall(LARGE_REQUEST)
        first = client.recv(1000)
        reader = threading.Thread(target=lambda: parts.append(read_all(client)))
        parts = [first]
        reader.start()
    reader.join(10)
    client.close()
    assert b"".join(parts).endswith(b"\r\n\r\n" + LARGE.body)
