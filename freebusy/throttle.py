"""Slowing those who guess passwords, over FTP and HTTP together.

What failed is kept in the store, where all processes see it; what succeeded only in
memory, so that a login that is right costs no write.  Four things are counted:

- an address (of IPv6 its /64): its attempts come one after the other, each after a pause
  that doubles with every failure;
- an account: whoever comes from elsewhere waits the like of that pause, but in no queue:
  strangers can slow an account and never lock it;
- an account at an address from which it logged in lately: only its own failures count
  there, so that neither strangers nor neighbours slow it;
- the whole site's refusals at the mail server, because the mail server slows the gateway's
  own address: past so many a minute, whoever is not known to be good waits in a queue.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from freebusy.errors import LoginSlowedError, StoreError
from freebusy.migrations import LOGIN_FAILURES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from freebusy.store import Store

log = logging.getLogger(__name__)

PATIENCE = 30.0
"""Seconds that a client is let wait; longer, and it has given up by itself."""
GOOD_FOR = 30 * 86400.0
"""Seconds for which a login that succeeded makes an address known for its account."""
MAX_ROWS = 10_000
"""Rows of failures in the store, and entries of each kind in memory."""

_SITE_MINUTE, _SITE_STEP = 60, 10
_TOLERANCE = 0.1
"""Seconds by which timers and clocks may differ."""
_TRIM_EVERY = 100
_SITE = "site"
_SEEN = sa.select(LOGIN_FAILURES.c.subject, LOGIN_FAILURES.c.failures, LOGIN_FAILURES.c.last).where(
    LOGIN_FAILURES.c.subject.in_(sa.bindparam("subjects", expanding=True))
)
_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class ThrottleRules:
    """How failures are slowed; times in seconds."""

    first_delay: float = 1.0
    max_delay: float = 30.0
    forget: float = 900.0
    """Failures older than this count no more."""
    site_failures: int = 60
    """Refusals of the mail server a minute before unknown ones wait."""

    def pause(self, failures: int) -> float:
        """Return the pause after so many failures."""
        if failures < 1:
            return 0.0
        return float(min(self.max_delay, self.first_delay * 2 ** min(failures - 1, 32)))


class Attempt(NamedTuple):
    """Somebody tries to log in."""

    account: str
    """What names the account in the table; unknown ones get names too, from a short list."""
    address: str
    asks_mail: bool = True
    """Whether the mail server may be asked for it."""


class _Turn(NamedTuple):
    """One reason to wait."""

    subject: str
    ready: float
    """Seconds from now until the next attempt may be made."""
    pause: float
    """Seconds that lie between this attempt and the one after it; 0: no queue."""


class _Failures(NamedTuple):
    times: int
    last: float


class Throttle:
    """How long a login must wait; safe from any thread, beside other processes."""

    def __init__(
        self,
        store: Store,
        rules: ThrottleRules,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``now`` is the wall clock, which all processes share, ``clock`` a monotonic one."""
        self._store = store
        self._rules = rules
        self._now = now
        self._clock = clock
        self._lock = threading.Lock()
        self._good: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._turns: OrderedDict[str, float] = OrderedDict()
        self._written = 0

    @property
    def forget(self) -> float:
        """Seconds after which a failure counts no more."""
        return self._rules.forget

    def reload(self, rules: ThrottleRules) -> None:
        """Go on with other rules; what failed before still counts."""
        self._rules = rules

    def delay(self, attempt: Attempt) -> float:
        """Return the seconds that this attempt has to wait, and keep its turn.

        Raises LoginSlowedError where that is longer than anybody would wait.
        """
        turns = self._reasons(attempt)
        with self._lock:
            now = self._clock()
            waits = [max(t.ready, self._turns.get(t.subject, now) - now) for t in turns]
            wait = max(0.0, *waits) if waits else 0.0
            if wait > PATIENCE:
                raise slowed(wait)
            for turn in turns:
                if turn.pause:
                    _keep(self._turns, turn.subject, now + wait + turn.pause)
        return wait

    def require(self, attempt: Attempt) -> None:
        """Raise LoginSlowedError where others failed at this address while this one waited."""
        subject = self._own_subject(attempt)
        ready = self._ready(self._read([subject]).get(subject))
        if ready > _TOLERANCE:
            raise slowed(ready)

    def succeeded(self, attempt: Attempt) -> None:
        """Take the address for one of the account's own from now on; writes nothing."""
        with self._lock:
            _keep(self._good, (attempt.account, network(attempt.address)), self._clock())

    def is_good(self, attempt: Attempt) -> bool:
        """Whether the account logged in from there lately."""
        with self._lock:
            since = self._good.get((attempt.account, network(attempt.address)))
        return since is not None and self._clock() - since < GOOD_FOR

    def failed(self, attempt: Attempt, *, at_mail: bool, again: bool = False) -> None:
        """Count a failure; ``at_mail``: the mail server refused it.

        ``again`` is the very password that failed there before, from which nobody learns
        anything: the pause begins anew and grows no longer, so that a client with an old
        password is not slowed more and more.
        """
        subjects = {self._own_subject(attempt): int(not again)}
        if not again:
            subjects[f"address {network(attempt.address)}"] = 1
            subjects[_account(attempt)] = 1
        if at_mail:
            subjects[f"{_SITE} {int(self._wall() / _SITE_STEP)}"] = 1
        try:
            self._write(subjects)
        except StoreError as error:
            log.warning("login throttle error=%s", error)
            self._hold_back(subjects)

    # -- reasons to wait

    def _own_subject(self, attempt: Attempt) -> str:
        """Return what stands for this client: its address, or the account at that address."""
        place = network(attempt.address)
        return f"pair {attempt.account} {place}" if self.is_good(attempt) else f"address {place}"

    def _reasons(self, attempt: Attempt) -> list[_Turn]:
        rules, own = self._rules, self._own_subject(attempt)
        account, site = _account(attempt), self._site_subjects(attempt)
        seen = self._read([own, account, *site])
        turns = [_Turn(own, self._ready(seen.get(own)), self._pause(seen.get(own)))]
        if not self.is_good(attempt):
            turns.append(_Turn(account, self._pause(seen.get(account)), 0.0))
            if sum(seen[s].times for s in site if s in seen) >= rules.site_failures:
                turns.append(_Turn(_SITE, 0.0, _SITE_MINUTE / rules.site_failures))
        return turns

    def _site_subjects(self, attempt: Attempt) -> list[str]:
        if not attempt.asks_mail:
            return []
        last = int(self._wall() / _SITE_STEP)
        return [f"{_SITE} {last - ago}" for ago in range(_SITE_MINUTE // _SITE_STEP)]

    def _pause(self, failures: _Failures | None) -> float:
        if failures is None or abs(self._wall() - failures.last) > self._rules.forget:
            return 0.0
        return self._rules.pause(failures.times)

    def _ready(self, failures: _Failures | None) -> float:
        """Return in how many seconds the pause after the last failure is over."""
        pause = self._pause(failures)
        if failures is None or not pause:
            return 0.0
        # Where the clock was set back, the last failure lies ahead: the pause is long enough.
        return max(0.0, min(pause, failures.last + pause - self._wall()))

    # -- the table

    def _read(self, subjects: Iterable[str]) -> Mapping[str, _Failures]:
        try:
            with self._store.reading() as connection:
                rows = connection.execute(_SEEN, {"subjects": list(subjects)})
                return {subject: _Failures(times, last) for subject, times, last in rows}
        except StoreError as error:
            log.warning("login throttle error=%s", error)
            return {}

    def _write(self, subjects: Mapping[str, int]) -> None:
        """Add to the failures of each subject; one that is not there yet begins with one."""
        now = self._wall()
        old = max(self._rules.forget, _SITE_MINUTE)
        forgotten = sa.not_(LOGIN_FAILURES.c.last.between(now - old, now + old))
        with self._store.writing() as connection:
            connection.execute(sa.delete(LOGIN_FAILURES).where(forgotten))
            for subject, more in subjects.items():
                connection.execute(_counted(subject, more, now))
            if self._written % _TRIM_EVERY == 0:
                connection.execute(_oldest())
            self._written += 1

    def _hold_back(self, subjects: Iterable[str]) -> None:
        """Slow what failed as much as there is, while failures cannot be counted."""
        with self._lock:
            for subject in subjects:
                _keep(self._turns, subject, self._clock() + self._rules.max_delay)

    def _wall(self) -> float:
        return self._now().timestamp()


def _counted(subject: str, more: int, now: float) -> sa.Insert:
    return (
        insert(LOGIN_FAILURES)
        .values(subject=subject, failures=1, last=now)
        .on_conflict_do_update(
            index_elements=["subject"],
            set_={"failures": LOGIN_FAILURES.c.failures + more, "last": now},
        )
    )


def _oldest() -> sa.Delete:
    """Return what removes the rows that are too many."""
    newest_first = sa.select(LOGIN_FAILURES.c.subject).order_by(LOGIN_FAILURES.c.last.desc())
    too_many = newest_first.offset(MAX_ROWS).limit(-1)
    return sa.delete(LOGIN_FAILURES).where(LOGIN_FAILURES.c.subject.in_(too_many))


def slowed(seconds: float) -> LoginSlowedError:
    """Return the error that tells a client to come back later."""
    return LoginSlowedError("Too many failed logins; try again later.", seconds)


def network(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return "-"
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return f"{IPv6Address(int(found) >> 64 << 64)}/64"


def _account(attempt: Attempt) -> str:
    return f"account {attempt.account}"


def _keep(table: OrderedDict[_Key, float], key: _Key, value: float) -> None:
    """Keep an entry as the newest; the oldest goes where there are too many."""
    table[key] = value
    table.move_to_end(key)
    if len(table) > MAX_ROWS:
        table.popitem(last=False)
