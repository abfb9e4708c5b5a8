"""WebDAV on the calendar folders: the gateway's own answers, method by method (RFC 4918)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.wire.http_gateway import (
    ANNA_LOGIN,
    BODY,
    FREEBUSY,
    GREEN,
    HANS,
    HANS_LOGIN,
    STALE,
    MemoryFiles,
    MemoryLogins,
    MemoryPublications,
    basic,
    serving,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.wire.http_gateway import Answer, Running

PATH = "/pub/calendar/hans.vfb"
OTHER = BODY.replace(b"END:VFREEBUSY", b"COMMENT:other\r\nEND:VFREEBUSY")
LOCK = (
    b'<?xml version="1.0"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
    b"<D:locktype><D:write/></D:locktype></D:lockinfo>"
)


class Site:
    """A server with publishing, and what it keeps."""

    def __init__(self, running: Running, files: MemoryFiles, kept: MemoryPublications) -> None:
        self.running, self.files, self.kept = running, files, kept

    def send(self, method: str, target: str, *lines: str, body: bytes = b"") -> Answer:
        return self.running.send(method, target, f"Content-Length: {len(body)}", *lines, body=body)

    def lock(self, target: str, login: str) -> Answer:
        return self.send("LOCK", target, login, "Content-Type: text/xml", body=LOCK)


@pytest.fixture
def site() -> Iterator[Site]:
    files = MemoryFiles(HANS, STALE, GREEN)
    kept = MemoryPublications(files)
    with serving(files, logins=MemoryLogins(), publications=kept) as running:
        yield Site(running, files, kept)


def hrefs(answer: Answer) -> list[str]:
    assert 207 == answer.status
    return re.findall(r"<(?:\w+:)?href>([^<]*)</", answer.body.decode())


@pytest.mark.parametrize("target", ["*", "/", "/pub/calendar/", PATH, "/pub/calendar/nobody.vfb"])
def test_options(site: Site, target: str) -> None:
    """What is spoken is said to everybody, with or without a login."""
    answer = site.send("OPTIONS", target)
    assert (200, "1, 2", "DAV") == (
        answer.status,
        answer.headers["dav"],
        answer.headers["ms-author-via"],
    )
    assert ("PUT" in answer.headers["allow"]) == (target == "*" or target.endswith(".vfb"))


def test_the_folder(site: Site) -> None:
    """Depth 0 tells the folder, Depth 1 what the visitor may see listed."""
    assert ["/pub/calendar/"] == hrefs(site.send("PROPFIND", "/pub/calendar/", "Depth: 0"))
    assert [
        "/pub/calendar/",
        "/pub/calendar/anna.vfb",
        "/pub/calendar/gr%C3%BCn.vfb",
        "/pub/calendar/hans.vfb",
    ] == hrefs(site.send("PROPFIND", "/pub/calendar/", "Depth: 1", FREEBUSY))


def test_the_folders_above(site: Site) -> None:
    """A client that walks down from the root finds the way."""
    assert ["/", "/calendar/", "/pub/"] == hrefs(site.send("PROPFIND", "/", "Depth: 1"))
    assert ["/pub/", "/pub/calendar/"] == hrefs(site.send("PROPFIND", "/pub", "Depth: 1"))


def test_a_file(site: Site) -> None:
    """Size, tag and time are those of GET."""
    text = site.send("PROPFIND", PATH, "Depth: 0").body.decode()
    assert f"getcontentlength>{len(BODY)}<" in text
    assert "5eed" in text
    assert "Mon, 01 Jun 2026 12:30:15 GMT" in text


def test_hidden_is_unknown(site: Site) -> None:
    """PROPFIND tells a name that is not there as little as GET does."""
    site.files.hidden.add("hans")
    for lines in ((), (ANNA_LOGIN,)):
        hidden, unknown, read = (
            site.send(method, f"/pub/calendar/{name}.vfb", "Depth: 0", *lines).without_date()
            for method, name in (("PROPFIND", "hans"), ("PROPFIND", "nobody"), ("GET", "nobody"))
        )
        assert hidden == unknown == read
        assert 404 == unknown.status


def test_a_site_for_accounts_asks_first(site: Site) -> None:
    """Where everybody logs in, PROPFIND does not answer before."""
    site.files.wants_login = True
    answers = [site.send("PROPFIND", target, "Depth: 0") for target in ("/", PATH, "/x/y")]
    assert [401, 401] == [answer.status for answer in answers[:2]]
    assert [] == site.files.asked


@pytest.mark.parametrize("method", ["PROPPATCH", "LOCK", "UNLOCK", "MOVE"])
def test_changes_need_the_right(site: Site, method: str) -> None:
    """401 without a login and 403 with another's, for every name alike."""
    lines = ("Destination: http://x/pub/calendar/hans.vfb", "Lock-Token: <urn:uuid:1>")
    body = LOCK if method == "LOCK" else b""
    for login, expected in (((), 401), ((ANNA_LOGIN,), 403)):
        one, other = (
            site.send(method, f"/pub/calendar/{name}", *lines, *login, body=body)
            for name in ("hans.vfb.part", "nobody.vfb.part")
        )
        assert expected == one.status
        assert one.without_date() == other.without_date()
    assert BODY == site.running.get(PATH).body


def test_the_sequence_of_office(site: Site) -> None:
    """OPTIONS, PROPFIND, LOCK on a file that is not there yet, PUT, UNLOCK."""
    target = "/pub/calendar/neu.vfb"
    assert 200 == site.send("OPTIONS", target).status
    assert 207 == site.send("PROPFIND", target, "Depth: 0", FREEBUSY).status
    locked = site.lock(target, FREEBUSY)
    assert 201 == locked.status
    token = locked.headers["lock-token"]
    assert 404 == site.running.get(target).status
    held = f"If: ({token})"
    assert [] == site.kept.uploads
    assert 201 == site.send("PUT", target, FREEBUSY, held, body=OTHER).status
    assert 204 == site.send("UNLOCK", target, FREEBUSY, f"Lock-Token: {token}").status
    assert OTHER == site.running.get(target).body


def test_a_lock_keeps_others_out(site: Site) -> None:
    """PUT and DELETE are 423, by whatever path the file is named."""
    locked = site.lock(PATH, HANS_LOGIN)
    assert 200 == locked.status
    for target in (PATH, "/calendar/hans", "/calendar/hans.ifb"):
        assert 423 == site.send("DELETE", target, FREEBUSY).status
        assert 423 == site.send("PUT", target, FREEBUSY, body=OTHER).status
    assert BODY == site.running.get(PATH).body
    token = locked.headers["lock-token"]
    assert 204 == site.send("UNLOCK", PATH, HANS_LOGIN, f"Lock-Token: {token}").status
    assert 204 == site.send("PUT", PATH, FREEBUSY, body=OTHER).status


def test_the_sequence_of_kio(site: Site) -> None:
    """PUT under a temporary name, then MOVE onto the file; the upload says by what client."""
    target = f"{PATH}.part"
    assert 201 == site.send("PUT", target, HANS_LOGIN, body=OTHER).status
    assert 207 == site.send("PROPFIND", target, "Depth: 0", HANS_LOGIN).status
    assert BODY == site.running.get(PATH).body
    move = ("Destination: http://x/pub/calendar/hans.vfb", "User-Agent: KIO/6")
    assert 412 == site.send("MOVE", target, HANS_LOGIN, "Overwrite: F", *move).status
    assert 204 == site.send("MOVE", target, HANS_LOGIN, "Overwrite: T", *move).status
    assert OTHER == site.running.get(PATH).body
    assert "KIO/6" == site.kept.uploads[-1].client
    assert 404 == site.send("MOVE", target, HANS_LOGIN, *move).status


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("http://x/pub/calendar/anna.vfb", {403}),
        ("http://x/pub/calendar/nobody.vfb", {403}),
        ("http://elsewhere.example/pub/calendar/hans.vfb", {502}),
        ("http://x/etc/passwd", {403, 405, 409}),
        ("http://x/pub/calendar/..%2f..%2fhans.vfb", {403, 405, 409}),
    ],
)
def test_moving_elsewhere(site: Site, destination: str, expected: set[int]) -> None:
    """A temporary upload becomes the account's own file, and nothing else."""
    target = f"{PATH}.part"
    site.send("PUT", target, HANS_LOGIN, body=OTHER)
    answer = site.send("MOVE", target, HANS_LOGIN, f"Destination: {destination}")
    assert answer.status in expected
    assert 1 == len(site.kept.temporaries)


def test_xml_that_breaks_off(site: Site) -> None:
    """A body that breaks off is a bad request, not a fault."""
    head = "PROPFIND / HTTP/1.1\r\nHost: x\r\nDepth: 0\r\nContent-Length: 100\r\n\r\n<propf"
    assert site.running.exchange(head.encode()).startswith(b"HTTP/1.1 400 ")


def test_expectations_of_dav(site: Site) -> None:
    """A LOCK that waits for 100 Continue gets it."""
    head = f"LOCK {PATH} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\n"
    with site.running.connect() as client:
        client.sendall(f"{head}{HANS_LOGIN}\r\nContent-Length: {len(LOCK)}\r\n\r\n".encode())
        assert b"HTTP/1.1 100 Continue\r\n\r\n" == client.recv(1000)
        client.sendall(LOCK)
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")


def test_names_in_other_scripts(site: Site) -> None:
    """They are percent-encoded where they are named."""
    login = basic("grün", "pass wört:")
    target = "/pub/calendar/gr%C3%BCn.vfb"
    assert [target] == hrefs(site.send("PROPFIND", target, "Depth: 0", login))


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PROPPATCH", "LOCK", "UNLOCK", "MOVE"])
def test_what_is_no_path_is_refused_like_a_name_of_nobody(site: Site, method: str) -> None:
    """A change is 401 or 403 for what cannot be decoded, too: no answer tells more than others."""
    for login, status in (("X-Nobody: here", 401), (HANS_LOGIN, 403)):
        answers = [
            site.send(method, f"/calendar/{name}.vfb", login) for name in ("no%00name", "nobody")
        ]
        assert [status] * 2 == [answer.status for answer in answers]
        assert answers[0].body == answers[1].body
