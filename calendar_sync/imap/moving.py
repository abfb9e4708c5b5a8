"""Moving a calendar folder: by RENAME (RFC 3501 §6.3.5), else by copying.

Servers rename with contents, folders below, access control lists and annotations.  What
they leave behind is done here: subscriptions, and on Dovecot the list of what is shared.
"""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from calendar_sync.imap import acl, mailboxcommands, mailboxnames, sight
from calendar_sync.imap.connection import PASSING
from calendar_sync.imap.extensions import CommandRefused
from calendar_sync.imap.folderrefusals import must_be_free, not_renamed
from calendar_sync.imap.foldertypes import EVENT, UNTYPED, types_of_names
from calendar_sync.imap.relocation import relocate
from calendar_sync.imap.survey import says_dovecot
from freebusy.errors import BadFolderError

if TYPE_CHECKING:
    from collections.abc import Callable

    from calendar_sync.imap.connection import Connection
    from calendar_sync.imap.sight import Sight


@dataclass(frozen=True, slots=True)
class Move:
    """From where to where."""

    path: str
    target: str
    parent: str | None
    """The folder above the target, where it is to be another than now."""


def target_of(seen: Sight, path: str, name: str | None, parent: str | None) -> str:
    """Return the new path; raises BadFolderError, NoFolderError, FolderExistsError."""
    view = seen.survey
    leaf = mailboxnames.leaf_of(view, path) if name is None else name
    if parent is None:
        target = path if name is None else mailboxnames.beside(view, path, leaf)
    else:
        target = mailboxnames.child(view, parent, leaf)
    if target.startswith(path + mailboxnames.separator_at(view.spaces, path)):
        raise BadFolderError("a folder cannot lie below itself")
    if target != path:
        must_be_free(seen, target)
    return target


def move(connection: Connection, seen: Sight, wanted: Move, undo: Callable[[str], None]) -> None:
    """Move a folder and what belongs to it; raises FolderError and its kinds.

    ``undo`` deletes a folder by another connection.
    """
    client = connection.client
    _keep_known(connection, seen, wanted)
    separator = mailboxnames.separator_at(seen.survey.spaces, wanted.path)
    subscribed = mailboxcommands.subscribed(client, wanted.path, separator)
    try:
        mailboxcommands.rename(client, wanted.path, wanted.target)
    except CommandRefused as refusal:
        if _stays_inside(seen, wanted) or refusal.code in {"ALREADYEXISTS", *PASSING}:
            raise not_renamed(connection, refusal, wanted.path, wanted.parent) from None
        relocate(connection, seen, wanted.path, wanted.target, parent=wanted.parent, undo=undo)
    else:
        _tell_others(connection, wanted.target)
    mailboxcommands.resubscribe(client, subscribed, wanted.path, wanted.target)


def _keep_known(connection: Connection, seen: Sight, wanted: Move) -> None:
    """Give a folder that has a name only its type, before it loses the name."""
    typed = connection.can("METADATA")
    if not sight.is_known(seen, wanted.target, typed=typed):
        raise BadFolderError(UNTYPED)
    if sight.is_known(seen, wanted.target, typed=False) or _is_typed(seen, wanted.path):
        return
    types = {wanted.path: EVENT} | types_of_names(seen)
    try:
        mailboxcommands.set_types(connection.client, types)
    except CommandRefused:
        raise BadFolderError(UNTYPED) from None


def _is_typed(seen: Sight, path: str) -> bool:
    return any(folder.is_typed for folder in seen.survey.folders if folder.name == path)


def _stays_inside(seen: Sight, wanted: Move) -> bool:
    """Whether both places are the same person's, or nobody's: there RENAME is all there is."""
    places = (mailboxnames.territory(seen.survey, p) for p in (wanted.path, wanted.target))
    return len(set(places)) == 1


def _tell_others(connection: Connection, path: str) -> None:
    """Let Dovecot write down anew what is shared.

    Dovecot 2.3 lists a renamed folder for nobody else until an entry is added to a list of
    that person's: it is one for a user who does not exist, and gives next to nothing.
    """
    if not (connection.can("ACL") and says_dovecot(connection)):
        return
    nobody = f"nobody-{secrets.token_hex(8)}"
    with contextlib.suppress(CommandRefused):  # without the right a: it shows later
        acl.set_acl(connection.client, path, nobody, "p")
        acl.delete_acl(connection.client, path, nobody)
