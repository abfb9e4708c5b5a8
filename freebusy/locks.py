"""Locks between threads and processes alike: one file each, held by flock(2)."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from freebusy.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 300.0
"""Seconds after which waiting for a lock is given up: its holder hangs."""


class Locks:
    """Named locks below one directory; a crash of the holder releases them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextmanager
    def hold(self, name: str, patience: float = PATIENCE) -> Iterator[None]:
        """Hold a lock; not re-entrant.  Raises StoreError when ``patience`` seconds are over."""
        descriptor = self._open(name)
        try:
            _wait(descriptor, name, time.monotonic() + patience)
            yield
        finally:
            os.close(descriptor)

    def _open(self, name: str) -> int:
        try:
            return os.open(self._directory / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"the lock {name} cannot be opened: {error.strerror}") from error


def _wait(descriptor: int, name: str, deadline: float) -> None:
    pause = 0.001
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise StoreError(f"the lock {name} is held for too long") from None
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
        else:
            return
