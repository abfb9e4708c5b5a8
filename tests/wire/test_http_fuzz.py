"""Any bytes on a connection: never a 500, never a dead server, never a fault in the loop."""

from __future__ import annotations

import contextlib
import re
import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.wire.http_gateway import (
    BODY,
    FREEBUSY,
    HANS,
    HANS_LOGIN,
    MemoryFiles,
    MemoryLogins,
    MemoryPublications,
    read_all,
    serving,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.wire.http_gateway import Running

MARKER = b"marker7"

METHODS = st.sampled_from(
    [b"GET", b"HEAD", b"PUT", b"CONNECT", b"OPTIONS", b"POST", b"PRI", b"get", b"M-SEARCH", b""]
)
TARGETS = st.one_of(
    st.binary(max_size=40),
    st.text(alphabet="/.%2ecf05C?#:@hans-~[]\\", max_size=40).map(str.encode),
    st.sampled_from(
        [b"/calendar/hans.vfb", b"*", b"x:443", b"http://[::1", b"http://", b"http:///x", b"//x/y"]
    ),
    st.tuples(st.sampled_from([b"http://", b"https://", b"ws://"]), st.binary(max_size=20)).map(
        b"".join
    ),
)
FIELDS = st.one_of(
    st.sampled_from(
        [
            b"Host: x",
            b"Connection: Upgrade",
            b"Upgrade: websocket",
            b"Upgrade: h2c",
            b"Connection: close",
            b"Connection: keep-alive",
            b"Content-Length: 3",
            b"Content-Length: 99999999999999999999",
            b"Transfer-Encoding: chunked",
            b"Content-Encoding: gzip",
            b"Expect: 100-continue",
            b'If-None-Match: "5eed"',
            b'If-None-Match: W/"',
            b"If-None-Match: \xff\xfe",
            b"If-Modified-Since: Mon, 01 Jan 99999 00:00:00 GMT",
            b"If-Modified-Since: Mon, 01 Jan 0000 00:00:00 +9999999999",
            b"X-Forwarded-For: \xe2\x80\xae",
            b"Range: bytes=9-1",
        ]
    ),
    st.binary(max_size=30),
    st.tuples(
        st.sampled_from([b"If-None-Match: ", b"If-Modified-Since: ", b"X-Forwarded-For: "]),
        st.binary(max_size=30),
    ).map(b"".join),
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Nearly a request."""
    version = draw(st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"", b"x"]))
    line = b" ".join((draw(METHODS), draw(TARGETS), version))
    head = b"\r\n".join([line, b"Host: x", *draw(st.lists(FIELDS, max_size=5))])
    return (
        head + b"\r\n\r\n" + draw(st.sampled_from([b"", b"abc", b"3\r\nabc\r\n0\r\n\r\n", MARKER]))
    )


ANYTHING = st.one_of(st.binary(max_size=300), st.lists(requests(), max_size=3).map(b"".join))


@pytest.fixture(scope="module")
def site() -> Iterator[Running]:
    with serving(MemoryFiles(HANS), trusted_proxies=("127.0.0.1",), header_timeout=2.0) as running:
        yield running


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ANYTHING)
@example(b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n")
@example(b"CONNECT  \r\nHost: x\r\n\r\n")
@example(b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\nabc")
@example(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nGET /\r\n")
@example(b"GET http://x:99999999/ HTTP/1.1\r\nHost: x\r\n\r\n")
def test_any_bytes(site: Running, text: bytes) -> None:
    """Whatever comes, the answers are ours, none is a 500, and the next client is served."""
    answers = exchange(site, text)
    statuses = {int(s) for s in re.findall(rb"HTTP/1\.[01] (\d{3}) [A-Z]", answers)}
    assert statuses <= {200, 304, 400, 403, 404, 405}
    assert MARKER not in answers
    assert site.faults == []


@pytest.fixture(scope="module")
def publishing() -> Iterator[Running]:
    files = MemoryFiles(HANS)
    with serving(
        files,
        logins=MemoryLogins(),
        publications=MemoryPublications(files),
        trusted_proxies=("127.0.0.1",),
        header_timeout=2.0,
        upload_timeout=2.0,
    ) as running:
        yield running


WRITES = st.tuples(
    st.sampled_from([b"PUT", b"DELETE", b"PROPFIND", b"LOCK", b"UNLOCK", b"MOVE", b"OPTIONS"]),
    st.sampled_from([b"/calendar/hans.vfb", b"/calendar/hans.vfb.part", b"/calendar/", b"*", b"/"]),
    st.lists(
        st.one_of(
            FIELDS,
            st.sampled_from(
                [
                    *(line.encode() for line in (FREEBUSY, HANS_LOGIN)),
                    b"Authorization: Basic " + MARKER,
                    b"Depth: 1",
                    b"Destination: http://x/calendar/hans.vfb",
                    b"If: (<urn:uuid:" + MARKER + b">)",
                    b"If-Match: *",
                    b"Lock-Token: <x>",
                    b"Timeout: Second-9",
                ]
            ),
            st.tuples(
                st.sampled_from([b"Authorization: Basic ", b"If: ", b"Depth: ", b"If-Match: "]),
                st.binary(max_size=20),
            ).map(b"".join),
        ),
        max_size=5,
    ),
    st.sampled_from([b"", b"abc", b"3\r\nabc\r\n0\r\n\r\n", MARKER]),
).map(lambda w: w[0] + b" " + w[1] + b" HTTP/1.1\r\nHost: x\r\n" + b"\r\n".join([*w[2], b"", w[3]]))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(WRITES, requests()), max_size=3).map(b"".join))
def test_any_bytes_where_is_published(publishing: Running, text: bytes) -> None:
    """The same with logins, uploads and WebDAV: no 500, nothing echoed."""
    answers = exchange(publishing, text)
    assert set() == {int(s) for s in re.findall(rb"HTTP/1\.[01] (\d{3}) [A-Z]", answers)} & {500}
    assert MARKER not in answers
    assert publishing.faults == []


def exchange(site: Running, text: bytes) -> bytes:
    with site.connect() as client:
        with contextlib.suppress(OSError):  # the server may have closed already
            client.sendall(text + b"\r\n\r\nGET /calendar/hans HTTP/1.1\r\nHost: x\r\n")
            client.sendall(b"Connection: close\r\n\r\n")
            client.shutdown(socket.SHUT_WR)
        return read_all(client)


def test_the_server_is_well_after_all(site: Running) -> None:
    """A decent client is served as ever."""
    assert site.get("/calendar/hans.vfb", "X-Forwarded-For: 192.0.2.1").body == BODY
