"""Busy records: what free/busy needs of a calendar component, and nothing else.

A record has times, rules, states and addresses.  It has no field for a summary,
a place or a description: what is not read cannot leak.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from freebusy.period import FreeBusyType, Span
from freebusy.values import Duration, Moment

WORKING_ELSEWHERE = 4
"""A state of its own beside :class:`FreeBusyType`: how it counts is the site's choice."""

READER_VERSION = 4
"""Changes whenever the same text would give other records: the store then reads everything anew."""


class RecurrenceDate(NamedTuple):
    """One RDATE; with its own end where it is a PERIOD (RFC 5545 §3.8.5.2)."""

    start: Moment
    end: Moment | None = None
    duration: Duration | None = None


class BusyRecord(NamedTuple):
    """One VEVENT or VFREEBUSY, reduced to what makes a person busy."""

    uid: str
    start: Moment | None = None
    """None only for a VFREEBUSY, which has its times in ``periods``."""
    end: Moment | None = None
    duration: Duration | None = None
    state: int = FreeBusyType.BUSY
    """A :class:`FreeBusyType` or :data:`WORKING_ELSEWHERE`; STATUS is in, PARTSTAT is not."""
    explicit: bool = False
    """Whether a busy-state property said so, and not just TRANSP."""
    all_day: bool = False
    """X-MICROSOFT-CDO-ALLDAYEVENT: local midnights, though they may be written in UTC."""
    recurrence_id: Moment | None = None
    this_and_future: bool = False
    sequence: int = 0
    stamp: int = 0
    """DTSTAMP or LAST-MODIFIED, the later: YYYYMMDDHHMMSS in UTC as a number."""
    organizer: str = ""
    """Empty also where nobody's PARTSTAT can change the state."""
    participation: tuple[tuple[str, str], ...] = ()
    """``(address, PARTSTAT)`` of the attendees; empty where none of them may lower the state."""
    rules: tuple[str, ...] = ()
    excluded_rules: tuple[str, ...] = ()
    dates: tuple[RecurrenceDate, ...] = ()
    excluded: tuple[Moment, ...] = ()
    periods: tuple[Span, ...] = ()
    on_owner_wall: bool = False
    """A series that its writer gave in UTC and means on the owner's wall clock."""

    @property
    def recurring(self) -> bool:
        """Whether the record may stand for more than one instance."""
        return bool(self.rules or self.dates)


def to_json(record: BusyRecord) -> str:
    """Return a record as compact JSON text, trailing defaults left out."""
    fields = list(record)
    while len(fields) > 1 and fields[-1] == _DEFAULTS[len(fields) - 2]:
        fields.pop()
    return json.dumps(fields, separators=(",", ":"))


_DEFAULTS = tuple(BusyRecord("")[1:])


def from_json(text: str) -> BusyRecord:
    """Return the record that :func:`to_json` wrote."""
    fields = json.loads(text)
    record = BusyRecord(*fields)
    return record._replace(
        start=_moment(record.start),
        end=_moment(record.end),
        duration=_duration(record.duration),
        recurrence_id=_moment(record.recurrence_id),
        participation=tuple((name, status) for name, status in record.participation),
        rules=tuple(record.rules),
        excluded_rules=tuple(record.excluded_rules),
        dates=tuple(_date(date) for date in record.dates),
        excluded=tuple(Moment(*moment) for moment in record.excluded),
        periods=tuple((start, end, kind) for start, end, kind in record.periods),
    )


def _moment(value: Moment | None) -> Moment | None:
    return None if value is None else Moment(*value)


def _duration(value: Duration | None) -> Duration | None:
    return None if value is None else Duration(*value)


def _date(value: RecurrenceDate) -> RecurrenceDate:
    start, end, duration = value
    return RecurrenceDate(Moment(*start), _moment(end), _duration(duration))
