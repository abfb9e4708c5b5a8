"""CPU from "an event changed" to the replaced file, in a calendar of 5,000 events.

    python benchmarks/change.py [--events 5000] [--changes 60]

Source, store, workers, lock and file are the gateway's own; the source is in memory, so
that what is measured is the gateway.  The same is done to a calendar that holds nothing
but the periods that the window shows.  CPU is that of all threads and processes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from multiprocessing import active_children
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from calendar_sync.formats import extract
from calendar_sync.memory import MemorySource
from freebusy.busytime import CalendarOwner
from freebusy.expanding import Person, Rules
from freebusy.gateway import prepare_state
from freebusy.locks import Locks
from freebusy.ports import Owner
from freebusy.public import PublicDirectory
from freebusy.publisher import Publisher
from freebusy.store import Store
from freebusy.syncing import Feed, Syncer
from freebusy.vfreebusy import decode
from freebusy.worker import Workers
from tests.oracles.generator import OWNER, events

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from freebusy.ports import Calendar

NOW = datetime(2026, 6, 10, 8, tzinfo=UTC)
CHANGED = """BEGIN:VCALENDAR\r
VERSION:2.0\r
BEGIN:VEVENT\r
UID:{uid}@example.com\r
DTSTAMP:20260601T000000Z\r
DTSTART:{start:%Y%m%dT%H%M%SZ}\r
DTEND:{end:%Y%m%dT%H%M%SZ}\r
SUMMARY:Review\r
X-MICROSOFT-CDO-BUSYSTATUS:{state}\r
END:VEVENT\r
END:VCALENDAR\r
"""
WINDOWS = {"60 days": (Rules(past_days=7, months=1), 10.0), "default": (Rules(), 20.0)}
FLAT = 1.5


STATES = ("FREE", "TENTATIVE", "BUSY", "OOF")


def event(start: datetime, end: datetime, uid: str = "changed", state: str = "BUSY") -> bytes:
    """Return the text of one plain event."""
    return CHANGED.format(start=start, end=end, uid=uid, state=state).encode()


def cpu() -> float:
    """Return the milliseconds of CPU that this process and its workers have used."""
    total = 0
    for process in (os.getpid(), *(child.pid for child in active_children())):
        for thread in Path(f"/proc/{process}/task").iterdir():
            total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e6


class Bench(NamedTuple):
    """A gateway without servers over one calendar."""

    source: MemorySource
    calendar: Calendar
    person: Person
    syncer: Syncer
    publisher: Publisher
    public: PublicDirectory
    workers: Workers
    store: Store

    def bring_up_to_date(self) -> None:
        """Do what the regeneration does when the source reports a change."""
        self.syncer.sync(self.person, Feed("memory", self.source), self.calendar)
        self.publisher.refresh(self.person)

    def close(self) -> None:
        """End the workers and close the store."""
        self.workers.close()
        self.store.close()


def bench(state: Path, rules: Rules, texts: Sequence[bytes]) -> Bench:
    """Set a gateway up and read the whole calendar once."""
    prepare_state(state)
    at_source = Owner("hans", OWNER)
    source = MemorySource()
    calendar = source.add_calendar(at_source)
    for text in texts:
        source.put(calendar, text)
    store, public = Store(state / "store.db"), PublicDirectory(state / "public")
    workers, locks = Workers(extract, processes=1), Locks(state / "locks")
    person = Person("hans", OWNER, CalendarOwner(frozenset({OWNER}), "Europe/Berlin"), at_source)
    syncer = Syncer(store=store, workers=workers, locks=locks, rules=rules, now=lambda: NOW)
    publisher = Publisher(
        store=store, public=public, workers=workers, locks=locks, rules=rules, now=lambda: NOW
    )
    made = Bench(source, calendar, person, syncer, publisher, public, workers, store)
    made.bring_up_to_date()
    return made


def change(made: Bench, number: int) -> float:
    """Change one event, so that the file changes with it; return the milliseconds of CPU."""
    start = NOW + timedelta(days=3, minutes=number)
    before = cpu()
    made.source.put(made.calendar, event(start, start + timedelta(minutes=31)), href="changed.ics")
    made.bring_up_to_date()
    return cpu() - before


def shown(made: Bench) -> Iterator[bytes]:
    """Yield an event for each period that the file shows, and nothing else."""
    file = made.public.read("hans")
    if file is None:
        raise SystemExit("no file was made")
    for number, period in enumerate(decode(file.body, now=NOW).periods):
        yield event(period.start, period.end, f"shown-{number}", STATES[period.type])


def measure(state: Path, rules: Rules, texts: Sequence[bytes], changes: int) -> tuple[float, float]:
    """Return the medians of CPU for the full calendar and for what it shows alone."""
    with closing(bench(state / "full", rules, texts)) as full:
        alone = list(shown(full))
        with closing(bench(state / "alone", rules, alone)) as flat:
            for made in (full, flat):
                change(made, 0)
            pairs = [(change(full, n), change(flat, n)) for n in range(1, changes + 1)]
    print(f"  {len(texts)} events, {len(alone)} periods in the window", end="; ")
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def main() -> int:
    """Measure and print; return 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--changes", type=int, default=60)
    arguments = parser.parse_args()
    texts = [text.encode() for text in events(5, arguments.events, NOW)]
    missed = False
    for name, (rules, target) in WINDOWS.items():
        with tempfile.TemporaryDirectory() as state:
            full, alone = measure(Path(state), rules, texts, arguments.changes)
        missed |= full > target or full / alone > FLAT
        print(
            f"{name} window: {full:.1f} ms of CPU a change (target {target:g}), "
            f"{full / alone:.2f} times the calendar of just those periods (target {FLAT:g})"
        )
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
