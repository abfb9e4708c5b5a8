"""Any bytes from a folder, any text from a client: an object, nothing, or our error, in time."""

from __future__ import annotations

import time
from contextlib import suppress
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calendar_sync import dialects
from freebusy.errors import CalendarDataError
from tests.fuzz.test_hostile_formats import HOSTILE, SAMPLES
from tests.unit.dialect_case import DIALECTS, ZONE, calendar, written
from tests.unit.test_dialects import WHOLE

ALLOWED = 2.0
"""Seconds of CPU for the worst megabyte; 0.5 on a quiet machine."""
MESSAGES: dict[str, bytes] = {
    dialect: written(calendar(*WHOLE), dialect).message for dialect in DIALECTS
}
MEDIA = {name: min(form.media).encode() for name, (form, _) in SAMPLES.items()}
MESSAGES["tnef"] = b"Content-Type: application/ms-tnef\r\n\r\n" + SAMPLES["tnef"][1]


def read(message: bytes) -> None:
    """Read a message; what comes out can be written in every dialect, or is refused."""
    try:
        found = dialects.read(message, zone=ZONE)
    except CalendarDataError:
        return
    if found:
        write(found.calendar)


def write(text: str) -> None:
    """Write a text in every dialect, and read what was written."""
    for dialect in DIALECTS:
        try:
            made = written(text, dialect)
        except CalendarDataError:
            continue
        assert dialects.read(made.message, zone=ZONE)


@pytest.mark.parametrize("name", MESSAGES)
def test_messages_cut_off(name: str) -> None:
    """A message that is cut off anywhere gives an object, nothing, or our error."""
    message = MESSAGES[name]
    for length in range(0, len(message), 1 + len(message) // 80):
        read(message[:length])


@pytest.mark.parametrize("name", MESSAGES)
def test_messages_with_any_octet_changed(name: str) -> None:
    """With octets changed by chance, a message gives an object, nothing, or our error."""
    chance = Random(name)
    for _ in range(80):
        changed = bytearray(MESSAGES[name])
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(len(changed))] = chance.choice(b'\0\x01\x7f\x80\xff:;,="<&\n')
        read(bytes(changed))


@settings(max_examples=30)
@given(st.sampled_from(sorted(MESSAGES)), st.data())
def test_spliced_messages(name: str, drawn: st.DataObject) -> None:
    """Pieces of a message put together anew give an object, nothing, or our error."""
    message = MESSAGES[name]
    places = st.integers(0, len(message))
    piece = st.tuples(places, places).map(lambda ends: message[min(ends) : max(ends)])
    read(b"".join(drawn.draw(st.lists(piece | st.binary(max_size=20), max_size=5))))


LINES = calendar(*WHOLE).split("\r\n")


@settings(max_examples=40)
@given(st.data())
def test_spliced_texts(drawn: st.DataObject) -> None:
    """Lines of a client's text in any order, and with anything in them, are written or refused."""
    line = st.sampled_from(LINES)
    cut = st.tuples(line, st.integers(0, 60), st.text(max_size=8)).map(
        lambda each: each[0][: each[1]] + each[2] + each[0][each[1] :]
    )
    middle = drawn.draw(st.lists(line | cut, max_size=12))
    write("\r\n".join([*LINES[:5], *middle, *LINES[-3:]]))


@pytest.mark.parametrize("name", HOSTILE)
def test_items_made_to_be_slow_are_not(name: str) -> None:
    """A megabyte of the worst of a format is read, or refused, in bounded time."""
    kind, content = HOSTILE[name]
    begun = time.process_time()
    with suppress(CalendarDataError):
        dialects.read(b"Content-Type: " + MEDIA[kind] + b"\r\n\r\n" + content, zone=ZONE)
    assert time.process_time() - begun < ALLOWED


EXDATES = "EXDATE;TZID=Europe/Berlin:" + ",".join(["20260602T100000"] * 13_000)
SLOW = {
    "parameters": ("X-A" + ";B=c" * 80_000 + ":d",),
    "quotes": ("X-A;B=" + '"' * 300_000 + ":d",),
    "spaces": ("X-A; " + " " * 300_000 + ":d",),
    "escapes": ("SUMMARY:" + "\\\\," * 100_000,),
    "categories": ("CATEGORIES:" + "a," * 150_000,),
    "exceptions": ("RRULE:FREQ=DAILY", EXDATES),
    "a rule": ("RRULE:FREQ=DAILY;BYDAY=" + "MO," * 100_000,),
    "rules": ("RRULE:FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=1",) * 18_000,
    "rare rules": (*("RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO;BYHOUR=1,2,3",) * 9_000,),
    "further dates": tuple(
        f"RDATE;TZID=Asia/Tokyo:20260602T10{n % 60:02}00" for n in range(20_000)
    ),
    "periods": ("RDATE;VALUE=PERIOD:" + "20260602T100000Z/PT1H," * 40_000,),
    "comments": ("COMMENT:a",) * 29_000,
    "parts of a rule": ("RRULE:" + "FREQ=DAILY;" * 30_000,),
    "lines": ("X-A:b",) * 10_000,
    "attendees": ("ATTENDEE:mailto:a@b",) * 10_000,
    "alarms": ("BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT5M", "END:VALARM") * 1_600,
    "folds": ("X-A:" + "\r\n " * 100_000,),
    "a file": ("ATTACH;ENCODING=BASE64;VALUE=BINARY:" + "a" * 100_000,),
    "binary files": ("ATTACH;ENCODING=BASE64;VALUE=BINARY:aaaa",) * 5_000,
    "one long character": ("SUMMARY:" + "€" * 100_000,),
}


@pytest.mark.parametrize("name", SLOW)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_texts_made_to_be_slow_are_not(dialect: dialects.Dialect, name: str) -> None:
    """The worst of a client's texts is written, or refused, in bounded time."""
    text = calendar(*SLOW[name])
    begun = time.process_time()
    with suppress(CalendarDataError):
        made = written(text, dialect)
        dialects.read(made.message, zone=ZONE)
        dialects.normal(text)
    assert time.process_time() - begun < ALLOWED


@pytest.mark.parametrize("name", ["rules", "rare rules", "often"])
def test_series_of_another_zone_are_not_slow(name: str) -> None:
    """Rules whose instances are written out for Kolab 2 are written in bounded time."""
    often = ("RRULE:FREQ=HOURLY;BYSETPOS=1;BYMINUTE=0",) * 9_000
    rules = (SLOW | {"often": often})[name]
    text = calendar(*rules, start="DTSTART;TZID=Asia/Tokyo:19010602T020000")
    begun = time.process_time()
    with suppress(CalendarDataError):
        written(text, "kolab2")
    assert time.process_time() - begun < ALLOWED
