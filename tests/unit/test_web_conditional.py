"""Conditional requests (RFC 9110 §13)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freebusy.web.conditional import http_date, none_match, not_modified_since, parse_http_date

THEN = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", THEN),
        ("Sunday, 06-Nov-94 08:49:37 GMT", THEN),
        ("Sun Nov  6 08:49:37 1994", THEN),
        ("Sun, 06 Nov 1994 09:49:37 +0100", None),
        ("", None),
        ("0", None),
        ("Sun, 31 Feb 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 25:49:37 GMT", None),
        ("Sun, 06 Nov 99999 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 08:49:37 +9999999999999", None),
    ],
)
def test_dates(text: str, expected: datetime | None) -> None:
    """The three forms of RFC 9110 §5.6.7 are read, anything else is no date."""
    assert parse_http_date(text) == expected


@given(st.text(max_size=40))
def test_any_text_is_a_date_or_none(text: str) -> None:
    """No text makes the reader fail."""
    assert isinstance(parse_http_date(text), datetime | None)


@given(st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9998, 1, 1)))  # noqa: DTZ001  # hypothesis wants naive bounds
def test_a_written_date_is_read_back(moment: datetime) -> None:
    """What we write we read."""
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    assert parse_http_date(http_date(moment)) == moment


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ('"a"', True),
        ('W/"a"', True),
        ("*", True),
        (" * ", True),
        ('"b", "a"', True),
        ('"b,","a"', True),
        ('"b"', False),
        ('"A"', False),
        ("a", False),
        ('w/"b"', False),
        ("", False),
        ('"*"', False),
        ('"b" "', False),
    ],
)
def test_entity_tags(field: str, expected: bool) -> None:
    """If-None-Match is a list of tags compared weakly, or a star."""
    assert none_match(field, '"a"') == expected


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", True),
        ("Sun, 06 Nov 1994 08:49:38 GMT", True),
        ("Sun, 06 Nov 1994 08:49:36 GMT", False),
        ("soon", False),
    ],
)
def test_times(field: str, expected: bool) -> None:
    """A file of that second or older is what the client has."""
    assert not_modified_since(field, THEN) == expected
