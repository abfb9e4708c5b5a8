"""The route table: which path is answered by what, and what is checked before.

Whatever is not in the table is a path to a published file, or nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11

from freebusy.errors import FreeBusyError
from freebusy.period import from_seconds
from freebusy.web import replies
from freebusy.web.health import answer_health
from freebusy.web.pages import index_page, listing_page
from freebusy.web.published import PublishedFiles
from freebusy.web.target import decode_path, raw_path
from freebusy.web.visitors import FORWARDED_FOR, forwarded_visitor

if TYPE_CHECKING:
    from freebusy.ports import FreeBusyFiles, Visitor
    from freebusy.web.connection import Connection
    from freebusy.web.health import Health
    from freebusy.web.settings import HttpSettings

_LOG = logging.getLogger(__name__)

Route = Callable[[str, "Visitor"], Awaitable[web.Response]]

DIRECTORIES = ("/pub/calendar/", "/calendar/")
HEALTH = "/healthz"


class Site:
    """Answers every request: the handler of the server."""

    def __init__(self, settings: HttpSettings, files: FreeBusyFiles, health: Health) -> None:
        self._files = files
        self._admits = files.admits
        self._published = PublishedFiles(files)
        self._health = health
        self._listing = settings.listing
        self._routes = self._table()

    def _table(self) -> dict[str, Route]:
        routes: dict[str, Route] = {"/": self._index}
        for directory in DIRECTORIES if self._listing else ():
            routes[directory] = self._list
            routes[directory.rstrip("/")] = self._redirect
        return routes

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; only a bug of ours raises."""
        connection = cast("Connection", request.protocol)
        connection.begin_answer()
        if request.version >= HttpVersion11 and hdrs.HOST not in request.headers:
            return replies.bad_request()  # RFC 9112 §3.2
        visitor = connection.visitor
        if connection.is_proxy:
            visitor = forwarded_visitor(visitor, request.headers.get(FORWARDED_FOR))
        raw = raw_path(request.raw_path)
        if raw == HEALTH and request.method in {"GET", "HEAD"}:
            return await answer_health(self._health, visitor)
        if not self._admits(visitor):
            return replies.forbidden()
        if request.method not in {"GET", "HEAD"}:
            return replies.method_not_allowed()
        return replies.bad_request() if raw is None else await self._get(request, raw, visitor)

    async def _get(
        self, request: web.BaseRequest, raw: str, visitor: Visitor
    ) -> web.StreamResponse:
        path = decode_path(raw)
        if path is None:
            return replies.not_found()
        try:
            route = self._routes.get(path)
            if route is not None:
                return await route(path, visitor)
            return self._published.answer(request, path, visitor)
        except FreeBusyError as error:
            _LOG.error("a file cannot be served: %s", error)  # says all there is
            return replies.unavailable()

    async def _index(self, _path: str, _visitor: Visitor) -> web.Response:
        return index_page(listing=self._listing)

    async def _list(self, path: str, visitor: Visitor) -> web.Response:
        """List in a thread: a large site means a stat for each of thousands of files."""
        files = await asyncio.to_thread(self._files.listing, visitor)
        return listing_page(path, files, from_seconds(int(time.time())))

    async def _redirect(self, path: str, _visitor: Visitor) -> web.Response:
        return replies.plain(308, "See the path with a slash", Location=f"{path}/")
