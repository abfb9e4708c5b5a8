"""The examples of RFC 5545, each with the expansion that the RFC prints."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.oracles import ours

DATA = Path(__file__).parent.parent / "data" / "rfc5545"
MONTHS = {
    name: number
    for number, name in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1
    )
}
OFFSET = {"EDT": timedelta(hours=4), "EST": timedelta(hours=5)}
PRINTED = re.compile(r"(\d{4}) (E[DS]T) (?:([\d:,]+) )?([A-Z].*)")


class Example(NamedTuple):
    """One printed example: what it says, one rule of it, and its starts in UTC."""

    title: str
    lines: list[str]
    rule: str
    starts: list[datetime]
    complete: bool


def printed_days(text: str) -> list[int]:
    """Return the days of ``2,4,8-11``."""
    days: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        days += range(int(first), int(last or first) + 1)
    return days


def printed_starts(line: str) -> list[datetime]:
    """Return the starts that a line such as ``1997 EDT Sep 2-30; Oct 1-25`` prints, in UTC."""
    match = PRINTED.fullmatch(line)
    assert match is not None, line
    year, zone, clocks, months = match.groups()
    starts: list[datetime] = []
    for month in months.split(";"):
        name, days = month.split()
        for day in printed_days(days):
            midnight = datetime(int(year), MONTHS[name], day, tzinfo=UTC) + OFFSET[zone]
            for clock in (clocks or "09:00").split(","):
                hour, minute = clock.split(":")
                starts.append(midnight + timedelta(hours=int(hour), minutes=int(minute)))
    return starts


def read_examples() -> list[Example]:
    """Read the table of printed examples; one with two rules gives two."""
    examples = []
    text = (DATA / "recurrence_rules.txt").read_text(encoding="utf-8")
    for block in text.split("\n= ")[1:]:
        title, *lines = [line for line in block.splitlines() if line and line[0] not in "#!"]
        starts = [start for line in lines if line[0].isdigit() for start in printed_starts(line)]
        fixed = [
            line.replace(":", ";TZID=America/New_York:", 1)
            for line in lines
            if line[:2] in ("DT", "EX")
        ]
        rules = [line for line in lines if line.startswith("RRULE")]
        examples += [Example(title, fixed, rule, starts, "..." not in lines) for rule in rules]
    return examples


EXAMPLES = read_examples()


def calendar(*lines: str) -> str:
    """Return a calendar that holds these lines and what every calendar holds."""
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Example//EN"]
    return "\r\n".join([*head, *lines, "END:VCALENDAR", ""])


def event(*lines: str) -> list[str]:
    """Return an event of these lines."""
    return ["BEGIN:VEVENT", "UID:1@example.com", "DTSTAMP:19970101T000000Z", *lines, "END:VEVENT"]


def test_the_table_holds_every_example_of_the_section() -> None:
    """The section prints 39 examples, one of them corrected by an erratum, four with two rules."""
    assert len({example.title for example in EXAMPLES}) == 40
    assert len(EXAMPLES) == 43


@pytest.mark.parametrize(
    "example", EXAMPLES, ids=lambda example: f"{example.title}: {example.rule}"
)
def test_recurrence_rule_expands_as_printed(example: Example) -> None:
    """Each example of §3.8.5.3 gives exactly the instances that the RFC prints."""
    text = calendar(*event(*example.lines, example.rule, "DURATION:PT5M"))
    end = example.starts[-1] + (
        timedelta(days=12 * 365) if example.complete else timedelta(minutes=1)
    )
    found = ours.starts(text, start=datetime(1996, 1, 1, tzinfo=UTC), end=end)
    assert example.starts == [start for start, _ in found]


def utc(text: str) -> datetime:
    """Read ``19970714T123000`` as UTC."""
    return datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


def periods(text: str, zone: str = "America/New_York") -> list[str]:
    """Return all instances of a calendar as ``start/end`` in UTC."""
    found = ours.starts(text, zone=zone, start=utc("19600101T000000"), end=utc("20300101T000000"))
    return [f"{start:%Y%m%dT%H%M%SZ}/{end:%Y%m%dT%H%M%SZ}" for start, end in found]


def test_exception_dates() -> None:
    """§3.8.5.1: the printed EXDATE list takes three instances out of a daily series."""
    text = calendar(
        *event(
            "DTSTART:19960401T010000Z",
            "DURATION:PT1H",
            "RRULE:FREQ=DAILY;COUNT=6",
            "EXDATE:19960402T010000Z,19960403T010000Z,19960404T010000Z",
        )
    )
    expected = ["19960401T010000Z/19960401T020000Z", "19960405T010000Z/19960405T020000Z"]
    assert [*expected, "19960406T010000Z/19960406T020000Z"] == periods(text)


@pytest.mark.parametrize(
    ("rdate", "expected"),
    [
        ("RDATE:19970714T123000Z", ["19970714T123000Z/19970714T133000Z"]),
        ("RDATE;TZID=America/New_York:19970714T083000", ["19970714T123000Z/19970714T133000Z"]),
        (
            "RDATE;VALUE=PERIOD:19960403T020000Z/19960403T040000Z,\r\n 19960404T010000Z/PT3H",
            ["19960403T020000Z/19960403T040000Z", "19960404T010000Z/19960404T040000Z"],
        ),
    ],
    ids=["UTC", "local", "periods"],
)
def test_recurrence_dates(rdate: str, expected: list[str]) -> None:
    """§3.8.5.2: the printed RDATE values add instances, a PERIOD with its own length."""
    text = calendar(*event("DTSTART:19960101T000000Z", "DURATION:PT1H", rdate))
    assert ["19960101T000000Z/19960101T010000Z", *expected] == periods(text)


def test_recurrence_dates_that_are_days() -> None:
    """§3.8.5.2: the printed list of holidays gives eleven whole days in the owner's zone."""
    first = "19970101,19970120,19970217,19970421"
    dates = f"{first},\r\n 19970526,19970704,19970901,19971014,19971128,19971129,19971225"
    text = calendar(*event("DTSTART;VALUE=DATE:19970101", f"RDATE;VALUE=DATE:{dates}"))
    found = periods(text)
    assert len(dates.split(",")) == len(found)
    assert "19970101T050000Z/19970102T050000Z" == found[0]
    assert "19970421T040000Z/19970422T040000Z" == found[3]


def observance(kind: str, *lines: str) -> list[str]:
    """Return a STANDARD or DAYLIGHT sub-component of the Eastern offsets."""
    before, after = ("-0400", "-0500") if kind == "STANDARD" else ("-0500", "-0400")
    return [f"BEGIN:{kind}", *lines, f"TZOFFSETFROM:{before}", f"TZOFFSETTO:{after}", f"END:{kind}"]


def zone(*observances: list[str]) -> list[str]:
    """Return a VTIMEZONE under a name that no database knows, so that its own rules count."""
    inner = [line for lines in observances for line in lines]
    return [
        "BEGIN:VTIMEZONE",
        "TZID:Fictitious",
        "LAST-MODIFIED:20050809T050000Z",
        *inner,
        "END:VTIMEZONE",
    ]


LATER_STANDARD = observance(
    "STANDARD", "DTSTART:20071104T020000", "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU"
)
LATER_DAYLIGHT = observance(
    "DAYLIGHT", "DTSTART:20070311T020000", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU"
)
NEW_YORK = zone(
    observance(
        "DAYLIGHT",
        "DTSTART:19670430T020000",
        "RRULE:FREQ=YEARLY;BYMONTH=4;BYDAY=-1SU;UNTIL=19730429T070000Z",
    ),
    observance(
        "STANDARD",
        "DTSTART:19671029T020000",
        "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU;UNTIL=20061029T060000Z",
    ),
    observance("DAYLIGHT", "DTSTART:19740106T020000", "RDATE:19750223T020000"),
    observance(
        "DAYLIGHT",
        "DTSTART:19760425T020000",
        "RRULE:FREQ=YEARLY;BYMONTH=4;BYDAY=-1SU;UNTIL=19860427T070000Z",
    ),
    observance(
        "DAYLIGHT",
        "DTSTART:19870405T020000",
        "RRULE:FREQ=YEARLY;BYMONTH=4;BYDAY=1SU;UNTIL=20060402T070000Z",
    ),
    LATER_DAYLIGHT,
    LATER_STANDARD,
)
ONE_YEAR = zone(
    observance("STANDARD", "DTSTART:20071104T020000"),
    observance("DAYLIGHT", "DTSTART:20070311T020000"),
)
SIMPLE = zone(LATER_STANDARD, LATER_DAYLIGHT)
STANDARD_SINCE_1967 = observance(
    "STANDARD", "DTSTART:19671029T020000", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10"
)
DAYLIGHT_TO_1998 = observance(
    "DAYLIGHT",
    "DTSTART:19870405T020000",
    "RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=4;UNTIL=19980404T070000Z",
)
ENDING = zone(STANDARD_SINCE_1967, DAYLIGHT_TO_1998)
RESUMING = zone(
    STANDARD_SINCE_1967,
    DAYLIGHT_TO_1998,
    observance("DAYLIGHT", "DTSTART:19990424T020000", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=4"),
)


@pytest.mark.parametrize(
    ("definition", "local", "expected"),
    [
        (NEW_YORK, "19670615T120000", "19670615T160000Z"),
        (NEW_YORK, "19671215T120000", "19671215T170000Z"),
        (NEW_YORK, "19740201T120000", "19740201T160000Z"),
        (NEW_YORK, "19750301T120000", "19750301T160000Z"),
        (NEW_YORK, "19750201T120000", "19750201T170000Z"),
        (NEW_YORK, "19860426T120000", "19860426T170000Z"),
        (NEW_YORK, "19870404T120000", "19870404T170000Z"),
        (NEW_YORK, "19870405T120000", "19870405T160000Z"),
        (NEW_YORK, "20061028T120000", "20061028T160000Z"),
        (NEW_YORK, "20061030T120000", "20061030T170000Z"),
        (NEW_YORK, "20070310T120000", "20070310T170000Z"),
        (NEW_YORK, "20070312T120000", "20070312T160000Z"),
        (NEW_YORK, "20290310T120000", "20290310T170000Z"),
        (NEW_YORK, "20290312T120000", "20290312T160000Z"),
        (ONE_YEAR, "20070601T080000", "20070601T120000Z"),
        (ONE_YEAR, "20071130T080000", "20071130T130000Z"),
        (SIMPLE, "20260701T080000", "20260701T120000Z"),
        (SIMPLE, "20261201T080000", "20261201T130000Z"),
        (ENDING, "19970601T120000", "19970601T160000Z"),
        (ENDING, "19980405T120000", "19980405T170000Z"),
        (ENDING, "20000601T120000", "20000601T170000Z"),
        (RESUMING, "19980601T120000", "19980601T170000Z"),
        (RESUMING, "19990501T120000", "19990501T160000Z"),
        (RESUMING, "20000601T120000", "20000601T160000Z"),
        (RESUMING, "20001201T120000", "20001201T170000Z"),
    ],
)
def test_time_zone_definition(definition: list[str], local: str, expected: str) -> None:
    """§3.6.5: each printed VTIMEZONE gives the offset that was in use at that local time."""
    text = calendar(*definition, *event(f"DTSTART;TZID=Fictitious:{local}", "DURATION:PT1H"))
    assert [expected] == [period.partition("/")[0] for period in periods(text, zone="Asia/Tokyo")]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["DTSTART:19970714T133000", "DURATION:PT1H"], "19970714T173000Z/19970714T183000Z"),
        (["DTSTART:19970714T173000Z", "DURATION:PT1H"], "19970714T173000Z/19970714T183000Z"),
        (
            ["DTSTART;TZID=America/New_York:19970714T133000", "DURATION:PT1H"],
            "19970714T173000Z/19970714T183000Z",
        ),
        # §3.3.5: 1:30 occurs twice on 4 November 2007: the first, in daylight time
        (
            ["DTSTART;TZID=America/New_York:20071104T013000", "DURATION:PT1H"],
            "20071104T053000Z/20071104T063000Z",
        ),
        # §3.3.5: 2:30 does not occur on 11 March 2007: the offset before the gap, 3:30 EDT
        (
            ["DTSTART;TZID=America/New_York:20070311T023000", "DURATION:PT1H"],
            "20070311T073000Z/20070311T083000Z",
        ),
        # §3.3.6: 15 days, 5 hours and 20 seconds; 7 weeks, over the change of clocks
        (["DTSTART:19970714T133000", "DURATION:P15DT5H0M20S"], "19970714T173000Z/19970729T223020Z"),
        (["DTSTART:19970912T133000", "DURATION:P7W"], "19970912T173000Z/19971031T183000Z"),
        # §3.6.1: an anniversary and a multi-day event, without and with an end
        (["DTSTART;VALUE=DATE:19971102"], "19971102T050000Z/19971103T050000Z"),
        (
            ["DTSTART;VALUE=DATE:20070628", "DTEND;VALUE=DATE:20070709"],
            "20070628T040000Z/20070709T040000Z",
        ),
    ],
)
def test_date_time_and_duration_values(lines: list[str], expected: str) -> None:
    """§3.3.5, §3.3.6, §3.6.1: the printed forms of time mean the printed instants."""
    assert [expected] == periods(calendar(*event(*lines)))
