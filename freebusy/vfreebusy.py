"""A free/busy file: FreeBusy to its text and back (RFC 5545 §3.6.4, RFC 5546 §3.3.1).

Written conservatively: sorted, merged, UTC, CRLF, one period a line as start/end,
FBTYPE always spelled out (KCalendarCore takes a bare FREEBUSY as "unknown",
Thunderbird as "no information").  Read liberally: whatever clients publish, each
tolerance a function of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from freebusy.contentline import accept_utf16, address, parameters, unfold
from freebusy.errors import CalendarDataError, NotFreeBusyError
from freebusy.freebusyline import (
    is_local,
    read_local_periods,
    read_periods,
    split_freebusy_line,
)
from freebusy.period import Period, Span, TimeRange, clip, coalesce, from_seconds, to_seconds
from freebusy.values import parse_moment
from freebusy.zones import Zone, named_zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from freebusy.period import FreeBusyType

PRODID = "-//Free Busy Gateway//vfb//EN"
SANE = TimeRange(datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
"""A window outside this range (1601, year 9999) is its writer's mistake and is clipped to it."""
MAX_PERIODS = 50_000
MAX_USELESS = 10_000
"""Of unreadable periods, and of lines beside the periods: each costs more than a good period."""
_ADDRESS = re.compile(r"[^\s\x00-\x1f\x7f\"<>:;,\\]+@[^\s\x00-\x1f\x7f\"<>:;,\\]+")
_FOLD = 75
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class FreeBusy:
    """When one person is busy, and what window that knowledge covers (RFC 5545 §3.6.4).

    ``periods`` are disjoint, sorted and inside ``window``; nothing but times can be held.
    """

    organizer: str
    """The person's address, bare."""
    uid: str
    stamp: datetime
    """DTSTAMP: when this was computed; aware UTC."""
    window: TimeRange
    periods: tuple[Period, ...] = ()
    as_of: datetime | None = None
    """Set while the calendars cannot be read: the time up to which this is known."""

    def __post_init__(self) -> None:
        if self.stamp.tzinfo is not UTC or (
            self.as_of is not None and self.as_of.tzinfo is not UTC
        ):
            raise ValueError("a free/busy time stamp is in UTC")
        last = self.window.start
        for period in self.periods:
            if period.start < last or period.end > self.window.end:
                raise ValueError("periods are sorted, disjoint and inside the window")
            last = period.end


def _utc(moment: datetime) -> str:
    """Return a UTC datetime as DATE-TIME; isoformat is several times faster than strftime."""
    return moment.isoformat()[:19].replace("-", "").replace(":", "") + "Z"


def fold(line: str) -> Iterator[str]:
    """Cut a line into pieces of at most 75 octets, never inside a character (RFC 5545 §3.1)."""
    room, piece, used = _FOLD, "", 0
    for character in line:
        size = len(character.encode())
        if used + size > room:
            yield piece
            room, piece, used = _FOLD - 1, "", 0
        piece += character
        used += size
    yield piece


def _lines(freebusy: FreeBusy, *, plain: bool) -> Iterator[str]:
    yield "BEGIN:VCALENDAR"
    yield f"PRODID:{PRODID}"
    yield "VERSION:2.0"
    yield "METHOD:PUBLISH"
    yield "BEGIN:VFREEBUSY"
    yield f"UID:{freebusy.uid}"
    yield f"DTSTAMP:{_utc(freebusy.stamp)}"
    yield f"ORGANIZER:mailto:{freebusy.organizer}"
    yield f"DTSTART:{_utc(freebusy.window.start)}"
    yield f"DTEND:{_utc(freebusy.window.end)}"
    if freebusy.as_of is not None:
        yield f"COMMENT:as of {_utc(freebusy.as_of)}"
    for period in freebusy.periods:
        if period.type:
            name = "FREEBUSY" if plain else f"FREEBUSY;FBTYPE={period.type.fbtype}"
            yield f"{name}:{_utc(period.start)}/{_utc(period.end)}"
    yield "END:VFREEBUSY"
    yield "END:VCALENDAR"


def encode(freebusy: FreeBusy, *, plain: bool = False) -> bytes:
    """Return the file's octets; ``plain`` leaves FBTYPE out, for very old Outlooks.

    Raises ValueError for an organizer or a UID that would not stay on its line.
    """
    if not _ADDRESS.fullmatch(freebusy.organizer):
        raise ValueError("the organizer is not a plain mail address")
    if not freebusy.uid.isprintable() or any(character in "\\;," for character in freebusy.uid):
        raise ValueError("a UID with characters that would need escaping")
    folded = (piece for line in _lines(freebusy, plain=plain) for piece in _folded(line))
    return ("\r\n".join(folded) + "\r\n").encode()


def _folded(line: str) -> Iterator[str]:
    if len(line) <= _FOLD and line.isascii():
        yield line
        return
    for index, piece in enumerate(fold(line)):
        yield " " + piece if index else piece


_STAMP_LINE = re.compile(rb"^DTSTAMP:[^\r\n]*", re.MULTILINE)


def same_but_stamp(one: bytes, other: bytes) -> bool:
    """Whether two encoded files differ in nothing but DTSTAMP."""
    return _STAMP_LINE.sub(b"", one, count=1) == _STAMP_LINE.sub(b"", other, count=1)


_LINE = re.compile(
    r"^[ \t]*(BEGIN|END|FREEBUSY|DTSTART|DTEND|ORGANIZER)([;:].*)",
    re.MULTILINE | re.IGNORECASE | re.ASCII,
)
"""The lines that say anything here.  Uploads are read beside the servers' own work: what
comes in a megabyte of other lines must cost next to nothing."""


@dataclass(slots=True)
class _Gathered:
    """What all VFREEBUSY components of a text say together."""

    place: Zone | None
    """The owner's zone, for times that name none."""
    organizer: str = ""
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    """All periods, FREE ones too: they say what the file knows about."""
    periods: int = 0
    """How many were written, whether they can be read or not."""
    written: dict[FreeBusyType, list[str]] = field(default_factory=dict)
    """Periods as they are written."""
    others: int = 0
    """How many other lines there were."""


class Told(NamedTuple):
    """What a free/busy file says."""

    organizer: str
    """The address in it, bare; empty where there is none.  Anybody can have written it."""
    window: TimeRange
    spans: list[Span]
    """Disjoint, sorted and inside ``window``."""


def decode(data: bytes, *, now: datetime, max_periods: int = MAX_PERIODS) -> FreeBusy:
    """Read a free/busy file as :func:`read_file` does; ``now`` becomes the stamp."""
    told = read_file(data, max_periods=max_periods)
    return FreeBusy(
        organizer=told.organizer,
        uid="",
        stamp=now.astimezone(UTC).replace(microsecond=0),
        window=told.window,
        periods=tuple(Period.from_span(span) for span in told.spans),
    )


def read_file(data: bytes, *, max_periods: int = MAX_PERIODS, zone: str | None = None) -> Told:
    """Read a free/busy file as clients publish it.

    Several VFREEBUSY count as one; times outside the sane range are clipped; details
    in parameters and comments are dropped.  Local times, against RFC 5545 §3.6.4, are
    taken for UTC and, where it is given, for the owner's ``zone`` as well: busy in both.
    Raises NotFreeBusyError, whose reason is one line for the sender.
    """
    place = None if zone is None else named_zone(zone)
    gathered = _gather(_whole_file(data), max_periods, place)
    window = _window(gathered)
    return Told(gathered.organizer, window, coalesce(clip(gathered.spans, *window.seconds)))


def _whole_file(data: bytes) -> list[tuple[str, str]]:
    """Refuse what is no free/busy text or only a part of one, else return the lines that count.

    FTP cannot tell an upload that broke off: the missing END is how it shows.
    """
    if not data.strip():
        raise NotFreeBusyError("the file is empty")
    data = accept_utf16(data)
    if b"\0" in data:
        raise NotFreeBusyError("binary data is not a free/busy file")
    text = unfold(data)
    told = [(name.upper(), rest) for name, rest in _LINE.findall(text)]
    marks = [(_component(rest), name) for name, rest in told if name in ("BEGIN", "END")]
    if ("VFREEBUSY", "BEGIN") not in marks:
        page = text[:512].lstrip().lower().startswith(("<!doctype", "<html", "<?xml"))
        raise NotFreeBusyError(
            "a web page is not a free/busy file" if page else "there is no VFREEBUSY in the file"
        )
    last = dict(marks)
    for name in ("VFREEBUSY", "VCALENDAR"):
        if last.get(name) == "BEGIN":
            raise NotFreeBusyError(f"the file is cut off: END:{name} is missing")
    return told


def _component(rest: str) -> str:
    return rest[1:].strip().upper()


def _gather(told: Iterable[tuple[str, str]], max_periods: int, place: Zone | None) -> _Gathered:
    gathered = _Gathered(place)
    open_components: list[str] = []
    for name, rest in told:
        if name == "BEGIN":
            open_components.append(_component(rest))
        elif name == "END":
            _close(open_components, _component(rest))
        elif open_components and open_components[-1] == "VFREEBUSY":
            _take(gathered, name, rest, max_periods)
    _read_periods(gathered)
    return gathered


def _close(open_components: list[str], ended: str) -> None:
    """Note the end of a component, and of those in it that were left open."""
    while ended in open_components and open_components.pop() != ended:
        pass


def _take(gathered: _Gathered, name: str, rest: str, max_periods: int) -> None:
    """Take what one line says; what cannot be read is left out (Cyrus wrote P2W4294967284D)."""
    try:
        if name == "FREEBUSY":
            kind, written = split_freebusy_line(rest)
            gathered.periods += len(written)
            _check_number(gathered.periods, max_periods, "periods")
            gathered.written.setdefault(kind, []).extend(written)
        else:
            gathered.others += 1
            _check_number(gathered.others, MAX_USELESS, "lines beside its periods")
            _take_other(gathered, name, parameters(rest)[1])
    except CalendarDataError:
        return


def _read_periods(gathered: _Gathered) -> None:
    """Read all periods of a type together: line by line it costs twice as much."""
    unreadable = 0
    for kind, written in gathered.written.items():
        for at in range(0, len(written), _BATCH):
            batch = written[at : at + _BATCH]
            spans = read_periods(kind, batch)
            gathered.spans += spans
            if gathered.place is not None:
                gathered.spans += read_local_periods(kind, batch, gathered.place)
            unreadable += len(batch) - len(spans)
            _check_number(unreadable, MAX_USELESS, "periods that cannot be read")


def _check_number(number: int, most: int, what: str) -> None:
    if number > most:
        raise NotFreeBusyError(f"the file has more than {most} {what}")


def _take_other(gathered: _Gathered, name: str, value: str) -> None:
    if name == "DTSTART":
        gathered.starts.append(max(_readings(value, gathered.place)))
    elif name == "DTEND":
        gathered.ends.append(min(_readings(value, gathered.place)))
    elif not gathered.organizer:
        gathered.organizer = address(value)


def _readings(value: str, place: Zone | None) -> list[int]:
    """Return the UTC seconds that a time can mean: more than one where it has no zone."""
    local = parse_moment(value).local
    return [local] if place is None or not is_local(value) else [local, place.to_utc(local)]


def _window(gathered: _Gathered) -> TimeRange:
    """Return DTSTART..DTEND, clipped to sanity; the periods' own extent where one is missing."""
    start = min(gathered.starts or [span[0] for span in gathered.spans], default=None)
    end = max(gathered.ends or [span[1] for span in gathered.spans], default=None)
    if start is None or end is None:
        raise NotFreeBusyError("the file has neither DTSTART and DTEND nor any period")
    low, high = SANE.seconds
    start, end = max(start, low), min(end, high)
    if end <= start:
        raise NotFreeBusyError("the file's DTEND is not after its DTSTART")
    return TimeRange(from_seconds(start), from_seconds(end))


def free_busy(
    *,
    organizer: str,
    uid: str,
    stamp: datetime,
    window: TimeRange,
    spans: Iterable[Span],
    as_of: datetime | None = None,
) -> FreeBusy:
    """Make a FreeBusy of any spans: clipped to the window, coalesced (RFC 4791 §7.10)."""
    kept = coalesce(clip(spans, *window.seconds))
    return FreeBusy(
        organizer=organizer,
        uid=uid,
        stamp=from_seconds(to_seconds(stamp)),
        window=window,
        periods=tuple(Period.from_span(span) for span in kept),
        as_of=as_of,
    )
