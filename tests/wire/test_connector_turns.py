"""How much one person may ask for at a time, and what becomes of clients that go away.

Also: what takes long is done in no event loop.
"""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

import pytest

from freebusy.connector.bodies import PREFIX
from freebusy.connector.parts import ConnectorLimits
from freebusy.period import FreeBusyType, Period
from freebusy.ports import PersonTimes
from tests.processes import until
from tests.wire.connector_gateway import EVA, HANS, JSON, Lookups, connecting
from tests.wire.http_gateway import MemoryFiles, read_answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from freebusy.period import TimeRange
    from freebusy.ports import CalendarFolder, Owner, Visitor
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


def test_other_limits_while_requests_wait() -> None:
    """They hold for whoever comes from then on; who waits already goes by the former ones."""
    with connecting(ConnectorLimits(max_requests=1, patience=20.0)) as api:
        slow = Slow(api)
        with creating(api, "Slow") as one, creating(api, "Second") as two:
            assert slow.begun.acquire(timeout=20)
            until(lambda: len(api.logins.asked) == 2, "the second has logged in")
            api.connector.limits = ConnectorLimits(max_requests=2, max_body=100)
            assert {"Calendar"} == names(api)
            assert 413 == api.send("POST", "/folders", {"name": "x" * 100}).status
            slow.go_on.set()
            assert [201, 201] == [read_answer(each).status for each in (one, two)]


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


class Watched(tuple[Period, ...]):
    """Periods that know in which thread they were looked at."""

    __slots__ = ()
    threads: ClassVar[set[str]] = set()

    def __iter__(self) -> Iterator[Period]:
        self.threads.add(threading.current_thread().name)
        return super().__iter__()


class ManyTimes(Lookups):
    """Knows a great many periods of everybody."""

    async def look_up(
        self, names: Sequence[str], within: TimeRange | None, visitor: Visitor
    ) -> Sequence[PersonTimes]:
        spans = [(at, at + 60, FreeBusyType.BUSY) for at in range(0, 360_000, 120)]
        periods = Watched(map(Period.from_span, spans))
        return [PersonTimes(name, "known", periods) for name in names]


@pytest.mark.parametrize("path", ["/freebusy/hans", "/freebusy?names=hans,eva"])
def test_others_do_not_wait_for_a_large_answer(path: str) -> None:
    """Tens of thousands of periods are made into an answer beside the event loop."""
    with connecting() as api:
        api.connector.lookups = ManyTimes(MemoryFiles())
        Watched.threads.clear()
        told = api.ask("GET", path)
    person = told["people"][1] if "people" in told else told
    assert (3000, "1970-01-01T00:02:00Z") == (
        len(person["periods"]),
        person["periods"][1]["start"],
    )
    assert {True} == {name.startswith("http-connector") for name in Watched.threads}
