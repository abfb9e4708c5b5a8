"""The independent readers read what everybody reads, and refuse what they should."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.readers import NotReadError, Reading, libical

if TYPE_CHECKING:
    from tests.readers.fixtures import Reader

pytestmark = pytest.mark.readers

VFB = b"""BEGIN:VCALENDAR\r
PRODID:-//test//EN\r
VERSION:2.0\r
METHOD:PUBLISH\r
BEGIN:VFREEBUSY\r
UID:hans@example.com\r
ORGANIZER:mailto:hans@example.com\r
DTSTAMP:20260101T000000Z\r
DTSTART:20260531T220000Z\r
DTEND:20260831T220000Z\r
FREEBUSY;FBTYPE=BUSY-TENTATIVE:20260602T090000Z/20260602T100000Z\r
FREEBUSY;FBTYPE=BUSY:20260601T090000Z/PT30M\r
FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20260603T000000Z/20260604T000000Z\r
END:VFREEBUSY\r
END:VCALENDAR\r
"""


def test_a_file_is_read(reader: Reader) -> None:
    """Types, periods (also with a duration) and the window come out in UTC."""
    expected = Reading(
        [
            ("BUSY", "20260601T090000Z", "20260601T093000Z"),
            ("BUSY-TENTATIVE", "20260602T090000Z", "20260602T100000Z"),
            ("BUSY-UNAVAILABLE", "20260603T000000Z", "20260604T000000Z"),
        ],
        ("20260531T220000Z", "20260831T220000Z"),
    )
    assert expected == reader(VFB)


@pytest.mark.parametrize(
    "text",
    [b"", b"<html>", VFB.replace(b"VFREEBUSY", b"VTODO"), b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"],
)
def test_what_is_no_free_busy_file_is_refused(reader: Reader, text: bytes) -> None:
    """A text without VFREEBUSY is told from one without busy times."""
    with pytest.raises(NotReadError):
        reader(text)


def test_libical_tells_errors(libical_reader: Reader) -> None:
    """A value that libical cannot read is an error of the whole file."""
    with pytest.raises(NotReadError, match="1 errors"):
        libical_reader(VFB.replace(b"/PT30M", b"/nonsense"))


def test_libical_expands(libical_reader: Reader) -> None:
    """The bare expansion gives the instances in a window in UTC."""
    text = (
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTART:20200101T090000Z\r\n"
        b"DTEND:20200101T093000Z\r\nRRULE:FREQ=DAILY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    start, end = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 3, tzinfo=UTC)
    first = int(datetime(2026, 6, 1, 9, tzinfo=UTC).timestamp())
    spans = [(first + day * 86400, first + day * 86400 + 1800) for day in range(2)]
    assert spans == libical.expand(text, start, end)
