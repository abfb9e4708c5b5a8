"""How many minutes are falsely free, and how many falsely busy, on random events.

    python benchmarks/accuracy.py [--events 100000] [--seed 7] [--jobs 2] [--minutes 30]

Each generated event (``tests/oracles/generator.py``) is read by us and by the oracles:
icalendar with recurring-ical-events, and libical where it is installed.  Where we and
an oracle disagree, the class of the disagreement and the section of the RFC that decides
it are printed (``tests/oracles/explained.py``).  Of what no class explains, the minutes
that both oracles see alike are printed first: falsely free there must be 0.
Exit status 1 where an unexplained minute is falsely free.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import islice, takewhile
from multiprocessing import get_context
from random import Random
from typing import TYPE_CHECKING

from tests.oracles import libical
from tests.oracles.compare import ORACLES, Dispute, disputes
from tests.oracles.explained import explain
from tests.oracles.generator import event, span_of_interest

if TYPE_CHECKING:
    from collections.abc import Iterable

NOW = datetime(2026, 6, 1, tzinfo=UTC)
AGREED = "both oracles"
DIRECTIONS = ("falsely free", "falsely busy", "another type")


@dataclass
class Tally:
    """Minutes, by oracle, direction and class; and the numbers of the events behind them."""

    events: int = 0
    minutes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    serials: dict[tuple[str, str, str], list[int]] = field(default_factory=dict)

    def add(self, oracle: str, direction: str, why: str, seconds: int, serial: int) -> None:
        """Count one disagreement."""
        key = (oracle, direction, why)
        self.minutes[key] += seconds // 60
        self.serials.setdefault(key, [])
        if len(self.serials[key]) < 3:
            self.serials[key].append(serial)

    def update(self, other: Tally) -> None:
        """Take over what another process counted."""
        self.events += other.events
        self.minutes.update(other.minutes)
        for key, serials in other.serials.items():
            self.serials[key] = (self.serials.get(key, []) + serials)[:3]


def overlap(some: Iterable[Dispute], others: list[Dispute]) -> int:
    """Return the seconds that two lists of disputes have in common."""
    return sum(
        max(0, min(one.end, other.end) - max(one.start, other.start))
        for one in some
        for other in others
    )


def note(tally: Tally, found: list[Dispute], serial: int) -> None:
    """Count the disputes over one event."""
    left = [dispute for dispute in found if explain(dispute) is None]
    for dispute in found:
        explanation = explain(dispute)
        why = f"{explanation.name}: {explanation.section}" if explanation else "unexplained"
        tally.add(dispute.oracle, dispute.direction, why, dispute.end - dispute.start, serial)
    for direction in DIRECTIONS[:2]:
        sides = [
            [one for one in left if one.oracle == name and one.direction == direction]
            for name in ORACLES
        ]
        if seconds := overlap(sides[0], sides[1]):
            tally.add(AGREED, direction, "", seconds, serial)


def compare(seed: int, oracles: list[str], serials: range) -> Tally:
    """Compare a run of events, each in one window: every other one round its start."""
    tally = Tally()
    for serial in serials:
        text = event(Random(seed * 1_000_003 + serial), NOW, serial)
        window = span_of_interest(text, NOW)[serial % 2]
        note(tally, list(disputes(text, [window], oracles)), serial)
        tally.events += 1
    return tally


def run(options: argparse.Namespace) -> Tally:
    """Compare all events on several processes, until the time is up."""
    oracles = [name for name in ORACLES if name != "libical" or not libical.available()]
    tasks = [range(at, min(at + 100, options.events)) for at in range(0, options.events, 100)]
    deadline = time.monotonic() + options.minutes * 60
    total = Tally()
    with get_context("spawn").Pool(options.jobs) as pool:
        results = pool.imap_unordered(partial(compare, options.seed, oracles), tasks)
        for tally in takewhile(lambda _: time.monotonic() < deadline, islice(results, len(tasks))):
            total.update(tally)
    return total


def report(total: Tally, seconds: float) -> int:
    """Print the table; return the minutes that are falsely free by our own fault."""
    print(f"{total.events} events in {seconds:.0f} s")
    for direction in DIRECTIONS[:2]:
        print(f"{total.minutes[AGREED, direction, '']:>10} min {direction} against both oracles")
    for (oracle, direction, why), minutes in sorted(total.minutes.items()):
        if oracle != AGREED:
            serials = total.serials[oracle, direction, why]
            print(f"{minutes:>10} min {direction} against {oracle}: {why}; such as {serials}")
    return sum(
        minutes
        for (oracle, direction, why), minutes in total.minutes.items()
        if direction == "falsely free" and (oracle == AGREED or why == "unexplained")
    )


def main() -> int:
    """Read the command line, compare, print."""
    parser = argparse.ArgumentParser(description="Minutes falsely free on random events")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=30, help="stop after this time")
    options = parser.parse_args()
    begun = time.monotonic()
    total = run(options)
    return 1 if report(total, time.monotonic() - begun) else 0


if __name__ == "__main__":
    sys.exit(main())
