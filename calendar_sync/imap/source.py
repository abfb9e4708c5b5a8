"""The calendar source that reads folders on an IMAP server."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from calendar_sync.imap import folders, idle
from calendar_sync.imap.connection import Pool, translated
from calendar_sync.imap.discovery import Discovery
from calendar_sync.imap.settings import Login, login_of
from calendar_sync.imap.sync import Run, fingerprint, parse_token
from freebusy.errors import CalendarMissingError, SourceError
from freebusy.ports import Calendar

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence

    from calendar_sync.imap.relevance import Judgement
    from calendar_sync.imap.settings import ImapSettings
    from freebusy.ports import Owner, SyncPage, SyncToken


def calendar_key(login: Login, folder: str) -> str:
    """Return the key of a folder as a login sees it: the same folder name may be another's, too."""
    return f"{quote(login.identity, safe='')}/{quote(folder, safe='')}"


def folder_of(calendar: Calendar, login: Login) -> str:
    """Return the folder in a key; raises CalendarMissingError for a key that is none of ours."""
    username, slash, folder = calendar.key.partition("/")
    if not slash or unquote(username) != login.identity or not folder or "/" in folder:
        raise CalendarMissingError("no such calendar in this source")
    return unquote(folder)


class ImapSource:
    """Calendars on one mail server (``CalendarSource`` and ``WatchableSource``).

    Nothing is ever changed there: folders are opened by EXAMINE, bodies fetched by PEEK.
    """

    def __init__(self, settings: ImapSettings) -> None:
        self._settings = settings
        self._pool = Pool(settings)
        self._discovery = Discovery(settings, self._pool)

    def calendars(self, owner: Owner) -> Sequence[Calendar]:
        """Return the owner's calendar folders that are there."""
        login = login_of(self._settings, owner)
        with translated(self._settings):
            found = self._discovery.find(owner)
        return [Calendar(calendar_key(login, each.folder), owner, each.folder) for each in found]

    def judgements(self, owner: Owner) -> Sequence[Judgement]:
        """Return every calendar folder that might count for a person, and why it does or not."""
        with translated(self._settings):
            return self._discovery.judgements(owner)

    def sync(self, calendar: Calendar, token: SyncToken | None) -> Iterator[SyncPage]:
        """Yield what changed since ``token``; the connection is free again before the last page."""
        login = login_of(self._settings, calendar.owner)
        folder = folder_of(calendar, login)
        try:
            with (
                translated(self._settings),
                self._pool.use(login, lambda c: folders.examine(c, folder)) as (connection, box),
            ):
                run = Run(connection, box, fingerprint(calendar.key), self._settings)
                last = yield from run.pages(parse_token(token))
        except CalendarMissingError:
            self._discovery.doubt(calendar.owner)
            raise
        yield last

    def watch(
        self,
        calendars: Sequence[Calendar],
        changed: Callable[[Calendar], None],
        stop: threading.Event,
    ) -> None:
        """Call ``changed`` for each change until ``stop`` is set.

        A calendar that has no login, or is none of ours, is left out; the error is raised
        where that is true of all.
        """
        watched, failed = [], None
        for calendar in calendars:
            try:
                login = login_of(self._settings, calendar.owner)
                watched.append(idle.Watched(calendar, login, folder_of(calendar, login)))
            except SourceError as error:
                failed = error
        if failed is not None and not watched:
            raise failed
        idle.watch(self._settings, self._pool, watched, changed, stop)

    def close(self) -> None:
        """Log out of idle connections."""
        self._pool.close()
        self._discovery.forget()
