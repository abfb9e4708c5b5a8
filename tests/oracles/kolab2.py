"""Kolab 2 recurrences, day by day: slow, plain, and with nothing of the reader's in it."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
BERLIN = ZoneInfo("Europe/Berlin")
KINDS = (
    ("daily", ""),
    ("weekly", ""),
    ("monthly", "daynumber"),
    ("monthly", "weekday"),
    ("yearly", "monthday"),
    ("yearly", "yearday"),
    ("yearly", "weekday"),
)


@dataclass
class Series:
    """A recurrence as Kolab 2 stores it, on the wall clock of an owner in Berlin."""

    cycle: str
    kind: str
    interval: int = 1
    days: list[int] = field(default_factory=list)
    number: int = 1
    month: int = 1
    start: datetime = datetime(2026, 1, 1, 9)  # noqa: DTZ001 - on the wall
    hours: int = 1
    times: int | None = None
    last: date | None = None
    exclusions: list[date] = field(default_factory=list)

    def matches(self, day: date) -> bool:
        """Whether the rule names a day, wherever the series starts and ends."""
        first = self.start.date()
        months = (day.year - first.year) * 12 + day.month - first.month
        if self.cycle == "daily":
            return (day - first).days % self.interval == 0
        if self.cycle == "weekly":
            weeks = (monday(day) - monday(first)).days // 7
            return weeks % self.interval == 0 and day.weekday() in self.days
        if self.cycle == "monthly" and months % self.interval:
            return False
        if self.cycle == "yearly" and (day.year - first.year) % self.interval:
            return False
        if self.kind == "yearday":
            return day.timetuple().tm_yday == self.number
        if self.cycle == "yearly" and day.month != self.month:
            return False
        return self.nth(day) if self.kind == "weekday" else day.day == self.number

    def nth(self, day: date) -> bool:
        """Whether a day is the numbered weekday of its month; the fifth is the last."""
        if day.weekday() not in self.days:
            return False
        if self.number == 5:
            return day.day + 7 > monthrange(day.year, day.month)[1]
        return (day.day - 1) // 7 + 1 == self.number

    def instances(self, until: date) -> Iterator[tuple[datetime, datetime]]:
        """Yield start and end of each instance in UTC, those that are excluded left out."""
        day, left = self.start.date(), self.times
        while day <= min(until, self.last or until) and left != 0:
            if self.matches(day):
                left = None if left is None else left - 1
                if day not in self.exclusions:
                    wall = datetime.combine(day, self.start.time(), BERLIN)
                    start = wall.astimezone(UTC)
                    yield start, start + timedelta(hours=self.hours)
            day += timedelta(days=1)

    def xml(self) -> str:
        """Return the event as Kontact writes it: times in UTC."""
        start = self.start.replace(tzinfo=BERLIN).astimezone(UTC)
        end = start + timedelta(hours=self.hours)
        kind = f' type="{self.kind}"' if self.kind else ""
        inner = [f"<interval>{self.interval}</interval>"]
        inner += [f"<day>{WEEKDAYS[day]}</day>" for day in self.days]
        if self.cycle in ("monthly", "yearly"):
            inner.append(f"<daynumber>{self.number}</daynumber>")
        if self.cycle == "yearly" and self.kind != "yearday":
            inner.append(f"<month>{MONTHS[self.month - 1]}</month>")
        inner.append(self._range())
        inner += [f"<exclusion>{day}</exclusion>" for day in self.exclusions]
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<event version="1.0"><uid>series</uid>'
            f"<start-date>{start:%Y-%m-%dT%H:%M:%SZ}</start-date>"
            f"<end-date>{end:%Y-%m-%dT%H:%M:%SZ}</end-date>"
            f'<recurrence cycle="{self.cycle}"{kind}>{"".join(inner)}</recurrence>'
            "<show-time-as>busy</show-time-as></event>"
        )

    def _range(self) -> str:
        if self.times is not None:
            return f'<range type="number">{self.times}</range>'
        if self.last is not None:
            return f'<range type="date">{self.last}</range>'
        return '<range type="none"/>'


def monday(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def random_series(chance: Random) -> Series:
    """Return a series of any kind that starts on a day that its own rule names."""
    cycle, kind = chance.choice(KINDS)
    most = {"daynumber": 31, "monthday": 28, "yearday": 365}.get(kind, 5)
    series = Series(cycle, kind, chance.randint(1, 3), number=chance.randint(1, most))
    if cycle == "weekly" or kind == "weekday":
        series.days = sorted(chance.sample(range(7), 1 if kind else chance.randint(1, 5)))
    series.month = chance.randint(1, 12)
    series.start = datetime(2025, chance.randint(1, 12), 1, chance.randint(4, 23))  # noqa: DTZ001 - on the wall
    series.start += timedelta(minutes=15 * chance.randint(0, 3))
    while not _begins(series):
        series.start += timedelta(days=1)
    series.hours = chance.randint(1, 30)
    if chance.random() < 0.3:
        series.times = chance.randint(1, 40)
    elif chance.random() < 0.5:
        series.last = series.start.date() + timedelta(days=chance.randint(0, 900))
    found = [start.astimezone(BERLIN).date() for start, _ in series.instances(date(2027, 12, 31))]
    series.exclusions = sorted(chance.sample(found, min(len(found), chance.randint(0, 3))))
    return series


def _begins(series: Series) -> bool:
    return series.matches(series.start.date())
