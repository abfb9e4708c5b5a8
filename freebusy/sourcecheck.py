"""Whether the calendar sources can be reached and hold a calendar for each person.

People are asked for in parallel, only some of a large site, and with a deadline: the
threads are daemons, so that a mail server which does not answer holds nobody up.
"""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from freebusy.errors import CalendarMissingError, SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from freebusy.expanding import Person
    from freebusy.ports import CalendarSource

AT_MOST = 20
"""People who are asked for."""
PATIENCE = 40.0
"""Seconds for all of them."""
_THREADS = 4

Answer = tuple[str, int | SourceError]
"""A NAME, and how many calendars there are or why that cannot be said."""


@dataclass(slots=True)
class Probe:
    """What a source said."""

    asked: int
    calendars: dict[str, int] = field(default_factory=dict)
    """NAME -> number of calendars."""
    missing: dict[str, str] = field(default_factory=dict)
    """NAME -> why there is no calendar for this person."""
    failed: dict[str, list[str]] = field(default_factory=dict)
    """What went wrong -> the NAMEs for whom it did."""
    silent: int = 0
    """How many had no answer in time."""

    def take(self, name: str, found: int | SourceError) -> None:
        """Note one answer."""
        if isinstance(found, CalendarMissingError):
            self.missing[name] = str(found)
        elif isinstance(found, SourceError):
            self.failed.setdefault(str(found), []).append(name)
        else:
            self.calendars[name] = found


def probe(source: CalendarSource, people: Sequence[Person], patience: float = PATIENCE) -> Probe:
    """Ask for the calendars of the first people; returns within ``patience`` seconds."""
    chosen = people[:AT_MOST]
    asked: queue.SimpleQueue[Person] = queue.SimpleQueue()
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    for person in chosen:
        asked.put(person)
    for _ in range(min(_THREADS, len(chosen))):
        threading.Thread(target=_ask, args=(source, asked, answers), daemon=True).start()
    return _gather(answers, len(chosen), time.monotonic() + patience)


def _gather(answers: queue.SimpleQueue[Answer], expected: int, deadline: float) -> Probe:
    found = Probe(expected)
    for number in range(expected):
        try:
            found.take(*answers.get(timeout=max(0.01, deadline - time.monotonic())))
        except queue.Empty:
            found.silent = expected - number
            break
    return found


def _ask(
    source: CalendarSource,
    asked: queue.SimpleQueue[Person],
    answers: queue.SimpleQueue[Answer],
) -> None:
    while True:
        try:
            person = asked.get_nowait()
        except queue.Empty:
            return
        try:
            answers.put((person.name, len(source.calendars(person.at_source))))
        except SourceError as error:
            answers.put((person.name, error))
