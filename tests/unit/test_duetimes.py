"""What is due when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freebusy.duetimes import DueTimes


def test_what_is_due_comes_out_in_order() -> None:
    """The earliest first, and what is not due yet stays."""
    times: DueTimes[str] = DueTimes()
    for key, at in (("c", 3.0), ("a", 1.0), ("b", 2.0), ("d", 4.0)):
        times.set(key, at)
    assert 1.0 == times.next()
    assert ["a", "b", "c"] == times.pop(3.0)
    assert [] == times.pop(3.0)
    assert 4.0 == times.next()


@pytest.mark.parametrize(("first", "second"), [(1.0, 2.0), (2.0, 1.0), (1.0, 1.0)])
def test_the_earliest_time_counts(first: float, second: float) -> None:
    """A key waits once, for the earlier of two times."""
    times: DueTimes[str] = DueTimes()
    times.set("a", first)
    times.set("a", second)
    assert 1.0 == times.next()
    assert ["a"] == times.pop(9.0)
    assert None is times.next()
    assert [] == times.pop(9.0)


def test_a_key_can_be_due_again() -> None:
    """Once it came out, it may wait for a later time."""
    times: DueTimes[str] = DueTimes()
    times.set("a", 1.0)
    assert ["a"] == times.pop(1.0)
    times.set("a", 2.0)
    assert [[], ["a"]] == [times.pop(1.9), times.pop(2.0)]


def test_keys_need_no_order() -> None:
    """Two keys that are due at once come in the order in which they were set."""
    times: DueTimes[object] = DueTimes()
    keys = [object() for _ in range(5)]
    for key in keys:
        times.set(key, 1.0)
    assert keys == times.pop(1.0)


_steps = st.lists(
    st.tuples(st.sampled_from(["set", "pop"]), st.integers(0, 5), st.integers(0, 20)), max_size=40
)


@given(_steps)
def test_it_equals_a_dictionary(steps: list[tuple[str, int, int]]) -> None:
    """Whatever is set and popped, it is what a dictionary of earliest times gives."""
    times: DueTimes[int] = DueTimes()
    plain: dict[int, int] = {}
    for what, key, at in steps:
        if what == "set":
            times.set(key, at)
            plain[key] = min(at, plain.get(key, at))
        else:
            due = sorted((when, one) for one, when in plain.items() if when <= at)
            for _, one in due:
                del plain[one]
            assert {one for _, one in due} == set(times.pop(at))
        assert min(plain.values(), default=None) == times.next()
