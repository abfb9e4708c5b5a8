"""Logging in (RFC 959 §4.1.1, RFC 1635): anonymous at once, accounts while the session waits."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from pyftpdlib.exceptions import AuthenticationFailed

from freebusy.errors import LoginError, LoginSlowedError, LoginUnavailableError, StoreError
from freebusy.ports import Visitor
from ftpsrv.authorizer import LOGIN_REFUSED, READ
from ftpsrv.filesystem import PublishedTree
from ftpsrv.log import logger, one_line, value
from ftpsrv.transfers import TransferringConnection

if TYPE_CHECKING:
    from concurrent.futures import Future
    from datetime import datetime

    from freebusy.ports import Account, FreeBusyFiles, Logins, Publications
    from ftpsrv.authorizer import AnonymousAuthorizer

UNAVAILABLE = "Logins cannot be checked at the moment; try again later."
TLS_FIRST = "530 Accounts need TLS here; send AUTH TLS first."


class LoginConnection(TransferringConnection):
    """A control connection that knows who is at its other end."""

    files: ClassVar[FreeBusyFiles]
    logins: ClassVar[Logins | None] = None
    publications: ClassVar[Publications | None] = None
    authorizer: ClassVar[AnonymousAuthorizer]
    tree_time: ClassVar[datetime]
    """What listings show for directories."""
    login_delay = 1.0
    visitor: Visitor | None = None

    @property
    def must_protect_data(self) -> bool:
        """Whether who has logged in may use protected data connections only."""
        return self.require_tls and self.visitor is not None and self.visitor.account is not None

    @property
    def user_label(self) -> str:
        """Return who is logged in, as logs name it; never what a client wrote."""
        account = None if self.visitor is None else self.visitor.account
        return "anonymous" if account is None else account.label

    def name_user(self, user: str) -> None:
        """USER: note who wants to log in; an account without TLS may stop before its password."""
        if self.require_tls and not self.is_protected and not self.authorizer.is_anonymous(user):
            if self.authenticated:
                self.flush_account()
            self.username = ""
            self._log_refusal("tls")
            self.respond(TLS_FIRST)
        else:
            self.ftp_USER(user)

    def log_in(self, password: str) -> None:
        """PASS: log the user in whom USER named."""
        user = self.username
        if self.authenticated or not user:
            self.push("503 Send USER first.\r\n")
        elif self.authorizer.is_anonymous(user):
            try:
                visitor = self.authorizer.admit(self.peer)
            except AuthenticationFailed as refusal:
                self._refuse_login(str(refusal), "not_admitted")
            else:
                self.respond(self._welcome(visitor))
        elif self.logins is None:
            self._refuse_login(LOGIN_REFUSED, "unknown")
        else:
            self._log_account_in(self.logins, user, password)

    def _log_account_in(self, logins: Logins, user: str, password: str) -> None:
        account = logins.recall(user, password, self.peer)
        if account is not None:
            self.respond(self._welcome_account(account))
            return
        try:
            wait = logins.delay(user, self.peer)
        except LoginSlowedError as error:
            self._refuse_login(one_line(error.reason), "slowed")
            return
        except StoreError:
            self._end_unchecked(UNAVAILABLE)
            return
        self.pause()
        check = partial(logins.log_in, user, password, self.peer)
        self.call_later(wait, self.run_errand, self.errands.log_in, check, self._hear_of_login)

    def _hear_of_login(self, outcome: Future[Account]) -> None:
        try:
            account = outcome.result()
        except LoginUnavailableError as error:
            self._end_unchecked(one_line(error.reason))
        except StoreError:
            self._end_unchecked(UNAVAILABLE)
        except LoginSlowedError as error:
            self._refuse_login(one_line(error.reason), "slowed")
        except LoginError:
            self._refuse_login(LOGIN_REFUSED, "refused")
        else:
            if not self._closed:
                self.resume(self._welcome_account(account))

    def _end_unchecked(self, reason: str) -> None:
        """End the session: nobody can say whether the password is right."""
        self._log_refusal("unavailable")
        self._quit_pending = True
        self.resume("421 " + reason)

    def _welcome_account(self, account: Account) -> str:
        logger.info(
            "event=ftp_login peer=%s user=%s protocol=%s",
            value(self.peer),
            value(account.label),
            self.protocol,
        )
        return self._welcome(Visitor(self.peer, account))

    def _welcome(self, visitor: Visitor) -> str:
        """Let a visitor in and return the reply."""
        self.visitor = visitor
        self.permissions = READ
        self.authenticated = True
        self.attempted_logins = 0
        self.fs = PublishedTree("/", self)
        return "230 Login successful."

    def _refuse_login(self, reply: str, reason: str) -> None:
        """Answer after a constant time, in which the client is not read from."""
        if self._closed:
            return
        self._log_refusal(reason)
        self.username = ""
        self.attempted_logins += 1
        # Guesses sent in one go get one answer.
        self.ac_in_buffer = b""
        self._held.clear()
        self.pause()
        self.call_later(self.login_delay, self._answer_refused_login, "530 " + reply)

    def _answer_refused_login(self, reply: str) -> None:
        if self.attempted_logins >= self.max_login_attempts:
            self._quit_pending = True
        self.resume(reply)

    def _log_refusal(self, reason: str) -> None:
        # Without the user's name: people type their password there by mistake.
        logger.info("event=ftp_login_refused peer=%s reason=%s", value(self.peer), reason)

    def refuse(self, reply: str) -> None:
        """Answer a command that is not carried out; who has tried many names waits for it."""
        wait = 0.0 if self.visitor is None else self.files.hold_up(self.visitor)
        if wait:
            self.pause()
            self.call_later(wait, self.resume, reply)
        else:
            super().refuse(reply)

    def flush_account(self) -> None:
        """Forget who logged in (USER again, REIN, AUTH)."""
        super().flush_account()
        self.visitor = None
        self.permissions = ""
