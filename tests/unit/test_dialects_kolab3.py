"""The dialect Kolab 3: xCal with Kolab's ways, there and back, and what it tells lost."""

from __future__ import annotations

import pytest

from calendar_sync import dialects
from freebusy.errors import CalendarDataError
from tests.oracles import generator
from tests.oracles.xcal import xcal
from tests.unit.dialect_case import (
    NOW,
    ZONE,
    busy,
    busy_by_formats,
    calendar,
    content_lines,
    freer,
    read,
    written,
)
from tests.unit.kolab3_cases import CASES
from tests.unit.test_formats_kolab3 import attendee, document, hour, moment
from tests.unit.test_formats_message import mime, multipart

MEDIA = "Content-Type: application/calendar+xml"


def lines(xml: bytes) -> list[str]:
    return content_lines(read(mime(MEDIA, body=xml)).calendar)


BERLIN = ["DTSTART;TZID=Europe/Berlin:20260602T100000", "DTEND;TZID=Europe/Berlin:20260602T110000"]
UID = "UID:a@b"
READ = {
    "Kolab's name of a zone": (hour(), [UID, *BERLIN, "SUMMARY:secret"]),
    "a Windows name": (hour(zone="W. Europe Standard Time"), [UID, *BERLIN, "SUMMARY:secret"]),
    "UTC": (
        "<uid><text>a@b</text></uid>" + moment("dtstart", "2026-06-02T10:00:00", "UTC"),
        [UID, "DTSTART:20260602T100000Z"],
    ),
    "a last day": (
        "<uid><text>a@b</text></uid>"
        + moment("dtstart", "2026-06-02", "")
        + moment("dtend", "2026-06-02", ""),
        [UID, "DTSTART;VALUE=DATE:20260602", "DTEND;VALUE=DATE:20260603"],
    ),
    "stamps": (
        hour(further="<dtstamp><date-time>2026-01-01T00:00:00Z</date-time></dtstamp>"),
        [
            *(UID, *BERLIN, "DTSTAMP:20260101T000000Z", "LAST-MODIFIED:20260101T000000Z"),
            "SUMMARY:secret",
        ],
    ),
    "a quoted address": (
        hour(further=attendee("ACCEPTED")),
        [
            *(UID, *BERLIN),
            'ATTENDEE;PARTSTAT=ACCEPTED;CN="Meier, Hans":mailto:hans@example.com',
            "SUMMARY:secret",
        ],
    ),
    "a custom property": (
        hour(further="<x-custom><identifier>X-A</identifier><value>b,c</value></x-custom>"),
        [UID, *BERLIN, "X-A:b,c", "SUMMARY:secret"],
    ),
    "text with its white space": (
        hour(further="<comment><text> a,\n b;\\ </text></comment>"),
        [UID, *BERLIN, "COMMENT: a\\,\\n b\\;\\\\ ", "SUMMARY:secret"],
    ),
    "an alarm": (
        hour().replace("</summary>", "</summary></properties><components><valarm><properties>")
        + "<action><text>DISPLAY</text></action><trigger><duration>-PT5M</duration></trigger>"
        "</properties></valarm></components><properties>",
        [UID, *BERLIN, "SUMMARY:secret", "ACTION:DISPLAY", "TRIGGER:-PT5M"],
    ),
}


@pytest.mark.parametrize("name", READ)
def test_what_events_come_to(name: str) -> None:
    """An event of a Kolab client comes to the lines that it stands for."""
    xml, expected = READ[name]
    assert expected == lines(document(xml))


def test_zones_are_defined() -> None:
    """An object names no zone of the database without its definition."""
    assert (
        "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin" in read(mime(MEDIA, body=document(hour()))).calendar
    )


@pytest.mark.parametrize("seed", range(4))
def test_plain_xcal_says_what_icalendar_says(seed: int) -> None:
    """What another writer puts into XML comes back, and is busy when it was."""
    for text in generator.events(seed, 25, NOW):
        found = read(mime(MEDIA, body=xcal(text)))
        assert busy(text) == busy(found.calendar)


def test_changed_instances() -> None:
    """A series with its changed instances is one document."""
    text = calendar(
        "RRULE:FREQ=DAILY;COUNT=4",
        *("END:VEVENT", "BEGIN:VEVENT", "UID:a@b"),
        "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260603T100000",
        "DTSTART;TZID=Europe/Berlin:20260603T120000",
    )
    made = written(text, "kolab3")
    assert () == made.losses
    assert dialects.normal(text) == dialects.normal(read(made.message).calendar)
    assert busy(text) == busy_by_formats(made.message)


LOST = {
    "nothing": ((), ()),
    "all that office programs write": (
        ("COMMENT:a", "CONTACT:b", "PRIORITY:1", "URL:https://x", "RDATE:20260604T080000Z"),
        (),
    ),
    "what the schema has no element for": (
        ("GEO:1;2", "RESOURCES:a", "COLOR:red", "DTEND;TZID=Europe/Berlin:20260602T110000"),
        (),
    ),
    "what nobody keeps": (
        ("EXRULE:FREQ=DAILY", "PERCENT-COMPLETE:1"),
        ("EXRULE", "PERCENT-COMPLETE"),
    ),
    "parameters": (("SUMMARY;LANGUAGE=de:a", "X-A;X-B=c:d"), ("LANGUAGE", "X-B")),
    "parts of an alarm": (
        ("BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT5M", "UID:x", "X-A:b", "END:VALARM"),
        ("UID", "X-A"),
    ),
    "an alarm that does something": (
        ("BEGIN:VALARM", "ACTION:PROCEDURE", "TRIGGER:-PT5M", "END:VALARM"),
        ("VALARM",),
    ),
    "another component": (("BEGIN:PARTICIPANT", "END:PARTICIPANT"), ("PARTICIPANT",)),
    "a part of a lost message": (("ATTACH:cid:1@x",), ("ATTACH",)),
    "no length": (("DTEND;TZID=Europe/Berlin:20260602T100000",), ()),
}


@pytest.mark.parametrize("name", LOST)
def test_what_is_lost_is_told(name: str) -> None:
    """Each property, parameter and component that has no place is named once, sorted."""
    added, expected = LOST[name]
    assert expected == written(calendar(*added), "kolab3").losses


@pytest.mark.parametrize("name", CASES)
def test_what_the_schema_has_in_part(name: str) -> None:
    """What is lost is told; what is not comes back, and is busy when it was."""
    case = CASES[name]
    text = calendar(*case.lines, kind=case.kind, start=case.start)
    made = written(text, "kolab3")
    assert case.losses == made.losses
    found = read(made.message).calendar
    if not case.losses:
        assert dialects.normal(text) == dialects.normal(found)
    assert busy_by_formats(made.message) == busy(found)
    assert [] == freer(busy(text), busy(found))


def test_own_names_are_no_way_in() -> None:
    """An object's X- property with the name of one that is kept is lost, and makes no series."""
    made = written(calendar("X-FREEBUSY-RRULE:FREQ=DAILY"), "kolab3")
    assert ("X-FREEBUSY-RRULE",) == made.losses
    assert "FREQ=DAILY" not in read(made.message).calendar


def test_a_rule_that_another_client_wrote() -> None:
    """A rule that was kept counts no more when a Kolab client has made another."""
    kept = "<x-custom><identifier>X-FREEBUSY-RRULE</identifier><value>FREQ=DAILY</value></x-custom>"
    rule = "<rrule><recur><freq>WEEKLY</freq></recur></rrule>"
    assert "RRULE:FREQ=DAILY" in lines(document(hour(further=kept)))
    message = mime(MEDIA, body=document(hour(further=rule + kept)))
    found = read(message).calendar
    assert "RRULE:FREQ=WEEKLY" in found
    assert "FREQ=DAILY" not in found
    assert busy(found) == busy_by_formats(message)


def zone(name: str, offset: str) -> str:
    part = f"DTSTART:19700101T000000\r\nTZOFFSETFROM:{offset}\r\nTZOFFSETTO:{offset}"
    part = f"BEGIN:STANDARD\r\n{part}\r\nEND:STANDARD"
    return f"BEGIN:VTIMEZONE\r\nTZID:{name}\r\n{part}\r\nEND:VTIMEZONE\r\n"


ZONES = {
    "Windows": ("W. Europe Standard Time", "", "/kolab.org/Europe/Berlin", ()),
    "home-made, like one that is known": (
        "Mars",
        "+0545",
        "/kolab.org/Asia/Kathmandu",
        ("VTIMEZONE",),
    ),
    "home-made, like none": ("Mars", "+0123", "", ("VTIMEZONE",)),
    "unknown": ("Mars", "", "/kolab.org/Europe/Berlin", ("TZID",)),
}


@pytest.mark.parametrize("name", ZONES)
def test_zones(name: str) -> None:
    """A zone has a name of the database, or its times are in UTC; they are the same times."""
    tzid, offset, expected, losses = ZONES[name]
    text = calendar("DURATION:PT1H", start=f"DTSTART;TZID={tzid}:20260602T100000")
    if offset:
        text = text.replace("BEGIN:VEVENT", zone(tzid, offset) + "BEGIN:VEVENT")
    made = written(text, "kolab3")
    assert losses == made.losses
    assert (f"<text>{expected}</text>" in made.message.decode()) == bool(expected)
    assert busy(text) == busy_by_formats(made.message) == busy(read(made.message).calendar)


def test_files_go_along() -> None:
    """A file is a part of the message, and in the iCalendar that is read of it."""
    attach = "ATTACH;FMTTYPE=text/plain;X-LABEL=für alle.txt;VALUE=BINARY;ENCODING=BASE64:aGVsbG8="
    text = calendar(attach, attach.replace("aGVsbG8=", "d29ybGQ="))
    made = written(text, "kolab3")
    assert () == made.losses
    assert 2 == made.message.count(b"Content-ID:")
    assert dialects.normal(text) == dialects.normal(read(made.message).calendar)


def test_a_file_is_put_in_once() -> None:
    """A thousand references to one part make no object of a thousand times its length."""
    attach = "<attach><uri>cid:1@x</uri></attach>"
    part = mime("Content-Type: text/plain", "Content-ID: <1@x>", body=b"a" * 1000)
    message = multipart("mixed", mime(MEDIA, body=document(hour(further=attach * 1000))), part)
    assert 1 == read(message).calendar.count("VALUE=BINARY")


def test_many_instances_with_one_file() -> None:
    """A file that many instances refer to is in the object up to some MiB beside the first."""
    attach = "<attach><uri>cid:1@x</uri></attach>"
    part = mime("Content-Type: text/plain", "Content-ID: <1@x>", body=b"a" * (512 << 10))
    events = [
        hour(further=moment("recurrence-id", f"2026-06-02T10:00:{number:02}") + attach)
        for number in range(40)
    ]
    found = dialects.read(multipart("mixed", mime(MEDIA, body=document(*events)), part), zone=ZONE)
    assert found is not None
    assert 9 == found.calendar.count("VALUE=BINARY")


@pytest.mark.parametrize(
    "xml",
    [
        b"<vcalendar/>",
        b"<icalendar/>",
        document(hour())[:-30],
        document(hour()).replace(b"10:00:00", b"25:00:00"),
        document(hour(further="<rrule><recur><freq>DAILY\nX:y</freq></recur></rrule>")),
        document(),
        document(hour(), hour().replace("a@b", "c@d")),
    ],
)
def test_what_is_no_object_is_an_error(xml: bytes) -> None:
    """A document that is cut off, or holds no single object, is no item."""
    with pytest.raises(CalendarDataError):
        read(mime(MEDIA, body=xml))
