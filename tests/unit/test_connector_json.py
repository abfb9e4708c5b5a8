"""The JSON of a connector's request, as bodies that are made to cost."""

from __future__ import annotations

import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from freebusy.connector.bodies import Change, ChangeList, FreeBusyUpload, Request
from freebusy.web.connector.jsonbody import MAX_ERRORS, MAX_MEMBERS, MAX_VALUES, read_json
from freebusy.web.connector.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 2 << 20
HOSTILE = {
    "commas in one string": b'{"a": "' + b"x," * (SIZE // 2) + b'"}',
    "escapes in one string": b'{"a": "' + b'\\",' * (SIZE // 3) + b'"}',
    "many strings": b"[" + b'"",' * (SIZE // 3) + b'""]',
    "quotes alone": b"," * (MAX_VALUES + 1) + b'"' * SIZE,
    "a string without an end": b'"' + b'\\",' * (SIZE // 3),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_what_is_made_to_cost_memory(body: bytes) -> None:
    """Whatever a body is made of, refusing it takes a few times its own size."""
    tracemalloc.start()
    try:
        with pytest.raises(ProblemError):
            read_json(body, ChangeList)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12 * SIZE


def test_text_is_no_value() -> None:
    """Commas, brackets, quotes and backslashes in a calendar's text count for nothing."""
    text = 'a,[{"\\' * (MAX_VALUES // 2)
    change = {"action": "put", "uid": "a", "calendar": text}

    read = read_json(json.dumps({"changes": [change]}).encode(), ChangeList)

    assert ChangeList(changes=[Change(action="put", uid="a", calendar=text)]) == read


def test_very_many_values_beside_text() -> None:
    """Values are counted beside long texts, and too many are refused."""
    text, values = json.dumps('"\\,' * MAX_VALUES), ",".join(["1"] * (MAX_VALUES + 2))

    with pytest.raises(ProblemError) as raised:
        read_json(f"[{text}, [{values}]]".encode(), ChangeList)

    assert 413 == raised.value.problem.status


PERIOD = {"start": "2026-06-01T08:00:00Z", "end": "2026-06-01T09:00:00Z"}
EMPTY = {"a": 1, "b": 2, "c": 3}
"""Nothing that is needed."""
ROOM = 8 << 20
"""Octets beside what the JSON itself takes."""


def many(names: int) -> dict[str, int]:
    return {f"k{number}": 1 for number in range(names)}


def uploaded(*periods: object) -> dict[str, object]:
    window = {"start": "2026-06-01T00:00:00Z", "end": "2026-07-01T00:00:00Z"}
    return window | {"periods": periods}


def refused(body: bytes, model: type[Request]) -> list[str]:
    """Return the errors that a body is refused with."""
    with pytest.raises(ProblemError) as raised:
        read_json(body, model)
    return raised.value.problem.errors or []


def peak_of(work: Callable[[], object]) -> int:
    """Return the octets that something takes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("model", "given", "count"),
    [
        (FreeBusyUpload, uploaded(*[EMPTY] * 30_000), MAX_ERRORS + 1),
        (FreeBusyUpload, many(20_000), 0),
        (ChangeList, {"changes": [many(MAX_MEMBERS)] * 500}, MAX_ERRORS + 1),
        (ChangeList, {"changes": [many(MAX_MEMBERS + 1)] * 500}, 0),
    ],
    ids=["missing", "one object", "unknown", "too many names"],
)
def test_records_of_what_is_wrong(model: type[Request], given: object, count: int) -> None:
    """However much is wrong, not much more is written down than is told."""
    body = json.dumps(given).encode()
    plain = peak_of(lambda: json.loads(body))

    assert count == len(refused(body, model))
    assert peak_of(lambda: refused(body, model)) < plain + ROOM


def test_what_is_wrong_farther_down() -> None:
    """The entries after the first wrong one are looked at, too, and named by their places."""
    given = uploaded(PERIOD, 1, *[PERIOD] * 500, PERIOD | {"start": "now", "end": 1})

    errors = refused(json.dumps(given).encode(), FreeBusyUpload)

    assert ["periods[1]", "periods[502].start", "periods[502].end"] == [
        each.partition(":")[0] for each in errors
    ]
