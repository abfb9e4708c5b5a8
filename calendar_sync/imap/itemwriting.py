"""Writing items into a folder: what a connector wants done, and when it is a conflict.

Changes are done in waves: what replaces something is appended first, all of a wave
together, then the old messages are expunged, all together.  Between the two nothing is
lost, whatever breaks off.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Literal

from calendar_sync import dialects
from calendar_sync.dialects import objects
from calendar_sync.imap import changing
from calendar_sync.imap.catchup import catch_up, learn, recall
from calendar_sync.imap.itemindex import Entry, digest
from calendar_sync.imap.itemmessages import item_of
from calendar_sync.imap.refusals import TOO_LARGE, refusal
from calendar_sync.imap.uidset import UidSet
from freebusy.errors import CalendarDataError, SourceUnavailableError
from freebusy.ports import ChangeResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from calendar_sync.imap.catchup import Session
    from freebusy.ports import Dialect, FolderItem, ItemChange

Status = Literal["done", "conflict", "refused"]
WAVE = 100
"""Changes that are done together."""
WAVE_BYTES = 4 << 20
"""Characters of calendar text in a wave, one last change not counted."""
INSERT, REMOVE = frozenset("i"), frozenset("te")
NO_INSERT = "the rights on this folder do not include i (insert): its owner has to grant it"
NO_REMOVE = (
    "the rights on this folder do not include t and e (delete messages, expunge): its owner has "
    "to grant them"
)


@dataclass(slots=True)
class Task:
    """One change on its way."""

    change: ItemChange
    message: bytes = b""
    is_partial: bool = False
    losses: tuple[str, ...] = ()
    href: int | None = None
    """Where the item is now."""
    was_there: bool = False
    """Whether it was written before an interruption."""
    beside: frozenset[int] = frozenset()
    """Messages that held the item when it was judged."""
    result: ChangeResult | None = None

    @property
    def replaced(self) -> frozenset[int]:
        """Return the messages that it replaces; 0, which is none, for what is no UID."""
        uids = (int(href) if href.isdecimal() else 0 for href in self.change.replaces)
        return frozenset(uids) - {self.href}

    @property
    def is_new(self) -> bool:
        """Whether it was appended just now, and nothing speaks against it so far."""
        return self.result is None and self.href is not None and not self.was_there

    @property
    def came_too_late(self) -> bool:
        """Whether it was appended just now, and is not to stay."""
        is_conflict = self.result is not None and self.result.status == "conflict"
        return is_conflict and bool(self.message)

    def end(self, status: Status, problem: str | None = None) -> None:
        """Note what became of it; the versions of a conflict follow."""
        href = str(self.href) if status == "done" and self.href is not None else None
        losses = self.losses if status == "done" else ()
        self.result = ChangeResult(status, href, losses, problem=problem)


def waves(changes: Sequence[ItemChange]) -> Iterator[list[ItemChange]]:
    """Yield changes that do not depend on one another, in their order."""
    wave: list[ItemChange] = []
    size = 0
    for change in changes:
        is_full = len(wave) >= WAVE or size >= WAVE_BYTES
        if is_full or any(change.uid == each.uid for each in wave):
            yield wave
            wave, size = [], 0
        wave.append(change)
        size += len(change.calendar)
    if wave:
        yield wave


@dataclass(slots=True)
class Writing:
    """The writing to one folder that is open and whose messages are known."""

    session: Session
    rights: frozenset[str]
    dialect: Dialect
    next_uid: int
    """What the next message gets, unless somebody else appends one; 0 where nobody says."""

    def write(self, changes: Sequence[ItemChange]) -> list[ChangeResult]:
        """Do the changes in order."""
        return [result for wave in waves(changes) for result in self._wave(wave)]

    def _wave(self, changes: list[ItemChange]) -> Iterator[ChangeResult]:
        tasks = [self._judged(change) for change in changes]
        self._append([task for task in tasks if task.message and task.result is None])
        self._compare([task for task in tasks if task.is_new])
        self._remove(tasks)
        for task in tasks:
            if task.result is None:
                task.end("done")
        return self._results(tasks)

    # -- what is to be done

    def _judged(self, change: ItemChange) -> Task:
        task = Task(change, beside=frozenset(self.session.index.of(change.uid)))
        task.href = self._written_before(change)
        task.was_there = task.href is not None
        missing = self._missing(task)
        if not task.was_there and self._is_conflict(task):
            task.end("conflict")
        elif missing is not None:
            task.end("refused", missing)
        elif change.action == "put":
            self._convert(task)
        return task

    def _written_before(self, change: ItemChange) -> int | None:
        """Return where this very change has put the item, where its writer was interrupted."""
        if change.action != "put" or not change.change:
            return None
        index = self.session.index
        found = (u for u in index.of(change.uid) if index.entries[u].change == change.change)
        return max(found, default=None)

    def _is_conflict(self, task: Task) -> bool:
        """Say whether the item is not as its writer knows it.

        An older partial message beside those that are known is a leftover, and no conflict.
        """
        if not task.replaced <= task.beside:
            return True
        newest = max(task.replaced, default=0)
        entries = self.session.index.entries
        others = task.beside - task.replaced
        return any(uid > newest or not entries[uid].is_partial for uid in others)

    def _missing(self, task: Task) -> str | None:
        if task.change.action == "put" and not self.rights >= INSERT:
            return NO_INSERT
        return NO_REMOVE if task.replaced and not self.rights >= REMOVE else None

    def _convert(self, task: Task) -> None:
        change, author = task.change, self.session.author
        if not change.change:  # by it the message is found where the server tells no UID
            task.change = change = replace(change, change=secrets.token_hex(16))
        try:
            thing = objects.parse(change.calendar)
            written = dialects.write(
                change.calendar,
                self.dialect,
                change=change.change,
                zone=author.zone,
                now=author.now,
                author=author.address,
            )
        except CalendarDataError as error:
            return task.end("refused", error.reason)
        if thing.uid != change.uid:
            return task.end("refused", "the calendar text has another UID than the change")
        if len(written.message) > self.session.settings.limits.max_item:
            return task.end("refused", TOO_LARGE)
        task.losses, task.is_partial = written.losses, thing.is_partial
        if not task.was_there:
            task.message = written.message
        return None

    # -- doing it

    def _append(self, tasks: list[Task]) -> None:
        sent = [task.message for task in tasks]
        done = changing.append(self.session.connection, self.session.path, sent)
        for task, (uid, refused) in zip(tasks, done, strict=True):
            task.href = uid
            if refused is not None:
                task.end("refused", refusal(refused))
        self._find([task for task in tasks if task.result is None and task.href is None])
        self._note([task for task in tasks if task.is_new])

    def _note(self, tasks: list[Task]) -> None:
        """Remember what is in the messages, so that they need not be read."""
        index = self.session.index
        index.note(
            [
                (
                    task.href or 0,
                    Entry(
                        digest(task.change.uid),
                        task.is_partial,
                        self.dialect,
                        task.change.change,
                    ),
                )
                for task in tasks
            ],
        )

    def _find(self, tasks: list[Task]) -> None:
        """Look for messages whose UIDs the server did not tell, by their change."""
        if not tasks:
            return
        catch_up(self.session)
        for task in tasks:
            task.href = self._written_before(task.change)
            if task.href is None:
                raise SourceUnavailableError("a message that was appended is not to be found")

    def _compare(self, tasks: list[Task]) -> None:
        """Find out whether somebody else has put the same item between our look and our message.

        Of two who do so at once the one with the lower UID wins: the other one sees it.
        """
        expected = self.next_uid
        for task in tasks:
            if task.href != expected or not expected:
                break
            expected += 1
        else:
            self.next_uid = expected
            return
        catch_up(self.session)
        self.next_uid = max(task.href or 0 for task in tasks) + 1 if self.next_uid else 0
        if not self.rights >= REMOVE:
            return
        for task in tasks:
            others = set(self.session.index.of(task.change.uid)) - task.beside
            if any(uid < (task.href or 0) for uid in others):
                task.end("conflict")

    def _remove(self, tasks: list[Task]) -> None:
        """Take out what was replaced or deleted, and what turned out not to be wanted."""
        connection, index = self.session.connection, self.session.index
        wanted = [task for task in tasks if task.result is None and task.replaced]
        olds = {task.change.uid: self._olds(task) for task in wanted}
        marked = changing.delete(connection, UidSet.of(chain(*olds.values())))
        lost = [t for t in wanted if not t.was_there and set(olds[t.change.uid]) - set(marked)]
        for task in lost:  # somebody else was faster
            task.end("conflict")
            changing.flag(connection, marked & UidSet.of(olds.pop(task.change.uid)), deleted=False)
        late = UidSet.of(task.href for task in tasks if task.came_too_late and task.href)
        changing.flag(connection, late, deleted=True)
        out = UidSet.of(chain(*olds.values())) | late
        changing.expunge(connection, out)
        index.drop(out)
        if lost:
            catch_up(self.session)

    def _olds(self, task: Task) -> list[int]:
        """Return the messages that are to go; at a repetition those that are still there."""
        if not task.was_there:
            return sorted(task.replaced)
        index, uid = self.session.index, digest(task.change.uid)
        unread = (task.replaced & index.flagged) - index.entries.keys()
        recall(self.session, dict.fromkeys(unread))
        entries = index.entries
        return [old for old in sorted(task.replaced) if old in entries and entries[old].uid == uid]

    # -- what became of it

    def _results(self, tasks: list[Task]) -> Iterator[ChangeResult]:
        conflicts = [t for t in tasks if t.result and t.result.status == "conflict"]
        theirs = self._versions({task.change.uid for task in conflicts})
        for task in tasks:
            result = task.result or ChangeResult("done")
            if task in conflicts:
                result = replace(result, theirs=theirs.get(task.change.uid, ()))
            yield result

    def _versions(self, uids: set[str]) -> dict[str, tuple[FolderItem, ...]]:
        """Return what is there under these UIDs, as it is now."""
        index, session = self.session.index, self.session
        wanted: dict[int, int | None] = {href: None for uid in uids for href in index.of(uid)}
        found: dict[str, tuple[FolderItem, ...]] = {}
        for message in sorted(learn(session, wanted)):
            item = item_of(message, session.author.zone)
            if item is not None:
                found[item.uid] = (*found.get(item.uid, ()), item)
        return found
