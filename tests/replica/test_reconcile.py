"""What a sync decides, as a table."""

from __future__ import annotations

import itertools

import pytest

from calendar_sync.replica.reconcile import Agreed, Rights, Step, Version, decide, settle

ALL = Rights(may_add=True, may_remove=True)
ADDS = Rights(may_add=True, may_remove=False)
REMOVES = Rights(may_add=False, may_remove=True)
NONE = Rights(may_add=False, may_remove=False)
OLD = Agreed("old", frozenset({1}))
SAME, NEW = frozenset({1}), frozenset({2})

DECISIONS = [
    # agreed, here, there, step
    (None, None, None, Step.FORGET),
    (None, "new", None, Step.PUT),
    (None, None, NEW, Step.GET),
    (None, "new", NEW, Step.COMPARE),
    (OLD, "old", SAME, Step.NOTHING),
    (OLD, "new", SAME, Step.PUT),
    (OLD, "old", NEW, Step.GET),
    (OLD, "new", NEW, Step.COMPARE),
    (OLD, None, SAME, Step.REMOVE_THERE),
    (OLD, "old", None, Step.REMOVE_HERE),
    (OLD, None, None, Step.FORGET),
    (OLD, "new", None, Step.PUT),
    (OLD, None, NEW, Step.GET),
]


@pytest.mark.parametrize(("agreed", "here", "there", "step"), DECISIONS)
def test_each_side_may_do_anything(
    agreed: Agreed | None, here: str | None, there: Version | None, step: Step
) -> None:
    """New and changed items go over, removals too, and a change wins against a removal."""
    assert step == decide(agreed, here, there, ALL)


def test_the_table_is_whole() -> None:
    """There is a decision for whatever both sides may be."""
    cases = itertools.product((None, OLD), (None, "old", "new"), (None, SAME, NEW), (ALL, NONE))
    assert 36 == len([decide(*each) for each in cases])


WITHOUT_RIGHTS = [
    # rights, agreed, here, there, step
    (NONE, None, "new", None, Step.KEEP_THEIRS),
    (NONE, OLD, "new", SAME, Step.KEEP_THEIRS),
    (NONE, OLD, None, SAME, Step.GET),
    (NONE, OLD, "new", None, Step.KEEP_THEIRS),
    (NONE, OLD, "old", NEW, Step.GET),
    (NONE, OLD, "old", None, Step.REMOVE_HERE),
    (NONE, OLD, "new", NEW, Step.COMPARE),
    (ADDS, None, "new", None, Step.PUT),
    (ADDS, OLD, "new", SAME, Step.KEEP_THEIRS),
    (ADDS, OLD, None, SAME, Step.GET),
    (ADDS, OLD, "new", None, Step.PUT),
    (REMOVES, OLD, None, SAME, Step.REMOVE_THERE),
    (REMOVES, OLD, "new", SAME, Step.KEEP_THEIRS),
]


@pytest.mark.parametrize(("rights", "agreed", "here", "there", "step"), WITHOUT_RIGHTS)
def test_the_server_is_right_where_the_rights_do_not_allow_our_change(
    rights: Rights, agreed: Agreed | None, here: str | None, there: Version | None, step: Step
) -> None:
    """Our version is set aside and theirs comes back; what is allowed is done all the same."""
    assert step == decide(agreed, here, there, rights)


@pytest.mark.parametrize(
    ("letters", "rights"),
    [
        ("lr", NONE),
        ("lrsi", ADDS),
        ("lrswit", ADDS),
        ("lrswite", ALL),
        ("lrte", REMOVES),
        ("", NONE),
    ],
)
def test_rights_are_letters(letters: str, rights: Rights) -> None:
    """Adding takes i, removing takes t and e (RFC 4314 §4)."""
    assert rights == Rights.of(letters)


@pytest.mark.parametrize(
    ("equal", "here", "there", "rights", "step"),
    [
        (True, (0, 1), (0, 2), ALL, Step.LINK),
        (True, (0, 1), (0, 2), NONE, Step.LINK),
        (False, (0, 2), (0, 1), ALL, Step.KEEP_OURS),
        (False, (1, 0), (0, 9), ALL, Step.KEEP_OURS),
        (False, (0, 1), (0, 2), ALL, Step.KEEP_THEIRS),
        (False, (0, 1), (0, 1), ALL, Step.KEEP_THEIRS),
        (False, (0, 2), (0, 1), ADDS, Step.KEEP_THEIRS),
        (False, (0, 2), (0, 1), NONE, Step.KEEP_THEIRS),
    ],
)
def test_the_newer_one_wins(
    *, equal: bool, here: tuple[int, int], there: tuple[int, int], rights: Rights, step: Step
) -> None:
    """Of two changed versions the newer one wins, at a tie the server's; equal ones are linked."""
    assert step == settle(equal=equal, here=here, there=there, rights=rights)
