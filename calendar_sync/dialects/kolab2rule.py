"""A series as Kolab 2 has it: ``recurrence``, with days of the owner's clock as exclusions."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from calendar_sync.dialects import values, xcal
from calendar_sync.dialects.rules import WEEKDAYS
from calendar_sync.formats import kolab2 as free_busy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from calendar_sync.dialects.rules import Parts
    from calendar_sync.dialects.values import Stamp

_NTH = re.compile(r"(-1|[1-4])(MO|TU|WE|TH|FR|SA|SU)")
_LAST = "5"
"""What Outlook's connectors mean by the fifth weekday of a month."""
_COMMON = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"})


class Recurrence(NamedTuple):
    """What a ``recurrence`` says of the days of a rule."""

    cycle: str
    kind: str = ""
    days: tuple[str, ...] = ()
    number: str = ""
    month: str = ""


def recurrence(parts: Parts, start: Stamp, shift: int) -> Recurrence | None:
    """Return the recurrence of a canonical rule; None for one that Kolab 2 has no words for.

    ``start`` is on the owner's clock, ``shift`` how many days its date there is after its
    date on its own clock: there the rule's days are others.
    """
    further = {name: parts[name] for name in parts if name not in _COMMON}
    if ("COUNT" in parts and "UNTIL" in parts) or not _is_week_known(parts, shift):
        return None
    if shift and parts["FREQ"] in ("MONTHLY", "YEARLY"):
        return None
    makers = {"DAILY": _daily, "WEEKLY": _weekly, "MONTHLY": _monthly, "YEARLY": _yearly}
    maker = makers.get(parts.get("FREQ", ""))
    return maker(further, start, shift) if maker else None


def _is_week_known(parts: Parts, shift: int) -> bool:
    """Whether it does not matter on which day weeks start: Kolab's readers take Monday."""
    counted = "INTERVAL" in parts and "BYDAY" in parts
    return not counted or ("WKST" not in parts and not shift)


def _daily(further: Parts, _start: Stamp, _shift: int) -> Recurrence | None:
    return None if further else Recurrence("daily")


def _weekly(further: Parts, start: Stamp, shift: int) -> Recurrence | None:
    if further.keys() - {"BYDAY"}:
        return None
    named = further["BYDAY"].split(",") if "BYDAY" in further else []
    if not set(named) <= set(WEEKDAYS):
        return None
    numbers = sorted((WEEKDAYS.index(day) + shift) % 7 for day in named)
    return Recurrence("weekly", days=_names(numbers or [start.wall.weekday()]))


def _names(numbers: Iterable[int]) -> tuple[str, ...]:
    return tuple(free_busy.WEEKDAYS[number] for number in numbers)


def _monthly(further: Parts, start: Stamp, _shift: int) -> Recurrence | None:
    if further.keys() <= {"BYMONTHDAY"}:
        number = further.get("BYMONTHDAY", str(start.wall.day))
        return Recurrence("monthly", "daynumber", number=number) if _is_day(number, 31) else None
    nth = _nth(further.get("BYDAY", "")) if further.keys() == {"BYDAY"} else None
    return Recurrence("monthly", "weekday", *nth) if nth else None


def _yearly(further: Parts, start: Stamp, _shift: int) -> Recurrence | None:
    if not further:
        further = {"BYMONTH": str(start.wall.month), "BYMONTHDAY": str(start.wall.day)}
    number = further.get("BYYEARDAY", "")
    if further.keys() == {"BYYEARDAY"} and _is_day(number, 366):
        return Recurrence("yearly", "yearday", number=number)
    if not _is_day(further.get("BYMONTH", ""), 12):
        return None
    month = free_busy.MONTHS[int(further["BYMONTH"]) - 1]
    number = further.get("BYMONTHDAY", "")
    if further.keys() == {"BYMONTH", "BYMONTHDAY"} and _is_day(number, 31):
        return Recurrence("yearly", "monthday", number=number, month=month)
    nth = _nth(further.get("BYDAY", "")) if further.keys() == {"BYMONTH", "BYDAY"} else None
    return Recurrence("yearly", "weekday", *nth, month) if nth else None


def _is_day(text: str, most: int) -> bool:
    return text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= most


def _nth(days: str) -> tuple[tuple[str, ...], str] | None:
    """Return names and number of ``1MO,1TU``; None where the numbers differ, or are others."""
    found = [_NTH.fullmatch(day) for day in days.split(",")]
    which = {match[1] for match in found if match}
    if not all(found) or len(which) != 1:
        return None
    numbers = sorted(WEEKDAYS.index(match[2]) for match in found if match)
    return _names(numbers), which.pop().replace("-1", _LAST)


def element(made: Recurrence, parts: Parts, exclusions: Iterable[Stamp]) -> str:
    """Return the ``recurrence`` element."""
    inner = [xcal.element("interval", parts.get("INTERVAL", "1"))]
    inner += [xcal.element("day", day) for day in made.days]
    inner += [xcal.element("daynumber", made.number)] if made.number else []
    inner += [xcal.element("month", made.month)] if made.month else []
    inner.append(_range(parts))
    inner += [xcal.element("exclusion", day) for day in sorted({_day(each) for each in exclusions})]
    kind = f' type="{made.kind}"' if made.kind else ""
    return f'<recurrence cycle="{made.cycle}"{kind}>{"".join(inner)}</recurrence>'


def _day(at: Stamp) -> str:
    return at._replace(is_day=True).extended


def _range(parts: Parts) -> str:
    if "COUNT" in parts:
        return f'<range type="number">{xcal.text(parts["COUNT"])}</range>'
    if "UNTIL" in parts:
        return f'<range type="date">{_day(values.stamp(parts["UNTIL"]))}</range>'
    return '<range type="none"/>'


def moved(parts: Parts, shift: int) -> Parts:
    """Return a rule whose last day is one of the owner's clock."""
    if "UNTIL" not in parts or not shift:
        return parts
    last = values.stamp(parts["UNTIL"]).plus(timedelta(days=shift))
    return {**parts, "UNTIL": values.basic_day(last.wall)}
