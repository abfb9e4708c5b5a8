"""The calendar source that reads collections on a CalDAV server."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from calendar_sync.caldav import polling
from calendar_sync.caldav.client import Client
from calendar_sync.caldav.connection import Pool
from calendar_sync.caldav.discovery import Homes
from calendar_sync.caldav.hrefs import as_collection, canonical
from calendar_sync.caldav.service import Services
from calendar_sync.caldav.settings import fill_url, login_of, place_of
from calendar_sync.caldav.sync import Run
from freebusy.errors import CalendarMissingError, SourceError
from freebusy.ports import Calendar

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence

    from calendar_sync.caldav.settings import CaldavSettings, Login
    from freebusy.ports import Owner, SyncPage, SyncToken


def calendar_key(login: Login, path: str) -> str:
    """Return the key of a collection as a login sees it."""
    return f"{quote(login.username, safe='@')}{path}"


def path_in(calendar: Calendar, login: Login) -> str:
    """Return the path in a key; raises CalendarMissingError for a key that is none of ours."""
    username, slash, rest = calendar.key.partition("/")
    path = slash + rest
    if unquote(username) != login.username or len(path) < 3 or ".." in path.split("/"):
        raise CalendarMissingError("no such calendar in this source")
    if canonical(path) != path or as_collection(path) != path:
        raise CalendarMissingError("no such calendar in this source")
    return path


class CaldavSource:
    """Calendars on one CalDAV server (``CalendarSource`` and ``WatchableSource``).

    Nothing is ever changed there: only PROPFIND, REPORT and GET are sent.
    """

    def __init__(self, settings: CaldavSettings) -> None:
        self._settings = settings
        self._pool = Pool(settings)
        self._homes = Homes(settings)
        self._services = Services(settings)

    def _client(self, owner: Owner) -> tuple[Client, str]:
        """Return what asks for an owner, and the path in the owner's URL."""
        login = login_of(self._settings, owner)
        origin, path = place_of(self._services.url(fill_url(self._settings.url, owner)))
        return Client(self._pool, origin, login), path

    def calendars(self, owner: Owner) -> Sequence[Calendar]:
        """Return the owner's calendars that count."""
        client, path = self._client(owner)
        found = self._homes.find(client, path, owner)
        if not found:
            raise CalendarMissingError(
                f"{owner.name} has no calendar that the login {client.login.username!r} can see"
            )
        return [Calendar(calendar_key(client.login, c.path), owner, c.name) for c in found]

    def renew(self, owner: Owner) -> None:  # noqa: ARG002 - one home may be everybody's
        """Let the next listing of this owner's calendars be one that is made from now on."""
        self._homes.renew()

    def sync(self, calendar: Calendar, token: SyncToken | None) -> Iterator[SyncPage]:
        """Yield what changed since ``token``; no connection is held between pages."""
        client, _ = self._client(calendar.owner)
        path = path_in(calendar, client.login)
        yield from Run(client, path, calendar.key, self._settings).pages(token)

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
                client, _ = self._client(calendar.owner)
                path = path_in(calendar, client.login)
            except SourceError as error:
                failed = error
            else:
                watched.append(polling.Watched(calendar, client, path))
        if failed is not None and not watched:
            raise failed
        polling.watch(watched, changed, stop, self._settings.poll_seconds)

    def close(self) -> None:
        """Close idle connections."""
        self._pool.close()
