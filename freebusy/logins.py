"""Logins: who somebody is, by a password of whichever kind, for both servers together.

In this order: the shared account, by its password or its hash; an app password, by the
store; a mail account, by asking the mail server.  What is sent there as a login comes
from the configuration alone, so that nothing a client writes can choose another account.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from freebusy import passwords
from freebusy.errors import (
    LoginError,
    LoginRefusedError,
    LoginSlowedError,
    LoginUnavailableError,
    SourceError,
    StoreError,
)
from freebusy.loginmemory import Marker, Once, Pace, Remembered
from freebusy.ports import Account, Scope
from freebusy.throttle import Attempt, network

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from freebusy.apppasswords import AppPassword, AppPasswords
    from freebusy.ports import LoginCheck
    from freebusy.throttle import Throttle

log = logging.getLogger(__name__)

REFUSED = "Login incorrect."
"""One sentence for whatever was wrong: it must not say which."""
UNAVAILABLE = "The password cannot be checked now; try again later."
BUSY = "Too many logins at once; try again later."

SLOT_PATIENCE = 2.0
"""Seconds that a login waits for one of ``max_checks`` to end."""
SCRYPT_AT_ONCE = 2
GUESSES = 20
"""Failures a minute of an account at one address, before its cached login is not told apart."""
_GUESSING = 60.0
_UNKNOWN_NAMES = 4096
"""Names under which unknown users are counted: too few to tell what was typed."""


@dataclass(frozen=True, slots=True)
class LoginRules:
    """What the configuration says of logins; times in seconds."""

    person_of: Callable[[str], str | None]
    """What a client wrote as user -> canonical NAME, or None."""
    login_of: Callable[[str], str | None]
    """Canonical NAME -> login at the mail server; None for who may not log in there."""
    check: LoginCheck | None = None
    """None: nobody logs in with a mail account."""
    service_logins: Collection[str] = ()
    """Logins at the mail server that are nobody's own, and whose passwords nobody may guess."""
    shared_user: str = "freebusy"
    """Casefolded."""
    shared_password: str | None = field(default=None, repr=False)
    shared_hash: str | None = field(default=None, repr=False)
    """Without a password and a hash there is no shared account."""
    cache: float = 600.0
    """How long a success is remembered; 0: not at all."""
    max_checks: int = 8
    """Questions to the mail server at a time."""


class _Who(NamedTuple):
    """Whom a user name means."""

    key: str
    """By what the throttle counts failures, and a mark is made."""
    person: str | None = None
    is_shared: bool = False

    @property
    def shown(self) -> str:
        """What a log may hold: an unknown user's text may be a password, in the wrong field."""
        return self.key if self.person or self.is_shared else "unknown"

    def attempt(self, address: str) -> Attempt:
        return Attempt(self.key, address, asks_mail=not self.is_shared)


class _Verdict(NamedTuple):
    """What came of a check."""

    account: Account | None
    at_mail: bool = False
    """The mail server was asked."""
    is_kept: bool = True
    """A success may be remembered."""


class _Slots:
    """How many ask the mail server at a time; a few slots are for those who are known."""

    def __init__(self, number: int) -> None:
        self._all = threading.BoundedSemaphore(number)
        self._unproven = threading.BoundedSemaphore(max(1, number * 3 // 4))

    @contextmanager
    def one(self, *, is_good: bool) -> Iterator[None]:
        """Hold a slot during the block; raises LoginUnavailableError where none gets free."""
        with _acquired(self._all if is_good else self._unproven):
            if is_good:
                yield
            else:
                with _acquired(self._all):
                    yield


@contextmanager
def _acquired(semaphore: threading.Semaphore) -> Iterator[None]:
    if not semaphore.acquire(timeout=SLOT_PATIENCE):
        raise LoginUnavailableError(BUSY)
    try:
        yield
    finally:
        semaphore.release()


class _Era:
    """The rules, and what holds only while they do."""

    def __init__(self, rules: LoginRules, clock: Callable[[], float]) -> None:
        self.rules = rules
        self.slots = _Slots(rules.max_checks)
        self.successes: Remembered[Account] = Remembered(clock)

    def who(self, user: str) -> _Who:
        rules = self.rules
        has_shared = rules.shared_password is not None or rules.shared_hash is not None
        if has_shared and user.casefold() == rules.shared_user:
            return _Who(rules.shared_user, is_shared=True)
        person = rules.person_of(user)
        return _Who(_unknown(user)) if person is None else _Who(person, person)


class AccountLogins:
    """Accounts and their passwords: ports.Logins."""

    def __init__(
        self,
        rules: LoginRules,
        app_passwords: AppPasswords,
        throttle: Throttle,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._app_passwords = app_passwords
        self._throttle = throttle
        self._clock = clock
        self._mark = Marker()
        self._wrong: Remembered[bool] = Remembered(clock)
        self._guesses: Remembered[int] = Remembered(clock)
        self._once = Once()
        self._pace = Pace(clock, sleep)
        self._scrypt = threading.BoundedSemaphore(SCRYPT_AT_ONCE)
        self._era = _Era(rules, clock)

    def reload(self, rules: LoginRules) -> None:
        """Go on with other rules at once, and with no login remembered."""
        self._era = _Era(rules, self._clock)

    def forget(self) -> None:
        """Remember no login any more: everybody is asked anew."""
        self.reload(self._era.rules)

    # -- ports.Logins

    def recall(self, user: str, password: str, address: str) -> Account | None:
        """Return the account where this very login succeeded a short while ago; never blocks.

        A success is remembered for its own place only, and not while somebody guesses
        there: otherwise this would tell right from wrong as fast as one can ask.
        """
        era = self._era
        who = era.who(user)
        if who.person is not None and passwords.is_app_password(password):
            return self._recall_app(who.person, password)
        place = network(address)
        if (self._guesses.get(_pair(who, place)) or 0) > GUESSES:
            return None
        return era.successes.get(self._mark(who.key, password, place))

    def _recall_app(self, person: str, password: str) -> Account | None:
        """Return the account of an app password whose use needs no note: that would block."""
        try:
            known = self._app_passwords.check(person, password)
        except StoreError:
            return None
        return _account(known) if known and self._app_passwords.is_noted(known) else None

    def delay(self, user: str, address: str) -> float:
        """Return the seconds to wait before :meth:`log_in`, because of earlier failures.

        Raises LoginSlowedError where waiting is no use.
        """
        who = self._era.who(user)
        try:
            return self._throttle.delay(who.attempt(address))
        except LoginSlowedError:
            self._note(who, address, "slowed")
            raise

    def log_in(self, user: str, password: str, address: str) -> Account:
        """Check a login; blocks for as long as the mail server takes.

        Raises LoginRefusedError, LoginSlowedError, LoginUnavailableError.
        """
        era = self._era
        who = era.who(user)
        mark = self._mark(who.key, password, network(address))
        try:
            with self._once.alone(mark):
                return self._log_in(era, who, password, address, mark)
        except LoginError as error:
            self._note(who, address, _OUTCOMES[type(error)], error.__cause__)
            raise

    def _log_in(self, era: _Era, who: _Who, password: str, address: str, mark: bytes) -> Account:
        account = era.successes.get(mark)  # of who asked the same a moment before
        if account is not None:
            return account
        attempt = who.attempt(address)
        self._throttle.require(attempt)
        verdict = self._check(era, who, password, attempt)
        if verdict.account is None:
            again = self._wrong.get(mark) is not None
            self._wrong.keep(mark, True, self._throttle.forget)  # noqa: FBT003
            self._throttle.failed(attempt, at_mail=verdict.at_mail, again=again)
            raise LoginRefusedError(REFUSED)
        self._throttle.succeeded(attempt)
        if verdict.is_kept:
            era.successes.keep(mark, verdict.account, era.rules.cache)
        return verdict.account

    def _note(
        self, who: _Who, address: str, outcome: str, cause: BaseException | None = None
    ) -> None:
        if outcome != "unavailable":
            pair = _pair(who, network(address))
            self._guesses.keep(pair, (self._guesses.get(pair) or 0) + 1, _GUESSING)
        log.log(
            logging.INFO if cause is None else logging.WARNING,  # the mail server, or the store
            "login outcome=%s account=%s peer=%s%s",
            outcome,
            who.shown,
            address,
            "" if cause is None else f" error={cause}",
        )

    # -- the three kinds of password

    def _check(self, era: _Era, who: _Who, password: str, attempt: Attempt) -> _Verdict:
        if not _is_usable(password):
            return _Verdict(None)
        if who.is_shared:
            return _Verdict(self._check_shared(era.rules, password))
        if passwords.is_app_password(password):
            return _Verdict(self._check_app(who, password, attempt.address), is_kept=False)
        if era.rules.check is None:
            return _Verdict(None)
        with era.slots.one(is_good=self._throttle.is_good(attempt)):
            self._throttle.require(attempt)  # what asked beside this one may have failed
            return self._ask_mail(era.rules, who, password)

    def _check_shared(self, rules: LoginRules, password: str) -> Account | None:
        if rules.shared_password is not None:
            is_right = passwords.equal(password, rules.shared_password)
        else:
            with self._scrypt:  # each takes 16 MiB
                is_right = passwords.verify(password, rules.shared_hash or "")
        return Account(rules.shared_user, None, Scope.SHARED) if is_right else None

    def _check_app(self, who: _Who, password: str, address: str) -> Account | None:
        try:
            # Of nobody too: a look-up takes the same time for whoever it is.
            known = self._app_passwords.check(who.person or who.key, password)
            if known is None:
                return None
            self._app_passwords.note_use(known, address)
        except StoreError as error:
            raise LoginUnavailableError(UNAVAILABLE) from error
        return _account(known)

    def _ask_mail(self, rules: LoginRules, who: _Who, password: str) -> _Verdict:
        login = _login_at_mail(rules, who)
        if login is None or rules.check is None:
            if not self._pace.imitate():
                raise LoginUnavailableError(UNAVAILABLE)
            return _Verdict(None)
        started = self._clock()
        try:
            is_right = rules.check.check(login, password)
        except SourceError as error:
            self._pace.failed(self._clock() - started)
            raise LoginUnavailableError(UNAVAILABLE) from error
        if not is_right:
            self._pace.refused(self._clock() - started)
            return _Verdict(None, at_mail=True)
        self._pace.accepted()
        return _Verdict(Account(who.key, who.person, Scope.MAIL), at_mail=True)


_OUTCOMES = {
    LoginRefusedError: "refused",
    LoginSlowedError: "slowed",
    LoginUnavailableError: "unavailable",
}


def _login_at_mail(rules: LoginRules, who: _Who) -> str | None:
    """Return what to ask the mail server for; None where it must not be asked.

    ``hans*master`` would ask for the master user's password (Dovecot), not for hans's.
    """
    login = None if who.person is None else rules.login_of(who.person)
    return None if login is None or login in rules.service_logins or "*" in login else login


def _is_usable(password: str) -> bool:
    """Whether a password can be one: some directories take an empty one for anonymous."""
    return 0 < len(password) <= passwords.MAX_PASSWORD and not {"\0", "\r", "\n"} & set(password)


def _account(known: AppPassword) -> Account:
    return Account(f"{known.person}/{known.label}", known.person, known.scope)


def _pair(who: _Who, place: str) -> str:
    return f"{who.key} {place}"


def _unknown(user: str) -> str:
    """Return a name to count an unknown user by; the same one in every process."""
    digest = hashlib.blake2b(passwords.encoded(user.casefold()), digest_size=2).digest()
    return f"?{int.from_bytes(digest) % _UNKNOWN_NAMES}"
