"""What the log holds, and what it must not."""

from __future__ import annotations

import logging
import re
import socket
from typing import Any

import pytest

from tests.wire.ftp_dialogue import BODY, HOSTS, serving, wait_until


@pytest.fixture(autouse=True)
def all_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


@pytest.mark.parametrize("host", HOSTS)
def test_one_line_per_transfer(host: str, caplog: pytest.LogCaptureFixture) -> None:
    """A session with one transfer leaves one line, at INFO."""
    with serving(host=host) as place, place.login() as client:
        client.fetches("RETR /calendar/hans.vfb")
        client.asks("QUIT", "221")
    (record,) = [record for record in caplog.records if record.name != "asyncio"]
    assert record.levelno == logging.INFO
    expected = (
        rf"event=ftp_transfer command=RETR peer={host} user=anonymous path=/calendar/hans\.vfb"
        rf" bytes={len(BODY)} seconds=\d\.\d+ completed=yes"
    )
    assert re.fullmatch(expected, record.getMessage())


def test_no_password_and_no_calendar(caplog: pytest.LogCaptureFixture) -> None:
    """Neither passwords nor what is in a file is logged, at any level."""
    with serving() as place, place.dial() as client:
        client.answers("220")
        for user, code in (("hans", "530"), ("anonymous", "230")):
            client.asks(f"USER {user}", "331")
            client.asks("PASS MARKER-PASSWORD", code)
        client.says("PASS MARKER-PASSWORD")
        client.fetches("RETR /calendar/hans.vfb")
        client.says("XPASS MARKER-PASSWORD")
    assert "MARKER" not in caplog.text
    assert "FREEBUSY" not in caplog.text


@pytest.mark.parametrize("user", ["hans", "MARKER-PASSWORD", "\N{SNOWMAN}\u2028", "x" * 900])
def test_who_was_refused_is_not_logged(user: str, caplog: pytest.LogCaptureFixture) -> None:
    """A refused login leaves a line without the user's name, which may be a password."""
    with serving() as place, place.dial() as client:
        client.answers("220")
        client.asks(f"USER {user}", "331")
        client.asks("PASS x", "530")
    expected = "event=ftp_login_refused peer=127.0.0.1 reason=unknown"
    assert [expected] == [record.getMessage() for record in caplog.records]


def test_what_a_client_sent_is_escaped(caplog: pytest.LogCaptureFixture) -> None:
    """A path is logged on one line, escaped where needed."""
    with serving() as place, place.login() as client:
        client.fetches("RETR /calendar/зоя.vfb")
    assert ' path="/calendar/\\u0437\\u043e\\u044f.vfb" ' in caplog.text


def test_broken_off_transfer_is_logged_as_such(caplog: pytest.LogCaptureFixture) -> None:
    """A transfer that did not end says so."""
    with serving() as place:
        large = place.files.files["hans"]
        place.files.files["hans"] = type(large)("hans", b"x" * 20_000_000, '"x"', large.modified)
        with place.login() as client, client.passive():
            client.asks("RETR /calendar/hans.vfb", "1")
        wait_until(lambda: "completed=no" in caplog.text)


class Broken:
    """Something in the loop that fails where pyftpdlib does not expect it."""

    def __init__(self, ioloop: Any, sock: socket.socket) -> None:
        self._ioloop, self._fileno = ioloop, sock.fileno()
        ioloop.register(self._fileno, self, ioloop.WRITE)

    def handle_close(self) -> None:
        self._ioloop.unregister(self._fileno)
        raise RuntimeError("SECRET")


def fails() -> None:
    raise ValueError("SECRET")


def test_trouble_in_the_loop_is_one_line_each(caplog: pytest.LogCaptureFixture) -> None:
    """What fails outside any session, in our code or the library's, ends nothing."""
    with serving() as place:
        ours, theirs = socket.socketpair()
        ioloop = place.server._ioloop
        with ours:
            theirs.close()
            Broken(ioloop, ours)
            wait_until(lambda: "event=ftp_loop_error" in caplog.text)
        ioloop.call_later(0, fails)
        with place.login() as client:
            assert client.fetches("RETR /calendar/hans.vfb") == BODY
    errors = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
    assert errors[0].startswith("event=ftp_loop_error peer=unknown error=RuntimeError at=")
    assert errors[1:] == ["event=ftp_library error=ValueError"]
    assert "SECRET" not in caplog.text
