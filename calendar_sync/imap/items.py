"""Items of a person's calendar folders, read and written as iCalendar."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from calendar_sync.imap import catchup, itemtoken
from calendar_sync.imap.catchup import Author, Session
from calendar_sync.imap.itemindex import Indexes, entry_of
from calendar_sync.imap.itemlook import NO_FOLDER, checked, leave, letters, look, select
from calendar_sync.imap.itemmessages import item_of
from calendar_sync.imap.itempages import Page, Pager
from calendar_sync.imap.itemwriting import INSERT, REMOVE, Writing
from calendar_sync.imap.longtokens import LongTokens
from calendar_sync.imap.uidset import UidSet
from freebusy.errors import (
    CalendarMissingError,
    NoFolderError,
    NotPermittedError,
    SourceUnavailableError,
)
from freebusy.ports import FolderChanges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from calendar_sync.imap.behalf import Behalf
    from calendar_sync.imap.connection import Connection
    from calendar_sync.imap.extensions import Examined
    from calendar_sync.imap.itemfolders import KnownFolders
    from calendar_sync.imap.itemindex import Index
    from calendar_sync.imap.itemlook import Look, Selected
    from calendar_sync.imap.itemtoken import ItemToken
    from calendar_sync.imap.settings import ImapSettings
    from freebusy.ports import ChangeResult, ItemChange, Owner, SyncToken

T = TypeVar("T")

NO_CHANGE = (
    "the rights on this folder allow no change: its owner has to grant i (insert), or t and e "
    "(delete messages, expunge)"
)
REMEMBERED = 100_000
"""Messages of which it is remembered what they hold: some 400 bytes each."""


def _now() -> datetime:
    return datetime.now(UTC)


class ImapItems:
    """What is in the folders that a person sees; safe from any thread."""

    def __init__(
        self,
        behalf: Behalf,
        *,
        zone_of: Callable[[str], str],
        folders: KnownFolders | None = None,
        now: Callable[[], datetime] = _now,
        remembered: int = REMEMBERED,
    ) -> None:
        """``zone_of`` gives the IANA zone of a NAME: items in Kolab 2's format have none.

        ``folders`` says which folders are calendars: no other one is opened.
        """
        self._behalf = behalf
        self._zone_of = zone_of
        self._known = folders
        self._now = now
        self._indexes = Indexes(remembered)
        self._long = LongTokens()

    def changes(
        self, who: Owner, path: str, token: SyncToken | None, *, limit: int
    ) -> FolderChanges:
        """Return what changed since ``token``, at most ``limit`` items."""
        reading = self._reading(who, path)
        known = itemtoken.parse(self._long.whole(token), reading.folder)
        page = None
        with self._lent(who, lambda c: look(c, path)) as (connection, seen):
            if seen.box is not None:
                page = reading.page(connection, known, seen.box, max(1, limit))
        if page is None:
            raise seen.refusal
        after, found = _with_rights(page, reading.told(page), known, seen)
        return replace(found, token=self._long.shortened(after.text()))

    @contextmanager
    def _lent(
        self, who: Owner, opening: Callable[[Connection], T]
    ) -> Iterator[tuple[Connection, T]]:
        """Lend a connection; one that is lost when all is done loses no answer."""
        is_done = False
        try:
            with self._behalf.use(who, opening) as lent:
                yield lent
                is_done = True
        except SourceUnavailableError:
            if not is_done:
                raise

    def _reading(self, who: Owner, path: str) -> _Reading:
        identity = self._behalf.login(who).identity
        folder = itemtoken.fingerprint(identity, checked(path))
        if self._known is not None:
            self._known.check(who, identity, path)
        return _Reading(
            path=path,
            folder=folder,
            zone=self._zone_of(who.name),
            settings=self._behalf.settings(who),
            index=self._indexes.of(folder),
        )

    def write(self, who: Owner, path: str, changes: Sequence[ItemChange]) -> Sequence[ChangeResult]:
        """Do the changes in order, and say of each what became of it."""
        reading = self._reading(who, path)
        author = Author(address=who.address, zone=reading.zone, now=self._now())
        results: list[ChangeResult] | None = None
        with (
            reading.index.writing,
            self._lent(who, lambda c: select(c, path, reading.index.since)) as lent,
        ):
            connection, opened = lent
            if _may_change(opened):
                session = Session(
                    connection=connection,
                    path=path,
                    index=reading.index,
                    settings=reading.settings,
                    author=author,
                )
                results = _written(session, opened, changes)
            leave(connection, path)
        if results is None:
            raise opened.look.refusal if opened.look.box is None else NotPermittedError(NO_CHANGE)
        return results


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """The reading of one folder."""

    path: str
    folder: str
    """Stands for login and path."""
    zone: str
    settings: ImapSettings
    index: Index

    def page(
        self, connection: Connection, known: ItemToken | None, box: Examined, limit: int
    ) -> Page:
        """Return what changed; the folder is opened only if need be."""
        if known is not None and known.proves(box):
            return Page(known, [], UidSet(), is_fresh=False, begins=False)
        pager = Pager(connection, self.path, self.settings, self.folder)
        try:
            return pager.page(known, limit)
        except CalendarMissingError:  # it went away just now
            raise NoFolderError(NO_FOLDER) from None

    def told(self, page: Page) -> FolderChanges:
        """Return a page without its token, and remember what was in it."""
        items = [(message.uid, item_of(message, self.zone)) for message in page.messages]
        self.index.learn(page.token, ((uid, entry_of(item)) for uid, item in items))
        return FolderChanges(
            itemtoken.NONE,
            items=tuple(item for _, item in items if item is not None),
            gone=tuple(map(str, page.gone)),
            is_fresh=page.is_fresh,
            more=bool(page.token.todo),
        )


def _with_rights(
    page: Page, found: FolderChanges, known: ItemToken | None, seen: Look
) -> tuple[ItemToken, FolderChanges]:
    """Add what changed in the rights, and return what is known by then.

    The first page of a fresh run tells both and its other ones neither, so that one that
    begins anew is known by it; what changes meanwhile is told by the next question.
    """
    rights, acl = letters(seen.rights or ()), seen.acl
    if known is None or page.begins:
        told = replace(found, rights=rights, acl_changed=True)
    elif page.is_fresh:
        rights, acl, told = known.rights, known.acl, found
    else:
        changed = None if known.rights == rights else rights
        told = replace(found, rights=changed, acl_changed=known.acl != acl)
    return replace(page.token, rights=rights, acl=acl), told


def _may_change(opened: Selected) -> bool:
    rights = opened.look.rights or frozenset()
    return opened.look.box is not None and (rights >= INSERT or rights >= REMOVE)


def _written(
    session: Session, opened: Selected, changes: Sequence[ItemChange]
) -> list[ChangeResult]:
    catchup.begin(session, opened)
    rights = opened.look.rights or frozenset()
    uidnext = opened.look.box.uidnext if opened.look.box is not None else None
    writing = Writing(session, rights, session.index.dialect(), uidnext or 0)
    return writing.write(changes)
