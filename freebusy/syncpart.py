"""The part that follows the calendars: engine and regeneration under one configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freebusy import gateway
from freebusy.config import VdirSource
from freebusy.connector.jobs import LOST, SILENCE
from freebusy.jobledger import JobLedger
from freebusy.looks import Looks
from freebusy.plan import Plan
from freebusy.regeneration import Regeneration
from freebusy.wallclock import WallClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from freebusy.config import Config
    from freebusy.gateway import Engine
    from freebusy.metrics import Metrics

_VDIR_THREADS = 2


class SyncPart:
    """Follows everybody's calendars from :meth:`start` to :meth:`stop`.

    Raises StoreError where the state cannot be used.
    """

    def __init__(self, config: Config, metrics: Metrics | None = None) -> None:
        self._engine = gateway.engine(config, metrics)
        self._jobs = JobLedger(self._engine.store, gateway.now)
        counted = {} if metrics is None else {"counted": metrics.job}
        self._looks = Looks(self._jobs, **counted)
        self._regeneration = Regeneration(
            syncer=self._engine.syncer,
            publisher=self._engine.publisher,
            plans=list(_plans(config, self._engine)),
            persons=self._engine.persons.values(),
            clock=WallClock(
                gateway.now,
                times=config.schedule.times,
                zone=config.timezone,
                owner_zones={person.owner.zone for person in self._engine.persons.values()},
            ),
            noted=self._noted,
            looks=self._looks,
        )

    def start(self) -> None:
        """Begin, and take up the jobs that another process, or another time, left undone."""
        self._regeneration.start()
        self._jobs.give_up(SILENCE, LOST)
        for job in self._jobs.unfinished():
            self.look_at(job.person, job.id)

    def look_at(self, name: str, job: str | None = None) -> None:
        """Look at a person's calendars now; ``job`` waits for it."""
        self._regeneration.look_at(name, job)

    @property
    def alive(self) -> bool:
        """Whether the times are being kept."""
        return self._regeneration.alive

    def beat(self) -> None:
        """Say of the jobs in hand that they are not forgotten; blocks while it is written."""
        self._looks.beat()

    def tidy(self) -> None:
        """See off who left, and forget them in time."""
        self._engine.see_off()

    def stop(self) -> None:
        """Stop in about three seconds; what is cut off is done again later."""
        self._regeneration.stop()
        self._engine.close()

    def _noted(self, source: str, seconds: float) -> None:
        moment = int(gateway.now().timestamp())
        self._engine.store.remember(
            **{f"last-run:{source}": str(moment), f"next-run:{source}": str(int(moment + seconds))}
        )
        self._engine.see_off()


def _plans(config: Config, engine: Engine) -> Iterator[Plan]:
    for name, source in config.sources.items():
        threads = _VDIR_THREADS if isinstance(source, VdirSource) else source.max_connections
        yield Plan(
            engine.feeds[name],
            interval=config.interval_of(name).total_seconds(),
            watch=source.watch,
            threads=threads,
            debounce=config.schedule.debounce.total_seconds(),
        )
