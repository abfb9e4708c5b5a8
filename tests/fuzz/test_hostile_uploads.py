"""Uploads of any bytes, and those made to cost as much as a megabyte can.

They are read in a thread of the server, where no timer stops a runaway.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from freebusy.errors import NotFreeBusyError
from freebusy.vfreebusy import decode, encode, read_file
from tests.fuzz.fuzz_contentline import kept, mutated

SIZE = 1 << 20
ALLOWED = 1.0
"""Seconds of CPU: 0.3 at the worst where it was measured, the rest is for busy machines."""
NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
HEAD = "BEGIN:VCALENDAR\nBEGIN:VFREEBUSY\nDTSTART:19900101T000000Z\nDTEND:21000101T000000Z\n"
TAIL = "\nEND:VFREEBUSY\nEND:VCALENDAR\n"
UPLOADS = [
    (HEAD + 'ORGANIZER;CN="Hans; A":MAILTO:hans@example.com' + lines + TAIL).encode()
    for lines in (
        "",
        "\nFREEBUSY:20260602T080000Z/PT1H,20260603T080000Z/20260603T090000Z",
        "\r\nFREEBUSY;FBTYPE=TENTATIVE:20260602T080000Z/P2W4294967284D\r\nDTSTAMP:1\r",
        '\nFREEBUSY;FBTYPE="FREE";X-SUMMARY=c2VjcmV0:20260602/P1D,\n 20260604/-P1D\nBEGIN:X',
    )
]


def filled(unit: str, before: str = "", after: str = "") -> str:
    """Repeat a unit up to the size, inside a VFREEBUSY."""
    whole = len(HEAD) + len(before) + len(after) + len(TAIL)
    return HEAD + before + unit * ((SIZE - whole) // len(unit)) + after + TAIL


def days(form: str) -> str:
    """Return one list of every sane day, in an order that no cache likes."""
    every = [datetime(1990, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(40_150)]
    Random(1).shuffle(every)
    second = [(n * 7919) % 3600 for n in range(len(every))]
    periods = (
        form.format(day=day, at=f"08{n // 60:02}{n % 60:02}", n=n + 1)
        for day, n in zip(every, second, strict=True)
    )
    return HEAD + ("FREEBUSY:" + ",".join(periods))[: SIZE - 200].rpartition(",")[0] + TAIL


AFTER = ":20260602T080000Z/PT1H"
HOSTILE = {
    "days": days("{day:%Y%m%d}/PT1H"),
    "durations": days("{day:%Y%m%d}T{at}Z/PT{n}S"),
    "dashes": days("{day:%Y-%m-%d}T{at}/PT{n}S"),
    "usual periods": days("{day:%Y%m%d}T{at}Z/{day:%Y%m%d}T235959Z"),
    "no such days": HEAD + "FREEBUSY:" + ",".join(f"{n:08}/x" for n in range(90_000)) + TAIL,
    "commas": filled(",", "FREEBUSY:"),
    "slashes": filled("/,", "FREEBUSY:"),
    "letters": filled("x,", "FREEBUSY:"),
    "empty lines": filled("FREEBUSY:\n"),
    "lines without a colon": filled("FREEBUSY;\n"),
    "one period": filled("FREEBUSY:20260602T080000Z/PT1H\n"),
    "free periods": filled("20260602T080000Z/PT1H,", "FREEBUSY;FBTYPE=FREE:"),
    "starts": filled("DTSTART:\n"),
    "ends": filled("DTEND;\n"),
    "dates": filled("DTEND:20260601\n"),
    "organizers": filled("ORGANIZER;\n"),
    "components": filled("BEGIN:VFREEBUSY\n"),
    "ends of components": filled("END:\n"),
    "other lines": filled("A:\n"),
    "other components": filled("BEGIN:VEVENT\nEND:VEVENT\n"),
    "parameters": filled(";A=b", "FREEBUSY", AFTER),
    "semicolons": filled(";", "FREEBUSY", AFTER),
    "quoted parameters": filled(';A="b"', "FREEBUSY", AFTER),
    "quotes": filled('"', "FREEBUSY;A=", AFTER),
    "spaces before a name": filled(" ", 'FREEBUSY;A="b";', AFTER),
    "spaces after a quote": filled(" ", 'FREEBUSY;A="b"', AFTER),
    "no equals sign": filled("a", 'FREEBUSY;A="b";', AFTER),
    "folds": filled("\n a", "X:"),
    "folds of nothing": filled("\n ", "FREEBUSY:20260602T080000Z/"),
    "spaces": filled(" \t"),
    "blank lines": filled("\n"),
    "CR": filled("\r"),
    "a long name": filled("A-"),
}


def read(data: bytes) -> None:
    """Read an upload; what can be read can be written, and says the same then."""
    try:
        found = decode(data, now=NOW)
    except NotFreeBusyError:
        return
    told = read_file(data)
    assert [period.span for period in found.periods] == told.spans
    mine = "hans@example.com"
    written = encode(replace(found, organizer=mine))
    assert told._replace(organizer=mine) == read_file(written)


@pytest.mark.parametrize("seed", range(4))
def test_any_bytes_are_a_file_or_refused(seed: int) -> None:
    """Mutated uploads give times or NotFreeBusyError."""
    draw, corpus = Random(seed), [*UPLOADS * 20, *kept()]
    for _ in range(500):
        read(mutated(draw, draw.choice(corpus), draw.choice(corpus)))


@pytest.mark.parametrize("name", HOSTILE)
def test_an_upload_made_to_be_slow_is_not(name: str) -> None:
    """A megabyte of the worst is read, or refused, in bounded time."""
    data = HOSTILE[name].encode()
    assert len(data) <= SIZE
    begun = time.process_time()
    with suppress(NotFreeBusyError):
        read_file(data)
    assert time.process_time() - begun < ALLOWED
