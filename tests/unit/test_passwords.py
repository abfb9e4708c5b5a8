"""Passwords: what is stored of them, and what compares."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freebusy.passwords import (
    app_password_hash,
    equal,
    hash_password,
    is_app_password,
    is_hash,
    new_password,
    verify,
)

KNOWN = (
    "$scrypt$ln=10,r=8,p=16$TmFDbA$"
    "/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIu"
    "rzDZLiKjiG/xCSedmDDaxyevuUqD7m2DYMvfoswGQA"
)
"""The second example of RFC 7914 §12: ``password``, salted with ``NaCl``."""


@pytest.mark.parametrize("password", ["geheim", "pässwörd 日本", "a" * 1024, " ", "\udcff"])
def test_a_hash_fits_its_password_alone(password: str) -> None:
    """What was hashed is verified, anything else is not."""
    hashed = hash_password(password)
    found = verify(password, hashed), verify(password + "x", hashed), verify("", hashed)
    assert (True, False, False) == found


def test_a_hash_is_never_the_same() -> None:
    """Each has a salt of its own, and says how it was made."""
    first, second = hash_password("geheim"), hash_password("geheim")
    assert first != second
    assert [True, True] == [text.startswith("$scrypt$ln=14,r=8,p=1$") for text in (first, second)]


def test_a_hash_made_elsewhere() -> None:
    """The parameters of a hash are its own: the example of RFC 7914 is understood."""
    assert (True, False) == (verify("password", KNOWN), verify("Password", KNOWN))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret",
        "$scrypt$",
        "$scrypt$ln=10,r=8,p=16$TmFDb$" + "A" * 43,
        KNOWN[:-70],
        KNOWN + "\n",
        KNOWN.replace("ln=10", "ln=0"),
        KNOWN.replace("ln=10", "ln=100"),
        KNOWN.replace("ln=10", "ln=20").replace("r=8", "r=999"),
        KNOWN.replace("p=16", "p=99"),
        KNOWN.replace("r=8", "r=0"),
        KNOWN.replace("$scrypt$", "$scrypt2$"),
        KNOWN[:-2] + "é",
    ],
)
def test_what_is_no_hash_fits_nothing(text: str) -> None:
    """A broken hash, or one that would take gigabytes, is none."""
    assert (False, False) == (is_hash(text), verify("password", text))


@given(st.text(max_size=200))
def test_any_text_is_a_hash_or_none(text: str) -> None:
    """No text raises."""
    assert is_hash(text) == is_hash(text)
    assert not verify("secret", "$scrypt$" + text)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [("a", "a", True), ("a", "b", False), ("", "", True), ("ä", "ä", True), ("a", "aa", False)],
)
def test_equal(first: str, second: str, expected: bool) -> None:
    """Two passwords are equal by every character."""
    assert expected == equal(first, second)


def test_a_new_app_password_can_be_typed_anywhere() -> None:
    """It needs no escaping in a URL, has 120 bits, and none of the letters that look alike."""
    made = {new_password() for _ in range(100)}
    assert 100 == len(made)
    for password in made:
        assert password == quote(password, safe="")
        assert re.fullmatch(r"fbp(-[0-9abcdefghjkmnpqrstvwxyz]{4}){6}", password)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fbp-3kd9-0000-aaaa-bbbb-cccc-dddd", True),
        ("FBP-3kd9-0000-aaaa-bbbb-cccc-dddd", True),
        ("  fbp-3kd9-0000-aaaa-bbbb-cccc-dddd\n", True),
        ("fbp3kd90000aaaabbbbccccdddd", True),
        ("fbp 3kd9 0000 aaaa bbbb cccc dddd", True),
        ("fbp-3kd9-0000", True),
        ("fbp-", True),
        ("fbpfbp", False),
        ("geheim", False),
        ("", False),
        ("my-fbp-3kd9", False),
    ],
)
def test_what_is_meant_as_an_app_password(text: str, expected: bool) -> None:
    """Whatever looks like one is never shown to the mail server, mistyped or not."""
    assert expected == is_app_password(text)


def test_an_app_password_is_read_as_it_was_copied() -> None:
    """Case, groups, spaces and look-alikes do not matter; the person does."""
    made = app_password_hash("hans", "fbp-1kd0-0000-aaaa-bbbb-cccc-dddd")
    same = ["FBP-LKDO-oooo-AAAA-bbbb-cccc-dddd", " fbpikd00000aaaabbbbccccdddd "]
    assert [made, made] == [app_password_hash("hans", text) for text in same]
    other = [("eva", "fbp-1kd0-0000-aaaa-bbbb-cccc-dddd"), ("hans", "fbp-2kd0")]
    assert made not in [app_password_hash(*each) for each in other]
