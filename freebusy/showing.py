"""``freebusy show``: somebody's coming days, drawn from the published file.

What is drawn is what clients get: the file in the published tree, read back.  One row a
day in the person's zone; the hours of a row are the clock's, so that a day on which the
clock is changed has an hour too few or one that counts twice, as on the wall.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from freebusy import gateway
from freebusy.errors import FreeBusyError, NotFreeBusyError
from freebusy.period import FreeBusyType, clip, to_seconds
from freebusy.standing import standing
from freebusy.values import from_naive, to_naive
from freebusy.vfreebusy import decode
from freebusy.vtimezone import zone
from freebusy.window import local_day
from freebusy.wording import day as day_name
from freebusy.wording import full

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from freebusy.config import Config
    from freebusy.period import Span
    from freebusy.vfreebusy import FreeBusy
    from freebusy.zones import Zone

_DAY = timedelta(days=1)
_WORKDAY = 6, 22
"""The hours that are drawn where nothing is outside them."""
_LABEL = 11
_TIMES = 24
"""The least room for the exact times beside the drawing."""
_SLOTS = (4, 2, 1)
"""Columns an hour: the finest that fits."""


@dataclass(frozen=True, slots=True)
class Ink:
    """How types are drawn: a character each, and a style where there is colour."""

    busy: str
    tentative: str
    unavailable: str
    free: str
    unknown: str

    def of(self, kind: int) -> str:
        """Return the character of a type."""
        return (self.free, self.tentative, self.busy, self.unavailable)[kind]


BLOCKS = Ink("█", "▒", "▞", "·", " ")
ASCII = Ink("#", "/", "X", ".", " ")
_STYLES = ("dim", "yellow", "red", "magenta")
_UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Day:
    """One day in somebody's zone."""

    date: datetime
    """Its midnight on the wall, naive."""
    start: int
    end: int
    """UTC seconds: 23 to 25 hours apart."""
    spans: tuple[Span, ...]
    """What of the file lies in it."""

    @property
    def hours(self) -> float:
        """Return how long the day is."""
        return (self.end - self.start) / 3600


def days_of(found: FreeBusy, place: Zone, first: datetime, count: int) -> list[Day]:
    """Return days from the naive midnight ``first`` on, with the periods of each."""
    spans = [period.span for period in found.periods]
    days = []
    for number in range(count):
        date = first + number * _DAY
        start, end = (place.to_utc(from_naive(midnight)) for midnight in (date, date + _DAY))
        days.append(Day(date, start, end, tuple(clip(spans, start, end))))
    return days


def drawn_hours(days: Iterable[Day], place: Zone) -> tuple[int, int]:
    """Return the hours of the clock to draw: the workday's, or all where something is outside."""
    low, high = _WORKDAY
    for each in days:
        for start, end, _ in each.spans:
            first = to_naive(place.to_local(start)).hour
            last = to_naive(place.to_local(end - 1)).hour
            if first < low or last >= high or end - start > (high - low) * 3600:
                return 0, 24
    return low, high


class Drawing:
    """Rows of characters for days: ``slots`` columns an hour from ``hours[0]`` to ``hours[1]``."""

    def __init__(
        self, place: Zone, window: tuple[int, int], hours: tuple[int, int], slots: int, ink: Ink
    ) -> None:
        self._place = place
        self._window = window
        self._hours = hours
        self._slots = slots
        self._ink = ink

    def scale(self) -> str:
        """Return the hours above the rows."""
        low, high = self._hours
        step = max(1, 4 // self._slots)
        marks = [f"{hour:02}" if (hour - low) % step == 0 else "" for hour in range(low, high)]
        if self._slots == 1:
            return "".join(mark.ljust(step) for mark in marks if mark)
        return "".join(mark.ljust(self._slots) for mark in marks)

    def row(self, each: Day) -> Text:
        """Return the drawing of one day; what the file does not know stays blank."""
        text = Text()
        per_hour = self._slots
        for slot in range(self._hours[0] * per_hour, self._hours[1] * per_hour):
            kind = self._kind(each, slot)
            if kind == _UNKNOWN:
                text.append(self._ink.unknown)
            else:
                text.append(self._ink.of(kind), style=_STYLES[kind])
        return text

    def _kind(self, each: Day, slot: int) -> int:
        """Return the strongest type inside a slot of the clock's hours."""
        minutes = 60 // self._slots
        start, end = (
            self._place.to_utc(from_naive(each.date + timedelta(minutes=minutes * number)))
            for number in (slot, slot + 1)
        )
        start, end = max(start, each.start), min(end, each.end)
        if start >= end or end <= self._window[0] or start >= self._window[1]:
            return _UNKNOWN  # an hour that the clock leaves out, or outside the window
        return max((span[2] for span in clip(each.spans, start, end)), default=0)


def exact_times(each: Day, place: Zone) -> list[str]:
    """Return the periods of a day as the clock shows them, with a mark for the type."""
    marks = {FreeBusyType.BUSY_TENTATIVE: "?", FreeBusyType.BUSY_UNAVAILABLE: "!"}
    listed = []
    for start, end, kind in each.spans:
        mark = marks.get(FreeBusyType(kind), "")
        if (start, end) == (each.start, each.end):
            listed.append(f"all day{mark}")
            continue
        last = "24:00" if end == each.end else f"{to_naive(place.to_local(end)):%H:%M}"
        listed.append(f"{to_naive(place.to_local(start)):%H:%M}-{last}{mark}")
    return listed


# -- printing


def print_days(config: Config, name: str, days: int) -> None:
    """Draw a person's coming days; FreeBusyError says why there is nothing to draw."""
    canonical = gateway.wanted(config, [name])[0]
    file = gateway.tree(config).read(canonical)
    if file is None:
        found = standing(config, [canonical], gateway.now()).persons[0]
        raise FreeBusyError(f"{canonical} has no file: {found.no_file}")
    try:
        read = decode(file.body, now=gateway.now())
    except NotFreeBusyError as error:
        raise FreeBusyError(
            f"the file of {canonical} cannot be read ({error.reason});"
            f" write it again with: freebusy refresh {canonical}"
        ) from error
    console = Console(highlight=False, emoji=False, markup=False)
    Calendar(console, config.members[canonical].timezone, gateway.now()).print(
        file.name, read, days, as_of=file.as_of
    )


class Calendar:
    """Prints a person's days on a console."""

    def __init__(self, console: Console, zone_name: str, now: datetime) -> None:
        self._console = console
        self._zone_name = zone_name
        self._place = zone(zone_name)
        self._now = now
        self._ink = BLOCKS if "utf" in console.encoding.lower() else ASCII

    def print(
        self,
        name: str,
        read: FreeBusy,
        count: int,
        *,
        as_of: datetime | None = None,
        is_stale: bool = True,
        first: datetime | None = None,
        is_last: bool = True,
    ) -> None:
        """Print the heading, a row for each day and, after the last person, what signs mean.

        ``as_of`` is given where the times are old; ``is_stale`` says that this is because
        calendars could not be read.  ``first`` is a naive midnight; today's where it is
        not given.
        """
        first = first or local_day(self._now, self._place)
        days = days_of(read, self._place, first, count)
        hours = drawn_hours(days, self._place)
        slots = self._fitting(hours)
        drawing = Drawing(self._place, read.window.seconds, hours, slots, self._ink)
        self._heading(name, as_of, is_stale=is_stale)
        self._print(Text(" " * _LABEL + drawing.scale(), style="dim"))
        for each in days:
            self._day(each, drawing, read, (hours[1] - hours[0]) * slots)
        if days[-1].end > to_seconds(read.window.end):
            last = to_naive(self._place.to_local(to_seconds(read.window.end)))
            self._print(Text(f"The file ends {day_name(last)} {last:%Y %H:%M}.", style="dim"))
        if is_last:
            self._legend()

    def _print(self, text: Text) -> None:
        text.rstrip()
        self._console.print(text, soft_wrap=True)

    def _fitting(self, hours: tuple[int, int]) -> int:
        room = self._console.width - _LABEL - _TIMES
        return next((n for n in _SLOTS if (hours[1] - hours[0]) * n <= room), _SLOTS[-1])

    def _heading(self, name: str, as_of: datetime | None, *, is_stale: bool) -> None:
        self._print(Text.assemble((name, "bold"), f", times of {self._zone_name}"))
        if as_of is None:
            return
        moment = full(as_of, self._now, self._zone_name)
        if is_stale:
            told = f"Stale: as of {moment}; the calendars could not be read since."
            self._print(Text(told, style="red"))
        else:
            self._print(Text(f"As of {moment}.", style="dim"))

    def _day(self, each: Day, drawing: Drawing, read: FreeBusy, width: int) -> None:
        label = f"{day_name(each.date):<{_LABEL}}"
        weekend = each.date.weekday() >= 5
        text = Text(label, style="dim" if weekend else "")
        text.append_text(drawing.row(each))
        room = max(_TIMES, self._console.width - _LABEL - width) - 2
        lines = textwrap.wrap(", ".join(self._times(each, read)), room) or [""]
        text.append("  " + lines[0])
        self._print(text)
        for line in lines[1:]:
            self._print(Text(" " * (_LABEL + width + 2) + line))

    def _times(self, each: Day, read: FreeBusy) -> Sequence[str]:
        start, end = read.window.seconds
        if each.end <= start or each.start >= end:
            return ["the file says nothing"]
        changed = [f"({each.hours:g} h day)"] if each.hours != 24 else []
        return exact_times(each, self._place) + changed

    def _legend(self) -> None:
        ink = self._ink
        self._print(
            Text(
                f"{ink.busy} busy   {ink.tentative} tentative (?)   "
                f"{ink.unavailable} out of office (!)   {ink.free} free",
                style="dim",
            )
        )
