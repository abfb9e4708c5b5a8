"""Temporary uploads: what a client sends under one name and renames to another.

They lie outside the published tree, private to the account that sent them, for some
minutes; several processes may share the directory.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from freebusy.errors import StoreError, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_MODE = 0o700
_UNFINISHED = "unfinished-"


@dataclass(frozen=True, slots=True)
class TemporaryUpload:
    """One upload that waits for its rename."""

    body: bytes
    modified: int
    """UTC seconds."""


class TemporaryUploads:
    """The uploads of all accounts below one directory; safe from any thread and process.

    ``lifetime`` in seconds; ``max_bytes`` is what one account may leave there.  Every
    method raises StoreError where the disk fails.
    """

    def __init__(
        self,
        directory: Path,
        *,
        lifetime: float = 600.0,
        max_bytes: int = 8 << 20,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self.lifetime = lifetime
        self.max_bytes = max_bytes
        self._now = now

    def put(self, account: str, name: str, body: bytes) -> bool:
        """Keep an upload, in the place of an older one; return whether there was none.

        Raises TooLargeError where the account leaves more than it may.
        """
        path = self._path(account, name)
        with _disk("written"):
            self._make_room(path.parent)
            others = sum(p.stat().st_size for p in _files(path.parent) if p != path)
            if others + len(body) > self.max_bytes:
                raise TooLargeError("too many temporary uploads; rename or delete some first")
            is_new = not path.exists()
            unfinished = path.parent / f"{_UNFINISHED}{secrets.token_hex(8)}"
            try:
                _write(unfinished, body)
                unfinished.replace(path)
            finally:
                unfinished.unlink(missing_ok=True)
        return is_new

    def get(self, account: str, name: str) -> TemporaryUpload | None:
        """Return an upload, None where there is none any more."""
        path = self._path(account, name)
        with _disk("read"), contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            modified = os.fstat(file.fileno()).st_mtime
            if modified >= self._now() - self.lifetime:
                return TemporaryUpload(file.read(), int(modified))
        return None

    def remove(self, account: str, name: str) -> bool:
        """Remove an upload; False where there was none."""
        with _disk("removed"):
            try:
                self._path(account, name).unlink()
            except FileNotFoundError:
                return False
        return True

    def sweep(self) -> int:
        """Remove what is older than its lifetime, of all accounts; return how many."""
        removed = 0
        with _disk("removed"), contextlib.suppress(FileNotFoundError):
            for directory in self._directory.iterdir():
                removed += self._sweep(directory)
        return removed

    def _sweep(self, directory: Path) -> int:
        removed = 0
        for path in _files(directory):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < self._now() - self.lifetime:
                    path.unlink()
                    removed += 1
        return removed

    def _make_room(self, directory: Path) -> None:
        self._directory.mkdir(mode=_MODE, exist_ok=True)
        directory.mkdir(mode=_MODE, exist_ok=True)
        self._sweep(directory)

    def _path(self, account: str, name: str) -> Path:
        """Return where an upload lies: no text of a client becomes part of a path."""
        return self._directory / _digest(account) / _digest(name)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _files(directory: Path) -> list[Path]:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return list(directory.iterdir())
    return []


def _write(path: Path, body: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(handle)


@contextlib.contextmanager
def _disk(done: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"a temporary upload cannot be {done}: {error.strerror}") from error
