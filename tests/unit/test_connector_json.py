"""The JSON of a connector's request, as bodies that are made to cost."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from freebusy.connector.bodies import Change, ChangeList
from freebusy.web.connector.jsonbody import MAX_VALUES, read_json
from freebusy.web.connector.problems import ProblemError

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
