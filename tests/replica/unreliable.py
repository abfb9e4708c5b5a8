"""A connection that breaks off where a test wants it to, and counts what is asked."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from calendar_sync.connector.errors import ConnectorDownError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from calendar_sync.replica import Remote
    from freebusy.connector.bodies import Change, Changes, Folders, Job, Results, Sync

_T = TypeVar("_T")


class Unreliable:
    """A Remote over another one."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self.requests: Counter[str] = Counter()
        self.fails_before = 0
        """Fail at the n-th request from now, before it has an effect."""
        self.fails_after = 0
        """... and after it has had its effect."""
        self.before_write: list[Callable[[], None]] = []
        """What others do right before our next changes arrive."""
        self.before_changes: list[Callable[[], None]] = []
        """... and before our next questions what changed."""

    def _ask(self, name: str, request: Callable[[], _T]) -> _T:
        self.requests[name] += 1
        if self.fails_before:
            self.fails_before -= 1
            if not self.fails_before:
                raise ConnectorDownError("nobody answers", "connection")
        answer = request()
        if self.fails_after:
            self.fails_after -= 1
            if not self.fails_after:
                raise ConnectorDownError("the connection broke off", "answer")
        return answer

    def folders(self) -> Folders:
        return self._ask("folders", self.remote.folders)

    def changes(
        self, folder_id: str, since: str | None = None, *, limit: int | None = None
    ) -> Changes:
        if self.before_changes:
            self.before_changes.pop(0)()
        return self._ask("changes", lambda: self.remote.changes(folder_id, since, limit=limit))

    def write(self, folder_id: str, changes: Sequence[Change]) -> Results:
        if self.before_write:
            self.before_write.pop(0)()
        return self._ask("write", lambda: self.remote.write(folder_id, changes))

    def sync(self, sync: Sync) -> Job:
        return self._ask("sync", lambda: self.remote.sync(sync))

    def job(self, job: str) -> Job:
        return self._ask("job", lambda: self.remote.job(job))
