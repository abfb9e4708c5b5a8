"""Basic credentials (RFC 7617)."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freebusy.web.credentials import Credentials, basic_credentials, is_basic


def field(text: bytes) -> str:
    return f"Basic {base64.b64encode(text).decode()}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"Aladdin:open sesame", Credentials("Aladdin", "open sesame")),  # RFC 7617 section 2
        ("test:123£".encode(), Credentials("test", "123£")),  # section 2.1
        ("test:123£".encode("latin-1"), Credentials("test", "123£")),
        (b"hans:a:b:", Credentials("hans", "a:b:")),
        (b"hans:", Credentials("hans", "")),
        (b"hans%40x.example:w", Credentials("hans%40x.example", "w")),
        (b":w", None),
        (b"hans", None),
        (b"", None),
        (b"ha\0ns:w", None),
        (b"hans:w\r\n", None),
        (b"hans:w\x7f", None),
    ],
)
def test_what_is_in_the_field(text: bytes, expected: Credentials | None) -> None:
    """User and password, in UTF-8 or as old clients write them; nothing with controls."""
    assert expected == basic_credentials(field(text))


@pytest.mark.parametrize(
    "text", ["Basic", "Basic ", "Basic a", "Basic ====", "Basic aGFucw", "Basic é"]
)
def test_broken_fields(text: str) -> None:
    """What is no base64 is nobody."""
    assert basic_credentials(text) is None


def test_the_scheme() -> None:
    """Its name has no case (RFC 9110 section 11.1)."""
    table = {
        "Basic x": True,
        " bASIC x": True,
        "Basic": False,
        "Basicx y": False,
        "Bearer x": False,
    }
    assert table == {text: is_basic(text) for text in table}


def test_a_password_does_not_show() -> None:
    """What is printed of credentials by mistake holds no password."""
    assert "geheim" not in repr(Credentials("hans", "geheim"))


@given(st.text(max_size=50))
def test_any_text(text: str) -> None:
    """Any field gives credentials or None."""
    found = basic_credentials(f"Basic {text}")
    assert found is None or found.user
