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

from freebusy.crew import Crew
from freebusy.errors import FreeBusyError
from freebusy.period import from_seconds
from freebusy.temporary import temporary_target
from freebusy.web import replies, trigger
from freebusy.web.authentication import Authentication
from freebusy.web.body import send_early
from freebusy.web.connector import ConnectorSite, is_connectors
from freebusy.web.health import answer_health, answer_metrics
from freebusy.web.pages import index_page, listing_page
from freebusy.web.published import PublishedFiles
from freebusy.web.replies import RefusalError
from freebusy.web.target import decode_path, is_absent, raw_path
from freebusy.web.threads import in_crew
from freebusy.web.trigger import Trigger
from freebusy.web.visitors import Networks, forwarded_for, forwarded_visitor, is_passed_on
from freebusy.web.writing import Writing

if TYPE_CHECKING:
    from freebusy.connector.parts import Connector
    from freebusy.ports import FreeBusyFiles, Logins, Publications, Triggers, Visitor
    from freebusy.web.connection import Connection
    from freebusy.web.health import Health
    from freebusy.web.settings import HttpSettings

_LOG = logging.getLogger(__name__)

Route = Callable[[str, "Visitor"], Awaitable[web.Response]]

DIRECTORIES = ("/pub/calendar/", "/calendar/")
HEALTH = "/healthz"
METRICS = "/metrics"

_READING = frozenset({"GET", "HEAD"})
_WITHOUT_LOGIN = frozenset({HEALTH, METRICS})
_THREADS = 8
_PATIENCE = 0.3
"""Seconds in which what is being written when the server stops should be on disk."""


class Site:
    """Answers every request: the handler of the server."""

    def __init__(
        self,
        settings: HttpSettings,
        files: FreeBusyFiles,
        health: Health,
        *,
        logins: Logins | None = None,
        publications: Publications | None = None,
        triggers: Triggers | None = None,
        connector: Connector | None = None,
    ) -> None:
        self._trigger = None if triggers is None else Trigger(triggers)
        self._files = files
        self._admits = files.admits
        self._health = health
        self._crew = Crew("http-publish", _THREADS)
        self._publications = publications
        self._logins = None if logins is None else Authentication(logins, settings)
        self._writing = None
        self._connector = None
        self.reload(settings)
        if connector is not None and self._logins is not None:
            self._connector = ConnectorSite(connector, self._logins, publications, settings)
        if publications is not None:
            self._writing = Writing(
                settings,
                files,
                publications,
                self._crew,
                not_found=lambda: self._not_found(),  # noqa: PLW0108  # a reload replaces it
                with_logins=logins is not None,
            )

    def reload(self, settings: HttpSettings) -> None:
        """Go on with other settings, as far as they say what is shown and to whom."""
        metrics_networks = Networks(settings.metrics_networks, "network of metrics")
        if self._logins is not None:
            self._logins.reload(settings)
        if self._writing is not None:
            self._writing.reload(settings)
        if self._connector is not None:
            self._connector.reload(settings)
        self._settings = settings
        self._metrics_networks = metrics_networks
        self._published = PublishedFiles(self._files, is_private=settings.is_private)
        self._not_found = replies.not_found(is_private=settings.is_private)
        self._login_demand = replies.login_demand(is_private=settings.is_private)
        self._routes = self._table()

    def _table(self) -> dict[str, Route]:
        routes: dict[str, Route] = {"/": self._index}
        for directory in DIRECTORIES if self._settings.listing else ():
            routes[directory] = self._list
            routes[directory.rstrip("/")] = self._redirect
        return routes

    def close(self) -> None:
        """Let the threads go."""
        self._crew.dismiss(_PATIENCE)
        if self._connector is not None:
            self._connector.close()
        if self._trigger is not None:
            self._trigger.close()
        if self._logins is not None:
            self._logins.close()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; only a bug of ours raises."""
        connection = cast("Connection", request.protocol)
        connection.begin_answer()
        if request.version >= HttpVersion11 and hdrs.HOST not in request.headers:
            return replies.bad_request()  # RFC 9112 §3.2
        visitor = connection.visitor
        if connection.is_proxy:
            visitor = forwarded_visitor(visitor, forwarded_for(request.headers))
            connection.asker = visitor
        raw = raw_path(request.raw_path)
        if raw is not None and self._connector is not None and is_connectors(raw):
            response = await self._connector.answer(request, raw, visitor, connection)
            return await self._sent(request, response, connection)
        if request.method in _READING and hdrs.AUTHORIZATION not in request.headers:
            return self._sealed(await self._read(request, raw, visitor))
        return await self._attend(request, raw, visitor, connection)

    async def _attend(
        self, request: web.BaseRequest, raw: str | None, visitor: Visitor, connection: Connection
    ) -> web.StreamResponse:
        """Answer a request that brings credentials, a body or another method."""
        try:
            response = await self._for_whom_it_is(request, raw, visitor, connection)
        except RefusalError as refusal:
            response = refusal.response
        return await self._sent(request, self._sealed(response), connection)

    async def _sent(
        self, request: web.BaseRequest, response: web.StreamResponse, connection: Connection
    ) -> web.StreamResponse:
        """Return an answer, already on its way where the body has not been read."""
        if not request.content.is_eof():
            await send_early(request, response, connection, self._settings)
        return response

    def _sealed(self, response: web.StreamResponse) -> web.StreamResponse:
        """Return an answer that says, where it must, that it depends on who asks."""
        if self._settings.is_private and isinstance(response, web.Response):
            response.headers.update(replies.PRIVATE)
        return response

    async def _for_whom_it_is(
        self, request: web.BaseRequest, raw: str | None, visitor: Visitor, connection: Connection
    ) -> web.StreamResponse:
        if raw is not None and is_absent(raw):
            return self._not_found()
        reads = request.method in _READING
        wants_login = hdrs.AUTHORIZATION in request.headers and not (
            reads and raw in _WITHOUT_LOGIN
        )
        if self._logins is not None and wants_login:
            visitor = await self._logins.visitor(request, visitor, connection)
            connection.asker = visitor
        if reads:
            return await self._read(request, raw, visitor)
        return await self._write(request, raw, visitor, connection)

    # -- reading

    async def _read(
        self, request: web.BaseRequest, raw: str | None, visitor: Visitor
    ) -> web.StreamResponse:
        if raw in _WITHOUT_LOGIN:
            return await self._monitor(request, raw, visitor)
        if not self._admits(visitor):
            return self._not_found() if raw and is_absent(raw) else self._not_admitted(visitor)
        return replies.bad_request() if raw is None else await self._get(request, raw, visitor)

    def _not_admitted(self, visitor: Visitor) -> web.StreamResponse:
        """Refuse before anything is looked up; a login is asked for where it would help."""
        return self._login_demand() if self._needs_login(visitor) else replies.forbidden()

    def _needs_login(self, visitor: Visitor) -> bool:
        return self._logins is not None and self._files.needs_login(visitor)

    async def _refuse(self, visitor: Visitor) -> web.StreamResponse:
        """Refuse what was looked up, late to who asks for many names that are not there."""
        seconds = self._files.hold_up(visitor)
        if seconds > 0:
            await asyncio.sleep(seconds)
        return self._login_demand() if self._needs_login(visitor) else self._not_found()

    async def _monitor(
        self, request: web.BaseRequest, raw: str | None, visitor: Visitor
    ) -> web.StreamResponse:
        """Answer what is open by address alone, and closed to whoever a stranger speaks for."""
        if raw == HEALTH:
            return await answer_health(self._health, visitor)
        render = self._settings.metrics
        connection = cast("Connection", request.protocol)
        passed_on = not connection.is_proxy and is_passed_on(request.headers)
        if render is None or passed_on or visitor.address not in self._metrics_networks:
            return self._not_found()
        return await answer_metrics(render)

    async def _get(
        self, request: web.BaseRequest, raw: str, visitor: Visitor
    ) -> web.StreamResponse:
        path = decode_path(raw)
        if path is None:
            return await self._refuse(visitor)
        try:
            route = self._routes.get(path)
            if route is not None:
                return await route(path, visitor)
            response: web.StreamResponse | None = self._published.answer(request, path, visitor)
            if response is None and path.startswith(trigger.PREFIX):
                response = self._answer_trigger(request, path, visitor)
            if response is None and visitor.account is not None:
                response = await self._temporary(request, path, visitor)
            return response or await self._refuse(visitor)
        except FreeBusyError as error:
            _LOG.error("a file cannot be served: %s", error)  # says all there is
            return replies.unavailable()

    def _answer_trigger(
        self, request: web.BaseRequest, path: str, visitor: Visitor
    ) -> web.StreamResponse | None:
        if self._trigger is None:
            return None
        if visitor.account is None and self._logins is not None:
            return self._login_demand()
        return self._trigger.answer(path, visitor, acts=request.method == "GET")

    async def _temporary(
        self, request: web.BaseRequest, path: str, visitor: Visitor
    ) -> web.StreamResponse | None:
        """Return what this account uploaded under a temporary name."""
        publications = self._publications
        if publications is None or temporary_target(path) is None:
            return None
        file = await in_crew(self._crew, lambda: publications.temporary(path, visitor))
        return None if file is None else self._published.answer_with(request, file)

    async def _index(self, _path: str, _visitor: Visitor) -> web.Response:
        return index_page(listing=self._settings.listing)

    async def _list(self, path: str, visitor: Visitor) -> web.Response:
        """List in a thread: a large site means a stat for each of thousands of files."""
        files = await asyncio.to_thread(self._files.listing, visitor)
        return listing_page(path, files, from_seconds(int(time.time())))

    async def _redirect(self, path: str, _visitor: Visitor) -> web.Response:
        return replies.plain(308, "See the path with a slash", Location=f"{path}/")

    # -- writing

    async def _write(
        self, request: web.BaseRequest, raw: str | None, visitor: Visitor, connection: Connection
    ) -> web.StreamResponse:
        if self._writing is None:
            admitted = self._admits(visitor)
            return replies.method_not_allowed() if admitted else self._not_admitted(visitor)
        if request.method == "PROPFIND" and not self._admits(visitor):
            return self._not_admitted(visitor)
        response = await self._writing.answer(request, raw, visitor, connection)
        is_hidden = request.method == "PROPFIND" and response.status == 404
        return await self._refuse(visitor) if is_hidden else response
