"""What commands say to people: times, ages and foreign text, safe for any terminal.

Times are shown in a zone of the tzdata package, as everything here is computed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from freebusy.period import to_seconds
from freebusy.vtimezone import zone

if TYPE_CHECKING:
    from collections.abc import Iterable

_STEPS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
_LONGEST = 200
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def safe(text: str, longest: int = _LONGEST) -> str:
    """Return foreign text on one line: what a terminal would obey is escaped, the rest cut."""
    shown = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text[: longest + 1]
    )
    return shown if len(shown) <= longest else shown[: longest - 3] + "..."


def duration(seconds: float) -> str:
    """Return a length of time in its largest unit: ``40 s``, ``5 min``, ``3 h``, ``12 d``."""
    whole = max(0, int(seconds))
    name, size = next(step for step in _STEPS if whole >= 2 * step[1] or step[1] == 1)
    return f"{whole // size} {name}"


def distance(moment: datetime, now: datetime) -> str:
    """Return how far a moment is from now: ``5 min ago``, ``in 3 h``, ``just now``."""
    seconds = to_seconds(now) - to_seconds(moment)
    if abs(seconds) < 1:
        return "just now"
    return f"{duration(seconds)} ago" if seconds > 0 else f"in {duration(-seconds)}"


def wall(moment: datetime, zone_name: str) -> datetime:
    """Return what calendar and clock on the wall of a zone show, as a naive datetime."""
    seconds = zone(zone_name).to_local(to_seconds(moment))
    return datetime(1970, 1, 1) + timedelta(seconds=seconds)  # noqa: DTZ001 - a wall-clock time


def day(local: datetime) -> str:
    """Return a wall-clock day in English whatever the locale: ``Mon 01 Jun``."""
    return f"{_DAYS[local.weekday()]} {local.day:02} {_MONTHS[local.month - 1]}"


def brief(moment: datetime, now: datetime, zone_name: str) -> str:
    """Return a moment as short as it can be: the time of today, else the day, else the year's."""
    local, today = wall(moment, zone_name), wall(now, zone_name)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    text = day(local).partition(" ")[2]
    return text if abs(today - local) < timedelta(days=300) else f"{text} {local.year}"


def full(moment: datetime, now: datetime, zone_name: str) -> str:
    """Return day, time and distance: ``Mon 01 Jun 2026 12:30 (5 min ago)``."""
    local = wall(moment, zone_name)
    return f"{day(local)} {local:%Y %H:%M} ({distance(moment, now)})"


def counted(number: int, noun: str) -> str:
    """Return a number and its noun, in the plural where that is due."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def some(sentences: Iterable[str], at_most: int, rest: str) -> list[str]:
    """Return the first few, and how many more there are, with ``rest`` saying where."""
    listed = list(sentences)
    if len(listed) <= at_most + 1:
        return listed
    return [*listed[:at_most], f"and {len(listed) - at_most} more{rest}"]
