"""People on other servers: asked once, remembered for a while, and never in too many places."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from freebusy.connector.addresses import SystemResolver
from freebusy.connector.answers import read_answer
from freebusy.connector.ftpfetch import Download
from freebusy.connector.remembered import Outcome, Remembered
from freebusy.connector.servers import Directory
from freebusy.connector.targets import split
from freebusy.connector.webfetch import WebFetch
from freebusy.errors import ElsewhereError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from freebusy.connector.addresses import Resolver
    from freebusy.connector.answers import Answer
    from freebusy.connector.limits import FetchLimits
    from freebusy.connector.remembered import Key
    from freebusy.connector.servers import OtherServer
    from freebusy.connector.targets import Target
    from freebusy.metrics import LookupOutcome

log = logging.getLogger(__name__)

CLOSED = "closed"
_READERS = 2
"""Answers read at a time: one that is made to be large takes twenty times its size for a while."""
_RESOLVERS = 4
_MAX_ADDRESSES = 3
"""Of one host, over FTP: as many as a machine with both families may need."""

_DOWN = frozenset({"name", "connection", "tls"})
"""What is wrong with a host and not with the answer for one person ..."""
_PAUSE = 15.0
"""... so that for so many seconds nobody else waits for it."""
_MAX_DOWN = 1000
_SAID_AGAIN = 60.0
"""A failure of the same kind is logged once in so many seconds."""


class Elsewhere:
    """Asks other servers; made, used and closed in one event loop."""

    def __init__(
        self,
        servers: Sequence[OtherServer],
        limits: FetchLimits,
        now: Callable[[], datetime],
        *,
        counted: Callable[[str, LookupOutcome], None] | None = None,
        resolver: Resolver | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``now`` is the wall clock, ``clock`` counts seconds.

        ``counted`` is told of each person who was asked for, by the server's name.
        """
        self._servers = list(servers)
        self._directory = Directory(servers)
        self._limits = limits
        self._now = now
        self._counted = counted
        self._clock = clock
        self._downloading = ThreadPoolExecutor(limits.at_once, "elsewhere-ftp")
        self._reading = ThreadPoolExecutor(_READERS, "elsewhere-read")
        self._resolving = ThreadPoolExecutor(_RESOLVERS, "elsewhere-name")
        self._resolver = resolver or SystemResolver(self._resolving)
        self._remembered = Remembered(limits.cache, limits.cache_misses, limits.cache_size, clock)
        self._asking: dict[Key, _Asking] = {}
        self._all = asyncio.Semaphore(limits.at_once)
        self._places = {server.name: _Place(server) for server in servers}
        self._downloads: set[Download] = set()
        self._is_closed = False

    def is_made_of(self, servers: Sequence[OtherServer], limits: FetchLimits) -> bool:
        """Whether these servers are asked, at that cost."""
        return (self._servers, self._limits) == (list(servers), limits)

    def is_asked(self, address: str) -> bool:
        """Whether there is a server for people of this address's domain."""
        return self._meant(address) is not None

    async def look_up(self, address: str) -> Outcome:
        """Return what the server for this address says; nobody where there is none."""
        key = self._meant(address)
        if key is None:
            return Outcome()
        return self._remembered.recall(key) or await self._asked(key)

    async def close(self) -> None:
        """End everything that is under way."""
        self._is_closed = True
        tasks = [asking.task for asking in self._asking.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for download in self._downloads:
            download.abort()
        for place in self._places.values():
            await place.close()
        for threads in (self._downloading, self._reading, self._resolving):
            threads.shutdown(wait=False, cancel_futures=True)

    def _meant(self, address: str) -> Key | None:
        parts = split(address)
        server = None if parts is None else self._directory.server_of(parts[1])
        return None if parts is None or server is None else (server.name, *parts)

    # -- one request for all who ask at the same time

    async def _asked(self, key: Key) -> Outcome:
        if self._is_closed:
            return Outcome(problem=CLOSED)
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = _Asking(asyncio.create_task(self._ask(key)))
        asking.waiting += 1
        try:
            return await asyncio.shield(asking.task)
        except asyncio.CancelledError:
            if asking.task.cancelled():  # by close, and not whoever waits here
                return Outcome(problem=CLOSED)
            raise
        finally:
            asking.waiting -= 1
            if not asking.waiting:
                asking.task.cancel()  # nobody wants to know any more, if it is not done
                del self._asking[key]

    async def _ask(self, key: Key) -> Outcome:
        place = self._places[key[0]]
        async with place.at_once, self._all:
            outcome = await self._outcome(place, key)
        self._remembered.keep(key, outcome)
        place.note(outcome.problem, self._clock())
        if self._counted is not None:
            self._counted(place.server.name, outcome.word)
        return outcome

    async def _outcome(self, place: _Place, key: Key) -> Outcome:
        try:
            async with asyncio.timeout(self._limits.timeout):
                return Outcome(await self._tried(place, *key[1:]))
        except TimeoutError:
            return Outcome(problem="timeout")
        except ElsewhereError as error:
            return Outcome(problem=error.kind)
        except Exception:
            # One answer must not cost the others theirs; no text of it is in the log.
            log.exception("lookup server=%s event=error", key[0])
            return Outcome(problem="error")

    async def _tried(self, place: _Place, local: str, domain: str) -> Answer | None:
        """Return the first answer that any URL gives.

        None only where all of them know nobody: raises the last ElsewhereError otherwise.
        """
        problem: ElsewhereError | None = None
        for target in place.server.targets(local, domain):
            try:
                answer = await self._answer(place, target, domain)
            except ElsewhereError as error:
                problem = error
                continue
            if answer is not None:
                return answer
        if problem is not None:
            raise problem
        return None

    async def _answer(self, place: _Place, target: Target, domain: str) -> Answer | None:
        place.check(target.host, self._clock())
        try:
            if target.scheme == "ftp":
                body = await self._download(place.server, target)
            else:
                body = await place.web(self._limits, self._resolver).fetch(target, domain)
        except ElsewhereError as error:
            if error.kind in _DOWN:
                place.note_down(target.host, self._clock() + _PAUSE, error.kind)
            raise
        if body is None:
            return None
        zone, now = place.server.timezone, self._now()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reading, lambda: read_answer(body, now, zone=zone))

    async def _download(self, server: OtherServer, target: Target) -> bytes | None:
        problem = ElsewhereError("connection")
        for address in (await server.addresses(target.host, self._resolver))[:_MAX_ADDRESSES]:
            try:
                return await self._download_from(address, target)
            except ElsewhereError as error:
                if error.kind != problem.kind:
                    raise
        raise problem

    async def _download_from(self, address: str, target: Target) -> bytes | None:
        download = Download(target, address, self._limits)
        self._downloads.add(download)
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._downloading, download.run)
        except asyncio.CancelledError:
            download.abort()
            raise
        finally:
            self._downloads.discard(download)


class _Asking:
    """A request under way, and how many wait for its end."""

    def __init__(self, task: asyncio.Task[Outcome]) -> None:
        self.task = task
        self.waiting = 0


class _Place:
    """One server, and how it has behaved."""

    def __init__(self, server: OtherServer) -> None:
        self.server = server
        self.at_once = asyncio.Semaphore(server.at_once)
        self.down: dict[str, tuple[float, str]] = {}
        """Host -> until when nobody is sent there, and why."""
        self._web: WebFetch | None = None
        self._said: tuple[float, str] | None = None

    def web(self, limits: FetchLimits, resolver: Resolver) -> WebFetch:
        """Return what fetches from there over HTTP; raises ElsewhereError."""
        if self._web is None:
            try:
                self._web = WebFetch(self.server, limits, resolver)
            except OSError:  # what ca_file names has gone, or holds no certificate any more
                raise ElsewhereError("certificates") from None
        return self._web

    def check(self, host: str, now: float) -> None:
        """Raise ElsewhereError where the host was not there a moment ago."""
        until, kind = self.down.get(host, (0.0, ""))
        if now < until:
            raise ElsewhereError(kind)
        self.down.pop(host, None)

    def note_down(self, host: str, until: float, kind: str) -> None:
        """Send nobody else to a host for a while."""
        if len(self.down) >= _MAX_DOWN:
            self.down.clear()  # names below *.partner.example have no end
        self.down[host] = until, kind

    def note(self, problem: str | None, now: float) -> None:
        """Log that a server fails, and that it answers again; nobody's name."""
        if problem is None:
            if self._said is not None:
                log.info("lookup server=%s event=answers", self.server.name)
            self._said = None
        elif self._said is None or self._said[1] != problem or now - self._said[0] >= _SAID_AGAIN:
            self._said = now, problem
            log.warning("lookup server=%s event=unreachable kind=%s", self.server.name, problem)

    async def close(self) -> None:
        """End its connections."""
        if self._web is not None:
            await self._web.close()
