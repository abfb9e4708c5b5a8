"""Putting a folder where RENAME does not lead: copied, compared, and deleted last.

Until everything is in the new folder the old one is whole, and what fails before leaves
only that; what came meanwhile is seen, and then the old folder stays.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from calendar_sync.imap import acl, extensions, mailboxcommands, mailboxnames, sight
from calendar_sync.imap.connection import LOST
from calendar_sync.imap.extensions import CommandRefused, mailbox_name
from calendar_sync.imap.folderrefusals import HAS_CHILDREN, not_made
from calendar_sync.imap.rights import normal
from calendar_sync.imap.uidset import UidSet
from freebusy.errors import BadFolderError, FolderError, NotPermittedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from calendar_sync.imap.connection import Connection
    from calendar_sync.imap.extensions import MessageState
    from calendar_sync.imap.rights import Entry
    from calendar_sync.imap.sight import Sight

AT_ONCE = 500
"""Messages that one COPY copies: so the server answers within any time-out."""
NEEDED = frozenset("rx")
NOT_ALL = "the mail server does not rename to there, and a copy would not hold all: it stays"


def relocate(
    connection: Connection,
    seen: Sight,
    path: str,
    target: str,
    *,
    parent: str | None,
    undo: Callable[[str], None],
) -> None:
    """Move a folder by copying; raises FolderError where anything of it would be lost.

    ``undo`` deletes a folder, and does so by another connection: this one may be lost.
    """
    if mailboxnames.below(seen.survey, path):
        raise BadFolderError(f"the mail server does not rename to there, and {HAS_CHILDREN}")
    before = sight.looks(connection, [path])[path]
    if not before.rights >= NEEDED or before.state is None:
        raise NotPermittedError("you need the rights to read it (r) and to delete it here (x)")
    shares = _shares(connection, path, before.rights)
    try:
        mailboxcommands.create(connection.client, target)
    except CommandRefused as refusal:
        raise not_made(connection, refusal, target, parent) from None
    try:
        _fill(connection, path, target, shares)
        if before != sight.looks(connection, [path])[path]:
            raise FolderError("somebody changed the folder meanwhile: try again")
        mailboxcommands.delete(connection.client, path)
    except CommandRefused:
        undo(target)
        raise FolderError(NOT_ALL) from None
    except (FolderError, *LOST):
        undo(target)
        raise


def _shares(connection: Connection, path: str, rights: frozenset[str]) -> list[Entry]:
    """Return what others may do in the folder."""
    if not connection.can("ACL"):
        return []
    if "a" not in rights:
        raise NotPermittedError("who else may use it cannot be seen without the right a")
    oneself = normal(connection.login.identity)
    entries = acl.get_acls(connection.client, [path]).get(path, ())
    return [(user, letters) for user, letters in entries if normal(user) != oneself]


def _fill(connection: Connection, path: str, target: str, shares: Sequence[Entry]) -> None:
    """Copy annotations, shares and messages, and compare; raises FolderError, CommandRefused."""
    if connection.can("METADATA"):
        entries = mailboxcommands.kolab_entries(connection.client, path)
        try:
            mailboxcommands.set_entries(connection.client, target, entries)
        except LOST:  # Cyrus 3.6.1 breaks off in namespaces that are nobody's
            raise FolderError("the mail server keeps no folder types there") from None
    if shares and "a" not in sight.looks(connection, [target])[target].rights:
        raise NotPermittedError("others may use it, and there you have no right to let them (a)")
    for user, letters in shares:
        acl.set_acl(connection.client, target, user, letters)
    if _copied(connection, path, target) != _kinds(connection, target):
        raise FolderError(NOT_ALL)


def _copied(connection: Connection, path: str, target: str) -> Counter[tuple[int | None, bool]]:
    """Copy all messages, and return how many there are of each size."""
    states = _states(connection, path)
    uids = sorted(state.uid for state in states)
    for at in range(0, len(uids), AT_ONCE):
        some = str(UidSet.of(uids[at : at + AT_ONCE])).encode("ascii")
        command = b"UID COPY " + some + b" " + mailbox_name(target)
        extensions.run(connection.client, command, name="COPY")
    return _counted(states)


def _kinds(connection: Connection, path: str) -> Counter[tuple[int | None, bool]]:
    found = _counted(_states(connection, path))
    connection.unselect()
    return found


def _states(connection: Connection, path: str) -> list[MessageState]:
    connection.examine(path)
    return extensions.list_states(connection.client)[0]


def _counted(states: Sequence[MessageState]) -> Counter[tuple[int | None, bool]]:
    return Counter((state.size, state.deleted) for state in states)
