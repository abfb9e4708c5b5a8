"""MOVE, and for collections that have them COPY and MKCOL (RFC 4918 §9.3, §9.8, §9.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freebusy.errors import NotAllowedError
from freebusy.web.dav.collection import Tree
from freebusy.web.dav.fields import INFINITY, depth, destination, overwrites
from freebusy.web.dav.multistatus import no_content
from freebusy.web.dav.refused import RefusedError, malformed
from freebusy.web.replies import plain

if TYPE_CHECKING:
    from collections.abc import Collection as Container

    from aiohttp import web

    from freebusy.web.dav.collection import Collection
    from freebusy.web.dav.exchange import Exchange
    from freebusy.web.dav.guard import Guard
    from freebusy.web.dav.locks import LockTable
    from freebusy.web.dav.properties import KeptProperties


class MovingMethods:
    """Answers the methods that put something under another name."""

    def __init__(
        self,
        collection: Collection,
        guard: Guard,
        locks: LockTable,
        kept: KeptProperties,
        hosts: Container[str],
    ) -> None:
        self._collection = collection
        self._guard = guard
        self._locks = locks
        self._kept = kept
        self._hosts = hosts

    async def move(self, asked: Exchange) -> web.Response:
        """Give a file another name: 201, or 204 where it replaced another (§9.9.4).

        Locks stay behind and end (§7.6); what was kept of the file goes with it.
        """
        if depth(asked.headers).levels != INFINITY:
            raise malformed("MOVE has Depth infinity")  # §9.9.2
        overwrite = overwrites(asked.headers)
        self._guard.require_write(asked.path, asked.visitor)
        target, tokens = await self._target(asked)
        self._guard.check_locks(asked.path, asked.visitor, tokens, changes_members=True)
        created = await self._collection.move(
            asked.path, target, overwrite=overwrite, visitor=asked.visitor
        )
        source, canonical = map(self._collection.canonical, (asked.path, target))
        self._locks.forget(source)
        self._kept.move(source, canonical)
        return _done(created=created)

    async def copy(self, asked: Exchange) -> web.Response:
        """Copy a resource, with Depth 0 a collection without its members (§9.8.3)."""
        reach = depth(asked.headers)
        if reach.levels not in {"0", INFINITY}:
            raise malformed("COPY has Depth 0 or infinity")
        overwrite = overwrites(asked.headers)
        target, _ = await self._target(asked)
        created = await self._tree().copy(
            asked.path,
            target,
            overwrite=overwrite,
            deep=reach.levels == INFINITY,
            visitor=asked.visitor,
        )
        return _done(created=created)

    async def make_collection(self, asked: Exchange) -> web.Response:
        """Make a collection; a body is of a type that nobody knows: 415 (§9.3)."""
        self._guard.require_write(asked.path, asked.visitor)
        if asked.request.body_exists:
            raise RefusedError(415, "MKCOL has no body")
        tokens = await self._guard.check_conditions(asked.headers, asked.path, asked.visitor)
        self._guard.check_locks(asked.path, asked.visitor, tokens, changes_members=True)
        status = await self._tree().make_collection(asked.path, asked.visitor)
        if status != 201:
            raise RefusedError(status, "No collection can be made there")
        return plain(201, "Created")

    async def _target(self, asked: Exchange) -> tuple[str, frozenset[str]]:
        """Return where to, and the tokens that the client brings; the target is free to write."""
        target = destination(asked.headers, self._hosts)
        if target is None:
            raise NotAllowedError("Not allowed")
        self._guard.require_write(target, asked.visitor)
        if self._collection.canonical(target) == self._collection.canonical(asked.path):
            raise RefusedError(403, "The destination is the resource itself")
        tokens = await self._guard.check_conditions(asked.headers, asked.path, asked.visitor)
        self._guard.check_locks(target, asked.visitor, tokens, changes_members=True)
        return target, tokens

    def _tree(self) -> Tree:
        if not isinstance(self._collection, Tree):
            raise RefusedError(403, "Not possible here")
        return self._collection


def _done(*, created: bool) -> web.Response:
    return plain(201, "Created") if created else no_content()
