"""Paths that lead nowhere: one plain refusal for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.wire.http_gateway import GREEN, HANS, MemoryFiles, read_all, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.wire.http_gateway import Answer, Running

NOWHERE = [
    "/calendar/nobody.vfb",
    "/calendar/hans.xfb",
    "/calendar/hans@x.example.xfb",
    "/calendar/.hans.vfb",
    "/calendar/.0123456789abcdef01234567.tmp",
    "/calendar/%2ehans.vfb",
    "/calendar/",
    "/calendar",
    "/pub/calendar/",
    "/pub/",
    "/pub",
    "//calendar/hans.vfb",
    "/calendar//hans.vfb",
    "/calendar/./hans.vfb",
    "/calendar/../calendar/hans.vfb",
    "/calendar/%2e%2e/calendar/hans.vfb",
    "/calendar/%2E/hans.vfb",
    "/calendar/..%2fcalendar/hans.vfb",
    "/calendar%2Fhans.vfb",
    "/calendar/..%5chans.vfb",
    "/calendar/..\\hans.vfb",
    "/calendar/hans.vfb%00",
    "/calendar/hans%00.vfb",
    "/calendar/hans%0d%0aX-Injected:%201.vfb",
    "/calendar/hans%7f.vfb",
    "/calendar/%68%2561ns.vfb",
    "/calendar/hans%252evfb",
    "/calendar/hans%.vfb",
    "/calendar/hans%4.vfb",
    "/calendar/hans%zz.vfb",
    "/calendar/%u0068ans.vfb",
    "/calendar/gr%fcn.vfb",
    "/calendar/gr%C3%28n.vfb",
    "/calendar/%C0%AE%C0%AE/hans.vfb",
    "/calendar/%ED%A0%80.vfb",
    "/calendar/gr%E2%80%A8n.vfb",
    "/calendar/%E2%80%AEsnah.vfb",
    "/calendar/" + "a" * 250 + ".vfb",
    "/calendar/" + "a" * 5000 + ".vfb",
    "/calendar/" + "%61" * 500 + ".vfb",
    "/" + "calendar/" * 400,
    "/calendar/hans.vfb/",
    "/calendar/hans.vfb/..",
    "/calendar/hans.vfb;type=a",
    "/_vti_inf.html",
    "/_vti_bin/shtml.exe/_vti_rpc",
    "/scripts/cpshost.dll",
    "/state/store.db",
    "/etc/passwd",
    "/favicon.ico",
    "/healthz/",
    "/healthz%2f",
    "http://x",
    "http://x/../calendar/hans.vfb",
]
NOWHERE.remove("http://x")  # the index, see below


@pytest.fixture(scope="module")
def site() -> Iterator[Running]:
    with serving(MemoryFiles(HANS, GREEN)) as running:
        yield running


@pytest.fixture(scope="module")
def refusal(site: Running) -> Answer:
    answer = site.get("/calendar/nobody.vfb").without_date()
    assert (answer.status, answer.body) == (404, b"Not found\n")
    return answer


@pytest.mark.parametrize("target", NOWHERE)
def test_one_refusal_for_all(site: Running, refusal: Answer, target: str) -> None:
    """Unknown, forbidden and malformed paths are answered alike, byte for byte."""
    assert site.get(target).without_date() == refusal


@pytest.mark.parametrize(
    "request_head",
    [
        b"GET calendar/hans.vfb HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET ftp://x/calendar/hans.vfb HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /calendar/gr\xfcn.vfb HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /calendar/hans.vfb HTTP/1.1\r\n\r\n",
        b"GET /calendar/hans .vfb HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /calendar/hans\0.vfb HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /calendar/hans.vfb\r\n\r\n",
        b"GET /calendar/hans.vfb HTTP/x\r\nHost: x\r\n\r\n",
        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 9000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 70 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET http://[x/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"SNIFF / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03marker\r\n\r\n",
    ],
)
def test_what_is_no_request_gets_400(site: Running, request_head: bytes) -> None:
    """A broken request is answered without a word of it, and ends its connection."""
    with site.connect() as client:
        client.sendall(request_head)
        text = read_all(client)
    assert text.startswith((b"HTTP/1.1 400 Bad Request\r\n", b"HTTP/1.0 400 Bad Request\r\n"))
    assert text.endswith(b"\r\n\r\nBad request\n")


@pytest.mark.parametrize("target", ["/", "http://x", "http://x/?q", "/?q"])
def test_the_index_names_nobody(site: Running, target: str) -> None:
    """The first page explains the addresses, whatever files there are."""
    answer = site.get(target)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"hans" not in answer.body
    assert b"%NAME%.vfb" in answer.body


def test_the_files_are_not_asked_about_broken_paths() -> None:
    """What cannot be a path never reaches the look-up."""
    files = MemoryFiles(HANS)
    with serving(files) as running:
        for target in ("/calendar/%00", "/calendar/../x", "/calendar/%2fx", "/" + "a" * 2000):
            running.get(target)
    assert files.asked == []
