"""``freebusy refresh``: sync and render by hand or from cron, with a progress bar."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from freebusy import gateway

if TYPE_CHECKING:
    from collections.abc import Sequence

    from freebusy.config import Config
    from freebusy.expanding import Person
    from freebusy.gateway import Engine


def refresh_by_hand(config: Config, names: Sequence[str]) -> int:
    """Sync and refresh people, showing progress; return how many did not work."""
    console = Console(stderr=True, highlight=False)
    chosen = gateway.wanted(config, names)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    failed = 0
    with (
        closing(gateway.engine(config)) as engine,
        Progress(*columns, TimeRemainingColumn(), console=console) as progress,
    ):
        task = progress.add_task("refresh", total=len(chosen))
        for name in chosen:
            progress.update(task, description=name)
            trouble = _refresh(engine, engine.persons[name])
            for line in trouble:
                progress.console.print(f"{name}: {line}", markup=False)
            failed += bool(trouble)
            progress.advance(task)
        progress.update(task, description=f"{len(chosen) - failed} refreshed, {failed} failed")
    return failed


def _refresh(engine: Engine, person: Person) -> list[str]:
    """Refresh one person; return what went wrong, a sentence each."""
    troubles = []
    for source in person.sources:
        outcome = engine.syncer.sync(person, engine.feeds[source])
        troubles += [str(error) for error in outcome.errors]
    engine.publisher.refresh(person)
    return troubles
