"""A request's JSON, strictly (RFC 8259), then by its model.

Refused: what is not UTF-8, a name twice in one object (RFC 7493 §2.3), NaN and infinities,
lone surrogates (RFC 8259 §8.2), deep nesting and very many values.  What is wrong is named
by its place and never quoted.
"""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import TYPE_CHECKING, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from freebusy.web.connector.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=BaseModel)

MAX_VALUES = 250_000
"""Values in one body: each takes far more memory than the octet that it may come in."""
MAX_MEMBERS = 100
"""Names in one JSON object: each that is not known leaves a record of what is wrong."""
MAX_ERRORS = 20
MAX_LOOKED_AT = 1000
"""Entries of a list after the first wrong one, in which further errors are looked for."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_NOT_JSON = "Send one JSON object in UTF-8 (RFC 8259)."


def read_json(body: bytes, model: type[Model]) -> Model:
    """Return a body by its model; ProblemError 400 for what is no JSON, 422 for what is wrong."""
    _check_size(body)
    _parse(body)
    try:
        return model.model_validate_json(body, strict=True)
    except ValidationError as error:
        wrong = _errors(error)
    raise _refused([*wrong, *islice(_further(wrong, body, model), MAX_ERRORS + 1)])


def read_values(values: Mapping[str, object], model: type[Model]) -> Model:
    """Return the values of a query by their model; ProblemError 422 names what is wrong."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _refused(_errors(error)) from None


def _check_size(body: bytes) -> None:
    """Refuse very many values without making them; text in strings counts for nothing.

    No regular expression looks at all of a body: one that matches strings takes memory for
    each octet, and holds up every other thread.
    """
    if _values(body) > MAX_VALUES and _values_beside_strings(body) > MAX_VALUES:
        raise ProblemError(413, f"More than {MAX_VALUES} values in one body: send less at a time.")


def _values_beside_strings(body: bytes) -> int:
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    if plain.count(b'"') > 4 * MAX_VALUES:  # a value has two of them, and its name two
        return MAX_VALUES + 1
    return sum(map(_values, plain.split(b'"')[::2]))


def _values(body: bytes) -> int:
    return body.count(b",") + body.count(b"[") + body.count(b"{")


def _parse(body: bytes) -> None:
    """Refuse what readers of JSON take differently, or not at all."""
    try:
        text = body.decode("utf-8")
        json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError:
        raise ProblemError(400, "The JSON is nested too deeply.") from None
    except ValueError:  # of UTF-8, of JSON, and of numbers of thousands of digits
        raise ProblemError(400, _NOT_JSON) from None


def _once(pairs: list[tuple[str, object]]) -> bool:
    """Check one object; nothing of it is kept."""
    if len(pairs) > MAX_MEMBERS:
        raise ProblemError(422, f"One JSON object has more than {MAX_MEMBERS} names: none has.")
    if len({name for name, _ in pairs}) < len(pairs):
        raise ProblemError(400, "A name comes twice in one JSON object: write it once.")
    return True


def _no_number(_: str) -> NoReturn:
    raise ProblemError(400, "NaN and infinities are no JSON numbers (RFC 8259 §6).")


def _errors(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_context=False, include_input=False)


def _further(
    wrong: Sequence[ErrorDetails], body: bytes, model: type[BaseModel]
) -> Iterator[ErrorDetails]:
    """Yield what is wrong in the entries that follow the first wrong one of a long list.

    Validation ends there (``fail_fast``); each of the others is looked at by itself.
    """
    stopped = {each["loc"][:2] for each in wrong if len(each["loc"]) > 1}
    if not stopped:
        return
    given = json.loads(body)
    for name, first in stopped:
        if isinstance(first, int):
            following = range(first + 1, min(first + 1 + MAX_LOOKED_AT, len(given[name])))
            for at in following:
                yield from _of_entry(str(name), at, given[name][at], model)


def _of_entry(name: str, at: int, entry: object, model: type[BaseModel]) -> Iterator[ErrorDetails]:
    try:
        model.model_validate_json(json.dumps({name: [entry]}), strict=True)
    except ValidationError as error:
        for each in _errors(error):
            if each["loc"][:2] == (name, 0):
                each["loc"] = (name, at, *each["loc"][2:])
                yield each


def _refused(wrong: Sequence[ErrorDetails]) -> ProblemError:
    told = [_line(each) for each in wrong[:MAX_ERRORS]]
    if len(wrong) > MAX_ERRORS:
        told.append("and more")
    if any(each["type"] == "json_invalid" for each in wrong):
        return ProblemError(400, _NOT_JSON)
    return ProblemError(422, "Mend what errors names, and send it again.", errors=told)


def _line(wrong: ErrorDetails) -> str:
    """Return one error by its place; only names that look like ours are repeated."""
    place = ""
    for part in wrong["loc"]:
        if isinstance(part, int):
            place += f"[{part}]"
        else:
            name = part if _NAME.fullmatch(part) else "?"
            place += f".{name}" if place else name
    return f"{place or 'the body'}: {wrong['msg'][:200]}"
