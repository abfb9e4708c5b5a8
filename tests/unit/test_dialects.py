"""Calendar objects to and from messages: what holds in every dialect."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

import pytest

from calendar_sync import dialects
from freebusy.errors import CalendarDataError
from tests.oracles import generator

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
AUTHOR = "hans@example.com"


def written(calendar: str, dialect: dialects.Dialect = "icalendar") -> dialects.Written:
    return dialects.write(
        calendar, dialect, change="c-1", zone="Europe/Berlin", now=NOW, author=AUTHOR
    )


def calendar(*lines: str, kind: str = "VEVENT", uid: str = "a@b") -> str:
    inner = (f"BEGIN:{kind}", f"UID:{uid}", "DTSTART:20260602T080000Z", *lines, f"END:{kind}")
    return "\r\n".join(("BEGIN:VCALENDAR", "VERSION:2.0", *inner, "END:VCALENDAR", ""))


def test_what_is_written_is_read() -> None:
    """An iCalendar object comes out of its message as it was, with its change's name."""
    for text in islice(generator.events(8, 100, datetime(2026, 2, 1, tzinfo=UTC)), 100):
        made = written(text)
        found = dialects.read(made.message, zone="Europe/Berlin")
        assert found is not None
        assert ((), "c-1", "icalendar") == (made.losses, found.change, found.dialect)
        assert dialects.normal(text) == dialects.normal(found.calendar)


REFUSED = {
    "nothing": "",
    "no calendar": "BEGIN:VEVENT\r\nUID:a\r\nEND:VEVENT\r\n",
    "no end": calendar().replace("END:VCALENDAR\r\n", ""),
    "no component": "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n",
    "no UID": calendar().replace("UID:a@b\r\n", ""),
    "an unprintable UID": calendar(uid="a\x7fb"),
    "no start": calendar().replace("DTSTART", "X-START"),
    "a line that is none": calendar("what is this"),
    "NUL": calendar("SUMMARY:a\0b"),
    "half a character": calendar("SUMMARY:\ud800"),
    "two UIDs": calendar("END:VEVENT", "BEGIN:VEVENT", "UID:c", "DTSTART:20260602T080000Z"),
    "twice the same": calendar("END:VEVENT", "BEGIN:VEVENT", "UID:a@b", "DTSTART:20260602T080000Z"),
    "free/busy": calendar(kind="VFREEBUSY"),
    "ends crosswise": calendar("BEGIN:VALARM", "END:VEVENT", "END:VALARM"),
    "too much": calendar("SUMMARY:" + "a" * (1 << 20)),
    "too many": calendar(*("BEGIN:VALARM", "END:VALARM") * 5000),
    "too deep": calendar(*("BEGIN:VALARM",) * 10, *("END:VALARM",) * 10),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_object_is_refused(name: str) -> None:
    """A text that is not one object is refused in one line."""
    with pytest.raises(CalendarDataError) as error:
        written(REFUSED[name])
    assert 1 == len(str(error.value).splitlines())
