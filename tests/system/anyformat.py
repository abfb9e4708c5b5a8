"""One event in every format that lies in calendar folders, with the times that it means.

The times are worked out here, from what each format says, and by nothing of the
product's.  Whole days and series are on the wall clock of Berlin, as are the people.
"""

from __future__ import annotations

import base64
import quopri
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from freebusy.period import FreeBusyType, to_seconds
from tests.oracles import kolab2, tnef
from tests.oracles.kolab2 import BERLIN
from tests.oracles.xcal import xcal
from tests.system import agenda

if TYPE_CHECKING:
    from collections.abc import Mapping

    from freebusy.period import Span

BUSY, TENTATIVE = FreeBusyType.BUSY, FreeBusyType.BUSY_TENTATIVE
UNAVAILABLE = FreeBusyType.BUSY_UNAVAILABLE


@dataclass(frozen=True)
class Item:
    """A message, and what it means."""

    uid: str
    body: bytes
    spans: tuple[Span, ...] = ()
    answers: Mapping[str, FreeBusyType] = field(default_factory=dict)
    """As what it counts for those who answered the invitation, by address."""

    @property
    def is_outlooks(self) -> bool:
        return self.uid.startswith("outlook-")

    def spans_for(self, address: str) -> list[Span]:
        """Return when it makes a person busy."""
        answer = self.answers.get(address)
        if answer is None:
            return list(self.spans)
        return [(start, end, answer) for start, end, _ in self.spans if answer]


@dataclass(frozen=True)
class When:
    """Which event is wanted: its UID, a day from today, and an hour before 20:00."""

    uid: str
    day: int
    hour: int

    def at(self, hours: int = 0) -> datetime:
        return agenda.at(self.day, self.hour) + timedelta(hours=hours)

    def wall(self, days: int = 0, hours: int = 0) -> datetime:
        """Return the same digits on the wall, without a zone."""
        return (self.at(hours) + timedelta(days=days)).replace(tzinfo=None)

    def spans(self, kind: FreeBusyType = BUSY, hours: int = 1) -> tuple[Span, ...]:
        return (_span(self.at(), self.at(hours), kind),)

    def date(self, days: int = 0) -> date:
        return self.at().date() + timedelta(days=days)


def _span(start: datetime, end: datetime, kind: FreeBusyType = BUSY) -> Span:
    return to_seconds(start), to_seconds(end), kind


def _on_wall(start: datetime, hours: int, kind: FreeBusyType = BUSY) -> Span:
    """Return the span of a time on Berlin's wall and an exact length."""
    begin = start.replace(tzinfo=BERLIN).astimezone(UTC)
    return _span(begin, begin + timedelta(hours=hours), kind)


def _days(first: date, after: date, kind: FreeBusyType = BUSY) -> Span:
    """Return the span of whole days in Berlin, ``after`` the last."""
    start, end = (datetime.combine(day, time(), BERLIN) for day in (first, after))
    return _span(start, end, kind)


# -- MIME


def _part(media: str, content: bytes, name: str = "") -> bytes:
    disposition = f"Content-Disposition: attachment; filename={name}\r\n" if name else ""
    head = f"Content-Type: {media}\r\nContent-Transfer-Encoding: base64\r\n{disposition}\r\n"
    return head.encode() + base64.encodebytes(content).replace(b"\n", b"\r\n")


def _mixed(*parts: bytes, headers: str = "") -> bytes:
    head = (
        f"From: a@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n{headers}"
        'Content-Type: multipart/mixed; boundary="=_b"\r\n\r\n'
    )
    inner = b"".join(b"--=_b\r\n" + part + b"\r\n" for part in parts)
    return head.encode() + inner + b"--=_b--\r\n"


TEXT = b"Content-Type: text/plain\r\n\r\nThis is a groupware object.\r\n"


def _ics(when: When, *lines: str) -> bytes:
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", f"UID:{when.uid}", "SUMMARY:secret"]
    return "\r\n".join([*head, *lines, "END:VEVENT", "END:VCALENDAR", ""]).encode()


def _utc(when: When, hours: int = 1) -> list[str]:
    return [f"DTSTART:{when.at():%Y%m%dT%H%M%SZ}", f"DTEND:{when.at(hours):%Y%m%dT%H%M%SZ}"]


# -- iCalendar


def simple(when: When, *lines: str, kind: FreeBusyType = BUSY) -> Item:
    """Return an hour as a message of nothing else."""
    spans = when.spans(kind) if kind else ()
    return Item(when.uid, agenda.message(_ics(when, *_utc(when), *lines)), spans)


def tentative(when: When) -> Item:
    return simple(when, "STATUS:TENTATIVE", kind=TENTATIVE)


def transparent(when: When) -> Item:
    return simple(when, "TRANSP:TRANSPARENT", kind=FreeBusyType.FREE)


def cancelled(when: When) -> Item:
    return simple(when, "STATUS:CANCELLED", "SEQUENCE:9", kind=FreeBusyType.FREE)


def invitation(when: When, answers: Mapping[str, str]) -> Item:
    """Return an hour to which people have been invited, with their answers by address."""
    who = [f"ATTENDEE;PARTSTAT={answer}:mailto:{address}" for address, answer in answers.items()]
    item = simple(when, "ORGANIZER:mailto:boss@example.org", *who)
    kinds = {"DECLINED": FreeBusyType.FREE, "TENTATIVE": TENTATIVE, "NEEDS-ACTION": TENTATIVE}
    counted = {address: kinds.get(answer, BUSY) for address, answer in answers.items()}
    return replace(item, answers=counted)


def bynari(when: When) -> Item:
    """Return a day out of office, in quoted-printable beside an empty text."""
    lines = f"DTSTART;VALUE=DATE:{when.date():%Y%m%d}", "X-OUTLOOK-BUSY-STATUS;VALUE=INTEGER:3"
    encoded = quopri.encodestring(_ics(when, *lines, "ORGANIZER:eva@example.com"))
    head = "Content-Type: text/calendar; charset=utf-8; method=PUBLISH\r\n"
    head += "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    body = _mixed(b"Content-Type: text/plain\r\n\r\n", head.encode() + encoded)
    return Item(when.uid, body, (_days(when.date(), when.date(1), UNAVAILABLE),))


def series(when: When) -> Item:
    """Return four days running, the second left out and the third moved by two hours."""
    wall = "TZID=Europe/Berlin"
    text = _ics(
        when,
        f"DTSTART;{wall}:{when.wall():%Y%m%dT%H%M%S}",
        "DURATION:PT1H",
        "RRULE:FREQ=DAILY;COUNT=4",
        f"EXDATE;{wall}:{when.wall(1):%Y%m%dT%H%M%S}",
        "END:VEVENT",
        "BEGIN:VEVENT",
        f"UID:{when.uid}",
        f"RECURRENCE-ID;{wall}:{when.wall(2):%Y%m%dT%H%M%S}",
        f"DTSTART;{wall}:{when.wall(2, 2):%Y%m%dT%H%M%S}",
        "DURATION:PT2H",
    )
    body = _mixed(TEXT, _part("text/calendar; charset=utf-8", text, "a.ics"))
    moved = _on_wall(when.wall(2, 2), 2)
    spans = (_on_wall(when.wall(), 1), moved, _on_wall(when.wall(3), 1))
    return Item(when.uid, body, spans)


# -- Kolab


def _kolab2(when: When, xml: str) -> bytes:
    media = "application/x-vnd.kolab.event"
    text = xml.replace("<uid>series</uid>", f"<uid>{when.uid}</uid>")
    return _mixed(TEXT, _part(media, text.encode()), headers=f"X-Kolab-Type: {media}\r\n")


def kolab2_days(when: When) -> Item:
    """Return two whole days, tentative."""
    xml = (
        f'<event version="1.0"><uid>{when.uid}</uid><start-date>{when.date()}</start-date>'
        f"<end-date>{when.date(1)}</end-date><show-time-as>tentative</show-time-as></event>"
    )
    span = _days(when.date(), when.date(2), TENTATIVE)
    return Item(when.uid, _kolab2(when, xml), (span,))


def kolab2_series(when: When) -> Item:
    """Return five weeks of two weekdays at the owner's wall-clock time, a day excluded."""
    days = sorted({when.date().weekday(), when.date(2).weekday()})
    rule = kolab2.Series("weekly", "", days=days, start=when.wall(), hours=2, times=10)
    rule.exclusions = [when.date(2)]
    found = rule.instances(when.date(100))
    spans = tuple(_span(start, end) for start, end in found)
    return Item(when.uid, _kolab2(when, rule.xml()), spans)


def kolab3(when: When) -> Item:
    """Return three weekly instances in Kolab's name of the zone, each out of office."""
    wall = "TZID=/kolab.org/Europe/Berlin"
    text = _ics(
        when,
        f"DTSTART;{wall}:{when.wall():%Y%m%dT%H%M%S}",
        f"DTEND;{wall}:{when.wall(hours=1):%Y%m%dT%H%M%S}",
        "RRULE:FREQ=WEEKLY;COUNT=3",
        "X-MICROSOFT-CDO-BUSYSTATUS:OOF",
    )
    headers = "X-Kolab-Type: application/x-vnd.kolab.event\r\nX-Kolab-Mime-Version: 3.0\r\n"
    body = _mixed(TEXT, _part("application/calendar+xml", xcal(text), "k.xml"), headers=headers)
    weeks = (_on_wall(when.wall(7 * week), 1, UNAVAILABLE) for week in range(3))
    return Item(when.uid, body, tuple(weeks))


# -- Outlook


def _outlook(when: When, values: Mapping[tnef.Name, tnef.Content]) -> Item:
    own = when.uid.encode().ljust(16, b"\0")
    uid = bytes.fromhex("040000008200E00074C5B7101A82E008") + bytes(20)
    uid += struct.pack("<I", len(own)) + own
    stream = tnef.message({(tnef.MEETING, 0x23): uid, **values})
    body = _mixed(TEXT, _part("application/ms-tnef", stream, "winmail.dat"))
    return Item(f"outlook-{when.uid}", body)


def outlook(when: When) -> Item:
    """Return an hour, tentative."""
    times: dict[tnef.Name, tnef.Content] = {
        tnef.lid(0x820D): when.at(),
        tnef.lid(0x820E): when.at(1),
        tnef.lid(0x8205): 1,
    }
    return replace(_outlook(when, times), spans=when.spans(TENTATIVE))


def outlook_series(when: When) -> Item:
    """Return six instances every second day, one deleted and one moved to another day."""
    zone = tnef.zone_definition("W. Europe Standard Time", [(2, tnef.Rule(-60))])
    rule = tnef.Series(tnef.DAY, when.wall(), 60, tnef.DAILY, period=2)
    rule.end_type, rule.count, rule.last = 0x2022, 6, when.date(10)
    rule.deleted = [when.date(4)]
    moved = when.wall(9, 1)
    rule.changed = [tnef.Changed(when.wall(8), moved, moved + timedelta(hours=3))]
    values: dict[tnef.Name, tnef.Content] = {
        tnef.lid(0x820D): when.at(),
        tnef.lid(0x820E): when.at(1),
        tnef.lid(0x8223): True,
        tnef.lid(0x8216): rule.blob(),
        tnef.lid(0x8260): zone,
    }
    spans = tuple(_span(*times) for times in rule.instances(when.date(20)))
    return replace(_outlook(when, values), spans=spans)


# -- what is no event


def mail(when: When) -> Item:
    return Item(when.uid, b"From: a@example.org\r\nSubject: lunch?\r\n\r\nAt one?\r\n")


def contact(when: When) -> Item:
    card = f"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{when.uid}\r\nFN:Anna\r\nEND:VCARD\r\n"
    headers = "X-Kolab-Type: application/x-vnd.kolab.contact\r\n"
    return Item(when.uid, _mixed(TEXT, _part("text/vcard", card.encode()), headers=headers))


def broken(when: When) -> Item:
    """Return what says that it is Outlook's and is not."""
    return Item(when.uid, _mixed(TEXT, _part("application/ms-tnef", b"\x78\x9f\x3e\x22", "w.dat")))


Maker = Callable[[When], Item]
EVENTS: tuple[Maker, ...] = (
    *(simple, tentative, bynari, series, kolab2_days, kolab2_series, kolab3),
    *(outlook, outlook_series),
)
"""What makes somebody busy."""
OTHERS: tuple[Maker, ...] = (transparent, cancelled, mail, contact, broken)
"""What makes nobody busy."""


def merged(spans: list[Span]) -> list[Span]:
    """Return spans as a file has them, found quarter of an hour by quarter of an hour."""
    quarters: dict[int, int] = {}
    for start, end, kind in spans:
        for quarter in range(start // 900, end // 900):
            quarters[quarter] = max(kind, quarters.get(quarter, 0))
    found: list[Span] = []
    for quarter, kind in sorted(quarters.items()):
        start = quarter * 900
        if found and found[-1][1:] == (start, kind):
            found[-1] = (found[-1][0], start + 900, kind)
        else:
            found.append((start, start + 900, kind))
    return found
