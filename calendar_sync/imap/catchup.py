"""Knowing all messages of a folder that is open for changes (see :mod:`itemindex`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from calendar_sync.imap import extensions
from calendar_sync.imap.itemindex import entry_of
from calendar_sync.imap.itemmessages import item_of, messages, with_sizes
from calendar_sync.imap.uidset import UidSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from calendar_sync.imap.connection import Connection
    from calendar_sync.imap.extensions import MessageState
    from calendar_sync.imap.itemindex import Index
    from calendar_sync.imap.itemlook import Selected
    from calendar_sync.imap.itemmessages import Message
    from calendar_sync.imap.settings import ImapSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Whose items are written, and when."""

    address: str
    zone: str
    """An IANA name."""
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A folder that is open for changes, and what is known of it."""

    connection: Connection
    path: str
    index: Index
    settings: ImapSettings
    author: Author


def begin(session: Session, opened: Selected) -> None:
    """Bring the index up to date with the folder as it was opened."""
    box = opened.look.box
    if box is None:
        raise ValueError("the folder is not open")
    index = session.index
    index.begin(box.uidvalidity)
    if index.is_at(box):
        return
    if index.modseq and session.connection.qresync:
        _apply(session, opened.states, opened.vanished)
    else:
        catch_up(session)
    index.complete(box)


def catch_up(session: Session) -> None:
    """Learn what is new and what is gone."""
    index, client = session.index, session.connection.client
    if index.modseq and session.connection.qresync:
        _apply(session, *extensions.list_states(client, index.modseq))
        return
    states, _ = extensions.list_states(client)
    index.keep(UidSet.of(state.uid for state in states))
    _apply(session, states, UidSet())


def _apply(session: Session, states: list[MessageState], vanished: UidSet) -> None:
    index = session.index
    index.drop(index.held(vanished))
    index.flagged.difference_update(state.uid for state in states if not state.deleted)
    index.flagged.update(s.uid for s in states if s.deleted and s.uid not in vanished)
    new = {
        state.uid: state.size
        for state in states
        if not state.deleted and state.uid not in index.entries and state.uid not in vanished
    }
    recall(session, new)


def recall(session: Session, wanted: Mapping[int, int | None]) -> None:
    """Read messages, and remember what they hold."""
    for message in learn(session, wanted):
        found = item_of(message, session.author.zone)
        session.index.note([(message.uid, entry_of(found))])


def learn(session: Session, wanted: Mapping[int, int | None]) -> Iterator[Message]:
    """Yield messages as they come."""
    if wanted:
        sizes = with_sizes(session.connection, wanted, session.settings)
        yield from messages(session.connection, sizes, session.settings)
