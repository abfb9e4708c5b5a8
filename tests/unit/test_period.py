"""Periods, ranges and their algebra, against a grid of minutes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freebusy.period import (
    EPOCH,
    FreeBusyType,
    Period,
    Span,
    TimeRange,
    clip,
    coalesce,
    from_seconds,
    to_seconds,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
GRID = 90
FREE, TENTATIVE, BUSY, UNAVAILABLE = FreeBusyType

spans = st.lists(
    st.tuples(st.integers(0, GRID), st.integers(-3, 20), st.integers(0, 3)).map(
        lambda drawn: (drawn[0], min(drawn[0] + drawn[1], GRID), drawn[2])
    ),
    max_size=12,
)


def grid(some: Iterable[Span]) -> list[int]:
    """Return the strongest type of each minute: UNAVAILABLE > BUSY > TENTATIVE > FREE."""
    minutes = [0] * GRID
    for start, end, kind in some:
        for minute in range(start, end):
            minutes[minute] = max(minutes[minute], kind)
    return minutes


# -- coalesce


@given(spans)
def test_coalesce_equals_a_grid_of_minutes(some: list[Span]) -> None:
    """Each minute has the strongest type of the spans over it."""
    assert grid(some) == grid(coalesce(some))


@given(spans)
def test_coalesce_gives_disjoint_sorted_busy_spans(some: list[Span]) -> None:
    """No two overlap, no two of one type touch, none is FREE or empty, and they are sorted."""
    found = coalesce(some)
    assert sorted(found) == found
    assert all(start < end and kind > FREE for start, end, kind in found)
    for one, other in pairwise(found):
        assert one[1] < other[0] or (one[1] == other[0] and one[2] != other[2])


@given(spans)
def test_coalesce_is_idempotent(some: list[Span]) -> None:
    """Coalescing again changes nothing."""
    assert coalesce(some) == coalesce(coalesce(some))


@given(spans.flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_coalesce_does_not_know_the_order(both: tuple[list[Span], list[Span]]) -> None:
    """Spans in any order give the same."""
    assert coalesce(both[0]) == coalesce(both[1])


@given(spans, spans)
def test_coalesce_may_be_done_in_parts(some: list[Span], others: list[Span]) -> None:
    """What was coalesced already can be put together with more."""
    assert coalesce([*some, *others]) == coalesce([*coalesce(some), *others])


@pytest.mark.parametrize(
    ("some", "expected"),
    [
        ([], []),
        ([(0, 10, FREE)], []),
        ([(5, 5, BUSY)], []),
        ([(7, 5, BUSY)], []),
        ([(0, 5, BUSY), (5, 9, BUSY)], [(0, 9, BUSY)]),
        ([(0, 5, BUSY), (5, 9, TENTATIVE)], [(0, 5, BUSY), (5, 9, TENTATIVE)]),
        ([(0, 5, BUSY), (6, 9, BUSY)], [(0, 5, BUSY), (6, 9, BUSY)]),
        ([(0, 9, TENTATIVE), (3, 6, BUSY)], [(0, 3, TENTATIVE), (3, 6, BUSY), (6, 9, TENTATIVE)]),
        ([(0, 9, UNAVAILABLE), (3, 6, BUSY)], [(0, 9, UNAVAILABLE)]),
        ([(0, 9, BUSY), (3, 6, FREE)], [(0, 9, BUSY)]),
        ([(0, 9, BUSY), (2, 3, BUSY), (2, 12, TENTATIVE)], [(0, 9, BUSY), (9, 12, TENTATIVE)]),
    ],
)
def test_coalesce_by_example(some: list[Span], expected: list[Span]) -> None:
    """Touching merges, a stronger type cuts a weaker one, and nothing is made free."""
    assert expected == coalesce(some)


# -- clip


@given(spans, st.integers(0, GRID), st.integers(0, GRID))
def test_clip_keeps_what_lies_inside(some: list[Span], low: int, high: int) -> None:
    """Inside the range nothing changes, outside it nothing is left."""
    expected = [kind if low <= at < high else 0 for at, kind in enumerate(grid(some))]
    assert expected == grid(clip(some, low, high))


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ((0, 10, BUSY), []),
        ((10, 20, BUSY), [(10, 20, BUSY)]),
        ((5, 11, BUSY), [(10, 11, BUSY)]),
        ((19, 30, BUSY), [(19, 20, BUSY)]),
        ((0, 99, FREE), [(10, 20, FREE)]),
        ((20, 30, BUSY), []),
        ((15, 15, BUSY), []),
    ],
)
def test_clip_is_half_open(span: Span, expected: list[Span]) -> None:
    """What ends where the range starts, starts where it ends, or has no length, is outside."""
    assert expected == list(clip([span], 10, 20))


# -- values that cannot be built wrong


@pytest.mark.parametrize("value", [TimeRange, Period])
@pytest.mark.parametrize(
    ("start", "end"),
    [
        (NOON.replace(tzinfo=None), LATER),
        (NOON, LATER.replace(tzinfo=None)),
        (LATER, NOON),
        (NOON, NOON),
        (NOON, NOON.astimezone(timezone(timedelta(hours=2)))),
    ],
)
def test_no_period_is_built_wrong(value: type, start: datetime, end: datetime) -> None:
    """A naive end, an end before the start, and no length at all are refused."""
    with pytest.raises(ValueError, match=r"aware|after it starts"):
        value(start, end)


@pytest.mark.parametrize("value", [TimeRange, Period])
def test_a_period_is_in_utc(value: type) -> None:
    """Whatever zone the ends come in, they are kept in UTC."""
    there = timezone(timedelta(hours=5, minutes=45))
    made = value(NOON.astimezone(there), LATER.astimezone(there))
    assert (NOON, LATER, UTC, UTC) == (made.start, made.end, made.start.tzinfo, made.end.tzinfo)


def test_a_period_cannot_be_changed() -> None:
    """A period is a value."""
    with pytest.raises(AttributeError):
        Period(NOON, LATER).start = LATER  # type: ignore[misc]  # that is the point


def test_the_shortest_period_is_a_second() -> None:
    """A span is whole seconds, and the shortest that is not empty is kept."""
    span = (to_seconds(NOON), to_seconds(NOON) + 1, int(BUSY))
    assert [span] == coalesce([span])
    assert span == Period.from_span(span).span


@given(
    st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)),  # noqa: DTZ001 - hypothesis wants them naive
    st.integers(1, 10**6),
    st.sampled_from(FreeBusyType),
)
def test_periods_and_spans_are_the_same_thing(
    start: datetime, length: int, kind: FreeBusyType
) -> None:
    """A period of whole seconds comes back from its span."""
    first = start.replace(tzinfo=UTC, microsecond=0)
    made = Period(first, min(first + timedelta(seconds=length), datetime.max.replace(tzinfo=UTC)))
    made = Period(made.start, made.end.replace(microsecond=0), kind)
    assert made == Period.from_span(made.span)
    assert made.span[:2] == TimeRange(made.start, made.end).seconds


# -- seconds and types


@given(st.integers(-(10**10), 10**11))
def test_seconds_come_back(seconds: int) -> None:
    """Seconds since 1970 stand for one datetime, before 1970 too."""
    assert seconds == to_seconds(from_seconds(seconds))


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        (EPOCH, 0),
        (EPOCH - timedelta(microseconds=1), -1),
        (EPOCH + timedelta(microseconds=999_999), 0),
        (datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), 0),
    ],
)
def test_seconds_are_whole(moment: datetime, seconds: int) -> None:
    """A fraction of a second is rounded down."""
    assert seconds == to_seconds(moment)


def test_a_naive_datetime_has_no_seconds() -> None:
    """Nobody guesses a zone."""
    with pytest.raises(ValueError, match="naive"):
        to_seconds(NOON.replace(tzinfo=None))


def test_types_have_their_rfc_names() -> None:
    """FBTYPE values are those of RFC 5545 §3.2.9, and the stronger type is the larger."""
    names = ["FREE", "BUSY-TENTATIVE", "BUSY", "BUSY-UNAVAILABLE"]
    assert names == [kind.fbtype for kind in sorted(FreeBusyType)]
