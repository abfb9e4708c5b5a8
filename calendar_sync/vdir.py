"""Calendars in directories: the vdir layout (one .ics per object) and single .ics files.

Below the root each person has, at the path of the template,

* a folder of .ics and .eml files, which is one calendar (khal, vdirsyncer), and in it
  subfolders, each of which is one calendar (Radicale, Xandikos);
* or beside the folder, or instead of it, one file ``PATH.ics`` with all objects.

A file with several objects is delivered as one item per UID, so that one changed
event in a large file expands one event (href: file name, ``#``, digest of the UID).

The sync token is JSON and holds for each file what stat said of it.  A file that was
written within two seconds before it was read may be written again in the same tick of
the clock: of such a file the token holds a digest of the content as well, and the next
run reads it again (git knows the same as "racily clean").
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from calendar_sync.directory import (
    EML,
    ICS,
    Folder,
    Root,
    check_template,
    fill,
    is_relative,
    kind_of,
)
from calendar_sync.files import Run
from calendar_sync.filestate import decode, encode
from calendar_sync.pages import Limits, paged
from calendar_sync.watching import changes
from freebusy.errors import CalendarMissingError
from freebusy.ports import Calendar, SyncPage

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence

    from freebusy.ports import Owner, SyncToken


class VdirSource:
    """Calendars below a directory; nothing of it is ever changed."""

    def __init__(
        self,
        root: str | os.PathLike[str],
        path: str = "{name}",
        *,
        limits: Limits | None = None,
        force_polling: bool | None = None,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        """Read below ``root``; ``path`` may hold {name}, {address}, {local} and {domain}.

        ``force_polling`` is for network file systems, where another machine's changes
        raise no event.  ConfigurationError where ``path`` is no path below the root.
        """
        self._root = Root(root)
        self._template = check_template(path)
        self._limits = limits or Limits()
        self._force_polling = force_polling
        self._now = now

    # CalendarSource

    def calendars(self, owner: Owner) -> Sequence[Calendar]:
        """Return the owner's calendars; CalendarMissingError where there is none."""
        base = fill(self._template, owner)
        keys = self._named(base, owner) if owner.folders else self._found(base)
        if not keys:
            raise CalendarMissingError("no calendar for this owner")
        return [Calendar(key, owner, key.rpartition("/")[2].removesuffix(ICS)) for key in keys]

    def _named(self, base: str, owner: Owner) -> list[str]:
        """Return the folders that the configuration names, missing ones too: they are missed."""
        with Folder.opened(self._root.resolve(base), self._root):
            return [f"{base}/{name}" for name in owner.folders if is_relative(name)]

    def _found(self, base: str) -> list[str]:
        """Return the folder or its subfolders or both, and the file beside it."""
        if base.lower().endswith(ICS):
            return [base] if self._root.exists(base) else []
        keys = self._folders(base) if self._root.exists(base) else []
        return [*keys, base + ICS] if self._root.exists(base + ICS) else keys

    def _folders(self, base: str) -> list[str]:
        with Folder.opened(self._root.resolve(base), self._root) as folder:
            below = [f"{base}/{name}" for name in folder.subfolders()]
            direct = folder.holds(ICS, EML)
        keys = [key for key in below if self._is_calendar(key)]
        return [base, *keys] if direct or not keys else keys

    def _is_calendar(self, key: str) -> bool:
        """Whether a folder is a calendar: Radicale keeps address books beside them."""
        with Folder.opened(self._root.resolve(key), self._root) as folder:
            return folder.holds(ICS, EML) or not folder.holds(".vcf")

    def sync(self, calendar: Calendar, token: SyncToken | None) -> Iterator[SyncPage]:
        """Yield what changed since ``token``, or everything where it is of no use."""
        path, single = self._place(calendar)
        with Folder.opened(path, self._root) as folder:
            generation = f"{folder.identity}:{single or ''}"
            known = decode(token, generation)
            run = Run(folder, known, self._limits, single=single, now=self._now())
            for page, last in paged(run.items(), self._limits):
                yield SyncPage(
                    generation=generation,
                    items=page,
                    gone=run.gone if last and known is not None else (),
                    fresh=known is None,
                    total=run.total,
                    token=encode(run.state, generation) if last else None,
                )

    def _place(self, calendar: Calendar) -> tuple[str, str | None]:
        """Return the real folder of a calendar and, for one in a single file, its name."""
        path = self._root.resolve(calendar.key)
        if os.path.isdir(path):  # noqa: PTH112 - a string, as the system gave it
            return path, None
        folder, _, name = path.rpartition("/")
        return folder or "/", name

    def close(self) -> None:
        """Do nothing: no file stays open."""

    # WatchableSource

    def watch(
        self,
        calendars: Sequence[Calendar],
        changed: Callable[[Calendar], None],
        stop: threading.Event,
    ) -> None:
        """Call ``changed`` for each calendar in which files change, until ``stop`` is set.

        SourceUnavailableError where the system can neither notify nor be polled.
        """
        folders: dict[str, Calendar] = {}
        files: dict[str, Calendar] = {}
        for calendar in calendars:
            path = self._root.join(calendar.key)
            (files if path.lower().endswith(ICS) else folders)[path] = calendar
        directories = [*folders, *{path.rpartition("/")[0] for path in files}]
        for paths in changes(directories, stop, force_polling=self._force_polling):
            for calendar in calendars if paths is None else _touched(paths, folders, files):
                changed(calendar)


def _touched(
    paths: set[str], folders: dict[str, Calendar], files: dict[str, Calendar]
) -> list[Calendar]:
    """Return the calendars that some changed paths belong to, each once."""
    found: dict[str, Calendar] = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        calendar = files.get(path) or (folders.get(folder) if kind_of(name) else None)
        if calendar is not None:
            found[calendar.key] = calendar
    return list(found.values())
