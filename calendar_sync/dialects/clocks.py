"""The clocks of an object's times: its TZIDs, its own VTIMEZONEs, and the owner's zone.

Dialects that have no VTIMEZONE need a name of the database, or UTC.  What a TZID means is
decided as for free/busy (``freebusy.zonenames``).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from calendar_sync.dialects import objects
from calendar_sync.dialects.values import Stamp
from freebusy.components import read_stream
from freebusy.errors import CalendarDataError
from freebusy.values import FLOATING, UTC_ZONE
from freebusy.vtimezone import PREFIX, disagree, zone
from freebusy.zonenames import known_zone, resolve
from freebusy.zones import database_names

if TYPE_CHECKING:
    from calendar_sync.dialects.objects import Component

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - seconds of wall clocks are counted from it too
_SPAN = 10 * 366 * 86400
"""Seconds from a series' start on in which two zones must agree to be taken for one."""


class Clocks:
    """What the TZIDs of one object mean."""

    def __init__(self, calendar: Component, owner: str) -> None:
        """Take an object and its owner's zone."""
        self.owner = known_zone(owner) or UTC_ZONE
        self._definitions: dict[str, str] = {}
        parts = [part for part in calendar.parts if part.name == "VTIMEZONE"]
        if parts:
            text = objects.unfolded(objects.Component("VCALENDAR", parts=parts))
            self._definitions = read_stream(text).definitions

    def key(self, tzid: str, at: Stamp) -> str:
        """Return the zone key of a TZID; the owner's for none, and for what nothing explains."""
        start = _seconds(at)
        key = resolve(tzid, self._definitions, (start, start + _SPAN))
        return self.owner if key is None or key == FLOATING else key

    def name(self, tzid: str, at: Stamp) -> str | None:
        """Return a name of the database for a TZID: its own, else one of the same times."""
        key = self.key(tzid, at)
        return _namesake(key, self.owner, _seconds(at)) if key.startswith(PREFIX) else key

    def to_utc(self, at: Stamp, tzid: str) -> Stamp:
        """Return a time in UTC; a date, and a time in UTC, as they are."""
        return in_utc(at, self.key(tzid, at))

    def to_owner(self, at: Stamp) -> Stamp:
        """Return a time in UTC on the owner's wall clock."""
        return on_wall(at, self.owner)

    def agree(self, tzid: str, at: Stamp) -> bool:
        """Whether a TZID's clock shows the owner's time, for years from a start on."""
        start = _seconds(at)
        return not disagree(self.key(tzid, at), self.owner, start, start + _SPAN)


def in_utc(at: Stamp, key: str) -> Stamp:
    """Return a time on the wall clock of a zone in UTC; a date, and one in UTC, as they are."""
    if at.is_day or at.is_utc:
        return at
    return Stamp(_moment(zone(key).to_utc(_seconds(at))), is_utc=True)


def on_wall(at: Stamp, name: str) -> Stamp:
    """Return a time in UTC on the wall clock of a zone; any other time as it is."""
    if not at.is_utc or at.is_day:
        return at
    return Stamp(_moment(zone(name).to_local(_seconds(at))), is_utc=name == UTC_ZONE)


@lru_cache(maxsize=256)
def _namesake(key: str, owner: str, start: int) -> str | None:
    """Return a zone of the database with a definition's times; the owner's, if it is one."""
    defined = zone(key)
    probes = [start + days * 86400 for days in (0, 91, 182, 273)]
    offsets = [timedelta(seconds=defined.to_local(probe) - probe) for probe in probes]
    for name in (owner, *sorted(set(database_names().values()))):
        known = ZoneInfo(name)
        found = [datetime.fromtimestamp(probe, known).utcoffset() for probe in probes]
        if found == offsets and not disagree(name, key, start, start + _SPAN):
            return name
    return None


def _seconds(at: Stamp) -> int:
    return int((at.wall - _EPOCH).total_seconds())


def _moment(seconds: int) -> datetime:
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        raise CalendarDataError("a time beyond all calendars") from None
