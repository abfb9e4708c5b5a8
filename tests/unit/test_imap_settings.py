"""What a person may put into a login or a folder name, and what a token may hold."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_sync.imap.connection import is_loopback
from calendar_sync.imap.settings import (
    ImapSettings,
    fill,
    is_personal,
    login_of,
    names_of,
    service_login,
)
from calendar_sync.imap.sync import Token, parse_token
from calendar_sync.imap.uidset import UidSet
from freebusy.errors import SourceRefusedError
from freebusy.ports import Owner, SyncToken

HANS = Owner("hans", "hans.meier@example.org", password="own")


@pytest.mark.parametrize(
    ("template", "separator", "expected"),
    [
        ("{address}", "/", "hans.meier@example.org"),
        ("{name}*master", "/", "hans*master"),
        ("user/{local}/Calendar", "/", "user/hans.meier/Calendar"),
        ("user.{local}.Calendar", ".", "user.hans^meier.Calendar"),
        ("{domain}/{name}/{unknown}", "/", "example.org/hans/{unknown}"),
        ("Calendar", "/", "Calendar"),
    ],
)
def test_fill(template: str, separator: str, expected: str) -> None:
    """Templates are filled; where a dot separates mailboxes, Cyrus writes it as a circumflex."""
    assert expected == fill(template, HANS, separator=separator)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a*b",
        "a%b",
        "a+b",
        "a/b",
        "a\\b",
        'a"b',
        "a b",
        "a\r\nb",
        "\0",
        "{local}",
        "a(b",
    ],
)
def test_unsafe_values_are_refused(name: str) -> None:
    """A name that would mean more than a name in a login or a pattern fills no template."""
    with pytest.raises(SourceRefusedError) as caught:
        fill("user/{name}/Calendar", Owner(name, "x@example.org"))
    assert not name.strip(".") or name not in str(caught.value)


@pytest.mark.parametrize(
    ("username", "password", "owner", "expected"),
    [
        ("reader", "pw", HANS, ("reader", "pw")),
        ("{address}", None, HANS, ("hans.meier@example.org", "own")),
        ("{name}*master", "pw", HANS, ("hans*master", "pw")),
        ("{name}", "pw", Owner("hans", "h@x", login="h+1"), ("h+1", "pw")),
    ],
)
def test_logins(username: str, password: str | None, owner: Owner, expected: object) -> None:
    """The source's password comes before the owner's, the owner's login before the template."""
    login = login_of(ImapSettings("h", username, password), owner)
    assert expected == (login.username, login.password)


def test_a_login_without_password_is_refused() -> None:
    """Where neither the source nor the owner has a password, the operator is told."""
    with pytest.raises(SourceRefusedError):
        login_of(ImapSettings("h", "{name}"), Owner("hans", "h@x"))


def test_passwords_are_not_shown() -> None:
    """No repr holds a password."""
    settings = ImapSettings("h", "{name}", "PW-OF-SOURCE")
    assert "PW" not in repr(settings) + repr(login_of(settings, HANS))


@pytest.mark.parametrize(
    ("template", "expected"), [("{name}", True), ("a{b}", False), ("a", False)]
)
def test_personal_templates(template: str, expected: bool) -> None:
    """A template is personal where it has a field."""
    assert expected == is_personal(template)


@pytest.mark.parametrize(
    ("security", "port", "expected"),
    [("tls", None, 993), ("starttls", None, 143), ("plain", None, 143), ("tls", 1993, 1993)],
)
def test_ports(security: str, port: int | None, expected: int) -> None:
    """The port is the usual one unless it is written."""
    settings = ImapSettings("h", "u", security=security, port=port)  # type: ignore[arg-type]  # from a table
    assert expected == settings.port_number


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("192.0.2.1", False),
        ("fe80::1%eth0", False),
        ("::ffff:192.0.2.1", False),
    ],
)
def test_loopback(peer: str, expected: bool) -> None:
    """Only this machine's own addresses may see a password in the clear."""
    assert expected == is_loopback(peer)


def test_a_token_is_read_back() -> None:
    """A token says what it was made of."""
    token = Token("abc", 7, UidSet.parse("1:5,9"), 12, 6, 10)
    assert token == parse_token(token.text())


@pytest.mark.parametrize(
    "change",
    [{"uids": f"1:{10**9}"}, {"uids": "1:*"}, {"v": 2}, {"modseq": True}, {"exists": None}],
)
def test_a_token_that_cannot_be_is_none(change: dict[str, object]) -> None:
    """A token that claims what cannot be is no token."""
    values = json.loads(Token("abc", 7, UidSet.parse("1:5"), 12, 6, 10).text())
    assert parse_token(SyncToken(json.dumps({**values, **change}))) is None


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_any_text_is_a_token_or_none(text: str) -> None:
    """Whatever is in the store, reading it as a token raises nothing."""
    assert parse_token(text) is None


ACTING = ImapSettings("h", "proxy", "pw", authorization="{address}")


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        (HANS, ("proxy", "pw", "hans.meier@example.org")),
        (Owner("hans", "h@x.org", login="hm"), ("proxy", "pw", "hm")),
        (Owner("hans", "h@x.org", password="own"), ("proxy", "pw", "h@x.org")),
    ],
)
def test_acting_for_each(owner: Owner, expected: tuple[str, str, str]) -> None:
    """With an authorization identity one login acts for each; a person's login is that identity."""
    login = login_of(ACTING, owner)
    assert expected == (login.username, login.password, login.authorization)
    assert expected[2] == login.identity


def test_who_acts_for_a_pattern_is_refused() -> None:
    """A person's value that could mean somebody else is no authorization identity."""
    with pytest.raises(SourceRefusedError):
        login_of(ACTING, Owner("x", "a*b@x.org"))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (ACTING, None),
        (replace(ACTING, list_as_service=True), ("proxy", "")),
        (ImapSettings("h", "reader", "pw"), ("reader", "")),
        (ImapSettings("h", "{name}", "pw"), None),
    ],
)
def test_who_lists_for_everybody(settings: ImapSettings, expected: tuple[str, str] | None) -> None:
    """A service login lists everybody's folders; where each person's own reads, that one lists."""
    login = service_login(settings, Owner("hans", "h@x.org"))
    assert expected == (None if login is None else (login.username, login.authorization))


@pytest.mark.parametrize(
    ("settings", "owner", "separator", "expected"),
    [
        (ImapSettings("h", "reader"), Owner("hm", "h.m@x"), "/", ("hm", "h.m@x", "h.m")),
        (ImapSettings("h", "reader"), Owner("hm", "h.m@x"), ".", ("hm", "h^m@x", "h^m")),
        (ImapSettings("h", "reader", identity="{local}"), Owner("hm", "h.m@x"), "/", ("h.m",)),
        (ImapSettings("h", "reader"), Owner("hm", "h+m@x"), "/", ("hm",)),
        (replace(ACTING, list_as_service=True), Owner("hm", "h@x", login="h.m"), ".", ("h^m",)),
        (replace(ACTING, list_as_service=True), Owner("hm", "h@x"), "/", ("h@x",)),
    ],
)
def test_what_a_server_calls_a_person(
    settings: ImapSettings, owner: Owner, separator: str, expected: tuple[str, ...]
) -> None:
    """NAME, address and local part are tried, unless the configuration says which."""
    assert expected == names_of(settings, owner, separator=separator)
