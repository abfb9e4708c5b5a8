"""Who may do what in a folder: ports.AccessControl over IMAP (RFC 4314).

What is written is read again: servers keep rights that nobody asked for, and leave out some
that were.  Entries for groups, for the owner as such and those that take rights away are
shown as the server has them, and left alone.

One's own rights and the list are asked for together; what is a calendar is remembered, and
where other users' folders lie is asked only where a right to administer is to go.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from calendar_sync.imap import acl, extensions, sight
from calendar_sync.imap.connection import PASSING
from calendar_sync.imap.extensions import CommandRefused
from calendar_sync.imap.namespaces import namespaces
from calendar_sync.imap.rights import ADMINISTER, normal, normal_rights, wire_rights
from freebusy.connector.roles import ORDER, is_everyone, ordered
from freebusy.errors import (
    BadUserError,
    FolderError,
    NoFolderError,
    NotPermittedError,
    RightsKeptError,
)
from freebusy.ports import AclEntry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from calendar_sync.imap.behalf import Behalf
    from calendar_sync.imap.connection import Connection
    from calendar_sync.imap.itemfolders import KnownFolders
    from calendar_sync.imap.rights import Entry
    from freebusy.ports import Owner

MAX_IDENTIFIER = 254
_SPECIAL = ("-", "#", "$", "!", "group:", "group=")
"""How entries begin that are no users: negative ones, global ones, groups."""
_RESERVED = frozenset({"owner", "authenticated", "anonymous", "administrators"})
_KNOWN = frozenset(ORDER + "cd")
_OPTIONAL = frozenset("p")
"""A right of no use in a calendar folder, which not all servers can hold."""

NOT_ANYONE = (
    "the mail server lets nobody share with everyone: its operator has to allow it "
    "(Dovecot: acl_anyone = allow)"
)
NO_ACL = "the mail server has no access control lists"
NO_RIGHT = "you have no right to administer this folder (a)"
"""``a`` is needed to see a list, too (RFC 4314 §4)."""
OWN_LOSS = (
    "that takes the right to administer (a) from the folder's owner, or from yourself: "
    "ask with force where you mean it"
)


def is_left_alone(user: str) -> bool:
    """Whether an entry is none for a user: it is shown and never changed here."""
    name = normal(user)
    return name.startswith(_SPECIAL) or name in _RESERVED


def checked_user(user: str) -> str:
    """Return an identifier that can be given rights; raises BadUserError for any other."""
    if not user or user != user.strip() or not user.isprintable() or len(user) > MAX_IDENTIFIER:
        raise BadUserError("a user's name is empty, too long, or holds control characters")
    if any(sign in user for sign in '"\\%*/'):
        raise BadUserError("a user's name holds a character that names of mailboxes cannot")
    if is_left_alone(user):
        raise BadUserError(
            "entries for groups, for owners as such, and those that take rights away are shown "
            "and left alone: the mail server's own tools change them"
        )
    return user


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder whose list one may change."""

    connection: Connection
    path: str
    entries: list[AclEntry]
    """The list as it was when the folder was looked at."""

    def protects(self, user: str) -> bool:
        """Whether a user is the owner or who asks: their right to administer goes by force."""
        oneself = self.connection.login.identity
        names = {oneself, oneself.partition("@")[0]}
        owner = sight.owner_of(namespaces(self.connection), self.path)
        return normal(user) in set(map(normal, names | {owner or oneself}))

    def in_force(self, user: str) -> AclEntry:
        """Return what a user has now, also where who asks may no longer see the list."""
        seen = _look(self.connection, self.path)
        return AclEntry(user, seen.rights) if seen.acl is None else _entry(seen.acl, user)


@dataclass(frozen=True, slots=True)
class _Look:
    """One's own rights on a folder, and its list as far as it may be seen."""

    rights: frozenset[str]
    acl: list[AclEntry] | None


def _look(connection: Connection, path: str) -> _Look:
    """Ask for both in one round trip; a folder that is not there gives no rights."""
    if not connection.can("ACL"):
        return _Look(sight.ALL_RIGHTS, None)
    name = extensions.mailbox_name(path)
    commands = [b"MYRIGHTS " + name, b"GETACL " + name]
    rights, listed = "", None
    for response in acl.pipelined(connection.client, "GETACL", commands):
        if mine := acl.parse_my_rights(response):
            rights = mine[1]
        elif found := acl.parse_acl(response):
            listed = list(map(_read, found[1]))
    return _Look(normal_rights(rights), listed)


def _read(entry: Entry) -> AclEntry:
    user, rights = entry
    return AclEntry(user, normal_rights(rights))


def _entry(entries: Sequence[AclEntry], user: str) -> AclEntry:
    """Return one user's entry, without rights where there is none."""
    wanted = normal(user)
    found = (each for each in entries if normal(each.user) == wanted)
    return next(found, AclEntry(user, frozenset()))


class ImapAccessControl:
    """Access control lists on one mail server; safe from any thread."""

    def __init__(self, behalf: Behalf, folders: KnownFolders) -> None:
        """``folders`` says which folders are calendars: no other list is shown or changed."""
        self._behalf = behalf
        self._folders = folders

    def acl(self, who: Owner, path: str) -> Sequence[AclEntry]:
        """Return the list, sorted; raises NotPermittedError without the right to administer."""
        with self._opened(who, path) as folder:
            return sorted(folder.entries, key=lambda entry: entry.user)

    def grant(
        self, who: Owner, path: str, user: str, rights: frozenset[str], *, force: bool = False
    ) -> AclEntry:
        """Give a user just these rights, and return those in force afterwards.

        Raises RightsKeptError where the server keeps others than were asked for, and where
        the owner, or who asks, would lose the right to administer and ``force`` is not set.
        """
        wanted = normal_rights("".join(sorted(rights)))
        with self._opened(who, path) as folder:
            return _give(folder, checked_user(user), wanted, force=force)

    def revoke(self, who: Owner, path: str, user: str, *, force: bool = False) -> AclEntry:
        """Take a user out of the list; returns and raises as :meth:`grant`."""
        with self._opened(who, path) as folder:
            return _give(folder, checked_user(user), None, force=force)

    @contextmanager
    def _opened(self, who: Owner, path: str) -> Iterator[_Folder]:
        """Give a folder that one may administer; raises NoFolderError, NotPermittedError."""
        self._folders.check(who, self._behalf.login(who).identity, path)
        with self._behalf.use(who, lambda c: _look(c, path)) as (connection, seen):
            if not connection.can("ACL"):
                raise FolderError(NO_ACL)
            if seen.rights and ADMINISTER not in seen.rights:
                raise NotPermittedError(NO_RIGHT)
            if seen.acl is None:  # Dovecot tells rights also on what is not there
                raise NoFolderError(sight.NO_FOLDER)
            yield _Folder(connection, path, seen.acl)


def _give(folder: _Folder, user: str, rights: frozenset[str] | None, *, force: bool) -> AclEntry:
    """Write an entry (None: delete it), and read it again."""
    wanted = rights or frozenset()
    if ADMINISTER not in wanted and not force and folder.protects(user):
        before = _entry(folder.entries, user)
        if ADMINISTER in before.rights or not before.rights:  # Dovecot lists no owner to others
            raise RightsKeptError(OWN_LOSS, ordered(before.rights))
    client = folder.connection.client
    told = wire_rights(wanted, obsolete=_is_old(folder.connection))
    try:
        if rights is None:
            acl.delete_acl(client, folder.path, user)
        else:
            acl.set_acl(client, folder.path, user, ordered(told))
    except CommandRefused as refusal:
        raise _not_given(folder, user, wanted, refusal) from None
    entry = folder.in_force(user)
    _must_be(entry, wanted, old=_is_old(folder.connection))
    return entry


def _is_old(connection: Connection) -> bool:
    """Whether the server knows only RFC 2086: no RIGHTS= among its capabilities (RFC 4314 §2)."""
    return not connection.can_any("RIGHTS=")


def _must_be(entry: AclEntry, wanted: frozenset[str], *, old: bool) -> None:
    """Raise RightsKeptError where other rights are in force than could be asked for."""
    told, held = (wire_rights(rights, obsolete=old) for rights in (wanted, entry.rights))
    kept = (held - told) & _KNOWN
    missing = told - held - _OPTIONAL
    if kept:
        raise RightsKeptError(
            "the mail server keeps rights that were to be taken away", ordered(entry.rights)
        )
    if missing:
        raise RightsKeptError("the mail server does not give all of these", ordered(entry.rights))


def _not_given(
    folder: _Folder, user: str, wanted: frozenset[str], refusal: CommandRefused
) -> Exception:
    """Return why the server does not change an entry."""
    if refusal.code in PASSING:
        return refusal
    if is_everyone(user):
        return FolderError(NOT_ANYONE)
    kept = normal_rights(_required(folder, user)) - wanted
    if kept:
        return RightsKeptError(
            f"the mail server lets nobody take {ordered(kept)} from the folder's owner",
            ordered(folder.in_force(user).rights),
        )
    if ADMINISTER not in _look(folder.connection, folder.path).rights:
        return NotPermittedError(NO_RIGHT)
    return BadUserError("the mail server knows no such user, or not all of these rights")


def _required(folder: _Folder, user: str) -> str:
    try:
        return acl.required_rights(folder.connection.client, folder.path, user)
    except CommandRefused:
        return ""
