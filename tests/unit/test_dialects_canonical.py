"""When two texts say the same, and which one is newer."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from calendar_sync.dialects import newness, normal, zonetext
from calendar_sync.dialects.objects import folded, new_calendar, text
from freebusy.components import read_stream
from freebusy.contentline import unfold
from freebusy.period import to_seconds
from freebusy.vtimezone import disagree
from tests.oracles.vtimezones import IANA, WINDOWS, definition
from tests.unit.dialect_case import calendar

BERLIN = "DTSTART;TZID=Europe/Berlin:20260602T100000"
ALARM = ("BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:{}", "END:VALARM")
SAME = {
    "order": (("SUMMARY:a", "LOCATION:b"), ("LOCATION:b", "SUMMARY:a")),
    "stamps": (("LAST-MODIFIED:20260101T000000Z", "CREATED:20250101T000000Z"), ()),
    "defaults": (("CLASS:public", "TRANSP:OPAQUE", "SEQUENCE:0", "PRIORITY:0", "SUMMARY:"), ()),
    "case of names": (("Summary;Language=de:a",), ("SUMMARY;LANGUAGE=de:a",)),
    "quotes": (('ATTENDEE;CN="a":mailto:b@c',), ("ATTENDEE;CN=a:MAILTO:b@c",)),
    "default parameters": (
        ("ATTENDEE;RSVP=FALSE;ROLE=req-participant;CUTYPE=INDIVIDUAL:mailto:b@c",),
        ("ATTENDEE:mailto:b@c",),
    ),
    "lists": (("CATEGORIES:b,a\\,c",), ("CATEGORIES:a\\,c", "CATEGORIES:b")),
    "escapes": (("SUMMARY:a\\Nb;c",), ("SUMMARY:a\\nb\\;c",)),
    "an end": (("DURATION:PT1H30M",), ("DTEND;TZID=Europe/Berlin:20260602T113000",)),
    "a rule": (
        ("RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=TU;WKST=SU",),
        ("RRULE:WKST=MO;FREQ=WEEKLY",),
    ),
    "a rule by position": (
        ("RRULE:FREQ=MONTHLY;BYDAY=TU;BYSETPOS=-1",),
        ("RRULE:FREQ=MONTHLY;BYDAY=-1TU",),
    ),
    "a yearly rule": (("RRULE:FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=2",), ("RRULE:FREQ=YEARLY",)),
    "the last instance": (
        ("RRULE:FREQ=DAILY;UNTIL=20260605T075959Z",),
        ("RRULE:FREQ=DAILY;UNTIL=20260604T215959Z",),
    ),
    "exceptions": (
        ("EXDATE;TZID=Europe/Berlin:20260603T100000,20260604T100000",),
        ("EXDATE:20260604T080000Z", "EXDATE:20260603T080000Z"),
    ),
    "durations": (
        tuple(each.format("-PT60M") for each in ALARM),
        tuple(each.format("-P0DT1H0M0S") for each in ALARM),
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_what_says_the_same(name: str) -> None:
    """Two spellings of one object are equal."""
    one, other = SAME[name]
    assert normal(calendar(*one)) == normal(calendar(*other))


OTHERS = {
    "text": (("SUMMARY:a",), ("SUMMARY:b",)),
    "an answer that is missing": (
        ("ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:b@c",),
        ("ATTENDEE:mailto:b@c",),
    ),
    "where weeks start": (
        ("RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;WKST=SU",),
        ("RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO",),
    ),
    "a last day": (
        ("RRULE:FREQ=DAILY;UNTIL=20260605T080000Z",),
        ("RRULE:FREQ=DAILY;UNTIL=20260605T075959Z",),
    ),
    "a nominal day of a series": (
        ("RRULE:FREQ=DAILY", "DURATION:P1D"),
        ("RRULE:FREQ=DAILY", "DTEND;TZID=Europe/Berlin:20260603T100000"),
    ),
    "a property that nobody knows": (("X-A;B=c:d",), ("X-A:d",)),
    "an alarm": (tuple(each.format("-PT5M") for each in ALARM), ()),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_says_something_else(name: str) -> None:
    """What a person can tell apart is not equal."""
    one, other = OTHERS[name]
    assert normal(calendar(*one)) != normal(calendar(*other))


def test_zones() -> None:
    """Zones are equal by what their names mean; a definition counts where the name says nothing."""
    windows = calendar(start=BERLIN.replace("Europe/Berlin", "W. Europe Standard Time"))
    prefixed = calendar(start=BERLIN.replace("Europe/Berlin", "/kolab.org/Europe/Berlin"))
    assert normal(windows) == normal(prefixed) == normal(calendar(start=BERLIN))
    rule = WINDOWS["W. Europe Standard Time"]
    own, other = (
        calendar(start=BERLIN.replace("Europe/Berlin", "Mars")).replace(
            "BEGIN:VEVENT", "\r\n".join((*definition("Mars", each), "BEGIN:VEVENT"))
        )
        for each in (rule, IANA["Asia/Tokyo"])
    )
    assert normal(own) != normal(other)
    assert normal(calendar(start="DTSTART;TZID=UTC:20260602T080000")) == normal(
        calendar(start="DTSTART:20260602T080000Z")
    )


NEWER = {
    "sequence": (("SEQUENCE:2",), ("SEQUENCE:1", "LAST-MODIFIED:20260901T000000Z")),
    "last modified": (("LAST-MODIFIED:20260901T000000Z",), ("LAST-MODIFIED:20260801T000000Z",)),
    "the stamp": (("LAST-MODIFIED:20260101T000001Z",), ()),
    "a broken sequence": (("SEQUENCE:1",), ("SEQUENCE:x",)),
}


@pytest.mark.parametrize("name", NEWER)
def test_which_is_newer(name: str) -> None:
    """SEQUENCE decides, then LAST-MODIFIED or else DTSTAMP."""
    newer, older = NEWER[name]
    assert newness(calendar(*newer)) > newness(calendar(*older))


def test_a_changed_instance_makes_an_object_newer() -> None:
    """The newest component speaks for the object."""
    text = calendar("END:VEVENT", "BEGIN:VEVENT", "UID:a@b", "RECURRENCE-ID:20260602T080000Z")
    text = text.replace("RECURRENCE-ID", "SEQUENCE:9\r\nDTSTART:20260602T090000Z\r\nRECURRENCE-ID")
    assert (9, datetime(1, 1, 1)) == newness(text)  # noqa: DTZ001 - only compared


@pytest.mark.parametrize(
    "zone",
    [
        *("Europe/Berlin", "Europe/Dublin", "America/New_York", "Africa/Cairo", "America/Nuuk"),
        *("America/Santiago", "Asia/Jerusalem", "Asia/Kolkata", "Pacific/Chatham", "UTC"),
        *("Australia/Lord_Howe", "America/Scoresbysund", "Asia/Tehran"),
    ],
)
def test_definitions_of_zones(zone: str) -> None:
    """A VTIMEZONE keeps the time of its zone, also where clocks change beyond midnight."""
    made = text(new_calendar([zonetext.definition(zone)], prodid="x"))
    found = read_stream(unfold(made.encode())).definitions[zone]
    first, last = (to_seconds(datetime(year, 1, 1, tzinfo=UTC)) for year in (2028, 2037))
    assert not disagree(zone, found, first, last)


@pytest.mark.parametrize("line", ["a" * 75, "a" * 76, "ä" * 100, "a" + "€" * 200, "😀" * 40, ""])
def test_folding(line: str) -> None:
    """A folded line has pieces of at most 75 octets, whole characters each, and unfolds."""
    pieces = folded(line).split("\r\n")
    assert max(len(piece.encode()) for piece in pieces) <= 75
    assert line == folded(line).replace("\r\n ", "")
