"""Recurrence rules in one spelling: what DTSTART says anyway is left out (RFC 5545 §3.3.10)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from calendar_sync.dialects import values
from freebusy.errors import CalendarDataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from calendar_sync.dialects.values import Stamp

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_LISTS = ("BYDAY", "BYMONTHDAY", "BYMONTH", "BYYEARDAY", "BYWEEKNO", "BYSETPOS", "BYHOUR")
_DAYS = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_WITHIN_DAYS = ("BYHOUR", "BYMINUTE", "BYSECOND")

Parts = dict[str, str]


def canonical(rule: str, start: Stamp, to_wall: Callable[[Stamp], Stamp]) -> Parts:
    """Return a rule's parts by name, without those that say nothing.

    ``start`` is DTSTART on its own clock, to which ``to_wall`` takes a time in UTC.
    UNTIL becomes the last day on which there can be an instance.
    """
    parts = _parts(rule)
    if parts.get("INTERVAL") == "1":
        del parts["INTERVAL"]
    _name_weekdays(parts)
    _leave_to_start(parts, start)
    counts_weeks = parts.get("FREQ") == "WEEKLY" and "INTERVAL" in parts and "BYDAY" in parts
    if (not counts_weeks and "BYWEEKNO" not in parts) or parts.get("WKST") == "MO":
        parts.pop("WKST", None)  # significant in these two cases only
    if "UNTIL" in parts and parts.get("FREQ") in _DAYS and not parts.keys() & set(_WITHIN_DAYS):
        parts["UNTIL"] = _last_day(parts["UNTIL"], start, to_wall)
    return parts


def _parts(rule: str) -> Parts:
    pairs = (part.partition("=") for part in rule.upper().split(";") if part.strip())
    parts = {name.strip(): content.strip() for name, _, content in pairs}
    for name in _LISTS:
        if name in parts:
            parts[name] = ",".join(sorted(each.lstrip("+") for each in parts[name].split(",")))
    return parts


def _name_weekdays(parts: Parts) -> None:
    """Spell ``BYDAY=TU;BYSETPOS=2`` as ``BYDAY=2TU`` (Outlook writes the former)."""
    only = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYSETPOS", "BYMONTH"}
    monthly = parts.get("FREQ") == "MONTHLY" or (
        parts.get("FREQ") == "YEARLY" and "BYMONTH" in parts
    )
    position = parts.get("BYSETPOS", "")
    single = parts.get("BYDAY") in WEEKDAYS and position.removeprefix("-").isdigit()
    if monthly and single and parts.keys() <= only and "," not in parts.get("BYMONTH", ""):
        parts["BYDAY"] = f"{position}{parts['BYDAY']}"
        del parts["BYSETPOS"]


def _leave_to_start(parts: Parts, start: Stamp) -> None:
    """Leave out the days that are the start's own."""
    by = {name for name in parts if name.startswith("BY")}
    freq, day = parts.get("FREQ"), str(start.wall.day)
    if freq == "YEARLY" and by == {"BYMONTH"} and parts["BYMONTH"].isdigit():
        parts["BYMONTHDAY"] = day
        by = {"BYMONTH", "BYMONTHDAY"}
    own = {
        ("WEEKLY", "BYDAY"): WEEKDAYS[start.wall.weekday()],
        ("MONTHLY", "BYMONTHDAY"): day,
        ("YEARLY", "BYMONTH"): str(start.wall.month),
        ("YEARLY", "BYMONTHDAY"): day,
    }
    alone = by in ({"BYDAY"}, {"BYMONTHDAY"}) and freq != "YEARLY"
    both = by == {"BYMONTH", "BYMONTHDAY"}
    if (alone or both) and all(own.get((freq or "", name)) == parts[name] for name in by):
        for name in by:
            del parts[name]


def _last_day(until: str, start: Stamp, to_wall: Callable[[Stamp], Stamp]) -> str:
    try:
        last = values.stamp(until)
    except CalendarDataError:
        return until
    if last.is_utc and not start.is_utc:
        last = to_wall(last)
    if not last.is_day and not start.is_day and last.wall.time() < start.wall.time():
        last = last.plus(timedelta(days=-1))
    return values.basic_day(last.wall)


def written(parts: Parts) -> str:
    """Return a rule of its parts, sorted."""
    return ";".join(f"{name}={parts[name]}" for name in sorted(parts))
