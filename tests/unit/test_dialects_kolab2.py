"""The dialect Kolab 2: what it holds, what it tells lost, and what its clients wrote."""

from __future__ import annotations

import pytest

from freebusy.errors import CalendarDataError
from tests.unit.dialect_case import busy, busy_by_formats, calendar, content_lines, read, written
from tests.unit.test_formats_kolab2 import EMPTY, HEAD, event, recurring
from tests.unit.test_formats_message import mime, multipart

MEDIA = "application/x-vnd.kolab.event"
UTC_HOUR = "<start-date>2026-06-02T08:00:00Z</start-date><end-date>2026-06-02T09:00:00Z</end-date>"


def message(xml: bytes, *files: bytes) -> bytes:
    return HEAD + multipart("mixed", EMPTY, mime(f"Content-Type: {MEDIA}", body=xml), *files)


def lines(xml: bytes, *, zone: str = "Europe/Berlin") -> list[str]:
    """Return what an event comes to, without its UID, stamps and text."""
    unsaid = ("UID", "DTSTAMP", "DESCRIPTION:secret")
    found = content_lines(read(message(xml), zone).calendar)
    return [line for line in found if not line.startswith(unsaid)]


BERLIN = ["DTSTART;TZID=Europe/Berlin:20260602T100000", "DTEND;TZID=Europe/Berlin:20260602T110000"]
READ = {
    "an hour": (UTC_HOUR, BERLIN),
    "days": (
        "<start-date>2026-06-02</start-date><end-date>2026-06-03</end-date>",
        ["DTSTART;VALUE=DATE:20260602", "DTEND;VALUE=DATE:20260604"],
    ),
    "text": (
        (
            f"{UTC_HOUR}<summary>a, b; c</summary><location> x </location>"
            "<categories>p, q</categories>"
        ),
        ["SUMMARY:a\\, b\\; c", "LOCATION: x ", "CATEGORIES:p,q", *BERLIN],
    ),
    "what its clients leave empty": (
        f"{UTC_HOUR}<location/><organizer><display-name/><smtp-address/></organizer>",
        BERLIN,
    ),
    "private and free": (
        f"{UTC_HOUR}<sensitivity>private</sensitivity><show-time-as>free</show-time-as>",
        ["CLASS:PRIVATE", *BERLIN, "TRANSP:TRANSPARENT"],
    ),
    "out of office": (
        f"{UTC_HOUR}<show-time-as>outofoffice</show-time-as>",
        [*BERLIN, "X-MICROSOFT-CDO-BUSYSTATUS:OOF"],
    ),
    "busy, and not answered": (
        (
            f"{UTC_HOUR}<show-time-as>busy</show-time-as><attendee><smtp-address>x@y</smtp-address>"
            "<status>none</status><role>optional</role></attendee>"
        ),
        [
            *BERLIN,
            "X-MICROSOFT-CDO-BUSYSTATUS:BUSY",
            "ATTENDEE;ROLE=OPT-PARTICIPANT;PARTSTAT=NEEDS-ACTION:mailto:x@y",
        ],
    ),
    "a state that another client has changed since": (
        (
            f'{UTC_HOUR}<show-time-as>busy</show-time-as><x-custom key="X-FREEBUSY-STATUS"'
            ' value="CANCELLED"/><x-custom key="X-MICROSOFT-CDO-BUSYSTATUS" value="FREE"/>'
        ),
        BERLIN,
    ),
    "an alarm": (
        f"{UTC_HOUR}<summary>s</summary><alarm>90</alarm>",
        ["SUMMARY:s", *BERLIN, "ACTION:DISPLAY", "DESCRIPTION:s", "TRIGGER:-PT1H30M"],
    ),
    "elements without a property": (
        f"{UTC_HOUR}<color-label>business</color-label><pilot-sync-id>7</pilot-sync-id>",
        [*BERLIN, "X-KOLAB-ELEMENT-COLOR-LABEL:business", "X-KOLAB-ELEMENT-PILOT-SYNC-ID:7"],
    ),
    "a custom element that is none of iCalendar's": (
        (
            f'{UTC_HOUR}<x-custom key="DTSTART" value="20200101"/><x-custom key="X-A B" value="c"/>'
            '<x-custom key="X-OK" value="a&#10;DTEND:x"/>'
        ),
        [*BERLIN, "X-OK:a DTEND:x"],
    ),
}


@pytest.mark.parametrize("name", READ)
def test_what_events_come_to(name: str) -> None:
    """An event of a Kolab client comes to lines on its owner's clock."""
    inner, expected = READ[name]
    assert expected == lines(event(inner))


def test_a_series_is_on_its_owners_clock() -> None:
    """A series has the owner's zone, a last instance in UTC, and exclusions by their times."""
    inner = '<range type="date">2026-12-01</range><exclusion>2026-11-10</exclusion>'
    found = lines(recurring('cycle="weekly"', f"<day>tuesday</day>{inner}", UTC_HOUR))
    expected = [
        *BERLIN,
        "RRULE:FREQ=WEEKLY;BYDAY=TU;UNTIL=20261201T090000Z",
        "EXDATE;TZID=Europe/Berlin:20261110T100000",
    ]
    assert expected == found
    assert "TZID:Europe/Berlin" in read(message(event(UTC_HOUR))).calendar


def test_an_owner_in_utc() -> None:
    """Where the owner's zone is not known, times stay in UTC."""
    expected = ["DTSTART:20260602T080000Z", "DTEND:20260602T090000Z"]
    for zone in ("Mars/Olympus", ""):
        assert expected == lines(event(UTC_HOUR), zone=zone)


@pytest.mark.parametrize(
    "xml",
    [
        recurring('cycle="moonly"'),
        event(UTC_HOUR).replace(b"</event>", b""),
        event(""),
        event("<start-date>2026-02-30</start-date>"),
        event(f"{UTC_HOUR}<start-date>9999-12-31</start-date>".replace("2026-06-02T08:00:00Z", "")),
        b"<task/>",
    ],
)
def test_what_is_not_certain_is_no_item(xml: bytes) -> None:
    """An event that is cut off, or whose rule nobody can read, is not handed to be changed."""
    with pytest.raises(CalendarDataError):
        read(message(xml))


def test_files_go_along() -> None:
    """A file attached to an event is in its iCalendar, and a part of its message again."""
    part = mime(
        'Content-Type: image/png; name="a.png"',
        "Content-Transfer-Encoding: base64",
        body=b"aGVsbG8=",
    )
    found = read(message(event(f"{UTC_HOUR}<inline-attachment>a.png</inline-attachment>"), part))
    line = "ATTACH;FMTTYPE=image/png;X-LABEL=a.png;ENCODING=BASE64;VALUE=BINARY:aGVsbG8="
    assert line in content_lines(found.calendar)
    made = written(found.calendar, "kolab2")
    assert ("ATTACH" in made.losses, b'filename="a.png"' in made.message) == (False, True)
    assert line in content_lines(read(made.message).calendar)


SERIES = "RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=4"
NEXT = ("END:VEVENT", "BEGIN:VEVENT", "UID:a@b")
SECOND = (*NEXT, "RECURRENCE-ID;TZID=Europe/Berlin:20260609T100000")
MOVED = (*SECOND, "DTSTART;TZID=Europe/Berlin:20260610T100000")
LOST = {
    "nothing": ((), ()),
    "what is kept beside": (("PRIORITY:5", "URL:https://x", "STATUS:CONFIRMED", "X-A:b"), ()),
    "parameters": (
        ('SUMMARY;LANGUAGE=de;ALTREP="cid:x":a', "X-A;X-B=c:d"),
        ("ALTREP", "LANGUAGE", "X-B"),
    ),
    "a comma in a category": (("CATEGORIES:a\\,b",), ("CATEGORIES",)),
    "people without an address": (("ATTENDEE:urn:uuid:7",), ("ATTENDEE",)),
    "a chair, and who was sent": (
        ('ATTENDEE;ROLE=CHAIR;SENT-BY="mailto:x@y":mailto:a@b',),
        ("ROLE", "SENT-BY"),
    ),
    "another answer": (("ATTENDEE;PARTSTAT=X-MAYBE:mailto:a@b",), ("PARTSTAT",)),
    "an own class": (("CLASS:X-SECRET",), ("CLASS",)),
    "a rule without words": (("RRULE:FREQ=MONTHLY;BYMONTHDAY=-1",), ("RRULE",)),
    "two rules": ((SERIES, "RRULE:FREQ=DAILY;COUNT=2"), ("RRULE",)),
    "more dates": (("RDATE;TZID=Europe/Berlin:20260603T100000",), ("RDATE",)),
    "an exception to other rules": (("EXRULE:FREQ=DAILY",), ("EXRULE",)),
    "an exception of another time": ((SERIES, "EXDATE:20260609T090000Z"), ("EXDATE",)),
    "a moved instance": ((SERIES, *MOVED), ("RECURRENCE-ID",)),
    "two alarms": (
        ("BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT5M", "END:VALARM") * 2,
        ("VALARM",),
    ),
    "an alarm that sounds": (
        ("BEGIN:VALARM", "ACTION:AUDIO", "TRIGGER:-PT5M", "END:VALARM"),
        ("VALARM",),
    ),
    "another component": (("BEGIN:PARTICIPANT", "END:PARTICIPANT"), ("PARTICIPANT",)),
    "a part of a lost message": (("ATTACH:cid:1@x",), ("ATTACH",)),
    "an exotic property": (("ACKNOWLEDGED:20260101T000000Z",), ("ACKNOWLEDGED",)),
    "a nominal day of a series": ((SERIES, "DURATION:P1D"), ("DURATION",)),
}


@pytest.mark.parametrize("name", LOST)
def test_what_is_lost_is_told(name: str) -> None:
    """Each property, parameter and component that has no place is named once, sorted."""
    added, expected = LOST[name]
    assert expected == written(calendar(*added), "kolab2").losses


CLOCKS = {
    "the owner's": ("DTSTART;TZID=Europe/Berlin:20260602T100000", ()),
    "by its Windows name": ("DTSTART;TZID=W. Europe Standard Time:20260602T100000", ()),
    "another": ("DTSTART;TZID=America/New_York:20260602T100000", ("TZID",)),
    "UTC": ("DTSTART:20260602T080000Z", ("TZID",)),
    "none": ("DTSTART:20260602T100000", ("TZID",)),
    "a day": ("DTSTART;VALUE=DATE:20260602", ()),
}


@pytest.mark.parametrize("name", CLOCKS)
def test_clocks(name: str) -> None:
    """An event is on its owner's clock afterwards; any other clock is told lost."""
    start, expected = CLOCKS[name]
    assert expected == written(calendar(start=start), "kolab2").losses


BUSY = {
    "a moved instance stays": ((SERIES, *MOVED), ["02", "09", "16", "23"]),
    "a cancelled one goes": (
        (SERIES, *SECOND, "DTSTART;TZID=Europe/Berlin:20260609T100000", "STATUS:CANCELLED"),
        ["02", "16", "23"],
    ),
    "an exception": ((SERIES, "EXDATE:20260609T080000Z"), ["02", "16", "23"]),
    "a rule without words": (
        ("RRULE:FREQ=MONTHLY;BYMONTHDAY=2,-2;COUNT=2", "EXDATE:20260629T080000Z"),
        ["02"],
    ),
    "a rule without words, with more dates": (
        ("RRULE:FREQ=HOURLY;INTERVAL=48;COUNT=3", "RDATE;TZID=Europe/Berlin:20260620T100000"),
        ["02", "04", "06", "20"],
    ),
}


@pytest.mark.parametrize("name", BUSY)
def test_days_of_series(name: str) -> None:
    """What Kolab 2 has no words for makes nobody free."""
    added, expected = BUSY[name]
    made = written(calendar("DURATION:PT1H", *added), "kolab2")
    assert expected == [f"{each.start:%d}" for each in busy_by_formats(made.message)]


def test_a_series_of_another_clock_keeps_its_weekday() -> None:
    """A Monday in Tokyo is a Sunday in Berlin, on which Berlin's series is."""
    start = "DTSTART;TZID=Asia/Tokyo:20260601T060000"
    made = written(
        calendar("DURATION:PT1H", "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=3", start=start), "kolab2"
    )
    assert b"<day>sunday</day>" in made.message
    assert ["05-31", "06-07", "06-14"] == [
        f"{each.start:%m-%d}" for each in busy_by_formats(made.message)
    ]


def test_only_changed_instances() -> None:
    """One changed instance alone is written as an event, several are refused."""
    one = calendar("RECURRENCE-ID;TZID=Europe/Berlin:20260602T100000")
    assert ("RECURRENCE-ID",) == written(one, "kolab2").losses
    two = calendar("RECURRENCE-ID;TZID=Europe/Berlin:20260602T100000", *MOVED)
    with pytest.raises(CalendarDataError, match="Kolab 2"):
        written(two, "kolab2")


def test_attributes_are_no_way_into_the_document() -> None:
    """Quotes, line ends and brackets in values stay in their values."""
    odd = "X-A:a\"b'<c/>&d"
    made = written(calendar(odd, "SUMMARY:]]></summary><x/>"), "kolab2")
    found = content_lines(read(made.message).calendar)
    assert [odd, "SUMMARY:]]></summary><x/>"] == [
        each for each in found if each[:2] in ("X-", "SU")
    ][::-1]


LATE = {
    "the last working day": ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", 26),
    "until a day": ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;UNTIL=20260901T000000Z", 26),
    "two rules": ("FREQ=MONTHLY;BYMONTHDAY=2\r\nRRULE:FREQ=WEEKLY;COUNT=9", 2),
    "very often": ("FREQ=MONTHLY;BYMONTHDAY=1,2,3,4,5,6,7,8,9;BYHOUR=1,2,3,4,5,20,21,22,23", 2),
}


@pytest.mark.parametrize("name", LATE)
def test_a_rule_whose_days_are_others_for_its_owner(name: str) -> None:
    """What is tomorrow for the owner is busy in each instance, though Kolab 2 has no such rule."""
    rule, day = LATE[name]
    start = f"DTSTART;TZID=America/Los_Angeles:202606{day:02}T200000"
    text = calendar(
        *("DURATION:PT1H", f"RRULE:{rule}", "EXDATE;TZID=America/Los_Angeles:20260731T200000"),
        start=start,
    )
    made = written(text, "kolab2")
    assert {"RRULE", "TZID"} <= set(made.losses)
    assert busy(text) == busy_by_formats(made.message) == busy(read(made.message).calendar)


def test_more_further_dates_than_one_element_holds() -> None:
    """Thousands of further dates are all read again."""
    dates = ",".join(
        f"2026{1 + n % 9:02}{1 + n // 9 % 28:02}T{n // 252:02}0000Z" for n in range(3000)
    )
    text = calendar("DURATION:PT10M", f"RDATE:{dates}", start="DTSTART:20260101T000000Z")
    made = written(text, "kolab2")
    assert busy(text) == busy_by_formats(made.message) == busy(read(made.message).calendar)


def test_what_is_there_twice() -> None:
    """What Kolab 2 has one element for is told where an object has several of it."""
    twice = ("SUMMARY:a", "SUMMARY:b", "DESCRIPTION:c", "DESCRIPTION:d", "LOCATION:e", "LOCATION:e")
    assert ("DESCRIPTION", "SUMMARY") == written(calendar(*twice), "kolab2").losses
    assert ("SEQUENCE",) == written(calendar("SEQUENCE:99999999999"), "kolab2").losses
    assert ("DTEND",) == written(calendar("DTEND;VALUE=DATE:20260603"), "kolab2").losses
