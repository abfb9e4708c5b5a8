"""Busy time: busy records to spans (RFC 4791 §7.10, RFC 5545 §3.8.5).

One calendar object, all records with one UID, is expanded at a time.  What is
compared (EXDATE, RDATE, RECURRENCE-ID) is compared as instants, not as digits.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from freebusy.busystate import counted
from freebusy.errors import CalendarDataError
from freebusy.objectparts import CalendarObject, Override, resolve_parts
from freebusy.ownerclock import OwnerClock, end_of, length_of
from freebusy.period import FreeBusyType, Span, clip
from freebusy.recurrence import starts
from freebusy.rule import parse_rule
from freebusy.values import DAY, FLOATING, UTC_ZONE, Duration, Moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from freebusy.busyrecord import BusyRecord
    from freebusy.zones import Zone

MAX_INSTANCES = 100_000
"""Instances of one object in one window; 1,440 a day for 36 months would be more."""
_SLACK = 26 * 3600
"""No two zones differ by more than 26 hours."""
_UNREADABLE = (CalendarDataError, OverflowError, ValueError)
"""What records that cannot be expanded raise, and what years beyond 9999 do."""


@dataclass(frozen=True, slots=True)
class CalendarOwner:
    """Whose calendar it is, and how the site counts what is undecided."""

    addresses: frozenset[str] = frozenset()
    """All of the owner's addresses, bare and lower-case."""
    zone: str = UTC_ZONE
    """The IANA zone of floating times and of whole days."""
    needs_action: FreeBusyType = FreeBusyType.BUSY_TENTATIVE
    working_elsewhere: FreeBusyType = FreeBusyType.FREE
    attendees_only: bool = False
    """Only events count to which the owner is invited: it is a group's calendar."""

    def counted(self, record: BusyRecord) -> int:
        """Return how a record counts for this owner."""
        if self.attendees_only and not any(
            who in self.addresses for who, _ in record.participation
        ):
            return FreeBusyType.FREE
        return counted(record, self.addresses, self.needs_action, self.working_elsewhere)

    def periods(self, record: BusyRecord, window: tuple[int, int]) -> list[Span]:
        """Return what a stored VFREEBUSY says in a window; nobody is invited to one."""
        return [] if self.attendees_only else list(clip(record.periods, *window))


@dataclass(slots=True)
class Expansion:
    """What expanding gave: spans as they come, not yet coalesced, and what was refused."""

    spans: list[Span] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    """``(UID, reason)`` for each object of which not all could be shown.

    A series that is refused shows DTSTART and the overrides; where a zone is no longer
    known, the owner's stands in.
    """

    def refuse(self, uid: str, error: Exception) -> None:
        """Note why an object is not shown in full."""
        self.refused.append((uid, getattr(error, "reason", "times out of range")))


def expand(
    records: Iterable[BusyRecord], owner: CalendarOwner, window: tuple[int, int]
) -> Expansion:
    """Expand records of one item, of any number of UIDs, into ``window`` (UTC seconds)."""
    expansion = Expansion()
    by_uid: dict[str, list[BusyRecord]] = defaultdict(list)
    for record in records:
        by_uid[record.uid].append(record)
    for parts in by_uid.values():
        expand_object([parts], owner, window, expansion)
    return expansion


def expand_object(
    parts: Sequence[Sequence[BusyRecord]],
    owner: CalendarOwner,
    window: tuple[int, int],
    expansion: Expansion,
    *,
    series: bool = True,
) -> None:
    """Add one object's spans; ``parts`` are its records item by item, the newest item last.

    Without ``series``, only what a refused one shows: DTSTART's instance and the overrides.
    """
    if is_single(parts):
        _expand_single(parts[0][0], owner, window, expansion)
        return
    for record in (record for part in parts for record in part if record.start is None):
        expansion.spans += owner.periods(record, window)
    clock = OwnerClock(owner.zone)
    try:
        for thing in resolve_parts(parts, clock.instant):
            _expand_thing(_Instances(thing, owner, window, clock), expansion, series=series)
    except _UNREADABLE as error:
        expansion.refuse(parts[0][0].uid, error)
    _report(clock, parts[0][0].uid, expansion)


def _report(clock: OwnerClock, uid: str, expansion: Expansion) -> None:
    """Note where the owner's zone stood in for one that is not known any more."""
    if clock.unknown is not None:
        expansion.refused.append((uid, f"{clock.unknown.reason}: the owner's stands in"))


def _expand_thing(instances: _Instances, expansion: Expansion, *, series: bool) -> None:
    if not series:
        expansion.spans += instances.first_only()
        return
    try:
        expansion.spans += instances.spans()
    except _UNREADABLE as error:
        expansion.refuse(instances.thing.uid, error)
        expansion.spans += instances.first_only()


def is_single(parts: Sequence[Sequence[BusyRecord]]) -> bool:
    """Whether an object is one event that does not recur: what most objects are."""
    if len(parts) != 1 or len(parts[0]) != 1:
        return False
    record = parts[0][0]
    return not (record.rules or record.dates or record.excluded or record.this_and_future)


def _expand_single(
    record: BusyRecord, owner: CalendarOwner, window: tuple[int, int], expansion: Expansion
) -> None:
    """Add the one instance of an event that does not recur, or an override by itself."""
    if record.start is None:
        expansion.spans += owner.periods(record, window)
        return
    clock = OwnerClock(owner.zone)
    try:
        place = clock.zone(record.start.zone)
        start = place.to_utc(record.start.local)
        end = end_of(place, start, length_of(record, record.start, clock))
        if start < window[1] and end > window[0] and start < end:
            state = owner.counted(record)
            if state:
                expansion.spans.append((max(start, window[0]), min(end, window[1]), state))
    except _UNREADABLE as error:
        expansion.refuse(record.uid, error)
    _report(clock, record.uid, expansion)


def upper_bound(parts: Iterable[Iterable[BusyRecord]]) -> int | None:
    """Return the UTC second after which an object has no instance; None for an endless series.

    Padded: no zone moves anything by more than 26 hours.
    """
    latest = 0
    for record in (record for part in parts for record in part):
        if record.rules or record.this_and_future:
            return None
        latest = max([latest, *_ends(record)])
    return latest + _SLACK + _SLACK


def _ends(record: BusyRecord) -> Iterator[int]:
    yield from (end for _, end, _ in record.periods)
    moments = [record.start, record.end, *(moment for date in record.dates for moment in date[:2])]
    durations = [record.duration, *(date.duration for date in record.dates)]
    longest = max((d.days * DAY + d.seconds for d in durations if d is not None), default=DAY)
    if record.start is not None and record.end is not None:
        longest = max(longest, record.end.local - record.start.local + _SLACK)
    yield from (moment.local + longest for moment in moments if moment is not None)


class _Instances:
    """The instances of one calendar object inside one window."""

    def __init__(
        self,
        thing: CalendarObject,
        owner: CalendarOwner,
        window: tuple[int, int],
        clock: OwnerClock,
    ) -> None:
        self.thing = thing
        self.owner = owner
        self.window = window
        self.clock = clock

    def spans(self) -> list[Span]:
        """Return all spans in the window: the series' own and its overrides'."""
        found = list(self._of_overrides())
        if self.thing.master is not None:
            found += self._of_master(self.thing.master)
        return self._kept(found)

    def first_only(self) -> list[Span]:
        """Return what is shown of a refused series: its DTSTART instance and the overrides."""
        found = list(self._of_overrides())
        master = self.thing.master
        if master is not None and master.start is not None:
            start = self.clock.instant(master.start)
            length = length_of(master, master.start, self.clock)
            end = end_of(self.clock.zone(master.start.zone), start, length)
            found.append((start, end, self.owner.counted(master)))
        return self._kept(found)

    def _of_overrides(self) -> Iterator[Span]:
        for override in self.thing.overrides.values():
            record = override.record
            if record.start is not None:
                place = self.clock.zone(record.start.zone)
                start = place.to_utc(record.start.local)
                length = length_of(record, record.start, self.clock)
                yield start, end_of(place, start, length), self.owner.counted(record)

    def _kept(self, spans: Iterable[Span]) -> list[Span]:
        """Return what is not free, not empty and inside the window, cut to it."""
        low, high = self.window
        return [
            (max(start, low), min(end, high), state)
            for start, end, state in spans
            if state and start < end and start < high and end > low
        ]

    def _of_master(self, master: BusyRecord) -> Iterator[Span]:
        start = self._series_start(master)
        place = self.clock.zone(start.zone)
        # of a start in the hour that the owner's clock shows twice, the instant counts
        written = master.start if master.start and master.on_owner_wall else start
        length = length_of(master, written, self.clock)
        state = self.owner.counted(master)
        ranges = _Ranges(self.thing.ranges, start, self)
        if not state and ranges.free:
            return
        instants = self._instants(master, start, length, ranges)
        if not (ranges or length.days or master.dates):  # what most series are
            yield from ((instant, instant + length.seconds, state) for instant in instants)
            return
        for instant, own in instants.items():
            shifted, lasts, shown = ranges.apply(instant, length, state)
            yield shifted, end_of(place, shifted, own or lasts), shown

    def _series_start(self, master: BusyRecord) -> Moment:
        """Return DTSTART, on the owner's wall where it is written in UTC and meant there.

        So are all-day events written as UTC midnights, and what formats without zones store.
        """
        start = master.start or Moment(UTC_ZONE, 0)
        if start.zone == UTC_ZONE and (master.all_day or master.on_owner_wall):
            local = self.clock.zone(FLOATING).to_local(start.local)
            if master.on_owner_wall or local % DAY == 0:
                return Moment(FLOATING, local)
        return start

    def _instants(
        self, master: BusyRecord, start: Moment, length: Duration, ranges: _Ranges
    ) -> dict[int, Duration | None]:
        """Return ``UTC start -> own length`` of what the series has left in the window."""
        place = self.clock.zone(start.zone)
        reach = max(0, length.days * DAY + length.seconds, ranges.longest)
        low = self.window[0] - reach - ranges.furthest
        high = self.window[1] + ranges.furthest
        found = dict(self._dated(master))
        first = start if master.start is None else master.start
        found.setdefault(self.clock.instant(first), None)  # DTSTART always is the first instance
        ruled = dict.fromkeys(self._by_rules(master.rules, start, place, low, high))
        found = ruled | found  # an RDATE's own length counts
        gone = self.thing.overrides
        if not (master.excluded or master.excluded_rules or gone):
            return found
        excluded = _Exclusions(master.excluded, place, self.clock)
        excluded.add_rules(self._by_rules(master.excluded_rules, start, place, low, high))
        return {
            instant: own
            for instant, own in found.items()
            if instant not in gone and not excluded.has(instant)
        }

    def _dated(self, master: BusyRecord) -> Iterator[tuple[int, Duration | None]]:
        """Yield RDATE's starts; a PERIOD brings its own length (RFC 5545 §3.8.5.2)."""
        for date in master.dates:
            instant = self.clock.instant(date.start)
            if date.end is not None:
                yield instant, Duration(0, self.clock.instant(date.end) - instant)
            else:
                yield instant, date.duration

    def _by_rules(
        self, rules: tuple[str, ...], start: Moment, place: Zone, low: int, high: int
    ) -> Iterator[int]:
        """Yield the UTC starts that the rules give, up to UNTIL."""
        for text in rules:
            rule = parse_rule(text)
            last = self._last(rule.until, start, place)
            found = starts(rule, start.local, low - _SLACK, high + _SLACK)
            walls = list(islice(found, MAX_INSTANCES + 1))
            if len(walls) > MAX_INSTANCES:
                raise CalendarDataError(f"more than {MAX_INSTANCES} instances in the window")
            instants = place.to_utc_all(walls)
            yield from instants if last is None else (i for i in instants if i <= last)

    def _last(self, until: Moment | None, start: Moment, place: Zone) -> int | None:
        """Return UNTIL as an instant; as a DATE it includes that whole day (RFC 5545 §3.3.10)."""
        if until is None:
            return None
        if until.zone == UTC_ZONE and not until.is_date:
            if start.is_date:
                # a DATE series is over with the day that UNTIL falls on, as its owner sees it
                return max(until.local, place.to_utc(until.local - until.local % DAY))
            return until.local
        return place.to_utc(until.local + (DAY - 1 if until.is_date else 0))


class _Exclusions:
    """The instants and days that EXDATE and EXRULE take out (RFC 5545 §3.8.5.1)."""

    def __init__(self, moments: tuple[Moment, ...], place: Zone, clock: OwnerClock) -> None:
        self._place = place
        self._instants = {clock.instant(moment) for moment in moments if not moment.is_date}
        self._days = {moment.local // DAY for moment in moments if moment.is_date}

    def add_rules(self, instants: Iterable[int]) -> None:
        """Take out the instants of EXRULEs (RFC 2445 §4.8.5.2; old writers still have them)."""
        self._instants.update(instants)

    def has(self, instant: int) -> bool:
        """Whether an instant is excluded, by itself or with its whole day."""
        if instant in self._instants:
            return True
        return bool(self._days) and self._place.to_local(instant) // DAY in self._days


class _Ranges:
    """What RANGE=THISANDFUTURE overrides do to the later instances (RFC 5545 §3.2.13)."""

    def __init__(self, ranges: list[Override], start: Moment, instances: _Instances) -> None:
        self._place = instances.clock.zone(start.zone)
        self._steps: list[tuple[int, int, Duration, int]] = []
        for override in sorted(ranges, key=lambda override: override.instant):
            record = override.record
            if record.start is None:
                continue
            own = length_of(record, record.start, instances.clock)
            new = self._place.to_local(instances.clock.instant(record.start))
            shift = new - self._place.to_local(override.instant)
            self._steps.append((override.instant, shift, own, instances.owner.counted(record)))
        self.furthest = max((abs(step[1]) for step in self._steps), default=0)
        self.longest = max(
            (step[2].days * DAY + step[2].seconds for step in self._steps), default=0
        )
        self.free = not any(step[3] for step in self._steps)

    def __bool__(self) -> bool:
        return bool(self._steps)

    def apply(self, instant: int, length: Duration, state: int) -> tuple[int, Duration, int]:
        """Return an instance's start, length and state as the last range before it says."""
        for since, shift, own, shown in reversed(self._steps):
            if since <= instant:
                if not shift:
                    return instant, own, shown
                return self._place.to_utc(self._place.to_local(instant) + shift), own, shown
        return instant, length, state
