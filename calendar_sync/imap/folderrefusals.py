"""Why a mail server refuses to make, move or delete a folder.

Most say it in words only, which differ; what is asked here of rights (RFC 4314 §4) and
names tells the reason just as well.  Each function returns an error to be raised: one of
the FolderErrors, or the refusal itself where it says no more than: not now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from calendar_sync.imap import mailboxnames, sight
from calendar_sync.imap.connection import PASSING
from freebusy.errors import (
    BadFolderError,
    FolderError,
    FolderExistsError,
    FolderFilledError,
    NoFolderError,
    NotPermittedError,
)
from freebusy.wording import counted

if TYPE_CHECKING:
    from calendar_sync.imap.connection import Connection
    from calendar_sync.imap.extensions import CommandRefused
    from calendar_sync.imap.sight import Sight

EXISTS = "a folder of that name is there already"
HAS_CHILDREN = "folders lie below it: move or delete those first"


def must_be_free(seen: Sight, path: str) -> None:
    """Raise FolderExistsError where a folder is there."""
    if path in seen.survey.names:
        raise FolderExistsError(EXISTS)


def not_made(
    connection: Connection, refusal: CommandRefused, path: str, parent: str | None
) -> Exception:
    """Return why a folder cannot be made."""
    if refusal.code in PASSING:
        return refusal
    if refusal.code == "OVERQUOTA":
        return NotPermittedError("the quota on the mail server allows no more folders")
    if refusal.code == "ALREADYEXISTS" or sight.looks(connection, [path])[path].state:
        return FolderExistsError(EXISTS)
    if refusal.code == "NOPERM" or not may_make(connection, parent):
        return NotPermittedError("you have no right to make folders there (k)")
    return BadFolderError("the mail server takes no folder of that name there")


def may_make(connection: Connection, parent: str | None) -> bool:
    """Whether one's rights allow a folder there; at the top of one's own they do."""
    return not parent or "k" in sight.looks(connection, [parent])[parent].rights


def not_renamed(
    connection: Connection, refusal: CommandRefused, path: str, parent: str | None
) -> Exception:
    """Return why a folder cannot be renamed inside its namespace."""
    if refusal.code in PASSING:
        return refusal
    if refusal.code == "ALREADYEXISTS":
        return FolderExistsError(EXISTS)
    rights = sight.looks(connection, [path])[path].rights
    if refusal.code == "NOPERM" or "x" not in rights or not may_make(connection, parent):
        return NotPermittedError(
            "you need the rights to delete it here (x) and to make it there (k)"
        )
    return BadFolderError("the mail server takes no folder of that name there")


def must_be_deletable(
    connection: Connection, seen: Sight, path: str, *, even_if_filled: bool
) -> None:
    """Raise FolderFilledError for a folder with items, FolderError for one above others."""
    look = sight.looks(connection, [path])[path]
    items = 0 if look.state is None else look.state.messages
    if mailboxnames.below(seen.survey, path):
        raise FolderError(HAS_CHILDREN)
    if even_if_filled:
        return
    if look.state is None:
        raise NotPermittedError("whether it is empty cannot be seen without the right to read (r)")
    if items:
        raise FolderFilledError(f"the folder holds {counted(items, 'item')}", items)


def not_deleted(connection: Connection, refusal: CommandRefused, path: str) -> Exception:
    """Return why a folder cannot be deleted."""
    if refusal.code in PASSING:
        return refusal
    if refusal.code == "NONEXISTENT":
        return NoFolderError(sight.NO_FOLDER)
    if refusal.code == "HASCHILDREN":
        return FolderError("folders lie below it that you cannot see")
    if refusal.code == "NOPERM" or "x" not in sight.looks(connection, [path])[path].rights:
        return NotPermittedError("you have no right to delete it (x)")
    return BadFolderError("the mail server does not delete that folder")
