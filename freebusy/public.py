"""The published tree: ``pub/calendar/NAME.vfb`` below one root, and nothing else.

The tree is all that the servers share, so that nginx or another FTP server can
serve it as it is.  Files that not every reader may have lie in a second one of the
same layout (:mod:`freebusy.tree`).  The states a file can be in, and what each guarantees:

absent       no such NAME; readers get None
whole        a regular ``NAME.vfb``, mode 0644: complete, and on disk before it got its name
temporary    ``.*.tmp`` beside it: being written, or left by a crash; never listed, never
             served, removed by :meth:`PublicDirectory.sweep`

Readers take no lock: they compare one lstat with what they hold in memory.
Whoever replaces files holds the lock of that NAME; two writers of one NAME do no
harm here, the later one wins.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import stat
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from freebusy.errors import StoreError
from freebusy.period import from_seconds
from freebusy.ports import PublishedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from datetime import timedelta

SUFFIX = b".vfb"
TEMPORARY_SUFFIX = b".tmp"
MAX_NAME_BYTES = 200

DIRECTORY_MODE = 0o755
PRIVATE_MODE = 0o700
FILE_MODE = 0o644

_NANO = 1_000_000_000
_MAX_LEAD = 3600 * _NANO
"""How far a file's time may run ahead of the clock before it is taken for a wrong clock."""

_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.ENXIO})
"""What lstat and open say of a name that is not there, a symlink, or not for us."""

_AS_OF = re.compile(rb"^COMMENT:as of (\d{8}T\d{6}Z)\r?$", re.MULTILINE)

Signature = tuple[int, int, int]
"""``st_mtime_ns``, ``st_size``, ``st_ino``: differs whenever the content may."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A file in memory and the signature it was read under."""

    path: bytes
    signature: Signature
    file: PublishedFile


class PublicDirectory:
    """The served files of one gateway, replaced whole and read through memory.

    ``root`` is ``state/public``, or ``state/restricted``, whose directories are
    ``private``: for the gateway's own user.  Every method may be called from any thread and
    from several processes; all raise ValueError for a name that cannot be one and
    StoreError where the disk fails.
    """

    def __init__(
        self,
        root: Path,
        *,
        private: bool = False,
        max_cached_bytes: int = 64 << 20,
        max_cached_files: int = 20_000,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.directory = root / "pub" / "calendar"
        self._mode = PRIVATE_MODE if private else DIRECTORY_MODE
        self._prefix = os.fsencode(self.directory) + b"/"
        self._max_bytes = max_cached_bytes
        self._max_files = max_cached_files
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._held_bytes = 0
        self._changing = threading.Lock()

    # -- reading

    def read(self, name: str) -> PublishedFile | None:
        """Return the file as it is now, or None; costs one lstat while it does not change."""
        held = self._held.get(name)
        path = self._path(name) if held is None else held.path
        try:
            status = os.lstat(path)
        except OSError as error:
            self._absent(name, error)
            return None
        if held is not None and held.signature == _signature(status):
            return held.file
        return self._load(name, path)

    def names(self) -> list[str]:
        """Return the names that have a file, sorted."""
        return sorted(
            name
            for entry in self._entries()
            if (name := _name(entry.name)) and entry.is_file(follow_symlinks=False)
        )

    def _load(self, name: str, path: bytes) -> PublishedFile | None:
        try:
            signature, body = _read_regular(path)
        except OSError as error:
            self._absent(name, error)
            return None
        modified = from_seconds(signature[0] // _NANO)
        file = PublishedFile(name, body, entity_tag(body), modified, _as_of(body))
        self._hold(name, _Held(path, signature, file))
        return file

    def _absent(self, name: str, error: OSError) -> None:
        if error.errno not in _ABSENT:
            raise StoreError(f"a published file cannot be read: {error.strerror}") from error
        if name in self._held:
            with self._changing:
                self._let_go(name)

    # -- memory: changed under a lock, read without; oldest out first

    def _hold(self, name: str, held: _Held) -> None:
        size = len(held.file.body)
        with self._changing:
            self._let_go(name)
            if size > self._max_bytes // 4:
                return
            self._held[name] = held
            self._held_bytes += size
            while self._held_bytes > self._max_bytes or len(self._held) > self._max_files:
                self._let_go(next(iter(self._held)))

    def _let_go(self, name: str) -> None:
        held = self._held.pop(name, None)
        if held is not None:
            self._held_bytes -= len(held.file.body)

    # -- writing

    def replace(
        self, name: str, body: bytes, placing: AbstractContextManager[None] | None = None
    ) -> None:
        """Put ``body`` in the place of the file, whole and on disk when this returns.

        The file gets its name inside ``placing``, which may refuse by an exception of
        its own: nothing is changed then.
        """
        path = self._path(name)
        try:
            temporary, handle = self._create_temporary()
            try:
                self._fill(handle, body, path)
                with placing or contextlib.nullcontext():
                    temporary.replace(os.fsdecode(path))
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
            _sync_directory(self.directory)
        except OSError as error:
            raise StoreError(f"a published file cannot be written: {error.strerror}") from error

    def remove(self, name: str) -> bool:
        """Remove the file; False where there was none."""
        try:
            Path(os.fsdecode(self._path(name))).unlink()
            _sync_directory(self.directory)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StoreError(f"a published file cannot be removed: {error.strerror}") from error
        return True

    def hand_over(self, name: str, other: PublicDirectory) -> bool:
        """Move a file to another tree on the same file system; False where there is none.

        It is in one of the two at any time, and there for good after :meth:`sync` of both.
        Where both have one, the newer one is kept.
        """
        try:
            other.take_over(name, Path(os.fsdecode(self._path(name))))
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StoreError(f"a published file cannot be moved: {error.strerror}") from error
        return True

    def take_over(self, name: str, source: Path) -> None:
        """Make a file of this file system that of a NAME, unless the one there is newer.

        Raises OSError.
        """
        target, moved = self._path(name), source.lstat()
        there = _status(target)
        if there and stat.S_ISREG(there.st_mode) and there.st_mtime_ns >= moved.st_mtime_ns:
            source.unlink()
            return
        _make_directories(self.directory, self._mode)
        source.replace(os.fsdecode(target))

    def sync(self) -> None:
        """Make what was moved last."""
        try:
            _sync_directory(self.directory)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError(f"the published tree cannot be written: {error.strerror}") from error

    def sweep(self, older_than: timedelta) -> int:
        """Remove temporaries that a crash left longer ago than that; return how many."""
        limit = self._clock() / _NANO - older_than.total_seconds()
        removed = 0
        for entry in self._entries():
            with contextlib.suppress(FileNotFoundError):
                if _is_temporary(entry.name) and entry.stat(follow_symlinks=False).st_mtime < limit:
                    Path(os.fsdecode(entry.path)).unlink()
                    removed += 1
        return removed

    def _create_temporary(self) -> tuple[Path, int]:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        temporary = self.directory / f".{secrets.token_hex(12)}{TEMPORARY_SUFFIX.decode()}"
        try:
            return temporary, os.open(temporary, flags, 0o600)
        except FileNotFoundError:
            _make_directories(self.directory, self._mode)
            return temporary, os.open(temporary, flags, 0o600)

    def _fill(self, handle: int, body: bytes, path: bytes) -> None:
        with os.fdopen(handle, "wb") as stream:
            stream.write(body)
            stream.flush()
            os.fchmod(handle, FILE_MODE)
            moment = self._next_moment(path)
            os.utime(handle, ns=(moment, moment))
            os.fsync(handle)

    def _next_moment(self, path: bytes) -> int:
        """Return now in nanoseconds, but in a later second than the file that is replaced.

        Last-Modified, MDTM and nginx's entity tag know whole seconds: a second
        change within one would look like no change (RFC 9110 §8.8.2.2).
        """
        now = self._clock()
        before = _status(path)
        if before is None:
            return now
        ahead = (before.st_mtime_ns // _NANO + 1) * _NANO
        return now if ahead > now + _MAX_LEAD else max(now, ahead)

    # -- names

    def _path(self, name: str) -> bytes:
        """Return the path of a NAME, in UTF-8 whatever the locale.

        The last line of defence: whoever calls has made the name canonical before.
        """
        if not _is_name(name):
            raise ValueError("not a name that a published file can have")
        return b"%b%b%b" % (self._prefix, name.encode(), SUFFIX)

    def _entries(self) -> Iterator[os.DirEntry[bytes]]:
        try:
            with os.scandir(self._prefix) as entries:
                yield from entries
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError(f"the published tree cannot be listed: {error.strerror}") from error


def _status(path: bytes) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None


def _signature(status: os.stat_result) -> Signature:
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read_regular(path: bytes) -> tuple[Signature, bytes]:
    """Read a regular file; ELOOP for a symlink, ENXIO for whatever else is no file.

    The signature is taken before the content: a later write shows at the next read.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
        with os.fdopen(handle, "rb", closefd=False) as stream:
            return _signature(status), stream.read()
    finally:
        os.close(handle)


def entity_tag(body: bytes) -> str:
    """Return the strong entity tag of a body, with its quotes (RFC 9110 §8.8.3)."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def _as_of(body: bytes) -> datetime | None:
    found = _AS_OF.search(body)
    if found is None:
        return None
    try:
        return datetime.strptime(found[1].decode(), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _is_name(name: str) -> bool:
    if not name or name[0] == "." or "/" in name or not name.isprintable():
        return False  # NUL and lone surrogates are not printable either
    return len(name.encode()) <= MAX_NAME_BYTES


def _name(file_name: bytes) -> str | None:
    """Return the NAME that a directory entry publishes, or None."""
    if not file_name.endswith(SUFFIX):
        return None
    name = file_name.removesuffix(SUFFIX).decode("utf-8", "surrogateescape")
    return name if _is_name(name) else None


def _is_temporary(file_name: bytes) -> bool:
    return file_name.startswith(b".") and file_name.endswith(TEMPORARY_SUFFIX)


def _make_directories(directory: Path, mode: int) -> None:
    """Create what is missing, with this mode whatever the umask, and make it last."""
    if directory.is_dir():
        return
    _make_directories(directory.parent, mode)
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode)
        directory.chmod(mode)
    _sync_directory(directory.parent)


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
