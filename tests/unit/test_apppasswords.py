"""App passwords in the store: made, found, noted, revoked."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from freebusy.apppasswords import NOTED_EVERY, SCOPES, AppPasswords
from freebusy.errors import ConfigurationError
from freebusy.ports import Scope
from freebusy.store import Store
from tests.unit.login_case import START, Clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CREATED = int(START.timestamp())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "store.db")) as made:
        yield made


@pytest.fixture
def app_passwords(store: Store, clock: Clock) -> AppPasswords:
    return AppPasswords(store, clock.now)


@pytest.mark.parametrize("scope", SCOPES)
def test_made_and_found(app_passwords: AppPasswords, scope: Scope) -> None:
    """What was made opens its person's account, for its purpose, and nobody else's."""
    password = app_passwords.add("hans", "my laptop", scope)
    found = app_passwords.check("hans", password)
    assert found is not None
    assert ("hans", "my laptop", scope, CREATED, None, None) == found[1:]
    assert found == app_passwords.check("hans", password.upper().replace("-", ""))
    wrong = [("eva", password), ("hans", password[:-1]), ("hans", ""), ("", password)]
    assert [None] * 4 == [app_passwords.check(*each) for each in wrong]


def test_listed(app_passwords: AppPasswords) -> None:
    """By person and label, of one or of all."""
    for person, label in (("hans", "b"), ("eva", "x"), ("hans", "a")):
        app_passwords.add(person, label, Scope.READ)
    everybody = [(each.person, each.label) for each in app_passwords.list()]
    assert [("eva", "x"), ("hans", "a"), ("hans", "b")] == everybody
    assert ["a", "b"] == [each.label for each in app_passwords.list("hans")]


def test_revoked(app_passwords: AppPasswords, store: Store, clock: Clock) -> None:
    """A revoked one is worthless at once, in another process as well; its label is free."""
    password, other = (app_passwords.add("hans", label, Scope.READ) for label in ("a", "b"))
    elsewhere = AppPasswords(store, clock.now)
    assert elsewhere.check("hans", password)
    assert [True, False] == [app_passwords.revoke("hans", "a") for _ in range(2)]
    assert None is elsewhere.check("hans", password)
    assert elsewhere.check("hans", other)
    assert password != app_passwords.add("hans", "a", Scope.READ)


def test_who_has_left(app_passwords: AppPasswords) -> None:
    """All of one person's go together."""
    for person, label in (("hans", "a"), ("hans", "b"), ("eva", "a")):
        app_passwords.add(person, label, Scope.READ)
    assert [True, False] == [app_passwords.forget("hans") for _ in range(2)]
    assert ["eva"] == [each.person for each in app_passwords.list()]


def test_use_is_noted_once_a_minute(app_passwords: AppPasswords, clock: Clock) -> None:
    """The first use in a minute says when and from where; later ones cost no write."""
    password = app_passwords.add("hans", "a", Scope.READ)
    uses = [("192.0.2.1", 0), ("192.0.2.2", NOTED_EVERY - 1), ("192.0.2.3", 1)]
    noted = []
    for address, later in uses:
        clock.sleep(later)
        known = app_passwords.check("hans", password)
        assert known is not None
        app_passwords.note_use(known, address)
        (known,) = app_passwords.list()
        assert app_passwords.is_noted(known)
        noted.append((known.last_from, (known.last_used or 0) - CREATED))
    assert [("192.0.2.1", 0), ("192.0.2.1", 0), ("192.0.2.3", 60)] == noted


def test_a_note_from_the_future(app_passwords: AppPasswords, clock: Clock) -> None:
    """A clock that is set back does not leave uses unnoted for long."""
    password = app_passwords.add("hans", "a", Scope.READ)
    known = app_passwords.check("hans", password)
    assert known is not None
    app_passwords.note_use(known, "192.0.2.1")
    clock.set_back = 3600
    (known,) = app_passwords.list()
    assert not app_passwords.is_noted(known)


@pytest.mark.parametrize("label", ["", " a", "a/b", "a\nb", "x" * 41, "a'b", "-a", "\u202ea"])
def test_what_is_no_label(app_passwords: AppPasswords, label: str) -> None:
    """A label can be shown in a log and in an account's name as it is."""
    with pytest.raises(ConfigurationError, match="a label has"):
        app_passwords.add("hans", label, Scope.READ)


def test_a_label_that_is_taken(app_passwords: AppPasswords) -> None:
    """One label, one password; the one that is there stays good."""
    password = app_passwords.add("hans", "Outlöök 2003", Scope.READ)
    with pytest.raises(ConfigurationError, match="already"):
        app_passwords.add("hans", "Outlöök 2003", Scope.PUBLISH)
    assert app_passwords.check("hans", password)
