"""A seeded generator of realistic events, for comparisons and for measuring.

The mix follows what office calendars hold: a fifth of the events recur, some of
them since 20 years; a third of the messages bring a VTIMEZONE; a message has
about 850 bytes.  The same seed and ``now`` give the same texts on every machine.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from dateutil import rrule

from tests.oracles.vtimezones import CUSTOM, IANA, WINDOWS, definition

if TYPE_CHECKING:
    from collections.abc import Iterator

OWNER = "hans.muster@example.com"
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
DAY = timedelta(days=1)
# fmt: off
LOREM = (
    "Agenda", "Budget", "Review", "Quarter", "Roadmap", "Customer", "Supplier", "Contract",
    "Release", "Planning", "Interview", "Besprechung", "Überblick", "Zürich", "Prüfung",
    "Réunion", "équipe", "Planung", "Abnahme", "Workshop",
)
# fmt: on


@dataclass
class Draft:
    """An event on its way to text: everything in the event's own local time."""

    draw: random.Random
    start: datetime
    """Naive: the wall clock of the event's own zone."""
    length: timedelta
    kind: str
    """``date``, ``floating``, ``utc`` or ``zoned``."""
    zone: str = ""
    rule: str = ""
    lines: list[str] = field(default_factory=list)
    overrides: list[list[str]] = field(default_factory=list)
    vtimezone: list[str] = field(default_factory=list)

    def when(self, moment: datetime) -> str:
        """Return what follows a date property's name."""
        if self.kind == "date":
            return f";VALUE=DATE:{moment:%Y%m%d}"
        clock = f"{moment:%Y%m%dT%H%M%S}"
        if self.kind == "zoned":
            return f";TZID={self.zone}:{clock}"
        return f":{clock}Z" if self.kind == "utc" else f":{clock}"


def _chance(draw: random.Random, probability: float) -> bool:
    return draw.random() < probability


def _start(draw: random.Random, now: datetime, *, recurring: bool) -> datetime:
    """Draw a start: series up to 20 years back, single events mostly of late."""
    years = draw.uniform(0, 20) if recurring else 10 * draw.random() ** 3
    moment = now - timedelta(days=365.25 * years) + timedelta(days=draw.uniform(0, 150))
    hour = draw.choices((draw.randint(7, 18), draw.randint(0, 23)), (97, 3))[0]
    return datetime(moment.year, moment.month, moment.day, hour, draw.choice((0, 0, 0, 15, 30, 45)))  # noqa: DTZ001 - wall clock


def _length(draw: random.Random, kind: str) -> timedelta:
    if kind == "date":
        return timedelta(days=draw.choices((1, 2, 5, 14), (80, 10, 7, 3))[0])
    minutes = draw.choices(
        (15, 30, 45, 60, 90, 120, 240, 480, 1500), (5, 30, 10, 35, 8, 6, 3, 2, 1)
    )
    return timedelta(minutes=minutes[0])


def _place(draft: Draft) -> None:
    """Give the event a zone: the database's, Windows', or one that only the message defines."""
    draw = draft.draw
    table, share, first_year = draw.choices(
        ((IANA, 0.35, 1970), (WINDOWS, 1.0, 1601), (CUSTOM, 1.0, 1601)), (66, 31, 3)
    )[0]
    draft.zone = draw.choice(sorted(table))
    if _chance(draw, share):
        draft.vtimezone = definition(draft.zone, table[draft.zone], first_year=first_year)


def _nth(day: datetime) -> int:
    return (day.day - 1) // 7 + 1


def _daily(draft: Draft) -> str:
    weekdays = draft.start.weekday() < 5 and _chance(draft.draw, 0.3)
    extra = ";BYDAY=MO,TU,WE,TH,FR" if weekdays else ""
    interval = 1 if weekdays else draft.draw.choices((1, 2, 3), (7, 2, 1))[0]
    return f"FREQ=DAILY;INTERVAL={interval}{extra}"


def _weekly(draft: Draft) -> str:
    draw = draft.draw
    interval = draw.choices((1, 2, 3, 4), (70, 20, 4, 6))[0]
    days = {draft.start.weekday(), *draw.sample(range(5), draw.choices((0, 1, 2), (6, 3, 1))[0])}
    byday = (
        f";BYDAY={','.join(WEEKDAYS[day] for day in sorted(days))}" if _chance(draw, 0.8) else ""
    )
    return f"FREQ=WEEKLY;INTERVAL={interval}{byday}{draw.choice(('', '', ';WKST=MO', ';WKST=SU'))}"


def _monthly(draft: Draft) -> str:
    draw, start = draft.draw, draft.start
    weekday, nth = WEEKDAYS[start.weekday()], _nth(start)
    forms = [
        f";BYMONTHDAY={start.day}",
        f";BYDAY={nth}{weekday}",
        f";BYDAY={weekday};BYSETPOS={nth}",
        f";BYMONTHDAY={start.day};BYDAY={weekday}",
        "",
        f";BYMONTHDAY={start.day},-1",
        ";BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        ";BYMONTHDAY=1,15",
    ]
    form = draw.choices(forms, (30, 30, 10, 1, 14, 5, 6, 4))[0]
    return f"FREQ=MONTHLY;INTERVAL={draw.choices((1, 2, 3, 6), (8, 1, 2, 1))[0]}{form}"


def _yearly(draft: Draft) -> str:
    start = draft.start
    weekday, nth = WEEKDAYS[start.weekday()], _nth(start)
    forms = [
        "",
        f";BYMONTH={start.month};BYMONTHDAY={start.day}",
        f";BYMONTH={start.month};BYDAY={nth}{weekday}",
        f";BYYEARDAY={start.timetuple().tm_yday}",
        f";BYWEEKNO={start.isocalendar()[1]};BYDAY={weekday}",
        f";BYMONTH={start.month};BYDAY={weekday};BYSETPOS={nth}",
        f";BYMONTH={min(start.month, 6)},{start.month},11",
    ]
    return "FREQ=YEARLY" + draft.draw.choices(forms, (40, 20, 15, 5, 5, 5, 10))[0]


def _often(draft: Draft) -> str:
    """Return a rule finer than daily; always few, as real ones are."""
    unit, step = draft.draw.choice((("HOURLY", 2), ("HOURLY", 6), ("MINUTELY", 90)))
    return f"FREQ={unit};INTERVAL={step}"


def _recur(draft: Draft, now: datetime) -> None:
    """Give the event a rule, an end for two thirds of them, and exceptions."""
    draw = draft.draw
    makers = (_daily, _weekly, _monthly, _yearly, _often)
    weights = (15, 55, 18, 11, 0 if draft.kind == "date" else 1)
    maker = draw.choices(makers, weights)[0]
    draft.rule = maker(draft)
    draft.rule += _rule_end(draft, now, few=maker is _often)
    draft.lines.append(f"RRULE:{draft.rule}")
    _exceptions(draft, now)


def _rule_end(draft: Draft, now: datetime, *, few: bool) -> str:
    draw = draft.draw
    form = draw.choices(("", "COUNT", "UNTIL"), (40, 25, 35))[0]
    if few or form == "COUNT":
        return f";COUNT={draw.randint(2, 12 if few else 300)}"
    if not form:
        return ""
    latest = max((now.replace(tzinfo=None) - draft.start).days + 200, 30)
    until = draft.start + timedelta(days=draw.randint(10, latest))
    return f";UNTIL={_until(draft, until)}"


def _until(draft: Draft, until: datetime) -> str:
    """Write UNTIL in the type of DTSTART: a date, floating, or in UTC (RFC 5545 §3.3.10)."""
    if draft.kind == "date":
        return f"{until:%Y%m%d}"
    if draft.kind == "floating":
        return f"{until:%Y%m%dT%H%M%S}"
    known = WINDOWS.get(draft.zone)
    name = known.iana if known else "UTC" if draft.zone in CUSTOM else draft.zone
    aware = (
        until.replace(tzinfo=ZoneInfo(name)) if draft.kind == "zoned" else until.replace(tzinfo=UTC)
    )
    return f"{aware.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _instances(draft: Draft, now: datetime) -> list[datetime]:
    """Return some of the series' own local starts, round now where it is still running."""
    rule = rrule.rrulestr(draft.rule.split(";UNTIL")[0], dtstart=draft.start)
    later = now.replace(tzinfo=None) - timedelta(days=30)
    if draft.start > later or "COUNT" in draft.rule or "DAILY" in draft.rule:
        return list(rule.xafter(draft.start - DAY, count=12))
    return list(rule.xafter(max(later, draft.start - DAY), count=12))


def _exceptions(draft: Draft, now: datetime) -> None:
    draw = draft.draw
    if not _chance(draw, 0.45) or not (found := _instances(draft, now)):
        return
    if _chance(draw, 0.5):
        out = draw.sample(found, min(len(found), draw.randint(1, 3)))
        draft.lines += [f"EXDATE{draft.when(moment)}" for moment in out]
    if _chance(draw, 0.2):
        extra = draw.choice(found) + timedelta(
            days=draw.randint(1, 20), hours=0 if draft.kind == "date" else 3
        )
        draft.lines.append(_rdate(draft, extra))
    if _chance(draw, 0.45):
        chosen = draw.sample(found, min(len(found), draw.randint(1, 2)))
        draft.overrides = [_override(draft, moment) for moment in chosen]


def _rdate(draft: Draft, moment: datetime) -> str:
    """Return an added date; some of them with a length of their own."""
    if draft.kind == "date" or _chance(draft.draw, 0.7):
        return f"RDATE{draft.when(moment)}"
    period = f"RDATE;VALUE=PERIOD{draft.when(moment)}"
    return period + draft.draw.choice(("/PT2H", "/P1D", "/PT15M"))


def _override(draft: Draft, moment: datetime) -> list[str]:
    """Return the lines of an instance that was moved, cancelled, freed or declined."""
    draw = draft.draw
    change = draw.choices(("moved", "cancelled", "free", "declined"), (6, 2, 1, 1))[0]
    ranged = ";RANGE=THISANDFUTURE" if change == "moved" and _chance(draw, 0.05) else ""
    recurrence_id = f"RECURRENCE-ID{ranged}{draft.when(moment)}"
    shift = timedelta()
    if change == "moved":
        shift = DAY * draw.choice((0, 0, 1, 3, -1))
        shift += (
            timedelta() if draft.kind == "date" else timedelta(minutes=draw.choice((30, 60, -60)))
        )
    lines = [recurrence_id, f"DTSTART{draft.when(moment + shift)}"]
    lines.append(f"DTEND{draft.when(moment + shift + draft.length)}")
    extra = {
        "moved": ["TRANSP:OPAQUE"],
        "cancelled": ["STATUS:CANCELLED"],
        "free": ["TRANSP:TRANSPARENT"],
        "declined": [f"ATTENDEE;PARTSTAT=DECLINED:mailto:{OWNER}"],
    }
    return lines + extra[change]


def _state(draft: Draft) -> None:
    """Add what says whether the event is busy: TRANSP, STATUS, PARTSTAT, Outlook's states."""
    draw = draft.draw
    if _chance(draw, 0.6):
        draft.lines.append("TRANSP:" + ("TRANSPARENT" if _chance(draw, 0.12) else "OPAQUE"))
    if _chance(draw, 0.3):
        draft.lines.append(
            "STATUS:" + draw.choices(("CONFIRMED", "TENTATIVE", "CANCELLED"), (85, 10, 5))[0]
        )
    if _chance(draw, 0.3):
        state = draw.choices(("BUSY", "FREE", "TENTATIVE", "OOF"), (75, 10, 8, 7))[0]
        draft.lines.append(f"X-MICROSOFT-CDO-BUSYSTATUS:{state}")
    if _chance(draw, 0.35):
        _invite(draft)


def _invite(draft: Draft) -> None:
    draw = draft.draw
    draft.lines.append('ORGANIZER;CN="Petra Beispiel":mailto:petra.beispiel@example.com')
    partstat = draw.choices(("ACCEPTED", "NEEDS-ACTION", "TENTATIVE", "DECLINED"), (75, 10, 8, 7))[
        0
    ]
    draft.lines.append(
        f'ATTENDEE;CN="Hans Muster";ROLE=REQ-PARTICIPANT;PARTSTAT={partstat}:mailto:{OWNER}'
    )
    for number in range(draw.randint(0, 3)):
        draft.lines.append(
            f"ATTENDEE;CN=Gast {number};PARTSTAT=ACCEPTED:MAILTO:guest{number}@example.org"
        )


def _words(draw: random.Random, count: int) -> str:
    return " ".join(draw.choices(LOREM, k=count))


def _text(draft: Draft, serial: int) -> list[str]:
    """Return the properties that free/busy never needs and every message has."""
    draw = draft.draw
    lines = [f"UID:{draw.getrandbits(96):024X}-{serial}@example.com"]
    lines += ["DTSTAMP:20240101T120000Z", f"SUMMARY:{_words(draw, draw.randint(1, 5))}"]
    if _chance(draw, 0.75):
        lines.append("DESCRIPTION:" + _words(draw, draw.randint(5, 46)) + "\\n" + _words(draw, 10))
    if _chance(draw, 0.5):
        lines.append(f"LOCATION:{_words(draw, 2)}")
    return [*lines, "CLASS:PUBLIC", "PRIORITY:5", f"SEQUENCE:{draw.randint(0, 3)}"]


def _alarm(draw: random.Random) -> list[str]:
    if not _chance(draw, 0.5):
        return []
    return [
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        "DESCRIPTION:Reminder",
        "TRIGGER:-PT15M",
        "END:VALARM",
    ]


def fold(line: str) -> str:
    """Fold a content line at 75 octets without cutting a character (RFC 5545 §3.1)."""
    parts, octets = [""], 0
    for character in line:
        size = len(character.encode())
        if octets + size > 75:
            parts.append(" ")
            octets = 1
        parts[-1] += character
        octets += size
    return "\r\n".join(parts)


def _draft(draw: random.Random, now: datetime) -> Draft:
    recurring = _chance(draw, 0.2)
    kind = draw.choices(("zoned", "utc", "date", "floating"), (64, 16, 15, 5))[0]
    start = _start(draw, now, recurring=recurring)
    if kind == "date":
        start = start.replace(hour=0, minute=0)
    draft = Draft(draw, start, _length(draw, kind), kind)
    if kind == "zoned":
        _place(draft)
    if recurring:
        _recur(draft, now)
    _state(draft)
    return draft


def _component(draft: Draft, serial: int) -> Iterator[str]:
    text = _text(draft, serial)
    by_duration = draft.kind != "date" and _chance(draft.draw, 0.15)
    duration = f"DURATION:PT{draft.length // timedelta(minutes=1)}M"
    end = duration if by_duration else f"DTEND{draft.when(draft.start + draft.length)}"
    alarm = _alarm(draft.draw)
    yield from [
        "BEGIN:VEVENT",
        *text,
        f"DTSTART{draft.when(draft.start)}",
        end,
        *draft.lines,
        *alarm,
        "END:VEVENT",
    ]
    for lines in draft.overrides:
        yield from ["BEGIN:VEVENT", text[0], text[1], text[-1], *lines, "END:VEVENT"]


def event(draw: random.Random, now: datetime, serial: int) -> str:
    """Return one message: a VCALENDAR with an event, its overrides and perhaps its zone."""
    draft = _draft(draw, now)
    head = ["BEGIN:VCALENDAR", "PRODID:-//Example Corp//Calendar 1.0//EN", "VERSION:2.0"]
    lines = [*head, *draft.vtimezone, *_component(draft, serial), "END:VCALENDAR", ""]
    return "\r\n".join(fold(line) for line in lines)


def events(seed: int, count: int, now: datetime) -> Iterator[str]:
    """Yield ``count`` messages; each depends only on ``seed``, its number and ``now``."""
    for serial in range(count):
        yield event(random.Random(seed * 1_000_003 + serial), now, serial)


def span_of_interest(text: str, now: datetime) -> list[tuple[datetime, datetime]]:
    """Return the windows in which an event is worth comparing: round its start and round now."""
    digits = text.split("BEGIN:VEVENT", 1)[1].split("DTSTART", 1)[1].split(":", 1)[1][:8]
    first = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    begin = datetime(first.year, first.month, first.day, tzinfo=UTC) - 3 * DAY
    return [(begin, begin + 60 * DAY), (now - 7 * DAY, now + 180 * DAY)]
