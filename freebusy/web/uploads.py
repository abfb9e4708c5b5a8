"""PUT and DELETE: what clients publish (RFC 9110 §9.3.4, §9.3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import hdrs

from freebusy.errors import (
    FreeBusyError,
    NoPublicationError,
    NotAllowedError,
    NotFreeBusyError,
    PreconditionFailedError,
    StoreError,
    TooLargeError,
)
from freebusy.ports import Upload
from freebusy.web import replies
from freebusy.web.authentication import is_secure
from freebusy.web.body import UploadRoom, check_head, read_body
from freebusy.web.conditional import precondition
from freebusy.web.replies import RefusalError, empty, plain
from freebusy.web.threads import in_crew

if TYPE_CHECKING:
    from aiohttp import web

    from freebusy.crew import Crew
    from freebusy.ports import Precondition, Publications, Published, TransferProtocol, Visitor
    from freebusy.web.connection import Connection
    from freebusy.web.dav import Dav
    from freebusy.web.settings import HttpSettings

_MAX_CLIENT = 200


class Uploads:
    """Writes to the published tree for whoever may."""

    def __init__(
        self,
        publications: Publications,
        dav: Dav,
        crew: Crew,
        settings: HttpSettings,
        *,
        with_logins: bool,
    ) -> None:
        self._publications = publications
        self._dav = dav
        self._crew = crew
        self._settings = settings
        self._with_logins = with_logins
        self._room = UploadRoom(settings.upload_memory)

    async def put(
        self, request: web.BaseRequest, path: str, visitor: Visitor, connection: Connection
    ) -> web.Response:
        """Publish the body; the file is served when the answer goes out."""
        check_head(request, self._publications.max_upload)
        await self._check_locks(request, path, visitor, removes=False)
        with self._room.share() as share:
            body = await read_body(
                request,
                connection,
                share,
                limit=self._publications.max_upload,
                seconds=self._settings.upload_timeout,
            )
            connection.allow(0.0)
            upload = Upload(body, *sender(request, connection))
            return await self._publish(path, upload, visitor, precondition(request.headers))

    async def _publish(
        self, path: str, upload: Upload, visitor: Visitor, condition: Precondition | None
    ) -> web.Response:

        def publish() -> tuple[Published, bool]:
            published = self._publications.publish(path, upload, visitor, condition)
            if published.served:
                return published, False
            return published, self._publications.temporary(path, visitor) is None

        published, waits = await in_crew(self._crew, publish)
        if waits:
            return plain(202, "Accepted; it is served once the calendars have been read")
        return empty(201 if published.created else 204)

    async def delete(
        self, request: web.BaseRequest, path: str, visitor: Visitor, connection: Connection
    ) -> web.Response:
        """Drop what was published; what is computed stays."""
        await self._check_locks(request, path, visitor, removes=True)
        condition = precondition(request.headers)
        protocol, _ = sender(request, connection)

        def drop() -> None:
            self._publications.drop(path, visitor, condition, protocol=protocol)

        await in_crew(self._crew, drop)
        self._dav.forget(path)
        return empty(204)

    def writable(self, path: str | None, visitor: Visitor) -> str:
        """Return the path; RefusalError where the visitor may not write there, whatever it is.

        Who has not logged in is told to, with one answer for every name.
        """
        if path is None or not self._publications.may_write(path, visitor):
            raise RefusalError(self.denied(visitor))
        return path

    def denied(self, visitor: Visitor, reason: str = "Not allowed") -> web.Response:
        """Return the refusal of a write: a demand for a login where none was given."""
        if visitor.account is None and self._with_logins:
            return replies.unauthorized()
        return replies.not_allowed(reason)

    def refused(self, error: FreeBusyError, visitor: Visitor) -> web.Response:
        """Return the answer to what a write ended with; raises what is none of these."""
        if isinstance(error, NotAllowedError):
            return self.denied(visitor, error.reason)
        if isinstance(error, StoreError):
            return replies.full() if error.is_full else replies.unavailable()
        for kind, status in _STATUS.items():
            if isinstance(error, kind):
                return replies.refused(status, getattr(error, "reason", ""))
        raise error

    async def _check_locks(
        self, request: web.BaseRequest, path: str, visitor: Visitor, *, removes: bool
    ) -> None:
        refusal = await self._dav.refusal(request.headers, path, visitor, removes=removes)
        if refusal is not None:
            raise RefusalError(refusal)


_STATUS: dict[type[FreeBusyError], int] = {
    NotFreeBusyError: 422,
    TooLargeError: 413,
    NoPublicationError: 404,
    PreconditionFailedError: 412,
}


def sender(request: web.BaseRequest, connection: Connection) -> tuple[TransferProtocol, str]:
    """Return the protocol, and what the client calls itself."""
    protocol: TransferProtocol = "https" if is_secure(request, connection) else "http"
    return protocol, request.headers.get(hdrs.USER_AGENT, "")[:_MAX_CLIENT]
