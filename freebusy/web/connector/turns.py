"""How many requests of one person work at a time; used in the event loop alone."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from freebusy.web.connector.problems import busy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Turns:
    """Gives each person's requests their turns, in the order in which they came."""

    def __init__(self, at_once: int, patience: float) -> None:
        self._at_once = at_once
        self._patience = patience
        self._people: dict[str, tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def one(self, person: str) -> AsyncIterator[None]:
        """Hold a turn during the block; ProblemError 503 where none comes in time."""
        turn, waiting = self._people.get(person, (asyncio.Semaphore(self._at_once), 0))
        self._people[person] = (turn, waiting + 1)
        try:
            await self._wait(turn)
            try:
                yield
            finally:
                turn.release()
        finally:
            self._leave(person)

    async def _wait(self, turn: asyncio.Semaphore) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await turn.acquire()
        except TimeoutError:
            raise busy("Too many of your requests are under way: try again.") from None

    def _leave(self, person: str) -> None:
        turn, waiting = self._people.pop(person)
        if waiting > 1:
            self._people[person] = (turn, waiting - 1)
