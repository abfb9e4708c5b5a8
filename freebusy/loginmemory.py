"""What one process remembers of logins: keyed hashes, for a while, and not too many."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict, deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from freebusy.passwords import encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Mark = bytes
"""Stands for an account, a password and a place; made by :class:`Marker`."""
Value = TypeVar("Value")

MAX_REMEMBERED = 10_000


class Marker:
    """Makes marks with a key that no other process has and nobody stores."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def __call__(self, account: str, password: str, place: str) -> Mark:
        """Return the mark; neither account nor place holds a NUL."""
        text = encoded(f"{place}\0{account}\0{password}")
        return hashlib.blake2b(text, key=self._key, digest_size=16).digest()


class Remembered(Generic[Value]):
    """Values that are forgotten after a lifetime, or when there are too many newer ones."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes | str, tuple[float, Value]] = OrderedDict()

    def get(self, key: bytes | str) -> Value | None:
        """Return the value, or None where it is not known, or no more."""
        found = self._kept.get(key)
        return None if found is None or found[0] <= self._clock() else found[1]

    def keep(self, key: bytes | str, value: Value, lifetime: float) -> None:
        """Remember a value for so many seconds."""
        with self._lock:
            self._kept[key] = (self._clock() + lifetime, value)
            self._kept.move_to_end(key)
            if len(self._kept) > MAX_REMEMBERED:
                self._kept.popitem(last=False)

    def drop(self, key: bytes | str) -> None:
        """Forget one."""
        with self._lock:
            self._kept.pop(key, None)


class Once:
    """Lets of several threads that ask the same thing at once only one ask at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asking: dict[Mark, tuple[threading.Lock, int]] = {}

    @contextmanager
    def alone(self, mark: Mark) -> Iterator[None]:
        """Hold everybody else with this mark off during the block."""
        with self._lock:
            lock, holders = self._asking.get(mark, (threading.Lock(), 0))
            self._asking[mark] = lock, holders + 1
        try:
            with lock:
                yield
        finally:
            with self._lock:
                lock, holders = self._asking.pop(mark)
                if holders > 1:
                    self._asking[mark] = lock, holders - 1


class _Outage(NamedTuple):
    moment: float
    duration: float


class Pace:
    """How the mail server refuses passwords lately: how long it takes, or that it does not answer.

    Whoever is not in the roster is answered likewise, so that a stranger cannot tell.
    """

    LASTS = 30.0
    """Seconds for which an outage is believed to last."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._clock = clock
        self._sleep = sleep
        self._refusals: deque[float] = deque(maxlen=32)
        self._outage: _Outage | None = None

    def refused(self, duration: float) -> None:
        """Note that a password was refused after so many seconds."""
        self._refusals.append(duration)
        self._outage = None

    def accepted(self) -> None:
        """Note that the mail server answers."""
        self._outage = None

    def failed(self, duration: float) -> None:
        """Note that the mail server could not be asked, after so many seconds."""
        self._outage = _Outage(self._clock(), duration)

    def imitate(self) -> bool:
        """Take the time of a refusal; False where the mail server would not have answered."""
        outage = self._outage
        if outage is not None and self._clock() - outage.moment < self.LASTS:
            self._sleep(outage.duration)
            return False
        if self._refusals:
            self._sleep(secrets.choice(tuple(self._refusals)))
        return True
