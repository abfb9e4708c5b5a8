"""Logins over HTTP (RFC 7617), as transcripts."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from freebusy.errors import LoginRefusedError, LoginSlowedError, LoginUnavailableError
from freebusy.ports import Account, Scope
from freebusy.web.settings import HttpSettings
from tests.wire.http_gateway import (
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
    read_answer,
    serving,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.wire.http_gateway import Running

PATH = "/pub/calendar/hans.vfb"
CHALLENGE = 'Basic realm="Free/busy", charset="UTF-8"'
OTHER = BODY.replace(b"END:VFREEBUSY", b"COMMENT:other\r\nEND:VFREEBUSY")


class Site:
    """A server with accounts."""

    def __init__(
        self, running: Running, files: MemoryFiles, logins: MemoryLogins, kept: MemoryPublications
    ) -> None:
        self.running, self.files, self.logins, self.kept = running, files, logins, kept


@pytest.fixture
def site() -> Iterator[Site]:
    files, logins = MemoryFiles(HANS, STALE, GREEN), MemoryLogins()
    kept = MemoryPublications(files)
    with serving(files, logins=logins, publications=kept) as running:
        yield Site(running, files, logins, kept)


@pytest.mark.parametrize(
    ("lines", "target", "expected"),
    [
        ((), "hans", 401),
        ((), "nobody", 401),
        ((), "..%2fhans", 401),
        ((), "%zz", 401),
        ((FREEBUSY,), "hans", 204),
        ((FREEBUSY,), "neu", 201),
        ((FREEBUSY,), "nobody", 403),
        ((FREEBUSY,), "..%2fhans", 403),
        ((HANS_LOGIN,), "hans", 204),
        ((HANS_LOGIN,), "anna", 403),
        ((HANS_LOGIN,), "nobody", 403),
        ((basic("hans@x.example", "wort"),), "hans", 204),
        ((basic("hans%40x.example", "wort"),), "hans", 204),
        ((basic("grün", "pass wört:"),), "gr%C3%BCn", 204),
        ((basic("grün", "pass wört:", "latin-1"),), "gr%C3%BCn", 204),
        ((basic("hans", "wrong"),), "hans", 401),
        ((basic("hans", ""),), "hans", 401),
        ((basic("", "wort"),), "hans", 401),
        ((basic("nobody", "wort"),), "hans", 401),
        ((basic("hans", "wort\0"),), "hans", 401),
        ((basic("ha\nns", "wort"),), "hans", 401),
        (("Authorization: Basic !!!",), "hans", 401),
        (("Authorization: Basic ",), "hans", 401),
        (("Authorization: Basic aGFucw==",), "hans", 401),
        (("Authorization: Bearer abc",), "hans", 401),
        (("Authorization:",), "hans", 401),
        ((HANS_LOGIN, FREEBUSY), "hans", 401),
        ((HANS_LOGIN.replace("Basic ", "bAsIc  "),), "hans", 204),
    ],
)
def test_who_may_write(site: Site, lines: tuple[str, ...], target: str, expected: int) -> None:
    """Login, then rights, then names: what is refused is refused alike."""
    answer = site.running.put(f"/pub/calendar/{target}.vfb", *lines, body=OTHER)
    assert expected == answer.status
    assert answer.headers.get("www-authenticate") == (CHALLENGE if expected == 401 else None)
    assert (expected < 300) == bool(site.kept.uploads)


def test_the_challenge_is_the_same_for_every_name(site: Site) -> None:
    """Without a login nothing tells a name that is there from one that is not."""
    names = ("hans", "nobody", "neu", "a.b@c", "%E2%80%AE")
    answers = {str(site.running.put(f"/calendar/{name}.vfb").without_date()) for name in names}
    assert 1 == len(answers)


def test_a_wrong_password_reads_nothing(site: Site) -> None:
    """Also where anyone may read: who logs in must get it right."""
    assert 401 == site.running.get(PATH, basic("hans", "wrong")).status
    assert 200 == site.running.get(PATH, HANS_LOGIN).status
    assert 200 == site.running.get(PATH, "Authorization: Negotiate abc").status


def test_a_password_in_the_clear_is_not_looked_at(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """From networks that the operator did not name, a password over plain http is 403."""
    files, logins = MemoryFiles(HANS), MemoryLogins()
    with serving(files, logins=logins, plain_logins=("192.0.2.0/24",)) as running:
        answer = running.get(PATH, HANS_LOGIN)
        assert (403, b"Use https: a password must not go over plain http\n") == (
            answer.status,
            answer.body,
        )
        assert 200 == running.get(PATH).status
    assert [] == logins.asked
    assert "login address=127.0.0.1 event=password_without_tls" in caplog.messages
    assert "hans" not in "".join(m for m in caplog.messages if m.startswith("login"))


@pytest.mark.parametrize(
    ("proxies", "lines", "expected"),
    [
        ((), (), 200),
        ((), ("X-Forwarded-For: 127.0.0.1",), 403),
        ((), ("X-Forwarded-Proto: https",), 403),
        ((), ("Via: 1.1 x",), 403),
        (("127.0.0.1",), ("X-Forwarded-For: 127.0.0.9",), 200),
        (("127.0.0.1",), ("X-Forwarded-For: 192.0.2.1",), 403),
        (("127.0.0.1",), ("X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https"), 200),
        (("127.0.0.1",), ("X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: http"), 403),
        (
            ("127.0.0.1",),
            (
                "X-Forwarded-For: 192.0.2.1",
                "X-Forwarded-Proto: https",
                "X-Forwarded-Proto: http",
            ),
            403,
        ),
    ],
)
def test_a_password_through_a_proxy(
    proxies: tuple[str, ...], lines: tuple[str, ...], expected: int
) -> None:
    """Only a trusted proxy says that a password came over TLS, or from where."""
    logins = MemoryLogins()
    with serving(MemoryFiles(HANS), logins=logins, trusted_proxies=proxies) as running:
        assert expected == running.get(PATH, HANS_LOGIN, *lines).status
    assert (expected == 200) == bool(logins.asked)


def test_the_address_is_the_visitors() -> None:
    """What slows failed logins hears of the visitor's address, not of the proxy's."""
    logins = MemoryLogins()
    with serving(MemoryFiles(HANS), logins=logins, trusted_proxies=("127.0.0.1",)) as running:
        lines = ("X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https")
        running.get(PATH, HANS_LOGIN, *lines)
    assert [("hans", "wort", "192.0.2.1")] == logins.asked


@pytest.mark.parametrize(
    ("fault", "expected", "retry"),
    [
        (LoginRefusedError("x"), 401, None),
        (LoginSlowedError("x", 12.2), 429, "13"),
        (LoginSlowedError("x", 0.0), 429, "1"),
        (LoginUnavailableError("x"), 503, "30"),
    ],
)
def test_logins_that_do_not_come_about(
    site: Site, fault: Exception, expected: int, retry: str | None
) -> None:
    """A dead mail server is no wrong password, and who is slowed is told for how long."""
    site.logins.fault = fault
    answer = site.running.put(PATH, HANS_LOGIN)
    assert (expected, retry) == (answer.status, answer.headers.get("retry-after"))
    assert [] == site.kept.uploads


def test_a_success_is_remembered(site: Site) -> None:
    """Who has just logged in is neither delayed nor checked again."""
    site.logins.recalled["hans", "wort", "127.0.0.1"] = Account("hans", "hans", Scope.MAIL)
    site.logins.seconds = 30.0
    assert 204 == site.running.put(PATH, HANS_LOGIN, body=OTHER).status
    assert [] == site.logins.asked


def test_failures_make_the_next_one_wait(site: Site) -> None:
    """The delay is this login's alone: others are answered meanwhile."""
    site.logins.seconds = 0.5
    with site.running.connect() as slow:
        started = time.monotonic()
        slow.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n{HANS_LOGIN}\r\n\r\n".encode())
        assert 200 == site.running.get(PATH).status
        assert [] == site.logins.asked
        assert 200 == read_answer(slow).status
    assert 0.5 <= time.monotonic() - started


def test_who_has_gone_is_not_checked(site: Site) -> None:
    """An attempt whose client leaves during the delay asks no mail server."""
    site.logins.seconds = 0.3
    with site.running.connect() as gone:
        gone.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n{HANS_LOGIN}\r\n\r\n".encode())
        site.running.get(PATH)
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    site.logins.seconds = 0.6
    assert 200 == site.running.get(PATH, FREEBUSY).status
    assert ["freebusy"] == [user for user, _, _ in site.logins.asked]


def test_slow_checks_block_nobody(site: Site) -> None:
    """Ten logins that wait for the mail server keep neither readers nor writers waiting."""
    site.logins.held = threading.Event()
    site.logins.recalled["freebusy", "geheim", "127.0.0.1"] = MemoryLogins.ACCOUNTS[
        "freebusy", "geheim"
    ]
    waiting = [site.running.connect() for _ in range(10)]
    for client in waiting:
        client.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n{HANS_LOGIN}\r\n\r\n".encode())
    started = time.monotonic()
    assert 200 == site.running.get(PATH).status
    assert 204 == site.running.put(PATH, FREEBUSY, body=OTHER).status
    assert time.monotonic() - started < 2
    site.logins.held.set()
    assert [200] * 10 == [read_answer(client).status for client in waiting]
    for client in waiting:
        client.close()


def test_stopping_waits_for_no_check() -> None:
    """A mail server that hangs does not hold the end of the service up."""
    logins = MemoryLogins()
    logins.held = threading.Event()
    with serving(MemoryFiles(HANS), logins=logins) as running:
        client = running.connect()
        client.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n{HANS_LOGIN}\r\n\r\n".encode())
        deadline = time.monotonic() + 10
        while not logins.asked:
            assert time.monotonic() < deadline
            threading.Event().wait(0.01)
        started = time.monotonic()
    assert time.monotonic() - started < 2.5
    logins.held.set()
    client.close()


# -- who may read


def test_a_site_for_accounts_only() -> None:
    """Every path asks for a login before anything is looked up; with one it is served."""
    files = MemoryFiles(HANS, STALE)
    files.wants_login = True
    with serving(files, logins=MemoryLogins(), is_private=True, listing=True) as running:
        targets = (PATH, "/calendar/nobody.vfb", "/", "/pub/calendar/", "/%zz")
        answers = {str(running.get(target).without_date()) for target in targets}
        assert [] == files.asked
        assert 200 == running.get(PATH, HANS_LOGIN).status
        assert 404 == running.get("/calendar/nobody.vfb", HANS_LOGIN).status
        assert 200 == running.get("/pub/calendar/", FREEBUSY).status
        assert 200 == running.get("/healthz").status
        assert 404 == running.get("/_vti_inf.html").status
    assert 1 == len(answers)
    assert "status=401" in answers.pop()


def test_hidden_is_unknown() -> None:
    """A file for its owner alone is, for everybody else, what is not there."""
    files = MemoryFiles(HANS, STALE)
    files.hidden.add("hans")
    with serving(files, logins=MemoryLogins(), is_private=True) as running:
        anna = basic("anna", "kennwort")
        for lines in ((), (anna,)):
            hidden, unknown = (running.get(f"/calendar/{n}", *lines) for n in ("hans", "nobody"))
            assert hidden.without_date() == unknown.without_date()
            assert 404 == hidden.status
        assert 200 == running.get(PATH, HANS_LOGIN).status


def test_answers_that_depend_on_who_asks() -> None:
    """No shared cache keeps them, whatever they say."""
    files = MemoryFiles(HANS)
    kept = MemoryPublications(files)
    with serving(files, logins=MemoryLogins(), publications=kept, is_private=True) as running:
        answers = [
            running.get(PATH),
            running.get(PATH, 'If-None-Match: "5eed"'),
            running.get("/calendar/nobody"),
            running.get("/"),
            running.get(PATH, basic("x", "y")),
            running.put(PATH),
            running.put(PATH, HANS_LOGIN),
            running.send("DELETE", PATH, HANS_LOGIN),
        ]
    assert [200, 304, 404, 200, 401, 401, 204, 204] == [answer.status for answer in answers]
    assert {("private, no-cache", "Authorization")} == {
        (answer.headers["cache-control"], answer.headers["vary"]) for answer in answers
    }


def test_scanners_wait() -> None:
    """Who asks for many names that are not there gets each refusal later; others do not wait."""
    files = MemoryFiles(HANS)
    files.seconds = 0.3
    with serving(files) as running:
        assert 200 == running.get(PATH).status
        middle = time.monotonic()
        assert 404 == running.get("/calendar/nobody").status
        assert time.monotonic() - middle >= 0.3


def test_other_settings_while_it_runs() -> None:
    """What is shown and to whom can change without a new start."""
    with serving(MemoryFiles(HANS), logins=MemoryLogins()) as running:
        assert "vary" not in running.get(PATH).headers
        assert [404, 200] == [running.get("/pub/calendar/").status, running.get(PATH).status]
        later = HttpSettings(listen=(), listing=True, is_private=True, plain_logins=())
        running.loop.call_soon_threadsafe(running.server.reload, later)
        assert "Authorization" == running.get(PATH).headers["vary"]
        assert 200 == running.get("/pub/calendar/").status
        assert 403 == running.get(PATH, HANS_LOGIN).status
