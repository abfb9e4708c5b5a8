"""The access log: one line for each answer, and nothing in it that is nobody's business."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from freebusy.ports import Account, Scope
from tests.wire.http_gateway import (
    FREEBUSY,
    HANS,
    HANS_LOGIN,
    MemoryFiles,
    MemoryLogins,
    MemoryPublications,
    basic,
    read_all,
    read_answer,
    serving,
)

if TYPE_CHECKING:
    import pytest

LOGGER = "freebusy.web.access"


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line for r in caplog.records if r.name == LOGGER for line in r.message.splitlines()]


def test_a_line_for_each_answer(caplog: pytest.LogCaptureFixture) -> None:
    """Address, method, path, status and bytes; stopping loses no line."""
    with caplog.at_level(logging.INFO, LOGGER), serving(MemoryFiles(HANS)) as running:
        running.get("/calendar/hans.vfb", 'If-None-Match: "5eed"')
        running.get("/calendar/nobody", method="HEAD")
    logged = [re.sub(r"^time=\S+Z |bytes=\d+", "", line) for line in lines(caplog)]
    assert logged == [
        "address=127.0.0.1 method=GET path=/calendar/hans.vfb status=304 ",
        "address=127.0.0.1 method=HEAD path=/calendar/nobody status=404 ",
    ]


def test_no_query_and_no_credentials(caplog: pytest.LogCaptureFixture) -> None:
    """Neither queries, nor what absolute targets hold, nor header fields, nor broken requests."""
    with caplog.at_level(logging.DEBUG), serving(MemoryFiles(HANS)) as running:
        running.get("/calendar/hans.vfb?token=marker")
        running.get("http://user:marker@x/calendar/hans.vfb")
        running.get("/x", "Authorization: Basic marker", "Cookie: marker", "User-Agent: marker")
        running.exchange(b"GET /marker\xff HTTP/1.1\r\nmarker\r\n\r\n")
        running.exchange(b"marker marker marker\r\n\r\n")
    assert "marker" not in caplog.text
    assert len(lines(caplog)) == 5


def test_accounts_are_named_as_the_roster_names_them(caplog: pytest.LogCaptureFixture) -> None:
    """Who has logged in, by the account's label; of who has not, nothing that was typed."""
    files = MemoryFiles(HANS)
    kept = MemoryPublications(files)
    with (
        caplog.at_level(logging.DEBUG),
        serving(files, logins=MemoryLogins(), publications=kept) as running,
    ):
        running.get("/calendar/hans", HANS_LOGIN)
        running.put("/calendar/hans.vfb?marker", FREEBUSY)
        running.put("/calendar/hans.vfb", basic("marker", "marker"))
        running.put("http://marker:marker@x/calendar/hans.vfb", basic("hans", "marker"))
        running.send("PROPFIND", "/calendar/", "Depth: 0", "Authorization: Basic marker")
        running.put("/calendar/hans.vfb", "Authorization: Digest username=marker")
    logged = [re.sub(r"^time=\S+Z | path=.*|bytes=\d+", "", line) for line in lines(caplog)]
    assert logged == [
        "address=127.0.0.1 account=hans method=GET",
        "address=127.0.0.1 account=freebusy method=PUT",
        "address=127.0.0.1 method=PUT",
        "address=127.0.0.1 method=PUT",
        "address=127.0.0.1 method=PROPFIND",
        "address=127.0.0.1 method=PUT",
    ]
    assert "marker" not in caplog.text
    assert "wort" not in caplog.text


def test_the_visitor_behind_a_proxy_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The address is the one that a trusted proxy names, and the next request has its own."""
    with (
        caplog.at_level(logging.INFO, LOGGER),
        serving(MemoryFiles(HANS), trusted_proxies=("127.0.0.1",)) as running,
    ):
        first = "GET /calendar/hans HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"
        with running.connect() as client:
            client.sendall(first.encode())
            read_answer(client)
            client.sendall(b"rubbish\r\n\r\n")
            read_all(client)
    assert [line.split(" ")[1] for line in lines(caplog)] == [
        "address=192.0.2.1",
        "address=127.0.0.1",
    ]


def test_a_label_is_one_word(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever an account is called, it makes no second field and no second line."""
    logins = MemoryLogins()
    logins.recalled["hans", "wort", "127.0.0.1"] = Account("hä ns\nx", "hans", Scope.READ)
    with (
        caplog.at_level(logging.INFO, LOGGER),
        serving(MemoryFiles(HANS), logins=logins) as running,
    ):
        running.get("/calendar/hans", HANS_LOGIN)
    assert r" account=h\xe4\x20ns\x0ax method=GET" in lines(caplog)[0]


def test_a_long_path_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    """A line has a bounded length."""
    with caplog.at_level(logging.INFO, LOGGER), serving(MemoryFiles(HANS)) as running:
        running.get("/" + "a" * 3000)
    assert len(lines(caplog)[0]) < 350


def test_the_lines_share_records_when_there_are_many(caplog: pytest.LogCaptureFixture) -> None:
    """Many answers at once cost one record, and every answer still has its line."""
    request = b"GET /calendar/hans HTTP/1.1\r\nHost: x\r\n\r\n" * 200
    with caplog.at_level(logging.INFO, LOGGER), serving(MemoryFiles(HANS)) as running:
        running.exchange(request)
    assert len(lines(caplog)) == 200
    assert len([r for r in caplog.records if r.name == LOGGER]) <= 20


def test_a_silenced_log_gathers_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Who does not want the log does not pay for it."""
    with caplog.at_level(logging.WARNING, LOGGER), serving(MemoryFiles(HANS)) as running:
        running.get("/calendar/hans")
        connections = running.server._connections
        assert connections is not None
        assert connections.access_log._entries == []
    assert lines(caplog) == []
