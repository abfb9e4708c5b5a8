"""A local folder of .ics files, as khal, vdirsyncer, Radicale and Xandikos know it (vdir).

One item a file, all components of one UID in it.  ``displayname``, ``color`` and whatever
else lies there are other programs' and stay.  A file that is not read is not touched: one
that holds items of several UIDs, or none, or that somebody is still writing.

What stat said of a file proves that it is unchanged, unless it was written shortly before
it was read: then it may have been written again in the same tick of the clock, and the
next run reads it again (git knows the same as "racily clean").
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from calendar_sync.replica import durable
from calendar_sync.replica.errors import ChangedMeanwhileError
from calendar_sync.replica.objecttext import uid_of
from freebusy.errors import CalendarDataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ICS = ".ics"
RACY = 2_000_000_000
"""Nanoseconds; the coarsest clock of a file system in use (FAT)."""
MAX_FILE = 8 << 20
"""Octets of a file that is read; a larger one is left alone and named."""
_SAFE = re.compile(r"[A-Za-z0-9_@+=-][A-Za-z0-9._@+=-]{0,199}")


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file as it was looked at."""

    name: str
    signature: str
    digest: str = ""
    uid: str | None = None
    problem: str | None = None
    """Why it is left alone."""
    settled: bool = False
    """Whether an equal signature proves that it is unchanged."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A file's new content, on its way to the disk."""

    drafts: durable.Drafts
    path: Path
    digest: str

    @classmethod
    def begin(cls, drafts: durable.Drafts, body: bytes) -> Draft:
        """Begin to write a content; it may take its place once the drafts are settled."""
        return cls(drafts, drafts.add(body), digest(body))

    def place(self, path: Path) -> None:
        """Let it take its place."""
        self.drafts.place(self.path, path)


def digest(body: bytes) -> str:
    """Return a short name for some bytes."""
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def file_name(uid: str) -> str:
    """Return a name that any file system takes; a digest for a UID that is none."""
    if _SAFE.fullmatch(uid):
        return uid + ICS
    return digest(uid.encode("utf-8", "surrogatepass")) + ICS


class Collection:
    """One such folder."""

    def __init__(self, path: Path, *, max_file: int = MAX_FILE) -> None:
        self.path = path
        self._max_file = max_file

    def create(self) -> None:
        """Make the folder where it is missing, and clean up after an interruption."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        durable.clean(self.path)

    # -- looking

    def scan(self, known: Mapping[str, LocalFile]) -> dict[str, LocalFile]:
        """Return all .ics files by name; only those are read that may have changed."""
        now = time.time_ns()
        found: dict[str, LocalFile] = {}
        for name, status in self._listing():
            old = known.get(name)
            if old is not None and old.settled and old.signature == signature_of(status):
                found[name] = old
            elif (new := self._look(name, status, now)) is not None:
                found[name] = new
        return found

    def _listing(self) -> Iterator[tuple[str, os.stat_result]]:
        try:
            with os.scandir(self.path) as entries:
                for entry in entries:
                    if entry.name.endswith(ICS) and not entry.name.startswith("."):
                        yield entry.name, entry.stat(follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return

    def _look(self, name: str, status: os.stat_result, now: int) -> LocalFile | None:
        """Read a file; None where it is gone."""
        file = LocalFile(name, signature_of(status), settled=status.st_ctime_ns < now - RACY)
        problem = self._obstacle(name, status)
        if problem is not None:
            return replace(file, problem=problem)
        try:
            body = (self.path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            return replace(file, problem=f"it cannot be read: {error.strerror}", settled=False)
        return _described(replace(file, digest=digest(body)), body)

    def _obstacle(self, name: str, status: os.stat_result) -> str | None:
        if not stat.S_ISREG(status.st_mode):
            return "it is no regular file"
        if not _is_text(name):
            return "its name is not in UTF-8"
        return "it is too large" if status.st_size > self._max_file else None

    def read(self, file: LocalFile) -> bytes:
        """Return a file's content; ChangedMeanwhileError where it is another one by now."""
        try:
            body = (self.path / file.name).read_bytes()
        except OSError:
            raise ChangedMeanwhileError(file.name) from None
        if digest(body) != file.digest:
            raise ChangedMeanwhileError(file.name)
        return body

    # -- changing; the caller flushes the folder

    def name_for(self, uid: str) -> str:
        """Return a name for a new item that no file has."""
        name = file_name(uid)
        if not os.path.lexists(self.path / name):
            return name
        return digest(b"2" + uid.encode("utf-8", "surrogatepass")) + ICS

    def write(self, draft: Draft, name: str, uid: str, old: LocalFile | None) -> LocalFile:
        """Put a file over the one that was there; ChangedMeanwhileError if it is another."""
        path = self.path / name
        self._check(name, old)
        draft.place(path)
        return LocalFile(name, signature_of(path.lstat()), draft.digest, uid)

    def remove(self, old: LocalFile) -> None:
        """Remove a file; ChangedMeanwhileError if it is not the one that was read."""
        self._check(old.name, old)
        durable.remove(self.path / old.name)

    def _check(self, name: str, old: LocalFile | None) -> None:
        """See that what is there is what was read."""
        try:
            status = (self.path / name).lstat()
        except FileNotFoundError:
            if old is None:
                return
            raise ChangedMeanwhileError(name) from None
        if old is None:
            raise ChangedMeanwhileError(name)
        if not old.settled or signature_of(status) != old.signature:
            self.read(old)


def _described(file: LocalFile, body: bytes) -> LocalFile:
    try:
        return replace(file, uid=uid_of(body))
    except CalendarDataError as error:
        return replace(file, problem=error.reason)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def signature_of(status: os.stat_result) -> str:
    """Return what stat says of a file that changes whenever the file does."""
    parts = (status.st_ctime_ns, status.st_mtime_ns, status.st_size, status.st_ino)
    return ":".join(map(str, parts))
