"""TNEF and Outlook's recurrences, written field by field and walked day by day."""

from __future__ import annotations

import struct
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from random import Random

APPOINTMENT = UUID("00062002-0000-0000-c000-000000000046")
MEETING = UUID("6ed8da90-450b-101b-98da-00aa003f1305")
IMESSAGE = UUID("00020307-0000-0000-c000-000000000046")
SIGNATURE = struct.pack("<IH", 0x223E9F78, 0x0001)
EPOCH = datetime(1601, 1, 1)  # noqa: DTZ001 - on the wall
DAY, WEEK, MONTH, MONTH_NTH, MONTH_END = range(5)
DAILY, WEEKLY, MONTHLY, YEARLY = range(0x200A, 0x200E)
BERLIN = ZoneInfo("Europe/Berlin")
NEVER = 0x5AE980DF

# -- the container

Content = bool | int | datetime | bytes | str
Name = int | tuple[UUID, int] | tuple[UUID, str]


def attribute(number: int, content: bytes, *, level: int = 1) -> bytes:
    """Return one attribute with its checksum (MS-OXTNEF 2.1.3.1)."""
    checksum = sum(content) & 0xFFFF
    return struct.pack("<BII", level, number, len(content)) + content + struct.pack("<H", checksum)


def properties(values: Mapping[Name, Content]) -> bytes:
    """Return a list of properties (MS-OXTNEF 2.1.3.4)."""
    return struct.pack("<I", len(values)) + b"".join(_property(*each) for each in values.items())


def _property(name: Name, content: Content) -> bytes:
    kind, octets = _content(content)
    if isinstance(name, int):
        return struct.pack("<HH", kind, name) + octets
    guid, within = name
    head = struct.pack("<HH", kind, 0x8000) + guid.bytes_le
    if isinstance(within, int):
        return head + struct.pack("<II", 0, within) + octets
    text = f"{within}\0".encode("utf-16-le")
    return head + struct.pack("<II", 1, len(text)) + padded(text) + octets


def _content(content: Content) -> tuple[int, bytes]:
    if isinstance(content, bool):
        return 0x000B, struct.pack("<HH", content, 0)
    if isinstance(content, int):
        return 0x0003, struct.pack("<i", content)
    if isinstance(content, datetime):
        ticks = (content - EPOCH.replace(tzinfo=UTC)) // timedelta(microseconds=1) * 10
        return 0x0040, struct.pack("<Q", ticks)
    if isinstance(content, str):
        text = f"{content}\0".encode("utf-16-le")
        return 0x001F, struct.pack("<II", 1, len(text)) + padded(text)
    kind = 0x000D if content.startswith(IMESSAGE.bytes_le) else 0x0102
    return kind, struct.pack("<II", 1, len(content)) + padded(content)


def lid(number: int) -> Name:
    """Return the name of an appointment's property."""
    return APPOINTMENT, number


def padded(octets: bytes) -> bytes:
    """Return octets filled up to a multiple of four."""
    return octets + bytes(-len(octets) % 4)


def message(
    values: Mapping[Name, Content],
    kind: str = "IPM.Appointment",
    attachments: Iterable[bytes] = (),
    *,
    outermost: bool = True,
) -> bytes:
    """Return a stream: a message of a class with properties and attachments."""
    head = attribute(0x00089006, struct.pack("<I", 0x10000))
    head += attribute(0x00069007, struct.pack("<II", 1252, 0))
    if outermost:
        head += attribute(0x00078008, kind.encode() + b"\0")
        listed = attribute(0x00069003, properties(values))
    else:  # an embedded message has its class among its properties only
        listed = attribute(0x00069003, properties({0x001A: kind, **values}))
    return SIGNATURE + head + listed + b"".join(attachments)


def embedded(stream: bytes) -> bytes:
    """Return the attributes of an attached message."""
    inner = properties({0x3701: IMESSAGE.bytes_le + stream})
    rendering = attribute(0x00069002, bytes(14), level=2)
    return rendering + attribute(0x00069005, inner, level=2)


def attached(content: bytes) -> bytes:
    """Return the attributes of an attached file."""
    rendering = attribute(0x00069002, bytes(14), level=2)
    return rendering + attribute(0x0006800F, content, level=2)


# -- zones


def systemtime(month: int = 0, weekday: int = 0, nth: int = 0, hour: int = 0) -> bytes:
    """Return the n-th weekday of a month as Windows writes it."""
    return struct.pack("<8H", 0, month, weekday, nth, hour, 0, 0, 0)


class Rule(NamedTuple):
    """When a zone keeps which time."""

    bias: int
    daylight_bias: int = -60
    standard: bytes = systemtime(10, 0, 5, 3)
    daylight: bytes = systemtime(3, 0, 5, 2)


def zone_struct(rule: Rule) -> bytes:
    """Return a TimeZoneStruct (MS-OXOCAL 2.2.1.39)."""
    head = struct.pack("<iii", rule.bias, 0, rule.daylight_bias)
    return head + bytes(2) + rule.standard + bytes(2) + rule.daylight


def zone_definition(name: str, rules: Iterable[tuple[int, Rule]]) -> bytes:
    """Return a TimeZoneDefinition (MS-OXOCAL 2.2.1.41) of rules with their flags."""
    key = name.encode("utf-16-le")
    found = [
        struct.pack("<BBHHH14xiii", 2, 1, 0x3E, flags, 2007, rule.bias, 0, rule.daylight_bias)
        + rule.standard
        + rule.daylight
        for flags, rule in rules
    ]
    head = struct.pack("<BBHHH", 2, 1, 6 + len(key), 2, len(name)) + key
    return head + struct.pack("<H", len(found)) + b"".join(found)


# -- recurrences


class Changed(NamedTuple):
    """An instance that was changed."""

    original: datetime
    start: datetime
    end: datetime
    subject: str = ""
    location: str = ""
    busy_status: int | None = None


@dataclass
class Series:
    """A recurrence as Outlook stores it, on the wall of its zone."""

    kind: int
    start: datetime
    """Of the first instance."""
    minutes: int = 30
    frequency: int = WEEKLY
    period: int = 1
    """Days, weeks or months."""
    mask: int = 0
    """Sunday is 1, Saturday 64."""
    number: int = 0
    """The day of the month, or which of the weekdays."""
    first_day: int = 0
    end_type: int = 0x2023
    count: int = 10
    last: date | None = None
    calendar: int = 0
    deleted: list[date] = field(default_factory=list)
    changed: list[Changed] = field(default_factory=list)

    def blob(self) -> bytes:
        """Return the AppointmentRecurrencePattern (MS-OXOCAL 2.2.1.44.5)."""
        period = self.period * 1440 if self.kind == DAY else self.period
        head = struct.pack("<5H", 0x3004, 0x3004, self.frequency, self.kind, self.calendar)
        head += struct.pack("<3I", self._first(), period, 0) + self._specific()
        head += struct.pack("<3I", self.end_type, self.count, self.first_day)
        gone = sorted({*self.deleted, *(each.original.date() for each in self.changed)})
        head += _days(gone) + _days(sorted(each.start.date() for each in self.changed))
        last = NEVER if self.last is None else _minutes(_midnight(self.last))
        opens = self.start.hour * 60 + self.start.minute
        head += struct.pack("<2I", _minutes(_midnight(self.start)), last)
        head += struct.pack("<4IH", 0x3006, 0x3009, opens, opens + self.minutes, len(self.changed))
        infos = b"".join(map(_info, self.changed))
        extended = b"".join(map(_extended, self.changed))
        return head + infos + bytes(4) + extended + bytes(4)

    def _first(self) -> int:
        """Return FirstDateTime, which is not read (MS-OXOCAL 2.2.1.44.1.1)."""
        start = _midnight(self.start)
        if self.kind == WEEK:
            back = (start.weekday() + 1 - self.first_day) % 7
            return _minutes(start - timedelta(days=back)) % (self.period * 10080)
        return _minutes(start) % (self.period * 1440 or 1) if self.kind == DAY else 0

    def _specific(self) -> bytes:
        numbers = {
            DAY: [],
            WEEK: [self.mask],
            MONTH: [self.number],
            MONTH_NTH: [self.mask, self.number],
            MONTH_END: [self.number],
            0x0A: [self.number],
        }[self.kind]
        return struct.pack(f"<{len(numbers)}I", *numbers)

    def matches(self, day: date) -> bool:
        """Whether the pattern names a day, wherever the series starts and ends."""
        first = self.start.date()
        months = (day.year - first.year) * 12 + day.month - first.month
        last = monthrange(day.year, day.month)[1]
        if self.kind == DAY:
            return (day - first).days % self.period == 0
        if self.kind == WEEK:
            weeks = (self._week(day) - self._week(first)).days // 7
            return weeks % self.period == 0 and self._masked(day)
        if months % self.period:
            return False
        if self.kind == MONTH_NTH:
            named = [each for each in range(1, last + 1) if self._masked(day.replace(day=each))]
            which = -1 if self.number == 5 else self.number - 1
            return len(named) > which and named[which] == day.day
        return day.day == (last if self.kind == MONTH_END else min(self.number, last))

    def _week(self, day: date) -> date:
        return day - timedelta(days=(day.weekday() + 1 - self.first_day) % 7)

    def _masked(self, day: date) -> bool:
        return bool(self.mask >> (day.weekday() + 1) % 7 & 1)

    def days(self, until: date) -> Iterator[date]:
        """Yield the days of all instances, deleted and changed ones too."""
        day, left = self.start.date(), self.count if self.end_type == 0x2022 else -1
        end = self.last if self.end_type == 0x2021 and self.last else until
        while day <= min(end, until) and left != 0:
            if self.matches(day):
                left -= 1
                yield day
            day += timedelta(days=1)

    def instances(self, until: date, zone: ZoneInfo = BERLIN) -> list[tuple[datetime, datetime]]:
        """Return start and end of each instance in UTC, sorted."""
        gone = {*self.deleted, *(each.original.date() for each in self.changed)}
        found = []
        for day in self.days(until):
            if day not in gone:
                start = datetime.combine(day, self.start.time(), zone).astimezone(UTC)
                found.append((start, start + timedelta(minutes=self.minutes)))
        for each in self.changed:
            times = (each.start.replace(tzinfo=zone), each.end.replace(tzinfo=zone))
            found.append((times[0].astimezone(UTC), times[1].astimezone(UTC)))
        return sorted(found)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def _minutes(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(minutes=1)


def _days(days: list[date]) -> bytes:
    numbers = [_minutes(_midnight(day)) for day in days]
    return struct.pack(f"<{len(numbers) + 1}I", len(numbers), *numbers)


def _three(changed: Changed) -> bytes:
    return struct.pack("<3I", *map(_minutes, (changed.start, changed.end, changed.original)))


def _info(changed: Changed) -> bytes:
    """Return an ExceptionInfo (MS-OXOCAL 2.2.1.44.2)."""
    flags, fields = 0, b""
    for flag, text in ((0x0001, changed.subject), (0x0010, changed.location)):
        if text:
            flags |= flag
            fields += struct.pack("<HH", len(text) + 1, len(text)) + text.encode("cp1252")
    if changed.busy_status is not None:
        flags |= 0x0020
        fields += struct.pack("<I", changed.busy_status)
    return _three(changed) + struct.pack("<H", flags) + fields


def _extended(changed: Changed) -> bytes:
    """Return an ExtendedException (MS-OXOCAL 2.2.1.44.4)."""
    head = struct.pack("<3I", 4, 0, 0)  # ChangeHighlight, and a reserved block without octets
    texts = [text for text in (changed.subject, changed.location) if text]
    if not texts:
        return head
    wide = b"".join(struct.pack("<H", len(text)) + text.encode("utf-16-le") for text in texts)
    return head + _three(changed) + wide + bytes(4)


def random_series(chance: Random) -> Series:
    """Return a series of any kind that starts on a day that its own pattern names."""
    kind = chance.choice((DAY, WEEK, MONTH, MONTH_NTH, MONTH_END))
    start = datetime(2025, chance.randint(1, 12), chance.randint(1, 28), chance.randint(4, 23))  # noqa: DTZ001 - on the wall
    series = Series(kind, start, minutes=30 * chance.randint(1, 60))
    series.frequency = {DAY: DAILY, WEEK: WEEKLY}.get(kind, MONTHLY)
    series.period = chance.randint(1, 4)
    if kind > WEEK and chance.random() < 0.3:
        series.frequency, series.period = YEARLY, 12
    series.mask = chance.randint(1, 127)
    series.number = chance.randint(1, 5 if kind == MONTH_NTH else 31)
    series.first_day = chance.choice((0, 1))
    while not series.matches(series.start.date()):
        series.start += timedelta(days=1)
    _end(series, chance)
    _change(series, chance)
    return series


def _end(series: Series, chance: Random) -> None:
    """Give a series an end, or none; as Outlook does, with its last day."""
    series.end_type = chance.choice((0x2021, 0x2022, 0x2023))
    series.count = chance.randint(1, 40)
    if series.end_type == 0x2021:
        series.last = series.start.date() + timedelta(days=chance.randint(0, 800))
    elif series.end_type == 0x2022:
        found = list(series.days(date(2200, 1, 1)))
        series.last = found[-1]


def _change(series: Series, chance: Random) -> None:
    """Delete some instances, and move others by some hours or days."""
    days = list(series.days(date(2027, 12, 1)))
    chosen = sorted(chance.sample(days, min(len(days), chance.randint(0, 6))))
    for day in chosen:
        if chance.random() < 0.5:
            series.deleted.append(day)
            continue
        original = datetime.combine(day, series.start.time())
        start = original.replace(hour=12) + timedelta(days=chance.choice((0, 0, 1, -1, 9)))
        end = start + timedelta(minutes=15 * chance.randint(1, 20))
        series.changed.append(Changed(original, start, end, chance.choice(("", "Überblick"))))
