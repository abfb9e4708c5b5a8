"""What tests ask of processes: who works for whom, and has something come true yet."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")

DEADLINE = 20.0
"""Seconds in which what should happen does, on a slow and busy machine."""


def until(look: Callable[[], Answer], what: str, *, seconds: float = DEADLINE) -> Answer:
    """Look until the answer is true and return it; fail with ``what`` at the deadline."""
    start = time.monotonic()
    while not (answer := look()):
        waited = time.monotonic() - start
        if waited > seconds:
            raise AssertionError(f"not within {seconds:.0f} s: {what} (last: {answer!r})")
        time.sleep(pause(waited))
    return answer


def pause(waited: float) -> float:
    """Return the seconds until the next look: what takes long is not asked for all the time."""
    return min(0.1, 0.01 + waited / 20)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[1])
    except OSError:
        return None


def pool_workers(parent: int) -> set[int]:
    """Return the processes that work for a process's worker pools."""
    everybody = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    mine = {pid for pid in everybody if _parent(pid) == parent}
    return {pid for pid in mine if b"spawn_main" in _command(pid)}


def is_there(pid: int) -> bool:
    """Whether a process exists and is not just waiting to be reaped."""
    return bool(_command(pid))
