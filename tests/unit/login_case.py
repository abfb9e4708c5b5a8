"""A clock that tests turn, and a mail server in memory, for the tests of logins."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from freebusy.errors import LoginSlowedError, SourceError, SourceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)


class Clock:
    """Wall clock and monotonic clock in one; time passes only by :meth:`sleep`."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.set_back = 0.0

    def __call__(self) -> float:
        return self.passed

    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed - self.set_back)

    def sleep(self, seconds: float) -> None:
        self.passed += seconds


@dataclass
class MailServer:
    """Knows who has which password: ports.LoginCheck."""

    clock: Clock
    passwords: dict[str, str]
    takes: float = 0.0
    """Seconds of the test's clock that a check takes."""
    error: SourceError | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    gate: threading.Event | None = None
    """Where there is one, a check waits for it."""
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, login: str, password: str) -> bool:
        with self.lock:
            self.asked.append((login, password))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.gate is not None:
                assert self.gate.wait(20)
            self.clock.sleep(self.takes)
            if self.error is not None:
                raise self.error
            return self.passwords.get(login) == password
        finally:
            with self.lock:
                self.at_once -= 1


def outage() -> SourceError:
    return SourceUnavailableError("127.0.0.1:143 refuses connections")


def seconds_of(call: Callable[[], float | None]) -> float | str:
    """Return what a call says to wait; ``slowed`` where waiting is no use."""
    try:
        return call() or 0.0
    except LoginSlowedError:
        return "slowed"
