"""Jobs: readings of calendars that a connector waits for."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from freebusy.connector.jobs import LOST, MAX_KEPT, MAX_OPEN, NO_FILE, StoredJobs
from freebusy.errors import (
    SourceDownError,
    SourceRefusedError,
    SourceUnavailableError,
    StoreError,
)
from freebusy.jobledger import JobLedger
from freebusy.locks import Locks
from freebusy.looks import Looks
from freebusy.plan import Plan
from freebusy.ports import SyncEvent, SyncJob
from freebusy.regeneration import Regeneration
from freebusy.schedule import Backoff
from freebusy.syncing import Feed
from freebusy.wallclock import WallClock
from tests.processes import until
from tests.unit.memory_gateway import (
    BrokenOffSource,
    MemoryGateway,
    event,
    memory_gateway,
    span,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from calendar_sync.memory import MemorySource
    from freebusy.ports import Calendar, Owner, SyncPage, SyncToken

LONG = 3600.0


class Held(BrokenOffSource):
    """A source whose runs wait at their beginning, at a page, or fail."""

    def __init__(self, source: MemorySource) -> None:
        super().__init__(source)
        self.failure: Exception | None = None
        self.runs = 0
        self.go_on = threading.Event()
        self.go_on.set()
        self.renewed: list[str] = []

    def renew(self, owner: Owner) -> None:
        self.renewed.append(owner.name)

    def calendars(self, owner: Owner) -> Sequence[Calendar]:
        if self.failure is not None:
            raise self.failure
        return super().calendars(owner)

    def sync(self, calendar: Calendar, token: SyncToken | None) -> Iterator[SyncPage]:
        pages = list(super().sync(calendar, token))  # what is there when the run begins
        self.runs += 1
        yield from pages[:-1]
        assert self.go_on.wait(60)
        if self.failure is not None:
            raise self.failure
        yield pages[-1]


class Service:
    """A regeneration that nothing but jobs moves, and the jobs."""

    def __init__(self, gateway: MemoryGateway, *further: Feed) -> None:
        self.gateway = gateway
        self.ledger = JobLedger(gateway.store, gateway.clock)
        self.outcomes: list[str] = []
        feeds = (gateway.feed, *further)
        self.looks = Looks(self.ledger, self.outcomes.append)
        self.regeneration = Regeneration(
            syncer=gateway.syncer,
            publisher=gateway.publisher,
            plans=[Plan(feed, LONG, watch=False) for feed in feeds],
            persons=[gateway.person],
            clock=WallClock(gateway.clock, times=(), zone="UTC", owner_zones=()),
            noted=lambda _source, _seconds: None,
            looks=self.looks,
        )
        self.jobs = jobs(gateway, self.regeneration.look_at)

    def start(self) -> SyncJob:
        return self.jobs.start("hans", SyncEvent.MANUAL, ["Calendar"])

    def job(self, job: SyncJob) -> SyncJob:
        found = self.jobs.job("hans", job.id)
        assert found is not None
        return found

    def ended(self, job: SyncJob) -> SyncJob:
        until(lambda: self.job(job).finished is not None, "the job ends")
        return self.job(job)


def jobs(
    gateway: MemoryGateway,
    tell: Callable[[str, str], None],
    *,
    has_sources: bool = True,
    has_file: bool = True,
) -> StoredJobs:
    return StoredJobs(
        JobLedger(gateway.store, gateway.clock),
        tell=tell,
        has_sources=lambda _name: has_sources,
        has_file=lambda _name: has_file,
        now=gateway.clock,
        keep=timedelta(hours=1),
    )


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("freebusy.looks.NOTED_EVERY", 0.0)
    monkeypatch.setattr("freebusy.regeneration._OUTAGES", Backoff(first=0.05, cap=0.2))
    monkeypatch.setattr("freebusy.progress.RETRIES", Backoff(first=0.05, cap=0.2))


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[MemoryGateway]:
    with memory_gateway(tmp_path, make_source=Held) as made:
        yield made


@pytest.fixture
def calendar(gateway: MemoryGateway) -> Calendar:
    calendar = gateway.calendar()
    gateway.memory.put(calendar, event("first", "20260601T140000Z"))
    return calendar


@pytest.fixture
def source(gateway: MemoryGateway) -> Held:
    assert isinstance(gateway.source, Held)
    return gateway.source


@pytest.fixture
def service(gateway: MemoryGateway, calendar: Calendar, source: Held) -> Iterator[Service]:
    made = Service(gateway)
    made.regeneration.start()
    try:
        until(lambda: gateway.body is not None, "everything is read once")
        yield made
    finally:
        source.go_on.set()
        made.regeneration.stop()


# -- what a job promises


def test_the_file_is_the_new_one_when_the_job_is_done(
    service: Service, gateway: MemoryGateway, calendar: Calendar, source: Held
) -> None:
    """Whoever sees the job done sees the change; the source was asked anew what there is."""
    for day in range(2, 6):
        gateway.memory.put(calendar, event(f"e{day}", f"202606{day:02}T090000Z"))
        job = service.start()
        assert "waiting" == job.state
        ended = service.ended(job)
        expected = [span(1, 14), *(span(d, 9) for d in range(2, day + 1))]
        assert expected == gateway.busy
        assert ("done", 1, 1, None) == (ended.state, ended.done, ended.total, ended.problem)
    assert ["hans"] * 4 == source.renewed
    assert ["done"] * 4 == service.outcomes


def test_a_reading_under_way_is_followed_by_another(
    service: Service, gateway: MemoryGateway, calendar: Calendar, source: Held
) -> None:
    """It may have passed by what the client changed before it asked."""
    source.go_on.clear()
    runs = source.runs
    first = service.start()
    until(lambda: source.runs > runs, "a run begins")
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    second = service.start()
    until(lambda: service.job(first).state == "running", "the first is read")
    assert "waiting" == service.job(second).state
    source.go_on.set()
    assert ["done", "done"] == [service.ended(job).state for job in (first, second)]
    assert [span(1, 14), span(2, 9)] == gateway.busy
    assert source.runs == runs + 2


def test_two_jobs_at_once_are_both_done(
    service: Service, gateway: MemoryGateway, calendar: Calendar
) -> None:
    """However many ask, and however they meet."""
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    started = [service.start() for _ in range(5)]
    assert ["done"] * 5 == [service.ended(job).state for job in started]
    assert [span(1, 14), span(2, 9)] == gateway.busy


def test_progress_can_be_followed(
    service: Service, gateway: MemoryGateway, calendar: Calendar, source: Held
) -> None:
    """Items so far, and items in all, as far as the source says."""
    for hour in range(8):
        gateway.memory.put(calendar, event(f"e{hour}", f"20260602T{hour:02}0000Z"))
    source.go_on.clear()
    job = service.start()
    until(lambda: service.job(job).done == 6, "two pages of three are read")
    found = service.job(job)
    assert ("running", 6, 8, None) == (found.state, found.done, found.total, found.finished)
    source.go_on.set()
    ended = service.ended(job)
    assert ("done", 8, 8) == (ended.state, ended.done, ended.total)


# -- where nothing is to be read


@pytest.mark.parametrize(("folders", "has_sources"), [((), True), (("Calendar",), False)])
def test_done_at_once(gateway: MemoryGateway, folders: Sequence[str], has_sources: bool) -> None:
    """Without folders whose modes ask for it, or without any source, nobody is told."""

    def tell(_name: str, _job: str) -> None:
        raise AssertionError("nobody need be told")

    job = jobs(gateway, tell, has_sources=has_sources).start("hans", SyncEvent.START, folders)
    assert ("done", tuple(folders)) == (job.state, job.folders)
    assert job.finished is not None


@pytest.mark.parametrize(("has_file", "problem"), [(True, None), (False, NO_FILE)])
def test_who_has_no_file(gateway: MemoryGateway, *, has_file: bool, problem: str | None) -> None:
    """Done does not mean that there is a file: that is told at once, and whenever it is asked."""
    made = jobs(gateway, lambda _name, _job: None, has_sources=False, has_file=has_file)
    job = made.start("hans", SyncEvent.MANUAL, ["Calendar"])
    again = made.job("hans", job.id)
    assert ("done", problem) == (job.state, job.problem)
    assert again == job


def test_who_has_no_source_any_more(gateway: MemoryGateway) -> None:
    """Who reads knows it better than who asks: the file is made, and the job is done."""
    gateway.person = replace(gateway.person, sources=())
    service = Service(gateway)
    service.regeneration.start()
    try:
        assert "done" == service.ended(service.start()).state
    finally:
        service.regeneration.stop()


def test_nobody_reads(gateway: MemoryGateway) -> None:
    """Where no process follows the calendars that is said, and no job is left open."""

    def tell(_name: str, _job: str) -> None:
        raise SourceUnavailableError("no process follows the calendars")

    made = jobs(gateway, tell)
    for _ in range(MAX_OPEN + 2):
        with pytest.raises(SourceUnavailableError, match="no process"):
            made.start("hans", SyncEvent.MANUAL, ["Calendar"])
    assert [] == JobLedger(gateway.store, gateway.clock).unfinished()


# -- what goes wrong


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SourceDownError("imap.example.com:993 refused"), "cannot be asked at the moment"),
        (SourceUnavailableError("/srv/x is slow"), "cannot be asked at the moment"),
        (SourceRefusedError("wrong password for 'admin'"), "refuses the service"),
        (StoreError("/var/lib/x: disk full"), "cannot store"),
        (LookupError("a bug"), "its log says why"),
    ],
)
def test_a_failure_is_told_in_a_sentence(
    service: Service, source: Held, error: Exception, expected: str
) -> None:
    """Soon, and without the words of the error, which are the operator's."""
    source.failure = error
    ended = service.ended(service.start())
    assert "failed" == ended.state
    assert ended.problem is not None
    assert expected in ended.problem
    assert str(error) not in ended.problem
    assert ["failed"] == service.outcomes


def test_during_an_outage_every_job_fails_soon(
    service: Service, gateway: MemoryGateway, calendar: Calendar, source: Held
) -> None:
    """One that finds the source down already waits for nothing; a later one works."""
    source.failure = SourceDownError("down")
    for _ in range(3):
        started = [service.start() for _ in range(3)]
        assert ["failed"] * 3 == [service.ended(job).state for job in started]
    source.failure = None
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    assert "done" == service.ended(service.start()).state
    assert [span(1, 14), span(2, 9)] == gateway.busy


def test_a_calendar_that_looks_empty(
    service: Service, gateway: MemoryGateway, calendar: Calendar
) -> None:
    """All was read and that is said; the old times stay, for a loss counts once confirmed."""
    gateway.calendar()  # in its place
    ended = service.ended(service.start())
    assert ("done", True) == (ended.state, "seems to be gone" in (ended.problem or ""))
    assert [span(1, 14)] == gateway.busy


def test_a_job_needs_all_sources(gateway: MemoryGateway, calendar: Calendar) -> None:
    """It is done when the last is read, and failed where one of them cannot be."""
    with memory_gateway(gateway.state / "other", make_source=Held) as second:
        other = second.source
        assert isinstance(other, Held)
        gateway.person = replace(gateway.person, sources=("mail", "second"))
        second.memory.put(second.calendar(), event("b", "20260602T090000Z"))
        service = Service(gateway, Feed("second", other))
        service.regeneration.start()
        try:
            until(lambda: gateway.busy == [span(1, 14), span(2, 9)], "both are read")
            other.go_on.clear()
            job = service.start()
            until(lambda: service.job(job).state == "running", "one of them is read")
            assert service.job(job).finished is None
            other.go_on.set()
            assert "done" == service.ended(job).state
            other.failure = SourceDownError("down")
            ended = service.ended(service.start())
            assert ("failed", True) == (ended.state, "'second'" in (ended.problem or ""))
        finally:
            other.go_on.set()
            service.regeneration.stop()


# -- processes that come and go


def test_a_restart_takes_jobs_up(
    service: Service, gateway: MemoryGateway, calendar: Calendar, source: Held
) -> None:
    """A regeneration that stops in the middle leaves its jobs to the next one."""
    source.go_on.clear()
    runs = source.runs
    job = service.start()
    until(lambda: source.runs > runs, "a run begins")
    service.regeneration.stop(0.1)
    assert [job.id] == [left.id for left in service.ledger.unfinished()]
    source.failure = SourceDownError("what hung comes to an end")
    source.go_on.set()
    with Locks(gateway.state / "locks").hold("hans.sync"):
        source.failure = None
    assert service.job(job).finished is None
    gateway.memory.put(calendar, event("a", "20260602T090000Z"))
    following = Service(gateway)
    following.regeneration.start()
    try:
        for left in following.ledger.unfinished():
            following.regeneration.look_at(left.person, left.id)
            following.regeneration.look_at(left.person, left.id)  # and its datagram comes late
        assert "done" == following.ended(job).state
        assert [span(1, 14), span(2, 9)] == gateway.busy
    finally:
        following.regeneration.stop()


def test_a_job_that_nobody_works_on_fails(gateway: MemoryGateway) -> None:
    """After a while without a sign of life; one that is heard of goes on."""
    made = jobs(gateway, lambda _name, _job: None)
    ledger = JobLedger(gateway.store, gateway.clock)
    job = made.start("hans", SyncEvent.MANUAL, ["Calendar"])
    looks = Looks(ledger)
    looks.ask(job.id, "hans", ["mail"])
    for _ in range(3):
        gateway.clock.forward(seconds=20)
        looks.beat()
        found = made.job("hans", job.id)
        assert found is not None
        assert "waiting" == found.state
    gateway.clock.forward(seconds=31)
    found = made.job("hans", job.id)
    assert found is not None
    assert ("failed", LOST) == (found.state, found.problem)
    looks.begin(("hans", "mail"))
    looks.end(("hans", "mail"), None)
    assert found == made.job("hans", job.id), "it stays as it ended"


def test_no_sign_of_life_without_progress(
    gateway: MemoryGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reading that hangs for ever is not said to go on."""
    monkeypatch.setattr("freebusy.looks.STUCK", -1.0)
    made = jobs(gateway, lambda _name, _job: None)
    job = made.start("hans", SyncEvent.MANUAL, ["Calendar"])
    looks = Looks(JobLedger(gateway.store, gateway.clock))
    looks.ask(job.id, "hans", ["mail"])
    gateway.clock.forward(seconds=31)
    looks.beat()
    found = made.job("hans", job.id)
    assert found is not None
    assert "failed" == found.state


def test_waiting_for_a_long_reading_is_no_silence(
    gateway: MemoryGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as the reading before it moves on, a job goes on waiting."""
    made = jobs(gateway, lambda _name, _job: None)
    job = made.start("hans", SyncEvent.MANUAL, ["Calendar"])
    looks = Looks(JobLedger(gateway.store, gateway.clock))
    looks.ask(job.id, "hans", ["mail"])
    monkeypatch.setattr("freebusy.looks.STUCK", 0.2)
    assert not threading.Event().wait(0.3)
    looks.progress(("hans", "mail"), 500, None)
    gateway.clock.forward(seconds=31)
    looks.beat()
    found = made.job("hans", job.id)
    assert found is not None
    assert "waiting" == found.state


# -- whose they are, and how many


def test_a_job_is_its_persons_own(gateway: MemoryGateway) -> None:
    """Nobody else can ask for it, and it is forgotten in time."""
    made = jobs(gateway, lambda _name, _job: None)
    job = made.start("hans", SyncEvent.SELECT, [])
    assert None is made.job("eva", job.id)
    assert job == made.job("hans", job.id)
    gateway.clock.forward(minutes=61)
    assert None is made.job("hans", job.id)
    made.tidy()
    assert None is JobLedger(gateway.store, gateway.clock).job(job.id)


def test_jobs_are_bounded(gateway: MemoryGateway) -> None:
    """Each person has so many open ones, and so many that can be asked for."""
    made = jobs(gateway, lambda _name, _job: None)
    old = [made.start("hans", SyncEvent.START, []) for _ in range(MAX_KEPT + 5)]
    gateway.clock.forward(seconds=1)
    for _ in range(MAX_OPEN):
        made.start("hans", SyncEvent.MANUAL, ["Calendar"])
    with pytest.raises(SourceUnavailableError, match="have not ended"):
        made.start("hans", SyncEvent.MANUAL, ["Calendar"])
    made.start("eva", SyncEvent.MANUAL, ["Calendar"])
    kept = [job for job in old if made.job("hans", job.id)]
    assert MAX_KEPT - MAX_OPEN == len(kept)


def test_a_full_disk_ends_nothing_else(
    gateway: MemoryGateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the end of a job cannot be written it is given up later, and the reading goes on."""
    ledger = JobLedger(gateway.store, gateway.clock)
    looks = Looks(ledger)
    looks.ask("j", "hans", ["mail"])

    def full(*_arguments: object) -> bool:
        raise StoreError("disk full", is_full=True)

    for name in ("note", "end", "beat"):
        monkeypatch.setattr(ledger, name, full)
    looks.begin(("hans", "mail"))
    looks.progress(("hans", "mail"), 1, 2)
    looks.beat()
    looks.end(("hans", "mail"), None)
    assert ["job error=disk full"] * 3 == [m for m in caplog.messages if "error" in m]
