"""Where changed instances are, for Kolab 2, which has none: as further instances.

A further instance is as long as all others, so that one which was made longer takes several,
and one which was made shorter shows more than it takes: nobody looks free who is not.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from calendar_sync.dialects import values
from freebusy.errors import CalendarDataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calendar_sync.dialects.clocks import Clocks
    from calendar_sync.dialects.objects import Component
    from calendar_sync.dialects.values import Stamp
    from freebusy.contentline import ContentLine

MOST = 200
"""Further instances for one that was changed."""
_DAY = timedelta(days=1)
_NOTHING = timedelta()


def starts(instance: Component, event: Component, clocks: Clocks) -> Iterator[str]:
    """Yield starts, in UTC or as dates, by which a series covers an instance that was changed.

    Its own start is no further one.  Of one that is cancelled or free there are none.
    """
    free = (instance.value("STATUS").upper(), instance.value("TRANSP").upper())
    start, found = event.first("DTSTART"), instance.first("DTSTART")
    if start is None or found is None or "CANCELLED" in free or "TRANSPARENT" in free:
        return
    first, length = _span(event, start, clocks)
    begin, lasting = _span(instance, found, clocks)
    if first.is_day and not begin.is_day:
        begin, lasting = _days(clocks.to_owner(begin), lasting)
    elif begin.is_day and not first.is_day:
        begin = clocks.to_utc(begin._replace(is_day=False), "")
    was = [_utc(each, clocks) for each in instance.all("RECURRENCE-ID")]
    for later in _steps(lasting, length):
        if begin.plus(later) not in was:
            yield begin.plus(later).basic


def _steps(lasting: timedelta, length: timedelta) -> Iterator[timedelta]:
    """Yield how much later each instance of a length begins that is needed for a whole."""
    if lasting > _NOTHING and length > _NOTHING:
        for number in range(min(MOST, -(-lasting // length))):
            yield max(_NOTHING, min(number * length, lasting - length))


def _utc(found: ContentLine, clocks: Clocks) -> Stamp:
    return clocks.to_utc(values.stamp(found.value.strip()), found.parameters.get("TZID", ""))


def _span(event: Component, start: ContentLine, clocks: Clocks) -> tuple[Stamp, timedelta]:
    """Return a start in UTC or as a date, and how long an event lasts (RFC 5545 §3.6.1)."""
    begin = _utc(start, clocks)
    end, length = event.first("DTEND"), event.first("DURATION")
    if end is not None:
        return begin, _utc(end, clocks).wall - begin.wall
    if length is not None:
        lasting = values.duration(length.value)
        return begin, timedelta(days=lasting.days, seconds=lasting.seconds)
    return begin, _DAY if begin.is_day else _NOTHING


def _days(begin: Stamp, lasting: timedelta) -> tuple[Stamp, timedelta]:
    """Return the days that times of the owner's clock fall on."""
    midnight = begin.wall.replace(hour=0, minute=0, second=0)
    try:
        days = -(-(begin.wall + lasting - midnight) // _DAY)
    except OverflowError:
        raise CalendarDataError("a time beyond all calendars") from None
    return begin._replace(wall=midnight, is_day=True, is_utc=False), days * _DAY
