"""Logins over HTTP: whose request it is, before anything is looked up for it."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING

from aiohttp import hdrs

from freebusy.crew import Crew
from freebusy.errors import LoginRefusedError, LoginSlowedError, LoginUnavailableError
from freebusy.ports import Visitor
from freebusy.web import replies
from freebusy.web.credentials import basic_credentials, is_basic
from freebusy.web.replies import RefusalError
from freebusy.web.threads import in_crew
from freebusy.web.visitors import FORWARDED_PROTO, Networks, is_passed_on

if TYPE_CHECKING:
    from aiohttp import web

    from freebusy.ports import Account, Logins
    from freebusy.web.connection import Connection
    from freebusy.web.credentials import Credentials
    from freebusy.web.settings import HttpSettings

_LOG = logging.getLogger(__name__)

_THREADS = 32
"""More than the checks that the mail server is asked for at a time, so that a slow one
does not keep those waiting who need none."""

_PATIENCE = 60.0
"""Seconds that a check may take beyond the delay before it."""


class Authentication:
    """Turns credentials into an account; holds nobody else up meanwhile."""

    def __init__(self, logins: Logins, settings: HttpSettings) -> None:
        self._logins = logins
        self._crew = Crew("http-login", _THREADS)
        self.reload(settings)

    def reload(self, settings: HttpSettings) -> None:
        """Go on with other networks for plain logins; raises ConfigurationError."""
        self._plain = Networks(settings.plain_logins, "network of plain logins")

    def close(self) -> None:
        """Let the threads go; a check under way ends by itself and counts for nothing."""
        self._crew.dismiss(0.0)

    async def visitor(
        self, request: web.BaseRequest, visitor: Visitor, connection: Connection
    ) -> Visitor:
        """Return the visitor with the account that logs in; RefusalError holds the answer else.

        A scheme that is not Basic counts as no login: what needs one answers with 401.
        """
        credentials = self.credentials(request, visitor, connection)
        if credentials is None:
            return visitor
        try:
            account = await self.account(credentials, visitor, connection)
        except LoginRefusedError:
            raise RefusalError(replies.unauthorized()) from None
        except LoginSlowedError as error:
            raise RefusalError(replies.slowed(max(1, math.ceil(error.seconds)))) from None
        except LoginUnavailableError:
            raise RefusalError(replies.login_unavailable()) from None
        return Visitor(visitor.address, account)

    def credentials(
        self, request: web.BaseRequest, visitor: Visitor, connection: Connection
    ) -> Credentials | None:
        """Return what somebody logs in with; None without a login of the scheme Basic.

        RefusalError holds the answer to what is broken, or came where others can read it.
        """
        fields = request.headers.getall(hdrs.AUTHORIZATION, [])
        if not fields or not is_basic(fields[0]):
            return None
        self._refuse_in_the_open(request, visitor, connection)
        credentials = basic_credentials(fields[0]) if len(fields) == 1 else None
        if credentials is None:
            raise RefusalError(replies.unauthorized())
        return credentials

    def _refuse_in_the_open(
        self, request: web.BaseRequest, visitor: Visitor, connection: Connection
    ) -> None:
        """Refuse a password that anybody could read on its way, unlooked at.

        An unknown proxy may have carried it from anywhere, so its own address says nothing.
        """
        if is_secure(request, connection):
            return
        passed_on = not connection.is_proxy and is_passed_on(request.headers)
        if passed_on or visitor.address not in self._plain:
            _LOG.warning("login address=%s event=password_without_tls", visitor.address)
            raise RefusalError(replies.needs_tls())

    async def account(
        self, credentials: Credentials, visitor: Visitor, connection: Connection
    ) -> Account:
        """Return the account that logs in; raises LoginError and its kinds."""
        given = (credentials.user, credentials.password, visitor.address)
        account = self._logins.recall(*given)
        if account is None:
            await self._wait(credentials.user, visitor.address, connection)
            account = await in_crew(self._crew, lambda: self._logins.log_in(*given))
            connection.allow(0.0)
        return account

    async def _wait(self, user: str, address: str, connection: Connection) -> None:
        """Wait as long as earlier failures ask for; who has gone meanwhile is not checked."""
        seconds = self._logins.delay(user, address)
        connection.allow(seconds + _PATIENCE)
        if seconds > 0:
            await asyncio.sleep(seconds)
            if connection.transport is None:
                raise RefusalError(replies.unauthorized())


def is_secure(request: web.BaseRequest, connection: Connection) -> bool:
    """Whether a request came over TLS, here or, as a trusted proxy says, before the proxy."""
    if connection.is_secure:
        return True
    if not connection.is_proxy:
        return False
    schemes = request.headers.getall(FORWARDED_PROTO, [])
    return len(schemes) == 1 and schemes[0].strip().lower() == "https"
