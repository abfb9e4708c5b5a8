"""A mail server in memory with calendar folders of many users, for tests.

It keeps to what real ones do: UIDs grow and are never used again, rights are those of
RFC 4314 and are enforced, folders show up for whoever has ``l``, and a folder's owner keeps
some rights whatever anybody says (as with Cyrus).  Items are iCalendar texts; each change
gets a number, as with CONDSTORE (RFC 7162).

Own folders lie below ``prefix``, those of others below ``user/NAME/`` and those that are
nobody's below ``Shared/`` (RFC 2342 §5).
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from calendar_sync.memoryfolder import ALL_RIGHTS, KEPT_BY_OWNER, MemoryFolder, letters
from calendar_sync.memorywriting import placed, write
from freebusy.errors import (
    BadFolderError,
    FolderExistsError,
    FolderFilledError,
    NoFolderError,
    NotPermittedError,
    RightsKeptError,
    SourceRefusedError,
    UnreachableError,
)
from freebusy.ports import (
    AclEntry,
    CalendarFolder,
    ChangeResult,
    FolderChanges,
    MailServer,
    NamespaceEntry,
)
from freebusy.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from freebusy.ports import Dialect, FolderItem, FolderState, ItemChange, Owner, Step, SyncToken

SEPARATOR = "/"
OTHERS = "user/"
SHARED = "Shared/"
CALENDAR = "Calendar"

_Key = tuple[str | None, str]
"""Whose a folder is, and its name below that."""
_FORBIDDEN = {*'/*%"\\', "\x7f", *map(chr, range(32))}
_STEPS: tuple[Step, ...] = ("name", "connection", "tls", "login")


class MemoryMail:
    """All users, folders and messages; safe from any thread.

    It is CalendarFolders, CalendarItems, AccessControl and MailServerCheck at once.
    """

    def __init__(self, *, prefix: str = "", proxies: bool = True) -> None:
        """``prefix``: where one's own folders lie, such as ``INBOX/``.

        ``proxies``: whether an Owner without a password is let in.
        """
        self._prefix = prefix
        self._proxies = proxies
        self._lock = threading.RLock()
        self._passwords: dict[str, str] = {}
        self._folders: dict[_Key, MemoryFolder] = {}
        self.broken: Step | None = None
        """The step at which everybody fails at the moment."""
        self.condstore = True
        """Whether folders tell modification sequences."""

    # -- setting it up, and acting as other clients do

    def add_user(self, user: str, password: str = "secret", *, calendar: bool = True) -> None:  # noqa: S107  # nobody's
        """Make a user, with a folder ``Calendar`` unless told otherwise."""
        with self._lock:
            self._passwords[user] = password
            if calendar:
                self._folders[user, CALENDAR] = MemoryFolder(user, {user: ALL_RIGHTS})

    def add_shared(self, name: str, acl: dict[str, str]) -> str:
        """Make a folder that is nobody's and return its path; ``acl`` is all its rights."""
        with self._lock:
            rights = {user: frozenset(given) for user, given in acl.items()}
            self._folders[None, name] = MemoryFolder(None, rights)
        return SHARED + name

    def append(
        self, who: Owner, path: str, calendar: str, *, dialect: Dialect = "icalendar"
    ) -> FolderItem:
        """Put a message into a folder, as another client does; raises ValueError for its text."""
        with self._open(who, path, "i") as folder:
            return folder.append(placed(calendar, dialect=dialect))

    def expunge(self, who: Owner, path: str, *hrefs: str) -> None:
        """Remove messages, as another client does."""
        with self._open(who, path, "te") as folder:
            folder.expunge(frozenset(hrefs))

    def items(self, who: Owner, path: str) -> list[FolderItem]:
        """Return all messages of a folder, the oldest first."""
        with self._open(who, path, "r") as folder:
            return [item for _, item in folder.items.values()]

    def renew(self, who: Owner, path: str) -> None:
        """Give a folder another UIDVALIDITY and its messages UIDs from 1 on, as a restore does."""
        with self._open(who, path, "x") as folder:
            folder.renew()

    # -- MailServerCheck

    def ping(self, who: Owner) -> MailServer:
        """Log in, and tell what was found; raises UnreachableError."""
        self.reach()
        if self.broken is not None or not self._is_right(who):
            raise UnreachableError("the mail server refuses the login", "login")
        return MailServer(
            host="imap.example.com",
            port=993,
            security="tls",
            tls_version="TLSv1.3",
            software="Memory",
            version="1.0",
            login=_user(who),
            namespaces=(
                NamespaceEntry("personal", self._prefix, SEPARATOR),
                NamespaceEntry("others", OTHERS, SEPARATOR),
                NamespaceEntry("shared", SHARED, SEPARATOR),
            ),
            capabilities=("ACL", "CONDSTORE", "IMAP4rev1", "UIDPLUS"),
            steps=dict.fromkeys(_STEPS, 0.1),
            latency=0.1,
        )

    def reach(self) -> None:
        """Raise UnreachableError where something before the login is broken."""
        if self.broken is not None and self.broken != "login":
            raise UnreachableError(f"the mail server cannot be used: {self.broken}", self.broken)

    def _is_right(self, who: Owner) -> bool:
        known = self._passwords.get(_user(who))
        if who.password is None:
            return self._proxies and known is not None
        return who.password == known

    def _enter(self, who: Owner) -> str:
        """Return the user who is let in."""
        self.reach()
        if self.broken is not None or not self._is_right(who):
            raise SourceRefusedError("the mail server refuses the login")
        return _user(who)

    # -- CalendarFolders

    def folders(self, who: Owner) -> Sequence[CalendarFolder]:
        """Return the folders that a user sees, own ones first, sorted."""
        with self._lock:
            user = self._enter(who)
            seen = [key for key, folder in self._folders.items() if "l" in folder.rights(user)]
            found = [self._seen(user, key) for key in seen]
        return sorted(found, key=lambda folder: (_KINDS.index(folder.kind), folder.path))

    def folder(self, who: Owner, path: str) -> CalendarFolder:
        """Return one folder; raises NoFolderError."""
        with self._lock:
            user = self._enter(who)
            return self._seen(user, self._visible(user, path))

    def create(self, who: Owner, name: str, *, parent: str | None = None) -> CalendarFolder:
        """Make a folder; below another it begins with that one's access control list."""
        with self._lock:
            user = self._enter(who)
            key = self._place(user, _checked(name), parent or "")
            above = self._folders.get((key[0], key[1].rpartition(SEPARATOR)[0]))
            acl = {user: ALL_RIGHTS} if above is None else dict(above.acl)
            self._folders[key] = MemoryFolder(key[0], acl)
            return self._seen(user, key)

    def move(
        self, who: Owner, path: str, *, name: str | None = None, parent: str | None = None
    ) -> CalendarFolder:
        """Give a folder another name or place; those below it go along."""
        with self._lock:
            user = self._enter(who)
            old = self._visible(user, path)
            leaf = old[1].rpartition(SEPARATOR)[2] if name is None else _checked(name)
            above = self._path(user, old).rpartition(SEPARATOR)[0] if parent is None else parent
            if (above + SEPARATOR).startswith(path + SEPARATOR):
                raise BadFolderError("a folder cannot lie below itself")
            self._need(user, old, "x")
            if parent is None and name in {None, old[1].rpartition(SEPARATOR)[2]}:
                return self._seen(user, old)
            new = self._beside(user, old, leaf) if parent is None else None
            new = new or self._place(user, leaf, above)
            if new == old:
                return self._seen(user, old)
            self._rename(old, new)
            return self._seen(user, new)

    def delete(self, who: Owner, path: str, *, even_if_filled: bool = False) -> None:
        """Delete a folder; raises FolderFilledError unless told to delete what is in it."""
        with self._lock:
            user = self._enter(who)
            key = self._visible(user, path)
            self._need(user, key, "x")
            filled = len(self._folders[key].items)
            if filled and not even_if_filled:
                raise FolderFilledError(f"the folder holds {counted(filled, 'item')}", filled)
            del self._folders[key]

    # -- CalendarItems

    def changes(
        self, who: Owner, path: str, token: SyncToken | None, *, limit: int
    ) -> FolderChanges:
        """Return what changed in a folder since a token."""
        with self._open(who, path, "r") as folder:
            return folder.changes(_user(who), token, limit)

    def write(self, who: Owner, path: str, changes: Sequence[ItemChange]) -> Sequence[ChangeResult]:
        """Do changes in order; raises NotPermittedError where the folder takes none at all."""
        with self._open(who, path, "") as folder:
            rights = folder.rights(_user(who))
            if "i" not in rights and not {"t", "e"} <= rights:
                raise NotPermittedError("the rights on this folder do not allow a change")
            return [write(folder, rights, change) for change in changes]

    # -- AccessControl

    def acl(self, who: Owner, path: str) -> Sequence[AclEntry]:
        """Return a folder's access control list."""
        with self._open(who, path, "a") as folder:
            return [AclEntry(user, rights) for user, rights in sorted(folder.acl.items())]

    def grant(
        self, who: Owner, path: str, user: str, rights: frozenset[str], *, force: bool = False
    ) -> AclEntry:
        """Give a user just these rights; what an owner keeps cannot be taken."""
        return self._set(who, path, user, rights, force=force)

    def revoke(self, who: Owner, path: str, user: str, *, force: bool = False) -> AclEntry:
        """Take a user out of the list."""
        return self._set(who, path, user, None, force=force)

    def _set(
        self, who: Owner, path: str, user: str, rights: frozenset[str] | None, *, force: bool
    ) -> AclEntry:
        with self._open(who, path, "a") as folder:
            wanted = rights or frozenset()
            loses = "a" not in wanted and user in {folder.owner, _user(who)}
            if loses and not force and "a" in folder.rights(user):
                raise RightsKeptError(
                    "this takes the right to administer from its owner, or from you",
                    letters(folder.rights(user)),
                )
            kept = KEPT_BY_OWNER - wanted if user == folder.owner else frozenset[str]()
            if kept:
                in_force = folder.acl.get(user, frozenset()) | KEPT_BY_OWNER
                raise RightsKeptError("the server keeps its owner's rights", letters(in_force))
            folder.set_acl(user, rights)
            return AclEntry(user, wanted)

    # -- names

    @contextmanager
    def _open(self, who: Owner, path: str, needed: str) -> Iterator[MemoryFolder]:
        """Give a folder in which a user has all these rights, under the lock."""
        with self._lock:
            user = self._enter(who)
            key = self._visible(user, path)
            self._need(user, key, needed)
            yield self._folders[key]

    def _need(self, user: str, key: _Key, needed: str) -> None:
        if not frozenset(needed) <= self._folders[key].rights(user):
            raise NotPermittedError("the rights on this folder do not allow that")

    def _visible(self, user: str, path: str) -> _Key:
        key = self._key(user, path)
        folder = None if key is None else self._folders.get(key)
        if key is None or folder is None or "l" not in folder.rights(user):
            raise NoFolderError("there is no such calendar folder")
        return key

    def _key(self, user: str, path: str) -> _Key | None:
        if path.startswith(OTHERS):
            owner, _, name = path.removeprefix(OTHERS).partition(SEPARATOR)
            return None if owner == user else (owner, name)
        if path.startswith(SHARED):
            return None, path.removeprefix(SHARED)
        return (user, path.removeprefix(self._prefix)) if path.startswith(self._prefix) else None

    def _path(self, user: str, key: _Key) -> str:
        owner, name = key
        if owner is None:
            return SHARED + name
        return self._prefix + name if owner == user else f"{OTHERS}{owner}{SEPARATOR}{name}"

    def _place(self, user: str, name: str, parent: str) -> _Key:
        """Return where a new folder is to be, below a parent or at the top of one's own."""
        if not parent:
            key: _Key = (user, name)
        else:
            above = self._visible(user, parent)
            self._need(user, above, "k")
            key = (above[0], f"{above[1]}{SEPARATOR}{name}")
        if key in self._folders:
            raise FolderExistsError("a folder of that name is there already")
        return key

    def _beside(self, user: str, old: _Key, name: str) -> _Key:
        """Return where a folder is with another name in the same place."""
        above = old[1].rpartition(SEPARATOR)[0]
        if above and (old[0], above) in self._folders:
            self._need(user, (old[0], above), "k")
        elif old[0] != user:
            raise NotPermittedError("only its owner may rename a folder at the top")
        key = (old[0], f"{above}{SEPARATOR}{name}" if above else name)
        if key in self._folders and key != old:
            raise FolderExistsError("a folder of that name is there already")
        return key

    def _rename(self, old: _Key, new: _Key) -> None:
        if old[0] != new[0]:
            raise NotPermittedError("a folder stays in the namespace of its owner")
        below = old[1] + SEPARATOR
        for owner, name in list(self._folders):
            if owner == old[0] and (name == old[1] or name.startswith(below)):
                moved = new[1] + name[len(old[1]) :]
                self._folders[owner, moved] = self._folders.pop((owner, name))

    def _seen(self, user: str, key: _Key) -> CalendarFolder:
        folder = self._folders[key]
        rights = folder.rights(user)
        is_own = key[0] == user
        return CalendarFolder(
            path=self._path(user, key),
            kind="own" if is_own else "shared" if key[0] is None else "other",
            owner=None if is_own else key[0],
            separator=SEPARATOR,
            rights=rights,
            state=self._state(folder) if "r" in rights else None,
            is_default=is_own and key[1] == CALENDAR,
            counts=is_own,
        )

    def _state(self, folder: MemoryFolder) -> FolderState:
        state = folder.state()
        return state if self.condstore else replace(state, highestmodseq=None)


_KINDS = ("own", "other", "shared")


def _user(who: Owner) -> str:
    return who.login or who.name


def _checked(name: str) -> str:
    if not name or _FORBIDDEN & set(name) or name.strip() != name or name.casefold() == "inbox":
        raise BadFolderError("a folder cannot have that name")
    return name
