"""Where a file says less than an older one did."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freebusy.freer import Freer, freer
from freebusy.period import FreeBusyType, Span, coalesce

FREE, TENTATIVE, BUSY, AWAY = FreeBusyType


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([(10, 20, 2)], [(10, 20, 2)], []),
        ([(10, 20, 2)], [(5, 30, 2)], []),
        ([(10, 20, 2)], [], [Freer(10, 20, BUSY, FREE)]),
        ([(10, 20, 2)], [(12, 15, 2)], [Freer(10, 12, BUSY, FREE), Freer(15, 20, BUSY, FREE)]),
        ([(10, 20, 2)], [(10, 20, 1)], [Freer(10, 20, BUSY, TENTATIVE)]),
        ([(10, 20, 1)], [(10, 20, 2)], []),
        ([(10, 20, 1)], [(0, 5, 2)], [Freer(10, 20, TENTATIVE, FREE)]),
        # Out of office and busy both keep a meeting away.
        ([(10, 20, 3)], [(10, 20, 2)], []),
        # One stretch, however the files cut it.
        ([(40, 50, 2), (50, 60, 2)], [], [Freer(40, 60, BUSY, FREE)]),
        ([(40, 60, 2)], [(40, 50, 1), (50, 60, 1)], [Freer(40, 60, BUSY, TENTATIVE)]),
    ],
)
def test_cases(old: list[Span], new: list[Span], expected: list[Freer]) -> None:
    """Busy time that is gone or weaker is what counts."""
    assert expected == freer(old, new, 0, 100)


def test_outside_the_window_nothing_is_told() -> None:
    """What lies outside is cut off: there a file says nothing, which is not free."""
    old = [(0, 60, 2), (70, 90, 2)]
    assert [Freer(40, 50, BUSY, FREE)] == freer(old, [(50, 60, 2)], 40, 70)


spans = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 12), st.integers(1, 3)).map(
        lambda part: (part[0], part[0] + part[1], part[2])
    ),
    max_size=8,
).map(coalesce)


def at(found: list[Span], moment: int) -> int:
    return next((kind for start, end, kind in found if start <= moment < end), 0)


@given(spans, spans, st.integers(0, 40), st.integers(1, 40))
def test_against_every_moment(old: list[Span], new: list[Span], start: int, length: int) -> None:
    """A grid of single moments finds the same."""
    end = start + length
    told = {
        moment: (int(each.was), int(each.now))
        for each in freer(old, new, start, end)
        for moment in range(each.start, each.end)
    }
    assert {
        moment: (at(old, moment), at(new, moment))
        for moment in range(start, end)
        if min(at(old, moment), 2) > min(at(new, moment), 2)
    } == told
