"""How many requests of one person work at a time; used in the event loop alone."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from freebusy.web.connector.problems import busy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from freebusy.connector.parts import ConnectorLimits


class Turns:
    """Gives each person's requests their turns, in the order in which they came.

    A request goes by the limits of the time at which it came: those that wait under others
    are not counted with it, and are soon done.
    """

    def __init__(self, limits: Callable[[], ConnectorLimits]) -> None:
        """``limits`` is asked for each request: a reload changes what it says."""
        self._limits = limits
        self._people: dict[tuple[str, int], tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def one(self, person: str) -> AsyncIterator[None]:
        """Hold a turn during the block; ProblemError 503 where none comes in time."""
        limits = self._limits()
        line = (person, limits.max_requests)
        turn, waiting = self._people.get(line, (asyncio.Semaphore(limits.max_requests), 0))
        self._people[line] = (turn, waiting + 1)
        try:
            await self._wait(turn, limits.patience)
            try:
                yield
            finally:
                turn.release()
        finally:
            self._leave(line)

    async def _wait(self, turn: asyncio.Semaphore, patience: float) -> None:
        try:
            async with asyncio.timeout(patience):
                await turn.acquire()
        except TimeoutError:
            raise busy("Too many of your requests are under way: try again.") from None

    def _leave(self, line: tuple[str, int]) -> None:
        turn, waiting = self._people.pop(line)
        if waiting > 1:
            self._people[line] = (turn, waiting - 1)
