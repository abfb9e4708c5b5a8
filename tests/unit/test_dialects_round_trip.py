"""Any object, in any dialect: there and back again."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given

from calendar_sync import dialects
from tests.oracles import generator
from tests.unit.dialect_case import (
    DIALECTS,
    NOW,
    busy,
    busy_by_formats,
    calendars,
    examples,
    read,
    written,
)

CLOCKS = {"TZID", "VTIMEZONE", "RECURRENCE-ID", "DTEND", "EXDATE"}
"""Losses after which an event may be busy at other times."""


@pytest.mark.parametrize("dialect", DIALECTS)
@examples(15)
@given(calendar=calendars())
def test_what_is_not_lost_comes_back(dialect: dialects.Dialect, calendar: str) -> None:
    """An object of which nothing is told lost is the same after its way through a message."""
    made = written(calendar, dialect)
    found = read(made.message)
    assert dialect == found.dialect
    assert made.losses or dialects.normal(calendar) == dialects.normal(found.calendar)
    again = written(found.calendar, dialect)
    assert dialects.normal(found.calendar) == dialects.normal(read(again.message).calendar)


@pytest.mark.parametrize("dialect", DIALECTS)
@examples(15)
@given(calendar=calendars())
def test_nobody_is_free_who_is_not(dialect: dialects.Dialect, calendar: str) -> None:
    """Whatever is lost, the message and what is read of it are busy when the object is."""
    made = written(calendar, dialect)
    expected = busy(calendar)
    if not CLOCKS & set(made.losses):
        assert expected == busy_by_formats(made.message)
        assert expected == busy(read(made.message).calendar)
    assert not expected or busy_by_formats(made.message)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_office_calendars(dialect: dialects.Dialect) -> None:
    """Events as offices have them come back, busy when they were."""
    for calendar in islice(generator.events(21, 40, NOW), 40):
        made = written(calendar, dialect)
        found = read(made.message)
        assert made.losses or dialects.normal(calendar) == dialects.normal(found.calendar)
        if not CLOCKS & set(made.losses):
            assert busy(calendar) == busy_by_formats(made.message) == busy(found.calendar)


def test_icalendar_loses_nothing() -> None:
    """The iCalendar dialect tells no losses."""
    for calendar in islice(generator.events(22, 30, NOW), 30):
        assert () == written(calendar).losses
