"""What a process does once is not what its first items are stopped for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from calendar_sync.formats import extract
from freebusy.busytime import CalendarOwner
from freebusy.cputime import Purse, limited
from freebusy.errors import BudgetExceededError
from freebusy.ports import ICALENDAR, SourceItem
from freebusy.worker import Expanding, read_batch
from freebusy.zones import named_zone

ROOT = Path(__file__).parents[2]
YEAR = (1767225600, 1798761600)  # 2026
ZONES = (
    "America/New_York", "Asia/Tokyo", "Europe/London", "Australia/Sydney", "Africa/Cairo",
    "America/Sao_Paulo", "Asia/Kolkata", "Pacific/Auckland",
)  # fmt: skip


def test_the_first_item_that_names_many_zones_is_not_stopped_for_them() -> None:
    """Making eight zones' tables takes longer than an item may; all its times are there."""
    dates = [f"RDATE;TZID={zone}:202606{day:02}T090000" for day, zone in enumerate(ZONES, 1)]
    lines = ("UID:a", "DTSTART:20260101T090000Z", "DURATION:PT1H", *dates)
    text = "\r\n".join(("BEGIN:VEVENT", *lines, "END:VEVENT", ""))
    task = Expanding(CalendarOwner(zone="Europe/Berlin"), YEAR, YEAR)
    item = SourceItem("a.ics", 1, ICALENDAR, text.encode())
    named_zone.cache_clear()
    batch = read_batch(extract, [item], task, cpu=0.02)
    assert ((), None) == (batch.items[0].skipped, batch.objects[0].refused)
    assert 1 + len(ZONES) == len(batch.objects[0].spans)


def test_what_loads_zones_again_and_again_comes_to_an_end() -> None:
    """A call is made again ten times at most, however much it says it learned."""
    calls = []

    def never_done() -> None:
        calls.append(1)
        named_zone.cache_clear()
        named_zone(ZONES[len(calls) % 2])
        if len(calls) % 2:
            named_zone("Europe/Berlin")
        while True:
            pass

    named_zone.cache_clear()
    with pytest.raises(BudgetExceededError, match="more than 30 ms of CPU"):
        limited(0.03, never_done)
    assert 10 == len(calls)


def test_a_purse_does_not_pay_for_zones() -> None:
    """What was used while a zone was loaded is not taken off, all else is."""
    named_zone.cache_clear()
    purse = Purse(1.0)
    named_zone("Europe/Berlin")
    purse.pay()
    assert 1.0 == purse.left
    purse.start()
    sum(range(100_000))
    purse.pay()
    assert purse.left < 1.0


def test_a_worker_has_imported_what_items_need() -> None:
    """After its preparation no format brings a further module along but codecs."""
    code = """
import sys
from pathlib import Path
from calendar_sync.formats import extract
from freebusy.ports import MESSAGE, SourceItem
from freebusy.worker import prepare

prepare(extract)
before = set(sys.modules)
for path in Path("tests/data/dialects").iterdir():
    extract(SourceItem("", 0, MESSAGE, path.read_bytes()))
print(*sorted(name for name in sys.modules if name not in before))
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert [] == [name for name in done.stdout.split() if not name.startswith("encodings.")]
