"""A page of what changed in a folder since a token.

With QRESYNC the server tells what changed and what vanished (RFC 7162 §3.2), else the
messages are listed and compared with those in the token.  A token holds what is still to
be told, so that each page can be asked for again, and none of them depends on what this
process remembers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from calendar_sync.imap import extensions
from calendar_sync.imap.folders import examine
from calendar_sync.imap.itemmessages import NOT_DELIVERED, messages, with_sizes, within
from calendar_sync.imap.itemtoken import ItemToken
from calendar_sync.imap.sync import AT_ONCE
from calendar_sync.imap.uidset import UidSet
from freebusy.errors import SourceUnavailableError

if TYPE_CHECKING:
    from calendar_sync.imap.connection import Connection
    from calendar_sync.imap.extensions import Examined, MessageState
    from calendar_sync.imap.itemmessages import Message
    from calendar_sync.imap.settings import ImapSettings

MAX_GONE = 100_000
"""Where more is gone, telling everything again is cheaper."""


class Page(NamedTuple):
    """A page, and where the next one starts."""

    token: ItemToken
    messages: list[Message]
    """In the order of their UIDs; those without an item among them."""
    gone: UidSet
    is_fresh: bool
    begins: bool
    """Whether it is the first page of a run that tells everything."""


class _Scan(NamedTuple):
    """What there is to tell."""

    token: ItemToken
    """With all of it in ``todo`` and ``gone``."""
    sizes: dict[int, int | None]
    begins: bool = False


@dataclass(frozen=True, slots=True)
class Pager:
    """Reads pages of one folder."""

    connection: Connection
    path: str
    settings: ImapSettings
    folder: str
    """What tokens say of login and path."""

    def page(self, known: ItemToken | None, limit: int) -> Page:
        """Return at most ``limit`` messages of what is new, and what is gone."""
        box = examine(self.connection, self.path, None if known is None else known.since)
        scan = self._scan(box, known)
        first = list(islice(scan.token.todo, limit))
        wanted = with_sizes(
            self.connection, {uid: scan.sizes.get(uid) for uid in first}, self.settings
        )
        chosen = within(wanted, limit, self.settings.limits.page_bytes) if wanted else {}
        found = sorted(messages(self.connection, chosen, self.settings))
        if found and all(each.problem == NOT_DELIVERED for each in found):
            raise SourceUnavailableError("the mail server delivers none of the messages it lists")
        done = UidSet.of(first) - UidSet.of(wanted) | UidSet.of(chosen)
        return _told(scan, found, done)

    def _scan(self, box: Examined, known: ItemToken | None) -> _Scan:
        """Return what there is to tell; everything where the token is of no use any more."""
        is_coarse = self.connection.qresync and box.highestmodseq is not None
        if known is None or not known.is_of(box) or (known.is_coarse and not is_coarse):
            return self._everything(box, is_coarse=is_coarse)
        is_told = is_coarse and known.since is not None
        scan = self._since(box, known) if is_told else self._compared(box, known)
        if len(scan.token.gone) > MAX_GONE:
            return self._everything(box, is_coarse=is_coarse)
        numbers = _numbers(self.folder, box, is_coarse=is_coarse)
        return scan._replace(
            token=replace(
                numbers,
                known=scan.token.known,
                todo=scan.token.todo,
                gone=scan.token.gone,
                is_fresh=known.is_fresh,
            )
        )

    def _everything(self, box: Examined, *, is_coarse: bool) -> _Scan:
        states = extensions.list_states(self.connection.client)[0] if box.exists else []
        live = _live(states)
        token = replace(
            _numbers(self.folder, box, is_coarse=is_coarse), todo=UidSet.of(live), is_fresh=True
        )
        if is_coarse:
            there = UidSet.of(state.uid for state in states)
            token = replace(token, known=_upto(token, there.last) - there)
        return _Scan(token, live, begins=True)

    def _since(self, box: Examined, known: ItemToken) -> _Scan:
        changed = self.connection.resynced
        if changed is None or len(changed[0]) > AT_ONCE:  # many: their sizes have to be known
            changed = extensions.list_states(self.connection.client, known.modseq)
        states, vanished = changed
        deleted = UidSet.of(state.uid for state in states if state.deleted)
        live = {u: s for u, s in _live(states).items() if u not in vanished}
        new = {uid: size for uid, size in live.items() if uid not in known.known}
        held = _held(box, known)
        gone = (known.gone | (held & (vanished | deleted))) - UidSet.of(new)
        todo = (known.todo - vanished - deleted) | UidSet.of(new)
        holes = vanished & _upto(known, known.known.last)  # filled, so that the set stays short
        told = (known.known | holes) - deleted - todo
        return _Scan(replace(known, known=told, todo=todo, gone=gone), new)

    def _compared(self, box: Examined, known: ItemToken) -> _Scan:
        states = extensions.list_states(self.connection.client)[0] if box.exists else []
        sizes = _live(states)
        live = UidSet.of(sizes)
        gone = (known.gone | (_held(box, known) - live)) - live
        told = known.known & live
        return _Scan(replace(known, known=told, todo=live - told, gone=gone), sizes)


def _live(states: list[MessageState]) -> dict[int, int | None]:
    return {state.uid: state.size for state in states if not state.deleted}


def _held(box: Examined, known: ItemToken) -> UidSet:
    """Return which messages who asks may hold: their end has to be told.

    Those that were told of, and others of which the asker knows because it wrote them: with
    UIDs given since the token, or waiting to be told.
    """
    first, last = known.uidnext, (box.uidnext or 0) - 1
    came = UidSet(((first, last),)) if 0 < first <= last else UidSet()
    return known.known | known.todo | came


def _upto(token: ItemToken, last: int) -> UidSet:
    """Return all UIDs that there may have been."""
    last = max(token.uidnext - 1, last)
    return UidSet(((1, last),)) if last > 0 else UidSet()


def _numbers(folder: str, box: Examined, *, is_coarse: bool) -> ItemToken:
    return ItemToken(
        folder=folder,
        uidvalidity=box.uidvalidity,
        uidnext=box.uidnext or 0,
        exists=box.exists,
        modseq=box.highestmodseq or 0,
        known=UidSet(),
        is_coarse=is_coarse,
    )


def _told(scan: _Scan, found: list[Message], done: UidSet) -> Page:
    """Return the page that tells of these messages; what is gone is told by the last one.

    So an item that was replaced never looks deleted in between.  What was listed, and was
    not there any more when it was fetched, is gone as well: who asks may have written it.
    """
    token = scan.token
    told = UidSet.of(message.uid for message in found)
    gone, todo = token.gone | (done - told), token.todo - done
    after = replace(token, known=token.known | told, todo=todo, gone=gone)
    if todo:
        return Page(after, found, UidSet(), token.is_fresh, scan.begins)
    last = replace(after, gone=UidSet(), is_fresh=False)
    return Page(last, found, gone, token.is_fresh, scan.begins)
