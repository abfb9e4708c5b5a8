"""``freebusy sync --once``: one full run of everything, with its progress.

Safe beside a service: a person's calendars and file are locked while they change.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from freebusy import gateway, mailroster
from freebusy.config import VdirSource
from freebusy.crew import Crew
from freebusy.errors import FreeBusyError
from freebusy.wording import counted, duration, safe
from freebusy.workerpool import PoolClosedError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from freebusy.config import Config, Source
    from freebusy.expanding import Person
    from freebusy.gateway import Engine

log = logging.getLogger(__name__)

LINE_EVERY = 10.0
"""Seconds between two lines of progress where there is no terminal."""
_LOOK_EVERY = 0.2
_VDIR_THREADS = 2


@dataclass(frozen=True, slots=True)
class Count:
    """How far a run is."""

    persons: int = 0
    """Of whom all calendars have been read."""
    everybody: int = 0
    folders: int = 0
    messages: int = 0
    failed: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Return messages a second."""
        return self.messages / self.seconds if self.seconds else 0.0

    @property
    def remaining(self) -> float | None:
        """Return the seconds until everybody is done, if the rest is as the first; else None."""
        if not self.persons:
            return None
        return self.seconds / self.persons * (self.everybody - self.persons)

    @property
    def done(self) -> str:
        """Return what has been read, in words."""
        return f"{counted(self.folders, 'folder')}, {counted(self.messages, 'message')}"

    def __str__(self) -> str:
        left = "" if self.remaining is None else f", about {duration(self.remaining)} left"
        return f"{self.done}, {self.rate:,.0f}/s{left}"

    def summary(self) -> str:
        """Return what came of it all."""
        failed = f"; {self.failed} failed" if self.failed else ""
        took = f"{duration(self.seconds)} ({self.rate:,.0f}/s)"
        return f"{counted(self.everybody, 'person')}, {self.done} in {took}{failed}"


class _Stopping(Exception):  # noqa: N818 - no error: it unwinds a sync that is cut short
    """The run ends between two pages."""


@dataclass(slots=True)
class _Share:
    """What one person still waits for."""

    sources: int
    failed: bool = False


@dataclass(slots=True)
class OneRun:
    """Reads every calendar of everybody once, each source by as many threads as it bears."""

    engine: Engine
    threads: Callable[[str], int]
    """Of a source, by its name."""
    trouble: Callable[[str], None]
    """Hears of what went wrong, a sentence each, in any thread."""
    _shares: dict[str, _Share] = field(default_factory=dict)
    _lock: threading.Condition = field(default_factory=threading.Condition)
    _stop: threading.Event = field(default_factory=threading.Event)
    _crews: dict[str, Crew] = field(default_factory=dict)
    _begun: float = 0.0
    _persons: int = 0
    _folders: int = 0
    _messages: int = 0
    _failed: int = 0

    def begin(self) -> None:
        """Start the threads."""
        self._begun = time.monotonic()
        people = self.engine.persons
        self._shares = {name: _Share(len(person.sources)) for name, person in people.items()}
        self._crews = {name: Crew(f"sync-{name}", self.threads(name)) for name in self.engine.feeds}
        self._crews[""] = Crew("render", 1)
        for person in people.values():
            for source in person.sources:
                self._crews[source].give(partial(self._read, source, person))
            if not person.sources:  # who only publishes
                self._crews[""].give(partial(self._finish, person))

    def wait(self, seconds: float) -> bool:
        """Wait at most so long; return whether everybody is done."""
        with self._lock:
            return self._lock.wait_for(lambda: self._persons == len(self._shares), seconds)

    def end(self) -> None:
        """Cut off what is not done."""
        self._stop.set()
        for crew in self._crews.values():
            crew.dismiss(3.0)

    @property
    def count(self) -> Count:
        """Return how far it is."""
        with self._lock:
            return Count(
                persons=self._persons,
                everybody=len(self._shares),
                folders=self._folders,
                messages=self._messages,
                failed=self._failed,
                seconds=time.monotonic() - self._begun,
            )

    # -- in the threads

    def _read(self, source: str, person: Person) -> None:
        """Read a person's calendars in one source, and make the file after the last source."""
        failed = False
        try:
            for sentence in self._sync(source, person):
                self.trouble(f"{person.name}: {sentence}")
                failed = True
        except (_Stopping, PoolClosedError):
            return
        except FreeBusyError as error:  # mostly the disk: full, or read-only
            self.trouble(f"{person.name}: {error}")
            failed = True
        except Exception:
            log.exception("sync person=%s source=%s event=bug", person.name, source)
            failed = True
        with self._lock:
            share = self._shares[person.name]
            share.sources -= 1
            share.failed |= failed
            is_last = not share.sources
        if is_last:
            self._finish(person)

    def _sync(self, source: str, person: Person) -> Iterator[str]:
        seen = 0

        def progress(done: int, _total: int | None) -> None:
            nonlocal seen
            if self._stop.is_set():
                raise _Stopping
            with self._lock:
                self._messages += done - seen
            seen = done

        outcome = self.engine.syncer.sync(person, self.engine.feeds[source], progress=progress)
        with self._lock:
            self._folders += len(outcome.calendars or ())
        yield from map(str, outcome.errors)

    def _finish(self, person: Person) -> None:
        share = self._shares[person.name]
        try:
            self.engine.publisher.refresh(person)
        except FreeBusyError as error:
            self.trouble(f"{person.name}: {error}")
            share.failed = True
        except Exception:
            log.exception("refresh person=%s event=bug", person.name)
            share.failed = True
        with self._lock:
            self._persons += 1
            self._failed += share.failed
            self._lock.notify_all()


# -- the command


def sync_once(config: Config, reread: Callable[[], Config]) -> bool:
    """Read everything once and say how far it is; return whether all of it worked.

    The mail server is asked for its users first, where they are people; ``reread`` then
    gives the configuration that knows them.  Raises ConfigurationError and StoreError.
    """
    console = Console(stderr=True, highlight=False, emoji=False, markup=False)

    def trouble(sentence: str) -> None:
        console.print(safe(sentence, 500), soft_wrap=True)

    listed = mailroster.refresh(config)
    if listed.problem:
        trouble(f"roster: {listed.problem}")
    if listed.changed:
        config = reread()
    with closing(gateway.engine(config)) as engine:
        run = OneRun(engine, lambda name: _threads(config.sources[name]), trouble)
        try:
            run.begin()
            (_show if console.is_terminal else _tell)(run, console)
        finally:
            run.end()
        engine.see_off()
        _remember(engine, config.sources)
    console.print(run.count.summary())
    return not (run.count.failed or listed.problem)


def _threads(source: Source) -> int:
    return _VDIR_THREADS if isinstance(source, VdirSource) else source.max_connections


def _remember(engine: Engine, sources: Collection[str]) -> None:
    if not sources:
        return
    moment = int(gateway.now().timestamp())
    engine.store.remember(**{f"last-run:{name}": str(moment) for name in sources})


def _show(run: OneRun, console: Console) -> None:
    """Draw a bar in a terminal."""
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=run.count.everybody)
        while not run.wait(_LOOK_EVERY):
            count = run.count
            progress.update(task, completed=count.persons, description=str(count))


def _tell(run: OneRun, console: Console) -> None:
    """Print a line now and then."""
    while not run.wait(LINE_EVERY):
        count = run.count
        console.print(f"{count.persons}/{count.everybody} persons, {count}", soft_wrap=True)
