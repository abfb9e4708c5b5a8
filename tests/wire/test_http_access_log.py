"""The access log: one line for each answer, and nothing in it that is nobody's business."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from tests.wire.http_gateway import HANS, MemoryFiles, serving

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
