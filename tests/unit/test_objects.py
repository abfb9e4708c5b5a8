"""Taking a stream of calendar objects apart."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from icalendar import Calendar

import calendar_sync.objects
from calendar_sync.objects import split
from freebusy.errors import BudgetExceededError

BERLIN = (
    b"BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:STANDARD\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
)
ODD = (
    b"BEGIN:VTIMEZONE\r\nTZID:(UTC+01:00) Amsterdam\\, Berlin\r\n"
    b"BEGIN:STANDARD\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
)


def event(uid: str, *lines: str, name: str = "VEVENT") -> bytes:
    return "\r\n".join([f"BEGIN:{name}", f"UID:{uid}", *lines, f"END:{name}", ""]).encode()


def calendar(*parts: bytes) -> bytes:
    return b"".join(
        [b"BEGIN:VCALENDAR\r\n", b"VERSION:2.0\r\nPRODID:x\r\n", *parts, b"END:VCALENDAR\r\n"]
    )


def texts(stream: bytes) -> list[bytes]:
    return [each.text() for each in split(stream).objects.values()]


def test_each_uid_is_an_object_of_its_own() -> None:
    """Components of one UID stay together, wherever they stand in the stream."""
    master, other = event("a", "RRULE:FREQ=DAILY"), event("b")
    override = event("a", "RECURRENCE-ID:20260101T000000Z")
    stream = calendar(master, other, override)
    assert [calendar(master, override), calendar(other)] == texts(stream)
    assert split(stream).complete


def test_the_calendars_own_properties_go_with_each_object() -> None:
    """METHOD and X-WR-TIMEZONE are kept, also where they stand behind a component."""
    stream = calendar(b"METHOD:CANCEL\r\n", event("a"), b"X-WR-TIMEZONE:Europe/Berlin\r\n")
    (text,) = texts(stream)
    assert all(line in text for line in (b"METHOD:CANCEL", b"X-WR-TIMEZONE:Europe/Berlin"))


@pytest.mark.parametrize(
    ("lines", "zones"),
    [
        (["DTSTART;TZID=Europe/Berlin:20260101T000000"], [BERLIN]),
        (["DTSTART;VALUE=DATE-TIME;tzid=europe/berlin:20260101T000000"], [BERLIN]),
        (['DTSTART;TZID="Europe/Berlin":20260101T000000'], [BERLIN]),
        (['DTSTART;TZID="(UTC+01:00) Amsterdam, Berlin":20260101T000000'], [ODD]),
        (['DTSTART;TZID="(UTC+01:00) Amst', ' erdam, Berlin":20260101T000000'], [ODD]),
        (["RDATE;TZID=Europe/Berlin:20260101T000000", "EXDATE;TZID=None:2"], [BERLIN]),
        (["DTSTART:20260101T000000Z"], []),
        (["DTSTART;TZID=Europe/Paris:20260101T000000"], []),
    ],
)
def test_an_object_carries_the_zones_it_names(lines: list[str], zones: list[bytes]) -> None:
    """Of the stream's VTIMEZONEs an object gets those it names, also quoted and folded."""
    one = event("a", *lines)
    assert [calendar(*zones, one)] == texts(calendar(BERLIN, ODD, one))
    assert [calendar(*zones, one)] == texts(calendar(one, BERLIN, ODD))


def test_the_zone_of_a_whole_calendar_is_carried() -> None:
    """The VTIMEZONE that X-WR-TIMEZONE names goes with events in floating time."""
    header = b"X-WR-TIMEZONE:Europe/Berlin\r\n"
    assert [calendar(header, BERLIN, event("a"))] == texts(calendar(header, event("a"), BERLIN))


def test_zones_belong_to_their_calendar() -> None:
    """Two calendars in one stream may define one zone name in two ways."""
    other = BERLIN.replace(b"STANDARD", b"DAYLIGHT")
    line = "DTSTART;TZID=Europe/Berlin:20260101T000000"
    first, second = calendar(BERLIN, event("a", line)), calendar(other, event("b", line))
    assert [first, second] == texts(first + second)


def test_an_override_in_another_calendar_brings_its_zones() -> None:
    """Components of one UID that stand in two VCALENDARs become one object with both's zones."""
    master = event("a", "DTSTART;TZID=Europe/Berlin:20260101T000000")
    override = event("a", 'DTSTART;TZID="(UTC+01:00) Amsterdam, Berlin":20260101T000000')
    (text,) = texts(calendar(BERLIN, master) + calendar(ODD, override))
    assert all(part in text for part in (BERLIN, ODD, master, override))


def test_the_uid_of_an_alarm_is_not_the_events() -> None:
    """A VALARM has a UID of its own (RFC 9074 §4), even before that of its event."""
    alarm = "BEGIN:VALARM\r\nUID:alarm\r\nEND:VALARM"
    first = event("a").replace(b"UID:a\r\n", alarm.encode() + b"\r\nUID:a\r\n")
    second = event("b", alarm)
    assert [calendar(first), calendar(second)] == texts(calendar(first, second))


@pytest.mark.parametrize(
    "uid_lines",
    [
        b"UID:long-name\r\n",
        b"uid:long-name\r\n",
        b"UID:long\r\n -name\r\n",
        b'UID;X=":":long-name\r\n',
    ],
)
def test_a_uid_is_read_as_a_content_line(uid_lines: bytes) -> None:
    """Case, folding and parameters do not make it another UID."""
    other = event("x").replace(b"UID:x\r\n", uid_lines)
    assert 1 == len(split(calendar(event("long-name"), other)).objects)


def test_what_has_no_uid_is_named_by_its_content() -> None:
    """Components without UID are objects of their own, equal ones once."""
    one, other = b"BEGIN:VFREEBUSY\r\nX:1\r\nEND:VFREEBUSY\r\n", b"BEGIN:VEVENT\r\nEND:VEVENT\r\n"
    assert [calendar(one), calendar(other)] == texts(calendar(one, other, one))


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r\r\n"])
def test_any_line_end_will_do(end: bytes) -> None:
    """Line ends other than CRLF are taken and passed on."""
    stream = b"\xef\xbb\xbf" + calendar(event("a"), event("b")).replace(b"\r\n", end)
    assert 2 == len(split(stream).objects)
    assert split(stream).complete
    assert split(stream.strip()).complete


def test_events_need_no_calendar_around_them() -> None:
    """Bare components are taken, and put into a VCALENDAR."""
    stream = split(event("a") + event("b"))
    assert (2, True) == (len(stream.objects), stream.complete)


@pytest.mark.parametrize(
    ("stream", "count"),
    [
        (b"", 0),
        (b"<html>", 0),
        (b"BEGIN:VCALENDAR\r\n", 0),
        (calendar(event("a"), event("b"))[:-10], 2),
        (calendar(event("a"), event("b"))[:-20], 2),
        (event("a")[:-4], 1),
        (calendar(event("a"))[:30], 0),
    ],
)
def test_a_broken_off_stream_is_not_complete(stream: bytes, count: int) -> None:
    """What does not end with its last component closed was broken off."""
    result = split(stream)
    assert (count, False) == (len(result.objects), result.complete)


def test_a_component_left_open_ends_at_the_next() -> None:
    """A missing END harms its own event only."""
    stream = calendar(event("a").replace(b"END:VEVENT\r\n", b""), event("b"))
    assert event("b") in texts(stream)[1]
    unclosed_alarm = event("a", "BEGIN:VALARM") + event("b")
    assert 2 == len(split(calendar(unclosed_alarm)).objects)


def test_an_empty_calendar_is_complete() -> None:
    """A calendar without events is whole and has no objects."""
    stream = split(calendar())
    assert (0, True) == (len(stream.objects), stream.complete)


def test_a_fingerprint_says_what_changed() -> None:
    """Of two streams, the objects differ in fingerprint that differ in text, header or zones."""
    line = "DTSTART;TZID=Europe/Berlin:20260101T000000"
    streams = [
        calendar(BERLIN, event("a", line), event("b")),
        calendar(BERLIN, event("a", line), event("b", "SUMMARY:x")),
        calendar(BERLIN.replace(b"STANDARD", b"DAYLIGHT"), event("a", line), event("b")),
        calendar(b"METHOD:CANCEL\r\n", BERLIN, event("a", line), event("b")),
    ]
    prints = [[each.fingerprint() for each in split(text).objects.values()] for text in streams]
    assert prints[0] == [each.fingerprint() for each in split(streams[0]).objects.values()]
    same = [[one == other for one, other in zip(prints[0], each, strict=True)] for each in prints]
    assert [[True, True], [True, False], [False, False], [False, False]] == same


def test_the_number_of_objects_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """More objects than the bound are refused while they are counted."""
    monkeypatch.setattr(calendar_sync.objects, "MAX_OBJECTS", 10)
    assert 10 == len(split(calendar(*(event(str(n)) for n in range(10)))).objects)
    with pytest.raises(BudgetExceededError):
        split(calendar(*(event(str(n)) for n in range(11))))


WORDS = b'BEGIN: END: UID: VCALENDAR VEVENT VTIMEZONE VALARM X-A TZID: ;TZID= : " a \xff'.split()
LINES = st.sampled_from([*WORDS, b"\r\n", b"\n", b"\r", b" ", b"\x00"])


@given(st.lists(st.one_of(LINES, LINES, LINES, st.binary(max_size=5)), max_size=60).map(b"".join))
@example(b"BEGIN:VEVENT\r\nUID:a\r\n\nEND:VEVENT")
def test_any_bytes_can_be_split(stream: bytes) -> None:
    """Nothing raises, and every object taken apart is complete and one object again."""
    for each in split(stream).objects.values():
        again = split(each.text())
        assert again.complete
        assert 1 >= len(again.objects)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=12))
def test_nothing_is_lost(shape: list[tuple[str, bool]]) -> None:
    """All components of a stream come back, each in the object of its UID."""
    line = "DTSTART;TZID=Europe/Berlin:20260101T000000"
    events = [
        event(uid, f"SUMMARY:{number}", *([line] if zoned else []))
        for number, (uid, zoned) in enumerate(shape)
    ]
    found: list[tuple[str, str]] = []
    for text in texts(calendar(BERLIN, *events)):
        walked = Calendar.from_ical(text).walk("VEVENT")
        assert 1 == len({each["UID"] for each in walked})
        assert (b"TZID=" in text) == (BERLIN in text)
        found += [(str(each["UID"]), str(each["SUMMARY"])) for each in walked]
    assert sorted((uid, str(n)) for n, (uid, _) in enumerate(shape)) == sorted(found)
