"""Outlook's TNEF as items: text, and times as other clients know them."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from uuid import UUID

import pytest

from calendar_sync import dialects
from freebusy.errors import CalendarDataError
from tests.oracles import tnef as outlook
from tests.unit.dialect_case import ZONE, busy, busy_by_formats, content_lines, read
from tests.unit.test_formats_message import mime
from tests.unit.tnef_case import GOID, recurring

MEDIA = "Content-Type: application/ms-tnef"
COMMON = UUID("00062008-0000-0000-C000-000000000046")


def message(content: bytes) -> bytes:
    return mime(MEDIA, body=content)


def hour(**further: outlook.Content) -> dict[outlook.Name, outlook.Content]:
    """Return the properties of an hour, and others by hexadecimal tags."""
    start = datetime(2026, 6, 2, 8, tzinfo=UTC)
    found: dict[outlook.Name, outlook.Content] = {
        outlook.lid(0x820D): start,
        outlook.lid(0x820E): start.replace(hour=9),
        (outlook.MEETING, 0x23): GOID,
    }
    return found | {int(name[1:], 16): each for name, each in further.items()}


def lines(values: dict[outlook.Name, outlook.Content]) -> list[str]:
    unsaid = ("UID", "SEQUENCE", "DTSTAMP")
    found = content_lines(read(message(outlook.message(values))).calendar)
    return [line for line in found if not line.startswith(unsaid)]


TIMES = ["DTSTART:20260602T080000Z", "DTEND:20260602T090000Z"]


def test_text() -> None:
    """Subject, body, place, sensitivity, importance, organizer, stamps and reminder come out."""
    values = hour(
        x0037="Grüße, alle",
        x1000="Erstens\r\nzweitens; drittens",
        x0036=2,
        x0017=2,
        x5D02="petra@example.com",
        x0042="Petra",
        x3008=datetime(2026, 5, 1, tzinfo=UTC),
    )
    values |= {outlook.lid(0x8208): "Zürich", outlook.lid(0x8205): 3}
    values |= {(COMMON, 0x8503): True, (COMMON, 0x8501): 15}
    expected = [
        *TIMES,
        "X-MICROSOFT-CDO-BUSYSTATUS:OOF",
        "SUMMARY:Grüße\\, alle",
        "DESCRIPTION:Erstens\\nzweitens\\; drittens",
        "LOCATION:Zürich",
        *("CLASS:PRIVATE", "PRIORITY:1", "ORGANIZER;CN=Petra:mailto:petra@example.com"),
        "LAST-MODIFIED:20260501T000000Z",
        *("ACTION:DISPLAY", "DESCRIPTION:Grüße\\, alle", "TRIGGER:-PT15M"),
    ]
    assert expected == lines(values)


def test_subject_and_body_of_the_envelope() -> None:
    """Old writers have the text beside the properties, in their code page."""
    content = outlook.message(hour(x3FFD=1251))
    content += outlook.attribute(0x00018004, "Привет\0".encode("cp1251"))
    content += outlook.attribute(0x0002800C, b"Text\0")
    found = content_lines(read(message(content)).calendar)
    assert {"SUMMARY:Привет", "DESCRIPTION:Text"} <= set(found)


def test_free_is_transparent() -> None:
    """An appointment shown as free is so for clients that only know TRANSP."""
    shown = ["X-MICROSOFT-CDO-BUSYSTATUS:FREE", "TRANSP:TRANSPARENT"]
    assert [*TIMES, *shown] == lines(hour() | {outlook.lid(0x8205): 0})


def test_whole_days_are_dates() -> None:
    """Midnights of the owner's clock are whole days."""
    start = datetime(2026, 6, 1, 22, tzinfo=UTC)
    times = {outlook.lid(0x820D): start, outlook.lid(0x820E): start.replace(day=3)}
    found = lines(hour() | times | {outlook.lid(0x8215): True})
    assert ["DTSTART;VALUE=DATE:20260602", "DTEND;VALUE=DATE:20260604"] == found[:2]


@pytest.mark.parametrize("seed", range(12))
def test_series_are_busy_when_they_were(seed: int) -> None:
    """A series with its changed instances says the same as for free/busy, in proper iCalendar."""
    content = message(outlook.message(recurring(outlook.random_series(Random(seed)))))
    found = read(content, ZONE)
    assert busy_by_formats(content) == busy(found.calendar)
    assert ("tnef", False) == (found.dialect, found.is_partial)
    kinds = {line.partition(":")[0] for line in content_lines(found.calendar)}
    assert not {"EXDATE;VALUE=DATE", "RECURRENCE-ID;VALUE=DATE"} & kinds
    assert dialects.normal(found.calendar)


def test_no_item() -> None:
    """A note is none; an appointment whose rule cannot be read, or without times, is an error."""
    note = outlook.message({}, "IPM.Note")
    assert dialects.read(message(note), zone=ZONE) is None
    unread = hour() | {outlook.lid(0x8223): True, outlook.lid(0x8216): b"junk"}
    for values in (unread, {outlook.lid(0x8205): 2}):
        with pytest.raises(CalendarDataError):
            read(message(outlook.message(values)))


def test_without_a_name() -> None:
    """An appointment without an ID has one that its content decides."""
    values = {name: each for name, each in hour().items() if name != (outlook.MEETING, 0x23)}
    first = read(message(outlook.message(values))).uid
    assert first.startswith("no-uid-")
    assert first == read(message(outlook.message(values))).uid
