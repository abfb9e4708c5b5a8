"""Uploads that end badly or take too much, and what is logged of them."""

from __future__ import annotations

import logging
import re
import socket
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.wire.ftp_accounts import MemoryLogins, MemoryPublications, some_publications
from tests.wire.ftp_dialogue import BODY, PATIENCE, Client, Place, serving, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ftpsrv.uploads import UploadRoom

NEW = BODY.replace(b"20260105", b"20260206")
HANS = "/pub/calendar/hans.vfb"
STOR = f"STOR {HANS}"


@pytest.fixture
def publications() -> MemoryPublications:
    return some_publications()


@pytest.fixture
def place(publications: MemoryPublications) -> Iterator[Place]:
    with serving(publications.tree, logins=MemoryLogins(), publications=publications) as place:
        yield place
        room: UploadRoom = place.server._session.upload_room
        wait_until(lambda: not room._addresses)
        assert 0 == room._octets


def begin(client: Client, stack: ExitStack) -> socket.socket:
    data = stack.enter_context(client.passive())
    client.asks(STOR, "1")
    data.sendall(NEW[:-5])
    return data


def received(place: Place) -> int:
    room: UploadRoom = place.server._session.upload_room
    return room._octets


def reset(end: socket.socket | Client) -> None:
    sock = end.socket if isinstance(end, Client) else end
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    end.close()


def aborts(client: Client, data: socket.socket) -> None:
    client.asks("ABOR", "426")
    client.answers("226")


def asks_for_another_port(client: Client, data: socket.socket) -> None:
    client.asks("EPSV", "426")
    client.answers("229")


def resets(client: Client, data: socket.socket) -> None:
    reset(data)
    client.answers("426")


def vanishes(client: Client, data: socket.socket) -> None:
    reset(client)


def leaves(client: Client, data: socket.socket) -> None:
    client.close()


@pytest.mark.parametrize("end", [aborts, asks_for_another_port, resets, vanishes, leaves])
def test_what_broke_off_is_not_stored(
    place: Place,
    publications: MemoryPublications,
    end: Callable[[Client, socket.socket], None],
) -> None:
    """An upload that is aborted, reset or left alone is not even tried."""
    with place.login("hans", "secret") as client, ExitStack() as stack:
        data = begin(client, stack)
        wait_until(lambda: received(place) > 0)
        end(client, data)
        wait_until(lambda: received(place) == 0)
    with place.login() as other:
        assert BODY == other.fetches(f"RETR {HANS}")
    assert [] == publications.uploads


def test_abort_before_the_first_octet(place: Place) -> None:
    """ABOR before anything came ends the transfer all the same."""
    with place.login("hans", "secret") as client:
        with client.passive():
            client.asks(STOR, "1")
            client.asks("ABOR", "426")
            client.answers("226")
        client.asks("EPSV", "229")
        client.asks(STOR, "150")
        client.asks("ABOR", "426")
        client.answers("225")


def test_abort_while_it_is_being_stored(place: Place, publications: MemoryPublications) -> None:
    """ABOR comes too late once the upload is whole: the reply to STOR says what became of it."""
    publications.gate = threading.Event()
    with place.login("hans", "secret") as client:
        with client.passive() as data:
            client.asks(STOR, "1")
            data.sendall(NEW)
        wait_until(lambda: bool(publications.uploads))
        client.sends("ABOR")
        publications.gate.set()
        client.answers("226 Stored.")
        client.answers("225")


def test_quit_while_it_is_being_sent(place: Place, publications: MemoryPublications) -> None:
    """QUIT lets the upload end, and its reply comes before the end (RFC 959 §4.1.1)."""
    publications.gate = threading.Event()
    with place.login("hans", "secret") as client:
        with client.passive() as data:
            client.asks(STOR, "1")
            client.asks("QUIT", "221")
            data.sendall(NEW)
        wait_until(lambda: bool(publications.uploads))
        publications.gate.set()
        client.answers("226 Stored.")
        assert client.ended()
    assert NEW == publications.tree.files["hans"].body


def test_a_client_that_leaves_while_it_is_being_stored(
    place: Place, publications: MemoryPublications
) -> None:
    """What was whole is stored, although nobody waits for the reply any more."""
    publications.gate = threading.Event()
    with place.login("hans", "secret") as client:
        with client.passive() as data:
            client.asks(STOR, "1")
            data.sendall(NEW)
        wait_until(lambda: bool(publications.uploads))
        reset(client)
    wait_until(lambda: not place.server._session.sessions)
    publications.gate.set()
    wait_until(lambda: publications.tree.files["hans"].body == NEW)


def test_stopping_while_it_is_being_stored(publications: MemoryPublications) -> None:
    """A stop lets a publication end that is under way, and answers it."""
    publications.gate = threading.Event()
    with (
        serving(publications.tree, logins=MemoryLogins(), publications=publications) as place,
        place.login("hans", "secret") as client,
    ):
        with client.passive() as data:
            client.asks(STOR, "1")
            data.sendall(NEW)
        wait_until(lambda: bool(publications.uploads))
        thread = threading.Thread(target=place.server.stop)
        thread.start()
        wait_until(lambda: place.server._session.sessions.copy().pop()._quit_pending)
        publications.gate.set()
        client.answers("226 Stored.")
        assert client.ended()
        thread.join(PATIENCE)


def test_uploads_at_once_from_one_address(publications: MemoryPublications) -> None:
    """One address has so many uploads at once; who has ended makes room."""
    with (
        serving(
            publications.tree,
            logins=MemoryLogins(),
            publications=publications,
            max_uploads_per_address=2,
        ) as place,
        ExitStack() as stack,
    ):
        clients = [stack.enter_context(place.login("hans", "secret")) for _ in range(3)]
        first = begin(clients[0], stack)
        begin(clients[1], stack)
        clients[2].asks("EPSV", "229")
        clients[2].asks(STOR, "450")
        first.sendall(NEW[-5:])
        first.close()
        clients[0].answers("226")
        assert "226 Stored." == clients[2].uploads(STOR, NEW)


def test_memory_of_all_uploads(publications: MemoryPublications) -> None:
    """What all uploads under way may take together is bounded; what is too much gets 452."""
    with (
        serving(
            publications.tree,
            logins=MemoryLogins(),
            publications=publications,
            upload_memory=len(NEW) + 10,
        ) as place,
        ExitStack() as stack,
    ):
        one, other = (stack.enter_context(place.login("hans", "secret")) for _ in range(2))
        data = begin(one, stack)
        wait_until(lambda: received(place) > 0)
        assert other.uploads(STOR, NEW).startswith("452")
        data.sendall(NEW[-5:])
        data.close()
        one.answers("226")
        assert "226 Stored." == other.uploads(STOR, NEW)


def test_stalled_upload(publications: MemoryPublications) -> None:
    """An upload over which nothing comes ends its session after the data time-out."""
    with (
        serving(
            publications.tree, logins=MemoryLogins(), publications=publications, data_timeout=0.2
        ) as place,
        place.login("hans", "secret") as client,
        ExitStack() as stack,
    ):
        begin(client, stack)
        client.answers("421")
        assert client.ended()
        assert 0 == received(place)
    assert [] == publications.uploads


def test_dripping_upload(publications: MemoryPublications) -> None:
    """An upload that only drips ends after the time for all of it; the session goes on."""
    with (
        serving(
            publications.tree, logins=MemoryLogins(), publications=publications, upload_timeout=0.3
        ) as place,
        place.login("hans", "secret") as client,
        ExitStack() as stack,
    ):
        data = begin(client, stack)
        stop = threading.Event()

        def drip() -> None:
            while not stop.wait(0.02):
                try:
                    data.send(b"x")
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            client.answers("426 The upload took too long")
        finally:
            stop.set()
            thread.join()
        client.asks("NOOP", "200")
        assert BODY == client.fetches(f"RETR {HANS}")


def test_one_transfer_at_a_time(place: Place) -> None:
    """A second transfer over the connection of the first is refused, and the first goes on."""
    with place.login("hans", "secret") as client, ExitStack() as stack:
        data = begin(client, stack)
        client.asks(STOR, "425")
        client.asks(f"RETR {HANS}", "425")
        data.sendall(NEW[-5:])
        data.close()
        client.answers("226")


def test_another_login_while_it_is_being_sent(
    place: Place, publications: MemoryPublications
) -> None:
    """An upload belongs to whoever began it."""
    with place.login("hans", "secret") as client, ExitStack() as stack:
        data = begin(client, stack)
        wait_until(lambda: received(place) > 0)
        client.asks("USER anonymous", "331")
        client.asks("PASS x", "230")
        data.sendall(NEW[-5:])
        data.close()
        client.answers("226")
    ((_, _, visitor),) = publications.uploads
    assert visitor.account is not None
    assert "hans" == visitor.account.label


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.DEBUG)
    return lambda: [r.getMessage() for r in caplog.records if r.name != "asyncio"]


def test_one_line_per_upload(place: Place, log: Callable[[], list[str]]) -> None:
    """An upload leaves one line with who, what, how much, and what became of it."""
    with place.login("hans", "secret") as client:
        client.uploads("STOR /calendar/hans.ifb", NEW)
        client.uploads("STOR /calendar/hans.vfb", b"MARKER")
    began = "event=ftp_upload peer=127.0.0.1 user=hans protocol=ftp name=hans"
    lines = [re.sub(r"seconds=\d\.\d{3}", "", line) for line in log()]
    assert lines == [
        "event=ftp_login peer=127.0.0.1 user=hans protocol=ftp",
        f"{began} bytes={len(NEW)}  reply=226 reason=Stored.",
        f'{began} bytes=6  reply=550 reason="There is no END:VFREEBUSY;  226 it was broken off."',
    ]


def test_a_line_for_what_may_not_be_written(place: Place, log: Callable[[], list[str]]) -> None:
    """A refused change leaves a line with the NAME, and never a path that names nobody."""
    with place.login("hans", "secret") as client:
        client.asks("STOR /calendar/berta.ifb", "550")
        client.asks("DELE /calendar/MARKER.vfb", "550")
        client.asks("APPE /calendar/hans.vfb", "550")
        client.asks("MKD /calendar/MARKER", "550")
        client.asks("RMD MARKER", "550")
        client.asks("STOU", "550")
    with place.login() as client:
        client.asks("STOR /calendar/hans.vfb", "550")
    began = "event=ftp_write_refused peer=127.0.0.1"
    assert [
        f"{began} user=hans protocol=ftp command=STOR name=berta",
        f"{began} user=hans protocol=ftp command=DELE name=unknown",
        f"{began} user=hans protocol=ftp command=APPE name=hans",
        *(
            f"{began} user=hans protocol=ftp command={command} name=unknown"
            for command in ("MKD", "RMD", "STOU")
        ),
        f"{began} user=anonymous protocol=ftp command=STOR name=hans",
    ] == [line for line in log() if "login" not in line]


def test_no_secret_in_the_log(place: Place, log: Callable[[], list[str]]) -> None:
    """Neither a password, nor a mistyped user, nor a path that names nobody is logged."""
    with place.dial() as client:
        client.answers("220")
        client.asks("USER MARKER", "331")
        client.asks("PASS MARKER", "530")
        client.asks("USER hans", "331")
        client.asks("PASS secret", "230")
        client.asks("STOR /pub/calendar/MARKER.vfb", "550")
        client.asks("DELE /pub/calendar/MARKER.vfb", "550")
        client.asks("CLNT MARKER", "200")
        client.uploads(STOR, NEW)
    assert not [line for line in log() if "MARKER" in line or "secret" in line]
