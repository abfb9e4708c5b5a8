"""Logging in with an account: it may take time, and holds nobody else up."""

from __future__ import annotations

import socket
import threading

import pytest

from freebusy.errors import (
    LoginRefusedError,
    LoginSlowedError,
    LoginUnavailableError,
    StoreError,
)
from tests.wire.ftp_accounts import MemoryLogins
from tests.wire.ftp_dialogue import BODY, IPV4, PATIENCE, Client, serving, some_files, wait_until

HANS = "/pub/calendar/hans.vfb"


def tries(client: Client, user: str, password: str) -> str:
    client.asks(f"USER {user}", "331")
    return client.says(f"PASS {password}")


@pytest.mark.parametrize("user", ["hans", "freebusy", "hans%40example.com"])
def test_account(user: str) -> None:
    """An account logs in with its password, as the client wrote its name."""
    logins, files = MemoryLogins(), some_files()
    with serving(files, logins=logins) as place, place.login(user, "secret") as client:
        assert client.fetches(f"RETR {HANS}") == BODY
    assert [(user, "secret", IPV4)] == logins.asked


def test_anonymous_asks_nobody() -> None:
    """An anonymous login is no affair of the accounts."""
    logins = MemoryLogins(error=AssertionError())
    with serving(logins=logins) as place, place.login() as client:
        assert client.fetches(f"RETR {HANS}") == BODY
    assert [] == logins.asked


def test_remembered_login() -> None:
    """A login that succeeded a short while ago is not checked again."""
    logins = MemoryLogins(remembers=True)
    with serving(logins=logins) as place, place.login("hans", "secret") as client:
        client.asks("PWD", "257")
    assert [] == logins.asked


@pytest.mark.parametrize(
    ("error", "reply"),
    [
        (LoginRefusedError("no such account as hans"), "530 Login incorrect."),
        (LoginSlowedError("Too many attempts; wait.", 9.0), "530 Too many attempts; wait."),
        (LoginUnavailableError("The mail server\r\n230 rests."), "421 The mail server  230 rests."),
        (StoreError("/var/lib/secret"), "421 Logins cannot be checked at the moment"),
    ],
)
def test_replies(error: Exception, reply: str) -> None:
    """A refused login, a slowed one and one that cannot be checked get their own replies."""
    with serving(logins=MemoryLogins(error=error)) as place, place.dial() as client:
        client.answers("220")
        assert tries(client, "hans", "secret").startswith(reply)
        if reply.startswith("421"):
            assert client.ended()
        else:
            client.asks("PWD", "530")


def test_store_that_cannot_say_how_long_to_wait() -> None:
    """A store that fails before the check ends the session like one that fails in it."""
    logins = MemoryLogins(slowed=StoreError("/var/lib/secret"))
    with serving(logins=logins) as place, place.dial() as client:
        client.answers("220")
        assert tries(client, "hans", "secret").startswith("421 Logins cannot be checked")
        assert client.ended()


def test_slowed_without_a_look() -> None:
    """Where waiting is no use the password is not looked at."""
    logins = MemoryLogins(slowed=LoginSlowedError("Too many attempts.", 60.0))
    with serving(logins=logins) as place, place.dial() as client:
        client.answers("220")
        assert "530 Too many attempts." == tries(client, "hans", "secret")
    assert [] == logins.asked


def test_unknown_users_look_like_wrong_passwords() -> None:
    """A user that is not there and a wrong password get one answer, and three end the session."""
    with serving(logins=MemoryLogins()) as place, place.dial() as client:
        client.answers("220")
        for user in ("hans", "nobody", "*"):
            assert "530 Login incorrect." == tries(client, user, "wrong")
        assert client.ended()


def test_the_wait_before_a_check() -> None:
    """After failures the check waits, and the login then succeeds all the same."""
    logins = MemoryLogins(wait=0.05)
    with serving(logins=logins) as place, place.login("hans", "secret") as client:
        client.asks("PWD", "257")


def test_a_slow_check_holds_up_nobody_else() -> None:
    """While one password is checked others are served; what its client sent meanwhile waits."""
    logins = MemoryLogins(gate=threading.Event())
    with serving(logins=logins, idle_timeout=0.5) as place, place.dial() as client:
        client.answers("220")
        client.asks("USER hans", "331")
        client.sends("PASS secret\r\nPWD")
        wait_until(lambda: bool(logins.asked))
        for _ in range(8):
            with place.login() as other:
                assert other.fetches(f"RETR {HANS}") == BODY
                # Longer in all than the idle time, which must not count against the client.
                threading.Event().wait(0.08)
        assert logins.gate is not None
        logins.gate.set()
        client.answers("230")
        client.answers("257")


@pytest.mark.parametrize("reset", [False, True], ids=["close", "reset"])
def test_a_client_that_leaves_meanwhile(reset: bool) -> None:
    """A client that goes while its password is checked leaves no session behind."""
    logins = MemoryLogins(gate=threading.Event())
    with serving(logins=logins, max_connections_per_address=1) as place:
        client = place.dial()
        client.answers("220")
        client.asks("USER hans", "331")
        client.sends("PASS secret")
        wait_until(lambda: bool(logins.asked))
        if reset:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        client.close()
        assert logins.gate is not None
        logins.gate.set()
        wait_until(lambda: not place.server._session.sessions)
        with place.login() as other:
            other.asks("PWD", "257")


def test_stopping_while_a_password_is_checked() -> None:
    """The server stops in time while a check is still under way."""
    logins = MemoryLogins(gate=threading.Event())
    with serving(logins=logins) as place, place.dial() as client:
        client.answers("220")
        client.asks("USER hans", "331")
        client.sends("PASS secret")
        wait_until(lambda: bool(logins.asked))
        place.server.stop()
        client.answers("421")
        assert client.ended()
        assert logins.gate is not None
        logins.gate.set()


def test_guesses_in_one_go_get_one_answer() -> None:
    """Passwords sent without waiting for the answer are thrown away with the first."""
    logins = MemoryLogins()
    with serving(logins=logins) as place, place.dial() as client:
        client.answers("220")
        client.sends("\r\n".join(["USER hans\r\nPASS wrong"] * 40))
        client.answers("331")
        client.answers("530")
        client.asks("NOOP", "200")
    assert 1 == len(logins.asked)


def test_a_bug_in_the_check_ends_one_session() -> None:
    """A bug met by one login ends that session, and the next works."""
    logins = MemoryLogins(error=ValueError("SECRET"))
    with serving(logins=logins) as place:
        with place.dial() as client:
            client.answers("220")
            client.asks("USER hans", "331")
            client.sends("PASS secret")
            assert client.ended()
        logins.error = None
        with place.login("hans", "secret") as client:
            client.asks("PWD", "257")


def test_who_asks_for_many_names_waits() -> None:
    """A refusal is held back as long as the site says, for this session alone."""
    files = some_files()
    with serving(files) as place, place.login() as scanner, place.login() as other:
        files.held_up = PATIENCE
        scanner.sends("SIZE /pub/calendar/nobody.vfb\r\nNOOP")
        assert other.fetches(f"RETR {HANS}") == BODY
        scanner.socket.settimeout(0.05)
        with pytest.raises(TimeoutError):
            scanner.socket.recv(1)
        files.held_up = 0.02
        other.asks("SIZE /pub/calendar/nobody.vfb", "550")
        other.asks("NOOP", "200")
