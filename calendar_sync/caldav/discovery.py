"""Which calendars are a person's (RFC 6764 §6, RFC 5397, RFC 4791 §6.2.1, RFC 6638 §9.1)."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from calendar_sync.caldav import bodies
from calendar_sync.caldav.hrefs import as_collection, canonical, last_part
from calendar_sync.caldav.multistatus import CALDAV, CALENDARSERVER, DAV
from calendar_sync.caldav.settings import fill, fill_segment
from freebusy.errors import CalendarMissingError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from calendar_sync.caldav.client import Client
    from calendar_sync.caldav.multistatus import Response
    from calendar_sync.caldav.settings import CaldavSettings
    from freebusy.ports import Owner

WELL_KNOWN = "/.well-known/caldav"
HOME_SECONDS = 20.0
"""So long the list of a home that many people share is believed: each of them asks for it."""

_WHERE = (bodies.RESOURCETYPE, bodies.PRINCIPAL, bodies.HOMES)
"""What leads on.  Cyrus 3.6 ends without a word where a collection that is no mailbox, such as
``/dav/calendars/``, is asked for the transparency of a calendar."""
_ASKED = (
    bodies.RESOURCETYPE,
    bodies.DISPLAYNAME,
    bodies.OWNER,
    bodies.COMPONENTS,
    bodies.TRANSPARENCY,
)


@dataclass(frozen=True, slots=True)
class Found:
    """A calendar that counts."""

    path: str
    name: str
    owner: str | None
    """Path of its DAV:owner."""
    is_shared: bool
    """Whether the server says that it is in this home by somebody else's leave."""

    @property
    def principal(self) -> str | None:
        """The last part of the owner's path, to be compared."""
        return None if self.owner is None else last_part(self.owner).casefold()


def _is_calendar(response: Response) -> bool:
    kind = response.properties.get(bodies.RESOURCETYPE)
    return kind is not None and kind.has(f"{CALDAV} calendar")


def is_calendar(response: Response) -> bool:
    """Whether a collection is one for events, and neither inbox nor outbox."""
    kind = response.properties.get(bodies.RESOURCETYPE)
    if kind is None or not _is_calendar(response):
        return False
    if kind.has(f"{CALDAV} schedule-inbox") or kind.has(f"{CALDAV} schedule-outbox"):
        return False
    return not components(response) or bool(components(response) & {"VEVENT", "VFREEBUSY"})


def components(response: Response) -> set[str]:
    """Return the component types that a calendar takes; none where it does not say (all)."""
    found = response.properties.get(bodies.COMPONENTS)
    inside = [] if found is None else found.inside
    return {attributes.get("name", "").upper() for _, _, attributes in inside} - {""}


def is_transparent(response: Response) -> bool:
    """Whether its owner said that a calendar makes nobody busy (RFC 6638 §9.1)."""
    found = response.properties.get(bodies.TRANSPARENCY)
    return found is not None and found.has(f"{CALDAV} transparent")


class Homes:
    """Finds calendars; keeps the list of a home that many people share for a moment."""

    def __init__(self, settings: CaldavSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], tuple[float, list[Found]]] = {}

    def find(self, client: Client, path: str, owner: Owner) -> list[Found]:
        """Return the calendars that count for an owner, by path, each once.

        CalendarMissingError where the home is not there.
        """
        names = owner.folders or self._settings.calendars
        calendars: Iterable[Found]
        if names:
            # first below the URL itself: what Cyrus lets a login see below another's home is
            # the calendars only, not the home
            calendars = _named(client, [canonical(path)], owner, names) or _named(
                client, self._homes(client, path), owner, names
            )
        elif self._settings.is_shared:
            wanted = fill(self._settings.principal, owner).casefold()
            calendars = [c for c in self._shared(client, path) if c.principal == wanted]
        else:
            calendars = self._own(client, path)
        found = {calendar.path: calendar for calendar in calendars}
        return [found[key] for key in sorted(found)]

    def renew(self) -> None:
        """Ask the server when calendars are next asked for."""
        with self._lock:
            self._kept.clear()

    def _shared(self, client: Client, path: str) -> list[Found]:
        """Return all calendars of the one home, whosoever they are."""
        key = client.login.username, path
        with self._lock:
            at, kept = self._kept.get(key, (0.0, []))
            if not kept or time.monotonic() - at > HOME_SECONDS:
                homes = self._homes(client, path)
                kept = [found for home in homes for found in _calendars(client, home)[0]]
                self._kept[key] = time.monotonic(), kept
        return kept

    def _own(self, client: Client, path: str) -> Iterator[Found]:
        """Yield the calendars of a home that are its owner's, not shared by somebody else."""
        for home in self._homes(client, path):
            calendars, host = _calendars(client, home)
            for calendar in calendars:
                theirs = host is not None and calendar.owner not in (None, host)
                if not calendar.is_shared and not theirs:
                    yield calendar

    def _homes(self, client: Client, path: str) -> list[str]:
        """Return the calendar homes to which a URL leads, or the path that it is itself.

        Only where the URL is the same for everybody the login's principal is asked: the
        home of a person who has no calendar must not become that of the service login.
        """
        at, response = _resource(client, path)
        homes = _homes_in(client, at, response)
        if homes or _is_calendar(response) or self._settings.is_personal:
            return homes or [at]
        principal = response.properties.get(bodies.PRINCIPAL)
        if principal is None or not principal.href:
            return [at]
        there = client.properties(client.path(principal.href, at), bodies.HOMES)
        homes = _homes_in(client, *there)
        # a URL that is elsewhere than above the login's own home means what is there
        return homes if path == "/" or any(home.startswith(at) for home in homes) else [at]


def _resource(client: Client, path: str) -> tuple[str, Response]:
    """Return the resource at a path; at the root, the one to which the server leads."""
    if path == "/":
        with suppress(SourceError):  # not there, or answered by something else
            return client.properties(WELL_KNOWN, *_WHERE)
    return client.properties(canonical(path), *_WHERE)


def _homes_in(client: Client, path: str, response: Response) -> list[str]:
    homes = response.properties.get(bodies.HOMES)
    hrefs = [] if homes is None else homes.texts(f"{DAV} href")
    return [as_collection(client.path(href, path)) for href in hrefs if href]


def _calendars(client: Client, home: str) -> tuple[list[Found], str | None]:
    """Return the calendars directly in a home that count, and whose home it is.

    Where the home is a calendar itself, it is that one.
    """
    found: list[Found] = []
    host: str | None = None
    path, response = client.properties(home, bodies.RESOURCETYPE)
    if _is_calendar(response):
        return _counting(client, *client.properties(path, *_ASKED)), None
    for at, each in client.members(as_collection(path), *_ASKED):
        if as_collection(at) == as_collection(path):
            host = _owner(client, at, each)
        else:
            found += _counting(client, at, each)
    return found, host


def _named(client: Client, homes: Sequence[str], owner: Owner, names: Sequence[str]) -> list[Found]:
    """Return the calendars of these names that are there."""
    found: list[Found] = []
    for home in homes:
        for name in names:
            with suppress(CalendarMissingError):
                path = f"{as_collection(home)}{fill_segment(name, owner)}/"
                found += _counting(client, *client.properties(path, *_ASKED))
    return found


def _counting(client: Client, path: str, response: Response) -> list[Found]:
    """Return a calendar, unless it is none or its owner said that it does not count."""
    if not is_calendar(response) or is_transparent(response):
        return []
    name = response.text(bodies.DISPLAYNAME) or last_part(path)
    shared = response.properties[bodies.RESOURCETYPE].has(f"{CALENDARSERVER} shared")
    return [Found(as_collection(path), name, _owner(client, path, response), shared)]


def _owner(client: Client, path: str, response: Response) -> str | None:
    owner = response.properties.get(bodies.OWNER)
    return client.path(owner.href, path) if owner is not None and owner.href else None
