"""A message's own VTIMEZONE: equal to the database where it should be, and nobody else's."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freebusy.components import read_stream
from freebusy.errors import CalendarDataError, RefusedRuleError
from freebusy.values import parse_moment
from freebusy.vtimezone import (
    MAX_OBSERVANCES,
    MAX_RDATES,
    PREFIX,
    Observance,
    compile_zone,
    disagree,
    observance,
    parse_offset,
    zone,
    zone_key,
)
from freebusy.zones import Zone, named_zone

HOUR = 3600


def utc(text: str) -> int:
    return parse_moment(text).local


def definition(*parts: str, tzid: str = "x") -> str:
    """Return the text of a VTIMEZONE; a part is ``STANDARD|line|line``."""
    lines = [f"BEGIN:VTIMEZONE\nTZID:{tzid}"]
    for one in parts:
        name, *rest = one.split("|")
        lines += [f"BEGIN:{name}", *rest, f"END:{name}"]
    return "\n".join([*lines, "END:VTIMEZONE"])


def key_of(*parts: str) -> str:
    return read_stream(definition(*parts)).definitions["x"]


def part(name: str, start: str, offset_from: str, offset_to: str, *more: str) -> str:
    """Return one part as :func:`definition` takes it."""
    offsets = (f"TZOFFSETFROM:{offset_from}", f"TZOFFSETTO:{offset_to}")
    return "|".join([name, f"DTSTART:{start}", *offsets, *more])


def outlook(
    standard: str, daylight: str, winter: str, summer: str, hours: tuple[str, str]
) -> tuple[str, str]:
    """Return a definition as Outlook writes one: from 1601 on, a rule for each half."""
    first, second = (f"16010101T{hour}" for hour in hours)
    return (
        part("STANDARD", first, summer, winter, f"RRULE:FREQ=YEARLY;{standard}"),
        part("DAYLIGHT", second, winter, summer, f"RRULE:FREQ=YEARLY;{daylight}"),
    )


APRIL, SPRING = "BYDAY=1SU;BYMONTH=4", "BYDAY=1SU;BYMONTH=10"
OCTOBER, MARCH = "BYDAY=-1SU;BYMONTH=10", "BYDAY=-1SU;BYMONTH=3"
BERLIN = outlook(OCTOBER, MARCH, "+0100", "+0200", ("030000", "020000"))
NOVEMBER, SECOND_SUNDAY = "BYDAY=1SU;BYMONTH=11", "BYDAY=2SU;BYMONTH=3"
EASTERN = outlook(NOVEMBER, SECOND_SUNDAY, "-0500", "-0400", ("020000", "020000"))
PACIFIC = outlook(NOVEMBER, SECOND_SUNDAY, "-0800", "-0700", ("020000", "020000"))

# -- equal to the database


@pytest.mark.parametrize(
    ("name", "since", "parts"),
    [
        ("Europe/Berlin", 2000, BERLIN),
        ("Europe/London", 2000, outlook(OCTOBER, MARCH, "+0000", "+0100", ("020000", "010000"))),
        ("Europe/Athens", 2000, outlook(OCTOBER, MARCH, "+0200", "+0300", ("040000", "030000"))),
        ("America/New_York", 2007, EASTERN),
        ("America/Los_Angeles", 2007, PACIFIC),
        ("Australia/Sydney", 2009, outlook(APRIL, SPRING, "+1000", "+1100", ("030000", "020000"))),
        ("Australia/Lord_Howe", 2009, outlook(APRIL, SPRING, "+1030", "+1100", ("020000",) * 2)),
        ("Asia/Tokyo", 2000, (part("STANDARD", "16010101T000000", "+0900", "+0900"),)),
        ("Asia/Kathmandu", 2000, ("STANDARD|DTSTART:16010101T000000|TZOFFSETTO:+0545",)),
    ],
)  # fmt: skip
def test_outlooks_definitions_equal_the_database(
    name: str, since: int, parts: tuple[str, ...]
) -> None:
    """Rules from 1601 give every offset and onset of the zone until 2040, to the second."""
    start, end = utc(f"{since}0101T000000"), utc("20400101T000000")
    assert not disagree(name, key_of(*parts), start, end)
    mine, theirs = zone(key_of(*parts)), named_zone(name)
    for at, _ in theirs.offsets_between(start, end)[1:]:
        for local in range(at - 5 * HOUR, at + 15 * HOUR, 900):
            assert theirs.to_utc(local) == mine.to_utc(local)


@given(st.integers(utc("20000101T000000"), utc("20400101T000000")))
def test_any_moment_is_the_databases(moment: int) -> None:
    """At any second both tables show the same wall clock, and mean the same by it."""
    mine, theirs = zone(key_of(*BERLIN)), named_zone("Europe/Berlin")
    assert theirs.to_local(moment) == mine.to_local(moment)
    assert theirs.to_utc(moment) == mine.to_utc(moment)


def test_a_table_from_1601_is_built_quickly() -> None:
    """A definition costs milliseconds, not the seconds that probing it would."""
    key = key_of(*(one.replace("DTSTART:1601", "DTSTART:1602") for one in BERLIN))
    compile_zone.cache_clear()
    before = process_time()
    compile_zone(key)
    assert 0.1 > process_time() - before


def test_two_zones_disagree_only_inside_the_time_asked() -> None:
    """Before 2007 America changed its clocks on other Sundays than a present-day rule says."""
    times = [utc(f"{year}0101T000000") for year in (2005, 2008, 2020)]
    assert disagree("America/New_York", key_of(*EASTERN), times[0], times[1])
    assert not disagree("America/New_York", key_of(*EASTERN), times[1], times[2])


# -- the parts


@pytest.mark.parametrize(
    ("parts", "moments"),
    [
        # onsets by RDATE (RFC 5545 §3.8.5.2), several on a line
        (
            [
                part("STANDARD", "20200101T000000", "+0000", "+0000"),
                part("DAYLIGHT", "20260401T000000", "+0000", "+0100",
                     "RDATE:20260601T000000,20260801T000000"),
            ],
            {"20260301T000000": 0, "20260401T000000": HOUR, "20260701T000000": HOUR},
        ),
        # UNTIL in UTC ends a rule: the last onset is on the last Sunday of October 2025
        (
            [
                part("STANDARD", "20001029T030000", "+0200", "+0100",
                     f"RRULE:FREQ=YEARLY;{OCTOBER};UNTIL=20251026T010000Z"),
                part("DAYLIGHT", "20000326T020000", "+0100", "+0200", f"RRULE:FREQ=YEARLY;{MARCH}"),
            ],
            {"20250101T000000": HOUR, "20250701T000000": 2 * HOUR, "20260101T000000": HOUR,
             "20260701T000000": 2 * HOUR, "20270101T000000": 2 * HOUR},
        ),
        # UNTIL as a date includes that day
        (
            [
                part("STANDARD", "20001101T000000", "+0100", "+0000",
                     "RRULE:FREQ=YEARLY;UNTIL=20031101"),
                part("DAYLIGHT", "20000501T000000", "+0000", "+0100",
                     "RRULE:FREQ=YEARLY;UNTIL=20030501"),
            ],
            {"20030601T000000": HOUR, "20031201T000000": 0, "20260701T000000": 0},
        ),
        # offsets with seconds, negative ones, and the one before the first onset
        (
            [part("STANDARD", "20000101T000000", "-003730", "-0330")],
            {"19990101T000000": -2250, "20260101T000000": -12600},
        ),
        # without DTSTART and TZOFFSETFROM: one offset for ever
        (["STANDARD|TZOFFSETTO:+0300"], {"19700101T000000": 3 * HOUR, "20991231T000000": 3 * HOUR}),
        # written in lower case, with spaces and colons
        (
            [
                part("STANDARD", "20000101T000000", "+0100", "+0000 ",
                     "RRULE:FREQ=YEARLY; BYMONTH=11").lower(),
                part("DAYLIGHT", "20000501T000000", "+0000", "+01:00", "RRULE:FREQ=YEARLY"),
            ],
            {"20260701T000000": HOUR, "20261201T000000": 0},
        ),
    ],
)  # fmt: skip
def test_what_a_definition_says(parts: list[str], moments: dict[str, int]) -> None:
    """The offset at each moment follows from the observance that began last."""
    place = zone(key_of(*parts))
    assert moments == {text: place.to_local(utc(text)) - utc(text) for text in moments}


def test_a_definition_of_one_kind_is_a_zone() -> None:
    """DAYLIGHT alone counts as well."""
    place = zone(key_of("DAYLIGHT|DTSTART:19700101T000000|TZOFFSETTO:+0200"))
    assert 2 * HOUR == place.to_local(0)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("+0100", 3600), ("-0500", -18000), ("+0000", 0), ("-0000", 0), ("+0545", 20700),
        ("+053020", 19820), ("+01:00", 3600), ("+1400", 50400), (" +0100 ", 3600),
        ("-003730", -2250),
    ],
)  # fmt: skip
def test_offsets(value: str, seconds: int) -> None:
    """Hours, minutes and, before there were zones, seconds (RFC 5545 §3.3.14)."""
    assert seconds == parse_offset(value)


@pytest.mark.parametrize(
    "value",
    ["", "0100", "+1", "+100", "+01000", "+1900", "+0160", "+01.5", "UTC+1", "+٠١٠٠", "±0100"],
)
def test_what_is_no_offset_is_refused(value: str) -> None:
    """No zone is more than 18 hours from UTC."""
    with pytest.raises(CalendarDataError):
        parse_offset(value)


def test_an_observance_needs_an_offset() -> None:
    """Without TZOFFSETTO a part says nothing."""
    with pytest.raises(CalendarDataError):
        observance({"DTSTART": [":19700101T000000"], "TZOFFSETFROM": [":+0100"]})


# -- isolation


def test_a_zone_is_known_by_content() -> None:
    """The same name with other rules is another zone; other names with one rule are the same."""
    mine = read_stream(definition("STANDARD|TZOFFSETTO:+0100", tzid="Customized Time Zone"))
    yours = read_stream(definition("STANDARD|TZOFFSETTO:-0500", tzid="Customized Time Zone"))
    other = read_stream(definition("STANDARD|TZOFFSETTO:+0100", tzid="Meine Zeit"))
    keys = [*mine.definitions.values(), *yours.definitions.values(), *other.definitions.values()]
    assert [HOUR, -5 * HOUR, HOUR] == [zone(key).to_local(0) for key in keys]
    assert keys[0] == keys[2] != keys[1]


@given(st.permutations([*BERLIN, *BERLIN, EASTERN[0]]))
def test_the_key_does_not_depend_on_the_order(parts: list[str]) -> None:
    """However its parts are ordered or repeated, a definition has one key."""
    assert key_of(*BERLIN, EASTERN[0]) == key_of(*parts)


def test_a_key_says_all() -> None:
    """A stored key makes the same table in another process, where no message is at hand."""
    key = key_of(*BERLIN)
    assert key.startswith(PREFIX)
    compile_zone.cache_clear()
    assert -HOUR == zone(key).to_utc(0)
    assert "UTC" != key
    assert isinstance(zone("UTC"), Zone)


# -- hostile definitions


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY", "FREQ=MINUTELY", "FREQ=HOURLY", "FREQ=DAILY", "FREQ=WEEKLY;BYDAY=SU",
        "FREQ=YEARLY;INTERVAL=0", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=YEARLY;BYMONTH=13",
        "FREQ=NEVER", "BYMONTH=3", "FREQ=YEARLY;UNTIL=never", "FREQ=YEARLY;RSCALE=HEBREW",
    ],
)  # fmt: skip
def test_hostile_rules_are_refused(rule: str) -> None:
    """A zone rule finer than monthly, broken or impossible is never run; the zone is unknown."""
    hostile = part("STANDARD", "16010101T000000", "+0000", "+0100", f"RRULE:{rule}")
    assert {} == read_stream(definition(hostile)).definitions
    with pytest.raises(RefusedRuleError):
        compile_zone(zone_key([Observance(0, HOUR, utc("16010101T000000"), rule, ())]))


def test_a_definition_has_bounded_parts() -> None:
    """Too many observances, or none, are no definition."""
    parts = [Observance(0, HOUR, number, "", ()) for number in range(MAX_OBSERVANCES + 1)]
    assert zone_key(parts[1:])
    for wrong in (parts, []):
        with pytest.raises(CalendarDataError):
            zone_key(wrong)


def test_dates_of_an_observance_are_bounded() -> None:
    """Of a list without end the first are kept."""
    dates = ",".join(f"{1000 + number}0101T000000" for number in range(2 * MAX_RDATES))
    read = observance({"TZOFFSETTO": [":+0100"], "RDATE": [f":{dates}"]})
    assert MAX_RDATES == len(read.further)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["STANDARD", "DAYLIGHT", "X-PART"]),
            st.sampled_from(["DTSTART", "RRULE", "RDATE", "TZOFFSETFROM", "TZOFFSETTO", "EXDATE"]),
            st.text(alphabet="0123456789TZ+-:;=,FREQYALBMONTHSU ", max_size=20),
        ),
        max_size=6,
    )
)
def test_any_definition_is_a_zone_or_nothing(rows: list[tuple[str, str, str]]) -> None:
    """Whatever is written, reading does not raise, and what is kept can be used."""
    parts = [f"{kind}|TZOFFSETTO:+0100|{name}:{value}" for kind, name, value in rows]
    for key in read_stream(definition(*parts)).definitions.values():
        assert abs(zone(key).to_utc(0)) <= 19 * HOUR
