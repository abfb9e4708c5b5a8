"""Items made to cost as much as possible, at the largest size that is read whole."""

from __future__ import annotations

import time

import pytest

from freebusy.ports import ICALENDAR, SourceItem
from freebusy.worker import Expanding, read_batch
from tests.fuzz.fuzz_contentline import OWNER, body_of

SIZE = 1 << 20
WINDOW = (1_780_272_000, 1_780_272_000 + 36 * 30 * 86400)  # from June 2026, the longest there is
ALLOWED = 0.5
"""Seconds of CPU: reading, salvaging, expanding have 50 ms each; the rest is for slow machines."""
FIRST = (1_780_387_200, 1_780_390_800)  # 2026-06-02, 08:00 to 09:00 UTC
HOURS = ",".join(str(hour) for hour in range(24))
MINUTES = ",".join(str(minute) for minute in range(60))


def filled(unit: str, before: str = "", after: str = "") -> str:
    """Repeat a unit up to the size."""
    return before + unit * ((SIZE - len(before) - len(after)) // len(unit)) + after


def event(*lines: str, start: str = "20260602T080000Z") -> str:
    """Return one event of an hour with further lines."""
    usual = ["BEGIN:VEVENT", "UID:1", f"DTSTART:{start}", "DURATION:PT1H"]
    return "\n".join([*usual, *lines, "END:VEVENT", ""])


def moments(count: int) -> list[str]:
    """Return many different date-times."""
    return [
        f"2026{1 + n % 12:02}{1 + n // 12 % 28:02}T{n % 24:02}{n // 24 % 60:02}{n // 1440 % 60:02}Z"
        for n in range(count)
    ]


def overrides(count: int, parameter: str = "") -> str:
    """Return many overrides of one series."""
    return "".join(
        event(f"RECURRENCE-ID{parameter}:{moment}", start="20260602T080000Z")
        for moment in moments(count)
    )


def definition(number: int) -> str:
    """Return a VTIMEZONE that no other is like."""
    hour, minute = number % 24, number // 24 % 60
    return (
        f"BEGIN:VTIMEZONE\nTZID:Z{number}\nBEGIN:STANDARD\nDTSTART:16010101T{hour:02}{minute:02}00\n"
        f"RRULE:FREQ=MONTHLY;BYDAY=1SU\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0{number % 10}00\n"
        "END:STANDARD\nEND:VTIMEZONE\n"
    )


def observance(number: int) -> str:
    """Return one of many parts of one VTIMEZONE."""
    return (
        f"BEGIN:STANDARD\nDTSTART:1970{1 + number % 12:02}01T000000\nRRULE:FREQ=MONTHLY\n"
        f"TZOFFSETFROM:+0{number % 9}00\nTZOFFSETTO:+0{(number + 1) % 9}00\nEND:STANDARD\n"
    )


TEXTS = {
    "BEGIN:VTIMEZONE without end": filled("BEGIN:VTIMEZONE\n"),
    "BEGIN:VEVENT without end": filled("BEGIN:VEVENT\n"),
    "events": filled("BEGIN:VEVENT\nDTSTART:20260602T080000Z\nEND:VEVENT\n"),
    "unreadable events": filled("BEGIN:VEVENT\nDTSTART:x\nEND:VEVENT\n"),
    "one line": filled("A"),
    "quotes": filled('"', 'DTSTART;A="'),
    "parameters": filled(";A=b", "BEGIN:VEVENT\nDTSTART"),
    "quoted parameters": filled(';A="b', "BEGIN:VEVENT\nATTENDEE", ":PARTSTAT"),
    "folds": filled("\n a", "BEGIN:VEVENT\nSUMMARY:"),
    "CR": filled("\r"),
    "spaces": filled(" "),
    "blank lines": filled("\t\n"),
    "zones": "".join(definition(number) for number in range(5000)),
    "observances": "".join(
        ["BEGIN:VTIMEZONE\nTZID:Z\n", *map(observance, range(199)), "END:VTIMEZONE\n"]
    ),
    "overrides": overrides(7000) + event("RRULE:FREQ=DAILY"),
    "ranges": overrides(6000, ";RANGE=THISANDFUTURE") + event("RRULE:FREQ=DAILY"),
    "stored free/busy": filled("FREEBUSY:20260602T080000Z/PT1H\n", "BEGIN:VFREEBUSY\n"),
    "a list of periods": filled("20260602T080000Z/PT1H,", "BEGIN:VFREEBUSY\nFREEBUSY:"),
}
SERIES = {
    "EXDATE list": "EXDATE:" + ",".join(["20260603T080000Z"] * 60_000),
    "RDATE list": "RDATE:" + ",".join(moments(19_000)),
    "too long an RDATE list": "RDATE:" + ",".join(moments(60_000)),
    "attendees": "\n".join(
        f"ATTENDEE;PARTSTAT=DECLINED:mailto:a{number}@example.com" for number in range(20_000)
    ),
    "rules": "\n".join(f"RRULE:FREQ=DAILY;INTERVAL={number + 1}" for number in range(20_000)),
    "every minute": "RRULE:FREQ=MINUTELY",
    "week 53 in June": "RRULE:FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6",
    "the 300th of two": "RRULE:FREQ=DAILY;BYSETPOS=300;BYHOUR=1,2",
    "a second that rarely comes": "RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO;BYHOUR=1;"
    "BYMINUTE=1;BYSECOND=1",
    "a minute that never comes": "RRULE:FREQ=MINUTELY;INTERVAL=1440;BYHOUR=3;BYMINUTE=7",
    "the last minute of a year": "RRULE:FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=-1;"
    f"BYHOUR={HOURS};BYMINUTE={MINUTES}",
    "a list of days": "RRULE:FREQ=MONTHLY;BYDAY=" + ",".join(["1MO"] * 200_000),
    "a list of month days": "RRULE:FREQ=MONTHLY;BYMONTHDAY=" + ",".join(["2"] * 300_000),
    "digits": "SEQUENCE:" + "9" * 500_000 + "\nRRULE:FREQ=DAILY;COUNT=" + "9" * 500_000,
}
OLD_SERIES = {
    "a million minutes": ("19900602T080000Z", "RRULE:FREQ=MINUTELY;COUNT=1000000;BYHOUR=3"),
    "since the year 1": ("00010602T080000Z", "RRULE:FREQ=DAILY;COUNT=1000000;BYMONTH=1,2,3"),
    "four hundred years long": ("16000602T080000Z", "RRULE:FREQ=DAILY\nDURATION:P146000D"),
}


def read(text: str) -> list[tuple[int, int, int]]:
    """Read and expand an item within its budgets; fail where it takes longer; return its spans."""
    task = Expanding(OWNER, WINDOW, WINDOW)
    item = SourceItem("1", 1, ICALENDAR, text.encode()[:SIZE])
    begun = time.process_time()
    found = read_batch(body_of, [item], task)
    assert time.process_time() - begun < ALLOWED
    return [span for thing in found.objects for span in thing.spans]


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_made_to_be_slow_is_stopped(name: str) -> None:
    """Reading ends within the budget, whatever the text."""
    read(TEXTS[name])


@pytest.mark.parametrize("name", SERIES)
def test_a_series_made_to_be_slow_still_shows_its_first_instance(name: str) -> None:
    """Reading and expanding end within the budget, and the DTSTART instance is there."""
    assert FIRST in [span[:2] for span in read(event(SERIES[name]))]


@pytest.mark.parametrize("name", OLD_SERIES)
def test_an_old_series_made_to_be_slow_is_stopped(name: str) -> None:
    """A walk from long ago ends within the budget."""
    start, lines = OLD_SERIES[name]
    read(event(lines, start=start))


def test_twenty_years_of_every_weekday_are_not_slow() -> None:
    """A counted series of every weekday since 20 years, as offices have, costs next to nothing."""
    begun = time.process_time()
    spans = read(
        event("RRULE:FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;COUNT=9000", start="20060601T080000Z")
    )
    assert time.process_time() - begun < 0.05
    assert len(spans) == 772
