"""Whatever moment the service is killed at, whatever the disk does: files stay whole."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from freebusy.errors import NotFreeBusyError
from freebusy.period import clip, coalesce
from freebusy.vfreebusy import decode
from tests.processes import pool_workers, until
from tests.system.agenda import at, event, span
from tests.system.gateway_process import GatewayProcess, gateway_process, spans_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from freebusy.period import Span

SEED = 20260601
ROUNDS = 12
SHORTEST, LONGEST = 0.05, 1.5
"""Seconds that the service lives after it was started, or after it answered."""
PEOPLE = ("anna", "bernd", "clara")
ADDRESSES = [f"{person}@example.com" for person in PEOPLE]
CONFIGURATION = """
[limits]
page_items = 3
workers = 2
[schedule]
interval = "10s"
[sources.files]
type = "vdir"
root = "{root}"
"""


@dataclass
class Calendars:
    """Everybody's calendar directory, and what is in it."""

    root: Path
    random: random.Random
    held: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)

    def change(self) -> None:
        """Write, move or delete one event of somebody, as clients do: by rename."""
        person, number = self.random.choice(PEOPLE), self.random.randrange(40)
        file = self.root / person / f"{number}.ics"
        if (person, number) in self.held and self.random.random() < 0.4:
            del self.held[person, number]
            file.unlink()
            return
        place = self.random.randrange(1, 30), self.random.randrange(0, 23)
        self.held[person, number] = place
        temporary = file.with_name(f".{number}.tmp")
        temporary.write_bytes(event(f"{person}-{number}", *place))
        temporary.replace(file)

    def expected(self, person: str) -> list[Span]:
        spans = (span(*place) for (name, _), place in self.held.items() if name == person)
        return coalesce(spans)


@pytest.fixture
def calendars(tmp_path: Path) -> Calendars:
    made = Calendars(tmp_path / "calendars", random.Random(SEED))
    for person in PEOPLE:
        (made.root / person).mkdir(parents=True)
    for _ in range(120):
        made.change()
    return made


class Reading:
    """A reader that looks at every file, on disk and over HTTP, for as long as it is told to."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self.gateway = gateway
        self.seen = 0
        self.faults: list[str] = []
        self.sound: set[tuple[str, bytes]] = set()
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            for person in PEOPLE:
                self.look(person, "disk", self.on_disk(person))
                status, _, body = self.gateway.get(f"/calendar/{person}.vfb")
                self.look(person, "HTTP", body if status == 200 else None)
            self.over.wait(0.005)

    def on_disk(self, person: str) -> bytes | None:
        try:
            return self.gateway.path(person).read_bytes()
        except FileNotFoundError:
            return None

    def look(self, person: str, where: str, body: bytes | None) -> None:
        if body is None:
            return
        self.seen += 1
        if (person, body) in self.sound:
            return
        try:
            found = decode(body, now=at(0, 12))
        except NotFreeBusyError as error:
            self.faults.append(f"{person} {where}: {error}: {body!r}")
            return
        if not body.endswith(b"END:VCALENDAR\r\n") or person not in found.organizer:
            self.faults.append(f"{person} {where}: {body!r}")
        else:
            self.sound.add((person, body))


@contextmanager
def reading(gateway: GatewayProcess) -> Iterator[Reading]:
    reader = Reading(gateway)
    thread = threading.Thread(target=reader.run, daemon=True)
    thread.start()
    try:
        yield reader
    finally:
        reader.over.set()
        thread.join(20)


@contextmanager
def changing(calendars: Calendars) -> Iterator[None]:
    """Change calendars all the time during the block."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(0.02):
            calendars.change()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(20)


def ends_right(gateway: GatewayProcess, calendars: Calendars) -> None:
    """All files say what the calendars hold, and so does a state made from nothing."""
    for person in PEOPLE:
        gateway.wait_for(person, calendars.expected(person), person)
    for person in PEOPLE:
        body = gateway.get(f"/calendar/{person}.vfb")[2]
        window = decode(body, now=at(0, 12)).window
        bounds = [f"{bound:%Y%m%dT%H%M%SZ}" for bound in (window.start, window.end)]
        done = gateway.filter(
            "convert", "--start", bounds[0], "--end", bounds[1], str(calendars.root / person)
        )
        assert spans_of(done) == list(clip(spans_of(body), *window.seconds))


def test_kill_at_any_moment(calendars: Calendars, tmp_path: Path) -> None:
    """Rounds of kill -9 while calendars change: what is served is whole, and ends right."""
    chance = random.Random(SEED)
    gateway = GatewayProcess(tmp_path, ADDRESSES, CONFIGURATION.format(root=calendars.root))
    try:
        with reading(gateway) as reader:
            for number in range(ROUNDS):
                with changing(calendars):
                    gateway.start(wait=bool(number % 2))
                    time.sleep(chance.uniform(SHORTEST, LONGEST))  # the moment is the test
                    gateway.kill()
            gateway.start()
            ends_right(gateway, calendars)
        assert [] == reader.faults
        assert reader.seen > ROUNDS
        calendars.change()
        ends_right(gateway, calendars)
        assert 0 == gateway.stop()
        assert "event=bug" not in gateway.log
    finally:
        gateway.kill()


def test_killed_workers(calendars: Calendars, tmp_path: Path) -> None:
    """Workers that die in the middle, over and over, cost no event."""
    chance = random.Random(SEED)
    more = CONFIGURATION.format(root=calendars.root)
    with gateway_process(tmp_path, ADDRESSES, more) as gateway:
        with reading(gateway) as reader, changing(calendars):
            for _ in range(ROUNDS):
                for pid in until(lambda: pool_workers(gateway.pid), "there are workers"):
                    os.kill(pid, signal.SIGKILL)
                time.sleep(chance.uniform(SHORTEST, LONGEST) / 5)  # the moment is the test
        ends_right(gateway, calendars)
        assert [] == reader.faults


# -- the disk


def test_a_disk_that_takes_nothing_more(calendars: Calendars, tmp_path: Path) -> None:
    """A write that fails at some size (as on a full disk) leaves the last good file."""
    more = CONFIGURATION.format(root=calendars.root)
    with gateway_process(tmp_path, ADDRESSES, more) as gateway:
        for person in PEOPLE:
            gateway.wait_for(person, calendars.expected(person))
        before = {person: gateway.get(f"/calendar/{person}.vfb")[2] for person in PEOPLE}
        resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        with reading(gateway) as reader:
            for _ in range(30):
                calendars.change()
            until(lambda: "error=" in gateway.log, "the failure is told")
            after = {person: gateway.get(f"/calendar/{person}.vfb")[2] for person in PEOPLE}
        assert [] == reader.faults
        assert before == after
        assert [] == list(gateway.path("x").parent.glob(".*"))
        unlimited = resource.RLIM_INFINITY
        resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
        calendars.change()
        ends_right(gateway, calendars)
        assert "event=bug" not in gateway.log


def test_a_tree_that_cannot_be_written(calendars: Calendars, tmp_path: Path) -> None:
    """While the published tree is away nothing breaks for good; what comes then is right."""
    more = CONFIGURATION.format(root=calendars.root)
    with gateway_process(tmp_path, ADDRESSES, more) as gateway:
        for person in PEOPLE:
            gateway.wait_for(person, calendars.expected(person))
        tree = gateway.path("x").parent
        shutil.move(tree, tree.with_name("aside"))
        tree.write_bytes(b"in the way")
        for _ in range(10):
            calendars.change()
        until(lambda: "cannot be written" in gateway.log, "the failure is told")
        tree.unlink()
        shutil.move(tree.with_name("aside"), tree)
        ends_right(gateway, calendars)
        assert "event=bug" not in gateway.log
