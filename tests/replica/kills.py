"""Ending a sync between any two of its steps that last, as SIGKILL would."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from calendar_sync.replica import durable
from calendar_sync.replica.status import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PLACES: list[tuple[object, str]] = [
    (durable, "_write"),
    (durable, "_rename"),
    (durable, "_discard"),
    (durable, "remove"),
    (durable, "rename"),
    (durable, "flush"),
    (Status, "begin"),
    (Status, "commit"),
]
"""What lasts beyond the process, and the beginnings of it."""


class Killed(BaseException):
    """Nothing in a program sees the signal that this stands for."""


class Death:
    """Whether a block was ended."""

    came = False


@contextmanager
def killed(step: int) -> Iterator[Death]:
    """End the block at its n-th lasting step, right after it if n is even, else right before."""
    left, lock, death = step, Lock(), Death()

    def pass_one() -> None:
        nonlocal left
        with lock:  # files are written by several threads
            left -= 1
            if left <= 0:  # nothing lasts any more, whoever tries
                raise Killed

    def ending(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            pass_one()
            result = function(*arguments, **options)
            pass_one()
            return result

        return call

    patches = [patch.object(owner, name, ending(getattr(owner, name))) for owner, name in _PLACES]
    for each in patches:
        each.start()
    try:
        yield death
    except Killed:
        death.came = True
    finally:
        for each in patches:
            each.stop()
