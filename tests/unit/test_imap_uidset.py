"""Sets of UIDs behave as sets of integers do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_sync.imap.uidset import MAX_UID, UidSet

uids = st.sets(st.integers(1, 60) | st.integers(1, MAX_UID), max_size=40)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("5", "5"),
        ("1:3", "1:3"),
        ("3:1", "1:3"),
        ("1,2,3,5", "1:3,5"),
        ("7:9,1:8", "1:9"),
        (f"{MAX_UID}", f"{MAX_UID}"),
    ],
)
def test_a_set_has_one_way_to_be_written(text: str, expected: str) -> None:
    """Ranges come out sorted and merged (RFC 3501 §9, sequence-set)."""
    assert expected == str(UidSet.parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "1:*",
        "0",
        "1:0",
        str(MAX_UID + 1),
        "1,",
        ",1",
        "1::2",
        "a",
        " 1",
        "1\n",
        "-1",
        "\u0661",
    ],
)
def test_what_is_no_set_is_refused(text: str) -> None:
    """Everything but numbers and ranges of them is a ValueError."""
    with pytest.raises(ValueError, match=r".+"):
        UidSet.parse(text)


@given(uids, uids)
def test_operations_are_those_of_sets(left: set[int], right: set[int]) -> None:
    """Union, intersection, difference, length and membership equal those of Python's sets."""
    a, b = UidSet.of(left), UidSet.of(right)
    assert [sorted(left | right), sorted(left & right), sorted(left - right)] == [
        list(a | b),
        list(a & b),
        list(a - b),
    ]
    assert (len(left), bool(left), max(left, default=0)) == (len(a), bool(a), a.last)
    assert [uid in left for uid in right] == [uid in a for uid in right]


@given(uids)
def test_text_is_read_back(numbers: set[int]) -> None:
    """parse is the reverse of str."""
    assert UidSet.of(numbers) == UidSet.parse(str(UidSet.of(numbers)))


def test_a_huge_range_costs_nothing() -> None:
    """A server that says everything vanished does not make a list of four billion numbers."""
    everything = UidSet.parse(f"1:{MAX_UID}")
    assert UidSet.of([3, 5]) == UidSet.of([3, 5]) & everything
    assert UidSet() == UidSet.of([3, 5]) - everything


@given(uids)
def test_what_is_packed_is_read_back(numbers: set[int]) -> None:
    """Sets of any UIDs, up to the largest, come back as they were."""
    made = UidSet.of(numbers)
    assert made == UidSet.unpack(made.pack())


@pytest.mark.parametrize(
    "text", ["A", "AAA", "A!", "Aé", "A,A", "gA", "Ag", "g" * 8 + "AA", "______fA"]
)
def test_what_nobody_packed_is_refused(text: str) -> None:
    """Odd numbers of lengths, other signs, numbers without an end, and UIDs that are none."""
    with pytest.raises(ValueError, match=r"\w"):
        UidSet.unpack(text)


def test_many_gaps_take_few_characters() -> None:
    """Each other message of ten thousand is two characters, however large its UID is."""
    made = UidSet.of(range(900_000, 910_000, 2))
    assert len(made.pack()) == 2 * 5000 + 3
