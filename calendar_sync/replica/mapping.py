"""Which local folder belongs to which folder on the server.

The local name comes from the folder's when it is seen first, and stays: other programs
have it in their settings.  A folder that was renamed on the server has another id; it is
found again by what is in it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from itertools import chain, count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from calendar_sync.replica.status import Status
    from freebusy.connector.bodies import Folder, Item

_UNSAFE = re.compile(r"[^\w .@+()-]|^[. ]+|[. ]+$")
_LONGEST = 100
"""Octets; file systems allow 255."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """A folder on the server and its local one."""

    key: int
    id: str
    path: str
    directory: str


class Mapping:
    """All of them; every change belongs into a transaction."""

    def __init__(self, status: Status) -> None:
        self._database = status.database

    def all(self) -> list[Mapped]:
        """Return all, sorted by path."""
        rows = self._database.execute("SELECT key, id, path, directory FROM folder ORDER BY path")
        return [Mapped(*row) for row in rows]

    def add(self, folder: Folder) -> Mapped:
        """Give a folder a local one: a name that no other has."""
        directory = directory_name(folder, {each.directory for each in self.all()})
        key = self._database.execute(
            "INSERT INTO folder (id, path, directory) VALUES (?, ?, ?) RETURNING key",
            (folder.id, folder.path, directory),
        ).fetchone()[0]
        return Mapped(key, folder.id, folder.path, directory)

    def move(self, mapped: Mapped, folder: Folder) -> None:
        """Note that a folder has another id; its messages are looked at anew."""
        self._database.execute(
            "UPDATE folder SET id = ?, path = ?, token = NULL, state = NULL WHERE key = ?",
            (folder.id, folder.path, mapped.key),
        )

    def disagree(self, mapped: Mapped) -> None:
        """Forget what both sides agreed on: what is missing on one side was not removed there."""
        for table in ("pair", "intent", "arrival", "refusal"):
            self._database.execute(
                f"DELETE FROM {table} WHERE folder = ?",  # noqa: S608 - four words of ours
                (mapped.key,),
            )

    def remove(self, mapped: Mapped) -> None:
        """Forget a folder and all that both sides agreed on."""
        self._database.execute("DELETE FROM folder WHERE key = ?", (mapped.key,))

    def items(self, mapped: Mapped) -> set[tuple[str, str]]:
        """Return what the messages of a folder are known by, see :func:`identity`."""
        rows = self._database.execute(
            "SELECT uid, coalesce(nullif(change, ''), calendar) FROM message"
            " WHERE folder = ? AND uid <> ''",
            (mapped.key,),
        )
        return set(rows)


def identity(item: Item) -> tuple[str, str]:
    """Return what a message is known by in a folder of another name.

    Not by its UID alone: copies of a calendar hold other versions of the same items.
    """
    return item.uid, item.change or item.calendar


def directory_name(folder: Folder, taken: Collection[str]) -> str:
    """Return a folder's local name: its own, with its owner's where it is another's."""
    name = folder.name if folder.owner is None else f"{folder.owner} {folder.name}"
    name = _UNSAFE.sub("_", name).strip() or "folder"
    while len(name.encode()) > _LONGEST:
        name = name[:-1]
    known = {each.casefold() for each in taken}
    own = f"{name}-{hashlib.sha256(folder.id.encode()).hexdigest()[:8]}"
    further = (f"{own}-{number}" for number in count(2))  # one that was renamed may hold its own
    return next(each for each in chain([name, own], further) if each.casefold() not in known)
