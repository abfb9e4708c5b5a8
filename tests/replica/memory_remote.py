"""The connector's API in this process, over the mail server in memory."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from calendar_sync.connector.errors import ApiError, ConnectorDownError
from calendar_sync.memorywriting import placed
from freebusy.connector.bodies import (
    Changes,
    Folder,
    Folders,
    Item,
    Job,
    Problem,
    Result,
    Results,
)
from freebusy.errors import FolderError, NoFolderError
from freebusy.ports import ChangeResult, ItemChange, Owner, SyncToken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from calendar_sync.memorymail import MemoryMail
    from freebusy.connector.bodies import Change, Sync
    from freebusy.ports import CalendarFolder, FolderItem

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ORDER = "lrswipkxtea"


def folder_id(path: str) -> str:
    return base64.urlsafe_b64encode(path.encode()).decode().rstrip("=")


def path_of(identifier: str) -> str:
    return base64.urlsafe_b64decode(identifier + "=" * (-len(identifier) % 4)).decode()


class MemoryRemote:
    """What one person's client sees; refuses and breaks off where it is told to."""

    def __init__(self, mail: MemoryMail, user: str) -> None:
        self.mail = mail
        self.who = Owner(user, f"{user}@example.com", password="secret")
        self.modes: dict[str, str] = {}
        self.is_slow = False
        """Whether a reading takes longer than the answer."""
        self.jobs: list[Job] = []
        self.selected: list[str | None] = []
        """The folder of each event."""
        self.refused: set[str] = set()
        """UIDs that are refused."""
        self.refusals = 0
        self.losses: dict[str, tuple[str, ...]] = {}
        """By UID, what of it cannot be held."""
        self.keeps_replaced = False
        """Break off between appending and expunging."""

    def folders(self) -> Folders:
        found = [self._folder(each) for each in self.mail.folders(self.who)]
        return Folders(default_mode="on_select", folders=found)

    def _folder(self, folder: CalendarFolder) -> Folder:
        state = folder.state
        return Folder(
            id=folder_id(folder.path),
            path=folder.path,
            name=folder.name,
            parent=folder_id(folder.parent) if folder.parent else None,
            kind=folder.kind,
            owner=folder.owner,
            rights="".join(each for each in ORDER if each in folder.rights),
            role=None,
            mode=self.modes.get(folder.path, "on_select"),  # type: ignore[arg-type]  # the tests' own
            mode_from="default",
            hands_down=False,
            items=None if state is None else state.messages,
            state=None if state is None else str(state),
            last_sync=None,
            in_freebusy=folder.counts,
            is_default=folder.is_default,
        )

    def changes(
        self, folder_id: str, since: str | None = None, *, limit: int | None = None
    ) -> Changes:
        path = path_of(folder_id)
        token = None if since is None else SyncToken(since)
        try:
            page = self.mail.changes(self.who, path, token, limit=limit or 500)
        except FolderError as error:
            raise problem(error) from error
        folder = self._folder(self.mail.folder(self.who, path)) if page.rights else None
        return Changes(
            token=page.token,
            more=page.more,
            is_fresh=page.is_fresh,
            items=[_item(each) for each in page.items],
            gone=list(page.gone),
            folder=folder,
            acl_changed=page.acl_changed,
        )

    def write(self, folder_id: str, changes: Sequence[Change]) -> Results:
        try:
            done = [self._write(path_of(folder_id), each) for each in changes]
        except FolderError as error:
            raise problem(error) from error
        return Results(
            results=[
                Result(
                    status=each.status,
                    href=each.href,
                    losses=list(each.losses),
                    theirs=[_item(item) for item in each.theirs],
                    problem=each.problem,
                )
                for each in done
            ]
        )

    def _write(self, path: str, change: Change) -> ChangeResult:
        if change.uid in self.refused:
            self.refusals += 1
            return ChangeResult("refused", problem="no")
        if self.keeps_replaced and change.action == "put":
            item = placed(change.calendar, change=change.change)
            with self.mail._open(self.who, path, "i") as folder:
                folder.append(item)
            raise ConnectorDownError("the connection broke off", "answer")
        wanted = ItemChange(
            change.action, change.uid, change.calendar, change.replaces, change.change
        )
        result = self.mail.write(self.who, path, [wanted])[0]
        return replace(result, losses=self.losses.get(change.uid, result.losses))

    def sync(self, sync: Sync) -> Job:
        job = Job(
            id=str(len(self.jobs) + 1),
            event=sync.event,
            folders=[each for each in self._ids() if sync.folder in (None, each)],
            state="running" if self.is_slow else "done",
            done=0,
            total=None,
            started=NOW,
            finished=None,
            problem=None,
        )
        self.jobs.append(job)
        self.selected.append(sync.folder)
        return job

    def _ids(self) -> list[str]:
        return [folder_id(each.path) for each in self.mail.folders(self.who)]

    def job(self, job: str) -> Job:
        return self.jobs[int(job) - 1].model_copy(update={"state": "done", "finished": NOW})


def _item(item: FolderItem) -> Item:
    return Item(
        href=item.href,
        uid=item.uid,
        calendar=item.calendar,
        dialect=item.dialect,
        is_partial=item.is_partial,
        change=item.change,
        problem=item.problem,
    )


def problem(error: FolderError) -> ApiError:
    status = 404 if isinstance(error, NoFolderError) else 403
    return ApiError(Problem(title="refused", status=status, detail=error.reason))
