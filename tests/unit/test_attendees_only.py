"""Calendars of groups: events count for those who are invited, and for nobody else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from freebusy.busyrecord import from_json, to_json
from freebusy.busytime import CalendarOwner, expand
from freebusy.calendarobject import read_object

WINDOW = (0, 4_000_000_000)
HANS = frozenset({"hans@example.com", "h.meier@example.com"})
HEAD = "BEGIN:VCALENDAR\r\n"
EVENT = "BEGIN:VEVENT\r\nUID:a\r\nDTSTART:20260105T09{m}00Z\r\nDTEND:20260105T10{m}00Z\r\n"
END = "END:VEVENT\r\n"
DAILY = "RRULE:FREQ=DAILY;COUNT=3\r\n"
OVERRIDE = (
    "BEGIN:VEVENT\r\nUID:a\r\nRECURRENCE-ID:20260106T090000Z\r\n"
    "DTSTART:20260106T090000Z\r\nDTEND:20260106T100000Z\r\n"
)
MINE = "ATTENDEE:mailto:Hans@Example.com\r\n"
OTHERS = "ATTENDEE;PARTSTAT=ACCEPTED:mailto:eva@example.com\r\n"
EVENT = EVENT.format(m="00")
ONE = EVENT + "{}" + END


def busy(text: str, *, attendees_only: bool = True) -> list[str]:
    """Return the spans of a text for Hans as ``day:type``."""
    reading = read_object((HEAD + text).encode(), all_attendees=attendees_only)
    stored = [from_json(to_json(record)) for record in reading.records]
    owner = CalendarOwner(HANS, attendees_only=attendees_only)
    found = sorted(expand(stored, owner, WINDOW).spans)
    return [f"{datetime.fromtimestamp(start, UTC).day}:{kind}" for start, _, kind in found]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", []),
        (OTHERS, []),
        ("ORGANIZER:mailto:hans@example.com\r\n", []),
        ("ORGANIZER:mailto:hans@example.com\r\n" + OTHERS, []),
        (MINE, ["5:2"]),
        (OTHERS + MINE, ["5:2"]),
        ("ATTENDEE:h.meier@example.com\r\n", ["5:2"]),
        ("ATTENDEE;PARTSTAT=ACCEPTED:mailto:hans@example.com\r\n", ["5:2"]),
        ("ATTENDEE;PARTSTAT=TENTATIVE:mailto:hans@example.com\r\n", ["5:1"]),
        ("ATTENDEE;PARTSTAT=DECLINED:mailto:hans@example.com\r\n", []),
        (MINE + "STATUS:CANCELLED\r\n", []),
        (MINE + "TRANSP:TRANSPARENT\r\n", []),
    ],
)
def test_one_event(lines: str, expected: list[str]) -> None:
    """Who is an attendee is as busy as by an event in the own calendar; the organizer alone not."""
    assert expected == busy(ONE.format(lines))


@pytest.mark.parametrize(
    ("master", "override", "expected"),
    [
        (MINE, MINE, ["5:2", "6:2", "7:2"]),
        (MINE, OTHERS, ["5:2", "7:2"]),
        (OTHERS, MINE, ["6:2"]),
        (OTHERS, OTHERS, []),
    ],
)
def test_a_series(master: str, override: str, expected: list[str]) -> None:
    """Each instance counts for those who are invited to it."""
    text = EVENT + DAILY + master + END + OVERRIDE + override + END
    assert expected == busy(text)


def test_a_stored_vfreebusy() -> None:
    """Nobody is invited to a VFREEBUSY."""
    text = "BEGIN:VFREEBUSY\r\nUID:f\r\nFREEBUSY:20260105T090000Z/PT1H\r\nEND:VFREEBUSY\r\n"
    assert ["5:2"] == busy(text, attendees_only=False)
    assert [] == busy(text)


def test_other_calendars_count_as_ever() -> None:
    """Without the flag an event counts whoever is invited."""
    assert ["5:2"] == busy(ONE.format(OTHERS), attendees_only=False)
