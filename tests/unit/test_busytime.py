"""Expanding what is not as it should be: rival masters, and zones that are no more."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations
from time import process_time

import pytest

from freebusy.busyrecord import BusyRecord
from freebusy.busytime import CalendarOwner, Expansion, expand, expand_object
from freebusy.period import FreeBusyType, coalesce
from freebusy.values import Duration, Moment, parse_moment
from tests.oracles import ours

START, END = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
JUNE = (int(START.timestamp()), int(END.timestamp()))
BERLIN = CalendarOwner(zone="Europe/Berlin")
HOUR = Duration(0, 3600)


def utc(text: str) -> int:
    return parse_moment(text).local


def event(*lines: str) -> str:
    return "\r\n".join(("BEGIN:VEVENT", "UID:a", *lines, "END:VEVENT", ""))


def busy(*texts: str) -> list[str]:
    """Return what several texts, one message each, come to: type and times in June 2026."""
    found = ours.folder(texts, start=START, end=END).periods
    return [f"{each.type.fbtype}:{each.start:%d %H:%M}-{each.end:%d %H:%M}" for each in found]


# -- one UID for several events

NINE = event("DTSTART:20260602T090000Z", "DURATION:PT1H")
NOON = event("DTSTART:20260603T120000Z", "DURATION:PT1H")
DAILY_NINE = event("DTSTART:20260602T090000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3")
DAILY_NOON = event("DTSTART:20260602T120000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3")
MOVED = event("RECURRENCE-ID:20260603T090000Z", "DTSTART:20260603T150000Z", "DURATION:PT1H")
ON = "RECURRENCE-ID;RANGE=THISANDFUTURE:20260603T090000Z"
MOVED_ON = event(ON, "DTSTART:20260603T150000Z", "DURATION:PT1H")
NINE_THREE_TIMES = ["BUSY:02 09:00-02 10:00", "BUSY:03 09:00-03 10:00", "BUSY:04 09:00-04 10:00"]
NOON_THREE_TIMES = ["BUSY:02 12:00-02 13:00", "BUSY:03 12:00-03 13:00", "BUSY:04 12:00-04 13:00"]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([NINE, NOON], ["BUSY:02 09:00-02 10:00", "BUSY:03 12:00-03 13:00"]),
        ([NINE, NINE], ["BUSY:02 09:00-02 10:00"]),
        ([DAILY_NINE, NOON], sorted([*NINE_THREE_TIMES, "BUSY:03 12:00-03 13:00"])),
        ([DAILY_NINE, DAILY_NOON], sorted(NINE_THREE_TIMES + NOON_THREE_TIMES)),
    ],
)
def test_rival_masters_all_count(events: list[str], expected: list[str]) -> None:
    """Events of one item with one UID, of which none is newer, are all busy, in any order."""
    for turn in permutations(events):
        assert expected == busy("".join(turn))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("SEQUENCE:1", "SEQUENCE:2", ["BUSY:03 12:00-03 13:00"]),
        ("SEQUENCE:2", "SEQUENCE:1", ["BUSY:02 09:00-02 10:00"]),
        ("DTSTAMP:20260101T000000Z", "DTSTAMP:20260102T000000Z", ["BUSY:03 12:00-03 13:00"]),
        ("DTSTAMP:20260102T000000Z", "DTSTAMP:20260101T000000Z", ["BUSY:02 09:00-02 10:00"]),
        (
            "DTSTAMP:20260102T000000Z",
            "DTSTAMP:20260102T000000Z",
            ["BUSY:02 09:00-02 10:00", "BUSY:03 12:00-03 13:00"],
        ),
        (
            "DTSTAMP:20260102T000000Z",
            "X-NO-STAMP:1",
            ["BUSY:02 09:00-02 10:00", "BUSY:03 12:00-03 13:00"],
        ),
    ],
)
def test_a_newer_master_still_replaces_an_older(
    first: str, second: str, expected: list[str]
) -> None:
    """SEQUENCE, then the stamp, say which is newer; without a stamp none is known to be older."""
    nine = event("DTSTART:20260602T090000Z", "DURATION:PT1H", first)
    noon = event("DTSTART:20260603T120000Z", "DURATION:PT1H", second)
    assert expected == busy(nine + noon)
    assert expected == busy(noon + nine)


def test_a_newer_item_replaces_all_masters_of_an_older() -> None:
    """Rivals are those within one item: of two messages the later one counts."""
    assert ["BUSY:03 12:00-03 13:00"] == busy(NINE + DAILY_NINE, NOON)


@pytest.mark.parametrize("order", list(permutations([DAILY_NINE, DAILY_NOON, MOVED])))
def test_an_override_frees_nothing_where_masters_compete(order: tuple[str, ...]) -> None:
    """Nobody knows whose instance was moved: it is busy at its new time, and at the old."""
    expected = sorted([*NINE_THREE_TIMES, *NOON_THREE_TIMES, "BUSY:03 15:00-03 16:00"])
    assert expected == busy("".join(order))


def test_an_override_beside_equal_masters_is_as_ever() -> None:
    """A master that was merely written twice is one master."""
    expected = ["BUSY:02 09:00-02 10:00", "BUSY:03 15:00-03 16:00", "BUSY:04 09:00-04 10:00"]
    assert expected == busy(DAILY_NINE + DAILY_NINE + MOVED)


@pytest.mark.parametrize("order", list(permutations([DAILY_NINE, DAILY_NOON, MOVED_ON])))
def test_a_moved_range_may_be_that_of_any_rival(order: tuple[str, ...]) -> None:
    """What THISANDFUTURE moves is busy where each master has it, and where it would move."""
    found = ours.folder(["".join(order)], start=START, end=END).periods
    hours = {(each.start.day, hour) for each in found for hour in hours_of(each.start, each.end)}
    assert {(3, 9), (4, 9), (3, 12), (4, 12), (3, 15), (4, 15), (3, 18), (4, 18)} <= hours


def hours_of(start: datetime, end: datetime) -> range:
    return range(start.hour, start.hour + int((end - start).total_seconds() // 3600))


def test_many_rivals_cost_little() -> None:
    """A thousand masters beside a thousand overrides are no thousand times a thousand."""
    moments = [Moment("UTC", JUNE[0] + 60 * n) for n in range(1000)]
    masters = [BusyRecord("a", start, duration=HOUR, rules=("FREQ=DAILY",)) for start in moments]
    overrides = [BusyRecord("a", at, duration=HOUR, recurrence_id=at) for at in moments]
    before = process_time()
    expand_object([[*masters, *overrides]], BERLIN, JUNE, Expansion(), series=False)
    assert 0.1 > process_time() - before


# -- zones that newer time zone data no longer has

GONE = Moment("Europe/Gone", utc("20260602T090000"))
HERE = Moment("UTC", utc("20260601T090000"))
REASON = ("a", "an unknown time zone: the owner's stands in")


@pytest.mark.parametrize(
    "records",
    [
        [BusyRecord("a", GONE, duration=HOUR)],
        [BusyRecord("a", GONE, duration=HOUR, rules=("FREQ=YEARLY",))],
        [BusyRecord("a", HERE), BusyRecord("a", GONE, duration=HOUR, recurrence_id=HERE)],
        [BusyRecord("a", HERE), BusyRecord("a", GONE, duration=HOUR, recurrence_id=GONE)],
        [BusyRecord("a", GONE, GONE._replace(local=GONE.local + 3600), rules=("FREQ=YEARLY",))],
    ],
)
def test_an_unknown_zone_is_the_owners(records: list[BusyRecord]) -> None:
    """A stored key that no zone has any more is named, and the owner's zone stands in."""
    expansion = expand(records, BERLIN, JUNE)
    seven = utc("20260602T070000")
    assert [(seven, seven + 3600, FreeBusyType.BUSY)] == coalesce(expansion.spans)
    assert [REASON] == expansion.refused


@pytest.mark.parametrize(
    "records",
    [
        [BusyRecord("a", GONE, duration=HOUR)],
        [BusyRecord("a", GONE, duration=HOUR, rules=("FREQ=DAILY",))],
        [BusyRecord("a", HERE), BusyRecord("a", HERE, recurrence_id=GONE)],
    ],
)
def test_an_owner_without_a_zone_costs_the_object(records: list[BusyRecord]) -> None:
    """Where the owner's own zone is unknown too, the object is refused and the next one counts."""
    whose = CalendarOwner(zone="Europe/Gone")
    good = BusyRecord("b", HERE, duration=HOUR)
    expansion = expand([*records, good], whose, JUNE)
    assert [(HERE.local, HERE.local + 3600, FreeBusyType.BUSY)] == expansion.spans
    assert {"a"} == {uid for uid, _ in expansion.refused}


def test_times_out_of_range_cost_the_object() -> None:
    """A number that no calendar has is refused, and the next object counts."""
    far = BusyRecord("a", Moment("UTC", 1 << 62), rules=("FREQ=MONTHLY",))
    near = BusyRecord("b", HERE, duration=HOUR)
    expansion = expand([far, near], BERLIN, JUNE)
    assert [(HERE.local, HERE.local + 3600, FreeBusyType.BUSY)] == expansion.spans
