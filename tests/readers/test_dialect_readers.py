"""Independent readers find no fault with the objects that come out of the dialects."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from tests.oracles import generator
from tests.readers import kcalendarcore, libical
from tests.unit.dialect_case import DIALECTS, END, NOW, START, ZONE, calendar, read, written
from tests.unit.kolab3_cases import CASES
from tests.unit.test_dialects import WHOLE

if TYPE_CHECKING:
    from pathlib import Path

    from calendar_sync import dialects

pytestmark = pytest.mark.readers


@pytest.mark.skipif(libical.available() is not None, reason="libical is not installed")
@pytest.mark.parametrize("dialect", DIALECTS)
def test_libical_finds_no_fault(dialect: dialects.Dialect) -> None:
    """What was written in a dialect and is read again has no error for libical."""
    for text in [calendar(*WHOLE), *islice(generator.events(31, 40, NOW), 40)]:
        found = read(written(text, dialect).message).calendar
        with libical.parsed(found.encode()) as root:
            assert 0 == libical.library().icalcomponent_count_errors(root)
            assert list(libical.components(root, b"VEVENT"))


ZONE_OF_START = re.compile(r"(?<=^EVENT )(\S+ \S+) \S+", re.MULTILINE)
"""Windows names become the database's in Kolab 3, of which a system may know others."""


def _seen(program: Path, texts: list[str]) -> list[list[str]]:
    """Return what Kontact sees of each object, sorted; zones are told by their times."""
    found = kcalendarcore.calendars(program, texts, START, END, ZONE)
    return [sorted(ZONE_OF_START.sub(r"\1", line) for line in each) for each in found]


MENDED = frozenset({"a day as the last", "without text"})
"""What is against RFC 5545 (§3.3.10, §3.6.6), and comes back from Kolab 2 as it should be."""


@pytest.mark.parametrize("dialect", DIALECTS)
def test_kontact_sees_the_same(kcal_calendars: Path, dialect: dialects.Dialect) -> None:
    """Of an object of which nothing is lost KCalendarCore has all as it was, instances too."""
    names = (name for name in CASES if not (dialect == "kolab2" and name in MENDED))
    events = (CASES[name] for name in names if CASES[name].kind == "VEVENT")
    cases = [calendar(*each.lines, start=each.start) for each in events]
    texts = [calendar(*WHOLE), *cases, *islice(generator.events(61, 120, NOW), 120)]
    made = {text: written(text, dialect) for text in texts}
    before = [text for text in texts if not made[text].losses]
    after = [read(made[text].message).calendar for text in before]
    assert len(before) > 30
    assert _seen(kcal_calendars, before) == _seen(kcal_calendars, after)
