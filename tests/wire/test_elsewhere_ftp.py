"""People on other servers over FTP: read like a transcript."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.ftp_dialogue import HOSTS, MemoryFiles, published
from tests.wire.ftp_dialogue import serving as ftp_gateway
from tests.wire.other_servers import BUSY, FILE, Names, asking, finish, server_at, serving, shown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from freebusy.connector.remembered import Outcome

HANS = "hans@partner.example"


@dataclass
class FtpPeer:
    """An FTP server that replies to each verb as it was told, and keeps what was asked."""

    replies: Mapping[str, str]
    data: bytes | None
    """What comes over the data connection; None: it never ends and says nothing."""
    port: int = 0
    data_port: int = 0
    asked: list[str] = field(default_factory=list)
    data_connections: int = 0
    is_asked_for_data: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def reply(self, verb: str) -> str:
        given = {
            "HELLO": "220 Ready",
            "USER": "331 Password",
            "PASS": "230 In",
            "TYPE": "200 Binary",
            "EPSV": f"229 Entering (|||{self.data_port}|)",
            "PASV": f"227 Entering (10,1,2,3,{self.data_port >> 8},{self.data_port & 255})",
            "RETR": "150 Here it comes",
            "END": "226 Done",
            "QUIT": "221 Bye",
        }
        return {**given, **self.replies}.get(verb, "502 What?").replace("\n", "\r\n") + "\r\n"

    async def control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with serving(writer, self.tasks):
            writer.write(self.reply("HELLO").encode())
            while line := (await reader.readline()).decode("utf-8", "surrogateescape"):
                self.asked.append(line.rstrip("\r\n"))
                verb = line.split()[0].upper()
                writer.write(self.reply(verb).encode())
                if verb == "RETR" and self.reply("RETR").startswith("1"):
                    writer.write(self.reply("END").encode())
                await writer.drain()

    async def transfer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with serving(writer, self.tasks):
            self.data_connections += 1
            self.is_asked_for_data.set()
            if self.data is None:
                await reader.read()  # until the other side gives up
            else:
                writer.write(self.data)
                await writer.drain()


@asynccontextmanager
async def ftp_peer(
    data: bytes | None = FILE, *, host: str = "127.0.0.1", **replies: str
) -> AsyncIterator[FtpPeer]:
    made = FtpPeer(replies, data)
    control = await asyncio.start_server(made.control, host, 0)
    transfers = await asyncio.start_server(made.transfer, host, 0)
    made.port = control.sockets[0].getsockname()[1]
    made.data_port = transfers.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        await finish(control, made.tasks)
        await finish(transfers, made.tasks)


async def told(
    data: bytes | None = FILE, *, seconds: float = 5.0, host: str = "127.0.0.1", **replies: str
) -> tuple[Outcome, FtpPeer]:
    async with ftp_peer(data, host=host, **replies) as there:
        server = server_at(there.port, f"ftp://%SERVER%:{there.port}/pub/calendar/%NAME%.vfb")
        names = Names(partner_example=host)
        limits = {"timeout": seconds, "max_size": 1 << 16}
        async with asking(server, names=names, **limits) as elsewhere:
            return await elsewhere.look_up(HANS), there


def said(outcome: Outcome) -> str:
    if outcome.problem is not None:
        return outcome.problem
    return "nobody" if outcome.answer is None else "known"


@pytest.mark.parametrize("host", HOSTS)
def test_another_gateway(host: str) -> None:
    """A gateway such as this one is read anonymously, over IPv4 and IPv6."""

    async def scenario(port: int) -> list[str]:
        url = f"ftp://partner.example:{port}/pub/calendar/%NAME%.vfb"
        server = server_at(port, url, domains=("partner.example",))
        async with asking(server, names=Names(partner_example=host)) as elsewhere:
            found = [await elsewhere.look_up(f"{n}@partner.example") for n in ("hans", "nobody")]
        assert BUSY == shown(found[0].answer)
        return [said(outcome) for outcome in found]

    with ftp_gateway(MemoryFiles({"hans": published("hans", FILE)}), host) as gateway:
        assert ["known", "nobody"] == asyncio.run(scenario(gateway.port))


def test_the_dialogue() -> None:
    """Anonymous, binary, extended passive, one RETR, and nothing else."""
    outcome, there = asyncio.run(told())
    assert BUSY == shown(outcome.answer)
    assert [
        "USER anonymous",
        "PASS anonymous@",
        "TYPE I",
        "EPSV",
        "RETR pub/calendar/hans.vfb",
    ] == there.asked


def test_pasv_to_another_address() -> None:
    """What address PASV names does not count: data comes from where control does."""
    outcome, there = asyncio.run(told(EPSV="500 What?"))
    assert ["EPSV", "PASV"] == there.asked[3:5]
    assert ("known", 1) == (said(outcome), there.data_connections)


@pytest.mark.parametrize("reply", ["229 (|||22|)", "229 (|2|::1|80|)", "229 (|||70000|)", "229 x"])
def test_epsv_to_another_service(reply: str) -> None:
    """A port that is none for data is not connected to."""
    outcome, there = asyncio.run(told(EPSV=reply))
    assert ("protocol", 0) == (said(outcome), there.data_connections)


REPLIES = {
    "nobody": [{"RETR": "550 No such file"}, {"RETR": "450 Busy"}, {"END": "550 Gone"}],
    "status": [
        {"USER": "530 No"},
        {"PASS": "530 No"},
        {"HELLO": "421 Full"},
        {"PASS": "332 Account for login"},
        {"END": "426 Broken off"},
        {"END": "451 A fault"},
        {"TYPE": "504 No"},
        {"EPSV": "500 What?", "PASV": "502 No"},
    ],
    "protocol": [
        {"HELLO": "HTTP/1.1 400 Bad Request"},
        {"HELLO": "220-\n" * 300 + "220 Ready"},
        {"TYPE": "x" * 20_000},
        {"RETR": "999 What"},
        {"EPSV": "500 What?", "PASV": "227 (1,2,3)"},
    ],
}


@pytest.mark.parametrize(
    ("outcome", "replies"), [(word, one) for word, some in REPLIES.items() for one in some]
)
def test_replies(outcome: str, replies: dict[str, Any]) -> None:
    """A file that is not there is nobody; whatever else goes wrong is no answer."""
    assert outcome == said(asyncio.run(told(**replies))[0])


def test_bodies() -> None:
    """A page is nobody, what is broken off or too large is no answer."""
    bodies = (b"<html>", b"", FILE[:-10], FILE + b"x" * (1 << 16))
    found = [said(asyncio.run(told(body))[0]) for body in bodies]
    assert ["nobody", "nobody", "content", "size"] == found


@pytest.mark.parametrize("silent", ["data", "reply", "drip"])
def test_what_has_no_end(silent: str) -> None:
    """A server that says nothing more is left after the time-out, and so is its thread."""

    async def scenario() -> tuple[str, float]:
        began = asyncio.get_running_loop().time()
        replies = {"data": {}, "reply": {"RETR": "150-"}, "drip": {"RETR": "150-\n" * 90 + "150-"}}
        outcome, _ = await told(None, seconds=0.5, **replies[silent])
        return said(outcome), asyncio.get_running_loop().time() - began

    outcome, lasted = asyncio.run(scenario())
    assert "timeout" == outcome
    assert lasted < 2


def test_who_is_not_there() -> None:
    """Nobody listens, or the name leads inside where that is not allowed."""

    async def scenario() -> list[str]:
        async with ftp_peer() as there:
            port = there.port
            server = server_at(port, f"ftp://%SERVER%:{port}/%NAME%", private=False)
            async with asking(server) as elsewhere:
                inside = await elsewhere.look_up(HANS)
            assert [] == there.asked
        async with asking(server_at(port, f"ftp://%SERVER%:{port}/%NAME%")) as elsewhere:
            return [said(inside), said(await elsewhere.look_up(HANS))]

    assert ["address", "connection"] == asyncio.run(scenario())


def test_a_further_address_is_tried() -> None:
    """Where a host has several addresses, one at which nobody listens is passed over."""

    async def scenario() -> str:
        async with ftp_peer() as there:
            server = server_at(there.port, f"ftp://%SERVER%:{there.port}/%NAME%.vfb")
            names = Names(partner_example=("127.0.0.2", "127.0.0.1"))
            async with asking(server, names=names) as elsewhere:
                return said(await elsewhere.look_up(HANS))

    assert "known" == asyncio.run(scenario())


@pytest.mark.parametrize(
    "path", ["%0d%0aDELE%20x/%NAME%", "a%00/%NAME%", "%ff/%NAME%", "%0a%NAME%"]
)
def test_no_second_command(path: str) -> None:
    """A path with a line break in it, or what is no text, is not asked for at all."""

    async def scenario() -> tuple[str, list[str]]:
        async with ftp_peer() as there:
            server = server_at(there.port, f"ftp://%SERVER%:{there.port}/{path}")
            async with asking(server) as elsewhere:
                return said(await elsewhere.look_up(HANS)), there.asked

    assert ("url", []) == asyncio.run(scenario())


def test_closing_ends_what_is_under_way() -> None:
    """After close nobody waits any more."""

    async def scenario() -> str:
        async with ftp_peer(None) as there:
            server = server_at(there.port, f"ftp://%SERVER%:{there.port}/%NAME%.vfb")
            async with asking(server) as elsewhere:
                waiting = asyncio.create_task(elsewhere.look_up(HANS))
                await asyncio.wait_for(there.is_asked_for_data.wait(), 5)
                await elsewhere.close()
                return said(await waiting)

    assert "closed" == asyncio.run(scenario())


REPLY = st.one_of(
    st.binary(max_size=60).map(lambda noise: noise.decode("latin-1")),
    st.integers(100, 599).map(lambda code: f"{code} x"),
    st.sampled_from(["229 (|||1|)", "227 =1,1,1,1,255,255", "150-\n150-", "226 Done", ""]),
)
VERBS = ("HELLO", "USER", "PASS", "TYPE", "EPSV", "PASV", "RETR", "END")


def test_any_dialogue() -> None:
    """Whatever a server replies, the outcome is one of those that are known."""
    with asyncio.Runner() as runner:

        @given(st.dictionaries(st.sampled_from(VERBS), REPLY, min_size=1, max_size=3))
        @settings(deadline=None, max_examples=40)
        def check(replies: dict[str, Any]) -> None:
            outcome, _ = runner.run(told(seconds=0.3, **replies))
            words = {"known", "nobody", "status", "protocol", "timeout", "connection", "content"}
            assert said(outcome) in words

        check()
