"""Request targets: from the request line to a decoded path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freebusy.web.target import decode_path, raw_path


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/calendar/hans.vfb", "/calendar/hans.vfb"),
        ("/calendar/hans.vfb?a=/b", "/calendar/hans.vfb"),
        ("/?", "/"),
        ("//x/y", "//x/y"),
        ("http://x", "/"),
        ("http://x?q", "/"),
        ("HTTPS://user:secret@x:8/a?q", "/a"),
        ("*", None),
        ("", None),
        ("x:443", None),
        ("calendar/hans.vfb", None),
        ("ftp://x/a", None),
    ],
)
def test_the_path_of_a_target(target: str, expected: str | None) -> None:
    """Origin-form and absolute-form have a path, the other forms have none."""
    assert raw_path(target) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("/", "/"),
        ("/calendar/", "/calendar/"),
        ("/calendar/hans.vfb", "/calendar/hans.vfb"),
        ("/calendar/%68ans.vfb", "/calendar/hans.vfb"),
        ("/calendar/hans+1.vfb", "/calendar/hans+1.vfb"),
        ("/calendar/a%2Bb%40c=3D.vfb", "/calendar/a+b@c=3D.vfb"),
        ("/calendar/gr%C3%BCn.vfb", "/calendar/grün.vfb"),
        ("/calendar/%2561.vfb", "/calendar/%61.vfb"),
        ("/a//b", None),
        ("/a/", "/a/"),
        ("/a//", None),
        ("/a/./b", None),
        ("/a/..", None),
        ("/a/%2e%2e/b", None),
        ("/a/%2fb", None),
        ("/a/%5Cb", None),
        ("/a\\b", None),
        ("/a%00", None),
        ("/a%0Ab", None),
        ("/a%", None),
        ("/a%4", None),
        ("/a%4g", None),
        ("/a%FF", None),
        ("/a%C0%AF", None),
        ("/a\udcff", None),
        ("/" + "a" * 1023, "/" + "a" * 1023),
        ("/" + "a" * 1024, None),
        ("", None),
    ],
)
def test_decoding_a_path(raw: str, expected: str | None) -> None:
    """A path is decoded once, strictly, and never repaired."""
    assert decode_path(raw) == expected


@given(st.text(alphabet="/.%2eEfF05cCaüé\\~\0 \udcff", max_size=30))
def test_what_is_decoded_leads_nowhere_else(raw: str) -> None:
    """Whatever comes out starts at the root and has no empty, hidden or dot segment inside."""
    path = decode_path(f"/{raw}")
    if path is not None:
        first, *segments = path.split("/")
        assert first == ""
        assert all(segment and not segment.startswith(".") for segment in segments[:-1])
        assert not segments[-1].startswith(".")
        assert path.isprintable()
