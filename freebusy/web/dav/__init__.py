"""WebDAV class 1 and 2 as far as Office, KIO and cadaver need it (RFC 4918)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from aiohttp import web

    from freebusy.ports import Visitor
    from freebusy.web.dav.collection import Collection

MAX_BODY = 64 * 1024
"""Octets of a request's XML."""
LOCK_SECONDS = 600.0


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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``hosts`` are names of this server beside the Host that a request names."""

    async def answer(
        self, request: web.BaseRequest, path: str, visitor: Visitor
    ) -> web.StreamResponse:
        """Answer a request whose method is one of METHODS; ``path`` is decoded, or ``*``.

        Raises NotAllowedError where the visitor may not write what must be written, and
        whatever a MOVE raises in the collection: the caller answers these as for PUT (401
        to a visitor without an account, 403, 404, 412, 422, 503 ...).
        """
        raise NotImplementedError

    async def refusal(
        self, headers: Mapping[str, str], path: str, visitor: Visitor
    ) -> web.Response | None:
        """Return why a PUT or DELETE must not be done, None to go on.

        400 for a broken If header, 412 for one that does not hold (RFC 4918 §10.4), 423
        where somebody else's lock is in the way.  Ask after the rights, before the body.
        """
        raise NotImplementedError

    def is_locked_for(self, path: str, headers: Mapping[str, str], visitor: Visitor) -> bool:
        """Whether a lock keeps this visitor from writing; tokens in the If header open it."""
        raise NotImplementedError

    def forget(self, path: str) -> None:
        """Drop the locks and the kept properties of what a DELETE has removed (§9.6.1)."""
