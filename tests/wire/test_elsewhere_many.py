"""Many people on other servers at once: asked once, remembered, and never too many at a time."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from freebusy.connector.lookups import Lookups
from freebusy.period import TimeRange
from freebusy.ports import Visitor
from tests.wire.http_gateway import MemoryFiles
from tests.wire.other_servers import (
    FILE,
    NOW,
    Names,
    asking,
    http,
    peer,
    redirect,
    server_at,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

    from freebusy.connector.elsewhere import Elsewhere
    from freebusy.ports import PersonTimes
    from tests.wire.other_servers import Peer, Reply

HANS = "hans@partner.example"
VISITOR = Visitor("127.0.0.1")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Held:
    """Answers once it is let go, and counts how many wait at a time."""

    def __init__(self, reply: bytes = http(FILE, "Connection: close")) -> None:
        self.reply = reply
        self.waiting = self.most = self.left = 0
        self.is_waiting = asyncio.Event()
        self.is_left = asyncio.Event()
        self.let_go = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        self.is_waiting.set()
        gone = asyncio.create_task(reader.read())
        going = asyncio.create_task(self.let_go.wait())
        try:
            await asyncio.wait({gone, going}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                self.left += 1
                self.is_left.set()
            writer.write(self.reply)
        finally:
            self.waiting -= 1
            gone.cancel()
            going.cancel()


@dataclass
class Site:
    """Look-ups that ask one other server."""

    there: Peer
    elsewhere: Elsewhere
    lookups: Lookups

    async def look_up(
        self, names: Iterable[str], within: TimeRange | None = None
    ) -> Sequence[PersonTimes]:
        return await self.lookups.look_up(list(names), within, VISITOR)


@contextlib.asynccontextmanager
async def site(
    replies: Mapping[str, Reply],
    *,
    at_once: int = 8,
    hold_up: float = 0.0,
    clock: Clock | None = None,
    limits: Mapping[str, Any] | None = None,
    **options: Any,
) -> AsyncIterator[Site]:
    files = MemoryFiles()
    files.seconds = hold_up
    async with (
        peer(replies) as there,
        asking(server_at(there.port, at_once=at_once), clock=clock, **(limits or {})) as elsewhere,
    ):
        lookups = Lookups(files, elsewhere, **options)
        yield Site(there, elsewhere, lookups)
        await lookups.close()


def people(number: int) -> list[str]:
    return [f"p{at}@partner.example" for at in range(number)]


def statuses(found: Sequence[PersonTimes]) -> list[str]:
    return [times.status for times in found]


# -- asked once, and remembered


def test_one_request_for_all_who_ask() -> None:
    """Whoever asks for a person who is just being asked for waits for that answer."""

    async def scenario() -> tuple[int, int]:
        held = Held()
        async with peer({"/hans.vfb": held}) as there, asking(server_at(there.port)) as elsewhere:
            asked = [
                asyncio.create_task(elsewhere.look_up(who)) for who in (HANS, HANS.upper()) * 5
            ]
            await asyncio.wait_for(held.is_waiting.wait(), 5)
            held.let_go.set()
            found = {id(outcome.answer) for outcome in await asyncio.gather(*asked)}
            return len(there.requests), len(found)

    assert (1, 1) == asyncio.run(scenario())


def test_who_goes_does_not_take_the_answer_along() -> None:
    """One who stops waiting spoils nothing for the others; when all have, the request ends."""

    async def scenario() -> tuple[bool, int, int]:
        held = Held()
        async with peer({"/hans.vfb": held}) as there, asking(server_at(there.port)) as elsewhere:
            one, two = (asyncio.create_task(elsewhere.look_up(HANS)) for _ in range(2))
            await asyncio.wait_for(held.is_waiting.wait(), 5)
            one.cancel()
            held.let_go.set()
            known = (await two).answer is not None
            held.let_go.clear()
            held.is_waiting.clear()
            there.replies["/eva.vfb"] = held
            three = asyncio.create_task(elsewhere.look_up("eva@partner.example"))
            await asyncio.wait_for(held.is_waiting.wait(), 5)
            three.cancel()
            await asyncio.gather(three, return_exceptions=True)
            await asyncio.wait_for(held.is_left.wait(), 5)
            return known, held.left, len(there.requests)

    assert (True, 1, 2) == asyncio.run(scenario())


def test_answers_are_remembered() -> None:
    """A person is asked for again when the answer, or that there was none, has grown old."""
    clock = Clock()

    async def scenario() -> list[list[str]]:
        seen = []
        limits = {"cache": 300, "cache_misses": 60}
        async with site({"/hans.vfb": http()}, clock=clock, limits=limits) as partner:
            for clock.now in (0.0, 59.0, 61.0, 301.0):
                partner.there.requests.clear()
                await partner.look_up([HANS, "nobody@partner.example"])
                seen.append(sorted(partner.there.paths))
        return seen

    both = ["/hans.vfb", "/nobody.vfb"]
    assert [both, [], both[1:], both] == asyncio.run(scenario())


def test_each_person_who_is_asked_for_is_counted() -> None:
    """What was asked for counts, by server and outcome; what is remembered does not."""
    counted: list[tuple[str, str]] = []

    async def scenario() -> None:
        replies: dict[str, Reply] = {"/p0.vfb": http(), "/p1.vfb": http(b"", status="500 No")}
        async with peer(replies) as there:
            server = server_at(there.port)
            made = asking(server, counted=lambda name, outcome: counted.append((name, outcome)))
            async with made as elsewhere:
                for name in people(3) * 2:
                    await elsewhere.look_up(name)

    asyncio.run(scenario())
    assert [("partner", word) for word in ("known", "failed", "unknown")] == counted


# -- how many at a time


def test_so_many_at_a_time() -> None:
    """A server is asked for no more people at a time than is configured, all of them neither."""

    async def scenario(at_once: int, all_at_once: int) -> int:
        held = Held()
        replies = {f"/p{at}.vfb": held for at in range(40)}
        async with site(replies, at_once=at_once, limits={"at_once": all_at_once}) as partner:
            looked = asyncio.create_task(partner.look_up(people(40)))
            while held.waiting < min(at_once, all_at_once):
                held.is_waiting.clear()
                await asyncio.wait_for(held.is_waiting.wait(), 5)
            held.let_go.set()
            assert ["known"] * 40 == statuses(await looked)
        return held.most

    assert [3, 2] == [asyncio.run(scenario(3, 32)), asyncio.run(scenario(8, 2))]


def test_five_hundred_at_once() -> None:
    """Five hundred people are looked up in seconds, over a handful of connections."""

    async def scenario() -> tuple[int, list[str], float]:
        async with site({f"/p{at}.vfb": http() for at in range(500)}) as partner:
            began = time.monotonic()
            found = await partner.look_up(people(500))
            return partner.there.connections, statuses(found), time.monotonic() - began

    connections, found, lasted = asyncio.run(scenario())
    assert ["known"] * 500 == found
    assert connections <= 8
    assert lasted < 10


def test_a_server_that_is_down_is_not_waited_for_by_each() -> None:
    """Once nobody has been found at home there, the others are told so at once."""

    async def scenario() -> tuple[list[str], int]:
        async with peer({}) as there:
            port = there.port
        names = Names()
        async with asking(server_at(port, at_once=2), names=names) as elsewhere:
            lookups = Lookups(MemoryFiles(), elsewhere)
            found = await lookups.look_up(people(100), None, VISITOR)
            await lookups.close()
        return statuses(found), len(names.asked)

    found, asked = asyncio.run(scenario())
    assert ["unreachable"] * 100 == found
    assert asked <= 2


def test_it_is_asked_again_after_a_while() -> None:
    """A server that was down is asked again when a pause is over."""
    clock = Clock()

    async def scenario() -> list[str | None]:
        async with peer({}) as there:
            port = there.port
        names, seen = Names(), []
        async with asking(server_at(port), names=names, clock=clock, cache_misses=0) as elsewhere:
            for clock.now in (0.0, 14.0, 16.0):
                before = len(names.asked)
                await elsewhere.look_up(HANS)
                seen.append("asked" if len(names.asked) > before else None)
        return seen

    assert ["asked", None, "asked"] == asyncio.run(scenario())


def test_patience_ends() -> None:
    """Who has not been found in time is unreachable; the others are there."""

    async def scenario() -> tuple[list[str], int]:
        held = Held()
        replies: dict[str, Reply] = {"/p0.vfb": http(), "/p1.vfb": held, "/p2.vfb": http()}
        async with site(replies, patience=0.3) as partner:
            found = statuses(await partner.look_up(people(3)))
            # The connections of the others are kept for whoever comes next.
            await asyncio.wait_for(held.is_left.wait(), 5)
        return found, held.left

    assert (["known", "unreachable", "known"], 1) == asyncio.run(scenario())


def test_large_answers_of_many() -> None:
    """All people together show no more periods than there is room for."""
    busy = ",".join(
        f"202606{day:02}T{at:02}0000Z/PT30M" for day in range(1, 31) for at in range(24)
    )
    body = FILE.replace(b"END:VFREEBUSY", f"FREEBUSY:{busy}\r\nEND:VFREEBUSY".encode())

    async def scenario() -> Sequence[PersonTimes]:
        replies = {f"/p{at}.vfb": http(body) for at in range(20)}
        async with site(replies, max_periods=2500) as partner:
            return await partner.look_up(people(20))

    found = asyncio.run(scenario())
    assert {"known": 3, "unreachable": 17} == {
        status: statuses(found).count(status) for status in ("known", "unreachable")
    }
    assert 2500 >= sum(len(times.periods) for times in found)


# -- what is said


def test_what_is_said_of_people_elsewhere() -> None:
    """Times come cut to what was asked for, and who is elsewhere is said to be."""
    within = TimeRange(NOW, NOW.replace(day=3, hour=0))

    async def scenario() -> list[tuple[Any, ...]]:
        replies: dict[str, Reply] = {"/p0.vfb": http(), "/p1.vfb": http(b"", status="500 No")}
        async with site(replies, domains=("x.example",)) as partner:
            names = [*people(3), "a@other.example", "a@x.example"]
            found = await partner.look_up(names, within)
        return [(one.status, one.is_elsewhere, len(one.periods), one.known) for one in found]

    assert [
        ("known", True, 1, within),
        ("unreachable", True, 0, None),
        ("unknown", True, 0, None),
        ("not_allowed", False, 0, None),
        ("unknown", False, 0, None),
    ] == asyncio.run(scenario())


def test_another_server_is_no_way_around_the_scanners() -> None:
    """Whoever is nobody on another server counts as one who is nobody here."""

    async def scenario() -> list[str]:
        async with site({"/p5.vfb": http()}, hold_up=0.1, patience=0.35) as partner:
            return statuses(await partner.look_up(people(6)))

    assert ["unknown"] * 3 + ["unreachable"] * 3 == asyncio.run(scenario())


def test_other_servers_may_change() -> None:
    """After a change of the configuration other servers are asked."""

    async def scenario() -> list[str]:
        found = []
        async with peer({"/p0.vfb": http()}) as there, asking(server_at(there.port)) as one:
            made = Lookups(MemoryFiles(), one)
            found += statuses(await made.look_up(people(1), None, VISITOR))
            await made.reload(None, ())
            found += statuses(await made.look_up(people(1), None, VISITOR))
            found += ["closed" if (await one.look_up("eva@partner.example")).problem else "open"]
            await made.close()
        return found

    assert ["known", "not_allowed", "closed"] == asyncio.run(scenario())


# -- whatever comes

ANY_REPLY = (
    st.binary(max_size=300)
    | st.binary(max_size=300).map(http)
    | st.binary(max_size=100).map(lambda noise: http(FILE[:100] + noise + FILE[100:]))
    | st.text(st.characters(max_codepoint=255, exclude_characters="\r\n")).map(redirect)
    | st.integers(100, 999).map(lambda status: http(status=f"{status} x"))
)


def test_any_name_and_any_answer() -> None:
    """Whatever is asked for and whatever comes back, there is a status for it."""
    with asyncio.Runner() as runner:

        @given(st.lists(st.text() | st.text().map("{}@partner.example".format)), ANY_REPLY)
        @settings(deadline=None, max_examples=40)
        def check(names: list[str], reply: bytes) -> None:
            found = runner.run(scenario([*names, HANS], reply))
            assert {"known", "unknown", "not_allowed", "unreachable"} >= set(statuses(found))
            assert len(names) + 1 == len(found)

        check()


async def scenario(names: list[str], reply: bytes) -> Sequence[PersonTimes]:
    async def closing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply)
        await writer.drain()

    async with site({"/hans.vfb": closing}, limits={"timeout": 1.0}, patience=2.0) as partner:
        return await partner.look_up(names)
