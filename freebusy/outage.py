"""What waits while a source is down: one task asks again now and then, all others wait for it.

Pure: now is an argument, in seconds of a monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from freebusy.schedule import Backoff

Task = TypeVar("Task")


@dataclass(slots=True)
class Outage(Generic[Task]):
    """Whether one source is down, since how many attempts, and who waits for its return."""

    retries: Backoff
    failures: int = 0
    _until: float = 0.0
    _probe: Task | None = None
    _waiting: set[Task] = field(default_factory=set)

    def holds(self, task: Task, now: float) -> bool:
        """Whether a task has to wait; it is then kept until :meth:`answered`.

        Of those that ask after a pause, the first goes on for all.
        """
        if not self.failures:
            return False
        if self._probe in {None, task} and now >= self._until:
            self._probe = task
            return False
        self._waiting.add(task)
        return True

    def failed(self, task: Task, now: float, *, jitter: float = 0.0) -> float:
        """Note that a task found the source down; return when it may ask again.

        Many that find it out together make one failure.
        """
        if now >= self._until:
            self.failures += 1
            self._until = now + self.retries.delay(self.failures, jitter=jitter)
        if self._probe == task:
            self._probe = None
        return self._until

    def answered(self) -> set[Task]:
        """Note that the source is there; return those that waited for it."""
        waited, self._waiting = self._waiting, set()
        self.failures, self._until, self._probe = 0, 0.0, None
        return waited

    def hurry(self, now: float) -> None:
        """Let the next that asks go on: there is a sign that the source is back."""
        self._until = min(self._until, now)
