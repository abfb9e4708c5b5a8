"""Every class of disagreement with an oracle, and the section of the RFC that decides it.

A dispute that no class explains fails the comparison.  A class explains only the
time it is about, not the whole event.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from freebusy.period import to_seconds
from tests.oracles.vtimezones import WINDOWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.oracles.compare import Dispute

HOUR = 3600
DAY = 24 * HOUR
OWNERS_ZONE = "Europe/Berlin"
HOME_MADE = {"Customized Time Zone": "America/St_Johns", "Mein Büro": "Europe/Berlin"}
"""What the home-made zones of the generator are like, as far as changes of clocks go."""
ZONES_APART = 14 * HOUR
"""No wall clock is further than this from UTC."""
RULES_OF_TODAY = to_seconds(datetime(2009, 1, 1, tzinfo=UTC))
"""Since then the zones of the generator have had the rules of today."""


class Explanation(NamedTuple):
    """One class of disagreement."""

    name: str
    section: str
    reason: str
    explains: Callable[[Dispute], bool]


def values(text: str, name: str) -> Iterator[str]:
    """Yield the digits of each date property of this name."""
    for match in re.finditer(rf"^{name}\b[^\n]*:(\d{{8}}(?:T\d{{6}})?)", text, re.MULTILINE):
        yield match[1]


def events(dispute: Dispute) -> str:
    """Return the text without its VTIMEZONEs."""
    return "BEGIN:VEVENT" + dispute.text.partition("BEGIN:VEVENT")[2]


def moment(digits: str) -> int:
    """Read a date's digits as if they were UTC."""
    shape = "%Y%m%dT%H%M%S" if "T" in digits else "%Y%m%d"
    return to_seconds(datetime.strptime(digits, shape).replace(tzinfo=UTC))


def near(dispute: Dispute, digits: str) -> bool:
    """Whether a dispute is about what starts at these digits, in whatever zone (two days long)."""
    at = moment(digits)
    return at - ZONES_APART <= dispute.start <= at + ZONES_APART + 2 * DAY


def is_about_excluded_override(dispute: Dispute) -> bool:
    """An override whose RECURRENCE-ID is also an EXDATE."""
    excluded = set(values(dispute.text, "EXDATE"))
    for part in events(dispute).split("BEGIN:VEVENT")[2:]:
        both = excluded & set(values(part, "RECURRENCE-ID"))
        if both and any(near(dispute, digits) for digits in values(part, "DTSTART")):
            return dispute.direction != "falsely free"
    return False


def is_on_excluded_day(dispute: Dispute) -> bool:
    """On the day of an EXDATE that names another time of that day."""
    return dispute.direction == "falsely busy" and any(
        abs(dispute.start - moment(digits)) <= DAY + ZONES_APART
        for digits in values(dispute.text, "EXDATE")
        if "T" in digits
    )


def is_about_recurrence_date(dispute: Dispute) -> bool:
    """An RDATE with a TZID or a PERIOD."""
    return any(near(dispute, digits) for digits in values(dispute.text, "RDATE"))


def is_after_this_and_future(dispute: Dispute) -> bool:
    """Later than an override that changes all that follows."""
    ranged = re.findall(r"^RECURRENCE-ID;RANGE=[^\n]*:(\w+?)Z?$", dispute.text, re.MULTILINE)
    return any(dispute.start >= moment(digits) - 4 * DAY for digits in ranged)


def is_first_off_rule(dispute: Dispute) -> bool:
    """The DTSTART instance of a series whose rule does not give it."""
    text = events(dispute)
    first = next(values(text, "DTSTART"))
    rule = re.search(r"^RRULE:([^\n]*)", text, re.MULTILINE)
    if rule is None or dispute.direction != "falsely busy" or not near(dispute, first):
        return False
    start = datetime.fromtimestamp(moment(first), UTC).replace(tzinfo=None)
    without_end = re.sub(r";(COUNT|UNTIL)=\w+", "", rule[1])
    return rrulestr(without_end, dtstart=start)[0] != start


def is_before_rules_of_today(dispute: Dispute) -> bool:
    """A message's own VTIMEZONE knows only today's rules, the database those of then, too."""
    return "BEGIN:VTIMEZONE" in dispute.text and dispute.start < RULES_OF_TODAY


def zone_of(dispute: Dispute) -> ZoneInfo:
    """Return the zone of the event's DTSTART, as the database has it; the owner's without one."""
    found = re.search(r"^DTSTART;TZID=([^:\n]*):", events(dispute), re.MULTILINE)
    name = found[1] if found else OWNERS_ZONE
    rule = WINDOWS.get(name)
    return ZoneInfo(rule.iana if rule else HOME_MADE.get(name, name))


def clocks_change(dispute: Dispute, before: int, after: int) -> bool:
    """Whether the clocks change between so long before a dispute and so long after it."""
    zone = zone_of(dispute)
    first, last = dispute.start - before, dispute.end + after
    return len({datetime.fromtimestamp(at, zone).utcoffset() for at in (first, last)}) > 1


def is_exact_duration(dispute: Dispute) -> bool:
    """The end of a length in hours that the clocks change under."""
    return has(dispute, r"^DURATION:PT") and is_end_over_change(dispute)


def is_exact_end(dispute: Dispute) -> bool:
    """The end of an instance whose series has a DTEND, where the clocks change under it."""
    timed = has(dispute, r"^RRULE:") and has(dispute, r"^DTEND[^\n]*:\d{8}T")
    if not timed or dispute.end - dispute.start > HOUR:
        return False
    # one that lies over a change itself gives its exact length to all instances
    return is_end_over_change(dispute) or offsets(dispute, "DTSTART") != offsets(dispute, "DTEND")


def offsets(dispute: Dispute, name: str) -> set[object]:
    """Return what the clocks may be from UTC at the first date property of this name."""
    zone = zone_of(dispute)
    digits = next(values(events(dispute), name))
    wall = datetime.fromtimestamp(moment(digits), UTC).replace(tzinfo=zone)
    return {wall.replace(fold=fold).utcoffset() for fold in (0, 1)}


def is_end_ambiguous(dispute: Dispute) -> bool:
    """The end of an event whose DTEND the clock shows twice."""
    timed = has(dispute, r"^DTEND[^\n]*:\d{8}T") and dispute.end - dispute.start <= HOUR
    return timed and len(offsets(dispute, "DTEND")) > 1


def has(dispute: Dispute, pattern: str) -> bool:
    """Whether a line of the events is like this."""
    return re.search(pattern, events(dispute), re.MULTILINE) is not None


def is_end_over_change(dispute: Dispute) -> bool:
    """An hour at most, soon after the clocks changed."""
    return dispute.end - dispute.start <= HOUR and clocks_change(dispute, 2 * DAY, HOUR)


def is_in_spring_gap(dispute: Dispute) -> bool:
    """An instance at a local time that the clocks leave out."""
    clock = next(values(events(dispute), "DTSTART"))[8:]
    return "T01" <= clock < "T04" and clocks_change(dispute, 3 * HOUR, 3 * HOUR)


OLD_RULES = Explanation(
    "older than the VTIMEZONE's rules",
    "RFC 5545 §3.6.5",
    "a VTIMEZONE must be valid for all instances, and Outlook's is not for those before "
    "its present rules; a known name is the database's",
    is_before_rules_of_today,
)
EXACT = Explanation(
    "hours over a change of clocks",
    "RFC 5545 §3.3.6",
    "the time part of a DURATION is exact; the oracle adds it on the wall clock",
    is_exact_duration,
)
GAP = Explanation(
    "a time in the spring gap",
    "RFC 5545 §3.3.5",
    "a local time that does not occur takes the offset before the gap; with a message's own "
    "VTIMEZONE the oracle takes the one after it",
    is_in_spring_gap,
)

BY_ORACLE = {
    "recurring-ical-events": (
        Explanation(
            "override of an excluded instant",
            "RFC 5545 §3.8.4.4, §3.8.5.1",
            "EXDATE takes the rule's own instance out; an override is a component of its own, and "
            "with SEQUENCE and DTSTAMP not older than the series it is what was said last",
            is_about_excluded_override,
        ),
        Explanation(
            "EXDATE on the same day",
            "RFC 5545 §3.8.5.1",
            "an EXDATE with a time takes out the instance that starts at that time, not every "
            "instance of that day",
            is_on_excluded_day,
        ),
        OLD_RULES,
        GAP,
        EXACT,
        Explanation(
            "DTEND of a series over a change of clocks",
            "RFC 5545 §3.8.5.3",
            "DTEND gives all instances one exact duration; the oracle adds it on the wall clock",
            is_exact_end,
        ),
    ),
    "libical": (
        Explanation(
            "RDATE with a TZID or a PERIOD",
            "RFC 5545 §3.8.5.2, §3.2.19",
            "TZID applies to RDATE; icalcomponent_foreach_recurrence takes its digits as UTC and "
            "gives a PERIOD no length of its own",
            is_about_recurrence_date,
        ),
        Explanation(
            "after RANGE=THISANDFUTURE",
            "RFC 5545 §3.2.13",
            "the range changes all later instances; libical expands one component at a time",
            is_after_this_and_future,
        ),
        Explanation(
            "DTSTART off the rule",
            "RFC 5545 §3.8.5.3",
            "DTSTART defines the first instance in the recurrence set",
            is_first_off_rule,
        ),
        Explanation(
            "a DTEND that the clock shows twice",
            "RFC 5545 §3.3.5",
            "an ambiguous local time is the first; with a message's own VTIMEZONE libical takes "
            "the second, and its length for all instances",
            is_end_ambiguous,
        ),
        OLD_RULES,
        GAP,
        EXACT,
    ),
}


def explain(dispute: Dispute) -> Explanation | None:
    """Return the class that a dispute belongs to, or None."""
    for explanation in BY_ORACLE[dispute.oracle]:
        if explanation.explains(dispute):
            return explanation
    return None
