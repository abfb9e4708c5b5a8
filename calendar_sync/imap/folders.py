"""Which folders are there: by LIST and EXAMINE, and by the names that connectors give them."""

from __future__ import annotations

import contextlib
import unicodedata
from typing import TYPE_CHECKING

from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from calendar_sync.imap import extensions
from freebusy.errors import CalendarMissingError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from calendar_sync.imap.connection import Connection
    from calendar_sync.imap.extensions import Examined
    from calendar_sync.imap.resync import Since

USUAL_NAMES = (
    "Calendar",
    "Kalender",  # German, Danish, Swedish, Norwegian
    "Calendrier",
    "Calendario",  # Italian, Spanish
    "Calend\u00e1rio",  # Portuguese
    "Agenda",  # Dutch
    "Kalenteri",  # Finnish
    "Kalendarz",  # Polish
    "Kalend\u00e1\u0159",  # Czech
    "Napt\u00e1r",  # Hungarian
    "Takvim",  # Turkish
    "\u041a\u0430\u043b\u0435\u043d\u0434\u0430\u0440\u044c",  # Russian
    "\u4e88\u5b9a\u8868",  # Japanese
)
"""What connectors call the folder they make, in the languages of their users."""

_NOT_A_FOLDER = {b"\\noselect", b"\\nonexistent"}
_MISSING = {"NONEXISTENT", "TRYCREATE"}


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


_USUAL = frozenset(map(_plain, USUAL_NAMES))


def has_usual_name(name: str, separator: str) -> bool:
    """Whether a folder, named without its namespace, is called as calendars are.

    It lies at the top or below INBOX.
    """
    return _plain(name.removeprefix(f"INBOX{separator}")) in _USUAL


# -- is a folder there? ----------------------------------------------------------------


def listed(connection: Connection, pattern: str) -> list[str]:
    """Return the names of the folders that match a LIST pattern and can be opened.

    Cyrus takes names that are no text: half a character in modified UTF-7 (RFC 3501 §5.1.3).
    They are passed over: nothing can hold them, and whoever shares one must stop nobody.
    """
    with extensions.understanding():
        return [
            str(name)
            for flags, _, name in connection.client.list_folders("", pattern)
            if not _NOT_A_FOLDER & {bytes(flag).lower() for flag in flags} and _is_text(str(name))
        ]


def _is_text(name: str) -> bool:
    return not any("\ud800" <= sign <= "\udfff" for sign in name)


def examine(connection: Connection, folder: str, since: Since | None = None) -> Examined:
    """Open a folder read only, and hear what changed ``since`` where the server can tell.

    Raises CalendarMissingError where it is not there; CommandRefused where it is
    but may not be read.  Most servers say only in words which of the two it is,
    so LIST decides.
    """
    try:
        return connection.examine(folder, since)
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


def present(connection: Connection, names: Iterable[str]) -> list[str]:
    """Return which of these folders can be opened."""
    found: list[str] = []
    for name in names:
        with contextlib.suppress(CalendarMissingError):
            examine(connection, name)
            found.append(name)
    return found
