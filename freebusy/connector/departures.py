"""Folders that a connector deletes or moves: that they are gone needs no confirming.

A calendar that is missing from the mail server's list is looked for again, minutes later,
before its loss counts, because servers have bad moments.  Where the server has just said
that it deleted or renamed it, the next reading may believe its eyes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from freebusy.ports import CalendarFolder, CalendarFolders, Owner
    from freebusy.store import Store

_INBOX = "inbox"


class Departures:
    """What is known to have gone, in the store, for who reads the calendars."""

    def __init__(
        self,
        store: Store,
        now: Callable[[], datetime],
        *,
        is_here: Callable[[str], bool],
        wait: Callable[[], float],
    ) -> None:
        """``is_here`` tells whether a source is on this mail server.

        ``wait`` is the time in seconds after which a loss counts.
        """
        self._store = store
        self._now = now
        self._is_here = is_here
        self._wait = wait

    def note(self, person: str, path: str) -> None:
        """Note that a folder is gone from its path, and with a moved one those below it.

        One that is there all the same is read, and nothing comes of it.
        """
        since = int(self._now().timestamp() - self._wait()) - 1
        for state in self._store.calendars(person):
            if state.last_success and self._is_here(state.source) and _names(state.name, path):
                self._store.note(state.id, doubted_since=since, doubts=1)


def _names(name: str, path: str) -> bool:
    """Whether a reading login's name of a folder means this path or one below it.

    It may have a prefix of its own, and another separator: ``user.hans.Club`` is the
    ``INBOX/Club`` of hans.
    """
    parts, wanted = _parts(name), _parts(path)
    if wanted[1:] and wanted[0].lower() == _INBOX:
        del wanted[0]
    size = len(wanted)
    return any(parts[at : at + size] == wanted for at in range(len(parts) - size + 1))


def _parts(path: str) -> list[str]:
    return re.split(r"[./]", path)


class ChangingFolders:
    """A mail server's folders, as ports.CalendarFolders: what is changed here, others hear of."""

    def __init__(
        self,
        folders: CalendarFolders,
        departures: Departures,
        renew: Callable[[Owner], None],
    ) -> None:
        """``renew`` hears whose folders are others now than they were seen last."""
        self._folders = folders
        self._departures = departures
        self._renew = renew

    def folders(self, who: Owner) -> Sequence[CalendarFolder]:
        """Return all of them, own ones first, sorted."""
        return self._folders.folders(who)

    def folder(self, who: Owner, path: str) -> CalendarFolder:
        """Return one; raises NoFolderError also for a folder that is no calendar."""
        return self._folders.folder(who, path)

    def create(self, who: Owner, name: str, *, parent: str | None = None) -> CalendarFolder:
        """Make a calendar folder and subscribe to it; raises FolderError and its kinds."""
        made = self._folders.create(who, name, parent=parent)
        self._renew(who)
        return made

    def move(
        self, who: Owner, path: str, *, name: str | None = None, parent: str | None = None
    ) -> CalendarFolder:
        """Rename a folder, or put it below another; raises FolderError and its kinds."""
        moved = self._folders.move(who, path, name=name, parent=parent)
        if moved.path != path:
            self._gone(who, path)
        return moved

    def delete(self, who: Owner, path: str, *, even_if_filled: bool = False) -> None:
        """Delete a folder and what is in it; raises FolderFilledError unless told to."""
        self._folders.delete(who, path, even_if_filled=even_if_filled)
        self._gone(who, path)

    def _gone(self, who: Owner, path: str) -> None:
        self._renew(who)
        self._departures.note(who.name, path)
