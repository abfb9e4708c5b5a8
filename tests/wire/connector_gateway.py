"""The connector's API over a mail server in memory, on a real socket, for the tests."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from calendar_sync.memorymail import MemoryMail
from freebusy.connector.bodies import PREFIX
from freebusy.connector.parts import Connector, ConnectorLimits
from freebusy.errors import NotAllowedError
from freebusy.period import Period, TimeRange, clip
from freebusy.ports import (
    Account,
    FolderMode,
    Owner,
    PersonTimes,
    Scope,
    SyncJob,
    SyncMode,
)
from freebusy.vfreebusy import read_file
from tests.wire.http_gateway import (
    Answer,
    MemoryFiles,
    MemoryLogins,
    MemoryPublications,
    basic,
    serving,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from freebusy.ports import CalendarFolder, SyncEvent, Visitor
    from tests.wire.http_gateway import Running

HANS, EVA = basic("hans", "wort"), basic("eva", "wort")
APP = basic("hans", "app-connector")
PUBLISHER, READER, SHARED = (
    basic("anna", "kennwort"),
    basic("hans", "app-read"),
    basic("freebusy", "geheim"),
)
JSON = "Content-Type: application/json"


class Accounts(MemoryLogins):
    """Accounts of every scope."""

    ACCOUNTS: ClassVar = MemoryLogins.ACCOUNTS | {
        ("eva", "wort"): Account("eva", "eva", Scope.MAIL),
        ("hans", "app-connector"): Account("hans/laptop", "hans", Scope.CONNECTOR),
        ("hans", "app-read"): Account("hans/reader", "hans", Scope.READ),
        ("nobody", "wort"): Account("nobody", None, Scope.MAIL),
    }


class Publishing(MemoryPublications):
    """Takes what people publish for themselves, by the rights of each scope."""

    def may_write(self, path: str, visitor: Visitor) -> bool:
        scope = None if visitor.account is None else visitor.account.scope
        return scope is not Scope.CONNECTOR and super().may_write(path, visitor)


@dataclass
class Modes:
    """ports.SyncModes in memory."""

    defaults: dict[str, SyncMode] = field(default_factory=dict)
    chosen: dict[tuple[str, str], tuple[SyncMode | None, bool]] = field(default_factory=dict)
    syncs: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def default(self, person: str) -> SyncMode:
        return self.defaults.get(person, SyncMode.ON_SELECT)

    def set_default(self, person: str, mode: SyncMode | None) -> None:
        self.defaults[person] = mode or SyncMode.ON_SELECT

    def modes(self, person: str, folders: Sequence[CalendarFolder]) -> Mapping[str, FolderMode]:
        return {folder.path: self._mode(person, folder) for folder in folders}

    def _mode(self, person: str, folder: CalendarFolder) -> FolderMode:
        own, hands_down = self.chosen.get((person, folder.path), (None, False))
        if own is not None:
            return FolderMode(own, "own", hands_down)
        above = folder.path
        while folder.separator in above:
            above = above.rpartition(folder.separator)[0]
            mode, hands = self.chosen.get((person, above), (None, False))
            if mode is not None and hands:
                return FolderMode(mode, "parent", hands_down)
        return FolderMode(self.default(person), "default", hands_down)

    def choose(
        self, person: str, path: str, mode: SyncMode | None, *, hands_down: bool = False
    ) -> None:
        self.chosen[person, path] = (mode, hands_down)

    def moved(self, person: str, old: str, new: str, separator: str) -> None:
        for who, path in list(self.chosen):
            if who == person and (path + separator).startswith(old + separator):
                self.chosen[who, new + path.removeprefix(old)] = self.chosen.pop((who, path))

    def forget(self, person: str, path: str) -> None:
        self.chosen.pop((person, path), None)

    def synced(self, person: str, path: str, at: datetime) -> None:
        self.syncs[person, path] = at

    def last_syncs(self, person: str) -> Mapping[str, datetime]:
        return {path: at for (who, path), at in self.syncs.items() if who == person}


@dataclass
class Jobs:
    """ports.SyncJobs in memory: a job is done at once."""

    first: str = "job"
    """The id of the first; the others have a number after it."""
    kept: dict[str, SyncJob] = field(default_factory=dict)
    problem: str | None = None

    def start(self, person: str, event: SyncEvent, folders: Sequence[str]) -> SyncJob:
        name = self.first + (str(len(self.kept)) if self.kept else "")
        now = datetime.now(UTC)
        job = SyncJob(name, person, event, tuple(folders), "done", 0, 0, now, now, self.problem)
        self.kept[name] = job
        return job

    def job(self, person: str, job: str) -> SyncJob | None:
        found = self.kept.get(job)
        return found if found is not None and found.person == person else None


class Lookups:
    """ports.FreeBusyLookups over files in memory."""

    def __init__(self, files: MemoryFiles) -> None:
        self.files = files
        self.asked: list[tuple[Sequence[str], TimeRange | None, Visitor]] = []

    async def look_up(
        self, names: Sequence[str], within: TimeRange | None, visitor: Visitor
    ) -> Sequence[PersonTimes]:
        self.asked.append((names, within, visitor))
        return [self._one(name, within) for name in names]

    def _one(self, name: str, within: TimeRange | None) -> PersonTimes:
        file = self.files.files.get(name)
        if file is None:
            return PersonTimes(name, "unknown")
        told = read_file(file.body)
        spans = clip(told.spans, *(within or told.window).seconds)
        periods = tuple(map(Period.from_span, spans))
        return PersonTimes(name, "known", periods, told.window, datetime.now(UTC))


@dataclass
class Api:
    """A service under test, and all that is behind it."""

    running: Running
    mail: MemoryMail
    modes: Modes
    jobs: Jobs
    lookups: Lookups
    logins: Accounts
    kept: Publishing
    connector: Connector
    owners: list[Owner] = field(default_factory=list)
    """On whose behalf the mail server was asked."""
    may_proxy: bool = True

    def owner(self, account: Account, password: str) -> Owner:
        """Return on whose behalf the mail server is asked: Connector.owner."""
        assert account.person is not None
        if account.scope is Scope.CONNECTOR and not self.may_proxy:
            raise NotAllowedError("app passwords need a service login that acts for others")
        own = password if account.scope is Scope.MAIL else None
        owner = Owner(account.person, f"{account.person}@example.com", password=own)
        self.owners.append(owner)
        return owner

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *lines: str,
        login: str | None = HANS,
        media: str = JSON,
    ) -> Answer:
        """Send a request below the prefix; a body that is no text goes as JSON."""
        head = [] if login is None else [login]
        text = b""
        if body is not None:
            text = body if isinstance(body, bytes) else json.dumps(body).encode()
            head += [media, f"Content-Length: {len(text)}"]
        return self.running.send(method, PREFIX + path, *head, *lines, body=text)

    def ask(self, method: str, path: str, body: object = None, *, login: str = HANS) -> Any:
        """Send a request that must be answered with yes, and return what its JSON says."""
        answer = self.send(method, path, body, login=login)
        assert answer.status < 300, answer
        return json.loads(answer.body) if answer.body else None


@contextlib.contextmanager
def connecting(
    limits: ConnectorLimits | None = None,
    *,
    first_job: str = "job",
    more_users: tuple[str, ...] = (),
    publishes: bool = True,
    **settings: Any,
) -> Iterator[Api]:
    """Run the service over a mail server with the users hans, eva and anna."""
    mail = MemoryMail()
    users = ("hans", "eva", "anna", *more_users)
    for user in users:
        mail.add_user(user, "wort")
    files = MemoryFiles()
    kept, modes, jobs, lookups = Publishing(files), Modes(), Jobs(first_job), Lookups(files)
    made: list[Api] = []
    connector = Connector(
        check=mail,
        folders=mail,
        items=mail,
        access=mail,
        modes=modes,
        jobs=jobs,
        lookups=lookups,
        owner=lambda account, password: made[0].owner(account, password),
        limits=limits or ConnectorLimits(),
        is_user=lambda name: name.casefold() in users,
    )
    logins = Accounts()
    with serving(
        files,
        logins=logins,
        publications=kept if publishes else None,
        connector=connector,
        **settings,
    ) as running:
        made.append(Api(running, mail, modes, jobs, lookups, logins, kept, connector))
        yield made[0]


def event(uid: str, summary: str = "Meeting") -> str:
    """Return an event as an iCalendar object."""
    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Test//EN",
        "BEGIN:VEVENT",
        f"UID:{uid}",
        "DTSTAMP:20260301T080000Z",
        "DTSTART:20260310T090000Z",
        "DTEND:20260310T100000Z",
        f"SUMMARY:{summary}",
        "END:VEVENT",
        "END:VCALENDAR",
    )
    return "".join(f"{line}\r\n" for line in lines)
