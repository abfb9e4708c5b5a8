"""The only places where a sync changes files: each step is whole, or it did not happen.

A file is written beside its place, flushed and renamed; a reader sees the old or the new
one.  Temporary names begin with a dot and end with ``.tmp``, which vdir readers pass over.
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PREFIX, SUFFIX = ".freebusy-", ".tmp"


def replace(path: Path, body: bytes, *, check: Callable[[], None] = lambda: None) -> None:
    """Write a file; ``check`` is called right before it takes its place, and may raise."""
    temporary = path.with_name(f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}")
    try:
        _write(temporary, body)
        check()
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _write(path: Path, body: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())


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
