"""A home: the local folders of one person, and the sync of all of them.

::

    calendars/FOLDER/UID.ics      the items
    conflicts/FOLDER/...          losing versions, and what happened
    status.db                     what both sides agreed on
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from calendar_sync.connector.errors import ApiError
from calendar_sync.replica.collection import ICS
from calendar_sync.replica.collection import Collection as LocalCollection
from calendar_sync.replica.conflicts import Conflicts
from calendar_sync.replica.errors import EmptySideError
from calendar_sync.replica.jobs import finished, included
from calendar_sync.replica.lock import only_one
from calendar_sync.replica.mapping import Mapping, identity
from calendar_sync.replica.place import Bounds, Place
from calendar_sync.replica.report import FolderReport, HomeReport
from calendar_sync.replica.status import Status
from calendar_sync.replica.sync import FolderSync
from freebusy.connector.bodies import Sync
from freebusy.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path
    from typing import Literal

    from calendar_sync.replica.mapping import Mapped
    from calendar_sync.replica.remote import Remote
    from calendar_sync.replica.report import Progress
    from freebusy.connector.bodies import Folder, Job

    Event = Literal["select", "manual", "start", "exit"]

UNAVAILABLE = 503
_STRANGER = "a folder that is here only; what is in it goes up once the server has one of that name"
CALENDARS, CONFLICTS, STATUS, LOCK = "calendars", "conflicts", "status.db", ".lock"


def _now() -> datetime:
    return datetime.now(UTC)


class Home:
    """One person's local folders."""

    def __init__(
        self,
        path: Path,
        remote: Remote,
        *,
        bounds: Bounds | None = None,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._path = path
        self._remote = remote
        self._bounds = bounds or Bounds()
        self._now = now

    def sync(
        self,
        event: Event = "manual",
        folder: str | None = None,
        *,
        only: Collection[str] | None = None,
        accept_empty: bool = False,
        progress: Progress = lambda _folder, _done, _total: None,
    ) -> HomeReport:
        """Sync the folders that an event concerns; ``folder`` is the id of the one selected.

        ``only`` are ids, too: of the folders that the event concerns no others are synced.

        A folder that cannot be synced is in the report with its error, and the others go
        on.  Raises HomeBusyError, EmptySideError where all folders are gone at once,
        StoreError, ApiError, and ConnectorDownError.  Whatever it raises, and wherever it
        was interrupted, the next sync goes on from there.
        """
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with only_one(self._path / LOCK), self._opened(self._path / STATUS) as status:
            run = _Run(self._path, self._remote, status, self._bounds, self._now, progress)
            run.only = only
            return run.sync(Sync(event=event, folder=folder), accept_empty=accept_empty)

    def plan(
        self,
        event: Event = "manual",
        folder: str | None = None,
        *,
        only: Collection[str] | None = None,
        accept_empty: bool = False,
    ) -> HomeReport:
        """Report what a sync would do, and change nothing, here or on the server."""
        status = self._copied()
        try:
            run = _Run(self._path, self._remote, status, self._bounds, self._now, _silent)
            run.only = only
            return run.plan(Sync(event=event, folder=folder), accept_empty=accept_empty)
        finally:
            status.close()

    def _copied(self) -> Status:
        if not (self._path / STATUS).exists():
            return Status(None)
        with only_one(self._path / LOCK), self._opened(self._path / STATUS) as kept:
            return kept.copy()

    @contextmanager
    def _opened(self, path: Path) -> Iterator[Status]:
        status = Status(path)
        try:
            yield status
        finally:
            status.close()


def _silent(_folder: str, _done: int, _total: int) -> None:
    """Show no progress."""


class _Run:
    """One sync of a home, under its lock."""

    def __init__(
        self,
        path: Path,
        remote: Remote,
        status: Status,
        bounds: Bounds,
        now: Callable[[], datetime],
        progress: Progress,
    ) -> None:
        self._path = path
        self._remote = remote
        self._status = status
        self._mapping = Mapping(status)
        self._bounds = bounds
        self._now = now
        self._progress = progress
        self._report = HomeReport()
        self._refusal = ""
        self.only: Collection[str] | None = None
        """Ids of folders, where not all are to be synced."""

    # -- a sync

    def sync(self, sync: Sync, *, accept_empty: bool) -> HomeReport:
        folders = list(self._remote.folders().folders)
        self._follow(folders, accept_empty=accept_empty)
        job = self._start(sync)
        meant = included(folders, sync) if job is None else set(job.folders)
        for folder in folders:
            if self._is_meant(folder, meant):
                self._folder(folder, accept_empty=accept_empty)
        self._name_strangers()
        self._report.job = self._read(sync, job)
        return self._report

    def _is_meant(self, folder: Folder, meant: Collection[str]) -> bool:
        return folder.id in meant and (self.only is None or folder.id in self.only)

    def _name_strangers(self) -> None:
        """Say which local folders with items in them belong to none on the server."""
        known = {each.directory for each in self._mapping.all()}
        calendars = self._path / CALENDARS
        for path in sorted(calendars.iterdir()) if calendars.is_dir() else ():
            is_calendar = path.name not in known and not path.name.startswith(".")
            if is_calendar and path.is_dir() and any(path.glob("*" + ICS)):
                self._report.notes.append(f"{path.name}: {_STRANGER}")

    def _start(self, sync: Sync) -> Job | None:
        """Have the calendars read; None where that cannot be asked for at the moment."""
        try:
            return self._remote.sync(sync)
        except ApiError as error:
            if error.status != UNAVAILABLE:
                raise
            self._refusal = str(error)
            return None

    def _read(self, sync: Sync, before: Job | None) -> Job | None:
        """Wait until the calendars are read as they are now; ``before``: a reading that runs.

        Of one person only so many wait at a time: then that one is waited for first.
        """
        job, patience = before, self._bounds.patience
        if before is None or any(each.sent for each in self._report.folders):
            job = self._start(sync)
        if job is None and before is not None:
            finished(self._remote, before, patience)
            job = self._start(sync)
        if job is None:
            self._report.notes.append(f"free/busy is not read now: {self._refusal}")
            return None
        return finished(self._remote, job, patience)

    def _folder(self, folder: Folder, *, accept_empty: bool) -> None:
        mapped = self._mapped(folder)
        place = self._place(folder, mapped)
        self._report.folders.append(place.report)
        if "r" not in folder.rights:
            place.report.note("the rights on the folder do not allow to read it: left as it is")
            return
        try:
            FolderSync(place, accept_empty=accept_empty).run()
        except (EmptySideError, ApiError) as error:
            place.report.error = error

    def _mapped(self, folder: Folder) -> Mapped:
        known = {each.id: each for each in self._mapping.all()}
        if folder.id not in known:
            with self._status.transaction():
                return self._mapping.add(folder)
        return known[folder.id]

    def _place(self, folder: Folder, mapped: Mapped) -> Place:
        return Place(
            folder=folder,
            key=mapped.key,
            remote=self._remote,
            status=self._status,
            collection=LocalCollection(
                self._path / CALENDARS / mapped.directory, max_file=self._bounds.max_file
            ),
            conflicts=Conflicts(self._path / CONFLICTS / mapped.directory, self._now),
            report=FolderReport(folder.path, mapped.directory),
            bounds=self._bounds,
            progress=self._progress,
        )

    # -- a plan

    def plan(self, sync: Sync, *, accept_empty: bool) -> HomeReport:
        folders = list(self._remote.folders().folders)
        missing = self._missing(folders, accept_empty=accept_empty)
        for mapped, folder in self._renamed(missing, folders):
            with self._status.transaction():
                self._mapping.move(mapped, folder)
            missing.remove(mapped)
        for mapped in missing:
            line = (
                f"{mapped.path} is no longer on the server: {mapped.directory} would be set aside"
            )
            self._report.notes.append(line)
        meant = included(folders, sync)
        for folder in folders:
            if self._is_meant(folder, meant) and "r" in folder.rights:
                place = self._place(folder, self._mapped(folder))
                self._report.folders.append(place.report)
                with self._noted(place.report):
                    FolderSync(place, accept_empty=accept_empty).plan()
        return self._report

    @contextmanager
    def _noted(self, report: FolderReport) -> Iterator[None]:
        """Keep what stops one folder; the others go on."""
        try:
            yield
        except (EmptySideError, ApiError) as error:
            report.error = error

    # -- folders that came, went, or have another name

    def _follow(self, folders: Sequence[Folder], *, accept_empty: bool) -> None:
        missing = self._missing(folders, accept_empty=accept_empty)
        for mapped, folder in self._renamed(missing, folders):
            with self._status.transaction():
                self._mapping.move(mapped, folder)
            missing.remove(mapped)
            self._report.notes.append(f"{mapped.path} is called {folder.path} now")
        for mapped in missing:
            self._set_aside(mapped)

    def _missing(self, folders: Sequence[Folder], *, accept_empty: bool) -> list[Mapped]:
        """Return the folders that are no longer on the server."""
        there = {folder.id for folder in folders}
        known = self._mapping.all()
        if known and not there and not accept_empty:
            raise EmptySideError("all folders", "server", len(known))
        return [each for each in known if each.id not in there]

    def _renamed(
        self, missing: Sequence[Mapped], folders: Sequence[Folder]
    ) -> list[tuple[Mapped, Folder]]:
        """Return which missing folders have another name: most of their items are there."""
        known = {each.id for each in self._mapping.all()}
        new = [each for each in folders if each.id not in known and "r" in each.rights]
        found: list[tuple[Mapped, Folder]] = []
        for folder in new if missing else ():
            items = set(map(identity, self._remote.changes(folder.id, limit=_PEEK).items))
            for mapped in missing:
                before = self._mapping.items(mapped)
                is_taken = mapped in (each for each, _ in found)
                if not is_taken and 2 * len(items & before) > min(len(before), _PEEK):
                    found.append((mapped, folder))
                    break
        return found

    def _set_aside(self, mapped: Mapped) -> None:
        """Keep a local folder that is no longer on the server under ``conflicts/``.

        Should it be there again at the next sync, and this one end in between, a missing
        local folder must not look as if it was emptied here.
        """
        with self._status.transaction():
            self._mapping.disagree(mapped)
        directory = self._path / CALENDARS / mapped.directory
        if directory.is_dir():
            conflicts = Conflicts(self._path / CONFLICTS / mapped.directory, self._now)
            try:
                kept = conflicts.set_aside(directory)
            except OSError as error:
                raise StoreError(f"a folder cannot be set aside: {error.strerror}") from error
            self._report.notes.append(
                f"{mapped.path} is no longer on the server: its local folder is kept as "
                f"conflicts/{mapped.directory}/{kept.name}"
            )
        with self._status.transaction():
            self._mapping.remove(mapped)


_PEEK = 100
"""Items by which a folder is known again."""
