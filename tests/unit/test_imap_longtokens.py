"""Tokens that are too long for a URL."""

from __future__ import annotations

from calendar_sync.imap.longtokens import LongTokens
from freebusy.ports import SyncToken

SHORT, LONG = SyncToken("a" * 10), [SyncToken(letter * 30) for letter in "bcd"]


def test_a_short_token_is_given_out_as_it_is() -> None:
    """What fits is passed on both ways, whatever it is."""
    tokens = LongTokens(longest=10)

    assert SHORT == tokens.shortened(SHORT)
    assert [SHORT, "", None] == [tokens.whole(t) for t in (SHORT, SyncToken(""), None)]


def test_a_long_token_comes_back_by_its_name() -> None:
    """The same token has the same name, and the name leads back to it."""
    tokens = LongTokens(longest=10, most=90)
    names = [tokens.shortened(each) for each in LONG]

    assert names == [tokens.shortened(each) for each in LONG]
    assert LONG == [tokens.whole(name) for name in names]
    assert [69] * 3 == [len(name) for name in names]


def test_the_least_used_ones_make_room() -> None:
    """What is kept is bounded; a token that is forgotten is none."""
    tokens = LongTokens(longest=10, most=60)
    first, second = (tokens.shortened(each) for each in LONG[:2])
    tokens.whole(first)
    third = tokens.shortened(LONG[2])

    assert [LONG[0], None, LONG[2]] == [tokens.whole(name) for name in (first, second, third)]


def test_one_that_is_larger_than_all_room_is_kept_alone() -> None:
    """A run can always go on to its next page."""
    tokens = LongTokens(longest=10, most=20)
    names = [tokens.shortened(each) for each in LONG]

    assert [None, None, LONG[2]] == [tokens.whole(name) for name in names]
