"""A folder of old free/busy files: whose each one is, from when, and what it says.

Such a folder comes from another server and was written by whoever could: nothing outside
it is opened, no link followed, and what cannot be read is named and left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from freebusy.errors import CalendarDataError, FreeBusyError, NotFreeBusyError
from freebusy.names import requested_name
from freebusy.vfreebusy import decode
from freebusy.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from freebusy.names import RequestedName
    from freebusy.vfreebusy import FreeBusy

EXTENSIONS = (".vfb", ".ifb", ".xfb")


@dataclass(frozen=True, slots=True)
class OldFile:
    """One file of the folder."""

    file: str
    """Its path below the folder."""
    name: str | None
    """The canonical NAME; None where nobody in the roster is meant."""
    modified: datetime
    """When it was last written; aware UTC."""
    body: bytes = b""
    read: FreeBusy | None = None
    problem: str | None = None
    """Why it cannot be read; one sentence."""
    outdated: str | None = None
    """Why it does not count, though it can be read; one sentence."""


def old_files(
    folder: Path,
    canonical: Callable[[RequestedName], str | None],
    *,
    now: datetime,
    max_bytes: int,
    max_periods: int,
) -> list[OldFile]:
    """Read the files of a folder and of the folders of domains in it, by path.

    Raises FreeBusyError where the folder cannot be read, or holds no such file.
    """
    try:
        paths = sorted(path for path in _files(folder))
    except OSError as error:
        raise FreeBusyError(f"{folder}: {error.strerror}") from error
    if not paths:
        raise FreeBusyError(f"{folder}: no {', '.join(EXTENSIONS)} file is there")
    found = []
    for path in paths:
        old = _stand(folder, path, canonical, now)
        if old.name is not None and old.problem is None:
            old = _with_content(old, path, now=now, max_bytes=max_bytes, max_periods=max_periods)
        found.append(old)
    return _without_rivals(found)


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from (inner for inner in path.iterdir() if _is_old_file(inner))
        elif _is_old_file(path):
            yield path


def _is_old_file(path: Path) -> bool:
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")


def _stand(
    folder: Path, path: Path, canonical: Callable[[RequestedName], str | None], now: datetime
) -> OldFile:
    """Return what is known of a file before it is opened."""
    file = path.relative_to(folder).as_posix()
    wanted = requested_name(f"/pub/calendar/{file[:-4]}")
    name = None if wanted is None else canonical(wanted)
    if path.is_symlink() or not path.is_file():
        return OldFile(file, name, now, problem="it is a link, or no file")
    try:
        modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except (OSError, OverflowError, ValueError):
        return OldFile(file, name, now, problem="it has no usable time of change")
    return OldFile(file, name, min(modified, now))


def _with_content(
    old: OldFile, path: Path, *, now: datetime, max_bytes: int, max_periods: int
) -> OldFile:
    try:
        with path.open("rb") as stream:
            body = stream.read(max_bytes + 1)
        if len(body) > max_bytes:
            raise NotFreeBusyError(f"it is larger than {counted(max_bytes, 'octet')}")
        read = decode(body, now=now, max_periods=max_periods)
        if read.window.end <= now:  # it says nothing any more, and must not hide one that does
            return replace(old, outdated="its time has passed")
    except OSError as error:
        return replace(old, problem=error.strerror or "unreadable")
    except (NotFreeBusyError, CalendarDataError) as error:
        return replace(old, problem=error.reason)
    return replace(old, body=body, read=read)


def _without_rivals(found: list[OldFile]) -> list[OldFile]:
    """Let the newest file of a person count, and note that at the others."""
    newest: dict[str, OldFile] = {}
    for old in found:
        if old.name is not None and old.read is not None:
            rival = newest.get(old.name)
            if rival is None or old.modified > rival.modified:
                newest[old.name] = old
    return [old if old.read is None else _beside(old, newest[old.name or ""]) for old in found]


def _beside(old: OldFile, newest: OldFile) -> OldFile:
    return old if old is newest else replace(old, read=None, outdated=f"{newest.file} is newer")
