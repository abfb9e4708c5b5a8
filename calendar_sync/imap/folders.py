"""Which folders are a person's calendars: by name, by METADATA, or by the usual names.

Kolab's folder types are METADATA entries (RFC 5464); servers give them quoted
(Cyrus) or as literals after an atom (Dovecot).  Where namespaces lie is
RFC 2342.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from calendar_sync.imap import extensions
from calendar_sync.imap.settings import fill, is_personal
from freebusy.errors import CalendarMissingError, SourceRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from calendar_sync.imap.connection import Connection
    from calendar_sync.imap.extensions import Examined
    from calendar_sync.imap.settings import ImapSettings
    from freebusy.ports import Owner

SHARED_TYPE = "/shared/vendor/kolab/folder-type"
PRIVATE_TYPE = "/private/vendor/kolab/folder-type"
RELEVANCE = "/shared/vendor/kolab/incidences-for"

USUAL_NAMES = ("Calendar", "Kalender", "Calendrier", "Calendario", "Agenda", "Calendário")
"""What connectors call the folder they make, in the languages of their users."""

MAX_ASKED = 200
"""Folders that are asked one by one where the server takes no pattern."""

_NOT_A_FOLDER = {b"\\noselect", b"\\nonexistent"}
_MISSING = {"NONEXISTENT", "TRYCREATE"}


@dataclass(frozen=True, slots=True)
class Space:
    """A namespace: how the names in it begin, and what separates their parts."""

    prefix: str
    separator: str

    @property
    def pattern(self) -> str:
        """What LIST finds its folders by, and maybe others: Cyrus knows no ``^`` in a pattern."""
        return self.prefix.replace("^", "%") + "*"


@dataclass(frozen=True, slots=True)
class Namespaces:
    """What NAMESPACE says (RFC 2342 §5), and what holds where it says nothing."""

    personal: Space = Space("", "/")
    others: Space | None = None
    foreign: tuple[str, ...] = ()
    """How names begin that are not the login's own."""

    def is_own(self, folder: str) -> bool:
        """Whether a folder is the login's own."""
        return folder.startswith(self.personal.prefix) and not folder.startswith(self.foreign)


# -- is a folder there? ----------------------------------------------------------------


def listed(connection: Connection, pattern: str) -> list[str]:
    """Return the names of the folders that match a LIST pattern and can be opened."""
    with extensions.understanding():
        return [
            str(name)
            for flags, _, name in connection.client.list_folders("", pattern)
            if not _NOT_A_FOLDER & {bytes(flag).lower() for flag in flags}
        ]


def examine(connection: Connection, folder: str) -> Examined:
    """Open a folder read only.

    Raises CalendarMissingError where it is not there; CommandRefused where it is
    but may not be read.  Most servers say only in words which of the two it is,
    so LIST decides.
    """
    try:
        return connection.examine(folder)
    except extensions.CommandRefused as error:
        unnamed = not error.code and not _is_listed(connection, folder)
        if unnamed or error.code in _MISSING:
            raise CalendarMissingError(
                f"the folder {folder!r} is not there, or not to be seen by the login "
                f"{connection.login.username!r}"
            ) from None
        raise


def _is_listed(connection: Connection, folder: str) -> bool:
    try:
        return folder in listed(connection, folder)
    except IMAPClientAbortError:
        raise
    except IMAPClientError:
        return False


# -- a person's folders ----------------------------------------------------------------


def find(connection: Connection, settings: ImapSettings, owner: Owner) -> list[str]:
    """Return the names of the owner's calendar folders that are there.

    The names written for this person come before the source's templates, and
    these before discovery.
    """
    if owner.folders:
        return _present(connection, owner.folders)
    spaces = namespaces(connection)
    if settings.folder:
        separator = spaces.personal.separator
        return _present(connection, [fill(t, owner, separator=separator) for t in settings.folder])
    if owner.login or is_personal(settings.username):
        found = _discover(connection, spaces.personal)
        return [name for name in found if spaces.is_own(name)]
    return _discover_other(connection, spaces.others, owner)


def _present(connection: Connection, names: Iterable[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        with contextlib.suppress(CalendarMissingError):
            examine(connection, name)
            found.append(name)
    return found


def namespaces(connection: Connection) -> Namespaces:
    """Ask where personal, other users' and shared folders lie."""
    if not connection.can("NAMESPACE"):
        return Namespaces()
    with extensions.understanding():
        return _namespaces(*connection.client.namespace())


Names = Sequence[tuple[str, str | None]] | None


def _namespaces(personal: Names, others: Names, shared: Names) -> Namespaces:
    foreign = tuple(prefix for prefix, _ in [*(others or ()), *(shared or ())] if prefix)
    return Namespaces(
        _space(personal[0]) if personal else Space("", "/"),
        _space(others[0]) if others else None,
        foreign,
    )


def _space(namespace: tuple[str, str | None]) -> Space:
    return Space(namespace[0], namespace[1] or "/")


def _discover_other(connection: Connection, others: Space | None, owner: Owner) -> list[str]:
    """Return the calendars of somebody else, under any of the names a server may know them by."""
    if others is None:
        raise SourceRefusedError(
            "the mail server shows no folders of other users: name the folders, "
            "or use a template such as {address} as username"
        )
    for template in ("{name}", "{address}", "{local}"):
        name = fill(template, owner, separator=others.separator)
        below = Space(f"{others.prefix}{name}{others.separator}", others.separator)
        if found := _discover(connection, below):
            return found
    return []


# -- discovery -------------------------------------------------------------------------


def _discover(connection: Connection, space: Space) -> list[str]:
    """Return the folders of type event in a namespace, else those with a usual name."""
    typed = _typed(connection, space) if connection.can("METADATA") else []
    if typed:
        return sorted(typed)
    names = listed(connection, space.pattern)
    return sorted(name for name in names if _has_usual_name(name, space))


def _has_usual_name(name: str, space: Space) -> bool:
    leaf = name.removeprefix(space.prefix).removeprefix(f"INBOX{space.separator}")
    return name.startswith(space.prefix) and leaf in USUAL_NAMES


def _typed(connection: Connection, space: Space) -> list[str]:
    """Return the folders whose entries say event, all at once where the server takes a pattern."""
    entries = _metadata(connection, space.pattern)
    if not entries:
        for name in listed(connection, space.pattern)[:MAX_ASKED]:
            entries |= _metadata(connection, name)
    own = (name for name, values in entries.items() if counts(values))
    return [name for name in own if name.startswith(space.prefix)]


def _metadata(connection: Connection, mailbox: str) -> dict[str, dict[str, bytes]]:
    wanted = (SHARED_TYPE, PRIVATE_TYPE, RELEVANCE)
    try:
        return extensions.get_metadata(connection.client, mailbox, wanted)
    except extensions.CommandRefused:
        return {}


def counts(entries: Mapping[str, bytes]) -> bool:
    """Whether a folder's entries make it a calendar that counts for free/busy.

    Subtypes such as ``event.default`` are calendars, too; one that is relevant
    to nobody does not count.
    """
    kinds = {
        entries.get(name, b"").lower().partition(b".")[0] for name in (SHARED_TYPE, PRIVATE_TYPE)
    }
    return b"event" in kinds and entries.get(RELEVANCE, b"").lower() != b"nobody"
