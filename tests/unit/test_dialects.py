"""Calendar objects to and from messages: what holds in every dialect."""

from __future__ import annotations

import email
from email import policy
from pathlib import Path

import pytest

from calendar_sync import dialects
from freebusy import __version__
from freebusy.errors import CalendarDataError
from tests.unit.dialect_case import AUTHOR, DIALECTS, calendar, content_lines, read, written
from tests.unit.test_formats_message import mime, multipart

GOLDEN = Path(__file__).parents[1] / "data" / "dialects"
WHOLE = (
    "DTEND;TZID=Europe/Berlin:20260602T113000",
    "SUMMARY:Besprechung\\, mit Kaffee & <Kuchen>",
    "DESCRIPTION:Erstens\\nzweitens\\; Grüße",
    "LOCATION:Zürich",
    "CATEGORIES:Büro,Kunden",
    "CLASS:PRIVATE",
    "STATUS:CONFIRMED",
    "PRIORITY:5",
    "SEQUENCE:2",
    "RRULE:FREQ=WEEKLY;BYDAY=TU,TH;UNTIL=20260730T080000Z",
    "EXDATE;TZID=Europe/Berlin:20260609T100000",
    'ORGANIZER;CN="Beispiel, Petra":mailto:petra@example.com',
    "ATTENDEE;CN=Hans;PARTSTAT=ACCEPTED;RSVP=TRUE:mailto:hans@example.com",
    "X-MICROSOFT-CDO-BUSYSTATUS:OOF",
    "BEGIN:VALARM",
    "ACTION:DISPLAY",
    "DESCRIPTION:Los",
    "TRIGGER:-PT15M",
    "END:VALARM",
)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_golden_messages(dialect: dialects.Dialect) -> None:
    """The same object gives the same message, octet by octet, and nothing of it is lost."""
    made = written(calendar(*WHOLE), dialect)
    version = f"User-Agent: freebusy/{__version__}".encode()
    assert (GOLDEN / f"{dialect}.eml").read_bytes() == made.message.replace(
        version, b"User-Agent: x"
    )
    assert () == made.losses
    assert dialects.normal(calendar(*WHOLE)) == dialects.normal(read(made.message).calendar)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_messages_are_mail(dialect: dialects.Dialect) -> None:
    """A mail parser finds no defect, and the event's text in no header."""
    message = written(calendar(*WHOLE), dialect).message
    parsed = email.message_from_bytes(message, policy=policy.default)
    assert [] == [each for part in parsed.walk() for each in part.defects]
    assert (AUTHOR, "a@b", "c-1") == (
        parsed["From"],
        parsed["Subject"],
        parsed["X-Freebusy-Change"],
    )
    assert not set(b"\r\n") & set(message.replace(b"\r\n", b""))
    assert "Besprechung" not in "".join(map(str, parsed.values()))


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("text", ["a" * 3000, "ü" * 2000, "a b " * 1000, "=" * 999])
def test_long_lines(dialect: dialects.Dialect, text: str) -> None:
    """No line of a message has more than 998 octets (RFC 5322 §2.1.1), and none is broken."""
    made = written(calendar(f"SUMMARY:{text}"), dialect)
    assert max(map(len, made.message.split(b"\r\n"))) <= 998
    assert f"SUMMARY:{text}" in content_lines(read(made.message).calendar)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "author", ["a@b\r\nBcc: x@y", "Jürg <j@x>", "a\x00b\n\nc", "x" * 5000, "=?utf-8?q?x?="]
)
def test_headers_cannot_be_injected(dialect: dialects.Dialect, author: str) -> None:
    """Nothing in an author's name or in a UID makes a header of its own."""
    names = [line.partition(b":")[0] for line in _headers(written(calendar(), dialect).message)]
    uid = author.replace("\r\n", "").replace("\x00", "").replace("\n", "")[:900]
    made = written(calendar(uid=uid), dialect, author=author)
    folded = [line for line in _headers(made.message) if not line.startswith((b" ", b"\t"))]
    assert names == [line.partition(b":")[0] for line in folded]
    assert uid == read(made.message).uid
    assert made.message.partition(b"\r\n\r\n")[0].isascii()


def _headers(message: bytes) -> list[bytes]:
    return message.partition(b"\r\n\r\n")[0].split(b"\r\n")


@pytest.mark.parametrize("change", ["a b", "ü", "a\r\nB: c", "x" * 65])
def test_a_change_has_a_plain_name(change: str) -> None:
    """A change's name is at most 64 letters, digits, dots, lines and dashes."""
    with pytest.raises(CalendarDataError):
        written(calendar(), change=change)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("X-Freebusy-Change: a.B_c-9", "a.B_c-9"),
        ("x-freebusy-change:a", "a"),
        ("X-Freebusy-Change: a b", None),
        ("X-Freebusy-Change: " + "x" * 65, None),
        ("X-Other: a", None),
        ("Subject: x\r\n X-Freebusy-Change: a", None),
    ],
)
def test_which_change_wrote_a_message(header: str, expected: str | None) -> None:
    """The header is read where it is well formed, and nowhere else."""
    message = mime(header, "Content-Type: text/calendar", body=calendar().encode())
    assert expected == read(message).change


def test_a_change_in_the_text_is_none() -> None:
    """What looks like the header in an event's text says nothing."""
    message = mime(
        "Content-Type: text/calendar",
        body=calendar("X-A:\r\n \r\nX-Freebusy-Change: a").encode(),
    )
    assert read(message).change is None


NO_ITEMS = {
    "mail": mime("Content-Type: text/plain", body=b"Hello"),
    "nothing": b"",
    "a contact": multipart("mixed", mime("Content-Type: text/vcard", body=b"BEGIN:VCARD\r\n")),
    "a Kolab contact": mime("Content-Type: application/x-vnd.kolab.contact", body=b"<contact/>"),
}


@pytest.mark.parametrize("name", NO_ITEMS)
def test_other_mail_is_no_item(name: str) -> None:
    """Mail without a calendar part gives nothing."""
    assert dialects.read(NO_ITEMS[name], zone="UTC") is None


BROKEN = {
    "no end": calendar().replace("END:VCALENDAR\r\n", ""),
    "crosswise": calendar("BEGIN:VALARM", "END:VEVENT", "END:VALARM"),
    "two events": calendar("END:VEVENT", "BEGIN:VEVENT", "UID:c", "DTSTART:20260602T080000Z"),
    "free/busy": calendar(kind="VFREEBUSY"),
    "nothing": "",
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_read_is_an_error(name: str) -> None:
    """A calendar part that is no object is an error that quotes nothing."""
    message = mime("Content-Type: text/calendar", body=BROKEN[name].encode())
    with pytest.raises(CalendarDataError) as error:
        dialects.read(message, zone="UTC")
    assert "a@b" not in str(error.value)


def test_one_object_in_two_parts() -> None:
    """Of two versions in one message the newer one is read; two objects are an error."""
    old, new, other = (
        mime("Content-Type: text/calendar", body=text.encode())
        for text in (calendar("SEQUENCE:1"), calendar("SEQUENCE:2"), calendar(uid="c"))
    )
    for parts in ((old, new), (new, old)):
        found = read(multipart("mixed", *parts)).calendar
        assert dialects.normal(calendar("SEQUENCE:2")) == dialects.normal(found)
    with pytest.raises(CalendarDataError):
        dialects.read(multipart("mixed", old, other), zone="UTC")


def test_tolerance_of_what_lies_in_folders() -> None:
    """Junk lines, old charsets, folds inside characters and a missing UID are put right."""
    text = calendar("SUMMARY:Grüße").replace("UID:a@b\r\n", "a banner\r\n\r\n")
    latin = mime("Content-Type: text/calendar; charset=iso-8859-1", body=text.encode("latin-1"))
    folded = text.encode().replace("ü".encode(), b"\xc3\r\n \xbc")
    for message in (latin, mime("Content-Type: text/calendar; charset=utf-8", body=folded)):
        found = read(message)
        assert "SUMMARY:Grüße" in content_lines(found.calendar)
        assert found.uid.startswith("no-uid-")
        assert found.uid == read(message).uid


def test_unknown_content_survives() -> None:
    """In iCalendar, lines that nobody knows come back as they were written; METHOD goes."""
    odd = (
        'x-Foo;Bar="a;b:c";Bar2=x:y\\z',
        "X-EMPTY:",
        "IANA-PROP;X=1:v",
        "BEGIN:X-COMP",
        "END:X-COMP",
    )
    text = calendar(*odd).replace(
        "VERSION:2.0\r\n", "VERSION:2.0\r\nMETHOD:PUBLISH\r\nX-WR-A:b\r\n"
    )
    found = read(written(text).message)
    assert found.calendar == text.replace("METHOD:PUBLISH\r\n", "")


def test_only_changed_instances() -> None:
    """An object of changed instances alone is told from a whole one."""
    part = calendar("RECURRENCE-ID;TZID=Europe/Berlin:20260602T100000")
    assert read(written(part).message).is_partial
    assert not read(written(calendar()).message).is_partial


REFUSED = {
    "nothing": "",
    "no calendar": "BEGIN:VEVENT\r\nUID:a\r\nEND:VEVENT\r\n",
    "no end": BROKEN["no end"],
    "no component": "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n",
    "no UID": calendar().replace("UID:a@b\r\n", ""),
    "an unprintable UID": calendar(uid="a\x7fb"),
    "a long UID": calendar(uid="a" * 1001),
    "no start": calendar().replace("DTSTART", "X-START"),
    "a line that is none": calendar("what is this"),
    "a line outside": "X-A:b\r\n" + calendar(),
    "two calendars": calendar() + calendar(),
    "NUL": calendar("SUMMARY:a\0b"),
    "half a character": calendar("SUMMARY:\ud800"),
    "two UIDs": BROKEN["two events"],
    "twice the same": calendar("END:VEVENT", "BEGIN:VEVENT", "UID:a@b", "DTSTART:20260602T080000Z"),
    "two kinds": calendar("END:VEVENT", "BEGIN:VTODO", "UID:a@b", "END:VTODO", "BEGIN:VEVENT"),
    "free/busy": calendar(kind="VFREEBUSY"),
    "crosswise": BROKEN["crosswise"],
    "too much": calendar("SUMMARY:" + "a" * (1 << 20)),
    "too many": calendar(*("BEGIN:VALARM", "END:VALARM") * 5000),
    "too deep": calendar(*("BEGIN:VALARM",) * 10, *("END:VALARM",) * 10),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_object_is_refused(name: str) -> None:
    """A text that is not one object is refused in one line that quotes nothing."""
    with pytest.raises(CalendarDataError) as error:
        written(REFUSED[name])
    assert 1 == len(str(error.value).splitlines())
    assert "a@b" not in str(error.value)


@pytest.mark.parametrize("kind", ["VTODO", "VJOURNAL"])
def test_other_kinds(kind: str) -> None:
    """To-dos and journal entries go where the dialect has them: Kolab 2 has events only."""
    text = calendar("SUMMARY:x", kind=kind)
    for dialect in ("icalendar", "kolab3"):
        made = written(text, dialect)
        assert dialects.normal(text) == dialects.normal(read(made.message).calendar)
    with pytest.raises(CalendarDataError, match="Kolab 2"):
        written(text, "kolab2")
