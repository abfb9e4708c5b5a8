"""The server's side: what the API is asked for, and a copy of what it told.

A change on the server says nothing but which messages are new and which are gone, while an
item may lie in several messages; so each folder's messages are kept in ``status.db``.  A
message is told from every other by its key there: hrefs begin anew where a mailbox is
made anew (UIDVALIDITY), messages never change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from calendar_sync.replica.reconcile import Version
    from calendar_sync.replica.status import Status
    from freebusy.connector.bodies import (
        Change,
        Changes,
        Folder,
        Folders,
        Item,
        Job,
        Results,
        Sync,
    )


class Remote(Protocol):
    """What a sync needs of the API; ``ConnectorClient`` is one.

    Raises ApiError for what the service refuses, ConnectorDownError where nobody answers.
    """

    def folders(self) -> Folders:
        """Return all calendar folders."""

    def changes(
        self, folder_id: str, since: str | None = None, *, limit: int | None = None
    ) -> Changes:
        """Return a page of what changed in a folder."""

    def write(self, folder_id: str, changes: Sequence[Change]) -> Results:
        """Do changes in a folder."""

    def sync(self, sync: Sync) -> Job:
        """Have calendars read."""

    def job(self, job: str) -> Job:
        """Return how far that is."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message on the server, without its text."""

    key: int
    href: int
    uid: str
    is_partial: bool
    change: str | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class There:
    """All messages of one UID, the oldest first."""

    messages: Sequence[Message]

    @property
    def effective(self) -> list[Message]:
        """Return those that make the item: the newest whole one, then what changes instances of it.

        Of those the newest comes first.
        """
        newest = self.messages[::-1]
        wholes = [each for each in newest if not each.is_partial]
        return wholes[:1] + [each for each in newest if each.is_partial]

    @property
    def version(self) -> Version:
        """Return what changes whenever the item does."""
        return frozenset(each.key for each in self.effective)

    @property
    def hrefs(self) -> list[str]:
        """Return where all of them are, also those that a newer one replaces."""
        return [str(each.href) for each in self.messages]

    @property
    def problem(self) -> str | None:
        """Return why it cannot be read."""
        return next((each.problem for each in self.messages if each.problem), None)


@dataclass(frozen=True, slots=True)
class _Known:
    """A message that was told of before."""

    key: int
    uid: str
    calendar: str
    change: str | None

    def is_of(self, item: Item) -> bool:
        """Whether it is this one; what we sent may have been written otherwise."""
        if item.change is not None and item.change == self.change:
            return item.uid == self.uid
        return (item.uid, item.calendar) == (self.uid, self.calendar)


class Mirror:
    """The copy of one folder's messages; every change belongs into a transaction."""

    def __init__(self, status: Status, folder: int) -> None:
        self._database = status.database
        self._folder = folder

    def messages(self) -> list[Message]:
        """Return all messages, the oldest first."""
        rows = self._database.execute(
            "SELECT key, href, uid, is_partial, change, problem FROM message"
            " WHERE folder = ? ORDER BY href",
            (self._folder,),
        )
        return [Message(k, h, uid, bool(p), c, problem) for k, h, uid, p, c, problem in rows]

    def by_uid(self) -> Mapping[str, There]:
        """Return the messages by UID, without those that have none."""
        found: dict[str, list[Message]] = {}
        for message in self.messages():
            found.setdefault(message.uid, []).append(message)
        return {uid: There(messages) for uid, messages in found.items() if uid}

    def calendars(self, messages: Iterable[Message]) -> list[str]:
        """Return the texts of messages."""
        query = "SELECT calendar FROM message WHERE key = ?"
        return [self._database.execute(query, (each.key,)).fetchone()[0] for each in messages]

    # -- taking in what the server says

    def begin(self) -> None:
        """Begin a run that tells the whole folder."""
        self._database.execute("UPDATE folder SET run = run + 1 WHERE key = ?", (self._folder,))

    def state(self) -> str | None:
        """Return the state that the server's folder had before its token was given."""
        query = "SELECT state FROM folder WHERE key = ?"
        found = self._database.execute(query, (self._folder,)).fetchone()[0]
        return None if found is None else str(found)

    def set_state(self, state: str | None) -> None:
        """Keep that state."""
        self._database.execute("UPDATE folder SET state = ? WHERE key = ?", (state, self._folder))

    def end(self) -> None:
        """Drop what that run did not tell."""
        self._database.execute(
            "DELETE FROM message WHERE folder = ?"
            " AND run < (SELECT run FROM folder WHERE key = message.folder)",
            (self._folder,),
        )

    def take(self, page: Changes) -> None:
        """Take in a page, and where the next question starts."""
        for item in page.items:
            self._take(item, moved=page.is_fresh)
        self.drop(page.gone)
        self._database.execute(
            "UPDATE folder SET token = ? WHERE key = ?", (page.token, self._folder)
        )

    def _take(self, item: Item, *, moved: bool) -> None:
        """Keep a message that is known; ``moved``: also where it has another href now."""
        known = self._at(int(item.href))
        if known is None or not known.is_of(item):
            known = self._elsewhere(item) if moved else None
            self._vacate(int(item.href), keep=moved)
        if known is None:
            self.add(item)
            return
        self._database.execute(
            "UPDATE message SET href = ?, calendar = ?, is_partial = ?, problem = ?, run ="
            " (SELECT run FROM folder WHERE key = ?) WHERE key = ?",
            (
                int(item.href),
                item.calendar,
                item.is_partial,
                item.problem,
                self._folder,
                known.key,
            ),
        )

    def _at(self, href: int) -> _Known | None:
        found = self._database.execute(
            "SELECT key, uid, calendar, change FROM message WHERE folder = ? AND href = ?",
            (self._folder, href),
        ).fetchone()
        return None if found is None else _Known(*found)

    def _elsewhere(self, item: Item) -> _Known | None:
        """Return the same message under another href that this run has not told of."""
        rows = self._database.execute(
            "SELECT key, uid, calendar, change FROM message WHERE folder = ? AND uid = ?"
            " AND run < (SELECT run FROM folder WHERE key = message.folder) ORDER BY key",
            (self._folder, item.uid),
        )
        return next((known for known in (_Known(*row) for row in rows) if known.is_of(item)), None)

    def _vacate(self, href: int, *, keep: bool) -> None:
        """Let nothing be at an href; ``keep``: what was there may turn up under another one."""
        if keep:
            self._database.execute(
                "UPDATE message SET href = -key WHERE folder = ? AND href = ?",
                (self._folder, href),
            )
        else:
            self.drop([str(href)])

    def sent(self, item: Item) -> int:
        """Add a message that was written just now, and return its key.

        Where its place is taken the mailbox was made anew since it was told, and the
        message that is known there will be told in another place.
        """
        self._vacate(int(item.href), keep=True)
        return self.add(item)

    def add(self, item: Item) -> int:
        """Add a message and return its key."""
        added = self._database.execute(
            "INSERT INTO message (folder, href, uid, calendar, is_partial, change, problem, run)"
            " SELECT key, ?, ?, ?, ?, ?, ?, run FROM folder WHERE key = ? RETURNING key",
            (
                int(item.href),
                item.uid,
                item.calendar,
                item.is_partial,
                item.change,
                item.problem,
                self._folder,
            ),
        )
        return int(added.fetchone()[0])

    def drop(self, hrefs: Iterable[str]) -> None:
        """Drop messages that are gone."""
        self._database.executemany(
            "DELETE FROM message WHERE folder = ? AND href = ?",
            [(self._folder, int(href)) for href in hrefs],
        )


def pull(
    remote: Remote, status: Status, folder: Folder, key: int, *, state: str | None, limit: int
) -> Folder:
    """Bring the copy of a folder up to date; return the folder as it is by then.

    What changed since the token is kept page by page, a whole folder when all of it is told.
    ``state`` is kept with the token: the folder's from before anything was asked, because
    of a later one the token may know nothing.
    """
    mirror = Mirror(status, key)
    query = "SELECT token FROM folder WHERE key = ?"
    token = status.database.execute(query, (key,)).fetchone()[0]
    with status.transaction():
        fresh, more = False, True
        while more:
            page = remote.changes(folder.id, token, limit=limit)
            if page.is_fresh and (not fresh or page.folder is not None):
                mirror.begin()
            fresh = fresh or page.is_fresh
            folder = page.folder or folder
            mirror.take(page)
            token, more = page.token, page.more
            if more and not fresh:
                status.commit()
                status.begin()
        if fresh:
            mirror.end()
        mirror.set_state(state)
    return folder
