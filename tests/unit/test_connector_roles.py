"""Rights by letters and by roles, and what everyone is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from freebusy.connector import roles

if TYPE_CHECKING:
    from freebusy.connector.fields import Role

ALL = "lrswipkxtea"


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("", ""),
        ("lr", "lr"),
        ("c", "kx"),
        ("d", "te"),
        ("lriwspcda", ALL),
        ("aetxkpiwsrl", ALL),
        ("nl0", "l0n"),
    ],
)
def test_letters_are_normalised_and_ordered(letters: str, expected: str) -> None:
    """The obsolete letters stand for what servers store; all come in the order of RFC 4314."""
    assert expected == roles.ordered(roles.normalised(letters))


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("administrator", ALL),
        ("power user", "lrswipkxte"),
        ("user", "lrswip"),
        ("guest", "lrs"),
    ],
)
def test_roles(role: Role, expected: str) -> None:
    """Each role stands for the rights of the original connector, and is recognised by them."""
    rights = roles.ROLES[role]
    assert (expected, role) == (roles.ordered(rights), roles.role_of(rights))


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("lrswipkxtean0123456789", "administrator"),
        ("lrswikxte", "power user"),
        ("lrswi", "user"),
        ("lrsp", None),
        ("lr", None),
        ("", None),
        ("lrswipkxtecdan", "administrator"),
    ],
)
def test_roles_as_servers_hold_them(letters: str, expected: str | None) -> None:
    """What a server adds, and a post right that it cannot hold, leave a role what it is."""
    assert expected == roles.role_of(roles.normalised(letters))


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("anyone", "anyone"),
        ("Anyone", "anyone"),
        ("Alle", "anyone"),
        ("EVERYONE", "anyone"),
        ("tous", "anyone"),
        ("Tutti", "anyone"),
        ("Todos", "anyone"),
        ("hans", "hans"),
        ("Hans", "Hans"),
        ("alle@example.com", "alle@example.com"),
    ],
)
def test_everyone_by_any_of_its_names(user: str, expected: str) -> None:
    """The special user is found in each language, in any case; nobody else is changed."""
    assert expected == roles.identifier(user)


def test_a_real_user_is_not_everyone() -> None:
    """Where somebody is called Alle, the word means that person, and anyone means everyone."""
    known = {"alle"}

    def is_user(name: str) -> bool:
        return name.casefold() in known

    found = [roles.identifier(user, is_user=is_user) for user in ("Alle", "Tous", "anyone")]
    assert ["Alle", "anyone", "anyone"] == found


@pytest.mark.parametrize(
    ("languages", "expected"),
    [
        ("", "Everyone"),
        ("de", "Alle"),
        ("de-CH, fr;q=0.9", "Alle"),
        ("fr;q=0.4, it;q=0.5", "Tutti"),
        ("pt-BR", "Todos"),
        ("es", "Todos"),
        ("ja, fr;q=0.1", "Tous"),
        ("de;q=0, en", "Everyone"),
        ("de;q=x", "Everyone"),
        ("de;q=nan, fr;q=0.2", "Tous"),
        ("*", "Everyone"),
        (";;,,=", "Everyone"),
    ],
)
def test_everyone_in_the_readers_language(languages: str, expected: str) -> None:
    """Everyone is shown in the language that a client asks for most, else in English."""
    assert expected == roles.shown("anyone", languages)


def test_others_are_shown_as_they_are() -> None:
    """A user keeps the name that the server knows."""
    assert ["hans", "Tous"] == [roles.shown(user, "de") for user in ("hans", "Tous")]
