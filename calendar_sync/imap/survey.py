"""A survey: all that a login can see, asked for at once and kept for one sweep.

One LIST, one GETMETADATA (RFC 5464) and the access control lists of the folders for
which they matter: what ten thousand persons' calendars are found in costs a service
login no more commands than those of one.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING

from calendar_sync.imap import acl, extensions
from calendar_sync.imap.folders import has_usual_name, listed
from calendar_sync.imap.namespaces import Kind, Namespaces, Space, namespaces
from calendar_sync.imap.rights import Combination, normal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from calendar_sync.imap.connection import Connection
    from calendar_sync.imap.rights import Entry
    from calendar_sync.imap.settings import Login

log = logging.getLogger(__name__)

SHARED_TYPE = "/shared/vendor/kolab/folder-type"
PRIVATE_TYPE = "/private/vendor/kolab/folder-type"
RELEVANCE = "/shared/vendor/kolab/incidences-for"
READABLE_FOR = "/shared/vendor/kolab/pxfb-readable-for"
WANTED = (SHARED_TYPE, PRIVATE_TYPE, RELEVANCE, READABLE_FOR)
Entries = dict[str, dict[str, bytes]]
"""METADATA entries by folder and name."""

OWN = ""
"""What stands for the login itself where other users have their names."""
DOUBTED_SECONDS = 5.0
"""A survey that seems wrong is not made anew more often than this."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is a calendar, by its type or by its name."""

    name: str
    kind: Kind
    user: str = OWN
    """Whose it is, as the server says it; normal."""
    is_typed: bool = True
    """Whether METADATA says so; else only the name does."""
    relevance: str = ""
    """``incidences-for``, in lower case; empty where it is not set."""
    readable_for: str = ""
    """``pxfb-readable-for``: who may see more than times.  Reported only: nobody is shown more."""
    is_default: bool = False
    """Whether METADATA says that it is the main one (``event.default``)."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What a login can see."""

    spaces: Namespaces = field(default_factory=Namespaces)
    names: tuple[str, ...] = ()
    """All folders that can be opened, sorted."""
    by_user: Mapping[str, tuple[Folder, ...]] = field(default_factory=dict)
    """Calendars in personal folders: the login's as :data:`OWN`, others' by the user's name."""
    foreign: tuple[Folder, ...] = ()
    """Calendars that can count for somebody whose they are not."""
    mine: Mapping[str, str] | None = None
    """The login's own rights on those (MYRIGHTS); None where the login is nobody's."""
    acls: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)
    """Else their lists, as far as this login may see them (right a)."""
    by_identifier: Mapping[str, tuple[Folder, ...]] = field(default_factory=dict)
    """Where an identifier is in the list, without its sign; normal."""
    combination: Combination = Combination.UNION
    folders: tuple[Folder, ...] = ()
    """All calendars."""
    taken: float = field(default_factory=time.monotonic)

    @property
    def unknown(self) -> list[Folder]:
        """Return the folders whose lists this login may not see: for whom they count is unknown."""
        if self.mine is not None:
            return []
        return [folder for folder in self.foreign if folder.name not in self.acls]

    def matching(self, pattern: str) -> list[str]:
        """Return the folders that a pattern matches; ``*`` stands for any characters."""
        start = pattern.partition("*")[0]
        fits = matcher(pattern)
        at = bisect_left(self.names, start)
        near = takewhile(lambda name: name.startswith(start), self.names[at:])
        return [name for name in near if fits(name)]


@lru_cache(maxsize=1024)
def matcher(pattern: str) -> Callable[[str], object]:
    """Return what tells whether a folder's name fits a pattern with ``*``."""
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL).fullmatch


# -- making one ------------------------------------------------------------------------


def take(connection: Connection, *, personal: bool) -> Survey:
    """Ask for everything; ``personal`` where the login is the person whose calendars are wanted."""
    spaces = namespaces(connection)
    if personal and not spaces.personal:
        spaces = Namespaces((Space("", spaces.separator),), spaces.others, spaces.shared)
    if not (personal or spaces.others or spaces.shared):
        return Survey(spaces)
    patterns, names = _names(connection, spaces)
    entries = _metadata(connection, patterns, names)
    found = list(_folders(sorted(names), entries, spaces))
    foreign = tuple(folder for folder in found if _can_count_for_others(folder))
    by_user: dict[str, list[Folder]] = defaultdict(list)
    for folder in found:
        if folder.kind is not Kind.SHARED:
            by_user[folder.user].append(folder)
    survey = Survey(
        spaces,
        tuple(sorted(names)),
        {user: tuple(folders) for user, folders in by_user.items()},
        foreign,
        folders=tuple(found),
    )
    return _with_rights(connection, survey, personal=personal)


def _names(connection: Connection, spaces: Namespaces) -> tuple[list[str], set[str]]:
    """Return the patterns that find every folder, and the folders.

    A namespace may be kept out of ``*`` (Dovecot's ``list = no``): it is asked for by itself.
    """
    patterns, names = ["*"], set(listed(connection, "*"))
    for _, space in spaces.all():
        if (
            space.prefix
            and not any(map(space.holds, names))
            and (more := listed(connection, space.pattern))
        ):
            patterns.append(space.pattern)
            names.update(more)
    return patterns, {name for name in names if not name.startswith("#")}


def _metadata(connection: Connection, patterns: Sequence[str], names: set[str]) -> Entries:
    """Return the folders' entries, by pattern where the server takes one, else one by one."""
    if not connection.can("METADATA"):
        return {}
    found: Entries = {}
    for pattern in patterns:
        try:
            found |= extensions.get_metadata(connection.client, pattern, WANTED)
        except extensions.CommandRefused:
            found = {}
            break
    return found or _metadata_of_each(connection, sorted(names))


def _metadata_of_each(connection: Connection, names: Iterable[str]) -> Entries:
    wanted = b" (" + " ".join(WANTED).encode("ascii") + b")"
    commands = [b"GETMETADATA " + extensions.mailbox_name(name) + wanted for name in names]
    found: Entries = {}
    for response in acl.pipelined(connection.client, "GETMETADATA", commands):
        if read := extensions.parse_metadata(response):
            found.setdefault(read[0], {}).update(read[1])
    return found


def _folders(names: Iterable[str], entries: Entries, spaces: Namespaces) -> Iterable[Folder]:
    """Yield the folders that are calendars."""
    for name in names:
        values = entries.get(name, {})
        typed = is_calendar(values)
        place = spaces.place(name)
        untyped = not any(values.get(entry) for entry in (SHARED_TYPE, PRIVATE_TYPE))
        if place is None or not (typed or (untyped and is_usual(name, place))):
            continue
        user = spaces.user_of(name) or OWN
        relevance, readable = (_word(values, entry) for entry in (RELEVANCE, READABLE_FOR))
        default = b"event.default" in _types(values)
        yield Folder(name, place[0], normal(user), typed, relevance.lower(), readable, default)


def is_calendar(entries: Mapping[str, bytes]) -> bool:
    """Whether a folder's entries say that it holds events; ``event.default`` says so, too."""
    return any(kind.partition(b".")[0] == b"event" for kind in _types(entries))


def _types(entries: Mapping[str, bytes]) -> list[bytes]:
    return [entries.get(name, b"").strip().lower() for name in (SHARED_TYPE, PRIVATE_TYPE)]


def _word(entries: Mapping[str, bytes], name: str) -> str:
    return entries.get(name, b"").decode("utf-8", "replace").strip()


def is_usual(name: str, place: tuple[Kind, Space]) -> bool:
    """Whether a folder's name alone says that it is a calendar."""
    kind, space = place
    if kind is Kind.SHARED:
        return has_usual_name(name.rpartition(space.separator)[2], space.separator)
    rest = name.removeprefix(space.prefix)
    if kind is Kind.OTHERS:
        rest = rest.partition(space.separator)[2]
    return has_usual_name(rest, space.separator)


def _can_count_for_others(folder: Folder) -> bool:
    """Whether it is worth knowing who has which right on a folder."""
    if folder.kind is Kind.OTHERS:
        return folder.relevance in {"admins", "readers"}
    return folder.kind is Kind.SHARED and folder.relevance != "nobody"


# -- rights ----------------------------------------------------------------------------


def _with_rights(connection: Connection, survey: Survey, *, personal: bool) -> Survey:
    wanted = [folder.name for folder in survey.foreign]
    if not connection.can("ACL"):  # what is listed can be read, as far as anybody knows
        return replace(survey, mine=dict.fromkeys(wanted, "lr")) if personal else survey
    if personal:
        return replace(survey, mine=acl.my_rights(connection.client, wanted))
    if not wanted:
        return survey
    acls = acl.get_acls(connection.client, wanted)
    return replace(
        survey,
        acls=acls,
        by_identifier=_by_identifier(survey.foreign, acls),
        combination=_combination(connection),
    )


def _by_identifier(
    folders: Iterable[Folder], acls: Mapping[str, tuple[Entry, ...]]
) -> dict[str, tuple[Folder, ...]]:
    found: dict[str, dict[str, Folder]] = defaultdict(dict)
    for folder in folders:
        for identifier, _ in acls.get(folder.name, ()):
            name = normal(identifier.removeprefix("#").removeprefix("-"))
            found[name][folder.name] = folder
    return {name: tuple(held.values()) for name, held in found.items()}


def _combination(connection: Connection) -> Combination:
    """Return how this server adds up entries, which only its name tells (ID, RFC 2971)."""
    return Combination.MOST_SPECIFIC if says_dovecot(connection) else Combination.UNION


def says_dovecot(connection: Connection) -> bool:
    """Whether the server names itself so (ID, RFC 2971)."""
    if not connection.can("ID"):
        return False
    with extensions.understanding():
        return "dovecot" in str(connection.client.id_()).lower()


# -- keeping them ----------------------------------------------------------------------


class Surveys:
    """The surveys of service logins, each kept for a while; safe from any thread."""

    def __init__(self, lifetime: float) -> None:
        """Keep each for ``lifetime`` seconds; with 0 none is kept."""
        self._lifetime = lifetime
        self._lock = threading.Lock()
        self._locks: dict[Login, threading.Lock] = {}
        self._kept: dict[Login, Survey] = {}
        self._doubts = 0
        self._told: set[str] = set()

    def of(self, login: Login, make: Callable[[], Survey]) -> Survey:
        """Return the kept survey of a login, or a new one; whoever comes meanwhile waits for it."""
        with self._lock:
            lock = self._locks.setdefault(login, threading.Lock())
        with lock:
            kept = self._kept.get(login)
            if kept is None or time.monotonic() - kept.taken >= self._lifetime:
                doubts = self._doubts
                kept = make()
                self._keep(login, kept, doubts)
                self._tell(kept)
            return kept

    def _keep(self, login: Login, survey: Survey, doubts: int) -> None:
        """Keep a survey, unless what it is made of was doubted or forgotten meanwhile."""
        with self._lock:
            if doubts == self._doubts:
                self._kept[login] = survey
            else:
                self._kept.pop(login, None)

    def doubt(self, login: Login) -> None:
        """Make the survey anew when it is next asked for: a folder in it is gone."""
        with self._lock:
            kept = self._kept.get(login)
            if kept is not None and time.monotonic() - kept.taken > DOUBTED_SECONDS:
                del self._kept[login]
                self._doubts += 1

    def renew(self, login: Login) -> None:
        """Keep none of a login that was begun before now."""
        with self._lock:
            self._kept.pop(login, None)
            self._doubts += 1

    def forget(self) -> None:
        """Keep none."""
        with self._lock:
            self._kept.clear()
            self._doubts += 1

    def _tell(self, survey: Survey) -> None:
        """Say once of each folder that nobody can tell for whom it counts."""
        for folder in survey.unknown:
            if folder.name not in self._told:
                self._told.add(folder.name)
                log.warning("discovery folder=%r event=unknown-rights needs=a", folder.name)
