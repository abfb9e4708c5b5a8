"""While a source is down one task asks again, and all others wait for its return."""

from __future__ import annotations

import pytest

from freebusy.outage import Outage
from freebusy.schedule import Backoff


def make() -> Outage[str]:
    return Outage(Backoff(first=2.0, cap=8.0))


def test_nobody_waits_while_all_is_well() -> None:
    """Without a failure no task is held."""
    outage = make()
    assert [False, False] == [outage.holds("a", 1.0), outage.holds("b", 1.0)]
    assert set() == outage.answered()


def test_one_at_a_time_asks_after_each_pause() -> None:
    """During the pause all are held, after it one goes on, and only that one."""
    outage = make()
    assert 12.0 == outage.failed("a", 10.0)
    assert [True, True] == [outage.holds("b", 11.0), outage.holds("a", 11.9)]
    assert [False, True, False] == [outage.holds(task, 12.0) for task in ("b", "c", "b")]
    assert 16.0 == outage.failed("b", 12.0)
    assert [True, False] == [outage.holds("c", 15.0), outage.holds("c", 16.0)]


def test_many_that_find_out_together_are_one_failure() -> None:
    """Eight connections that break at once do not make the pause eight times longer."""
    outage = make()
    assert {12.0} == {outage.failed(task, 10.0) for task in "abcdefgh"}
    assert 1 == outage.failures


@pytest.mark.parametrize(("failures", "pause"), [(1, 2.0), (2, 4.0), (3, 8.0), (9, 8.0)])
def test_pauses_grow_up_to_a_cap(failures: int, pause: float) -> None:
    """Each failure after a pause doubles it."""
    outage, now = make(), 100.0
    until = now
    for _ in range(failures):
        now = until
        until = outage.failed("a", now)
    assert pause == until - now


def test_who_waited_is_told_of_the_return() -> None:
    """An answer of any kind ends it, and hands back all that were held."""
    outage = make()
    outage.failed("a", 10.0)
    for task in ("b", "c", "b"):
        outage.holds(task, 11.0)
    assert {"b", "c"} == outage.answered()
    assert ([False], set()) == ([outage.holds("b", 11.0)], outage.answered())


def test_a_sign_of_life_ends_the_pause() -> None:
    """Where the source says something by itself, the next task asks at once."""
    outage = make()
    outage.failed("a", 10.0)
    outage.hurry(10.5)
    assert [False, True] == [outage.holds("b", 10.5), outage.holds("c", 10.5)]
