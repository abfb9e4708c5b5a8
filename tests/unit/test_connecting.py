"""Who may use the connector's interface, on whose behalf, and with which settings."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from calendar_sync.imap.settings import login_of
from freebusy.config import load
from freebusy.connecting import (
    NO_PROXYING,
    NOBODY,
    NOT_THIS_WAY,
    SWITCHED_OFF,
    Connecting,
    describe,
    personal,
    proxying,
    why_off,
)
from freebusy.errors import NotAllowedError
from freebusy.ports import Account, Scope, SyncMode
from freebusy.serving import Serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from freebusy.config import Config

MAIL = """
[sources.mail]
type = "imap"
host = "127.0.0.1"
security = "plain"
password_file = "imap.password"
"""
PEOPLE = 'persons = ["eva@example.com", {address = "hans@example.com", login = "hm"}]\n'
SERVICE = 'username = "freebusy"\n'
ACTING = SERVICE + 'authorization = "{local}"\n'
MASTER = 'username = "{local}*freebusy"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    secret = tmp_path / "imap.password"
    secret.write_text("geheim", "utf-8")
    secret.chmod(0o600)
    return tmp_path


def configured(folder: Path, text: str) -> Config:
    path = folder / "freebusy.toml"
    path.write_text(text, "utf-8")
    return load(path, {"TZ": "Europe/Berlin"})


@contextmanager
def connecting(folder: Path, text: str) -> Iterator[Connecting]:
    config = configured(folder, text)
    serving = Serving(config)
    made = Connecting(config, serving)
    try:
        yield made
    finally:
        asyncio.run(made.close())
        serving.close()


def account(scope: Scope, person: str | None = "hans") -> Account:
    return Account("hans/desk", person, scope)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PEOPLE + MAIL + SERVICE, "on, with mail accounts only"),
        (PEOPLE + MAIL + ACTING, "on, with mail accounts and with app passwords"),
        (PEOPLE + MAIL + MASTER, "on, with mail accounts and with app passwords"),
        (PEOPLE, "off: nobody can log in with a mail account"),
        (PEOPLE + MAIL + SERVICE + '[login]\nmail = "off"', "off: nobody can log in"),
        (PEOPLE + MAIL + SERVICE + "[connector]\nenabled = false", "off: connector.enabled"),
        (PEOPLE + MAIL + SERVICE + "[http]\nenabled = false", "off: http.enabled is false"),
    ],
)
def test_whether_there_is_one(folder: Path, text: str, expected: str) -> None:
    """It takes a mail server that checks passwords, and one that lets the service act."""
    config = configured(folder, text)
    assert describe(config).startswith(expected)
    assert expected.startswith("off") == (why_off(config) is not None)


def test_a_mail_account_acts_with_its_own_password(folder: Path) -> None:
    """By the login of ``[login]``, whatever the service itself logs in with."""
    text = PEOPLE + MAIL + ACTING + '[login]\nusername = "{address}"'
    with connecting(folder, text) as made:
        config = configured(folder, text)
        source = config.login_source
        assert source is not None
        used = personal(config, source)
        hans = made.owner(account(Scope.MAIL), "own")
        eva = made.owner(account(Scope.MAIL, "eva"), "hers")
        assert ("hm", "own", "") == _login(login_of(used, hans))
        assert ("eva@example.com", "hers", "") == _login(login_of(used, eva))


def _login(login: object) -> tuple[object, ...]:
    return tuple(getattr(login, name) for name in ("username", "password", "authorization"))


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (ACTING, ("freebusy", "geheim", "eva")),
        (MASTER, ("eva*freebusy", "geheim", "")),
    ],
)
def test_an_app_password_acts_by_proxying(
    folder: Path, table: str, expected: tuple[str, str, str]
) -> None:
    """The service's own login acts for the person; the app password goes nowhere."""
    config = configured(folder, PEOPLE + MAIL + table)
    source = config.login_source
    assert source is not None
    used = proxying(config, source)
    assert used is not None
    with connecting(folder, PEOPLE + MAIL + table) as made:
        owner = made.owner(account(Scope.CONNECTOR, "eva"), "fb-app")
    assert owner.password is None
    assert expected == _login(login_of(used, owner))


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (account(Scope.CONNECTOR), NO_PROXYING),
        (account(Scope.PUBLISH), NOT_THIS_WAY),
        (account(Scope.READ), NOT_THIS_WAY),
        (account(Scope.SHARED, None), NOT_THIS_WAY),
        (account(Scope.MAIL, "nobody"), NOBODY),
    ],
)
def test_who_is_refused(folder: Path, who: Account, expected: str) -> None:
    """Each with the sentence that says what to do."""
    with (
        connecting(folder, PEOPLE + MAIL + SERVICE) as made,
        pytest.raises(NotAllowedError) as raised,
    ):
        made.owner(who, "x")
    assert expected == raised.value.reason


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Alle", True),
        ("tutti", True),
        ("TOUS@example.com", True),
        ("Tous", True),
        ("Todos", False),
        ("everyone", False),
    ],
)
def test_who_is_a_user(folder: Path, word: str, *, expected: bool) -> None:
    """Any name, login or address of the roster is somebody's, in any case."""
    persons = (
        'persons = ["alle@example.com", {address = "hans@example.com", login = "Tutti"},'
        ' {address = "eva@example.com", addresses = ["tous@example.com"]}]\n'
    )
    with connecting(folder, persons + MAIL + SERVICE) as made:
        assert expected == made.parts.is_user(word)


def test_a_reload_counts_at_once(folder: Path) -> None:
    """Who left may do nothing any more; limits, modes and the mail server are the new ones."""
    with connecting(folder, PEOPLE + MAIL + SERVICE) as made:
        parts, before = made.parts, made.parts.folders
        made.owner(account(Scope.MAIL), "own")
        more = "[connector]\nmax_changes = 7\ndefault_mode = 'on_select'"
        text = PEOPLE.replace("hans", "otto") + MAIL + ACTING + more
        made.reload(configured(folder, text))
        with pytest.raises(NotAllowedError, match="no such person"):
            made.owner(account(Scope.MAIL), "own")
        made.owner(account(Scope.CONNECTOR, "eva"), "fb-app")
        assert 7 == parts.limits.max_changes
        assert SyncMode.ON_SELECT is parts.modes.default("eva")
        assert before is not parts.folders
        made.reload(configured(folder, PEOPLE + MAIL + "[connector]\nenabled = false"))
        with pytest.raises(NotAllowedError, match="switched off") as raised:
            made.owner(account(Scope.MAIL, "eva"), "own")
        assert SWITCHED_OFF == raised.value.reason
        assert made.parts is parts
