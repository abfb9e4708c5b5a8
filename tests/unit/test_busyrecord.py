"""Busy records: kept as short text, without loss, and without a place for an event's words."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from freebusy.busyrecord import BusyRecord, RecurrenceDate, from_json, to_json
from freebusy.calendarobject import read_object
from freebusy.values import Duration, Moment

_numbers = st.integers(-(10**11), 10**12)
_moments = st.builds(Moment, st.text(max_size=12), _numbers, st.booleans())
_durations = st.builds(Duration, st.integers(-400, 400), _numbers)
_dates = st.builds(RecurrenceDate, _moments, st.none() | _moments, st.none() | _durations)
_texts = st.lists(st.text(max_size=12), max_size=3).map(tuple)


def _many(some: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(some, max_size=3).map(tuple)


records = st.builds(
    BusyRecord,
    st.text(max_size=12),
    start=st.none() | _moments,
    end=st.none() | _moments,
    duration=st.none() | _durations,
    state=st.integers(0, 4),
    explicit=st.booleans(),
    all_day=st.booleans(),
    recurrence_id=st.none() | _moments,
    this_and_future=st.booleans(),
    sequence=st.integers(0, 10**9),
    stamp=st.integers(0, 10**14),
    organizer=st.text(max_size=12),
    participation=_many(st.tuples(st.text(max_size=12), st.text(max_size=12))),
    rules=_texts,
    excluded_rules=_texts,
    dates=_many(_dates),
    excluded=_many(_moments),
    periods=_many(st.tuples(_numbers, _numbers, st.integers(0, 3))),
    on_owner_wall=st.booleans(),
)


@given(records)
@example(BusyRecord("", state=2))
def test_a_record_comes_back(record: BusyRecord) -> None:
    """What is stored is what is read, each part of its own type."""
    found = from_json(to_json(record))
    assert record == found
    for mine, theirs in zip(record, found, strict=True):
        assert isinstance(theirs, type(mine))  # a state that is the default is a FreeBusyType again


@given(records)
def test_a_stored_record_is_one_line(record: BusyRecord) -> None:
    """Records are kept a line each, so none holds a line end, whatever its UID."""
    assert "\n" not in to_json(record)
    assert isinstance(json.loads(to_json(record)), list)


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (BusyRecord("1"), '["1"]'),
        (BusyRecord("1", Moment("UTC", 0)), '["1",["UTC",0,false]]'),
        (
            BusyRecord("1", Moment("UTC", 0), duration=Duration(0, 3600)),
            '["1",["UTC",0,false],null,[0,3600]]',
        ),
    ],
)
def test_the_usual_record_is_short(record: BusyRecord, text: str) -> None:
    """Trailing defaults are left out: there are millions of records."""
    assert text == to_json(record)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (BusyRecord("1"), False),
        (BusyRecord("1", rules=("FREQ=DAILY",)), True),
        (BusyRecord("1", dates=(RecurrenceDate(Moment("UTC", 0)),)), True),
        (BusyRecord("1", excluded=(Moment("UTC", 0),)), False),
    ],
)
def test_what_recurs(record: BusyRecord, *, expected: bool) -> None:
    """A rule or further dates make a record more than one instance."""
    assert expected is record.recurring


def test_an_events_words_have_no_place() -> None:
    """Nothing that people wrote into an event is in its record, nor in what is stored of it."""
    words = (
        "SUMMARY:secret\nDESCRIPTION:secret\nLOCATION:secret\nCOMMENT:secret\nCONTACT:secret\n"
        "CATEGORIES:secret\nURL:secret\nATTACH:secret\nRESOURCES:secret\nX-ALT-DESC:secret\n"
        "ATTENDEE;CN=secret;PARTSTAT=DECLINED:mailto:hans@example.com\n"
        "ORGANIZER;CN=secret:mailto:eva@example.com\nDTSTART;X-A=secret:20260601T090000Z\n"
        "RRULE;X-A=secret:FREQ=DAILY\nBEGIN:VALARM\nDESCRIPTION:secret\nEND:VALARM"
    )
    (record,) = read_object(f"BEGIN:VEVENT\nUID:1\n{words}\nEND:VEVENT".encode()).records
    assert "secret" not in to_json(record)
    assert "secret" not in repr(record)
