"""Ending a sync between any two of its steps that last, as SIGKILL would."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from calendar_sync.replica import durable
from calendar_sync.replica.status import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PLACES: list[tuple[object, str]] = [
    (durable, "_write"),
    (durable, "replace"),
    (durable, "remove"),
    (durable, "rename"),
    (durable, "flush"),
    (Status, "begin"),
    (Status, "commit"),
]
"""What lasts beyond the process, and the beginnings of it."""


class Killed(BaseException):
    """Nothing in a program sees the signal that this stands for."""


@contextmanager
def killed(step: int) -> Iterator[None]:
    """End the block at its n-th lasting step, right after it if n is even, else right before."""
    left = step

    def ending(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed
            result = function(*arguments, **options)
            left -= 1
            if left == 0:
                raise Killed
            return result

        return call

    patches = [patch.object(owner, name, ending(getattr(owner, name))) for owner, name in _PLACES]
    for each in patches:
        each.start()
    try:
        yield
    except Killed:
        pass
    finally:
        for each in patches:
            each.stop()
