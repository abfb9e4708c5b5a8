"""Names in Host fields."""

from __future__ import annotations

import pytest

from freebusy.web.hosts import host_name
from freebusy.web.target import authority


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fb.example", "fb.example"),
        ("FB.Example.:8080", "fb.example"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("[::1]", "::1"),
        ("[::1]:80", "::1"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
        ("[::ffff:192.0.2.1]:80", "192.0.2.1"),
        ("::1", None),
        ("", None),
        ("a:b", None),
        ("a@b", None),
        ("a/b", None),
        ("a:1:2", None),
        ("[::1", None),
    ],
)
def test_the_name_in_a_field(text: str, expected: str | None) -> None:
    """Without port and final dot, in lower case; an address in its one form."""
    assert expected == host_name(text)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/x", None),
        ("*", None),
        ("http://fb.example/x", "fb.example"),
        ("HTTP://fb.example:80", "fb.example:80"),
        ("http://user:pass@fb.example/x", "fb.example"),
        ("http://fb.example?x", "fb.example"),
        ("http:///x", ""),
    ],
)
def test_the_host_of_a_target(target: str, expected: str | None) -> None:
    """Only the absolute form names one (RFC 9112 section 3.2.2)."""
    assert expected == authority(target)
