"""Calendar objects: iCalendar text to busy records (RFC 5545 §3.4, §3.6).

The reader looks at the dozen properties that matter and passes everything else
by.  It is tolerant, because the alternative is to show a busy person as free:
a component that cannot be read is skipped and counted, never the whole text.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from freebusy.busyrecord import BusyRecord, RecurrenceDate
from freebusy.busystate import LOWERING, stated
from freebusy.components import (
    ALL_DAY_PROPERTIES,
    OWNER_WALL_PROPERTY,
    Component,
    Properties,
    read_stream,
)
from freebusy.contentline import accept_colon_in_zone, address, parameters, unfold
from freebusy.errors import CalendarDataError
from freebusy.freebusyline import read_freebusy_line
from freebusy.period import FreeBusyType
from freebusy.values import (
    FLOATING,
    UTC_ZONE,
    Duration,
    Moment,
    is_duration,
    parse_duration,
    parse_moment,
    seconds_of,
    split_period,
)
from freebusy.vtimezone import disagree
from freebusy.zonenames import known_zone, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from freebusy.period import Span

MAX_DATES = 20_000
"""EXDATE and RDATE values kept of one component; a calendar of 50 years has fewer."""
_YEAR = 366 * 86400
_USUAL_DATE = re.compile(r"(?:;TZID=([^;:,\"]+))?:(\d{8})T(\d{6})(Z?)", re.ASCII)
_LOWERED = re.compile(
    r";\s*PARTSTAT\s*=\s*\"?(?:" + "|".join(sorted(LOWERING)) + ")", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something in an item that was not read: its UID, where known, and the reason."""

    uid: str
    reason: str


@dataclass(slots=True)
class Reading:
    """What reading one item gave."""

    records: list[BusyRecord] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    """Components that could not be read."""
    unknown_zones: set[str] = field(default_factory=set)
    """TZIDs that nothing knows; the owner's zone stands in."""
    disagreeing_zones: set[str] = field(default_factory=set)
    """TZIDs whose own VTIMEZONE differs from the database in the time that was asked about."""
    passed_by: int = 0
    """Components of other kinds: tasks, notes, and the like."""

    def add(self, other: Reading) -> None:
        """Take in what another text of the same item gave."""
        self.records += other.records
        self.skipped += other.skipped
        self.unknown_zones |= other.unknown_zones
        self.disagreeing_zones |= other.disagreeing_zones
        self.passed_by += other.passed_by


def read_object(
    data: bytes,
    watched: tuple[int, int] | None = None,
    *,
    cut_off: bool = False,
    all_attendees: bool = False,
) -> Reading:
    """Read iCalendar text into busy records (RFC 5545 §3.4).

    ``watched`` is the time, in UTC seconds, in which a zone's own definition is
    compared with the database's.  Of a text that is ``cut_off`` the last line is
    not trusted; a rule lost that way makes its event tentative.  With ``all_attendees``
    records name those, too, whose answer changes nothing.  Raises
    CalendarDataError only where the text has more than :data:`MAX_COMPONENTS`.
    """
    text, last = unfold(data), ""
    if cut_off:
        text, _, last = text.rpartition("\n")
    stream = read_stream(text)
    reading = Reading(passed_by=stream.passed_by)
    reader = _Reader(reading, stream.definitions, watched, all_attendees=all_attendees)
    for index, component in enumerate(stream.events):
        reader.read(component, index)
    if cut_off and last.upper().startswith(("RRULE", "RDATE")) and reading.records:
        reading.records[-1] = _tentative(reading.records[-1])
    return reading


def _tentative(record: BusyRecord) -> BusyRecord:
    """Lower a record whose rule was cut off: nobody knows when it is busy next."""
    return record._replace(state=min(record.state, FreeBusyType.BUSY_TENTATIVE))


class _Reader:
    """Reads the events of one text, all under the same zone definitions."""

    def __init__(
        self,
        reading: Reading,
        definitions: dict[str, str],
        watched: tuple[int, int] | None,
        *,
        all_attendees: bool,
    ) -> None:
        self._all_attendees = all_attendees
        self._reading = reading
        self._definitions = definitions
        self._watched = watched
        self._zones: dict[str, str] = {}

    def read(self, component: Component, index: int) -> None:
        """Add a component's record, or the reason why there is none."""
        uid = _uid(component.properties, index)
        try:
            if component.name == "VFREEBUSY":
                self._reading.records.append(self._freebusy(uid, component.properties))
            else:
                self._reading.records.append(self._event(uid, component.properties))
        except (CalendarDataError, OverflowError) as error:
            reason = getattr(error, "reason", "a time that is out of range")
            self._reading.skipped.append(Skipped(uid, reason))

    def _event(self, uid: str, properties: Properties) -> BusyRecord:
        get = properties.get
        starts = get("DTSTART")
        if not starts:
            raise CalendarDataError("an event without DTSTART")
        start = self._moment(starts[-1])
        state, explicit = stated(properties)
        lines = get("ATTENDEE", ())
        participation = _everybody(lines) if self._all_attendees else _participation(lines)
        organizer = get("ORGANIZER") if participation else None
        recurrence_id = get("RECURRENCE-ID") or []
        end, duration = self._extent(uid, properties, start)
        return BusyRecord(
            uid=uid,
            start=start,
            end=end,
            duration=duration,
            state=state,
            explicit=explicit,
            all_day=_all_day(properties),
            recurrence_id=self._moment(recurrence_id[-1]) if recurrence_id else None,
            this_and_future=bool(recurrence_id) and _ranges_on(recurrence_id[-1]),
            sequence=_whole(get("SEQUENCE")),
            stamp=_stamp(properties),
            organizer=_address(organizer[-1]) if organizer else "",
            participation=tuple(participation),
            rules=tuple(map(_value, get("RRULE", ()))),
            excluded_rules=tuple(map(_value, get("EXRULE", ()))),
            dates=tuple(self._dates(get("RDATE", ()))) if "RDATE" in properties else (),
            excluded=tuple(self._excluded(get("EXDATE", ()))) if "EXDATE" in properties else (),
            on_owner_wall=OWNER_WALL_PROPERTY in properties,
        )

    def _freebusy(self, uid: str, properties: Properties) -> BusyRecord:
        """Read a stored VFREEBUSY: it counts by its periods (RFC 5545 §3.6.4)."""
        periods: list[Span] = []
        for rest in properties.get("FREEBUSY", ()):
            periods += read_freebusy_line(rest)
        return BusyRecord(uid=uid, periods=tuple(periods))

    def _moment(self, rest: str) -> Moment:
        """Read a date line: a DATE or DATE-TIME in the zone that its TZID names."""
        usual = _USUAL_DATE.fullmatch(rest)
        if usual is not None:  # most lines of most writers, without a dictionary
            tzid, day, clock, utc = usual.groups()
            local = seconds_of(day, clock)
            if tzid is None or utc:
                return Moment(UTC_ZONE if utc else FLOATING, local)
            key = self._zones.get(tzid)
            return Moment(self._zone(tzid, local) if key is None else key, local)
        found, value = accept_colon_in_zone(rest)
        tzid = found.get("TZID")
        moment = parse_moment(value)
        if tzid is None or moment.zone == UTC_ZONE or moment.is_date:
            return moment  # §3.2.19: a TZID is not applied to a DATE, nor to a time in UTC
        return moment._replace(zone=self._zone(tzid.strip('"'), moment.local))

    def _zone(self, tzid: str, around: int) -> str:
        if tzid in self._zones:
            return self._zones[tzid]
        key = resolve(tzid, self._definitions, (around - _YEAR, around + _YEAR))
        if key is None:
            self._reading.unknown_zones.add(tzid)
            key = FLOATING
        self._watch(tzid)
        self._zones[tzid] = key
        return key

    def _watch(self, tzid: str) -> None:
        known, own = known_zone(tzid), self._definitions.get(tzid)
        if self._watched and known and own and disagree(known, own, *self._watched):
            self._reading.disagreeing_zones.add(tzid)

    def _extent(
        self, uid: str, properties: Properties, start: Moment
    ) -> tuple[Moment | None, Duration | None]:
        """Read DTEND or DURATION; where they cannot be read, an hour stands in: busy, not free."""
        ends, durations = properties.get("DTEND"), properties.get("DURATION")
        try:
            return (
                self._end(ends[-1], start) if ends else None,
                parse_duration(_value(durations[-1])) if durations else None,
            )
        except CalendarDataError as error:
            self._reading.skipped.append(
                Skipped(uid, f"its end is taken as an hour: {error.reason}")
            )
            return None, Duration(1, 0) if start.is_date else Duration(0, 3600)

    def _end(self, rest: str, start: Moment) -> Moment:
        end = self._moment(rest)
        if end.is_date and not start.is_date:
            # a DATE beside a DATE-TIME is against §3.8.2.2; it is meant on the same wall
            return Moment(start.zone, end.local)
        return end

    def _dates(self, rests: list[str] | tuple[()]) -> Iterator[RecurrenceDate]:
        """Read RDATE lines, comma lists and PERIODs among them (RFC 5545 §3.8.5.2)."""
        for head, value in self._listed(rests):
            try:
                yield self._date(head, value)
            except CalendarDataError as error:
                self._reading.skipped.append(Skipped("", f"an RDATE: {error.reason}"))

    def _date(self, head: str, value: str) -> RecurrenceDate:
        if "/" not in value:
            return RecurrenceDate(self._moment(head + value))
        start, end = split_period(value)
        if is_duration(end):
            return RecurrenceDate(self._moment(head + start), duration=parse_duration(end))
        return RecurrenceDate(self._moment(head + start), self._moment(head + end))

    def _excluded(self, rests: list[str] | tuple[()]) -> Iterator[Moment]:
        """Read EXDATE lines (RFC 5545 §3.8.5.1); a broken one excludes nothing."""
        for head, value in self._listed(rests):
            try:
                yield self._moment(head + value)
            except CalendarDataError:
                continue

    def _listed(self, rests: list[str] | tuple[()]) -> Iterator[tuple[str, str]]:
        """Yield ``(parameters up to the colon, one value)`` for each value of comma lists."""
        count = 0
        for rest in rests:
            head, colon, values = rest.rpartition(":")
            for value in filter(None, values.split(",")):
                count += 1
                if count > MAX_DATES:
                    self._reading.skipped.append(Skipped("", f"dates beyond {MAX_DATES}"))
                    return
                yield head + colon, value


def _uid(properties: Properties, index: int) -> str:
    """Return the UID, or one made of what the event says, so that it is the same next time."""
    for rest in properties.get("UID", ()):
        value = _value(rest)
        if value:
            return value[:1024].replace("\0", "\ufffd")  # a NUL ends a text inside SQLite
    told = repr(sorted(properties.items())) + str(index)
    return "no-uid-" + hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:16]


def _value(rest: str) -> str:
    if rest[:1] == ":":
        return rest[1:].strip()
    try:
        return parameters(rest)[1].strip()
    except CalendarDataError:
        return ""


def _all_day(properties: Properties) -> bool:
    for name in ALL_DAY_PROPERTIES:
        if name in properties and "TRUE" in properties[name][-1].upper():
            return True
    return False


def _ranges_on(rest: str) -> bool:
    return accept_colon_in_zone(rest)[0].get("RANGE", "").upper() == "THISANDFUTURE"


def _whole(rests: list[str] | None) -> int:
    value = _value(rests[-1])[:9] if rests else ""
    return int(value) if value.isascii() and value.isdigit() else 0


def _stamp(properties: Properties) -> int:
    """Return the later of DTSTAMP and LAST-MODIFIED (RFC 5545 §3.8.7.2, §3.8.7.3), as digits.

    Both are in UTC: YYYYMMDDHHMMSS as a number orders them without any arithmetic.
    """
    latest = 0
    for name in ("DTSTAMP", "LAST-MODIFIED"):
        for rest in properties.get(name, ()):
            value = rest.rpartition(":")[2]
            digits = value[:8] + value[9:15]
            if len(digits) == 14 and digits.isascii() and digits.isdigit():
                latest = max(latest, int(digits))
    return latest


def _address(rest: str) -> str:
    try:
        found, value = parameters(rest)
    except CalendarDataError:
        return ""
    # iCloud writes a principal's path as the value and the address as EMAIL (RFC 7986 §6.2)
    return address(found["EMAIL"]) if "EMAIL" in found and "@" not in value else address(value)


def _participation(rests: Sequence[str]) -> list[tuple[str, str]]:
    """Return ``(address, PARTSTAT)`` of all attendees, or none where all have just accepted."""
    if not any(map(_LOWERED.search, rests)):
        return []  # the cheap look first: attendees' lines are long
    found = [(rest, _partstat(rest)) for rest in rests]
    if not any(status in LOWERING for _, status in found):
        return []
    return [(_address(rest), status) for rest, status in found if status]


def _everybody(rests: Sequence[str]) -> list[tuple[str, str]]:
    """Return ``(address, PARTSTAT)`` of all attendees."""
    return [(_address(rest), _partstat(rest)) for rest in rests]


def _partstat(rest: str) -> str:
    try:
        return parameters(rest)[0].get("PARTSTAT", "").strip().upper()
    except CalendarDataError:
        return ""
