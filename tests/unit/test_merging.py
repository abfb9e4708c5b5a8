"""Merged spans brought up to date by the piece are those put together from nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from freebusy.merging import inside, pack, patch, touched, unpack
from freebusy.period import Span, coalesce

_spans = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 12), st.integers(1, 3)).map(
        lambda t: (t[0], t[0] + t[1], t[2])
    ),
    max_size=6,
).map(coalesce)
_objects = st.dictionaries(st.integers(0, 12), _spans, max_size=12)


def _merged(objects: dict[int, list[Span]]) -> bytes:
    return pack(coalesce(span for spans in objects.values() for span in spans))


@given(_spans)
def test_packed_spans_come_back(spans: list[Span]) -> None:
    """What is packed is what is unpacked."""
    assert spans == list(unpack(pack(spans)))


@given(_spans, st.integers(0, 70), st.integers(1, 20))
def test_inside_finds_what_touches_a_range(spans: list[Span], start: int, length: int) -> None:
    """Of packed spans those come that share time with the range."""
    end = start + length
    expected = [span for span in spans if span[0] < end and span[1] > start]
    assert expected == list(inside(pack(spans), start, end))


@given(_objects, st.dictionaries(st.integers(0, 12), _spans, max_size=4))
def test_a_patch_gives_what_putting_everything_together_gives(
    objects: dict[int, list[Span]], changes: dict[int, list[Span]]
) -> None:
    """Whatever objects change to whatever, the patched spans are the merged ones."""
    before = [pack(objects[key]) for key in changes if key in objects]
    ranges = touched(before, changes.values())
    after = objects | changes
    if ranges is None:
        return
    new = [
        span
        for start, end in ranges
        for spans in after.values()
        for span in inside(pack(spans), start, end)
    ]
    assert list(unpack(_merged(after))) == list(unpack(patch(_merged(objects), ranges, new)))


def test_many_places_are_put_together_from_nothing() -> None:
    """A change in more places than are worth patching says so."""
    spans = [(day * 100, day * 100 + 10, 2) for day in range(9)]
    assert touched([], [spans]) is None
