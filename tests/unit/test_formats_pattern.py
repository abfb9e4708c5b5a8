"""Outlook's recurrences: as the specification prints them, of every type, and day by day."""

from __future__ import annotations

import hashlib
import struct
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from dateutil.rrule import rrulestr

from calendar_sync.formats.pattern import read_pattern
from tests.oracles import ours
from tests.oracles import tnef as outlook
from tests.oracles.tnef import Changed, Content, Name, Series
from tests.unit.tnef_case import HOUR, busy, lid, outcome_of, recurring, texts_of, utc, wall

# -- recurrences

MONDAYS = 0x02 | 0x10 | 0x20
PRINTED = Series(
    outlook.WEEK,
    datetime(2007, 3, 26, 10),  # noqa: DTZ001 - on the wall
    mask=MONDAYS,
    end_type=0x2022,
    count=12,
    last=date(2007, 4, 20),
    changed=[
        Changed(
            datetime(2007, 4, 16, 10),  # noqa: DTZ001 - on the wall
            datetime(2007, 4, 16, 11),  # noqa: DTZ001 - on the wall
            datetime(2007, 4, 16, 11, 30),  # noqa: DTZ001 - on the wall
            "Simple Recurrence with exceptions",
            "34/4141",
        )
    ],
)


def test_the_recurrence_that_the_specification_prints() -> None:
    """MS-OXOCAL 4.1.1.2: Mondays, Thursdays, Fridays at ten, twelve times, 16 April at eleven."""
    blob = PRINTED.blob()
    assert (262, "33ddf1e0b25d2b20767c46a8cfaf0307") == (
        len(blob),
        hashlib.sha256(blob).hexdigest()[:32],
    )
    first, last = datetime(2007, 1, 1, tzinfo=UTC), datetime(2008, 1, 1, tzinfo=UTC)
    (text,) = texts_of(outlook.message(recurring(PRINTED)))
    days = [26, 29, 30, 2, 5, 6, 9, 12, 13, 16, 19, 20]
    assert [f"{day:02} {11 if day == 16 else 10}:00" for day in days] == [
        f"{start.astimezone(outlook.BERLIN):%d %H:%M}"
        for start, end in ours.starts(text, zone="UTC", start=first, end=last)
        if end - start == timedelta(minutes=30)
    ]


def test_the_daily_recurrence_that_the_specification_prints() -> None:
    """MS-OXOCAL 4.1.1.3: every three days in April 2011, without the 19th and the 22nd."""
    series = Series(outlook.DAY, datetime(2011, 4, 7, 8), 30, outlook.DAILY, 3, end_type=0x2021)  # noqa: DTZ001 - on the wall
    series.last, series.deleted = date(2011, 5, 4), [date(2011, 4, 19), date(2011, 4, 22)]
    blob = series.blob()
    assert "09b6f0d5485f78efb31ba593ec09faa4" == hashlib.sha256(blob).hexdigest()[:32]
    pattern = read_pattern(blob)
    assert "FREQ=DAILY;INTERVAL=3;WKST=SU;UNTIL=20110504" == pattern.rule
    assert series.deleted == pattern.deleted
    (text,) = texts_of(outlook.message(recurring(series)))
    first, last = datetime(2011, 1, 1, tzinfo=UTC), datetime(2012, 1, 1, tzinfo=UTC)
    days = [7, 10, 13, 16, 25, 28, 1, 4]
    assert days == [start.day for start, _ in ours.starts(text, start=first, end=last)]


def rule_of(series: Series) -> str:
    return read_pattern(series.blob()).rule


JUNE = wall(1, 9)
RULES = [
    (Series(outlook.DAY, JUNE, frequency=outlook.DAILY), "FREQ=DAILY;INTERVAL=1;WKST=SU"),
    (
        Series(outlook.WEEK, JUNE, frequency=outlook.DAILY, mask=0x3E),  # every weekday
        "FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,TU,WE,TH,FR;WKST=SU",
    ),
    (
        Series(outlook.WEEK, JUNE, period=2, mask=0x41, first_day=1),
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,SA;WKST=MO",
    ),
    (
        Series(outlook.MONTH, JUNE, frequency=outlook.MONTHLY, period=3, number=1),
        "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=1;WKST=SU",
    ),
    (
        Series(outlook.MONTH, JUNE, frequency=outlook.MONTHLY, number=30),
        "FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=28,29,30;BYSETPOS=-1;WKST=SU",
    ),
    (
        Series(outlook.MONTH, JUNE, frequency=outlook.MONTHLY, number=31),
        "FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=-1;WKST=SU",
    ),
    (
        Series(outlook.MONTH_END, JUNE, frequency=outlook.MONTHLY, number=31),
        "FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=-1;WKST=SU",
    ),
    (
        Series(outlook.MONTH_NTH, JUNE, frequency=outlook.MONTHLY, mask=0x3E, number=5),
        "FREQ=MONTHLY;INTERVAL=1;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;WKST=SU",
    ),
    (
        Series(outlook.MONTH_NTH, JUNE, frequency=outlook.YEARLY, period=12, mask=2, number=1),
        "FREQ=MONTHLY;INTERVAL=12;BYDAY=MO;BYSETPOS=1;WKST=SU",
    ),
    (
        Series(outlook.MONTH, JUNE, frequency=outlook.YEARLY, period=12, number=1),
        "FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=1;WKST=SU",
    ),
    (
        Series(outlook.DAY, JUNE, end_type=0x2021, last=date(2026, 6, 9)),
        "FREQ=DAILY;INTERVAL=1;WKST=SU;UNTIL=20260609",
    ),
    (Series(outlook.DAY, JUNE, end_type=0x2022, count=7), "FREQ=DAILY;INTERVAL=1;WKST=SU;COUNT=7"),
    (Series(outlook.DAY, JUNE, end_type=0xFFFFFFFF), "FREQ=DAILY;INTERVAL=1;WKST=SU"),
    (Series(0x0A, JUNE, number=3), "RSCALE=OTHER;FREQ=MONTHLY;WKST=SU"),
    (Series(outlook.MONTH, JUNE, number=3, calendar=8), "RSCALE=OTHER;FREQ=MONTHLY;WKST=SU"),
    (
        Series(outlook.MONTH, JUNE, number=3, calendar=3),
        "FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=3;WKST=SU",
    ),
]


@pytest.mark.parametrize(("series", "rule"), RULES)
def test_the_rule_of_each_pattern(series: Series, rule: str) -> None:
    """Every type of pattern and of end is the rule that iCalendar has for it."""
    assert rule == rule_of(series)


def test_every_pattern_is_what_it_is_day_by_day() -> None:
    """Two hundred random series, deleted and moved instances too, equal a walk over all days."""
    chance = Random(2007)
    first, last = datetime(2025, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    edge = datetime(2027, 12, 25, tzinfo=UTC)
    for _ in range(200):
        series = outlook.random_series(chance)
        (text,) = texts_of(outlook.message(recurring(series)))
        found = ours.starts(text, zone="America/New_York", start=first, end=last)
        walked = series.instances(date(2027, 12, 28))
        assert [each for each in walked if each[0] < edge] == [
            each for each in found if each[0] < edge
        ], series


def test_another_reader_of_rules_sees_the_same_days() -> None:
    """python-dateutil expands the rule of a pattern to the days that the pattern names."""
    chance = Random(2001)
    for _ in range(100):
        series = outlook.random_series(chance)
        pattern = read_pattern(series.blob())
        text = f"{pattern.rule}T235959" if "UNTIL" in pattern.rule else pattern.rule
        rule = rrulestr(text, dtstart=pattern.start)
        expected = list(series.days(date(2027, 12, 31)))
        found = rule.between(pattern.start, wall(31, 23, month=12).replace(year=2027), inc=True)
        assert expected == [each.date() for each in found], series


def test_a_changed_instance_has_a_state_of_its_own() -> None:
    """An instance may be free, or at other times, or out of office; the series stays busy."""
    series = Series(
        outlook.DAY, wall(1, 10), 60, outlook.DAILY, end_type=0x2021, last=date(2026, 6, 4)
    )
    series.changed = [
        Changed(wall(2, 10), wall(2, 10), wall(2, 11), busy_status=0),
        Changed(wall(3, 10), wall(3, 14, 30), wall(3, 16), "Ü", "34/4141", busy_status=3),
    ]
    series.deleted = [date(2026, 6, 4)]
    assert [
        "BUSY:06-01T08:00/06-01T09:00",
        "BUSY-UNAVAILABLE:06-03T12:30/06-03T14:00",
    ] == busy(outlook.message(recurring(series, x8205=2)))


def test_a_series_of_whole_days() -> None:
    """A whole day is one from midnight to midnight, however long it is."""
    series = Series(outlook.DAY, wall(28, 0, month=3), 1440, outlook.DAILY, end_type=0x2021)
    series.last = date(2026, 3, 29)
    assert ["BUSY:03-27T23:00/03-29T22:00"] == busy(
        outlook.message(recurring(series, x8215=True)), zone="UTC"
    )


def test_a_cancelled_series_is_free() -> None:
    """The flag frees the series and its changed instances."""
    assert [] == outcome_of(outlook.message(recurring(PRINTED, x8217=4))).periods


@pytest.mark.parametrize(
    "blob",
    [
        Series(0x0A, JUNE, number=3).blob(),
        Series(outlook.DAY, JUNE, period=0).blob(),
        Series(outlook.WEEK, JUNE, mask=0).blob(),
        Series(outlook.MONTH, JUNE, number=32).blob(),
        Series(outlook.MONTH_NTH, JUNE, mask=2, number=6).blob(),
        Series(outlook.DAY, JUNE, minutes=-1000 % 2**16).blob()[:30],
        b"\x04\x30",
        b"\xff" * 100,
    ],
)
def test_a_recurrence_that_cannot_be_read_shows_its_first_instance(blob: bytes) -> None:
    """Of a series without a rule that can be told its own times are busy, and it is counted."""
    values: dict[Name, Content] = {lid(0x820D): utc(1, 7), lid(0x820E): utc(1, 8)}
    outcome = outcome_of(outlook.message({**values, lid(0x8223): True, lid(0x8216): blob}))
    assert (["06-01"], 1) == (
        [f"{each.start:%m-%d}" for each in outcome.periods],
        len(outcome.skipped),
    )


def test_any_number_in_a_recurrence_is_read_or_refused() -> None:
    """With any number of a blob at its extremes, there is busy time, or an error of ours."""
    blob = PRINTED.blob()
    for at in range(len(blob) - 3):
        for number in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF):
            changed = blob[:at] + struct.pack("<I", number) + blob[at + 4 :]
            values = {**HOUR, **recurring(PRINTED), lid(0x8216): changed}
            outcome_of(outlook.message(values))


def test_changed_instances_that_cannot_be_read_free_nothing() -> None:
    """Where the changes are cut off, what may have moved counts where it was and is said to be."""
    series = Series(
        outlook.DAY, wall(1, 10), 60, outlook.DAILY, end_type=0x2021, last=date(2026, 6, 3)
    )
    series.changed = [Changed(wall(2, 10), wall(8, 12), wall(8, 13))]
    pattern = recurring(series)
    blob = series.blob()
    pattern[lid(0x8216)] = blob[: blob.index(struct.pack("<I", 0x3006)) + 20]
    assert ["01", "02", "03", "08"] == [
        f"{each.start:%d}" for each in outcome_of(outlook.message(pattern)).periods
    ]
