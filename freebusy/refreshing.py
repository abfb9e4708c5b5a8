"""``freebusy refresh``: sync and render by hand or from cron, with a progress bar."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from freebusy import gateway
from freebusy.wording import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from freebusy.config import Config
    from freebusy.expanding import Person
    from freebusy.gateway import Engine


def refresh_by_hand(config: Config, names: Sequence[str]) -> int:
    """Sync and refresh people, showing progress; return how many did not work.

    Where nobody looks on (cron mails what is printed) only failures are said.
    """
    console = Console(stderr=True, highlight=False, emoji=False, markup=False)
    chosen = gateway.wanted(config, names)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    failed = 0
    with (
        closing(gateway.engine(config)) as engine,
        Progress(
            *columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal
        ) as progress,
    ):
        task = progress.add_task("refresh", total=len(chosen))
        for name in chosen:
            troubles = _refresh(engine, engine.persons[name], partial(progress.update, task))
            for line in troubles:
                console.print(f"{name}: {safe(line, 500)}", soft_wrap=True)
            failed += bool(troubles)
            progress.advance(task)
        summary = f"{len(chosen) - failed} refreshed, {failed} failed"
        progress.update(task, description=summary)
    if failed and not console.is_terminal:
        console.print(summary)
    return failed


def _refresh(engine: Engine, person: Person, show: Callable[..., None]) -> list[str]:
    """Refresh one person; return what went wrong, a sentence each."""
    troubles = []

    def count(done: int, total: int | None) -> None:
        of = "" if total is None else f"/{total:,}"
        show(description=f"{person.name} {done:,}{of}")

    show(description=person.name)
    for source in person.sources:
        outcome = engine.syncer.sync(person, engine.feeds[source], progress=count)
        troubles += [str(error) for error in outcome.errors]
    engine.publisher.refresh(person)
    return troubles
