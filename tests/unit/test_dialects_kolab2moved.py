"""Series with changed instances in Kolab 2: nobody looks free when an instance is now."""

from __future__ import annotations

import pytest

from tests.unit.dialect_case import busy, busy_by_formats, calendar, freer, read, written

SERIES = ("DTEND;TZID=Europe/Berlin:20260602T110000", "RRULE:FREQ=DAILY;COUNT=4")
DAYS = "DTSTART;VALUE=DATE:20260602"
WHOLE_DAYS = ("DTEND;VALUE=DATE:20260603", "RRULE:FREQ=DAILY;INTERVAL=7;COUNT=4")


def changed(*lines: str, was: str = ";TZID=Europe/Berlin:20260603T100000") -> tuple[str, ...]:
    between = ("END:VEVENT", "BEGIN:VEVENT", "UID:a@b", "DTSTAMP:20260101T000000Z")
    return (*between, f"RECURRENCE-ID{was}", *lines)


MOVED = {
    "later": changed("DTSTART:20260603T120000Z", "DTEND:20260603T130000Z"),
    "longer": changed("DTSTART:20260603T080000Z", "DTEND:20260603T113000Z"),
    "by a duration": changed("DTSTART:20260603T153000Z", "DURATION:PT20M"),
    "two": (
        *changed("DTSTART:20260603T120000Z", "DTEND:20260603T130000Z"),
        *changed("DTSTART:20260620T120000Z", "DTEND:20260620T150000Z", was=":20260604T080000Z"),
    ),
    "a whole day": changed("DTSTART;VALUE=DATE:20260610"),
    "tentative": changed("DTSTART:20260603T120000Z", "DURATION:PT1H", "STATUS:TENTATIVE"),
}


@pytest.mark.parametrize("name", MOVED)
def test_where_an_instance_is_now(name: str) -> None:
    """Whoever is busy by a changed instance is busy by what Kolab 2 holds of it."""
    text = calendar(*SERIES, *MOVED[name])
    done = written(text, "kolab2")

    assert [] == freer(busy(text), busy_by_formats(done.message))
    assert [] == freer(busy(text), busy(read(done.message).calendar))
    assert "RECURRENCE-ID" in done.losses


def test_a_series_of_days() -> None:
    """An instance of whole days that was given a time takes the days that it falls on."""
    moved = changed(
        "DTSTART:20260610T200000Z", "DTEND:20260611T030000Z", was=";VALUE=DATE:20260609"
    )
    text = calendar(*WHOLE_DAYS, *moved, start=DAYS)

    assert [] == freer(busy(text), busy_by_formats(written(text, "kolab2").message))


@pytest.mark.parametrize("why", ["STATUS:CANCELLED", "TRANSP:TRANSPARENT"])
def test_what_takes_no_time(why: str) -> None:
    """Of an instance that is cancelled or free nothing is added."""
    text = calendar(*SERIES, *changed("DTSTART:20260603T120000Z", "DURATION:PT1H", why))

    assert "RDATE" not in read(written(text, "kolab2").message).calendar


def test_an_instance_without_end_is_bounded() -> None:
    """A year as one instance of a series of minutes takes no more than some further ones."""
    moved = changed("DTSTART:20260603T120000Z", "DTEND:20270603T120000Z")
    text = calendar("DURATION:PT1M", SERIES[1], *moved)

    assert len(written(text, "kolab2").message) < 8000
