"""Texts that are no sync token, or a damaged one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

BAD_TOKENS = [
    "",
    " ",
    "0",
    "-1",
    "null",
    "[]",
    "{}",
    "[[[[[[",
    "[" * 100_000,
    '{"generation": 1}',
    '{"v": 1, "generation": "1", "files": []}',
    '{"v": 1, "generation": null, "files": {"a": null}}',
    "1:2",
    "1:99999999999999999999999999",
    "é\udcff\x00",
    "x" * 10_000,
]


def _mangle(value: Any) -> Iterator[Any]:
    """Yield JSON values that differ from ``value`` in one place, in type or in size."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield {other: kept for other, kept in value.items() if other != key}
            yield from ({**value, key: wrong} for wrong in _mangle(inner))
    else:
        yield from (None, "x", -1, [], {}, [value], 1.5, 10**30, True)


def mangled(token: str) -> list[str]:
    """Return tokens that are broken relatives of a good one."""
    broken = [token[: len(token) * part // 4] for part in range(4)] + [token + "x", token[::-1]]
    try:
        value = json.loads(token)
    except ValueError:
        return broken
    return broken + [json.dumps(wrong) for wrong in _mangle(value)]
