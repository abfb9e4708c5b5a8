"""The only places where a sync changes files: each step is whole, or it did not happen.

A file is written beside its place, flushed and renamed; a reader sees the old or the new
one.  Temporary names begin with a dot and end with ``.tmp``, which vdir readers pass over.
"""

from __future__ import annotations

import os
import secrets
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

PREFIX, SUFFIX = ".freebusy-", ".tmp"
WRITERS = 4
"""Threads that flush at the same time: a journal takes their files in together."""
AHEAD = 16
"""Contents that wait in memory for a writer."""


class Drafts:
    """New contents of files in one directory, under temporary names until they take their places.

    One flush after the other is what a first sync of many items waits for: four at a time
    are six times as fast on ext4.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._pool = ThreadPoolExecutor(WRITERS, thread_name_prefix="drafts")
        self._written: deque[Future[None]] = deque()
        self._left: set[Path] = set()

    def add(self, body: bytes) -> Path:
        """Begin to write a content, and return its temporary file."""
        while len(self._written) >= AHEAD:
            self._written.popleft().result()
        path = self._directory / f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}"
        self._left.add(path)
        self._written.append(self._pool.submit(_write, path, body))
        return path

    def settle(self) -> None:
        """Wait until all that was added is on the disk; raises OSError where it cannot be."""
        while self._written:
            self._written.popleft().result()

    def place(self, draft: Path, path: Path) -> None:
        """Let a draft that is on the disk take its place."""
        _rename(draft, path)
        self._left.discard(draft)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what has not taken its place."""
        self._pool.shutdown(cancel_futures=True)
        for path in self._left:
            _discard(path)


def replace(path: Path, body: bytes) -> None:
    """Write a file."""
    with Drafts(path.parent) as drafts:
        draft = drafts.add(body)
        drafts.settle()
        drafts.place(draft, path)


def _write(path: Path, body: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())


def _rename(old: Path, new: Path) -> None:
    old.replace(new)


def _discard(path: Path) -> None:
    path.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Remove a file."""
    path.unlink()


def rename(old: Path, new: Path) -> None:
    """Give a directory another place on the same file system."""
    old.rename(new)
    flush(old.parent)
    flush(new.parent)


def flush(directory: Path) -> None:
    """Make what was renamed or removed in a directory last."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def clean(directory: Path) -> None:
    """Remove what an interrupted sync left half written."""
    for path in directory.glob(f"{PREFIX}*{SUFFIX}"):
        path.unlink(missing_ok=True)
