"""``freebusy connector sync``: both sides brought together, and what came of it."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from calendar_sync.connector.errors import ApiError, ConnectorDownError, NotTrustedError
from calendar_sync.replica import EmptySideError, Home, HomeBusyError, HomeReport, Step
from calendar_sync.replica.home import CALENDARS, CONFLICTS
from freebusy.connectorcommands.folders import find
from freebusy.connectorcommands.opening import client_of, console, opened, table
from freebusy.errors import ConfigurationError
from freebusy.exits import FAILED, INTERRUPTED, say
from freebusy.wording import counted, safe

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from rich.progress import TaskID

    from calendar_sync.connector.account import ConnectorAccount
    from calendar_sync.connector.client import ConnectorClient
    from calendar_sync.replica.home import Event
    from calendar_sync.replica.report import FolderReport
    from calendar_sync.replica.report import Progress as Told
    from freebusy.connector.bodies import Folder, Job

DONE, EMPTY, LATER = 0, 3, 4
"""Exit codes: done; a side is suddenly empty; nobody answers now, or another sync runs."""
LINE_EVERY = 10.0
"""Seconds between two lines of progress where there is no terminal."""
MOST_ROWS = 20
"""Items of a table; a folder that takes nothing at all refuses every one."""
_PASSING = frozenset({429, 502, 503, 504})
_CONFLICTS = (Step.KEEP_OURS, Step.KEEP_THEIRS)
_GONE = (Step.REMOVE_HERE, Step.REMOVE_THERE)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for."""

    folders: Sequence[str] = ()
    event: Event | None = None
    """None: as the set-up says."""
    dry_run: bool = False
    accept_empty: bool = False
    unattended: bool = False
    quiet: bool = False


def sync(home: Path | None, wish: Wish) -> int:
    """Sync, print what came of it, and return the exit code."""
    account = opened(home)
    try:
        with client_of(account) as asking:
            return Syncing(account, asking, wish).run()
    except EmptySideError as error:
        say(f"freebusy: {error}")
        return EMPTY
    except NotTrustedError as error:
        say(f"freebusy: {error}")
        return FAILED
    except (ConnectorDownError, HomeBusyError) as error:
        say(f"freebusy: {error}")
        return LATER
    except ApiError as error:
        say(f"freebusy: {error}")
        return LATER if error.status in _PASSING else FAILED
    except KeyboardInterrupt:
        say("Stopped; the next sync goes on from here.")
        return INTERRUPTED


class Syncing:
    """One run of the command."""

    def __init__(self, account: ConnectorAccount, asking: ConnectorClient, wish: Wish) -> None:
        self._account = account
        self._asking = asking
        self._wish = wish
        self._event: Event = wish.event or account.setup.sync.event
        self._home = Home(account.home, asking)

    def run(self) -> int:
        """Sync, print, ask where a side is suddenly empty, and return the exit code."""
        report = self._all()
        self._print(report)
        if self._may_ask:
            self._confirm(report)
        return _code(report)

    @property
    def _may_ask(self) -> bool:
        return not (self._wish.unattended or self._wish.dry_run) and sys.stdin.isatty()

    def _all(self) -> HomeReport:
        """Sync all folders that are meant; each selected one is an event of its own."""
        chosen = self._chosen()
        if self._event == "select":
            return _merged([self._one(folder.id) for folder in chosen or ()])
        return self._one(only=None if chosen is None else {each.id for each in chosen})

    def _chosen(self) -> Sequence[Folder] | None:
        """Return the folders that are meant; None for all of them."""
        setup = self._account.setup
        if self._event == "select" and not self._wish.folders:
            raise ConfigurationError(["the event select is of one folder: say which"])
        if not self._wish.folders and not setup.sync.folders:
            return None
        folders = self._asking.folders().folders
        if self._wish.folders:
            return [find(folders, each) for each in self._wish.folders]
        chosen = [each for each in folders if setup.includes(each.path, each.name)]
        if not chosen:
            say("no calendar folder is one of those that folders = in connector.ini names")
        return chosen

    def _one(
        self,
        folder: str | None = None,
        *,
        only: Collection[str] | None = None,
        accept_empty: bool = False,
    ) -> HomeReport:
        """Tell the event, once, and sync what it concerns."""
        accept = accept_empty or self._wish.accept_empty
        if self._wish.dry_run:
            return self._home.plan(self._event, folder, only=only, accept_empty=accept)
        with self._progress() as told:
            return self._home.sync(
                self._event, folder, only=only, accept_empty=accept, progress=told
            )

    @contextmanager
    def _progress(self) -> Iterator[Told]:
        if self._wish.quiet:
            yield lambda _folder, _done, _total: None
        elif sys.stderr.isatty() and not self._wish.unattended:
            with Bars() as bars:
                yield bars
        else:
            yield Lines()

    def _confirm(self, report: HomeReport) -> None:
        """Ask about folders of which a side is empty, and sync those again that are meant."""
        for number, each in enumerate(report.folders):
            error = each.error
            if isinstance(error, EmptySideError) and _agreed(error):
                folder = find(self._asking.folders().folders, each.folder)
                again = self._one(folder.id, accept_empty=True)
                self._print(again)
                report.folders[number] = again.folders[0]

    # -- printing

    def _print(self, report: HomeReport) -> None:
        if self._wish.dry_run:
            _print_plan(report)
        elif not self._wish.quiet:
            self._print_summary(report)
        for line in _problems(report):
            say(line)
        print_left(report)
        if any(_count(each, _CONFLICTS) for each in report.folders) and not self._wish.dry_run:
            say(f"Versions that lost are kept in {self._account.home / CONFLICTS}")

    def _print_summary(self, report: HomeReport) -> None:
        moved = [each for each in report.folders if _moved(each)]
        if moved:
            console().print(_table(moved))
        still = sum(not (_moved(each) or each.error or each.refused) for each in report.folders)
        if still:
            print(f"{counted(still, 'folder')} unchanged" + (" otherwise." if moved else "."))
        elif not report.folders:
            print(f"Nothing is synced at this event ({self._event}): the modes say so.")
        if moved:
            print(f"Local calendars: {self._account.home / CALENDARS}")
        if report.job is not None and report.job.state == "done":
            print(_free_busy(report.job))


def _free_busy(job: Job) -> str:
    """Return what is true of the file once the reading is done."""
    if job.problem is None:
        return "Free/busy is up to date."
    return f"Free/busy: {safe(job.problem, 400)}."


def _merged(reports: Sequence[HomeReport]) -> HomeReport:
    merged = HomeReport()
    for each in reports:
        merged.folders += each.folders
        merged.notes += [note for note in each.notes if note not in merged.notes]
        merged.job = each.job or merged.job
    return merged


def _code(report: HomeReport) -> int:
    errors = report.errors
    if any(isinstance(each, EmptySideError) for each in errors):
        return EMPTY
    if any(isinstance(each, ApiError) and each.status in _PASSING for each in errors):
        return LATER
    failed = report.job is not None and report.job.state == "failed"
    return FAILED if errors or failed or report.refused else DONE


def _agreed(error: EmptySideError) -> bool:
    where = "on the server" if error.side == "local" else "here"
    sys.stderr.write(
        f"Delete {counted(error.known, 'item')} of {safe(error.folder, 80)} {where} too? [y/N] "
    )
    sys.stderr.flush()
    return sys.stdin.readline().strip().casefold() in ("y", "yes")


def _count(report: FolderReport, steps: Sequence[Step]) -> int:
    return sum(report.steps[step] for step in steps)


def _moved(report: FolderReport) -> bool:
    return bool(_count(report, (Step.PUT, Step.GET, *_GONE, *_CONFLICTS)))


def _table(reports: Sequence[FolderReport]) -> object:
    titles = ("FOLDER", "UP", "DOWN", "DELETED THERE", "DELETED HERE", "CONFLICTS")
    listed = table(*titles)
    for column in listed.columns[1:]:
        column.justify = "right"
    for each in reports:
        counts = [
            each.steps[Step.PUT],
            each.steps[Step.GET],
            each.steps[Step.REMOVE_THERE],
            each.steps[Step.REMOVE_HERE],
            _count(each, _CONFLICTS),
        ]
        listed.add_row(Text(safe(each.folder, 120)), *(f"{count:,}" for count in counts))
    return listed


def _problems(report: HomeReport) -> Iterator[str]:
    """Yield what somebody should look at."""
    yield from (safe(note, 400) for note in report.notes)
    for each in report.folders:
        for note in each.notes:
            yield f"{safe(each.folder, 120)}: {safe(note, 400)}"
        if each.error is not None:
            known = str(each.error)
            named = known if isinstance(each.error, EmptySideError) else f"{each.folder}: {known}"
            yield f"freebusy: {safe(named, 600)}"
    job = report.job
    if job is not None and job.state == "failed":
        yield f"freebusy: free/busy is not up to date: {safe(job.problem or 'no reason given')}"
    elif job is not None and job.state != "done":
        yield "free/busy will be up to date once the gateway has read the calendars"


def print_left(report: HomeReport) -> None:
    """Print what the server refused, and what was lost on the way, in a table each."""
    refused = [(each, item.item, item.reason) for each in report.folders for item in each.refused]
    if refused:
        say(f"The server refused {counted(len(refused), 'item')}, kept here only:")
        _print_items("REASON", refused)
    lost = [
        (each, item.item, ", ".join(item.names)) for each in report.folders for item in each.lost
    ]
    if lost:
        say(f"The server's folders cannot hold all of {counted(len(lost), 'item')}:")
        _print_items("WITHOUT", lost)


def _print_items(title: str, rows: Sequence[tuple[FolderReport, str, str]]) -> None:
    listed = table("FOLDER", "FILE", title, foldable=3)
    for folder, item, what in rows[:MOST_ROWS]:
        shown = (safe(folder.folder, 60), safe(item, 60), safe(what, 400))
        listed.add_row(*map(Text, shown))
    Console(stderr=True, highlight=False, emoji=False, markup=False).print(listed)
    if len(rows) > MOST_ROWS:
        say(f"... and {counted(len(rows) - MOST_ROWS, 'item')} more")


def _print_plan(report: HomeReport) -> None:
    lines = [f"{safe(each.folder, 120)}: {line}" for each in report.folders for line in each.lines]
    for line in lines:
        print(safe(line, 400))
    print(f"{counted(len(lines), 'step')} would be done, and nothing was."
          if lines else "Nothing would be done.")  # fmt: skip


# -- progress


class Bars:
    """A bar for each folder, on a terminal, and one that moves while nothing else does."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(30),
            TextColumn("{task.fields[count]}", style="progress.download", markup=False),
            console=Console(stderr=True, highlight=False, emoji=False, markup=False),
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._waiting = self._progress.add_task("waiting for the gateway", total=None, count="")

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, folder: str, done: int, total: int) -> None:
        """Move a folder's bar; a folder with nothing to do gets none."""
        if not total:
            return
        if folder not in self._tasks:
            self._tasks[folder] = self._progress.add_task(safe(folder, 30), total=total, count="")
        count = f"{done:,}/{total:,}"
        self._progress.update(self._tasks[folder], completed=done, total=total, count=count)
        self._progress.update(self._waiting, visible=done == total)


class Lines:
    """A line now and then, where there is no terminal."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, folder: str, done: int, total: int) -> None:
        """Print how far a folder is, if it is time to."""
        if time.monotonic() - self._last >= LINE_EVERY:
            self._last = time.monotonic()
            say(f"{safe(folder, 120)}: {done:,} of {total:,}")
