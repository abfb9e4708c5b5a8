"""Any bytes in any format: texts or our error, within bounds of time and memory."""

from __future__ import annotations

import struct
import time
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calendar_sync.formats import extract, kolab2, kolab3, tnef
from calendar_sync.formats.part import Format, Part
from freebusy.errors import CalendarDataError
from freebusy.period import to_seconds
from freebusy.ports import MESSAGE, SourceItem
from freebusy.worker import Expanding, read_batch
from tests.fuzz.fuzz_contentline import OWNER
from tests.oracles import generator, ours
from tests.oracles import tnef as outlook
from tests.oracles.kolab2 import random_series
from tests.oracles.xcal import xcal
from tests.unit.tnef_case import recurring

EVENTS = "".join(generator.events(8, 1, datetime(2026, 2, 1, tzinfo=UTC)))
SERIES = outlook.random_series(Random(16))
NOTE = outlook.message(
    {},
    "IPM.Note",
    [outlook.embedded(outlook.message(recurring(SERIES), outermost=False))],
)
SAMPLES: dict[str, tuple[Format, bytes]] = {
    "kolab2": (kolab2.FORMAT, random_series(Random(3)).xml().encode()),
    "kolab3": (kolab3.FORMAT, xcal(EVENTS)),
    "tnef": (tnef.FORMAT, NOTE),
}
FORMATS = {name: each[0] for name, each in SAMPLES.items()}
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
WINDOW = to_seconds(START), to_seconds(END)
ALLOWED = 2.0
"""Seconds of CPU for one hostile item of a megabyte without a budget; 0.4 on a quiet machine."""
ALLOWED_IN_A_WORKER = 0.5
"""Reading, salvaging and expanding have 50 ms each there; the rest is for slow machines."""


def read(format_: Format, content: bytes) -> int:
    """Read bytes in a format as far as busy time, and return how many texts there were."""
    try:
        texts = format_.read(Part(min(format_.media), content))
    except CalendarDataError:
        return 0
    ours.folder(texts, zone="Europe/Berlin", start=START, end=END)
    return len(texts)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_cut_off_anywhere(name: str) -> None:
    """Cut at every octet, a sample gives a text or our error, and whole it gives one."""
    format_, content = SAMPLES[name]
    step = 1 + len(content) // 2000
    for length in range(0, len(content), step):
        read(format_, content[:length])
    assert read(format_, content)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_with_any_octet_changed(name: str) -> None:
    """With octets changed by chance, a sample gives texts or our error."""
    format_, content = SAMPLES[name]
    chance = Random(name)
    for _ in range(1000):
        changed = bytearray(content)
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(len(changed))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
        read(format_, bytes(changed))


def test_tnef_with_any_number_at_its_extremes() -> None:
    """With any four octets of a sample all zeros or all ones, there are texts or our error."""
    for at in range(len(NOTE) - 3):
        for number in (0, 0x7FFFFFFF, 0xFFFFFFFF):
            read(tnef.FORMAT, NOTE[:at] + struct.pack("<I", number) + NOTE[at + 4 :])


@settings(max_examples=150)
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_spliced_samples(name: str, drawn: st.DataObject) -> None:
    """Pieces of a sample put together anew, with any bytes between, give texts or our error."""
    format_, content = SAMPLES[name]
    places = st.integers(0, len(content))
    piece = st.tuples(places, places).map(lambda ends: content[min(ends) : max(ends)])
    read(format_, b"".join(drawn.draw(st.lists(piece | st.binary(max_size=20), max_size=5))))


SIZE = 1 << 20
KIND = outlook.SIGNATURE + outlook.attribute(0x00078008, b"IPM.Appointment\0")


def listed(octets: bytes) -> bytes:
    """Return an appointment whose property list is these octets."""
    return KIND + outlook.attribute(0x00069003, octets)


def blobbed(*, deleted: int = 0, changed: int = 0) -> bytes:
    """Return a daily appointment with very many deleted or changed instances."""
    series = outlook.Series(outlook.DAY, SERIES.start, frequency=outlook.DAILY)
    blob = series.blob()  # at 34 the number of deleted instances, at 66 that of changed ones
    days = struct.pack(f"<{deleted}I", *(1440 * day for day in range(deleted)))
    changes = struct.pack("<3IH", 0, 60, 0, 0) * changed
    blob = blob[:34] + struct.pack("<I", deleted) + days + blob[38:66]
    values = recurring(series)
    values[outlook.lid(0x8216)] = blob + struct.pack("<H", changed) + changes
    return outlook.message(values)


HOSTILE = {
    "a property list": ("tnef", listed(b"\xff\xff\xff\xff" + b"\x02\0\1\0\0\0\0\0" * (SIZE // 8))),
    "values of a property": (
        "tnef",
        listed(struct.pack("<IHHI", 1, 0x1102, 1, 1 << 31) + bytes(SIZE)),
    ),
    "a long name": (
        "tnef",
        listed(struct.pack("<IHH16sII", 9, 3, 0x8000, bytes(16), 1, SIZE) + bytes(SIZE + 4)),
    ),
    "tnef attributes": ("tnef", KIND + outlook.attribute(0x00069003, b"") * (SIZE // 11)),
    "deleted instances": ("tnef", blobbed(deleted=200_000)),
    "changed instances": ("tnef", blobbed(changed=65_000)),
    "as many changed instances as are read": ("tnef", blobbed(changed=2_000)),
    "attributes": ("kolab2", b"<event " + b"".join(b"a%d='' " % n for n in range(80_000))),
    "one attribute": ("kolab2", b"<event a='" + b"x" * SIZE),
    "elements": ("kolab2", b"<event>" + b"<day>friday</day>" * 19_000),
    "depth": ("kolab2", b"<event>" * (SIZE // 7)),
    "text in pieces": ("kolab2", b"<event><uid>" + b"a&#10;" * (SIZE // 6)),
    "a comment": ("kolab2", b"<event><!--" + b"-a" * (SIZE // 2)),
    "a long token": ("kolab2", b"<" + b"a" * SIZE),
    "exclusions": (
        "kolab2",
        b"<event><start-date>2026-01-01T08:00:00Z</start-date><recurrence cycle='daily'>"
        + b"<exclusion>2026-01-01</exclusion>" * 19_000
        + b"</recurrence></event>",
    ),
    "properties": (
        "kolab3",
        b"<icalendar><vcalendar><components><vevent><properties>"
        + b"<exdate><date>2026-01-01</date></exdate>" * 9_900,
    ),
    "values": (
        "kolab3",
        b"<icalendar><vcalendar><components><vevent><properties><exdate>"
        + b"<date>2026-01-01</date>" * 19_000,
    ),
    "a rule's parts": (
        "kolab3",
        b"<icalendar><vcalendar><components><vevent><properties><dtstart><date>2026-01-01</date>"
        b"</dtstart><rrule><recur><freq>DAILY</freq>" + b"<byday>MO</byday>" * 19_000,
    ),
    "events": (
        "kolab3",
        b"<icalendar><vcalendar><components>" + b"<vevent></vevent>" * 19_000,
    ),
    "components in components": (
        "kolab3",
        b"<icalendar><vcalendar>" + b"<components><vevent>" * 18,
    ),
    "parameters": (
        "kolab3",
        b"<icalendar><vcalendar><components><vevent><properties><dtstart><parameters>"
        + b"<tzid>A</tzid>" * 9_000
        + b"</parameters><date>2026-01-01</date>"
        + b"<date/>" * 9_000,
    ),
    "attendees": (
        "kolab2",
        b"<event><start-date>2026-01-01T08:00:00Z</start-date>"
        + b"<attendee><status>declined</status></attendee>" * 9_000
        + b"</event>",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_items_made_to_be_slow_are_not(name: str) -> None:
    """A megabyte of the worst of a format is read, or refused, in bounded time."""
    kind, content = HOSTILE[name]
    begun = time.process_time()
    read(FORMATS[kind], content)
    assert time.process_time() - begun < ALLOWED


@pytest.mark.parametrize("name", HOSTILE)
def test_items_made_to_be_slow_are_stopped_in_a_worker(name: str) -> None:
    """In a message, under the budget of workers, the same items end in time, read or counted."""
    kind, content = HOSTILE[name]
    head = f"Content-Type: {min(FORMATS[kind].media)}\r\n\r\n".encode()
    item = SourceItem("1", 1, MESSAGE, head + content)
    begun = time.process_time()
    found = read_batch(extract, [item], Expanding(OWNER, WINDOW, WINDOW))
    assert time.process_time() - begun < ALLOWED_IN_A_WORKER
    assert found.items[0].skipped or found.items[0].uids
