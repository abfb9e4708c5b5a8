"""Work that blocks, done in a crew's threads while the event loop goes on."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from freebusy.crew import Crew

Outcome = TypeVar("Outcome")


async def in_crew(crew: Crew, function: Callable[[], Outcome]) -> Outcome:
    """Return or raise what ``function`` does in a thread; the caller may be cancelled."""
    outcome: Future[Outcome] = Future()

    def job() -> None:
        if not outcome.set_running_or_notify_cancel():
            return
        try:
            outcome.set_result(function())
        except Exception as error:  # noqa: BLE001  # it is raised where the outcome is awaited
            outcome.set_exception(error)

    crew.give(job)
    return await asyncio.wrap_future(outcome)
