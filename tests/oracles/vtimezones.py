"""VTIMEZONE texts as Outlook, libical-based writers and Google write them."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import NamedTuple

from dateutil.rrule import rrulestr


class Rule(NamedTuple):
    """A zone of today: its database name, two offsets and when the clocks change."""

    iana: str
    standard: str
    daylight: str = ""
    to_standard: str = ""
    """``BYDAY;BYMONTH`` and hour, as ``-1SU;10;03``."""
    to_daylight: str = ""


WINDOWS = {
    "W. Europe Standard Time": Rule("Europe/Berlin", "+0100", "+0200", "-1SU;10;03", "-1SU;3;02"),
    "Romance Standard Time": Rule("Europe/Paris", "+0100", "+0200", "-1SU;10;03", "-1SU;3;02"),
    "GMT Standard Time": Rule("Europe/London", "+0000", "+0100", "-1SU;10;02", "-1SU;3;01"),
    "FLE Standard Time": Rule("Europe/Kiev", "+0200", "+0300", "-1SU;10;04", "-1SU;3;03"),
    "Eastern Standard Time": Rule("America/New_York", "-0500", "-0400", "1SU;11;02", "2SU;3;02"),
    "Pacific Standard Time": Rule("America/Los_Angeles", "-0800", "-0700", "1SU;11;02", "2SU;3;02"),
    "AUS Eastern Standard Time": Rule(
        "Australia/Sydney", "+1000", "+1100", "1SU;4;03", "1SU;10;02"
    ),
    "Tokyo Standard Time": Rule("Asia/Tokyo", "+0900"),
    "India Standard Time": Rule("Asia/Kolkata", "+0530"),
}
CUSTOM = {
    "Customized Time Zone": Rule("", "-0330", "-0230", "1SU;11;02", "2SU;3;02"),
    "Mein Büro": Rule("", "+0100", "+0200", "-1SU;10;03", "-1SU;3;02"),
}
IANA = {rule.iana: rule for rule in WINDOWS.values()}


def _observance(kind: str, before: str, after: str, change: str, first_year: int) -> list[str]:
    lines = [f"BEGIN:{kind}"]
    if change:
        day, month, hour = change.split(";")
        onset = rrulestr(
            f"FREQ=YEARLY;BYDAY={day};BYMONTH={month}",
            dtstart=datetime(first_year, 1, 1, int(hour)),  # noqa: DTZ001 - an onset is wall clock
        )[0]
        lines.append(f"DTSTART:{onset:%Y%m%dT%H%M%S}")
        lines.append(f"RRULE:FREQ=YEARLY;BYDAY={day};BYMONTH={month}")
    else:
        lines.append(f"DTSTART:{first_year}0101T000000")
    return [*lines, f"TZOFFSETFROM:{before}", f"TZOFFSETTO:{after}", f"END:{kind}"]


@cache
def definition(name: str, rule: Rule, *, first_year: int = 1601) -> list[str]:
    """Return the lines of a VTIMEZONE; Outlook's start in 1601, others' in 1970."""
    summer = rule.daylight or rule.standard
    lines = _observance("STANDARD", summer, rule.standard, rule.to_standard, first_year)
    if rule.daylight:
        lines += _observance("DAYLIGHT", rule.standard, rule.daylight, rule.to_daylight, first_year)
    return ["BEGIN:VTIMEZONE", f"TZID:{name}", *lines, "END:VTIMEZONE"]
