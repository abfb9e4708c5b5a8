"""Folders and files below a root, and nothing outside it: the file system side of ``vdir``.

Every path comes from a template and from names that others chose, so each is checked
twice: its parts before it is looked up, and what it resolves to afterwards, so that
no symbolic link leads out of the root.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
import struct
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from freebusy.errors import (
    CalendarMissingError,
    ConfigurationError,
    SourceRefusedError,
    SourceUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from freebusy.ports import Owner

_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_NAMES = ("name", "address", "local", "domain")
_MISSING = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL)
_REFUSED = (errno.EACCES, errno.EPERM)
_GETVERSION = 2 << 30 | struct.calcsize("l") << 16 | ord("v") << 8 | 1
"""FS_IOC_GETVERSION of linux/fs.h: what tells two uses of one inode number apart."""

ICS, EML = ".ics", ".eml"
ATTEMPTS = 3
"""Readings of a file that changes while it is read, before it is left for the next run."""

_SKIPPED = (".", "~", "#")
"""How the temporary and lock files of editors and synchronisers begin."""


@contextmanager
def reported() -> Iterator[None]:
    """Turn an OSError into the SourceError that says who must act; it names no path."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "cannot be read"
        if error.errno in _MISSING:
            raise CalendarMissingError(f"the calendar is not there: {reason}") from None
        if error.errno in _REFUSED:
            raise SourceRefusedError(f"the calendar may not be read: {reason}") from None
        raise SourceUnavailableError(f"the calendar cannot be read: {reason}") from None


def kind_of(name: str) -> str | None:
    """Return ICS or EML for the name of a calendar item, None for any other file."""
    if name.startswith(_SKIPPED):
        return None
    ending = name[-4:]
    if ending == ICS:
        return ICS
    ending = ending.lower()
    return ending if ending in (ICS, EML) else None


def check_template(template: str) -> str:
    """Return a path template; ConfigurationError where it names no path below the root."""
    names = [found for found in _PLACEHOLDER.findall(template) if found not in _NAMES]
    known = ", ".join(_NAMES)
    problems = [f"path: unknown placeholder {{{name}}}; known are {known}" for name in names]
    if re.search(r"[{}]", _PLACEHOLDER.sub("", template)):
        problems.append("path: a brace that belongs to no placeholder")
    if not is_relative(_PLACEHOLDER.sub("x", template)):
        problems.append("path: must be relative to the root, without '..' and empty parts")
    if problems:
        raise ConfigurationError(problems)
    return template


def is_relative(path: str) -> bool:
    """Whether a path goes down only, with no part empty, ``.`` or ``..``."""
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return "\0" not in path and all(part not in ("", ".", "..") for part in path.split("/"))


def fill(template: str, owner: Owner) -> str:
    """Return the template with the owner's values; CalendarMissingError if one is no file name."""
    local, _, domain = owner.address.rpartition("@")
    values = {"name": owner.name, "address": owner.address, "local": local, "domain": domain}

    def value(found: re.Match[str]) -> str:
        text = values[found[1]]
        if not text or text.startswith(".") or "/" in text or "\0" in text:
            raise CalendarMissingError(f"this person's {found[1]} is no folder name")
        return text

    return _PLACEHOLDER.sub(value, template)


def signature_of(status: os.stat_result) -> int:
    """Return change time, size and inode as one number, the same in the same kind of interpreter.

    The change time moves with every write, also where the writer sets the other one back.
    """
    return hash((status.st_ctime_ns, status.st_size, status.st_ino))


@dataclass(frozen=True, slots=True)
class Stamp:
    """What stat says of a file: two equal ones mean, with care, an unchanged file."""

    signature: int
    changed: int
    """Nanoseconds since 1970."""
    modified: int
    """Nanoseconds since 1970."""
    size: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """Return the stamp of a stat result."""
        signature = signature_of(status)
        return cls(signature, status.st_ctime_ns, status.st_mtime_ns, status.st_size)


NEVER = Stamp(0, 0, 0, 0)
"""The stamp of a file that could not be read: any other differs from it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A file as it was read."""

    stamp: Stamp
    body: bytes
    steady: bool
    """Whether it was the same before and after."""


class Root:
    """A directory that nothing leads out of."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.path.abspath(path)  # noqa: PTH100 - strings all the way, as watchfiles gives them

    def _real(self) -> str:
        try:
            return os.path.realpath(self._path, strict=True)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise SourceUnavailableError(f"the calendar root {self._path}: {reason}") from None

    def inside(self, path: str) -> str:
        """Return the real path behind an absolute one; SourceError unless it is inside."""
        root = self._real()
        with reported():
            real = os.path.realpath(path, strict=True)
        if not real.startswith(root.rstrip("/") + "/"):
            raise SourceRefusedError("a symbolic link leads out of the calendar root")
        return real

    def join(self, relative: str) -> str:
        """Return the path of what ``relative`` names, there or not, in or not."""
        return f"{self._path.rstrip('/')}/{relative}"

    def resolve(self, relative: str) -> str:
        """Return the real path of what ``relative`` names; SourceError unless it is inside.

        SourceUnavailableError where the root itself cannot be reached.
        """
        root = self._real()
        if not is_relative(relative):
            raise CalendarMissingError("no calendar of this source")
        return self.inside(f"{root}/{relative}")

    def exists(self, relative: str) -> str | None:
        """Return the real path, or None where nothing is there; SourceError otherwise."""
        try:
            return self.resolve(relative)
        except CalendarMissingError:
            return None


class Folder:
    """An open directory below a root."""

    def __init__(self, path: str, descriptor: int, root: Root) -> None:
        self.path = path
        self._descriptor = descriptor
        self._root = root

    @classmethod
    @contextmanager
    def opened(cls, path: str, root: Root) -> Iterator[Folder]:
        """Open the directory for the block; SourceError where that is not possible."""
        with reported():
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield cls(path, descriptor, root)
        finally:
            os.close(descriptor)

    @property
    def identity(self) -> str:
        """What tells this directory from every other, also from one that had its inode.

        A mount point whose file system is gone is another directory: emptiness proves nothing.
        """
        with reported():
            status = os.fstat(self._descriptor)
        version = bytearray(struct.calcsize("l"))
        with suppress(OSError):  # file systems that use no inode number twice do not have it
            fcntl.ioctl(self._descriptor, _GETVERSION, version)
        number = int.from_bytes(version, "little")
        return f"{status.st_dev:x}:{status.st_ino:x}:{number:x}"

    def signatures(self) -> dict[str, int]:
        """Return the calendar items: name -> signature (:attr:`Stamp.signature`)."""
        found: dict[str, int] = {}
        with reported(), os.scandir(self._descriptor) as entries:
            for entry in entries:
                if kind_of(entry.name) and (status := self._status(entry)):
                    found[entry.name] = signature_of(status)
        return found

    def _status(self, entry: os.DirEntry[str]) -> os.stat_result | None:
        """Return the status of a regular file; None for others and links out of the root."""
        try:
            if entry.is_symlink():
                status = os.stat(self._root.inside(f"{self.path}/{entry.name}"))  # noqa: PTH116 - Path takes no time off, it adds some
            else:
                status = entry.stat(follow_symlinks=False)
        except (FileNotFoundError, CalendarMissingError, SourceRefusedError):
            return None
        return status if stat.S_ISREG(status.st_mode) else None

    def signature(self, name: str) -> int:
        """Return the signature of one file; CalendarMissingError where there is none."""
        with reported():
            status = os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            raise CalendarMissingError("the calendar is no regular file")
        return signature_of(status)

    def subfolders(self) -> list[str]:
        """Return the names of the folders in it, sorted, without hidden ones."""
        with reported(), os.scandir(self._descriptor) as entries:
            return sorted(e.name for e in entries if not e.name.startswith(".") and _is_folder(e))

    def holds(self, *endings: str) -> bool:
        """Whether there is a file whose name ends like this."""
        with reported(), os.scandir(self._descriptor) as entries:
            return any(
                entry.name.lower().endswith(endings) and not entry.name.startswith(_SKIPPED)
                for entry in entries
            )

    def has(self, name: str) -> bool:
        """Whether there is anything of this name."""
        try:
            os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def read(self, name: str, limit: int) -> Reading | None:
        """Return the first ``limit`` bytes of a file; None where it is gone or out of bounds.

        It is read again while it changes.  OSError where it cannot be read.
        """
        reading = None
        with suppress(FileNotFoundError, CalendarMissingError, SourceRefusedError):
            for _ in range(ATTEMPTS):
                reading = self._read_once(name, limit)
                if reading is None or reading.steady:
                    break
        return reading

    def _read_once(self, name: str, limit: int) -> Reading | None:
        descriptor = self._open(name)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return None
            before, body = Stamp.of(status), _read(descriptor, limit)
            return Reading(before, body, steady=before == Stamp.of(os.fstat(descriptor)))
        finally:
            os.close(descriptor)

    def _open(self, name: str) -> int:
        # a pipe must not block, and what was no link a moment ago must not be one now
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            return os.open(name, flags, dir_fd=self._descriptor)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
        return os.open(self._root.inside(f"{self.path}/{name}"), flags)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _read(descriptor: int, limit: int) -> bytes:
    parts = []
    while limit > 0 and (part := os.read(descriptor, min(limit, 1 << 20))):
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)
