"""How much one person may ask for at a time, and what becomes of clients that go away."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from freebusy.connector.bodies import PREFIX
from freebusy.connector.parts import ConnectorLimits
from tests.processes import until
from tests.wire.connector_gateway import EVA, HANS, JSON, connecting
from tests.wire.http_gateway import read_answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from freebusy.ports import CalendarFolder, Owner
    from tests.wire.connector_gateway import Api


class Slow:
    """Holds up whoever makes a folder called "Slow", until it is let go."""

    def __init__(self, api: Api) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()
        self._create = api.mail.create
        api.mail.create = self.create  # type: ignore[method-assign]  # its own method goes on

    def create(self, who: Owner, name: str, *, parent: str | None = None) -> CalendarFolder:
        if name.startswith("Slow"):
            self.begun.release()
            assert self.go_on.wait(20)
        return self._create(who, name, parent=parent)


@contextmanager
def creating(api: Api, name: str, login: str = HANS) -> Iterator[socket.socket]:
    """Ask for a new folder, and go on before the answer is there."""
    body = json.dumps({"name": name}).encode()
    head = f"POST {PREFIX}/folders HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    with api.running.connect() as client:
        client.sendall(f"{head}{login}\r\n{JSON}\r\n\r\n".encode() + body)
        yield client


def is_alone(api: Api) -> bool:
    """Whether one connection is left."""
    connections = api.running.server._connections
    return connections is not None and len(connections) == 1


def names(api: Api) -> set[str]:
    return {folder["name"] for folder in api.ask("GET", "/folders")["folders"]}


def test_one_person_holds_up_nobody_else() -> None:
    """Who asks for too much at a time waits, then is told to come again; others go on."""
    with connecting(ConnectorLimits(max_requests=2, patience=0.3)) as api:
        slow = Slow(api)
        with creating(api, "Slow1") as one, creating(api, "Slow2") as two:
            assert slow.begun.acquire(timeout=20)
            assert slow.begun.acquire(timeout=20)
            answer = api.send("GET", "/folders")
            assert (503, "5") == (answer.status, answer.headers["retry-after"])
            assert 200 == api.send("GET", "/folders", login=EVA).status
            slow.go_on.set()
            assert [201, 201] == [read_answer(each).status for each in (one, two)]
        assert {"Calendar", "Slow1", "Slow2"} == names(api)


def test_turns_come_in_their_order() -> None:
    """Who waits is served as soon as there is a place, and nothing is kept of it after."""
    with connecting(ConnectorLimits(max_requests=1, patience=20.0)) as api:
        slow = Slow(api)
        with creating(api, "Slow") as one:
            assert slow.begun.acquire(timeout=20)
            with creating(api, "Second") as two:
                slow.go_on.set()
                assert [201, 201] == [read_answer(each).status for each in (one, two)]
        assert {"Calendar", "Slow", "Second"} == names(api)


def test_what_has_begun_is_done_as_a_whole() -> None:
    """A client that goes away meanwhile does not leave half of it."""
    with connecting() as api:
        slow = Slow(api)
        with creating(api, "Slow"):
            assert slow.begun.acquire(timeout=20)
        slow.go_on.set()
        until(lambda: "Slow" in names(api), "the folder is made")


def test_nothing_is_begun_for_who_has_gone() -> None:
    """A client that goes away while it waits for its turn has asked for nothing."""
    with connecting(ConnectorLimits(max_requests=1, patience=20.0)) as api:
        slow = Slow(api)
        with creating(api, "Slow") as one:
            assert slow.begun.acquire(timeout=20)
            with creating(api, "Gone") as gone:
                until(lambda: len(api.logins.asked) == 2, "the second has logged in")
                gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            until(lambda: is_alone(api), "the second has gone")
            slow.go_on.set()
            assert 201 == read_answer(one).status
        assert {"Calendar", "Slow"} == names(api)


def test_the_server_stops_while_work_is_under_way() -> None:
    """It does not wait for a mail server that hangs."""
    with connecting() as api:
        slow = Slow(api)
        with creating(api, "Slow"):
            assert slow.begun.acquire(timeout=20)
    slow.go_on.set()
