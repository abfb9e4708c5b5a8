"""Who may use the connector's interface, from where, and what is said to the others."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from freebusy.errors import LoginSlowedError, LoginUnavailableError
from freebusy.web.connector.table import ENDPOINTS
from tests.wire.connector_gateway import (
    APP,
    EVA,
    HANS,
    JSON,
    PUBLISHER,
    READER,
    SHARED,
    connecting,
)
from tests.wire.http_gateway import MemoryFiles, MemoryLogins, basic, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.wire.connector_gateway import Api
    from tests.wire.http_gateway import Answer

WRONG = basic("hans", "falsch")


@pytest.fixture
def api() -> Iterator[Api]:
    with connecting() as api:
        yield api


def problem(answer: Answer) -> Any:
    """Return the problem that an answer holds."""
    assert "application/problem+json" == answer.headers["content-type"]
    assert "no-store" == answer.headers["cache-control"]
    told = json.loads(answer.body)
    assert answer.status == told["status"]
    assert told["detail"].endswith(".")
    return told


@pytest.mark.parametrize(
    ("login", "status"),
    [
        (HANS, 200),
        (EVA, 200),
        (APP, 200),
        (None, 401),
        (WRONG, 401),
        ("Authorization: Bearer abc", 401),
        ("Authorization: Basic ???", 401),
        (f"{HANS}\r\n{HANS}", 401),
        (PUBLISHER, 403),
        (READER, 403),
        (SHARED, 403),
        (basic("nobody", "wort"), 403),
    ],
)
def test_who_may(api: Api, login: str | None, status: int) -> None:
    """Mail accounts and app passwords for connectors may; who has not logged in is told how."""
    answer = api.send("GET", "/folders", login=login)
    assert status == answer.status
    assert (status == 401) == ("www-authenticate" in answer.headers)
    if status != 200:
        problem(answer)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.method} {each.path}")
def test_every_endpoint_asks_for_a_login(api: Api, endpoint: Any) -> None:
    """Without one nothing is done, and nothing is read of the body."""
    for login, status in ((None, 401), (READER, 403)):
        answer = api.send(endpoint.method, endpoint.example.path, b"{", login=login)
        assert status == problem(answer)["status"]
    assert [] == api.owners


def test_on_whose_behalf(api: Api) -> None:
    """A mail account acts with its own password, an app password without one."""
    for login in (HANS, APP):
        api.ask("GET", "/folders", login=login)
    assert ["wort", None] == [owner.password for owner in api.owners]
    assert [False, True] == [api.ask("GET", "/ping", login=each)["proxied"] for each in (HANS, APP)]


def test_an_app_password_where_nobody_may_act_for_others(api: Api) -> None:
    """403 with the reason, and what needs no mail server goes on."""
    api.may_proxy = False
    told = problem(api.send("GET", "/folders", login=APP))
    assert (403, "App passwords need a service login that acts for others.") == (
        told["status"],
        told["detail"],
    )
    assert 200 == api.send("GET", "/settings", login=APP).status


def test_no_password_in_the_open() -> None:
    """A password that others can read is refused, unlooked at."""
    with connecting(plain_logins=()) as api:
        told = problem(api.send("GET", "/folders"))
        assert (403, True) == (told["status"], "https" in told["detail"])
        assert [] == api.logins.asked


def test_the_limiter(api: Api) -> None:
    """Who failed too often is told when to come again."""
    api.logins.fault = LoginSlowedError("slow", 41.2)
    answer = api.send("GET", "/ping")
    assert (429, "42") == (problem(answer)["status"], answer.headers["retry-after"])


@pytest.mark.parametrize("step", ["name", "connection", "tls"])
def test_a_mail_server_that_cannot_be_asked(api: Api, step: Any) -> None:
    """Ping says what failed, whether or not the password could be checked."""
    api.mail.broken = step
    checked = problem(api.send("GET", "/ping"))
    api.logins.fault = LoginUnavailableError("no")
    unchecked = problem(api.send("GET", "/ping"))
    assert [(502, step)] * 2 == [(told["status"], told["step"]) for told in (checked, unchecked)]
    answer = api.send("GET", "/folders")
    assert (503, True) == (problem(answer)["status"], "retry-after" in answer.headers)


def test_logins_that_cannot_be_checked(api: Api) -> None:
    """Where the mail server can be reached after all, ping says to try again."""
    api.logins.fault = LoginUnavailableError("no")
    assert 503 == problem(api.send("GET", "/ping"))["status"]


def test_a_wrong_password_at_ping(api: Api) -> None:
    """It is the step "login", also where only the mail server knows that it is wrong."""
    told = [problem(api.send("GET", "/ping", login=WRONG))]
    api.mail.add_user("hans", "changed")
    told.append(problem(api.send("GET", "/ping")))
    api.mail.broken = "login"
    told.append(problem(api.send("GET", "/ping", login=APP)))
    assert [(401, "login"), (401, "login"), (502, "login")] == [
        (each["status"], each["step"]) for each in told
    ]


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ((), 200),
        (("Sec-Fetch-Site: none",), 200),
        (("Sec-Fetch-Site: same-origin", "Origin: http://x"), 200),
        (("Origin: https://cal.example.com",), 200),
        (("Origin: https://CAL.example.com",), 200),
        (("Origin: https://cal.example.com:8443",), 403),
        (("Sec-Fetch-Site: cross-site",), 403),
        (("Sec-Fetch-Site: same-site",), 403),
        (("Sec-Fetch-Site: none", "Sec-Fetch-Site: cross-site"), 403),
        (("Origin: https://evil.example",), 403),
        (("Origin: http://x.evil.example",), 403),
        (("Origin: null",), 403),
        (("Origin: http://x", "Origin: http://evil.example"), 403),
    ],
)
def test_web_pages_of_other_sites(lines: tuple[str, ...], status: int) -> None:
    """A browser that knows the password must not use it for a page from elsewhere."""
    with connecting(hosts=("cal.example.com",)) as api:
        assert status == api.send("GET", "/folders", None, *lines).status
        made = api.send("POST", "/folders", {"name": "New"}, *lines)
        assert (201 if status == 200 else status) == made.status
        assert (status == 200) == bool(api.logins.asked)
        assert 200 == api.send("GET", "/openapi.json", None, *lines, login=None).status


def test_there_is_no_cors(api: Api) -> None:
    """A preflight is answered as any other method that is not there."""
    lines = ("Origin: http://x", "Access-Control-Request-Method: PUT")
    answer = api.send("OPTIONS", "/folders", None, *lines)
    assert (405, "GET, POST") == (problem(answer)["status"], answer.headers["allow"])
    assert [] == [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/folders/", 404),
        ("GET", "//folders", 404),
        ("GET", "/folders/Q2FsZW5kYXI/items", 404),
        ("GET", "/folders/%FF/acl", 404),
        ("PUT", "/folders", 405),
        ("DELETE", "/ping", 405),
        ("PROPFIND", "/folders", 405),
        ("POST", "/openapi.json", 405),
        ("POST", "/", 405),
    ],
)
def test_what_is_not_there(api: Api, method: str, path: str, status: int) -> None:
    """Unknown paths and methods are problems as well, before anybody logs in."""
    answer = api.send(method, path, login=None)
    assert status == problem(answer)["status"]
    assert (status == 405) == ("allow" in answer.headers)


def test_without_a_connector() -> None:
    """Where there is none its paths are as unknown as any other."""
    with serving(MemoryFiles(), logins=MemoryLogins()) as running:
        paths = ("/connector/v1", "/connector/v1/", "/connector/v1/folders", "/connector/nothing")
        answers = {running.get(path, HANS).without_date().body for path in paths}
    assert {b"Not found\n"} == answers


def test_what_only_begins_like_it(api: Api) -> None:
    """Another path is none of the interface's."""
    for path in ("/connector/v10", "/connector/v1x/folders", "/connector"):
        answer = api.running.get(path, HANS)
        assert (404, b"Not found\n") == (answer.status, answer.body)


def test_nothing_secret_is_logged(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """Neither passwords nor calendar texts, whatever goes well or wrong."""
    caplog.set_level(logging.DEBUG)
    event = {"action": "put", "uid": "u", "calendar": "SUMMARY:Geheimes Treffen"}
    for login in (HANS, APP, basic("hans", "falsches-wort")):
        api.send("POST", "/folders/Q2FsZW5kYXI/changes", {"changes": [event]}, login=login)
        api.send("POST", "/folders/Q2FsZW5kYXI/changes", {"Geheimes": [event]}, login=login)
    api.mail.broken = "tls"
    api.send("GET", "/folders")
    assert "event=source_failed" in caplog.text
    assert [] == [
        word for word in ("wort", "Geheimes", "app-connector", JSON) if word in caplog.text
    ]
