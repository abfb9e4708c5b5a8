"""Keeps a running service's roster in step with its file and with the mail server's users.

Every process watches the files that the configuration is read with beside its own; the
one that syncs also asks the mail server, and writes what it says into such a file.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from freebusy import mailroster, userlist
from freebusy.errors import FreeBusyError, StoreError
from freebusy.schedule import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from freebusy.config import Config

log = logging.getLogger(__name__)

Stamp = tuple[int, ...]
_REST = 1.0
"""Seconds between two looks at a file that say whether it is still being written."""
_RETRIES = Backoff(first=30.0, cap=600.0)


def stamp(files: Iterable[Path]) -> Stamp:
    """Return what differs whenever the files may have changed; of one that is away: nothing."""
    values: list[int] = []
    for path in files:
        try:
            stat = path.stat()
        except OSError:  # being replaced, or not there yet
            values.append(-1)
        else:
            values += (stat.st_mtime_ns, stat.st_size, stat.st_ino)
    return tuple(values)


def _users(config: Config) -> frozenset[str] | None:
    """Return whom the mail server's list names; None where there is none to be read."""
    if config.roster.source is None:
        return None
    try:
        return frozenset(userlist.read(config.user_list, config.roster.source).users)
    except StoreError:
        return None


def _people(config: Config) -> tuple[Stamp, frozenset[str] | None]:
    """Return what differs whenever others may be named, and not where somebody is but missing."""
    file = () if config.roster.file is None else (config.roster.file,)
    return stamp(file), _users(config)


class RosterWatch:
    """Says when the configuration has to be read again because of the people in it."""

    def __init__(self, config: Config, reload: Callable[[], None], *, lists: bool) -> None:
        """``lists``: this process asks the mail server."""
        self._config = config
        self._reload = reload
        self._lists = lists
        self._taken = stamp(config.roster_files)
        """Of the files as they were read."""
        self._seen = self._taken
        """Of the files as they were at the last glance."""
        self._people = _people(config)
        self._changed = asyncio.Event()
        self._asking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to ask the mail server now and then."""
        if self._lists:
            self._asking = asyncio.create_task(self._keep_asking())

    def stop(self) -> None:
        """End it."""
        if self._asking is not None:
            self._asking.cancel()

    def glance(self) -> None:
        """Let the configuration be read again where a file changed and is now at rest.

        A file that is just being written would show half of the people.
        """
        now = stamp(self._config.roster_files)
        settled, self._seen = now == self._seen, now
        if not settled:
            asyncio.get_running_loop().call_later(_REST, self.glance)
        elif now != self._taken and _people(self._config) != self._people:
            log.info("roster event=file_changed")
            self._reload()
        else:
            self._taken = now

    def begin(self) -> None:
        """Note the state of the files: they are read now."""
        self._taken = self._seen = stamp(self._config.roster_files)
        self._people = _people(self._config)

    def take(self, config: Config) -> None:
        """Go on under another configuration, which was read after :meth:`begin`."""
        other = config.roster_files != self._config.roster_files
        asks_otherwise = config.roster != self._config.roster
        self._config = config
        if other:
            self.begin()
        if asks_otherwise:
            self._changed.set()

    async def _keep_asking(self) -> None:
        failures = 0
        while True:
            self._changed.clear()
            config = self._config
            if config.roster.source is None:
                await self._changed.wait()
                continue
            failures = 0 if await self._ask(config) else failures + 1
            interval = config.roster.interval.total_seconds()
            wait = min(interval, _RETRIES.delay(failures, jitter=0.5)) if failures else interval
            try:
                await asyncio.wait_for(self._changed.wait(), wait)
            except TimeoutError:
                continue

    async def _ask(self, config: Config) -> bool:
        """Ask the mail server; return whether it gave an answer that is believed."""
        try:
            listed = await asyncio.to_thread(mailroster.refresh, config)
        except FreeBusyError as error:
            log.error("roster error=%s", error)  # noqa: TRY400 - it is no bug
            return False
        except Exception:
            log.exception("roster event=bug")
            return False
        if listed.changed:
            self._reload()
        return not listed.problem
