"""The calendar source that reads folders on an IMAP server."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from calendar_sync.imap import folders, sweeping
from calendar_sync.imap.connection import translated
from calendar_sync.imap.discovery import Discovery, Found
from calendar_sync.imap.idle import Watch, Watched
from calendar_sync.imap.listings import Listings
from calendar_sync.imap.namespaces import namespaces
from calendar_sync.imap.namespaces import translated as own_name
from calendar_sync.imap.pool import Pool
from calendar_sync.imap.relevance import Verdict
from calendar_sync.imap.rights import normal
from calendar_sync.imap.settings import Login, is_personal, login_of, names_of, sweep_login
from calendar_sync.imap.sweep import Memory, Place, Sweeps
from calendar_sync.imap.sync import Run, fingerprint, is_as_read, parse_token
from calendar_sync.imap.verdicts import verdicts
from freebusy.errors import CalendarMissingError, SourceError
from freebusy.ports import Calendar

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from calendar_sync.imap.namespaces import Namespaces
    from calendar_sync.imap.relevance import Judgement
    from calendar_sync.imap.settings import ImapSettings
    from freebusy.ports import FolderVerdict, Held, Owner, SyncPage, SyncToken


ATTENDEES_ONLY = "?attendees"
"""At the end of a key: what was read of all events of the folder is of no use then."""


def calendar_key(login: Login, folder: str, *, attendees_only: bool = False) -> str:
    """Return the key of a folder as a login sees it: the same folder name may be another's, too."""
    suffix = ATTENDEES_ONLY if attendees_only else ""
    return f"{quote(login.identity, safe='')}/{quote(folder, safe='')}{suffix}"


def folder_of(key: str, login: Login) -> str:
    """Return the folder in a key; raises CalendarMissingError for a key that is none of ours."""
    username, slash, folder = key.removesuffix(ATTENDEES_ONLY).partition("/")
    if not slash or unquote(username) != login.identity or not folder or "/" in folder:
        raise CalendarMissingError("no such calendar in this source")
    return unquote(folder)


def _calendar(login: Login, owner: Owner, found: Found) -> Calendar:
    attended = found.verdict is Verdict.ATTENDED
    key = calendar_key(login, found.folder, attendees_only=attended)
    own = found.is_own and not attended
    return Calendar(key, owner, found.folder, is_own=own, attendees_only=attended)


class ImapSource:
    """Calendars on one mail server (also ``WatchableSource`` and ``SweepableSource``).

    Nothing is ever changed there: folders are opened by EXAMINE, bodies fetched by PEEK.
    """

    def __init__(self, settings: ImapSettings) -> None:
        self._settings = settings
        self._pool = Pool(settings)
        self._discovery = Discovery(settings, self._pool)
        self._sweeps = Sweeps(settings, self._pool)
        self._memory = Memory()
        self._listings = Listings(settings, self.calendars, self._discovery.forget)
        self._swept: dict[str, Place] = {}
        """Where a service login sees calendars that each person's own reads, by their keys."""

    def calendars(self, owner: Owner) -> Sequence[Calendar]:
        """Return the owner's calendar folders that are there."""
        login = login_of(self._settings, owner)
        try:
            with translated(self._settings):
                found = self._discovery.find(owner)
        except CalendarMissingError:
            self._listings.note(owner, ())
            raise
        made = [_calendar(login, owner, each) for each in found]
        sweeping_login = sweep_login(self._settings, owner)
        for calendar, each in zip(made, found, strict=True):
            if sweeping_login != login and each.verdict is not Verdict.NAMED:
                self._swept[calendar.key] = Place(sweeping_login, each.listed)
        self._listings.note(owner, made)
        return made

    def renew(self, owner: Owner) -> None:
        """Let the next listing of this owner's calendars be one that is made from now on."""
        with contextlib.suppress(SourceError):  # who has no login is told so when listed
            self._discovery.renew(owner)

    def _seen_at(self, owner: Owner, key: str) -> Place:
        """Return where a sweep sees a calendar."""
        login = login_of(self._settings, owner)
        return self._swept.get(key) or Place(login, folder_of(key, login))

    def counted(self, owner: Owner, own: Namespaces) -> frozenset[str]:
        """Return the folders that count, by the names that a person's own login has for them.

        ``own`` are the person's namespaces.  Says nothing to those who follow the calendars.
        """
        login = login_of(self._settings, owner)
        with translated(self._settings):
            found = self._discovery.find(owner)
            if owner.login or self._settings.authorization or is_personal(self._settings.username):
                return frozenset(each.folder for each in found)
            with self._pool.use(login, namespaces) as (_, seen):
                pass
        users = names_of(self._settings, owner, separator=seen.separator)
        known = frozenset(map(normal, users))
        return frozenset(own_name(each.folder, known, seen, own) for each in found)

    def judgements(self, owner: Owner) -> Sequence[Judgement]:
        """Return every calendar folder that might count for a person, and why it does or not."""
        with translated(self._settings):
            return self._discovery.judgements(owner)

    def verdicts(self, owner: Owner) -> Sequence[FolderVerdict]:
        """Return every calendar folder that is seen for a person, and why it counts or not."""
        judged = self.judgements(owner)
        with translated(self._settings):
            overlooked = self._discovery.overlooked(owner)
            try:
                counting = {each.listed for each in self._discovery.find(owner)}
            except CalendarMissingError:
                counting = set()
        return verdicts(judged, overlooked, counting)

    def sync(self, calendar: Calendar, token: SyncToken | None) -> Iterator[SyncPage]:
        """Yield what changed since ``token``; the connection is free again before the last page."""
        login = login_of(self._settings, calendar.owner)
        folder = folder_of(calendar.key, login)
        place, known = Place(login, folder), parse_token(token)
        since = None if known is None else known.since
        try:
            with (
                translated(self._settings),
                self._pool.use(login, lambda c: folders.examine(c, folder, since)) as (
                    connection,
                    box,
                ),
            ):
                run = Run(connection, box, fingerprint(calendar.key), self._settings)
                last = yield from run.pages(known)
        except CalendarMissingError:
            self._discovery.doubt(calendar.owner)
            self._memory.forget(place)
            raise
        self._memory.read(place, box)
        yield last

    def watch(
        self,
        calendars: Sequence[Calendar],
        changed: Callable[[Calendar | Owner], None],
        stop: threading.Event,
    ) -> None:
        """Call ``changed`` for each change until ``stop`` is set.

        A calendar that has no login, or is none of ours, is left out; the error is raised
        where that is true of all.
        """
        watched = self._watched(calendars)
        shared = Watch(self._settings, self._pool, self._memory, changed)

        def relisted(login: Login, news: frozenset[str] | None) -> None:
            for owner in self._listings.changed(login, news):
                changed(owner)

        sweeping.watch(shared, self._sweeps, watched, relisted, stop)

    def _watched(self, calendars: Sequence[Calendar]) -> list[Watched]:
        places: dict[Place, list[Calendar]] = {}
        seen: dict[Place, Place] = {}
        failed: SourceError | None = None
        for calendar in calendars:
            try:
                login = login_of(self._settings, calendar.owner)
                place = Place(login, folder_of(calendar.key, login))
                places.setdefault(place, []).append(calendar)
                seen[place] = self._seen_at(calendar.owner, calendar.key)
            except SourceError as error:
                failed = error
        if failed is not None and not places:
            raise failed
        return [Watched(place, tuple(some), seen[place]) for place, some in places.items()]

    # -- many at once

    def groups(self, owners: Iterable[Owner]) -> Collection[Sequence[Owner]]:
        """Group the owners by the login that sweeps their folders."""
        found: dict[Login | Owner, list[Owner]] = {}
        for owner in owners:
            key: Login | Owner = owner
            with contextlib.suppress(SourceError):
                key = sweep_login(self._settings, owner)
            found.setdefault(key, []).append(owner)
        return list(found.values())

    def unchanged(self, known: Mapping[Owner, Collection[Held]]) -> Collection[Owner]:
        """Return those of whom one sweep of each login proves that nothing happened."""
        found: list[Owner] = []
        for owners in self.groups(known):
            login = sweep_login(self._settings, owners[0])
            found += self._unchanged(login, {owner: known[owner] for owner in owners})
        return found

    def _unchanged(self, login: Login, known: Mapping[Owner, Collection[Held]]) -> list[Owner]:
        folder: dict[str, str] = {}
        for owner, some in known.items():
            for held in some:
                with contextlib.suppress(CalendarMissingError):  # a key of another login
                    place = self._seen_at(owner, held.key)
                    folder |= {held.key: place.folder} if place.login == login else {}
        view = self._sweeps.look(login, folder.values())
        if view.news is None:
            return []
        relisted = set(self._listings.changed(login, view.news))

        def is_same(held: Held) -> bool:
            box = view.states.get(folder.get(held.key, ""))
            return is_as_read(held.token, fingerprint(held.key), box)

        return [
            owner
            for owner, some in known.items()
            if owner not in relisted
            and self._listings.holds(owner, [held.key for held in some])
            and all(map(is_same, some))
        ]

    def close(self) -> None:
        """Log out of idle connections."""
        self._pool.close()
        self._discovery.forget()
