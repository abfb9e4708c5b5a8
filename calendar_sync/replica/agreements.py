"""What both sides of a folder agreed on, and what is on its way between them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from calendar_sync.replica.collection import LocalFile
from calendar_sync.replica.reconcile import Agreed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from calendar_sync.replica.reconcile import Version
    from calendar_sync.replica.status import Status


@dataclass(frozen=True, slots=True)
class Pair:
    """An item that both sides have."""

    uid: str
    name: str
    """Of the local file."""
    agreed: Agreed


@dataclass(frozen=True, slots=True)
class Intent:
    """A version of ours that is being sent; kept until it is known what became of it."""

    change: str
    """What the message will say of itself."""
    uid: str
    name: str
    digest: str
    calendar: str
    replaces: Version


@dataclass(frozen=True, slots=True)
class Arrival:
    """A version of the server that is about to come into a file; kept until that is noted."""

    uid: str
    agreed: Agreed


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the server refused; it is not sent again unless either side changes."""

    uid: str
    digest: str
    """Of the file; empty for a removal."""
    version: Version
    reason: str


class Agreements:
    """Those of one folder; every change belongs into a transaction."""

    def __init__(self, status: Status, folder: int) -> None:
        self._database = status.database
        self._folder = folder

    # -- the local folder as it was looked at

    def files(self) -> dict[str, LocalFile]:
        """Return the files by name."""
        rows = self._database.execute(
            "SELECT name, signature, digest, uid, problem, settled FROM file WHERE folder = ?",
            (self._folder,),
        )
        return {
            name: LocalFile(name, signature, digest, uid, problem, bool(settled))
            for name, signature, digest, uid, problem, settled in rows
        }

    def saw(self, before: Mapping[str, LocalFile], now: Mapping[str, LocalFile]) -> None:
        """Keep what the local folder looks like now."""
        self.lost(name for name in before if name not in now)
        self.wrote(file for name, file in now.items() if before.get(name) != file)

    def wrote(self, files: Iterable[LocalFile]) -> None:
        """Keep what files look like now; a name that is no text is looked at again anyway."""
        self._database.executemany(
            "INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (self._folder, f.name, f.signature, f.digest, f.uid, f.problem, f.settled)
                for f in files
                if f.name.isprintable()
            ],
        )

    def lost(self, names: Iterable[str]) -> None:
        """Forget files that are gone."""
        self._database.executemany(
            "DELETE FROM file WHERE folder = ? AND name = ?",
            [(self._folder, name) for name in names],
        )

    # -- agreements

    def pairs(self) -> dict[str, Pair]:
        """Return the items that both sides have, by UID."""
        rows = self._database.execute(
            "SELECT uid, name, digest, version FROM pair WHERE folder = ?", (self._folder,)
        )
        return {
            uid: Pair(uid, name, Agreed(digest, _version(version)))
            for uid, name, digest, version in rows
        }

    def agree(self, pair: Pair) -> None:
        """Keep that both sides have an item; what was on its way has arrived."""
        self.forget(pair.uid)
        self._database.execute(
            "INSERT INTO pair VALUES (?, ?, ?, ?, ?)",
            (
                self._folder,
                pair.uid,
                pair.name,
                pair.agreed.digest,
                _text(pair.agreed.version),
            ),
        )

    def forget(self, uid: str) -> None:
        """Keep that neither side has an item, and nothing is on its way."""
        for table in ("pair", "intent", "arrival", "refusal"):
            self._database.execute(
                f"DELETE FROM {table} WHERE folder = ? AND uid = ?",  # noqa: S608 - four words of ours
                (self._folder, uid),
            )

    # -- what is on its way

    def intents(self) -> list[Intent]:
        """Return what was to be sent when a run ended."""
        rows = self._database.execute(
            "SELECT change, uid, name, digest, calendar, replaces FROM intent WHERE folder = ?",
            (self._folder,),
        )
        return [
            Intent(change, uid, name, digest, calendar, _version(replaces))
            for change, uid, name, digest, calendar, replaces in rows
        ]

    def intend(self, intents: Iterable[Intent]) -> None:
        """Keep what is about to be sent."""
        self._database.executemany(
            "INSERT OR REPLACE INTO intent VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (i.change, self._folder, i.uid, i.name, i.digest, i.calendar, _text(i.replaces))
                for i in intents
            ],
        )

    def drop(self, change: str) -> None:
        """Forget an intent that nothing came of."""
        self._database.execute("DELETE FROM intent WHERE change = ?", (change,))

    def arrivals(self) -> list[Arrival]:
        """Return what was to come when a run ended."""
        rows = self._database.execute(
            "SELECT uid, digest, version FROM arrival WHERE folder = ?", (self._folder,)
        )
        return [Arrival(uid, Agreed(digest, _version(text))) for uid, digest, text in rows]

    def expect(self, arrivals: Iterable[Arrival]) -> None:
        """Keep what is about to come."""
        self._database.executemany(
            "INSERT OR REPLACE INTO arrival VALUES (?, ?, ?, ?)",
            [(self._folder, a.uid, a.agreed.digest, _text(a.agreed.version)) for a in arrivals],
        )

    def expect_nothing(self) -> None:
        """Forget what was to come and did not."""
        self._database.execute("DELETE FROM arrival WHERE folder = ?", (self._folder,))

    # -- what was refused

    def refusals(self) -> dict[str, Refusal]:
        """Return what was refused, by UID."""
        rows = self._database.execute(
            "SELECT uid, digest, version, reason FROM refusal WHERE folder = ?", (self._folder,)
        )
        return {row[0]: Refusal(row[0], row[1], _version(row[2]), row[3]) for row in rows}

    def refuse(self, refusal: Refusal) -> None:
        """Keep that something was refused."""
        self._database.execute(
            "INSERT OR REPLACE INTO refusal VALUES (?, ?, ?, ?, ?)",
            (
                self._folder,
                refusal.uid,
                refusal.digest,
                _text(refusal.version),
                refusal.reason,
            ),
        )


def _text(version: Version) -> str:
    return json.dumps(sorted(version))


def _version(text: str) -> Version:
    return frozenset(json.loads(text))
