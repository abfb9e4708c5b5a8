"""LOCK and UNLOCK (RFC 4918 §9.10, §9.11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from freebusy.web.dav.fields import INFINITY, depth, lock_token, timeout
from freebusy.web.dav.locks import Holder, Wish
from freebusy.web.dav.multistatus import href, no_content, xml_answer
from freebusy.web.dav.properties import ShownLock, lock_discovery
from freebusy.web.dav.refused import RefusedError, malformed
from freebusy.web.dav.requestxml import Element, parse_request

if TYPE_CHECKING:
    from aiohttp import web

    from freebusy.web.dav.collection import Collection
    from freebusy.web.dav.exchange import Exchange
    from freebusy.web.dav.guard import Guard
    from freebusy.web.dav.locks import Lock, LockTable

MAX_OWNER = 256
"""Characters kept of what a client says of itself."""


@dataclass(frozen=True, slots=True)
class LockInfo:
    """DAV:lockinfo (§14.11)."""

    is_shared: bool
    owner: str
    """XML: text, or one DAV:href with text."""


def read_lock_info(body: bytes) -> LockInfo:
    """Return what kind of lock is asked for; RefusedError (400) for what is no write lock."""
    root = parse_request(body, "lockinfo")
    scope, kind = root.find("lockscope"), root.find("locktype")
    if scope is None or kind is None or kind.find("write") is None:
        raise malformed("LOCK asks for a write lock")
    is_shared = scope.find("shared") is not None
    if is_shared == (scope.find("exclusive") is not None):
        raise malformed("LOCK asks for an exclusive or a shared lock")
    return LockInfo(is_shared, _owner(root.find("owner")))


def _owner(element: Element | None) -> str:
    """Return what is kept of DAV:owner: its text, in an href if it was (§14.17)."""
    if element is None:
        return ""
    text = escape(element.text[:MAX_OWNER])
    return text if element.find("href") is None else f"<D:href>{text}</D:href>"


class LockMethods:
    """Answers LOCK and UNLOCK."""

    def __init__(
        self,
        collection: Collection,
        guard: Guard,
        locks: LockTable,
        *,
        max_body: int,
        longest: float,
    ) -> None:
        self._collection = collection
        self._guard = guard
        self._locks = locks
        self._max_body = max_body
        self._longest = longest

    async def lock(self, asked: Exchange) -> web.Response:
        """Grant a lock: 200, or 201 where nothing is there yet (§7.3); without a body renew one.

        No file comes of it: a name that is locked only is there for its holder's PROPFIND
        alone.
        """
        self._guard.require_write(asked.path, asked.visitor)
        reach = depth(asked.headers)
        if reach.levels not in {"0", INFINITY}:
            raise malformed("A lock has Depth 0 or infinity")  # §9.10.3
        body = await asked.body(self._max_body)
        info = read_lock_info(body) if body.strip() else None
        tokens = await self._guard.check_conditions(asked.headers, asked.path, asked.visitor)
        if info is None:
            return self._renew(asked, tokens)
        there = await self._collection.resource(asked.path, asked.visitor)
        lock = self._grant(asked, info, is_deep=reach.levels == INFINITY)
        return self._granted(lock, 200 if there is not None else 201)

    def _grant(self, asked: Exchange, info: LockInfo, *, is_deep: bool) -> Lock:
        """Grant in one go: between the look for conflicts and the lock nobody gets a turn."""
        wish = Wish(
            path=self._collection.canonical(asked.path),
            root=asked.path,
            holder=Holder.of(asked.visitor),
            address=asked.visitor.address,
            seconds=timeout(asked.headers, self._longest),
            is_shared=info.is_shared,
            is_deep=is_deep,
            owner=info.owner,
        )
        conflicts = self._locks.conflicts(wish)
        if conflicts:
            roots = "".join(dict.fromkeys(href(lock.root) for lock in conflicts))
            condition = f"<D:no-conflicting-lock>{roots}</D:no-conflicting-lock>"
            raise RefusedError(423, "Locked", condition)
        if not self._locks.has_room():
            raise RefusedError(503, "Too many locks at the moment")
        if not self._locks.has_room_for(wish):
            raise RefusedError(507, "This account holds too many locks")
        return self._locks.grant(wish)

    def _renew(self, asked: Exchange, tokens: frozenset[str]) -> web.Response:
        """Let a lock's time begin anew (§9.10.2); the If header names it."""
        lock = self._own(asked, tokens)
        if lock is None:
            raise RefusedError(412, "No such lock here", "<D:lock-token-matches-request-uri/>")
        renewed = self._locks.refresh(lock, timeout(asked.headers, self._longest))
        return self._shown(renewed, 200)

    def _own(self, asked: Exchange, tokens: frozenset[str]) -> Lock | None:
        """Return the visitor's lock of one of these tokens that covers the path."""
        holder = Holder.of(asked.visitor)
        locks = self._locks.covering(self._collection.canonical(asked.path))
        mine = (lock for lock in locks if lock.token in tokens and lock.holder == holder)
        return next(mine, None)

    def _granted(self, lock: Lock, status: int) -> web.Response:
        response = self._shown(lock, status)
        response.headers["Lock-Token"] = f"<{lock.token}>"
        return response

    def _shown(self, lock: Lock, status: int) -> web.Response:
        shown = ShownLock(lock, self._locks.remaining(lock), is_own=True)
        text = lock_discovery([shown])
        return xml_answer(
            status,
            f'<D:prop xmlns:D="DAV:"><D:lockdiscovery>{text}</D:lockdiscovery></D:prop>',
        )

    async def unlock(self, asked: Exchange) -> web.Response:
        """End a lock of the visitor's own: 204; another's is as little there as none: 409."""
        self._guard.require_write(asked.path, asked.visitor)
        token = lock_token(asked.headers)
        await self._guard.check_conditions(asked.headers, asked.path, asked.visitor)
        lock = self._own(asked, frozenset({token}))
        if lock is None:
            raise RefusedError(409, "No such lock here", "<D:lock-token-matches-request-uri/>")
        self._locks.release(lock)
        return no_content()
