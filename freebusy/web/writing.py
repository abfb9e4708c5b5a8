"""Every method but GET and HEAD: what it may be used on, by whom, and who answers it."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from aiohttp.web import RequestPayloadError

from freebusy.errors import FreeBusyError
from freebusy.web import replies
from freebusy.web.body import invite
from freebusy.web.dav import Dav
from freebusy.web.davfiles import SENDER, CalendarFolders, allowed
from freebusy.web.hosts import OwnHosts
from freebusy.web.replies import RefusalError
from freebusy.web.target import decode_path
from freebusy.web.uploads import Uploads, sender
from freebusy.web.visitors import is_passed_on, is_spoken_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from freebusy.crew import Crew
    from freebusy.ports import FreeBusyFiles, Publications, Visitor
    from freebusy.web.connection import Connection
    from freebusy.web.settings import HttpSettings

_LOG = logging.getLogger(__name__)
_READING = frozenset({"OPTIONS", "PROPFIND"})


class Writing:
    """Answers PUT, DELETE and the methods of WebDAV."""

    def __init__(
        self,
        settings: HttpSettings,
        files: FreeBusyFiles,
        publications: Publications,
        crew: Crew,
        *,
        not_found: Callable[[], web.StreamResponse],
        with_logins: bool,
    ) -> None:
        self.reload(settings)
        folders = CalendarFolders(files, publications, crew)
        self._not_found = not_found
        self._publications = publications
        self._dav = Dav(folders, hosts=settings.hosts, not_found=not_found)
        self._uploads = Uploads(publications, self._dav, crew, settings, with_logins=with_logins)

    def reload(self, settings: HttpSettings) -> None:
        """Go on with other names of this server."""
        self._upload_timeout = settings.upload_timeout
        self._hosts = OwnHosts(settings.hosts)

    async def answer(
        self, request: web.BaseRequest, raw: str | None, visitor: Visitor, connection: Connection
    ) -> web.StreamResponse:
        """Answer a request that is not one for reading; RefusalError holds an answer as well."""
        if raw is None:
            return await self._answer_server(request, visitor)
        path = decode_path(raw)
        methods = allowed(raw if path is None else path)
        if request.method not in methods:
            return replies.method_not_allowed(", ".join(methods))
        if visitor.account is None:
            visitor = self._weighed(request, path, visitor, connection)
        try:
            return await self._act(request, path, visitor, connection)
        except FreeBusyError as error:
            return self._uploads.refused(error, visitor)
        except (RequestPayloadError, ConnectionError):
            return replies.bad_request()  # what was to be read broke off

    async def _answer_server(
        self, request: web.BaseRequest, visitor: Visitor
    ) -> web.StreamResponse:
        """Answer what asks for no path: OPTIONS of the whole server (RFC 9110 §9.3.7)."""
        if request.method == "OPTIONS" and request.raw_path == "*":
            return await self._dav.answer(request, "*", visitor)
        return replies.bad_request()

    async def _act(
        self, request: web.BaseRequest, path: str | None, visitor: Visitor, connection: Connection
    ) -> web.StreamResponse:
        if request.method in {"PUT", "DELETE"}:
            path = self._uploads.writable(path, visitor)
            act = self._uploads.put if request.method == "PUT" else self._uploads.delete
            return await act(request, path, visitor, connection)
        if path is None and request.method in _READING:
            return self._not_found()
        if path is None:
            raise RefusalError(self._uploads.denied(visitor))
        SENDER.set(sender(request, connection))
        invite(request, connection)
        connection.await_body(request.content, self._upload_timeout)
        return await self._dav.answer(request, path, visitor)

    def _weighed(
        self, request: web.BaseRequest, path: str | None, visitor: Visitor, connection: Connection
    ) -> Visitor:
        """Return an anonymous visitor with what the own address is worth here."""
        vouched = self._vouches(request, connection)
        weighed = replace(visitor, is_vouched=vouched)
        asks_to_write = path is not None and request.method not in _READING
        if not vouched and asks_to_write and self._publications.may_write(path or "", visitor):
            # Its operator trusts that network, and would look for the fault there.
            _LOG.warning(
                "publish outcome=refused peer=%s reason=%s",
                visitor.address,
                '"without a login it has to ask for a name of this server (http.hosts), and'
                ' not through a proxy that is unknown or names no single client"',
            )
        return weighed

    def _vouches(self, request: web.BaseRequest, connection: Connection) -> bool:
        """Whether an address may be trusted: a client's own, that asked one of our hosts."""
        direct = (
            is_spoken_for(request.headers)
            if connection.is_proxy
            else not is_passed_on(request.headers)
        )
        return direct and self._hosts.meant_by(request, through_proxy=connection.is_proxy)
