"""WebDAV class 1 and 2 as far as Office, KIO and cadaver need it (RFC 4918)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from aiohttp import hdrs, web

from freebusy.web import replies
from freebusy.web.dav.exchange import Exchange
from freebusy.web.dav.guard import Guard
from freebusy.web.dav.lockmethods import LockMethods
from freebusy.web.dav.locks import LockTable
from freebusy.web.dav.moving import MovingMethods
from freebusy.web.dav.properties import KeptProperties
from freebusy.web.dav.propertymethods import PropertyMethods
from freebusy.web.dav.refused import RefusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from freebusy.ports import Visitor
    from freebusy.web.dav.collection import Collection

MAX_BODY = 64 * 1024
"""Octets of a request's XML."""
LOCK_SECONDS = 600.0
"""The longest lock: Office asks for an hour and renews, and one that dies must not stop others."""


def _not_found() -> web.StreamResponse:
    return replies.plain(404, "Not found")


class Dav:
    """Answers the methods of WebDAV over a collection; used in one event loop."""

    METHODS: ClassVar[frozenset[str]] = frozenset(
        {"OPTIONS", "PROPFIND", "PROPPATCH", "LOCK", "UNLOCK", "MOVE", "MKCOL", "COPY"}
    )

    def __init__(
        self,
        collection: Collection,
        *,
        max_body: int = MAX_BODY,
        lock_seconds: float = LOCK_SECONDS,
        hosts: Iterable[str] = (),
        not_found: Callable[[], web.StreamResponse] = _not_found,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``hosts`` are names of this server beside the Host that a request names.

        ``not_found`` makes the site's one refusal for what is unknown or hidden.
        """
        names = frozenset(host.lower() for host in hosts)
        self._collection = collection
        self._locks = locks = LockTable(clock)
        self._kept = kept = KeptProperties()
        self._guard = guard = Guard(collection, locks, names)
        properties = PropertyMethods(
            collection, guard, locks, kept, max_body=max_body, not_found=not_found
        )
        locking = LockMethods(collection, guard, locks, max_body=max_body, longest=lock_seconds)
        moving = MovingMethods(collection, guard, locks, kept, names)
        self._methods: Mapping[str, Callable[[Exchange], Awaitable[web.StreamResponse]]] = {
            "OPTIONS": self._options,
            "PROPFIND": properties.propfind,
            "PROPPATCH": properties.proppatch,
            "LOCK": locking.lock,
            "UNLOCK": locking.unlock,
            "MOVE": moving.move,
            "MKCOL": moving.make_collection,
            "COPY": moving.copy,
        }

    async def answer(
        self, request: web.BaseRequest, path: str, visitor: Visitor
    ) -> web.StreamResponse:
        """Answer a request whose method is one of METHODS; ``path`` is decoded, or ``*``.

        Raises NotAllowedError where the visitor may not write what must be written, and
        whatever a MOVE raises in the collection: the caller answers these as for PUT (401
        to a visitor without an account, 403, 404, 412, 422, 503 ...).
        """
        asked = Exchange(request, path, visitor)
        method = self._methods.get(request.method)
        if method is None or request.method not in (*self._collection.allowed(path), "OPTIONS"):
            return replies.plain(405, "Method not allowed", Allow=self._allow(path))
        try:
            return await method(asked)
        except RefusedError as error:
            return error.response()

    async def _options(self, asked: Exchange) -> web.Response:
        """Say what is spoken here: by the form of the path, whatever is there (§10.1)."""
        headers = {
            "DAV": "1, 2",
            "MS-Author-Via": "DAV",
            hdrs.ALLOW: self._allow(asked.path),
            hdrs.SERVER: replies.SERVER,
        }
        return web.Response(status=200, headers=headers)

    def _allow(self, path: str) -> str:
        return ", ".join(dict.fromkeys(["OPTIONS", *self._collection.allowed(path)]))

    async def refusal(
        self, headers: Mapping[str, str], path: str, visitor: Visitor, *, removes: bool = False
    ) -> web.Response | None:
        """Return why a PUT or (``removes``) DELETE must not be done, None to go on.

        400 for a broken If header, 412 for one that does not hold (RFC 4918 §10.4), 423
        where somebody else's lock is in the way.  Ask after the rights, before the body.
        """
        try:
            tokens = await self._guard.check_conditions(headers, path, visitor)
            is_new = not removes and await self._collection.resource(path, visitor) is None
            self._guard.check_locks(path, visitor, tokens, changes_members=removes or is_new)
        except RefusedError as error:
            return error.response()
        return None

    def forget(self, path: str) -> None:
        """Drop the locks and the kept properties of what a DELETE has removed (§9.6.1)."""
        canonical = self._collection.canonical(path)
        self._locks.forget(canonical)
        self._kept.forget(canonical)
