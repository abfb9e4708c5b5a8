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
from calendar_sync.recent import Mark, Recent, Swept
from calendar_sync.watching import changes
from freebusy.errors import CalendarMissingError
from freebusy.ports import Calendar, SyncPage

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence

    from calendar_sync.filestate import State
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
        self._recent = Recent()

    # CalendarSource

    def calendars(self, owner: Owner) -> Sequence[Calendar]:
        """Return the owner's calendars; CalendarMissingError where there is none."""
        base = fill(self._template, owner)
        keys = self._named(base, owner) if owner.folders else self._found(base)
        if not keys:
            raise CalendarMissingError("no calendar for this person")
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
        mark = self._recent.begin(calendar.key, token)
        with Folder.opened(path, self._root) as folder:
            generation = f"{folder.identity}:{single or ''}"
            names, known = self._known(mark, token, generation)
            run = Run(folder, known, self._limits, now=self._now(), single=single, names=names)
            for page, last in paged(run.items(), self._limits):
                yield SyncPage(
                    generation=generation,
                    items=page,
                    gone=run.gone if last and known is not None else (),
                    fresh=known is None,
                    total=run.total,
                    token=self._end(calendar, mark, run, generation) if last else None,
                )

    def _known(
        self, mark: Mark | None, token: SyncToken | None, generation: str
    ) -> tuple[list[str] | None, State | None]:
        """Return the files to look at (None: all) and what the token says of the files."""
        if mark is not None and mark.swept is not None and mark.swept.generation == generation:
            return mark.names, mark.swept.state
        return None, decode(token, generation)

    def _end(self, calendar: Calendar, mark: Mark | None, run: Run, generation: str) -> SyncToken:
        token = encode(run.state, generation)
        if mark is not None:
            self._recent.end(calendar.key, mark, Swept(token, generation, run.state))
        return token

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
        keys = [calendar.key for calendar in folders.values()]
        try:
            for paths in changes(directories, stop, force_polling=self._force_polling):
                if paths is None:
                    self._recent.forget(keys)
                    touched = list(calendars)
                else:
                    self._recent.watched(keys)
                    touched = self._touched(paths, folders, files)
                for calendar in touched:
                    changed(calendar)
        finally:
            self._recent.forget(keys)

    def _touched(
        self, paths: set[str], folders: dict[str, Calendar], files: dict[str, Calendar]
    ) -> list[Calendar]:
        """Note which files changed and return the calendars they belong to, each once."""
        found: dict[str, Calendar] = {}
        for path in paths:
            directory, _, name = path.rpartition("/")
            if path in files:
                found[files[path].key] = files[path]
            if directory in folders and kind_of(name):
                key = folders[directory].key
                found[key] = folders[directory]
                self._recent.note(key, name)
                if "\ufffd" in name:  # no text, and told only roughly which file it is
                    self._recent.forget([key])
        return list(found.values())
