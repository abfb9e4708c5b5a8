"""CPU from a message's calendar text to its busy periods, against two peers.

    python benchmarks/reading.py [--messages 600] [--rounds 5]

The peers read the same texts in the same process, in turns: icalendar with
recurring-ical-events, and libical through ctypes (both give instances, which are
then coalesced as ours are).  A ratio is the median over the rounds.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import icalendar
import recurring_ical_events

from freebusy.busytime import CalendarOwner, expand
from freebusy.calendarobject import read_object
from freebusy.period import TimeRange, coalesce, to_seconds
from tests.oracles.generator import OWNER, events
from tests.readers import libical

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NOW = datetime(2026, 6, 1, tzinfo=UTC)
OWNED_BY = CalendarOwner(frozenset({OWNER}), "Europe/Berlin")
BUSY = 2
TARGETS = {60: 20.0, 365: 40.0}


def ours(text: bytes, span: TimeRange) -> int:
    """Return the number of periods that we read."""
    window = span.seconds
    return len(coalesce(expand(read_object(text, window).records, OWNED_BY, window).spans))


def _seconds(moment: date) -> int:
    if not isinstance(moment, datetime):  # its midnight
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    return to_seconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def by_icalendar(text: bytes, span: TimeRange) -> int:
    """Return the number of periods that icalendar and recurring-ical-events read."""
    calendar = icalendar.Calendar.from_ical(text)
    found = recurring_ical_events.of(calendar, skip_bad_series=True).between(span.start, span.end)
    return len(coalesce((_seconds(e.start), _seconds(e.end), BUSY) for e in found))


def by_libical(text: bytes, span: TimeRange) -> int:
    """Return the number of periods that libical reads."""
    return len(coalesce((a, b, BUSY) for a, b in libical.expand(text, span.start, span.end)))


def cpu(
    function: Callable[[bytes, TimeRange], int], texts: Sequence[bytes], span: TimeRange
) -> float:
    """Return microseconds of CPU for each text; the garbage of whoever ran before is not ours."""
    gc.collect()
    start = time.process_time()
    for text in texts:
        function(text, span)
    return (time.process_time() - start) / len(texts) * 1e6


def main() -> int:
    """Measure and print; return 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    texts = [text.encode() for text in events(26, arguments.messages, NOW)]
    peers: dict[str, Callable[[bytes, TimeRange], int]] = {"icalendar": by_icalendar}
    if libical.available() is None:
        peers["libical"] = by_libical
    size = sum(map(len, texts)) / len(texts)
    print(f"{len(texts)} messages of {size:.0f} bytes on average; us of CPU a message, median")
    _print_median_message(texts, peers)
    missed = False
    for days in (60, 365):
        span = TimeRange(NOW, NOW + timedelta(days=days))
        rows: dict[str, list[float]] = {name: [] for name in ("ours", *peers)}
        for function in (ours, *peers.values()):
            cpu(function, texts, span)  # caches fill: a service reads many messages
        for _ in range(arguments.rounds):
            for name, function in {"ours": ours, **peers}.items():
                rows[name].append(cpu(function, texts, span))
        missed |= _report(days, rows)
    return int(missed)


def _print_median_message(
    texts: Sequence[bytes], peers: dict[str, Callable[[bytes, TimeRange], int]]
) -> None:
    """Print what the median message costs: a peer's mean may be made by a few long series."""
    span = TimeRange(NOW, NOW + timedelta(days=60))
    for name, function in {"ours": ours, **peers}.items():
        cpu(function, texts, span)
        cost = statistics.median(cpu(function, [text] * 5, span) for text in texts[::4])
        print(f"  the median message, 60 days: {name:9} {cost:8.1f}")


def _report(days: int, rows: dict[str, list[float]]) -> bool:
    print(f"{days:4} days  ours {statistics.median(rows['ours']):8.1f}")
    missed = False
    for name in rows.keys() - {"ours"}:
        ratios = [peer / own for peer, own in zip(rows[name], rows["ours"], strict=True)]
        ratio = statistics.median(ratios)
        target = TARGETS[days] if name == "icalendar" else 1.0
        missed |= ratio < target
        print(
            f"           {name:9} {statistics.median(rows[name]):8.1f}"
            f"   {ratio:5.1f} times ours (target {target:g})"
        )
    return missed


if __name__ == "__main__":
    raise SystemExit(main())
