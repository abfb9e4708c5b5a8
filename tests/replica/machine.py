"""Two connectors and a third client on one mailbox, through random events.

At rest all sides hold the same items, none twice, and a version that nobody replaced or
removed, knowing it, is there or under ``conflicts/``.
"""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from calendar_sync.connector.errors import ConnectorDownError
from calendar_sync.dialects import normal
from calendar_sync.dialects.objects import parse
from calendar_sync.replica import Bounds, Home
from calendar_sync.replica.jobs import finished
from tests.replica.home_case import event
from tests.replica.kills import killed
from tests.replica.unreliable import Unreliable
from tests.system.agenda import at

if TYPE_CHECKING:
    from calendar_sync.replica import HomeReport, Remote
    from freebusy.connector.bodies import Job

FOLDERS = ("Calendar", "Work")
ANCHOR = "anchor"
"""An item of each folder that stays: emptiness is another test's."""
UIDS = ("u1", "u2")
MEMORY = Path("/dev/shm")
"""Where flushing costs nothing: what a lost power supply leaves behind is not the subject."""
ATTEMPTS = 3
"""A server closes the connections on which a mailbox was selected that is deleted."""
WAIT = 60.0
"""Seconds for a reading of the calendars."""
ROUNDS = 6
"""Syncs of each home in which everything settles."""

uids = st.sampled_from(UIDS)
folders = st.sampled_from(FOLDERS)
replicas = st.integers(0, 1)
ages = st.tuples(st.integers(0, 1), st.integers(0, 3))
"""SEQUENCE and LAST-MODIFIED: few, so that there are ties."""


class World(ABC):
    """A mailbox with the folders, and who works on it."""

    @abstractmethod
    def remote(self) -> Remote:
        """Return the API as a connector of the person sees it."""

    @abstractmethod
    def items(self, folder: str) -> list[str]:
        """Return the texts of all messages, as a third client reads them."""

    @abstractmethod
    def put(self, folder: str, text: str) -> None:
        """Append a text and expunge the older messages of its UID, as a third client does."""

    @abstractmethod
    def remove(self, folder: str, uid: str) -> None:
        """Expunge the messages of a UID."""

    @abstractmethod
    def delete(self, folder: str) -> None:
        """Delete a folder with all that is in it."""

    @abstractmethod
    def create(self, folder: str, texts: list[str]) -> None:
        """Make it again, with these in it."""

    def renew(self, folder: str) -> None:
        """Give the folder another UIDVALIDITY."""
        texts = self.items(folder)
        self.delete(folder)
        self.create(folder, texts)

    @abstractmethod
    def breaks_off(self, remote: Remote, *, between: bool) -> None:
        """Have the service end between appending and all else, where that is possible."""

    @abstractmethod
    def at_rest(self, texts: list[str]) -> None:
        """See that free/busy is what these items say, where there is any."""

    @abstractmethod
    def close(self) -> None:
        """End it."""


class Connector:
    """A home and its connection."""

    def __init__(self, path: Path, remote: Remote) -> None:
        self.path = path
        self.remote = Unreliable(remote)
        self.job: Job | None = None
        """The last reading that was asked for."""

    def sync(self, patience: float = 0.0) -> HomeReport:
        bounds = Bounds(batch=2, page=3, patience=patience)
        for _ in range(ATTEMPTS):
            report = Home(self.path, self.remote, bounds=bounds).sync()
            if report.job is not None:
                self.job = report.job
            if report.job is not None and not report.errors:
                break
            if self.job is not None:  # a person may have ten that have not ended
                finished(self.remote.remote, self.job, WAIT)
        assert [] == report.errors
        return report

    def directory(self, folder: str) -> Path:
        return self.path / "calendars" / folder

    def file(self, folder: str, uid: str) -> Path:
        return self.directory(folder) / f"{uid}.ics"

    def texts(self, folder: str) -> list[str]:
        return [path.read_bytes().decode() for path in self.directory(folder).glob("*.ics")]

    def kept(self) -> list[str]:
        return [path.read_bytes().decode() for path in (self.path / "conflicts").rglob("*.ics")]


class SyncMachine(RuleBasedStateMachine):
    """What may happen, and what holds at rest."""

    world_of: ClassVar[type[World]]

    def __init__(self) -> None:
        super().__init__()
        self._directory = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.world = type(self).world_of()
        base = Path(self._directory.name)
        self.connectors = [Connector(base / str(n), self.world.remote()) for n in range(2)]
        self.number = 0
        self.written: dict[tuple[str, str], str] = {}
        """(folder, normal text) -> what to call it; all versions that anybody made."""
        self.replaced: set[tuple[str, str]] = set()
        """Those that somebody replaced or removed who saw them."""
        self.interruptions = 0

    def teardown(self) -> None:
        try:
            self.check()
        finally:
            self.world.close()
            self._directory.cleanup()

    # -- what the versions are

    def version(self, folder: str, uid: str, age: tuple[int, int], *, lf: bool = False) -> str:
        """Make a version that is unlike all others."""
        self.number += 1
        text = event(
            uid,
            f"v{self.number}",
            sequence=age[0],
            modified=age[1],
            start=at(1 + self.number // 12, self.number % 12 * 2),
        )
        self.written[folder, normal(text)] = f"v{self.number} of {uid} in {folder}"
        return text.replace("\r\n", "\n") if lf else text

    def overwrites(self, folder: str, texts: list[str]) -> None:
        self.replaced |= {(folder, normal(text)) for text in texts}

    @staticmethod
    def of(uid: str, texts: list[str]) -> list[str]:
        return [text for text in texts if parse(text).uid == uid]

    # -- events

    @initialize()
    def begin(self) -> None:
        for folder in FOLDERS:
            self.world.put(folder, self.version(folder, ANCHOR, (0, 0)))
        for connector in self.connectors:
            connector.sync()

    @rule(replica=replicas, folder=folders, uid=uids, age=ages, lf=st.booleans())
    def write_here(
        self, replica: int, folder: str, uid: str, age: tuple[int, int], lf: bool
    ) -> None:
        path = self.connectors[replica].file(folder, uid)
        if path.exists():
            self.overwrites(folder, [path.read_bytes().decode()])
        path.parent.mkdir(exist_ok=True)  # it may have been set aside
        path.write_bytes(self.version(folder, uid, age, lf=lf).encode())

    @rule(replica=replicas, folder=folders, uid=uids)
    def remove_here(self, replica: int, folder: str, uid: str) -> None:
        path = self.connectors[replica].file(folder, uid)
        if path.exists():
            self.overwrites(folder, [path.read_bytes().decode()])
            path.unlink()

    @rule(replica=replicas, folder=folders, uid=uids)
    def move_here(self, replica: int, folder: str, uid: str) -> None:
        other = FOLDERS[1 - FOLDERS.index(folder)]
        old = self.connectors[replica].file(folder, uid)
        new = self.connectors[replica].file(other, uid)
        if not old.exists() or new.exists():
            return
        text = old.read_bytes().decode()
        if (other, normal(text)) in self.written:
            return  # moved away and back between two syncs is not changed: a removal there counts
        self.overwrites(folder, [text])
        self.written[other, normal(text)] = f"what was moved: {uid} to {other}"
        new.parent.mkdir(exist_ok=True)
        old.rename(new)

    @rule(folder=folders, uid=uids, age=ages)
    def write_there(self, folder: str, uid: str, age: tuple[int, int]) -> None:
        self.overwrites(folder, self.of(uid, self.world.items(folder)))
        self.world.put(folder, self.version(folder, uid, age))

    @rule(folder=folders, uid=uids)
    def remove_there(self, folder: str, uid: str) -> None:
        self.overwrites(folder, self.of(uid, self.world.items(folder)))
        self.world.remove(folder, uid)

    @rule(folder=folders, uid=uids)
    def move_there(self, folder: str, uid: str) -> None:
        other = FOLDERS[1 - FOLDERS.index(folder)]
        found = self.of(uid, self.world.items(folder))
        if not found or self.of(uid, self.world.items(other)):
            return
        if (other, normal(found[-1])) in self.written:
            return  # moved away and back, in a mailbox made anew, is not changed
        self.written[other, normal(found[-1])] = f"what was moved: {uid} to {other}"
        self.world.put(other, found[-1])
        self.remove_there(folder, uid)

    @rule(folder=folders)
    def renew(self, folder: str) -> None:
        self.world.renew(folder)

    @rule(replica=replicas, folder=folders, step=st.integers(1, 12))
    def vanish(self, replica: int, folder: str, step: int) -> None:
        """Have a folder gone for a moment, in which a sync may be killed."""
        texts = self.world.items(folder)
        self.world.delete(folder)
        with killed(step):
            self.connectors[replica].sync()
        self.world.create(folder, texts)
        self.interruptions += 1

    @rule(replica=replicas)
    def sync(self, replica: int) -> None:
        note(str(self.connectors[replica].sync()))

    @rule(replica=replicas, request=st.integers(1, 14), before=st.booleans())
    def disconnect(self, replica: int, request: int, before: bool) -> None:
        connector = self.connectors[replica]
        name = "fails_before" if before else "fails_after"
        setattr(connector.remote, name, request)
        with suppress(ConnectorDownError):
            connector.sync()
        setattr(connector.remote, name, 0)
        self.interruptions += 1

    @rule(replica=replicas, step=st.integers(1, 60))
    def kill(self, replica: int, step: int) -> None:
        with killed(step):
            self.connectors[replica].sync()
        self.interruptions += 1

    @rule(
        replica=replicas,
        folder=folders,
        uid=uids,
        here=st.none() | ages,
        there=st.none() | ages,
        is_known=st.booleans(),
    )
    def collide(
        self,
        replica: int,
        folder: str,
        uid: str,
        here: tuple[int, int] | None,
        there: tuple[int, int] | None,
        is_known: bool,
    ) -> None:
        """Change or remove an item on both sides, which both knew or neither."""
        if is_known and not self.connectors[replica].file(folder, uid).exists():
            self.write_there(folder, uid, (0, 0))
            self.connectors[replica].sync()
        if here is None:
            self.remove_here(replica, folder, uid)
        else:
            self.write_here(replica, folder, uid, here, lf=False)
        if there is None:
            self.remove_there(folder, uid)
        else:
            self.write_there(folder, uid, there)

    @rule(replica=replicas, folder=folders, uid=uids, age=ages)
    def meet(self, replica: int, folder: str, uid: str, age: tuple[int, int]) -> None:
        """Change on the server what is just being sent there."""
        connector = self.connectors[replica]
        self.write_here(replica, folder, uid, age, lf=False)
        connector.remote.before_write = [lambda: self.write_there(folder, uid, age)]
        connector.sync()
        connector.remote.before_write.clear()

    @rule(
        replica=replicas, folder=folders, uid=uids, age=st.none() | ages, question=st.integers(0, 3)
    )
    def meet_reading(
        self, replica: int, folder: str, uid: str, age: tuple[int, int] | None, question: int
    ) -> None:
        """Change on the server, or remove there, what is just being told."""
        connector = self.connectors[replica]

        def act() -> None:
            if age is None:
                self.remove_there(folder, uid)
            else:
                self.write_there(folder, uid, age)

        connector.remote.before_changes = [lambda: None] * question + [act]
        connector.sync()
        connector.remote.before_changes.clear()

    @rule(replica=replicas, folder=folders, question=st.integers(0, 4), uid=uids, age=ages)
    def meet_renewed(
        self, replica: int, folder: str, question: int, uid: str, age: tuple[int, int]
    ) -> None:
        """Make a mailbox anew while it is told, or right before something is sent."""
        connector = self.connectors[replica]
        self.write_here(replica, folder, uid, age, lf=False)
        act = [lambda: self.world.renew(folder)]
        connector.remote.before_changes = [lambda: None] * question + act if question else []
        connector.remote.before_write = [] if question else act
        connector.sync()
        connector.remote.before_changes.clear()
        connector.remote.before_write.clear()

    @rule(replica=replicas, folder=folders, uid=uids, age=ages, meets=st.booleans())
    def break_off(
        self, replica: int, folder: str, uid: str, age: tuple[int, int], meets: bool
    ) -> None:
        """Interrupt the service when it has appended ours, maybe after somebody else's."""
        connector = self.connectors[replica]
        self.write_here(replica, folder, uid, age, lf=False)
        if meets:
            connector.remote.before_write = [lambda: self.write_there(folder, uid, age)]
        self.world.breaks_off(connector.remote.remote, between=True)
        with suppress(ConnectorDownError):
            connector.sync()
        self.world.breaks_off(connector.remote.remote, between=False)
        connector.remote.before_write.clear()
        connector.sync()
        self.interruptions += 1

    # -- at rest

    @rule()
    def check(self) -> None:
        """Let everything settle, and see that nothing is missing, doubled or different."""
        for _ in range(ROUNDS):
            sent = [c.sync() for c in self.connectors]
            if not any(folder.steps for report in sent for folder in report.folders):
                break
        report = self.connectors[0].sync(patience=WAIT)
        assert report.job is not None, report.notes
        assert "done" == report.job.state, report.job.problem
        self.world.at_rest([text for folder in FOLDERS for text in self.world.items(folder)])
        kept = {normal(text) for connector in self.connectors for text in connector.kept()}
        for folder in FOLDERS:
            there = Counter(map(normal, self.world.items(folder)))
            for connector in self.connectors:
                here = Counter(map(normal, connector.texts(folder)))
                assert (Counter(), Counter()) == (there - here, here - there), sent
            uids_there = Counter(parse(text).uid for text in self.world.items(folder))
            assert {1} == set(uids_there.values()), uids_there
            made = {key[1]: what for key, what in self.written.items() if key[0] == folder}
            gone = {text for where, text in self.replaced if where == folder}
            lost = set(made) - set(there) - kept - gone
            assert [] == [made[text] for text in lost]
            if not self.interruptions:
                assert [] == [made[text] for text in set(there) & gone], "what was removed is back"
