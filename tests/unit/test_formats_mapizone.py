"""Time zones of Outlook's series: by name, by rule, or the owner's."""

from __future__ import annotations

from datetime import UTC, date, timedelta
from random import Random
from zoneinfo import ZoneInfo

from tests.oracles import tnef as outlook
from tests.oracles.tnef import MEETING, Content, Name, Rule, Series
from tests.unit.tnef_case import BERLIN_RULE, NEW_YORK_RULE, busy, lid, outcome_of, recurring, wall

ROME = "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna"


def zoned(values: dict[Name, Content], *, drop: bool = True) -> str:
    """Return when ten o'clock of a day in June and one in January are, in a zone of its own."""
    series = Series(outlook.DAY, wall(5, 10, month=1), 60, outlook.DAILY, 148, end_type=0x2023)
    found = recurring(series)
    if drop:
        del found[lid(0x8260)]
    starts = outcome_of(outlook.message({**found, **values}), zone="Asia/Tokyo").periods
    return " ".join(f"{each.start:%m-%dT%H:%M}" for each in starts[:2])


def test_zones() -> None:
    """A definition's name, else its rule, else the struct, else the owner's zone counts."""
    made_up = outlook.zone_definition("Customized Time Zone", [(0, Rule(0)), (2, NEW_YORK_RULE)])
    series_rule = outlook.zone_definition(
        "Zone", [(2, Rule(-60)), (1, NEW_YORK_RULE), (0, Rule(0))]
    )
    without = Rule(-90, 0, outlook.systemtime(), outlook.systemtime())
    expected: dict[str, list[dict[Name, Content]]] = {
        "01-05T09:00 06-02T08:00": [
            {lid(0x8260): outlook.zone_definition("W. Europe Standard Time", [(2, Rule(300))])},
            {lid(0x825E): outlook.zone_definition("W. Europe Standard Time", [(2, Rule(300))])},
            {lid(0x8233): outlook.zone_struct(BERLIN_RULE)},
            {lid(0x8233): outlook.zone_struct(BERLIN_RULE), lid(0x8234): "Meine \"Zone\"\r\nX:"},
            {lid(0x8233): outlook.zone_struct(BERLIN_RULE), lid(0x8234): ROME},
        ],
        "01-05T15:00 06-02T14:00": [
            {lid(0x8260): made_up},
            {lid(0x8260): series_rule},
            {lid(0x8260): b"\x02", lid(0x8233): outlook.zone_struct(NEW_YORK_RULE)},
        ],
        "01-05T08:30 06-02T08:30": [{lid(0x8233): outlook.zone_struct(without)}],
        "01-05T01:00 06-02T01:00": [
            {},
            {lid(0x8260): b"junk", lid(0x8233): b"junk"},
            {lid(0x8233): outlook.zone_struct(Rule(100_000))},
            {lid(0x8233): outlook.zone_struct(Rule(0, -60, outlook.systemtime(10, 9, 9, 99)))},
        ],
    }  # fmt: skip
    for times, cases in expected.items():
        for values in cases:
            assert times == zoned(values), values


def test_two_made_up_zones_of_one_name_never_meet() -> None:
    """Each appointment of a message has its own definition, whatever it is called."""
    rules = (NEW_YORK_RULE, BERLIN_RULE)
    events = []
    for number, rule in enumerate(rules):
        series = Series(outlook.DAY, wall(2, 10), 60, outlook.DAILY, end_type=0x2021)
        series.last = date(2026, 6, 2)
        values = recurring(series, x8260=outlook.zone_definition("Custom", [(2, rule)]))
        values[MEETING, 0x23] = bytes([number])
        events.append(outlook.embedded(outlook.message(values, outermost=False)))
    assert [
        "BUSY:06-02T08:00/06-02T09:00",
        "BUSY:06-02T14:00/06-02T15:00",
    ] == busy(outlook.message({}, "IPM.Note", events))


def test_a_zone_of_any_octets_is_a_zone_or_none() -> None:
    """Random definitions and structs give busy time all the same."""
    chance = Random(8260)
    series = Series(
        outlook.DAY, wall(1, 10), 60, outlook.DAILY, end_type=0x2021, last=date(2026, 6, 3)
    )
    for _ in range(200):
        junk = chance.randbytes(48)
        rule = Rule(chance.randint(-900, 900), -60, junk[:16], junk[16:32])
        values = recurring(series, x8260=outlook.zone_definition("Z", [(2, rule)]), x8233=junk)
        assert 3 == len(outcome_of(outlook.message(values)).periods)


def test_the_zone_of_a_series_is_that_of_its_writer() -> None:
    """An owner in Tokyo is busy at the writer's hour in Berlin."""
    series = Series(
        outlook.DAY, wall(1, 10), 60, outlook.DAILY, end_type=0x2021, last=date(2026, 6, 3)
    )
    start = wall(1, 10).replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
    found = outcome_of(outlook.message(recurring(series)), zone="Asia/Tokyo").periods
    assert [start + timedelta(days=day) for day in range(3)] == [each.start for each in found]
