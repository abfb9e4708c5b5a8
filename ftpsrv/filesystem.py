"""The tree that a FTP client sees: four fixed directories and what is published in them.

Nothing here touches the disk.  A path is taken apart as text, and a file comes as
bytes from :class:`freebusy.ports.FreeBusyFiles`, which alone decides what a path
names.  Every path that names nothing is refused with the same words.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, Any, NoReturn

from pyftpdlib.exceptions import FilesystemError
from pyftpdlib.filesystems import AbstractedFS

from ftpsrv.listing import Entry

if TYPE_CHECKING:
    from datetime import datetime

    from freebusy.ports import FreeBusyFiles, Publications, PublishedFile, Visitor

NO_SUCH_FILE = "No such file or directory."
PERMISSION_DENIED = "Permission denied."

ROOT = "/"
CALENDAR_DIRECTORIES = frozenset({"/pub/calendar", "/calendar"})
DIRECTORIES: dict[str, tuple[str, ...]] = {
    ROOT: ("calendar", "pub"),
    "/pub": ("calendar",),
    "/pub/calendar": (),
    "/calendar": (),
}
"""The directories and the directories in them."""

BELOW = tuple(f"{directory}/" for directory in sorted(CALENDAR_DIRECTORIES))

"""What every file's path begins with."""

EXTENSION = ".vfb"
LONGEST_PATH = 1024
"""In characters; a NAME has at most 200 bytes."""

# /pub/calendar/%SERVER%/%NAME%.vfb: clients enter the directory before they ask for
# the file.  A domain is accepted by its form, known or not, and is listed nowhere.
_DOMAIN = re.compile(r"(?!.*\.[a-z]fb(\.|$))[\w-]{1,63}(\.[\w-]{1,63}){1,8}", re.IGNORECASE)

UNDECODABLE = "\N{REPLACEMENT CHARACTER}"
"""What stands for bytes that are no UTF-8."""


def _join(parts: list[str]) -> str:
    return ROOT + "/".join(parts)


def _has_directory_form(parts: list[str]) -> bool:
    if _join(parts) in DIRECTORIES:
        return True
    domain = _DOMAIN.fullmatch(parts[-1])
    return domain is not None and _join(parts[:-1]) in CALENDAR_DIRECTORIES


def resolve(cwd: str, ftp_path: str) -> str | None:
    """Return the absolute path that a client means, or None where it cannot name anything.

    Unlike a purely textual clean-up this never climbs above the root, nor out of
    what cannot be a directory.
    """
    if len(ftp_path) > LONGEST_PATH or UNDECODABLE in ftp_path:
        return None
    parts = [] if ftp_path.startswith("/") else [part for part in cwd.split("/") if part]
    steps = ftp_path.split("/")
    for step in steps:
        if step == "..":
            if not parts or not _has_directory_form(parts):
                return None
            parts.pop()
        elif step not in ("", "."):
            parts.append(step)
    if steps[-1] in ("", ".") and not _has_directory_form(parts):
        return None
    return _join(parts)


class OpenFile(BytesIO):
    """The bytes of one published file, with the name that the transfer's log line shows."""

    def __init__(self, body: bytes, name: str) -> None:
        super().__init__(body)
        self.name = name


class PublishedTree(AbstractedFS):  # type: ignore[misc]  # pyftpdlib has no types
    """What one session sees; paths are those that :func:`resolve` returned."""

    def __init__(self, root: str, cmd_channel: Any) -> None:
        super().__init__(root, cmd_channel)
        self._files: FreeBusyFiles = cmd_channel.files
        self._publications: Publications | None = cmd_channel.publications
        self._visitor: Visitor = cmd_channel.visitor
        self._tree_time: datetime = cmd_channel.tree_time
        self.temporary: dict[str, PublishedFile] = {}
        """Uploads of the visitor's that wait for their final name, by path, while asked about."""

    def find(self, ftp_path: str) -> tuple[str, PublishedFile]:
        """Return a file with its absolute path; FilesystemError where there is none."""
        path = self.ftp2fs(ftp_path)
        published = self._lookup(path)
        if published is None:
            raise FilesystemError(NO_SUCH_FILE)
        return path, published

    def _lookup(self, path: str) -> PublishedFile | None:
        """Look a file up; FTP serves those below its own directories, whatever else there is."""
        if not path.startswith(BELOW):
            return None
        return self._files.find(path, self._visitor) or self.temporary.get(path)

    def directory(self, ftp_path: str) -> str:
        """Return the absolute path of a directory; FilesystemError where it is none."""
        path = self.ftp2fs(ftp_path)
        if not self.isdir(path):
            raise FilesystemError(NO_SUCH_FILE)
        return path

    def entry(self, ftp_path: str) -> tuple[str, Entry]:
        """Return what a path names, file or directory; FilesystemError where it is nothing."""
        path = self.ftp2fs(ftp_path)
        name = path.rpartition("/")[2]
        if self.isdir(path):
            return path, Entry(name, self._tree_time)
        return path, self._file_entry(path, self.find(path)[1])

    def entries(self, ftp_path: str) -> list[Entry]:
        """Return what a listing of a path shows, sorted; FilesystemError where it is nothing."""
        path, entry = self.entry(ftp_path)
        if entry.size is not None:
            return [entry]
        return self._directories(path) + self._published(path)

    def _directories(self, path: str) -> list[Entry]:
        return [Entry(name, self._tree_time) for name in DIRECTORIES.get(path, ())]

    def _published(self, path: str) -> list[Entry]:
        if path not in CALENDAR_DIRECTORIES:
            return []
        files = self._files.listing(self._visitor)
        return [self._file_entry(f"{path}/{file.name}{EXTENSION}", file) for file in files]

    def _file_entry(self, path: str, file: PublishedFile) -> Entry:
        """Return a file's entry with what this session may do with it."""
        writes = self._publications is not None and self._publications.may_write(
            path, self._visitor
        )
        permissions = "drw" if writes else "r"
        if path in self.temporary:
            permissions = "dfrw"  # nothing else can be renamed
        return Entry(path.rpartition("/")[2], file.modified, len(file.body), permissions)

    # What pyftpdlib asks of a file system.  Its "real" paths are the virtual ones.

    def ftp2fs(self, ftppath: str) -> str:
        """Return the absolute path; FilesystemError where it cannot name anything."""
        path = resolve(self.cwd, ftppath)
        if path is None:
            raise FilesystemError(NO_SUCH_FILE)
        return path

    def fs2ftp(self, fspath: str) -> str:
        """Return the path as it is."""
        return fspath

    realpath = fs2ftp

    def validpath(self, path: str) -> bool:
        """Tell whether a path is one that :meth:`ftp2fs` returns."""
        return resolve(ROOT, path) == path

    def open(self, filename: str, mode: str) -> OpenFile:
        """Open a published file for reading; FilesystemError for all else."""
        if mode != "rb":
            raise FilesystemError(PERMISSION_DENIED)
        path, published = self.find(filename)
        return OpenFile(published.body, path)

    def chdir(self, path: str) -> None:
        """Change the working directory; FilesystemError where there is no such directory."""
        self.cwd = self.directory(path)

    def isdir(self, path: str) -> bool:
        """Tell whether an absolute path can be entered.

        A file of that name is no directory: clients try CWD to tell the two apart.
        """
        if path in DIRECTORIES:
            return True
        has_form = _has_directory_form([part for part in path.split("/") if part])
        return has_form and self._lookup(path) is None

    def isfile(self, path: str) -> bool:
        """Tell whether an absolute path names a published file."""
        return self._lookup(path) is not None

    def islink(self, path: str) -> bool:  # noqa: ARG002  # pyftpdlib's signature
        """Return False: there are no links here."""
        return False

    def lexists(self, path: str) -> bool:
        """Tell whether an absolute path names anything."""
        return self.isdir(path) or self.isfile(path)

    def getsize(self, path: str) -> int:
        """Return a file's size in bytes."""
        return len(self.find(path)[1].body)

    def getmtime(self, path: str) -> float:
        """Return a file's time of change in seconds since 1970."""
        return self.find(path)[1].modified.timestamp()

    def listdir(self, path: str) -> list[str]:
        """Return the names that a listing shows."""
        return [entry.name for entry in self.entries(path)]

    listdirinfo = listdir

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise FilesystemError(PERMISSION_DENIED)

    # Refused here: what is published does not lie in this tree's files; and what would
    # look at the machine's own disk, groups and accounts.
    mkdir = rmdir = remove = rename = chmod = utime = mkstemp = _refuse
    stat = lstat = readlink = get_user_by_uid = get_group_by_gid = _refuse
    format_list = format_mlsx = _refuse
