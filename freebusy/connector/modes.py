"""When folders are synced: what people chose, and what follows from it for the others.

A folder has its own mode, else that of the nearest folder above that hands its mode
down, else the person's default, else the site's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from freebusy.migrations import SYNC_MODES
from freebusy.ports import FolderMode, SyncMode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from freebusy.ports import CalendarFolder
    from freebusy.store import Store

_DEFAULT = ""
"""In the place of a path: the person's default."""
_OF_PERSON = sa.select(SYNC_MODES).where(SYNC_MODES.c.person == sa.bindparam("person"))


class _Choice(NamedTuple):
    """What is known of one path."""

    mode: SyncMode | None
    hands_down: bool
    last_sync: int | None


class StoredModes:
    """The sync modes in the store: ports.SyncModes; safe from any thread and process.

    Every method raises StoreError where the store cannot be used.
    """

    def __init__(self, store: Store, site: SyncMode) -> None:
        """``site`` is the default of those who have not chosen one."""
        self._store = store
        self.site = site

    def default(self, person: str) -> SyncMode:
        """Return the person's default, else the site's."""
        return self._default(self._choices(person))

    def set_default(self, person: str, mode: SyncMode | None) -> None:
        """Choose a default; None for the site's."""
        self.choose(person, _DEFAULT, mode)

    def modes(self, person: str, folders: Sequence[CalendarFolder]) -> Mapping[str, FolderMode]:
        """Return the modes by path."""
        choices = self._choices(person)
        return {folder.path: self._mode(folder, choices) for folder in folders}

    def choose(
        self, person: str, path: str, mode: SyncMode | None, *, hands_down: bool = False
    ) -> None:
        """Give a folder a mode of its own; None: it inherits one."""
        word = None if mode is None else mode.value
        self._write(person, path, mode=word, hands_down=hands_down)

    def moved(self, person: str, old: str, new: str, separator: str) -> None:
        """Let the choices for a folder, and for those below it, follow its new path.

        What was left of other folders that had those paths before is dropped.
        """
        query = sa.select(SYNC_MODES.c.path).where(SYNC_MODES.c.person == person)
        with self._store.writing() as connection:
            found = [path for path in connection.scalars(query) if _is_in(path, old, separator)]
            for path in found:
                target = new + path.removeprefix(old)
                connection.execute(_delete(person, target))
                here = (SYNC_MODES.c.person == person) & (SYNC_MODES.c.path == path)
                connection.execute(sa.update(SYNC_MODES).where(here).values(path=target))

    def forget(self, person: str, path: str) -> None:
        """Drop what was chosen for a folder that is deleted."""
        with self._store.writing() as connection:
            connection.execute(_delete(person, path))

    def forget_all(self, person: str) -> None:
        """Drop everything of a person who left."""
        with self._store.writing() as connection:
            connection.execute(sa.delete(SYNC_MODES).where(SYNC_MODES.c.person == person))

    def synced(self, person: str, path: str, at: datetime) -> None:
        """Note that a connector has exchanged changes."""
        self._write(person, path, last_sync=int(at.timestamp()))

    def last_syncs(self, person: str) -> Mapping[str, datetime]:
        """Return when each folder was synced last, by path."""
        return {
            path: datetime.fromtimestamp(choice.last_sync, UTC)
            for path, choice in self._choices(person).items()
            if choice.last_sync is not None
        }

    # -- the rule

    def _default(self, choices: Mapping[str, _Choice]) -> SyncMode:
        chosen = choices.get(_DEFAULT)
        return self.site if chosen is None or chosen.mode is None else chosen.mode

    def _mode(self, folder: CalendarFolder, choices: Mapping[str, _Choice]) -> FolderMode:
        own = choices.get(folder.path)
        hands_down = own is not None and own.hands_down
        if own is not None and own.mode is not None:
            return FolderMode(own.mode, "own", hands_down)
        for above in _above(folder.path, folder.separator):
            choice = choices.get(above)
            if choice is not None and choice.mode is not None and choice.hands_down:
                return FolderMode(choice.mode, "parent", hands_down)
        return FolderMode(self._default(choices), "default", hands_down)

    # -- the table

    def _choices(self, person: str) -> dict[str, _Choice]:
        with self._store.reading() as connection:
            return {
                row.path: _Choice(
                    None if row.mode is None else SyncMode(row.mode), row.hands_down, row.last_sync
                )
                for row in connection.execute(_OF_PERSON, {"person": person})
            }

    def _write(self, person: str, path: str, **columns: str | bool | int | None) -> None:
        upsert = insert(SYNC_MODES).values(person=person, path=path, **columns)
        upsert = upsert.on_conflict_do_update(index_elements=["person", "path"], set_=columns)
        with self._store.writing() as connection:
            connection.execute(upsert)


def _delete(person: str, path: str) -> sa.Delete:
    return sa.delete(SYNC_MODES).where(SYNC_MODES.c.person == person, SYNC_MODES.c.path == path)


def _is_in(path: str, folder: str, separator: str) -> bool:
    """Whether a path is a folder's, or lies below it."""
    return path == folder or bool(separator and path.startswith(folder + separator))


def _above(path: str, separator: str) -> Iterator[str]:
    """Yield the paths of the folders above, the nearest first."""
    while separator and separator in path:
        path = path.rpartition(separator)[0]
        if path:
            yield path
