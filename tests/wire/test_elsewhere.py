"""People on other servers over HTTP: what is asked, and what becomes of any answer."""

from __future__ import annotations

import asyncio
import gzip
import logging
import ssl
from typing import TYPE_CHECKING, Any

import pytest

from freebusy.connector.elsewhere import Elsewhere
from freebusy.connector.limits import FetchLimits
from freebusy.ports import PublishedFile
from tests.servers.certificate import make_certificate
from tests.wire.http_gateway import MemoryFiles, serving
from tests.wire.other_servers import (
    BUSY,
    FILE,
    NOW,
    Names,
    asking,
    header,
    http,
    peer,
    redirect,
    server_at,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from freebusy.connector.remembered import Outcome
    from tests.wire.other_servers import Peer, Reply

HANS = "hans@partner.example"


async def told(
    *replies: tuple[str, Reply], address: str = HANS, urls: tuple[str, ...] = (), **limits: Any
) -> tuple[Outcome, Peer]:
    """Ask a server that answers so; ``{port}`` in a URL or a reply is the server's."""
    async with peer({}) as there:
        there.replies = {path: ported(reply, there.port) for path, reply in replies}
        server = server_at(there.port, *(url.format(port=there.port) for url in urls))
        async with asking(server, **limits) as elsewhere:
            return await elsewhere.look_up(address), there


def ported(reply: Reply, port: int) -> Reply:
    return reply.replace(b"{port}", str(port).encode()) if isinstance(reply, bytes) else reply


def said(scenario: Coroutine[None, None, tuple[Outcome, Peer]]) -> str:
    """Return what became of it, in a word."""
    outcome, _ = asyncio.run(scenario)
    if outcome.problem is not None:
        return outcome.problem
    return "nobody" if outcome.answer is None else "known"


# -- what is asked


def test_a_person_of_a_partner() -> None:
    """A person of a configured domain is asked for there, and times come out."""
    outcome, there = asyncio.run(told(("/hans.vfb", http()), address="Hans@Partner.example"))
    answer = outcome.answer
    assert answer is not None
    assert BUSY == shown(answer)
    assert [NOW.replace(hour=11, minute=30), NOW.replace(month=7, hour=0)] == [
        answer.as_of,
        answer.window.end,
    ]
    assert [f"partner.example:{there.port}"] == [header(head, "Host") for head in there.requests]


def test_nothing_of_ours_goes_along(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials, cookies, Referer or proxies; nothing packed is asked for."""
    (tmp_path / ".netrc").write_text("default login hans password SECRET\n", "utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    moved = redirect("/b.vfb", "302 Found\r\nSet-Cookie: a=SECRET; Path=/")
    _, there = asyncio.run(told(("/hans.vfb", moved), ("/b.vfb", http())))
    assert ["/hans.vfb", "/b.vfb"] == there.paths
    for head in there.requests:
        names = {line.partition(":")[0].lower() for line in head.split("\r\n")[1:] if line}
        assert {"host", "accept", "accept-encoding", "user-agent"} == names
        assert "identity" == header(head, "Accept-Encoding")
        assert "SECRET" not in head


@pytest.mark.parametrize(
    "address",
    ["hans", "hans@other.example", "hans@xpartner.example", "../hans@partner.example", "a/b@x"],
)
def test_who_is_not_asked_for(address: str) -> None:
    """Only people of configured domains are asked for anywhere."""
    outcome, there = asyncio.run(told(address=address))
    assert (None, None, []) == (outcome.answer, outcome.problem, there.requests)


def test_another_gateway() -> None:
    """A gateway such as this one is asked by its own path."""

    async def scenario(port: int) -> list[str] | None:
        url = f"http://127.0.0.1:{port}/pub/calendar/%SERVER%/%NAME%.vfb"
        async with asking(server_at(port, url, domains=("x.example",))) as elsewhere:
            return shown((await elsewhere.look_up("hans@x.example")).answer)

    with serving(MemoryFiles(PublishedFile("hans", FILE, '"x"', NOW))) as gateway:
        assert BUSY == asyncio.run(scenario(gateway.port))


# -- what becomes of an answer

LARGE = b"x" * (1 << 16)
ANSWERS = {
    "a file": (http(), "known"),
    "without a length": (b"HTTP/1.0 200 OK\r\n\r\n" + FILE, "known"),
    "in chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
        % (len(FILE), FILE),
        "known",
    ),
    "after a hint": (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + http(), "known"),
    "not there": (http(b"", status="404 Not Found"), "nobody"),
    "gone": (http(b"", status="410 Gone"), "nobody"),
    "not for us": (http(b"", status="403 Forbidden"), "nobody"),
    "for who logs in": (
        http(b"", "WWW-Authenticate: Basic realm=x", status="401 Unauthorized"),
        "nobody",
    ),
    "a file that is not there": (http(status="404 Not Found"), "nobody"),
    "a page": (http(b"<!DOCTYPE html><p>Not found"), "nobody"),
    "nothing": (http(b""), "nobody"),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", "status"),
    "a fault": (http(b"", status="500 Internal Server Error"), "status"),
    "too busy": (http(b"", status="429 Too Many Requests"), "status"),
    "part of it": (http(status="206 Partial Content"), "status"),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\n\r\n", "status"),
    "broken off": (http()[:-10], "protocol"),
    "broken off unnoticed": (b"HTTP/1.0 200 OK\r\n\r\n" + FILE[:-10], "content"),
    "a broken chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "protocol",
    ),
    "too large by its own word": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        "size",
    ),
    "too large": (http(FILE + LARGE), "size"),
    "packed": (http(gzip.compress(FILE), "Content-Encoding: gzip"), "encoding"),
    "a bomb": (http(gzip.compress(b"\0" * (1 << 22)), "Content-Encoding: deflate"), "encoding"),
    "a long line": (http(FILE, f"X: {'a' * 9000}"), "protocol"),
    "many lines": (http(FILE, *(f"X{number}: y" for number in range(100))), "protocol"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", "protocol"),
    "nothing at all": (b"", "timeout"),
    "another protocol": (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "status"),
    "a bad status": (b"HTTP/1.1 999999 x\r\n\r\n", "protocol"),
}


@pytest.mark.parametrize(("reply", "outcome"), ANSWERS.values(), ids=list(ANSWERS))
def test_what_becomes_of_an_answer(reply: bytes, outcome: str) -> None:
    """A 404 and a page are nobody; what is broken, packed or too large is no answer."""

    async def closing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply)
        await writer.drain()

    timeout = 0.3 if outcome == "timeout" else 5.0
    # Without a length the end of the connection is the end of the answer.
    script: Reply = reply if outcome == "timeout" else closing
    assert outcome == said(told(("/hans.vfb", script), max_size=1 << 16, timeout=timeout))


async def dripping(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send an answer byte by byte, which would take a minute."""
    for at in range(len(http())):
        writer.write(http()[at : at + 1])
        await writer.drain()
        await asyncio.sleep(0.05)


async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a body that has no end."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(LARGE)
        await writer.drain()


async def endless_head(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a head that has no end."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"A: b\r\n" * 1000)
        await writer.drain()


async def endless_hints(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send nothing but hints that an answer will come."""
    while True:
        writer.write(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)
        await writer.drain()
        await asyncio.sleep(0.01)


SLOW: dict[Any, str] = {
    dripping: "timeout",
    endless: "size",
    endless_head: "protocol",
    endless_hints: "timeout",
}


@pytest.mark.parametrize("reply", SLOW, ids=lambda reply: str(reply.__name__))
def test_what_has_no_end(reply: Reply) -> None:
    """An answer that drips, or never ends, is cut off by time or by size."""
    assert SLOW[reply] == said(told(("/hans.vfb", reply), timeout=0.5))


def test_who_is_not_there() -> None:
    """A port where nobody listens, and a name that nobody has, are named as such."""

    async def scenario() -> list[str | None]:
        async with peer({}) as there:
            port = there.port
        server = server_at(port, f"http://%SERVER%:{port}/%NAME%.vfb")
        async with asking(server, names=Names(nowhere_partner_example=None)) as elsewhere:
            found = [await elsewhere.look_up(who) for who in (HANS, "a@nowhere.partner.example")]
        return [outcome.problem for outcome in found]

    assert ["connection", "name"] == asyncio.run(scenario())


# -- several URLs


def test_urls_are_tried_in_order() -> None:
    """The first URL that has an answer gives it; one that fails does not end the search."""
    urls = tuple(f"http://partner.example:{{port}}/{at}/%NAME%.%SERVER%" for at in "abc")
    replies = [
        ("/a/hans.partner.example", http(b"", status="500 Oops")),
        ("/c/hans.partner.example", http()),
    ]
    outcome, there = asyncio.run(told(*replies, urls=urls))
    assert BUSY == shown(outcome.answer)
    assert ["/a/hans", "/b/hans", "/c/hans"] == [path[:7] for path in there.paths]
    # Whether the person is at the one that failed nobody knows.
    assert "status" == said(told(replies[0], urls=urls))
    assert "nobody" == said(told(urls=urls))


# -- redirects

REDIRECTS = {
    "/b.vfb": "known",
    "b.vfb": "known",
    "//partner.example:{port}/b.vfb": "known",
    "http://partner.example:{port}/b.vfb": "known",
    "http://www.partner.example:{port}/b.vfb#x": "known",
    "http://partner.example:{port}/nobody.vfb": "nobody",
    "http://evil.example:{port}/b.vfb": "redirect",
    "http://127.0.0.1:{port}/b.vfb": "redirect",
    "http://localhost:{port}/b.vfb": "redirect",
    "http://[::ffff:127.0.0.1]:{port}/b.vfb": "redirect",
    "http://2130706433:{port}/b.vfb": "url",
    "http://partner.example:22/b.vfb": "port",
    "ftp://partner.example/b.vfb": "redirect",
    "file:///etc/passwd": "url",
    "http://user:password@partner.example:{port}/b.vfb": "url",
    "http://evil.example\\@partner.example:{port}/b.vfb": "redirect",
    "http://partner.example:{port}:80/": "redirect",
    "/hans.vfb": "redirects",
    "": "redirect",
}


@pytest.mark.parametrize("location", list(REDIRECTS))
@pytest.mark.parametrize("status", ["301 Moved", "307 Temporary Redirect"])
def test_redirects(location: str, status: str) -> None:
    """A redirect is followed only to where the first URL might have led."""
    replies = [("/hans.vfb", redirect(location, status)), ("/b.vfb", http())]
    assert REDIRECTS[location] == said(told(*replies))


def test_three_redirects_and_no_more() -> None:
    """The fourth redirect ends it."""
    steps = [(f"/{at}.vfb", redirect(f"/{at + 1}.vfb")) for at in range(3)]
    first = ("/hans.vfb", redirect("/1.vfb"))
    assert "known" == said(told(first, *steps[1:], ("/3.vfb", http())))
    assert "redirects" == said(told(first, *steps[1:], ("/3.vfb", redirect("/4.vfb"))))
    assert "redirects" == said(told(first, max_redirects=0))


# -- where a name leads


@pytest.mark.parametrize("leads_to", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254"])
def test_a_name_that_leads_inside(leads_to: str) -> None:
    """Without private = true nobody is connected to inside, whatever the name says."""

    async def scenario() -> tuple[str | None, int]:
        async with peer({"/hans.vfb": http()}) as there:
            names = Names(partner_example=leads_to)
            server = server_at(there.port, private=False)
            async with asking(server, names=names) as elsewhere:
                return (await elsewhere.look_up(HANS)).problem, there.connections

    assert ("address", 0) == asyncio.run(scenario())


def test_a_name_that_changes_its_mind() -> None:
    """An address is looked up once and that one is connected to: rebinding gains nothing."""

    async def scenario() -> tuple[str | None, list[str], int]:
        async with peer({"/hans.vfb": http()}) as there:
            names = Names(partner_example=["127.0.0.2", "127.0.0.1", "127.0.0.1"])
            async with asking(server_at(there.port), names=names) as elsewhere:
                outcome = await elsewhere.look_up(HANS)
                return outcome.problem, names.asked, there.connections

    # Nobody listens at 127.0.0.2; the one at 127.0.0.1 was not connected to.
    assert ("connection", ["partner.example"], 0) == asyncio.run(scenario())


def test_a_redirect_to_a_name_that_leads_inside() -> None:
    """A host that may be redirected to is looked at as the first one is."""

    async def scenario() -> tuple[str | None, int]:
        async with peer({}) as there:
            url = f"http://www.partner.example:{there.port}/b.vfb"
            there.replies = {"/hans.vfb": redirect(url), "/b.vfb": http()}
            names = Names(www_partner_example="169.254.169.254")
            async with asking(server_at(there.port), names=names) as elsewhere:
                return (await elsewhere.look_up(HANS)).problem, there.connections

    assert ("address", 1) == asyncio.run(scenario())


# -- TLS


def contexts(folder: Path, host: str) -> tuple[ssl.SSLContext, str]:
    made = make_certificate(folder, host=host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.cert, made.key)
    return context, str(made.cert)


@pytest.mark.parametrize(
    ("certified", "trusted", "outcome"),
    [
        ("partner.example", True, None),
        ("other.example", True, "tls"),
        ("partner.example", False, "tls"),
    ],
)
def test_certificates(tmp_path: Path, certified: str, trusted: bool, outcome: str | None) -> None:
    """The certificate must be the name's, not the address's, and somebody must vouch for it."""
    context, authority = contexts(tmp_path, certified)

    async def scenario() -> tuple[str | None, list[str] | None]:
        async with peer({"/hans.vfb": http()}, tls=context) as there:
            url = f"https://%SERVER%:{there.port}/%NAME%.vfb"
            server = server_at(there.port, url, ca_file=authority if trusted else None)
            async with asking(server) as elsewhere:
                found = await elsewhere.look_up(HANS)
                return found.problem, shown(found.answer)

    assert (outcome, None if outcome else BUSY) == asyncio.run(scenario())


def test_no_way_back_from_tls(tmp_path: Path) -> None:
    """A redirect from https to http is not followed."""
    context, authority = contexts(tmp_path, "partner.example")

    async def scenario() -> tuple[str | None, list[str]]:
        async with peer({"/b.vfb": http()}) as plain, peer({}, tls=context) as there:
            url = f"http://partner.example:{plain.port}/b.vfb"
            there.replies = {"/hans.vfb": redirect(url)}
            ports = frozenset({plain.port, there.port})
            server = server_at(
                there.port,
                f"https://%SERVER%:{there.port}/%NAME%.vfb",
                ca_file=authority,
                ports=ports,
            )
            async with asking(server) as elsewhere:
                return (await elsewhere.look_up(HANS)).problem, plain.requests

    assert ("redirect", []) == asyncio.run(scenario())


HERE = (
    "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "0.0.0.0", "10.0.0.1",
    "[64:ff9b::7f00:1]", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "127.1", "0",
    "localhost", "LOCALHOST",
)  # fmt: skip


@pytest.mark.parametrize("host", HERE)
def test_however_this_machine_is_written(host: str) -> None:
    """Without private = true no way to write this machine's address connects to it."""

    async def scenario() -> tuple[bool, int]:
        async with peer({"/hans.vfb": http()}) as there:
            url = f"http://{host}:{there.port}/%NAME%.vfb"
            made = Elsewhere(
                [server_at(there.port, url, private=False)], FetchLimits(timeout=5.0), lambda: NOW
            )
            problem = (await made.look_up(HANS)).problem
            await made.close()
            return problem in {"address", "url", "name"}, there.connections

    assert (True, 0) == asyncio.run(scenario())


# -- the log


def test_a_failure_is_logged_without_a_name(caplog: pytest.LogCaptureFixture) -> None:
    """One line says which server fails and how, once; nobody's name is in it."""
    caplog.set_level(logging.DEBUG)
    fault = http(b"SECRET", status="500 SECRET")

    async def scenario() -> None:
        replies = {"/hans.vfb": fault, "/anna.vfb": fault, "/eva.vfb": http()}
        async with peer(replies) as there, asking(server_at(there.port)) as elsewhere:
            for name in ("hans", "anna", "eva"):
                await elsewhere.look_up(f"{name}@partner.example")

    asyncio.run(scenario())
    assert [
        "lookup server=partner event=unreachable kind=status",
        "lookup server=partner event=answers",
    ] == [record.getMessage() for record in caplog.records if record.name.startswith("freebusy")]
    assert "hans" not in caplog.text
    assert "SECRET" not in caplog.text
