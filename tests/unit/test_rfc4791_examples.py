"""RFC 4791 §7.10: the free-busy-query example over the calendar of appendix B."""

from __future__ import annotations

from pathlib import Path

import pytest

from freebusy.period import FreeBusyType, Period
from tests.oracles import ours
from tests.oracles.cases import utc

DATA = Path(__file__).parent.parent / "data" / "rfc4791"
CALENDAR = [(DATA / name).read_bytes() for name in ("appendix_b.ics", "abcd8.ics")]


def freebusy_lines(start: str, end: str, texts: list[bytes] = CALENDAR) -> list[str]:
    """Return the FREEBUSY lines of a window, FREEBUSY left out."""
    outcome = ours.folder(texts, start=utc(start), end=utc(end))
    assert outcome.skipped == []
    return [
        f"{period.type.fbtype}:{period.start:%Y%m%dT%H%M%SZ}/{period.end:%Y%m%dT%H%M%SZ}"
        for period in outcome.periods
    ]


def test_free_busy_query_as_printed() -> None:
    """§7.10.1: on 4 January from 9 to 5 there are the two periods that the RFC prints.

    The text asks for that one day; the range in the printed request ends a day later,
    which the printed answer does not cover.
    """
    expected = [
        "BUSY-TENTATIVE:20060104T150000Z/20060104T160000Z",
        "BUSY:20060104T190000Z/20060104T200000Z",
    ]
    assert freebusy_lines("20060104T140000Z", "20060104T220000Z") == expected


def test_free_busy_query_over_the_range_of_the_request() -> None:
    """§7.10.1: up to the printed end, 5 January, that day's two periods follow."""
    expected = [
        "BUSY-TENTATIVE:20060104T150000Z/20060104T160000Z",
        "BUSY:20060104T190000Z/20060104T200000Z",
        "BUSY-UNAVAILABLE:20060105T100000Z/20060105T120000Z",
        "BUSY:20060105T170000Z/20060105T180000Z",
    ]
    assert freebusy_lines("20060104T140000Z", "20060105T220000Z") == expected


def test_free_busy_of_the_whole_calendar() -> None:
    """Appendix B: the events, the series with two moved instances and the VFREEBUSY."""
    expected = [
        "BUSY-TENTATIVE:20060102T100000Z/20060102T120000Z",
        "BUSY:20060102T150000Z/20060102T160000Z",
        "BUSY:20060102T170000Z/20060102T180000Z",
        "BUSY:20060103T100000Z/20060103T120000Z",
        "BUSY:20060103T170000Z/20060103T180000Z",
        "BUSY:20060104T100000Z/20060104T120000Z",
        "BUSY-TENTATIVE:20060104T150000Z/20060104T160000Z",
        "BUSY:20060104T190000Z/20060104T200000Z",
        "BUSY-UNAVAILABLE:20060105T100000Z/20060105T120000Z",
        "BUSY:20060105T170000Z/20060105T180000Z",
        "BUSY:20060106T100000Z/20060106T120000Z",
        "BUSY:20060106T190000Z/20060106T200000Z",
    ]
    assert freebusy_lines("20060101T000000Z", "20060108T000000Z") == expected


def test_expanded_instances_as_printed() -> None:
    """§7.8.3: 3 to 5 January, expanded, has the three instances that the RFC prints."""
    found = ours.starts(CALENDAR[0], start=utc("20060103T000000Z"), end=utc("20060105T000000Z"))
    expected = ["20060103T170000Z", "20060104T150000Z", "20060104T190000Z"]
    assert [f"{start:%Y%m%dT%H%M%SZ}" for start, _ in found] == expected


def test_limited_freebusy_set_as_printed() -> None:
    """§7.8.4: 2 January of the stored VFREEBUSY has the one period that the RFC prints."""
    expected = ["BUSY-TENTATIVE:20060102T100000Z/20060102T120000Z"]
    assert freebusy_lines("20060102T000000Z", "20060103T000000Z", CALENDAR[1:]) == expected


def test_only_events_and_freebusy_count() -> None:
    """§7.10: the four to-dos of the calendar make nobody busy."""
    todo = b"".join(b"BEGIN:VTODO" + part for part in CALENDAR[0].split(b"BEGIN:VTODO")[1:])
    assert freebusy_lines("20051201T000000Z", "20060201T000000Z", [todo]) == []


TABLE = [
    # §7.10: TRANSP and STATUS of a VEVENT, and the FBTYPE that the RFC gives it
    ("OPAQUE", "CONFIRMED", FreeBusyType.BUSY),
    ("OPAQUE", "CANCELLED", None),
    ("OPAQUE", "TENTATIVE", FreeBusyType.BUSY_TENTATIVE),
    ("OPAQUE", "", FreeBusyType.BUSY),
    ("", "CONFIRMED", FreeBusyType.BUSY),
    ("", "TENTATIVE", FreeBusyType.BUSY_TENTATIVE),
    ("", "", FreeBusyType.BUSY),
    ("", "X-SOMETHING", FreeBusyType.BUSY),
    ("TRANSPARENT", "CONFIRMED", None),
    ("TRANSPARENT", "CANCELLED", None),
    ("TRANSPARENT", "TENTATIVE", None),
    ("TRANSPARENT", "", None),
]


@pytest.mark.parametrize(("transp", "status", "expected"), TABLE)
def test_transparency_and_status(transp: str, status: str, expected: FreeBusyType | None) -> None:
    """§7.10: what TRANSP and STATUS together make of an event."""
    lines = ["BEGIN:VEVENT", "UID:1", "DTSTART:20060104T100000Z", "DURATION:PT1H"]
    lines += [f"TRANSP:{transp}"] if transp else []
    lines += [f"STATUS:{status}"] if status else []
    text = "\r\n".join([*lines, "END:VEVENT", ""])
    found = ours.busy(text, start=utc("20060101T000000Z"), end=utc("20060108T000000Z"))
    first, last = utc("20060104T100000Z"), utc("20060104T110000Z")
    assert found == ([] if expected is None else [Period(first, last, expected)])
