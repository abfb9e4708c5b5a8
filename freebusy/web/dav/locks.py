"""Write locks and the table of them (RFC 4918 §6, §7), in memory and bounded.

A restart forgets all: a client then finds its token unknown and locks anew (§6.6 lets
a lock vanish at any time).  Paths are canonical ones; used in one event loop.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from freebusy.ports import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from freebusy.ports import Visitor

MAX_LOCKS = 4096
MAX_LOCKS_PER_HOLDER = 64
"""Of the shared account, which may be a whole site's: of each address."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose a lock is: an account, or an address that may publish without one."""

    key: str
    is_person: bool
    """Not the shared account, whose password everybody knows, and not a mere address."""

    @classmethod
    def of(cls, visitor: Visitor) -> Holder:
        """Return the holder of what this visitor locks."""
        if visitor.account is None:
            return cls(f"address {visitor.address}", is_person=False)
        is_person = visitor.account.scope is not Scope.SHARED
        return cls(f"account {visitor.account.label}", is_person)


@dataclass(frozen=True, slots=True)
class Lock:
    """One write lock (§14.1)."""

    token: str
    """A URI that nobody else can guess (§6.5)."""
    path: str
    """Canonical, without a slash at its end."""
    root: str
    """The path as the client wrote it, for DAV:lockroot."""
    holder: Holder
    is_shared: bool
    is_deep: bool
    address: str
    """From where it was asked for."""
    owner: str
    """What the client said of itself, XML already."""
    expires: float
    """On the table's clock."""

    def hinders(self, holder: Holder, tokens: Collection[str]) -> bool:
        """Whether it stops this holder, who brings these tokens.

        A stolen token opens nothing.  What somebody locked who is no person never stops
        a person: with the shared password anybody could keep the director from publishing.
        """
        if self.yields_to(holder):
            return False
        return self.holder != holder or self.token not in tokens

    def yields_to(self, holder: Holder) -> bool:
        """Whether the lock does not count for this holder."""
        return holder.is_person and not self.holder.is_person


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a client asks for with LOCK."""

    path: str
    root: str
    holder: Holder
    address: str
    seconds: int
    is_shared: bool = False
    is_deep: bool = False
    owner: str = ""


class LockTable:
    """All locks in force."""

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        max_locks: int = MAX_LOCKS,
        max_per_holder: int = MAX_LOCKS_PER_HOLDER,
    ) -> None:
        self._clock = clock
        self._max_locks = max_locks
        self._max_per_holder = max_per_holder
        self._locks: dict[str, Lock] = {}
        self._by_path: dict[str, tuple[str, ...]] = {}

    def __len__(self) -> int:
        self._expire()
        return len(self._locks)

    def covering(self, path: str) -> list[Lock]:
        """Return the locks in force on a path: its own, and deep ones of collections above."""
        path = path.rstrip("/")
        found = self._at(path)
        for above in _above(path):
            found += [lock for lock in self._at(above) if lock.is_deep]
        return found

    def is_held(self, path: str, holder: Holder) -> bool:
        """Whether a holder has a lock on just this path."""
        return any(lock.holder == holder for lock in self._at(path.rstrip("/")))

    def on_parent(self, path: str) -> list[Lock]:
        """Return the locks on the collection whose member a path is (§7.4)."""
        return self._at(path.rstrip("/").rpartition("/")[0])

    def below(self, path: str) -> list[Lock]:
        """Return the locks in force on what a collection holds."""
        start, now = path.rstrip("/") + "/", self._clock()
        return [x for x in self._locks.values() if x.path.startswith(start) and x.expires > now]

    def remaining(self, lock: Lock) -> int:
        """Return the seconds that a lock has left."""
        return max(0, round(lock.expires - self._clock()))

    def has_room(self) -> bool:
        """Whether one more lock is granted at all."""
        return len(self) < self._max_locks

    def has_room_for(self, wish: Wish) -> bool:
        """Whether this holder may have one more."""
        mine = [lock for lock in self._locks.values() if lock.holder == wish.holder]
        if not wish.holder.is_person:
            mine = [lock for lock in mine if lock.address == wish.address]
        return len(mine) < self._max_per_holder

    def conflicts(self, wish: Wish) -> list[Lock]:
        """Return the locks that a new one cannot stand beside (§6.2)."""
        near = self.covering(wish.path) + (self.below(wish.path) if wish.is_deep else [])
        return [
            lock
            for lock in near
            if not (lock.is_shared and wish.is_shared) and not lock.yields_to(wish.holder)
        ]

    def grant(self, wish: Wish) -> Lock:
        """Return a new lock; the caller has looked for conflicts and room.

        Locks that yield to its holder end here.
        """
        for lock in self.covering(wish.path):
            if lock.yields_to(wish.holder):
                self.release(lock)
        path = wish.path.rstrip("/")
        token = f"opaquelocktoken:{uuid.uuid4()}"
        lock = Lock(
            token=token,
            path=path,
            root=wish.root,
            holder=wish.holder,
            is_shared=wish.is_shared,
            is_deep=wish.is_deep,
            address=wish.address,
            owner=wish.owner,
            expires=self._clock() + wish.seconds,
        )
        self._locks[token] = lock
        self._by_path[path] = (*self._by_path.get(path, ()), token)
        return lock

    def refresh(self, lock: Lock, seconds: int) -> Lock:
        """Let a lock's time begin anew (§7.7)."""
        renewed = replace(lock, expires=self._clock() + seconds)
        self._locks[lock.token] = renewed
        return renewed

    def release(self, lock: Lock) -> None:
        """End a lock."""
        if self._locks.pop(lock.token, None) is None:
            return
        left = tuple(token for token in self._by_path[lock.path] if token != lock.token)
        if left:
            self._by_path[lock.path] = left
        else:
            del self._by_path[lock.path]

    def forget(self, path: str) -> None:
        """End the locks on what is gone (§9.6.1), and on all it held."""
        for lock in self._at(path.rstrip("/")) + self.below(path):
            self.release(lock)

    def _at(self, path: str) -> list[Lock]:
        now = self._clock()
        locks = (self._locks[token] for token in self._by_path.get(path, ()))
        return [lock for lock in locks if lock.expires > now]

    def _expire(self) -> None:
        now = self._clock()
        for lock in [lock for lock in self._locks.values() if lock.expires <= now]:
            self.release(lock)


def _above(path: str) -> Iterator[str]:
    while path:
        path = path.rpartition("/")[0]
        yield path
