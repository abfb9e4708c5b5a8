"""Calendar objects for the tests of the dialects, and the ways into messages and back."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st

from calendar_sync import dialects
from calendar_sync.dialects import objects, values
from calendar_sync.formats.message import calendar_texts
from freebusy.freer import freer as where_freer
from freebusy.period import to_seconds
from tests.oracles import ours

if TYPE_CHECKING:
    from freebusy.freer import Freer
    from freebusy.period import Period

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
AUTHOR, ZONE = "hans@example.com", "Europe/Berlin"
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
DIALECTS: tuple[dialects.Dialect, ...] = ("icalendar", "kolab2", "kolab3")


def written(
    calendar: str,
    dialect: dialects.Dialect = "icalendar",
    *,
    change: str = "c-1",
    author: str = AUTHOR,
    zone: str = ZONE,
) -> dialects.Written:
    """Return the message of an object."""
    return dialects.write(calendar, dialect, change=change, zone=zone, now=NOW, author=author)


def read(message: bytes, zone: str = ZONE) -> dialects.Read:
    """Return the object in a message that has one."""
    found = dialects.read(message, zone=zone)
    if found is None:
        raise AssertionError("a message without a calendar object")
    return found


def calendar(*lines: str, kind: str = "VEVENT", uid: str = "a@b", start: str = "") -> str:
    """Return an object of one component."""
    first = start or "DTSTART;TZID=Europe/Berlin:20260602T100000"
    inner = (f"BEGIN:{kind}", f"UID:{uid}", "DTSTAMP:20260101T000000Z", first)
    return "\r\n".join(
        ("BEGIN:VCALENDAR", "VERSION:2.0", *inner, *lines, f"END:{kind}", "END:VCALENDAR", "")
    )


def content_lines(calendar: str) -> list[str]:
    """Return the lines of an object's components, unfolded, without time zones."""
    thing = objects.parse(calendar)
    return [
        line.written + line.rest
        for part in thing.instances
        for each in (part, *part.parts)
        for line in each.lines
    ]


def busy(text: str | bytes) -> list[Period]:
    """Return when a text makes its owner busy in 2026."""
    return ours.busy(text, addresses=[AUTHOR], zone=ZONE, start=START, end=END)


def busy_by_formats(message: bytes) -> list[Period]:
    """Return the same of a message, as the gateway's reader for free/busy finds it."""
    texts = calendar_texts(message)
    return ours.folder(texts, addresses=[AUTHOR], zone=ZONE, start=START, end=END).periods


def freer(expected: list[Period], found: list[Period]) -> list[Freer]:
    """Return when somebody looks freer than expected, in 2026."""
    old, new = [each.span for each in expected], [each.span for each in found]
    return where_freer(old, new, to_seconds(START), to_seconds(END))


def examples(count: int) -> settings:
    """Return how many examples are tried: so many times what the environment asks for."""
    return settings(max_examples=count * int(os.environ.get("FREEBUSY_TEST_EXAMPLES", "1")))


# -- any object

_characters = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="￾￿")
texts = st.text(_characters | st.sampled_from("\n,;\\\"'^<>&:="), max_size=40).map(str.strip)
words = st.text(st.characters(categories=["Ll", "Lu", "Nd"]), min_size=1, max_size=12)
_addresses = st.sampled_from((AUTHOR, "petra@example.com", "o'neil+x@example.org"))


def _prop(name: str, content: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    """Return no line, or one."""
    line = content.map(lambda each: [f"{name}:{each}"] if each else [])
    return st.just([]) | line


@st.composite
def _attendees(draw: st.DrawFn) -> list[str]:
    lines = []
    for address in draw(st.lists(_addresses, unique=True, max_size=3)):
        said = {
            "CN": values.to_carets(draw(texts)),
            "PARTSTAT": draw(
                st.sampled_from(("", "ACCEPTED", "DECLINED", "TENTATIVE", "NEEDS-ACTION"))
            ),
            "ROLE": draw(st.sampled_from(("", "OPT-PARTICIPANT", "NON-PARTICIPANT", "CHAIR"))),
            "RSVP": draw(st.sampled_from(("", "TRUE", "FALSE"))),
            "X-NUM-GUESTS": draw(st.sampled_from(("", "", "", "0"))),
        }
        known = {key: value for key, value in said.items() if value}
        lines.append("".join(objects.line("ATTENDEE", f"mailto:{address}", known)))
    return lines


_RULES = (
    "FREQ=DAILY;COUNT=5",
    "FREQ=DAILY;INTERVAL=3;UNTIL=20260630T215959Z",
    "FREQ=WEEKLY;BYDAY=TU",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;WKST=SU;COUNT=9",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;UNTIL=20261001T080000Z",
    "FREQ=MONTHLY",
    "FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=4",
    "FREQ=MONTHLY;BYDAY=1TU,1WE",
    "FREQ=MONTHLY;BYDAY=TU;BYSETPOS=1",
    "FREQ=MONTHLY;BYDAY=-1FR;INTERVAL=2",
    "FREQ=YEARLY",
    "FREQ=YEARLY;BYMONTH=6,7;BYDAY=TU",
    "FREQ=YEARLY;BYMONTH=6;BYDAY=1TU",
    "FREQ=YEARLY;BYYEARDAY=153",
    "FREQ=HOURLY;INTERVAL=30;COUNT=20",
)
_STARTS = {
    "date": ("DTSTART;VALUE=DATE:20260602", "DTEND;VALUE=DATE:20260604", "EXDATE;VALUE=DATE:{}"),
    "berlin": (
        "DTSTART;TZID=Europe/Berlin:20260602T100000",
        "DTEND;TZID=Europe/Berlin:20260602T113000",
        "EXDATE;TZID=Europe/Berlin:{}T100000",
    ),
    "utc": ("DTSTART:20260602T080000Z", "DURATION:PT1H30M", "EXDATE:{}T080000Z"),
    "tokyo": (
        "DTSTART;TZID=Asia/Tokyo:20260602T060000",
        "DTEND;TZID=Asia/Tokyo:20260602T070000",
        "EXDATE;TZID=Asia/Tokyo:{}T060000",
    ),
    "floating": ("DTSTART:20260602T100000", "DTEND:20260602T110000", "EXDATE:{}T100000"),
}


@st.composite
def calendars(draw: st.DrawFn) -> str:
    """Draw an event with anything that office programs write."""
    start, end, exdate = _STARTS[draw(st.sampled_from(sorted(_STARTS)))]
    lines = [*draw(st.just([]) | st.just([end]))]
    rule = draw(st.just("") | st.sampled_from(_RULES))
    if rule:
        lines.append(f"RRULE:{rule}")
        lines += [exdate.format(day) for day in draw(st.sampled_from(((), ("20260609",))))]
    for name in ("SUMMARY", "DESCRIPTION", "LOCATION", "COMMENT"):
        lines += draw(_prop(name, texts.map(values.escaped)))
    categories = st.lists(words | texts, max_size=3)
    lines += draw(_prop("CATEGORIES", categories.map(lambda c: ",".join(map(values.escaped, c)))))
    for name, choices in _CHOICES.items():
        lines += draw(_prop(name, st.sampled_from(choices)))
    lines += draw(_prop("X-WHAT-EVER", texts.map(values.escaped)))
    lines += draw(_attendees())
    lines += draw(st.sampled_from(_ALARMS))
    return calendar(*lines, uid=draw(words), start=start)


_CHOICES = {
    "CLASS": ("PUBLIC", "PRIVATE", "CONFIDENTIAL"),
    "STATUS": ("CONFIRMED", "TENTATIVE", "CANCELLED"),
    "TRANSP": ("OPAQUE", "TRANSPARENT"),
    "PRIORITY": ("0", "5"),
    "SEQUENCE": ("0", "7"),
    "URL": ("https://example.com/a?b=c&d;e,f",),
    "ATTACH": ("https://example.com/file.pdf", "mailto:x@example.com"),
    "ATTACH;VALUE=BINARY;ENCODING=BASE64": ("aGVsbG8gd29ybGQ=",),
    "X-MICROSOFT-CDO-BUSYSTATUS": ("FREE", "TENTATIVE", "BUSY", "OOF", "WORKINGELSEWHERE"),
    "ORGANIZER;CN=Petra Beispiel": ("mailto:petra@example.com",),
    "GEO": ("47.5;8.2",),
}
_ALARM = ("BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:Reminder", "TRIGGER:-PT15M", "END:VALARM")
_AT_END = ("BEGIN:VALARM", "ACTION:AUDIO", "TRIGGER;RELATED=END:PT5M", "END:VALARM")
_ALARMS: tuple[tuple[str, ...], ...] = ((), _ALARM, _AT_END, _ALARM + _AT_END)
