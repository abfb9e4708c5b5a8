"""GET and HEAD of published files, as transcripts (RFC 9110, RFC 9112)."""

from __future__ import annotations

import re
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from freebusy.errors import ConfigurationError, StoreError
from freebusy.ports import Visitor
from tests.wire.http_gateway import (
    BODY,
    BROKEN,
    GREEN,
    HANS,
    LAST_MODIFIED,
    STALE,
    Answer,
    MemoryFiles,
    read_all,
    read_answer,
    serving,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.wire.http_gateway import Running

BOTH_FAMILIES = (("127.0.0.1", 0), ("::1", 0))


@pytest.fixture(scope="module")
def site() -> Iterator[Running]:
    with serving(MemoryFiles(HANS, STALE, GREEN), BOTH_FAMILIES) as running:
        yield running


@pytest.mark.parametrize("family", [0, 1], ids=["IPv4", "IPv6"])
def test_a_whole_exchange(site: Running, family: int) -> None:
    """The answer to a plain GET, byte for byte, over both address families."""
    request = b"GET /pub/calendar/hans.vfb HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with site.connect(site.addresses[family]) as client:
        client.sendall(request)
        text = read_all(client).decode()
    assert re.sub(r"Date: .*GMT", "Date: NOW", text) == (
        "HTTP/1.1 200 OK\r\n"
        "Content-Type: text/calendar; charset=utf-8\r\n"
        f"Content-Length: {len(BODY)}\r\n"
        f"Last-Modified: {LAST_MODIFIED}\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        'ETag: "5eed"\r\n'
        "Cache-Control: no-cache\r\n"
        "Server: freebusy-gateway\r\n"
        "Date: NOW\r\n"
        "Connection: close\r\n"
        "\r\n"
        f"{BODY.decode()}"
    )


@pytest.mark.parametrize(
    "target",
    [
        "/pub/calendar/hans.vfb",
        "/calendar/hans.vfb",
        "/calendar/hans.ifb",
        "/calendar/hans",
        "/freebusy/hans.ifb",
        "/pub/calendar/x.example/hans.vfb",
        "/freebusy/hans@x.example.ifb",
        "/freebusy/hans%40x.example.ifb",
        "/pub/calendar/%68ans%2Evfb",
        "/pub/calendar/hans.vfb?anything=1",
        "http://x/pub/calendar/hans.vfb",
        "HTTP://user@x:80/pub/calendar/hans.vfb?q",
    ],
)
def test_every_way_to_write_the_path(site: Running, target: str) -> None:
    """Prefixes, extensions, percent-encoding and absolute-form lead to the same file."""
    answer = site.get(target)
    assert (answer.status, answer.body) == (200, BODY)


@pytest.mark.parametrize("name", ["gr%C3%BCn", "gr%c3%bcn"])
def test_names_beyond_ascii(site: Running, name: str) -> None:
    """UTF-8 is understood percent-encoded (RFC 3987 §3.1)."""
    assert site.get(f"/calendar/{name}.vfb").body == b"green"


def test_head_is_get_without_the_body(site: Running) -> None:
    """HEAD has the headers of GET, Content-Length too, and no body (RFC 9110 §9.3.2)."""
    got = site.get("/calendar/hans.vfb").without_date()
    head = site.get("/calendar/hans.vfb", method="HEAD").without_date()
    assert head == replace(got, body=b"")
    assert head.headers["content-length"] == str(len(BODY))


def test_a_head_keeps_the_connection(site: Running) -> None:
    """After the head of a HEAD the next answer follows at once."""
    with site.connect() as client:
        client.sendall(b"HEAD /calendar/hans.vfb HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_answer(client, head_only=True).status == 200
        client.sendall(b"GET /calendar/hans.vfb HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_answer(client).body == BODY


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (['If-None-Match: "5eed"'], 304),
        (['If-None-Match: W/"5eed"'], 304),
        (['If-None-Match: "a", W/"b,c" , "5eed"'], 304),
        (['If-None-Match: "a"', 'If-None-Match: "5eed"'], 304),
        (["If-None-Match: *"], 304),
        (['If-None-Match: "a"'], 200),
        (['If-None-Match: "5eed'], 200),
        (["If-None-Match: 5eed"], 200),
        (["If-None-Match:"], 200),
        ([f"If-Modified-Since: {LAST_MODIFIED}"], 304),
        (["If-Modified-Since: Monday, 01-Jun-26 12:30:15 GMT"], 304),
        (["If-Modified-Since: Mon Jun  1 12:30:15 2026"], 304),
        (["If-Modified-Since: Mon, 01 Jun 2026 12:30:16 GMT"], 304),
        (["If-Modified-Since: Mon, 01 Jun 2026 12:30:14 GMT"], 200),
        (["If-Modified-Since: yesterday"], 200),
        (["If-Modified-Since: Mon, 99 Jun 2026 12:30:15 GMT"], 200),
        (['If-None-Match: "a"', f"If-Modified-Since: {LAST_MODIFIED}"], 200),
        (['If-None-Match: "5eed"', "If-Modified-Since: Mon, 01 Jun 2020 00:00:00 GMT"], 304),
        (["Range: bytes=0-3"], 200),
    ],
)
def test_conditional_requests(site: Running, lines: list[str], expected: int) -> None:
    """If-None-Match decides where it is sent, else If-Modified-Since (RFC 9110 §13.2.2)."""
    answer = site.get("/calendar/hans.vfb", *lines)
    assert (answer.status, answer.body) == (expected, BODY if expected == 200 else b"")


def test_what_a_304_says(site: Running) -> None:
    """Not Modified repeats the validators' side of the headers and has no length of its own."""
    answer = site.get("/calendar/hans.vfb", 'If-None-Match: "5eed"')
    assert set(answer.headers) == {"etag", "cache-control", "server", "date", "connection"}
    assert (answer.headers["etag"], answer.headers["cache-control"]) == ('"5eed"', "no-cache")


@pytest.mark.parametrize(
    ("request_head", "connection", "closes"),
    [
        (b"GET /calendar/hans.vfb HTTP/1.0\r\n\r\n", None, True),
        (b"GET /calendar/hans.vfb HTTP/1.0\r\nConnection: close\r\n\r\n", None, True),
        (
            b"GET /calendar/hans.vfb HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
            "keep-alive",
            False,
        ),
        (b"GET /calendar/hans.vfb HTTP/1.1\r\nHost: x\r\n\r\n", None, False),
        (
            b"GET /calendar/hans.vfb HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            "close",
            True,
        ),
    ],
)
def test_how_long_a_connection_lives(
    site: Running, request_head: bytes, connection: str | None, closes: bool
) -> None:
    """HTTP/1.0, without a Host, closes unless asked otherwise; HTTP/1.1 stays open."""
    with site.connect() as client:
        client.sendall(request_head)
        answer = read_answer(client)
        assert (answer.status, answer.body) == (200, BODY)
        assert answer.headers.get("connection") == connection
        client.sendall(b"" if closes else request_head)
        assert (client.recv(1) == b"") == closes


def test_pipelined_requests_are_answered_in_order(site: Running) -> None:
    """Many requests in one packet get their answers, each whole (RFC 9112 §9.3.2)."""
    names = ["hans", "nobody", "anna"] * 30
    request = b"".join(
        b"GET /calendar/%b.vfb HTTP/1.1\r\nHost: x\r\n\r\n" % n.encode() for n in names
    )
    last = b"GET /calendar/hans HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with site.connect() as client:
        client.sendall(request + last)
        text = read_all(client)
    statuses = [int(s) for s in re.findall(rb"HTTP/1.1 (\d+) ", text)]
    assert statuses == [200, 404, 200] * 30 + [200]


def test_a_request_in_single_bytes(site: Running) -> None:
    """It does not matter in how many packets a request comes."""
    with site.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"GET /calendar/hans.vfb HTTP/1.1\r\nHost: x\r\n\r\n":
            client.sendall(bytes([byte]))
        assert read_answer(client).body == BODY


@pytest.mark.parametrize("count", [1, 3, 200])
def test_a_client_that_closes_its_side_is_answered(site: Running, count: int) -> None:
    """Requests that came before a half close get all their answers, then the connection ends."""
    request = b"GET /calendar/hans.vfb HTTP/1.1\r\nHost: x\r\n\r\n"
    assert site.exchange(request * count).count(BODY) == count


def test_half_a_request_and_a_half_close_end_at_once(site: Running) -> None:
    """Nobody waits for the rest of a head that cannot come."""
    assert site.exchange(b"") == b""
    assert site.exchange(b"GET /calendar/hans.vfb HTTP/1.1\r\nHo") == b""


def test_a_hundred_clients_at_once(site: Running) -> None:
    """Everybody gets the whole file."""
    with serving(MemoryFiles(HANS), max_connections_per_address=200) as crowded:
        clients = [crowded.connect() for _ in range(100)]

        def fetch(client: socket.socket) -> bytes:
            with client:
                client.sendall(b"GET /calendar/hans.vfb HTTP/1.1\r\nHost: x\r\n\r\n")
                return read_answer(client).body

        with ThreadPoolExecutor(20) as pool:
            assert list(pool.map(fetch, clients)) == [BODY] * 100


def test_a_stale_file_says_so(site: Running) -> None:
    """While the calendars cannot be read every answer says up to when the file knows."""
    for lines in ([], ['If-None-Match: "01d"']):
        answer = site.get("/calendar/anna.vfb", *lines)
        assert answer.headers["x-freebusy-as-of"] == "2026-06-01T09:00:00Z"
        age = datetime.now(UTC) - datetime(2026, 6, 1, 9, tzinfo=UTC)
        assert 0 <= age.total_seconds() - int(answer.headers["x-freebusy-age"]) < 60
    assert "x-freebusy-as-of" not in site.get("/calendar/hans.vfb").headers


def test_a_new_version_is_served_at_once() -> None:
    """The headers follow the file: tag, length and time."""
    files = MemoryFiles(HANS)
    with serving(files) as running:
        running.get("/calendar/hans.vfb")
        later = HANS.modified + timedelta(minutes=1)
        files.files["hans"] = replace(HANS, body=b"new", etag='"2"', modified=later)
        answer = running.get("/calendar/hans.vfb")
        files.files["hans"] = replace(HANS, body=b"new", etag='"2"', modified=HANS.modified)
        back = running.get("/calendar/hans.vfb")
    assert (answer.body, answer.headers["etag"]) == (b"new", '"2"')
    assert answer.headers["last-modified"] == "Mon, 01 Jun 2026 12:31:15 GMT"
    assert back.headers["last-modified"] == LAST_MODIFIED


def test_last_modified_is_never_in_the_future() -> None:
    """A file dated ahead of the clock is served as of now (RFC 9110 §8.8.2.1)."""
    ahead = replace(HANS, modified=(datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0))
    with serving(MemoryFiles(ahead)) as running:
        answer = running.get("/calendar/hans.vfb")
        again = running.get(
            "/calendar/hans.vfb", f"If-Modified-Since: {answer.headers['last-modified']}"
        )
    assert answer.headers["last-modified"] <= answer.headers["date"]
    assert again.status == 200


def test_who_may_not_read_is_refused_before_any_look_up() -> None:
    """A refused visitor gets the same 403 for whatever there is or is not."""
    files = MemoryFiles(HANS)
    files.refused.add("127.0.0.1")
    with serving(files, listing=True) as running:
        targets = ("/calendar/hans.vfb", "/calendar/nobody.vfb", "/", "/calendar/", "/%zz")
        answers = {str(running.get(target).without_date()) for target in targets}
        assert running.get("/healthz").status == 200
    assert len(answers) == 1
    assert "status=403" in answers.pop()
    assert files.asked == []


def test_only_get_and_head(site: Running) -> None:
    """Every other method is refused alike, whether the name exists or not."""
    for method in ("PUT", "POST", "DELETE", "OPTIONS", "PROPFIND", "LOCK", "TRACE", "PATCH"):
        one, other = (
            site.get(f"/calendar/{name}.vfb", "Content-Length: 0", method=method)
            for name in ("hans", "nobody")
        )
        assert (one.status, one.headers["allow"]) == (405, "GET, HEAD")
        assert one.without_date() == other.without_date()


def test_a_body_nobody_asked_for_is_not_kept(site: Running) -> None:
    """An upload is refused without being read to its end."""
    with site.connect() as client:
        client.sendall(
            b"PUT /calendar/hans.vfb HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\nx"
        )
        assert read_answer(client).status == 405
        assert read_all(client) == b""


def test_files_that_cannot_be_read_for_now() -> None:
    """A fault of the disk is a 503 that names no path, and the next request is served."""
    files = MemoryFiles(HANS)
    with serving(files) as running:
        files.fault = StoreError("a published file cannot be read: Input/output error")
        failed = running.get("/calendar/hans.vfb")
        files.fault = None
        assert running.get("/calendar/hans.vfb").status == 200
    assert (failed.status, failed.body) == (503, b"Not available at the moment\n")
    assert failed.headers["retry-after"] == "60"


def test_a_bug_of_ours_is_a_plain_500(caplog: pytest.LogCaptureFixture) -> None:
    """An unexpected error says nothing to the client, is logged, and only ends its connection."""
    files = MemoryFiles(HANS)
    with serving(files) as running:
        files.fault = KeyError("marker")
        failed = running.get("/calendar/hans.vfb")
        files.fault = None
        assert running.get("/calendar/hans.vfb").status == 200
    assert (failed.status, failed.body) == (500, b"Internal error\n")
    assert "a request failed" in caplog.messages


def test_health(site: Running) -> None:
    """/healthz is ok or failing; this machine is told what fails."""
    assert (site.get("/healthz").status, site.get("/healthz").body) == (200, b"ok\n")
    site.health.append("source: the mail server does not answer")
    try:
        failing = site.get("/healthz")
    finally:
        site.health.clear()
    assert failing.status == 503
    assert failing.body == b"failing\nsource: the mail server does not answer\n"


def test_a_broken_health_check_is_not_healthy() -> None:
    """A check that raises is an answer as well, without details."""
    with serving(MemoryFiles()) as running:
        running.health.append(BROKEN)
        answer = running.get("/healthz")
    assert (answer.status, answer.body) == (503, b"failing\n")


def test_a_trusted_proxy_says_who_asks() -> None:
    """Its X-Forwarded-For, the last entry of it, is the visitor; rubbish is nobody."""
    files = MemoryFiles(HANS)
    files.refused |= {"203.0.113.9", "::"}
    table = {
        "X-Forwarded-For: 192.0.2.1": 200,
        "X-Forwarded-For: 203.0.113.9": 403,
        "X-Forwarded-For: 192.0.2.1, 203.0.113.9": 403,
        "X-Forwarded-For: 203.0.113.9, ::ffff:192.0.2.1": 200,
        "X-Forwarded-For: unknown": 403,
        "X-Forwarded-For: ": 403,
        "X-Other: 1": 200,
    }
    with serving(files, trusted_proxies=("127.0.0.0/8", "::1")) as running:
        assert {k: running.get("/calendar/hans", k).status for k in table} == table
    assert {visitor for _, visitor in files.asked} == {Visitor("192.0.2.1"), Visitor("127.0.0.1")}


def test_nobody_else_says_who_asks(site: Running) -> None:
    """Without a trusted proxy the header counts for nothing."""
    files = MemoryFiles(HANS)
    with serving(files) as running:
        assert running.get("/calendar/hans", "X-Forwarded-For: 192.0.2.1").status == 200
    assert files.asked == [("/calendar/hans", Visitor("127.0.0.1"))]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"listen": (("203.0.113.1", 0),)}, r"203\.0\.113\.1:0: this machine has no such address"),
        ({"listen": (("no host", 0),)}, r"no host:0: the name of the host does not resolve"),
        ({"trusted_proxies": ("proxy",)}, r"trusted proxy 'proxy' is neither"),
    ],
)
def test_what_cannot_be_started_says_what_to_do(settings: dict[str, object], expected: str) -> None:
    """An address that cannot be had is named with the remedy."""
    with (
        pytest.raises(ConfigurationError, match=expected),
        serving(MemoryFiles(), **settings),  # type: ignore[arg-type]  # a table of settings
    ):
        pass


def test_a_taken_port_is_named_and_nothing_stays_open(site: Running) -> None:
    """All problems are reported at once, and what could be bound is let go."""
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    listen = (("127.0.0.1", port), ("127.0.0.1", site.port), ("203.0.113.1", 1))
    with (
        pytest.raises(ConfigurationError, match="another program listens there") as caught,
        serving(MemoryFiles(), listen),
    ):
        pass
    assert len(caught.value.problems) == 2
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)


def test_answers_have_what_they_say(site: Running) -> None:
    """The length is the length of the body in every kind of answer."""
    for target in ("/calendar/hans", "/", "/nobody", "/healthz"):
        answer: Answer = site.get(target)
        assert answer.headers["content-length"] == str(len(answer.body))
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-cache"
