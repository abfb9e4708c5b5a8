"""PUT and DELETE, as transcripts (RFC 9110 §9.3.4, §9.3.5)."""

from __future__ import annotations

import errno
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from freebusy.errors import StoreError, TooLargeError
from freebusy.ports import Visitor
from tests.wire.http_gateway import (
    ANNA_LOGIN,
    BODY,
    FREEBUSY,
    HANS,
    HANS_LOGIN,
    LAST_MODIFIED,
    STALE,
    Answer,
    MemoryFiles,
    MemoryLogins,
    MemoryPublications,
    read_all,
    read_answer,
    serving,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.wire.http_gateway import Running

PATH = "/pub/calendar/hans.vfb"
OTHER = BODY.replace(b"END:VFREEBUSY", b"COMMENT:other\r\nEND:VFREEBUSY")


class Site:
    """A server that takes publications, and what it keeps them in."""

    def __init__(self, running: Running, files: MemoryFiles, kept: MemoryPublications) -> None:
        self.running, self.files, self.kept = running, files, kept

    def put(self, *lines: str, target: str = PATH, body: bytes = OTHER) -> Answer:
        return self.running.put(target, *lines, body=body)


@pytest.fixture
def site() -> Iterator[Site]:
    files = MemoryFiles(HANS, STALE)
    kept = MemoryPublications(files)
    with serving(files, logins=MemoryLogins(), publications=kept, upload_timeout=2.0) as running:
        yield Site(running, files, kept)


def test_a_whole_exchange(site: Site) -> None:
    """The answer to an upload onto an existing file has no body and no entity tag."""
    answer = site.put(HANS_LOGIN, "User-Agent: Microsoft Office/16.0")
    assert (answer.status, answer.body) == (204, b"")
    assert {"date", "server", "cache-control", "x-content-type-options", "connection"} == set(
        answer.headers
    )
    assert site.running.get(PATH).body == OTHER
    upload = site.kept.uploads[0]
    assert (upload.body, upload.protocol, upload.client) == (OTHER, "http", "Microsoft Office/16.0")


def test_a_new_file_is_created(site: Site) -> None:
    """201 where GET answered 404 before, else 204."""
    target = "/calendar/neu.vfb"
    assert 404 == site.running.get(target).status
    assert [201, 204] == [site.put(FREEBUSY, target=target).status for _ in range(2)]


def test_what_is_served_later_is_accepted(site: Site) -> None:
    """202 and a line while the calendars were never read."""
    site.kept.served = False
    answer = site.put(HANS_LOGIN)
    assert (answer.status, answer.body.count(b"\n")) == (202, 1)


def test_the_connection_goes_on(site: Site) -> None:
    """An upload, a refused one and a read in one go over one connection are answered in turn."""
    head = f"PUT {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(OTHER)}\r\n"
    good = f"{head}{HANS_LOGIN}\r\n\r\n".encode() + OTHER
    refused = f"{head}{ANNA_LOGIN}\r\n\r\n".encode() + OTHER
    read = f"GET {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    text = site.running.exchange(good + refused + read)
    assert [b"204", b"403", b"200"] == [part[:3] for part in text.split(b"HTTP/1.1 ")[1:]]
    assert text.endswith(OTHER)


# -- what may come


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("X: y", 204),
        ("Content-Type: text/calendar; charset=utf-8; method=PUBLISH", 204),
        ("Content-Type: TEXT/PLAIN", 204),
        ("Content-Type: text/x-vcalendar", 204),
        ("Content-Type: application/octet-stream", 204),
        ("Content-Type: application/x-msoffice-something", 204),
        ("Content-Type: nonsense", 204),
        ("Content-Type:", 204),
        ("Content-Encoding: identity", 204),
        ("Content-Type: text/html", 415),
        ("Content-Type: Text/HTML; charset=utf-8", 415),
        ("Content-Type: multipart/form-data; boundary=x", 415),
        ("Content-Type: image/png", 415),
        ("Content-Type: application/json", 415),
        ("Content-Type: application/x-www-form-urlencoded", 415),
        ("Content-Encoding: gzip", 415),
        ("Content-Encoding: x-unknown", 415),
        ("Content-Range: bytes 0-9/20", 400),
        ("Expect: something", 417),
    ],
)
def test_media(site: Site, line: str, expected: int) -> None:
    """What cannot be a free/busy file is refused by its fields; old clients' oddities are not."""
    answer = site.put(HANS_LOGIN, line)
    assert expected == answer.status
    assert (expected == 204) == bool(site.kept.uploads)


def test_what_is_no_free_busy_file(site: Site) -> None:
    """422 with the one line that says why; the last good file stays."""
    answer = site.put(HANS_LOGIN, body=b"<html>")
    assert (422, b"There is no VFREEBUSY in it\n") == (answer.status, answer.body)
    assert site.running.get(PATH).body == BODY


@pytest.mark.parametrize("size", [1001, 100_000, 3_000_000])
def test_too_large_by_its_length(site: Site, size: int) -> None:
    """413 comes although the client sends all, and the connection is still of use."""
    head = f"PUT {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n{HANS_LOGIN}\r\n\r\n"
    with site.running.connect() as client:
        client.sendall(head.encode() + b"x" * size)
        assert read_answer(client).status == 413
        client.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert read_answer(client).body == BODY


def test_too_large_in_chunks(site: Site) -> None:
    """Without a length the limit is found on the way; the answer comes and the connection ends."""
    head = f"PUT {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n{HANS_LOGIN}\r\n\r\n"
    with site.running.connect() as client:
        client.sendall(head.encode())
        for _ in range(100):
            client.sendall(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
        client.sendall(b"0\r\n\r\n")
        assert read_all(client).startswith(b"HTTP/1.1 413 ")
    assert [] == site.kept.uploads


def test_reading_on_has_an_end(site: Site) -> None:
    """A client that sends for ever is cut off."""
    head = f"PUT {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n{HANS_LOGIN}\r\n\r\n"
    with site.running.connect() as client:
        client.sendall(head.encode())
        sent = 0
        try:
            while sent < 1 << 30:
                sent += client.send(b"x" * 65536)
        except ConnectionError:
            pass
    assert sent < 1 << 26


def test_chunks(site: Site) -> None:
    """A chunked body is one body, with extensions and trailers left aside."""
    head = f"PUT {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n{HANS_LOGIN}\r\n"
    first, rest = OTHER[:10], OTHER[10:]
    body = b"a;x=y\r\n%b\r\n%x\r\n%b\r\n0\r\nX: y\r\n\r\n" % (first, len(rest), rest)
    answer = Answer.parse(site.running.exchange(f"{head}Connection: close\r\n\r\n".encode() + body))
    assert (204, OTHER) == (answer.status, site.running.get(PATH).body)


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        ("Transfer-Encoding: chunked", b"zz\r\nabc\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", b"5\r\nabcdefgh\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", b"a\r\nBEGIN:VCAL\r\n"),
        ("Content-Length: 1000", OTHER),
    ],
)
def test_a_body_that_breaks_off(site: Site, framing: str, body: bytes) -> None:
    """What is not whole is 400 and never published."""
    head = f"PUT {PATH} HTTP/1.1\r\nHost: x\r\n{framing}\r\n{HANS_LOGIN}\r\n\r\n"
    text = site.running.exchange(head.encode() + body)
    assert text[:13] in {b"HTTP/1.0 400 ", b"HTTP/1.1 400 "}
    assert (BODY, []) == (site.running.get(PATH).body, site.kept.uploads)


def test_a_client_that_goes_away(site: Site) -> None:
    """Half an upload and a reset change nothing, and nothing is logged as a fault."""
    head = f"PUT {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n{HANS_LOGIN}\r\n\r\n"
    client = site.running.connect()
    client.sendall(head.encode() + b"BEGIN:VFREEBUSY")
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    assert site.running.get(PATH).body == BODY
    assert [] == site.kept.uploads


def test_a_slow_drip_ends(site: Site) -> None:
    """A body must come within the upload time, however regularly bytes come."""
    head = f"PUT {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n{HANS_LOGIN}\r\n\r\n"
    with site.running.connect() as client:
        started = time.monotonic()
        client.sendall(head.encode())
        client.settimeout(0.1)
        text = b""
        while not text and time.monotonic() - started < 8:
            client.sendall(b"x")
            try:
                text = client.recv(1000)
            except TimeoutError:
                continue
        assert text.startswith(b"HTTP/1.1 408 ")
        assert 1.8 < time.monotonic() - started < 5


def test_memory_of_all_uploads() -> None:
    """Beside a half-sent upload that takes the room another is put off, until that one is over."""
    files = MemoryFiles(HANS)
    kept = MemoryPublications(files)
    room = 600 + len(OTHER) - 1
    with serving(files, logins=MemoryLogins(), publications=kept, upload_memory=room) as running:
        head = f"PUT {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n{HANS_LOGIN}\r\n\r\n"
        with running.connect() as client:
            client.sendall(head.encode() + b"x" * 600)
            deadline = time.monotonic() + 10
            while (answer := running.put(PATH, HANS_LOGIN, body=OTHER)).status != 503:
                assert time.monotonic() < deadline  # until the server has read what was sent
        assert b"Too many uploads at once: try again later\n" == answer.body
        assert "5" == answer.headers["retry-after"]
        while (answer := running.put(PATH, HANS_LOGIN, body=OTHER)).status == 503:
            assert time.monotonic() < deadline
        assert 204 == answer.status


# -- Expect


def expecting(
    site: Site, *lines: str, length: int = len(OTHER), version: str = "1.1"
) -> socket.socket:
    client = site.running.connect()
    head = (f"PUT {PATH} HTTP/{version}", "Host: x", "Expect: 100-continue")
    text = "\r\n".join((*head, f"Content-Length: {length}", *lines, "", ""))
    client.sendall(text.encode())
    return client


def test_who_waits_is_told_to_go_on(site: Site) -> None:
    """100 Continue, once, after login and rights."""
    with expecting(site, HANS_LOGIN, "Connection: close") as client:
        assert b"HTTP/1.1 100 Continue\r\n\r\n" == client.recv(1000)
        client.sendall(OTHER)
        assert read_all(client).startswith(b"HTTP/1.1 204 ")


def test_a_broken_chunk_after_a_while(site: Site) -> None:
    """It is found at once, also while the body is being read."""
    head = f"PUT {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n{HANS_LOGIN}\r\n"
    with site.running.connect() as client:
        client.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert b"HTTP/1.1 100 Continue\r\n\r\n" == client.recv(1000)
        started = time.monotonic()
        client.sendall(b"zz\r\nabc\r\n0\r\n\r\n")
        assert read_all(client).startswith(b"HTTP/1.1 400 ")
    assert time.monotonic() - started < 1.5
    assert [] == site.kept.uploads


@pytest.mark.parametrize(
    ("lines", "length", "expected"),
    [
        ([], 10, b"401"),
        ([ANNA_LOGIN], 10, b"403"),
        ([HANS_LOGIN], 5000, b"413"),
        ([HANS_LOGIN, "Content-Type: text/html"], 10, b"415"),
    ],
)
def test_who_is_refused_is_not_told_to_go_on(
    site: Site, lines: list[str], length: int, expected: bytes
) -> None:
    """The refusal comes instead, and the connection ends: nobody knows what comes next on it."""
    with expecting(site, *lines, length=length) as client:
        started = time.monotonic()
        text = read_all(client)
    assert text.startswith(b"HTTP/1.1 " + expected)
    assert b"\r\nConnection: close\r\n" in text
    assert time.monotonic() - started < 1.5


def test_http_1_0_knows_no_expectation(site: Site) -> None:
    """An Expect field of an HTTP/1.0 client is ignored (RFC 9110 §10.1.1)."""
    with expecting(site, HANS_LOGIN, version="1.0") as client:
        client.sendall(OTHER)
        assert read_all(client).startswith(b"HTTP/1.0 204 ")


# -- preconditions


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('If-Match: "5eed"', 204),
        ('If-Match: "other", "5eed"', 204),
        ("If-Match: *", 204),
        ('If-Match: "other"', 412),
        ('If-Match: W/"5eed"', 412),
        ("If-Match: ", 412),
        ("If-None-Match: *", 412),
        ('If-None-Match: "5eed"', 412),
        ('If-None-Match: W/"5eed"', 412),
        ('If-None-Match: "other"', 204),
        (f"If-Unmodified-Since: {LAST_MODIFIED}", 204),
        ("If-Unmodified-Since: Mon, 01 Jun 2026 12:30:14 GMT", 412),
        ("If-Unmodified-Since: yesterday", 204),
        ('If-Match: "5eed"\r\nIf-Unmodified-Since: Mon, 01 Jun 2026 12:30:14 GMT', 204),
        ('If-Match: "5eed"\r\nIf-None-Match: *', 412),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_preconditions(site: Site, method: str, line: str, expected: int) -> None:
    """They are held against the file that is served now (RFC 9110 §13.1)."""
    if method == "PUT":
        answer = site.put(HANS_LOGIN, line)
    else:
        answer = site.running.send("DELETE", PATH, HANS_LOGIN, line)
    assert expected == answer.status
    assert (expected == 412) == (site.running.get(PATH).body == BODY)


@pytest.mark.parametrize(
    ("line", "expected"),
    [("If-None-Match: *", 201), ("If-Match: *", 412), ('If-Match: "5eed"', 412)],
)
def test_preconditions_where_nothing_is(site: Site, line: str, expected: int) -> None:
    """Create, but never replace; and the other way round."""
    assert expected == site.put(FREEBUSY, line, target="/calendar/neu.vfb").status


# -- DELETE


def test_delete(site: Site) -> None:
    """204, then 404; somebody else's is 403."""
    delete = [site.running.send("DELETE", PATH, login) for login in (ANNA_LOGIN, HANS_LOGIN)]
    assert [403, 204] == [answer.status for answer in delete]
    assert 404 == site.running.get(PATH).status
    assert 404 == site.running.send("DELETE", PATH, HANS_LOGIN).status


# -- temporary uploads


def test_a_temporary_upload_is_its_accounts_own(site: Site) -> None:
    """Who sent it reads it back; for all others it is not there."""
    target = "/pub/calendar/hans.vfb.part"
    assert 201 == site.put(HANS_LOGIN, target=target).status
    own = site.running.get(target, HANS_LOGIN)
    assert (200, OTHER) == (own.status, own.body)
    assert (200, b"") == (
        (head := site.running.get(target, HANS_LOGIN, method="HEAD")).status,
        head.body,
    )
    nobody = site.running.get("/calendar/nobody.vfb").without_date()
    assert nobody == site.running.get(target).without_date()
    assert nobody == site.running.get(target, FREEBUSY).without_date()
    assert 204 == site.running.send("DELETE", target, HANS_LOGIN).status
    assert 404 == site.running.get(target, HANS_LOGIN).status


# -- where there is nothing to write


@pytest.mark.parametrize(
    ("method", "target", "allow"),
    [
        ("PUT", "/", "GET, HEAD, OPTIONS, PROPFIND"),
        ("PUT", "/pub/calendar/", "GET, HEAD, OPTIONS, PROPFIND"),
        ("DELETE", "/calendar", "GET, HEAD, OPTIONS, PROPFIND"),
        ("PUT", "/hans.vfb", "GET, HEAD, OPTIONS"),
        ("PUT", "/healthz", "GET, HEAD, OPTIONS"),
        ("POST", "/hans.vfb", "GET, HEAD, OPTIONS"),
        (
            "POST",
            PATH,
            "GET, HEAD, PUT, DELETE, OPTIONS, PROPFIND, PROPPATCH, LOCK, UNLOCK, MOVE",
        ),
    ],
)
def test_methods_by_the_form_of_the_path(site: Site, method: str, target: str, allow: str) -> None:
    """405 says what the path has, whoever asks and whatever is there."""
    for lines in ((), (HANS_LOGIN,)):
        answer = site.running.send(method, target, "Content-Length: 0", *lines)
        assert (405, allow) == (answer.status, answer.headers["allow"])


@pytest.mark.parametrize("method", ["POST", "PATCH", "TRACE", "MKCOL", "COPY", "REPORT", "SEARCH"])
def test_other_methods(site: Site, method: str) -> None:
    """They are refused for every name alike."""
    one, other = (site.running.send(method, f"/calendar/{n}.vfb") for n in ("hans", "nobody"))
    assert 405 == one.status
    assert one.without_date() == other.without_date()


@pytest.mark.parametrize("target", ["/_vti_inf.html", "/_vti_bin/shtml.exe/_vti_rpc", "/scripts/x"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS", "PROPFIND"])
def test_what_old_office_probes(site: Site, method: str, target: str) -> None:
    """A plain 404 for every method, before any login."""
    answer = site.running.send(method, target, "Authorization: Basic broken")
    assert 404 == answer.status
    assert answer.body == (b"" if method == "HEAD" else b"Not found\n")


# -- faults


@pytest.mark.parametrize(
    ("number", "expected"), [(errno.EIO, 503), (errno.ENOSPC, 507), (errno.EDQUOT, 507)]
)
def test_a_fault_of_the_disk(site: Site, number: int, expected: int) -> None:
    """503, or 507 where it is full; without a word about where."""
    fault = StoreError("a published file cannot be written: /secret")
    fault.__cause__ = OSError(number, "x")
    site.kept.fault = fault
    answer = site.put(HANS_LOGIN)
    assert expected == answer.status
    assert b"secret" not in answer.body
    site.kept.fault = None
    assert 204 == site.put(HANS_LOGIN).status


def test_too_large_for_the_account(site: Site) -> None:
    """What the publications find too large is 413 as well."""
    site.kept.fault = TooLargeError("Too much is waiting to be renamed")
    answer = site.put(HANS_LOGIN)
    assert (413, b"Too much is waiting to be renamed\n") == (answer.status, answer.body)


def test_a_bug_in_publishing_is_a_plain_500(site: Site) -> None:
    """It says nothing to the client, and the next one is served."""
    site.kept.fault = KeyError("marker")
    answer = site.put(HANS_LOGIN)
    assert (500, b"Internal error\n") == (answer.status, answer.body)
    site.kept.fault = None
    assert 204 == site.put(HANS_LOGIN).status


def test_writing_blocks_no_reader(site: Site) -> None:
    """While an upload waits for its lock, others read and write."""
    with site.kept.lock, site.running.connect() as client:
        head = f"PUT {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(OTHER)}\r\n{HANS_LOGIN}\r\n"
        client.sendall(head.encode() + b"\r\n" + OTHER)
        assert site.running.get(PATH).body == BODY
    assert isinstance(site.files.asked[0][1], Visitor)
    deadline = time.monotonic() + 10
    while site.running.get(PATH).body != OTHER:
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)
