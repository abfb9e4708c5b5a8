"""Watching by asking: one PROPFIND for all calendars of a home tells which changed."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from calendar_sync.caldav import bodies
from calendar_sync.caldav.hrefs import as_collection
from freebusy.errors import CalendarMissingError, SourceRefusedError, SourceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from calendar_sync.caldav.client import Client
    from calendar_sync.caldav.multistatus import Response
    from freebusy.ports import Calendar

log = logging.getLogger(__name__)

JOIN_SECONDS = 1.5
"""A request that hangs is left to end by itself."""
JITTER = 0.1
"""Part of the interval by which rounds are spread, so that several gateways do not fall in step."""

MANY = 3
"""Homes in a row without an answer, after which a round ends: the server is away."""
_STATE = (bodies.CTAG, bodies.SYNC_TOKEN)

State = str | None
"""Token or CTag of a calendar; None: it cannot be seen."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A calendar to watch."""

    calendar: Calendar
    client: Client
    path: str

    @property
    def home(self) -> tuple[str, str]:
        """What is asked about all calendars beside it at once."""
        return self.client.login.username, self.path.rstrip("/").rpartition("/")[0] + "/"


def _state(response: Response) -> State:
    return response.text(bodies.CTAG) or response.text(bodies.SYNC_TOKEN) or None


def _look(watched: Sequence[Watched]) -> Iterator[tuple[Calendar, State]]:
    """Yield the states of calendars of one home."""
    states: dict[str, State] = {}
    if len(watched) > 1:
        with suppress(CalendarMissingError, SourceRefusedError):
            states = dict(_listed(watched[0]))
    for each in watched:
        # a home may well hold what it does not list, as Cyrus does where nobody subscribed
        yield each.calendar, states.get(each.path) or _asked(each)


def _listed(watched: Watched) -> Iterator[tuple[str, State]]:
    for path, response in watched.client.members(watched.home[1], *_STATE):
        yield as_collection(path), _state(response)


def _asked(watched: Watched) -> State:
    try:
        return _state(watched.client.properties(watched.path, *_STATE)[1])
    except (CalendarMissingError, SourceRefusedError):
        return None


class Rounds:
    """Goes round the homes until it is stopped."""

    def __init__(self, watched: Iterable[Watched], changed: Callable[[Calendar], None]) -> None:
        homes: dict[tuple[str, str], list[Watched]] = defaultdict(list)
        for each in watched:
            homes[each.home].append(each)
        self._homes = list(homes.values())
        self._states: dict[Calendar, State] = {}
        self._changed = changed

    def go(self, stop: threading.Event) -> None:
        """Look at each home once; where the server is away, the rest waits for the next round."""
        failures = 0
        for home in self._homes:
            if stop.is_set() or failures >= MANY:
                return
            try:
                for calendar, state in _look(home):
                    self._compare(calendar, state, stop)
                failures = 0
            except SourceUnavailableError as error:
                failures += 1
                log.info("watch event=skipped error=%s", error)

    def _compare(self, calendar: Calendar, state: State, stop: threading.Event) -> None:
        if self._states.setdefault(calendar, state) != state and not stop.is_set():
            self._states[calendar] = state
            self._changed(calendar)


def watch(
    watched: Sequence[Watched],
    changed: Callable[[Calendar], None],
    stop: threading.Event,
    seconds: float,
) -> None:
    """Report changes until ``stop`` is set; raises what ``changed`` raised."""
    rounds = Rounds(watched, changed)
    failures: list[Exception] = []
    over = threading.Event()

    def run() -> None:
        try:
            while not over.is_set():
                rounds.go(over)
                spread = 1 + JITTER * random.random()  # noqa: S311 - jitter, no secret
                over.wait(seconds * spread)
        except Exception as error:  # noqa: BLE001 - the caller of watch() raises it
            failures.append(error)

    thread = threading.Thread(target=run, name="caldav-poll", daemon=True)
    thread.start()
    try:
        while not stop.wait(0.5):
            if failures:
                raise failures[0]
    finally:
        over.set()
        end = time.monotonic() + JOIN_SECONDS
        thread.join(max(0.0, end - time.monotonic()))
