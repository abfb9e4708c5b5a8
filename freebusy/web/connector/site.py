"""The API's side of the HTTP server: from a request to the endpoint, and back.

What is checked, in this order: the path and the method, that no web page of another site
asks, the login, its scope, whether it is the person's turn, the query, the body.  Only then
is anything done, in a thread, so that it is done as a whole even where the client goes away
meanwhile.
"""

from __future__ import annotations

import logging
import math
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from aiohttp import hdrs, web

from freebusy.connector.bodies import PREFIX
from freebusy.crew import Crew
from freebusy.errors import (
    FreeBusyError,
    LoginRefusedError,
    LoginSlowedError,
    LoginUnavailableError,
)
from freebusy.ports import Scope
from freebusy.web.connector.call import Call
from freebusy.web.connector.openapi import document
from freebusy.web.connector.origins import check_origin
from freebusy.web.connector.page import page
from freebusy.web.connector.problems import (
    HEADERS,
    JSON,
    ProblemError,
    busy,
    from_error,
    from_refusal,
    unauthorized,
)
from freebusy.web.connector.requests import Requests, find, template
from freebusy.web.connector.table import ENDPOINTS
from freebusy.web.connector.turns import Turns
from freebusy.web.replies import RefusalError
from freebusy.web.threads import in_crew
from freebusy.web.uploads import sender

if TYPE_CHECKING:
    from freebusy.connector.parts import Connector
    from freebusy.ports import Account, Publications, Visitor
    from freebusy.web.authentication import Authentication
    from freebusy.web.connection import Connection
    from freebusy.web.connector.call import Reply
    from freebusy.web.connector.endpoint import Endpoint
    from freebusy.web.settings import HttpSettings

_LOG = logging.getLogger(__name__)

_SCOPES = {Scope.MAIL, Scope.CONNECTOR}
_THREADS = 16
_PATIENCE = 0.3
"""Seconds in which what is being written when the server stops should be done."""
_WORK = 300.0
"""Seconds that work on the mail server may take: each step of it has its own deadline."""
PING = "/ping"
_OPEN = {"": page, "/openapi.json": document}
"""What may be read without a login."""


def is_connectors(raw: str) -> bool:
    """Whether a path is the API's."""
    return raw.startswith(PREFIX) and raw[len(PREFIX) :][:1] in {"", "/"}


class ConnectorSite:
    """Answers every request below the API's prefix."""

    def __init__(
        self,
        connector: Connector,
        logins: Authentication,
        publications: Publications | None,
        settings: HttpSettings,
    ) -> None:
        self._connector = connector
        self._logins = logins
        self._publications = publications
        self._crew = Crew("http-connector", _THREADS)
        self._turns = Turns(lambda: connector.limits)
        upload = 0 if publications is None else publications.max_upload
        self._requests = Requests(lambda: connector.limits, upload, settings, self._crew)
        self.reload(settings)

    def reload(self, settings: HttpSettings) -> None:
        """Go on with other names of this server."""
        self._hosts = settings.hosts
        self._counted = settings.connector_counted

    def close(self) -> None:
        """Let the threads go."""
        self._crew.dismiss(_PATIENCE)

    async def answer(
        self, request: web.BaseRequest, raw: str, visitor: Visitor, connection: Connection
    ) -> web.Response:
        """Answer one request; ``raw`` is its path, which begins with the prefix."""
        path = raw.removeprefix(PREFIX)
        response = await self._answer(request, path, visitor, connection)
        if self._counted is not None:
            self._counted(_label(path), request.method, response.status)
        return response

    async def _answer(
        self, request: web.BaseRequest, path: str, visitor: Visitor, connection: Connection
    ) -> web.Response:
        try:
            if path.rstrip("/") in _OPEN:
                return _described(request, path.rstrip("/"))
            return await self._endpoint(request, path, visitor, connection)
        except ProblemError as problem:
            return problem.response()
        except RefusalError as refusal:
            return from_refusal(refusal.response)
        except Exception as error:  # noqa: BLE001  # a bug of ours is answered as a problem, too
            return _failed(error)

    async def _endpoint(
        self, request: web.BaseRequest, path: str, visitor: Visitor, connection: Connection
    ) -> web.Response:
        endpoint, arguments = find(request.method, path)
        check_origin(request, self._hosts)
        account, password = await self._log_in(request, endpoint, visitor, connection)
        person = _person(account)
        protocol, client = sender(request, connection)
        call = Call(
            connector=self._connector,
            publications=self._publications,
            account=account,
            person=person,
            address=visitor.address,
            whose=partial(self._connector.owner, account, password),
            arguments=arguments,
            now=datetime.now(UTC),
            protocol=protocol,
            client=client,
            languages=request.headers.get(hdrs.ACCEPT_LANGUAGE, ""),
        )
        connection.allow(self._connector.limits.patience)
        async with (
            self._turns.one(person),
            self._requests.read(request, endpoint, connection) as asked,
        ):
            if connection.transport is None:
                raise busy("The connection has gone.")  # nothing is begun for nobody
            connection.allow(_WORK)
            response = await self._done(endpoint, call, asked)
        connection.allow(0.0)
        return response

    # -- who asks

    async def _log_in(
        self,
        request: web.BaseRequest,
        endpoint: Endpoint,
        visitor: Visitor,
        connection: Connection,
    ) -> tuple[Account, str]:
        """Return the account and the password that it logged in with."""
        credentials = self._logins.credentials(request, visitor, connection)
        if credentials is None:
            raise unauthorized()
        try:
            account = await self._logins.account(credentials, visitor, connection)
        except LoginRefusedError:
            raise unauthorized(step="login" if endpoint.path == PING else None) from None
        except LoginSlowedError as error:
            later = {str(hdrs.RETRY_AFTER): str(max(1, math.ceil(error.seconds)))}
            raise ProblemError(
                429, "Too many failed logins: try again later.", headers=later
            ) from None
        except LoginUnavailableError:
            if endpoint.path == PING:
                await in_crew(self._crew, self._connector.check.reach)
            raise busy("Logins cannot be checked at the moment: try again.") from None
        connection.asker = type(visitor)(visitor.address, account)
        return account, credentials.password

    # -- what is done

    async def _done(self, endpoint: Endpoint, call: Call, asked: Any) -> web.Response:
        if endpoint.question is not None:
            reply = await endpoint.question(call, asked)
            return await in_crew(self._crew, lambda: _written(reply()))
        work = endpoint.work
        if work is None:
            raise TypeError("an endpoint without anything to do")
        return await in_crew(self._crew, lambda: _written(work(call, asked)))


def _label(path: str) -> str:
    """Return what a path is counted as: nothing that a client made up."""
    if path.rstrip("/") in _OPEN:
        return path.rstrip("/") or "/"
    return template(path) or "other"


def _person(account: Account) -> str:
    """Return whose account it is; ProblemError 403 for one that is not for connectors."""
    if account.scope not in _SCOPES or account.person is None:
        raise ProblemError(
            403,
            "This login is not for connectors: use your mail account, or an app password of"
            " scope connector.",
        )
    return account.person


def _written(reply: Reply) -> web.Response:
    headers = dict(HEADERS)
    if reply.location is not None:
        headers[hdrs.LOCATION] = PREFIX + reply.location
    if reply.body is None:
        return web.Response(status=reply.status, headers=headers)
    headers[hdrs.CONTENT_TYPE] = JSON
    body = reply.body.model_dump_json().encode()
    return web.Response(status=reply.status, body=body, headers=headers)


@cache
def _description(path: str) -> tuple[bytes, dict[str, str]]:
    """Return what anybody may read, and its fields; made when somebody wants it."""
    return _OPEN[path](ENDPOINTS)


def _described(request: web.BaseRequest, path: str) -> web.Response:
    if request.method not in {"GET", "HEAD"}:
        allow = {str(hdrs.ALLOW): "GET, HEAD"}
        raise ProblemError(405, "Only GET and HEAD are for this path.", headers=allow)
    body, headers = _description(path)
    return web.Response(body=body, headers=headers)


def _failed(error: Exception) -> web.Response:
    """Answer what was raised: what is no error of ours is a bug of ours."""
    try:
        if isinstance(error, FreeBusyError):
            return from_error(error).response()
    except FreeBusyError:  # one that nobody thought of
        pass
    _LOG.error("a request of a connector failed", exc_info=error)
    return ProblemError(500, "A fault of this service: tell its operator.").response()
