"""Instances, as recurring-ical-events finds them: before and after the way through a message.

The judge has nothing of our readers in it; it is asked for the object that was handed in
and for the one that is read of its message.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from freebusy.freer import freer
from freebusy.period import coalesce, to_seconds
from tests.oracles import generator, recurring
from tests.unit.dialect_case import (
    AUTHOR,
    DIALECTS,
    NOW,
    ZONE,
    calendars,
    examples,
    read,
    written,
)

if TYPE_CHECKING:
    from calendar_sync import dialects

OF_TIMES = frozenset(
    (
        *("TZID", "VTIMEZONE", "RECURRENCE-ID", "RRULE", "RDATE", "EXDATE", "DTEND", "DURATION"),
        *("STATUS", "TRANSP", "PARTSTAT", "X-MICROSOFT-CDO-BUSYSTATUS"),
    )
)
"""Losses after which an object may be busy at other times, or otherwise."""
START, END = NOW.replace(day=1, hour=0), NOW.replace(month=12, day=1, hour=0)


def _spans(text: str, owner: str) -> list[tuple[int, int, int]]:
    found = recurring.spans(text, addresses=[owner], zone=ZONE, start=START, end=END)
    return coalesce(found)


def _judge(calendar: str, dialect: dialects.Dialect, owner: str) -> None:
    made = written(calendar, dialect)
    before, after = _spans(calendar, owner), _spans(read(made.message).calendar, owner)
    if not OF_TIMES & set(made.losses):
        assert before == after
    assert [] == freer(before, after, to_seconds(START), to_seconds(END))


@pytest.mark.parametrize("dialect", DIALECTS)
@examples(15)
@given(calendar=calendars())
def test_any_event(dialect: dialects.Dialect, calendar: str) -> None:
    """Whatever is lost, nobody is free who was not; where nothing of it is, all is the same."""
    _judge(calendar, dialect, AUTHOR)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_office_calendars(dialect: dialects.Dialect) -> None:
    """So it is for events as offices have them, with their zones and changed instances."""
    for calendar in islice(generator.events(51, 60, NOW), 60):
        _judge(calendar, dialect, generator.OWNER)
