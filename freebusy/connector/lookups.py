"""Free/busy of many people at once: ours, and those on other servers (ports.FreeBusyLookups).

Who is refused here costs what a refusal costs at the files themselves: each name that
nobody has, or that this visitor may not know of, fills the visitor's bucket
(:mod:`freebusy.scanners`), and the answer waits as long as all of them one after the
other.  What cannot be waited for is not answered either, whoever it is.
"""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from freebusy.connector.answers import packed
from freebusy.connector.remembered import Outcome
from freebusy.errors import NotFreeBusyError, StoreError
from freebusy.names import normalise_name
from freebusy.period import Period
from freebusy.ports import PersonTimes
from freebusy.vfreebusy import read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from freebusy.connector.answers import Answer
    from freebusy.connector.elsewhere import Elsewhere
    from freebusy.period import Span, TimeRange
    from freebusy.ports import FreeBusyFiles, Visitor

PATIENCE = 20.0
"""Seconds: how long one look-up lasts at most, which is less than clients wait."""
MAX_PERIODS = 50_000
"""Of all people in one look-up: as many as one file may have."""

_THREADS = 2
_AT_ONCE = 16
"""People elsewhere asked for by one look-up at a time: the next one need not wait for all."""


class Lookups:
    """Looks people up in the published tree, and on other servers where there are any."""

    def __init__(
        self,
        files: FreeBusyFiles,
        elsewhere: Elsewhere | None = None,
        *,
        domains: Collection[str] = (),
        patience: float = PATIENCE,
        max_periods: int = MAX_PERIODS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``domains`` are our people's: who is not found there is unknown, and not elsewhere."""
        self._files = files
        self._elsewhere = elsewhere
        self._domains = domains
        self._patience = patience
        self._max_periods = max_periods
        self._clock = clock
        self._threads = ThreadPoolExecutor(_THREADS, "lookups")

    async def look_up(
        self, names: Sequence[str], within: TimeRange | None, visitor: Visitor
    ) -> Sequence[PersonTimes]:
        """Return one answer for each name, in their order."""
        began, loop = self._clock(), asyncio.get_running_loop()
        cut = _Cut(within, self._max_periods)
        asked = list(dict.fromkeys(names))
        ours = await loop.run_in_executor(self._threads, self._ours, asked, visitor, cut)
        theirs = await self._theirs([name for name in asked if name not in ours], cut)
        found = {name: ours.get(name) or theirs[name] for name in asked}
        wait = self._hold_up(found, visitor)
        await asyncio.sleep(max(wait - (self._clock() - began), 0.0))
        return [found[name] for name in names]

    @property
    def elsewhere(self) -> Elsewhere | None:
        """Return what asks other servers."""
        return self._elsewhere

    async def reload(
        self, elsewhere: Elsewhere | None, domains: Collection[str], patience: float | None = None
    ) -> None:
        """Go on with what asks other servers, closing the one before, and with our domains."""
        before, self._elsewhere, self._domains = self._elsewhere, elsewhere, domains
        self._patience = self._patience if patience is None else patience
        if before is not None and before is not elsewhere:
            await before.close()

    async def close(self) -> None:
        """End what is under way."""
        await self.reload(None, ())
        self._threads.shutdown(wait=False, cancel_futures=True)

    # -- ours

    def _ours(self, names: Iterable[str], visitor: Visitor, cut: _Cut) -> dict[str, PersonTimes]:
        """Return what is said of those who are found here."""
        found = ((name, self._one_of_ours(name, visitor, cut)) for name in names)
        return {name: times for name, times in found if times is not None}

    def _one_of_ours(self, text: str, visitor: Visitor, cut: _Cut) -> PersonTimes | None:
        name = normalise_name(text)
        try:
            file = self._files.find(f"/pub/calendar/{name or ' '}.vfb", visitor)
            if file is None or not file.name:  # a file without a name claims nothing of anybody
                return None
            if cut.is_full:
                return PersonTimes(text, "unreachable")
            told = read_file(file.body)
        except (StoreError, NotFreeBusyError):
            return PersonTimes(text, "unreachable")
        since = file.as_of or file.modified
        return cut.times(text, packed(told, since, is_stale=file.as_of is not None))

    # -- on other servers

    async def _theirs(self, names: Iterable[str], cut: _Cut) -> dict[str, PersonTimes]:
        """Return what is said of those who are not found here."""
        elsewhere, gate = self._elsewhere, asyncio.Semaphore(_AT_ONCE)
        asking: dict[str, asyncio.Task[PersonTimes]] = {}
        found: dict[str, PersonTimes] = {}
        for name in names:
            if elsewhere is not None and elsewhere.is_asked(name):
                asking[name] = asyncio.create_task(self._one_of_theirs(elsewhere, name, cut, gate))
            else:
                found[name] = PersonTimes(
                    name, "not_allowed" if self._is_foreign(name) else "unknown"
                )
        return found | await self._gathered(asking)

    async def _one_of_theirs(
        self, elsewhere: Elsewhere, name: str, cut: _Cut, gate: asyncio.Semaphore
    ) -> PersonTimes:
        async with gate:
            # What there is no room for need not be fetched either.
            outcome = _FULL if cut.is_full else await elsewhere.look_up(name)
        if outcome.problem is not None:
            return PersonTimes(name, "unreachable", is_elsewhere=True)
        if outcome.answer is None:
            return PersonTimes(name, "unknown", is_elsewhere=True)
        # As each comes: the answers of all of them together may be more than there is room for.
        times = await asyncio.get_running_loop().run_in_executor(
            self._threads, cut.times, name, outcome.answer
        )
        return replace(times, is_elsewhere=True)

    async def _gathered(
        self, asking: Mapping[str, asyncio.Task[PersonTimes]]
    ) -> dict[str, PersonTimes]:
        """Return what comes in time; nobody waits for the rest."""
        try:
            if asking:
                await asyncio.wait(asking.values(), timeout=self._patience)
        finally:
            for task in asking.values():
                task.cancel()
        return {
            name: task.result()
            if task.done() and not task.cancelled()
            else PersonTimes(name, "unreachable", is_elsewhere=True)
            for name, task in asking.items()
        }

    def _is_foreign(self, name: str) -> bool:
        domain = name.rpartition("@")[2] if "@" in name else ""
        return bool(domain) and domain.casefold() not in self._domains

    # -- scanners

    def _hold_up(self, found: dict[str, PersonTimes], visitor: Visitor) -> float:
        """Count the refusals; return the seconds that they have to wait.

        Where it is too long for a client, the rest is not answered.
        """
        wait = 0.0
        for name, times in found.items():
            if times.status == "unknown" and wait < self._patience:
                wait += self._files.hold_up(visitor)
            if wait >= self._patience and times.status in {"known", "unknown"}:
                found[name] = PersonTimes(name, "unreachable", is_elsewhere=times.is_elsewhere)
        return min(wait, self._patience)


_FULL = Outcome(problem="full")


class _Cut:
    """Cuts what is known to what was asked for, and to what one look-up may cost."""

    def __init__(self, within: TimeRange | None, room: int) -> None:
        self._within = within
        self._room = room
        """Periods that may still be shown."""
        self._counting = threading.Lock()

    @property
    def is_full(self) -> bool:
        """Whether nobody else's periods are shown."""
        return not self._room

    def times(self, name: str, answer: Answer) -> PersonTimes:
        """Return what is shown of one person.

        Nothing of a person is shown in part: what is left out would look free.
        """
        part = answer.within(self._within)
        if part is None:
            return PersonTimes(name, "unknown")
        known, spans = part
        shown = self._taken(spans)
        if shown is None:
            return PersonTimes(name, "unreachable")
        periods = tuple(Period.from_span(span) for span in shown)
        return PersonTimes(name, "known", periods, known, answer.as_of, is_stale=answer.is_stale)

    def _taken(self, spans: Iterator[Span]) -> list[Span] | None:
        """Return the spans if there is room for all of them; after that there is none."""
        with self._counting:
            shown = list(islice(spans, self._room + 1))
            fits = len(shown) <= self._room
            self._room -= min(len(shown), self._room)
            return shown if fits else None
