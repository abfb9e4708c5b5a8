"""TNEF: which appointments are in it, where, and what single ones come to."""

from __future__ import annotations

import base64
import struct
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from calendar_sync.formats import tnef
from calendar_sync.formats.message import calendar_texts
from freebusy.errors import BudgetExceededError, CalendarDataError
from tests.oracles import ours
from tests.oracles import tnef as outlook
from tests.oracles.tnef import APPOINTMENT, MEETING, Content, Name, Series
from tests.unit.test_formats_message import CALENDAR_PART, mime, multipart
from tests.unit.tnef_case import (
    AT_TEN,
    END,
    GOID,
    HOUR,
    START,
    UID,
    busy,
    lid,
    recurring,
    texts_of,
    utc,
    wall,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

CHRISTMAS = Path(__file__).parents[3] / "shared" / "data" / "tnef" / "christmas.tnef"

# -- appointments that do not recur

SINGLE: dict[str, tuple[Mapping[Name, Content], list[str]]] = {
    "an hour": (HOUR, AT_TEN),
    "free": ({**HOUR, lid(0x8205): 0}, []),
    "tentative": ({**HOUR, lid(0x8205): 1}, ["BUSY-TENTATIVE:06-02T08:00/06-02T09:00"]),
    "busy": ({**HOUR, lid(0x8205): 2}, AT_TEN),
    "out of office": ({**HOUR, lid(0x8205): 3}, ["BUSY-UNAVAILABLE:06-02T08:00/06-02T09:00"]),
    "working elsewhere": ({**HOUR, lid(0x8205): 4}, []),
    "an unknown state": ({**HOUR, lid(0x8205): 77}, AT_TEN),
    "cancelled": ({**HOUR, lid(0x8205): 2, lid(0x8217): 7}, []),
    "a meeting that stands": ({**HOUR, lid(0x8217): 3}, AT_TEN),
    "declined by whom it belongs to": ({**HOUR, lid(0x8205): 2, lid(0x8218): 4}, []),
    "accepted": ({**HOUR, lid(0x8205): 2, lid(0x8218): 3}, AT_TEN),
    "a whole day": (
        {lid(0x820D): utc(1, 22), lid(0x820E): utc(2, 22), lid(0x8215): True},
        ["BUSY:06-01T22:00/06-02T22:00"],
    ),
    "a length instead of an end": (
        {lid(0x820D): utc(2, 8), lid(0x8213): 60, lid(0x820E): 5},
        AT_TEN,
    ),
    "no end at all": ({lid(0x820D): utc(2, 8)}, AT_TEN),
    "times as a message has them": ({0x0060: utc(2, 8), 0x0061: utc(2, 9)}, AT_TEN),
    "the same numbers in another set": (
        {**HOUR, (MEETING, 0x820D): utc(9, 8), (APPOINTMENT, "busy"): 0, (MEETING, 0x8205): 0},
        AT_TEN,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SINGLE)
def test_single_appointments(name: str) -> None:
    """An appointment is busy at its times, as its state and flags say."""
    values, expected = SINGLE[name]
    assert expected == busy(outlook.message(values))


@pytest.mark.parametrize(
    ("kind", "counts"),
    [
        ("IPM.Appointment", True),
        ("IPM.Appointment.Room", True),
        ("ipm.schedule.meeting.request", True),
        ("IPM.Microsoft Schedule.MtgReq", True),
        ("", True),
        ("IPM.Schedule.Meeting.Canceled", False),
        ("IPM.Schedule.Meeting.Resp.Pos", False),
        ("IPM.AppointmentSnapshot", False),
        ("IPM.OLE.CLASS.{00061055-0000-0000-C000-000000000046}", False),
        ("IPM.Task", False),
        ("IPM.Note", False),
        ("IPM.Contact", False),
        ("IPM.StickyNote", False),
    ],
)
def test_message_classes(kind: str, counts: bool) -> None:
    """Appointments and invitations are busy; answers, tasks, mail, contacts and notes are not."""
    assert (AT_TEN if counts else []) == busy(outlook.message(HOUR, kind))


def test_an_appointment_without_times_is_an_error() -> None:
    """What has no start is named, whatever else it has."""
    never = datetime(4501, 1, 1, tzinfo=UTC)
    times: list[dict[Name, Content]] = [{}, {lid(0x820E): utc(2, 9)}, {lid(0x820D): never}]
    for values in times:
        with pytest.raises(CalendarDataError):
            texts_of(outlook.message(values))


@pytest.mark.parametrize(
    ("content", "uid"),
    [
        (GOID, GOID.hex().upper()),
        (UID + bytes.fromhex("07EA0602") + GOID[20:], GOID.hex().upper()),
        (GOID[:40] + b"vCal-Uid\x01\x00\x00\x00a@example.com\x00", "a@example.com"),
        (UID + bytes.fromhex("07EA0D63") + GOID[20:], GOID.hex().upper()),  # no date there is
        (b"\x01\x02", "0102"),
    ],
)
def test_an_appointment_has_the_uid_of_its_icalendar_form(content: bytes, uid: str) -> None:
    """A meeting that comes as TNEF and as iCalendar is one and the same."""
    (text,) = texts_of(outlook.message({**HOUR, (MEETING, 3): content}))
    assert f"\r\nUID:{uid}\r\n" in text.decode()
    assert AT_TEN == busy(outlook.message({**HOUR, (MEETING, 3): content}))


def test_one_instance_in_a_message_of_its_own() -> None:
    """An invitation to one changed instance takes that instance's place in the series."""
    series = Series(outlook.DAY, wall(1, 10), 60, outlook.DAILY, end_type=0x2022, count=3)
    series.last = date(2026, 6, 3)
    whole = UID + bytes.fromhex("07EA0602") + GOID[20:]
    moved: dict[Name, Content] = {lid(0x820D): utc(2, 15), lid(0x820E): utc(2, 16)}
    moved |= {(MEETING, 3): whole, (MEETING, 0x23): GOID}
    texts = texts_of(outlook.message(recurring(series))) + texts_of(outlook.message(moved))
    outcome = ours.folder(texts, zone="Europe/Berlin", start=START, end=END)
    assert ["01 08", "02 15", "03 08"] == [f"{each.start:%d %H}" for each in outcome.periods]


# -- where appointments are


def note(*attachments: bytes) -> bytes:
    return outlook.message({}, "IPM.Note", attachments)


def inner(values: Mapping[Name, Content] = HOUR, kind: str = "IPM.Appointment") -> bytes:
    return outlook.embedded(outlook.message(values, kind, outermost=False))


def test_appointments_attached_to_mail_count() -> None:
    """An appointment is found in attached messages, attached TNEF and attached iCalendar."""
    text = b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20260602T080000Z\r\nDURATION:PT1H\r\n"
    for content in (
        note(inner()),
        note(outlook.embedded(outlook.message({}, "IPM.Note", [inner()], outermost=False))),
        note(outlook.attached(outlook.message(HOUR))),
        note(outlook.attached(b"\xef\xbb\xbf" + text)),
        note(inner(kind="IPM.Task"), outlook.attached(b"\x89PNG"), inner()),
    ):
        assert AT_TEN == busy(content)


def test_what_is_attached_to_an_appointment_does_not_count() -> None:
    """An appointment's exceptions and attachments are no appointments of their own."""
    other = {lid(0x820D): utc(9, 8), lid(0x820E): utc(9, 9)}
    assert AT_TEN == busy(outlook.message(HOUR, attachments=[inner(other)]))


@pytest.mark.parametrize(
    "message",
    [
        mime("Content-Type: application/ms-tnef", body=outlook.message(HOUR)),
        multipart(
            "mixed",
            mime("Content-Type: text/plain", body=b"\r\n"),
            mime(
                "Content-Type: application/ms-tnef; name=winmail.dat",
                "Content-Transfer-Encoding: base64",
                body=base64.encodebytes(outlook.message(HOUR)),
            ),
        ),
        mime(
            'Content-Type: application/octet-stream; name="WINMAIL.DAT"',
            "Content-Transfer-Encoding: base64",
            body=base64.encodebytes(outlook.message(HOUR)),
        ),
        multipart(
            "mixed",
            mime(
                "Content-Type: message/rfc822",
                body=mime(
                    "Content-Type: application/vnd.ms-tnef",
                    "Content-Transfer-Encoding: base64",
                    body=base64.encodebytes(note(inner())),
                ),
            ),
        ),
    ],
)
def test_mime(message: bytes) -> None:
    """TNEF is found by type and by name, also in a forwarded message."""
    outcome = ours.folder(calendar_texts(message), start=START, end=END)
    assert [utc(2, 8)] == [each.start for each in outcome.periods]


def test_icalendar_beside_tnef_is_read_instead() -> None:
    """Of a message that says the same twice the standard's words count."""
    part = mime("Content-Type: application/ms-tnef", body=outlook.message(HOUR))
    assert calendar_texts(CALENDAR_PART) == [
        text.strip() + b"\r\n" for text in calendar_texts(multipart("mixed", part, CALENDAR_PART))
    ]


@pytest.mark.skipif(not CHRISTMAS.exists(), reason="the real note is not beside the project")
def test_a_real_note_with_an_appointment_and_a_task() -> None:
    """Christmas Day, noon to two o'clock UTC, every year from 2018; the task does not count."""
    texts = texts_of(CHRISTMAS.read_bytes())
    found = [
        each
        for text in texts
        for each in ours.starts(
            text, start=datetime(2010, 1, 1, tzinfo=UTC), end=datetime(2040, 1, 1, tzinfo=UTC)
        )
    ]
    expected = [datetime(year, 12, 25, 12, tzinfo=UTC) for year in range(2018, 2040)]
    assert [(start, start + timedelta(hours=2)) for start in expected] == found


# -- what is not as it should be


def test_a_part_that_is_no_tnef_is_an_error() -> None:
    """Without the signature nothing is read."""
    for content in (b"", b"BEGIN:VCALENDAR", b"\x78\x9f\x3e", b"\0" * 100):
        with pytest.raises(CalendarDataError):
            texts_of(content)
        assert [] == calendar_texts(mime("Content-Type: text/plain; name=darwin.dat", body=content))


def nested(depth: int) -> bytes:
    stream = outlook.message(HOUR, outermost=False)
    for _ in range(depth):
        attachments = [outlook.embedded(stream)]
        stream = outlook.message({}, "IPM.Note", attachments, outermost=False)
    return stream


def test_messages_in_messages_are_bounded() -> None:
    """Messages are followed to a depth and a number, and refused beyond."""
    assert AT_TEN == busy(nested(tnef.MAX_DEPTH))
    for content in (
        nested(tnef.MAX_DEPTH + 1),
        note(*[inner()] * tnef.MAX_MESSAGES),
        note(*[outlook.attribute(0x00069002, b"")] * (tnef.MAX_ATTRIBUTES + 1)),
    ):
        with pytest.raises(BudgetExceededError):
            texts_of(content)


def test_a_stream_cut_off_anywhere_never_shows_less_than_it_knows() -> None:
    """Cut at any octet, an appointment is an error, tentative, or whole; never silently gone."""
    content = outlook.message(
        {**HOUR, lid(0x8205): 2, (APPOINTMENT, "a"): "text", 0x3001: "x" * 50}
    )
    seen = set()
    for length in range(content.index(b"IPM.") + 30, len(content)):
        try:
            seen.add(" ".join(busy(content[:length])))
        except CalendarDataError:
            continue
    assert {*AT_TEN, "BUSY-TENTATIVE:06-02T08:00/06-02T09:00"} == seen


def test_counts_that_claim_too_much_cost_nothing() -> None:
    """A list that claims four thousand million values is read as far as it goes."""
    claims = [
        struct.pack("<IHHI", 1, 0x1003, 0x6001, 0xFFFFFFFF),
        struct.pack("<IHHI", 0xFFFFFFFF, 0x101F, 0x6001, 0xFFFFFFFF),
        struct.pack("<IHHII", 1, 0x0102, 0x6001, 1, 0xFFFFFFFF),
        struct.pack("<IHH", 1, 0x0003, 0x8000) + bytes(16) + struct.pack("<II", 1, 0xFFFFFFFF),
    ]
    for claim in claims:
        kind = outlook.attribute(0x00078008, b"IPM.Appointment\0")
        with pytest.raises(CalendarDataError):
            texts_of(outlook.SIGNATURE + kind + outlook.attribute(0x00069003, claim))
