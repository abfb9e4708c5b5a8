"""The client of the connector's API, against services that do not behave."""

from __future__ import annotations

import base64
import json
import ssl
import time
from typing import TYPE_CHECKING

import pytest

from calendar_sync.connector.client import (
    ApiError,
    ConnectorClient,
    ConnectorDownError,
    UnexpectedAnswerError,
    UnsendableError,
)
from freebusy.connector.bodies import Change, FolderChange, Grant, NewFolder, Query, Sync
from freebusy.errors import ConfigurationError, FreeBusyError
from tests.servers.certificate import make_certificate
from tests.servers.process import free_ports
from tests.wire.connector_script import (
    CLOSE,
    PROBLEM,
    SILENCE,
    TLS_HELLO,
    Drip,
    answer,
    scripted,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.wire.connector_script import Script

SETTINGS = '{"default_mode":"manual","something":"newer"}'
GOOD = answer(SETTINGS)
ENTRY = answer('{"user":"a","shown":"a","is_everyone":false,"rights":"lr","role":null}')
RESULTS = answer('{"results":[{"status":"done","href":"7","losses":[]}]}')
PASSWORD = "gehéim-MARKER"
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def client(script: Script, timeout: float = 5.0, max_answer: int = 1 << 20) -> ConnectorClient:
    return ConnectorClient(
        script.url, "hans@example.com", PASSWORD, timeout=timeout, max_answer=max_answer
    )


@pytest.mark.parametrize(
    "said",
    [
        GOOD,
        CHUNKED + b"5\r\n" + SETTINGS[:5].encode() + b"\r\n28\r\n" + SETTINGS[5:].encode()
        + b"\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + SETTINGS.encode(),
        Drip(GOOD, 0.001),
    ],
    ids=["plain", "chunked", "to the end", "drop by drop"],
)  # fmt: skip
def test_answers_as_they_come(said: bytes | Drip) -> None:
    """However an answer is sent it is read, and what a newer service adds is passed over."""
    with scripted([said]) as script, client(script) as asking:
        assert "manual" == asking.settings().default_mode
    assert ["GET /connector/v1/settings HTTP/1.1"] == script.lines
    login = base64.b64encode(f"hans@example.com:{PASSWORD}".encode())
    assert b"\r\nAuthorization: Basic " + login + b"\r\n" in script.asked[0]


@pytest.mark.parametrize(
    ("said", "kind", "sentence"),
    [
        (GOOD[:-3], ConnectorDownError, "broke off in the middle of an answer: try again"),
        (CHUNKED + b"28\r\n{", ConnectorDownError, "broke off in the middle"),
        (CLOSE, ConnectorDownError, "the connection to 127.0.0.1:PORT was lost"),
        (SILENCE, ConnectorDownError, "did not answer within 0.2 s: is the gateway overloaded"),
        (b"SSH-2.0-X\r\n", UnexpectedAnswerError, "does not speak HTTP: check url"),
        (answer("<html>", "text/html"), UnexpectedAnswerError, "text/html and not JSON; check url"),
        (answer('{"default_mode":'), UnexpectedAnswerError, "all of it: json_invalid; is the"),
        (answer('{"default_mode":"MARKER"}'), UnexpectedAnswerError, "default_mode: literal_error"),
        (answer("[]"), UnexpectedAnswerError, "all of it: model_type"),
        (answer("x" * 2_000_000), UnexpectedAnswerError, "longer than 1 MiB: ask for less"),
        (CHUNKED + b"1e8480\r\n" + b"x" * 2_000_000, UnexpectedAnswerError, "longer than 1 MiB"),
        (
            answer("", status="302 Found", Location="http://127.0.0.1:1/"),
            UnexpectedAnswerError,
            "it redirects, which is never followed",
        ),
        (answer(status="401 Unauthorized"), ApiError, "401: the login was refused: check login"),
        (answer(status="403 Forbidden"), ApiError, "403: this login may not do that"),
        (answer("<h1>", "text/html", "503 X"), ApiError, "503: the service cannot answer now"),
        (answer("{}", PROBLEM, "418 X"), ApiError, "418: it cannot be used as it is"),
        (
            answer('{"title":"T","status":409,"detail":"3 items"}', PROBLEM, "409 X"),
            ApiError,
            "3 items",
        ),
        (
            answer('{"title":"T","status":422,"errors":["a\\u0007","b"]}', PROBLEM, "422 X"),
            ApiError,
            "T: a\\x07; b",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_goes_wrong(said: bytes | Drip, kind: type[FreeBusyError], sentence: str) -> None:
    """What is no good answer is one error with a sentence that holds none of its values."""
    with scripted([said]) as script, client(script, 0.2) as asking:
        with pytest.raises(kind) as raised:
            asking.settings()
        assert sentence.replace("PORT", str(script.port)) in str(raised.value)
    assert "MARKER" not in str(raised.value)


def test_what_a_problem_tells_a_program() -> None:
    """Status, the rights in force, and when to come again can be had by their names."""
    body = '{"title":"T","status":503,"detail":"later","rights":"lra"}'
    with (
        scripted([answer(body, PROBLEM, "503 X", Retry_After="7")]) as script,
        client(script) as asking,
        pytest.raises(ApiError) as raised,
    ):
        asking.ping()
    error = raised.value
    assert (503, 7.0, "lra") == (error.status, error.retry_after, error.problem.rights)


def test_an_answer_that_trickles_ends() -> None:
    """However often a byte comes, after ten time-outs it is enough."""
    started = time.monotonic()
    with scripted([Drip(GOOD, 0.03)]) as script, client(script, 0.05) as asking:
        with pytest.raises(ConnectorDownError, match="did not answer"):
            asking.settings()
        assert 0.5 <= time.monotonic() - started < 3


# -- the kept connection


def test_one_connection_is_kept() -> None:
    """Request after request goes over one connection, also after a refusal."""
    refused = answer('{"title":"T","status":404}', PROBLEM, "404 X")
    with scripted([GOOD, refused, GOOD]) as script, client(script) as asking:
        asking.settings()
        with pytest.raises(ApiError):
            asking.folders()
        asking.settings()
    assert 3 == len(script.asked)


def test_a_connection_closed_while_idle() -> None:
    """It is seen before anything is sent, so that nothing is asked twice."""
    with scripted([GOOD], [ENTRY]) as script, client(script) as asking:
        asking.settings()
        assert script.ended.wait(5)
        asking.revoke("abc", "a")
    assert ["GET", "DELETE"] == [line.split()[0] for line in script.lines]


NEW = Change(action="put", uid="1", calendar="MARKER", change="c1")
REPEATED: list[tuple[str, Callable[[ConnectorClient], object], bytes]] = [
    ("GET", lambda asking: asking.settings(), GOOD),
    ("PUT", lambda asking: asking.grant("abc", "a", Grant(role="guest")), ENTRY),
    ("POST", lambda asking: asking.look_up(Query(names=["a"])), answer('{"people":[]}')),
    ("POST", lambda asking: asking.write("abc", [NEW]), RESULTS),
    ("POST", lambda asking: asking.write("abc", [Change(action="delete", uid="1")]), RESULTS),
]
ONCE: list[tuple[str, Callable[[ConnectorClient], object]]] = [
    ("POST", lambda asking: asking.create_folder(NewFolder(name="x"))),
    ("PATCH", lambda asking: asking.change_folder("abc", FolderChange(name="x"))),
    ("DELETE", lambda asking: asking.delete_folder("abc")),
    ("POST", lambda asking: asking.sync(Sync(event="manual"))),
    ("POST", lambda asking: asking.write("abc", [NEW.model_copy(update={"change": ""})])),
]


@pytest.mark.parametrize(("method", "ask", "good"), REPEATED)
def test_what_is_asked_once_more(
    method: str, ask: Callable[[ConnectorClient], object], good: bytes
) -> None:
    """Where a kept connection ends instead of an answer, what twice is as once is repeated."""
    with scripted([GOOD, CLOSE], [good]) as script, client(script) as asking:
        asking.settings()
        ask(asking)
    assert [method, method] == [line.split()[0] for line in script.lines[1:]]
    assert script.asked[1] == script.asked[2]


@pytest.mark.parametrize(("method", "ask"), ONCE)
def test_what_is_asked_but_once(method: str, ask: Callable[[ConnectorClient], object]) -> None:
    """What may have been done already is the caller's to look into."""
    with scripted([GOOD, CLOSE], [GOOD]) as script, client(script) as asking:
        asking.settings()
        with pytest.raises(ConnectorDownError) as raised:
            ask(asking)
        assert "answer" == raised.value.step
        asking.settings()
    assert ["GET", method, "GET"] == [line.split()[0] for line in script.lines]


def test_a_new_connection_that_ends_is_not_tried_again() -> None:
    """A service that answers nothing at all is asked once."""
    with scripted([CLOSE], [GOOD]) as script, client(script) as asking:
        with pytest.raises(ConnectorDownError):
            asking.settings()
        assert 1 == len(script.asked)
        asking.settings()


# -- what is sent


def test_names_are_encoded() -> None:
    """Whatever a user, a name or a token holds stays inside its place of the URL."""
    with scripted([ENTRY, ENTRY, answer('{"people":[]}')]) as script, client(script) as asking:
        asking.grant("abc", "group:a/b?c#d%2e é", Grant(rights="lr"))
        asking.revoke("abc", "x", force=True)
        with pytest.raises(UnexpectedAnswerError):
            asking.changes("abc", "a&b=c d", limit=5)
    assert [
        "PUT /connector/v1/folders/abc/acl/group%3Aa%2Fb%3Fc%23d%252e%20%C3%A9 HTTP/1.1",
        "DELETE /connector/v1/folders/abc/acl/x?force=true HTTP/1.1",
        "GET /connector/v1/folders/abc/changes?since=a%26b%3Dc+d&limit=5 HTTP/1.1",
    ] == script.lines


def test_what_was_not_set_is_not_sent() -> None:
    """A change names only what is to be different; null means something of its own."""
    with (
        scripted([GOOD]) as script,
        client(script) as asking,
        pytest.raises(UnexpectedAnswerError),
    ):
        asking.change_folder("abc", FolderChange(mode="inherited"))
    assert {"mode": "inherited"} == json.loads(script.asked[0].partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize("name", ["", ".", "..", "a\r\nb", "a\0", "\x7f"], ids=repr)
def test_what_no_request_can_carry(name: str) -> None:
    """A name that would end up elsewhere, or break the request, is refused before it is sent."""
    asking = ConnectorClient("http://127.0.0.1:1", "hans", "x")
    for ask in (asking.folder, asking.job, asking.person, lambda name: asking.acl(name)):
        with pytest.raises(UnsendableError):
            ask(name)


def test_too_many_changes() -> None:
    """More changes than a request may have are the caller's to divide; nothing is quoted."""
    asking = ConnectorClient("http://127.0.0.1:1", "hans", "x")
    with pytest.raises(UnsendableError) as raised:
        asking.write("abc", [NEW] * 501)
    assert "these changes cannot be sent: changes: too_long" == str(raised.value)


@pytest.mark.parametrize(
    ("url", "login", "password", "problem"),
    [
        ("http://example.com", "a", "b", "url: is http:// and example.com is not this machine"),
        ("http://192.0.2.1", "a", "b", "url: is http:// and 192.0.2.1 is not this machine"),
        ("https://u:MARKER@example.com", "a", "b", "url: must be like https://"),
        ("https://example.com?MARKER", "a", "b", "url: must be like https://"),
        ("ftp://example.com", "a", "b", "url: must be like https://"),
        ("https://example.com:99999", "a", "b", "url: must be like https://"),
        ("https://example.com/a b", "a", "b", "url: must be like https://"),
        ("https://example.com/%2e", "a", "b", "url: its path must be plain ASCII"),
        ("https://example.com", "a:b", "b", "login: must be there, without colon"),
        ("https://example.com", "a\nb", "b", "login: must be there, without colon"),
        ("https://example.com", "a", "", "password: must be there"),
        ("https://example.com", "a", "MARKER\r\n", "password: must be there"),
    ],
)
def test_what_cannot_be_used(url: str, login: str, password: str, problem: str) -> None:
    """A URL, login or password that cannot work, or not safely, is refused at once."""
    with pytest.raises(ConfigurationError) as raised:
        ConnectorClient(url, login, password)
    assert problem in str(raised.value)
    assert "MARKER" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "step", "sentence"),
    [
        ("https://nosuch.invalid", "name", "the name nosuch.invalid cannot be resolved: check url"),
        (f"https://{'x' * 70}.example", "name", "is no name of a host: check url"),
        ("https://127.0.0.1:PORT", "connection", "refuses connections: is the gateway running"),
    ],
)
def test_nobody_there(url: str, step: str, sentence: str) -> None:
    """Where nobody answers, the error says what failed and what to check."""
    (port,) = free_ports(1)
    with pytest.raises(ConnectorDownError) as raised:
        ConnectorClient(url.replace("PORT", str(port)), "a", "b", timeout=3).ping()
    assert step == raised.value.step
    assert sentence in str(raised.value)


def test_no_tls_there() -> None:
    """A server that answers in the clear gets no password."""
    with scripted([GOOD]) as script:
        asking = ConnectorClient(f"https://127.0.0.1:{script.port}", "a", PASSWORD, timeout=3)
        with pytest.raises(ConnectorDownError, match="does not speak TLS there") as raised:
            asking.ping()
        assert "tls" == raised.value.step
    assert [TLS_HELLO] == [text[:2] for text in script.asked]


def test_certificates(tmp_path: Path) -> None:
    """A certificate counts where its authority is trusted, for the name that it is for."""
    made = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.cert, made.key)
    with scripted([], [GOOD], [], context=context) as script:
        with pytest.raises(ConnectorDownError, match="name its authority in ca_file") as raised:
            ConnectorClient(script.url, "a", PASSWORD, timeout=3).settings()
        assert "tls" == raised.value.step
        with ConnectorClient(script.url, "a", PASSWORD, timeout=3, ca_file=made.cert) as asking:
            assert "manual" == asking.settings().default_mode
            assert ["name", "connection", "tls"] == list(asking.steps)
        other = tmp_path / "other"
        other.mkdir()
        wrong = make_certificate(other).cert
        with pytest.raises(ConnectorDownError, match="is not accepted"):
            ConnectorClient(script.url, "a", PASSWORD, timeout=3, ca_file=wrong).settings()
    assert 1 == len(script.asked)


def test_certificates_that_cannot_be_read(tmp_path: Path) -> None:
    """A file without certificates is the caller's to mend, at once."""
    (tmp_path / "ca.pem").write_text("none")
    for path in (tmp_path / "ca.pem", tmp_path / "missing.pem"):
        with pytest.raises(ConfigurationError, match="ca_file: cannot be read, or holds no"):
            ConnectorClient("https://127.0.0.1:1", "a", "b", ca_file=path)
