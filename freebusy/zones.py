"""Time zones as tables: wall-clock seconds to UTC seconds (RFC 5545 §3.3.5, §3.6.5).

A zone is named by a *key*, a string that can be stored and that says all there
is to say: ``UTC``, a name of the IANA database, or ``VTIMEZONE:`` and the
canonical rules of one message's own definition (:mod:`freebusy.vtimezone`), so
that two people's "Customized Time Zone" never meet.

Only the tzdata package is read, never the system's database: what the gateway
computes depends on nothing but what is installed with it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from freebusy.errors import CalendarDataError
from freebusy.period import from_seconds
from freebusy.values import EARLIEST, LATEST, UTC_ZONE, to_naive

if TYPE_CHECKING:
    from collections.abc import Sequence

_WEEK = 7 * 86400
TABLE_FROM = (datetime(1990, 1, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
    seconds=1
)
TABLE_TO = TABLE_FROM + 70 * 366 * 86400
"""A named zone's table spans 1990 to about 2060; outside it the database is asked each time."""
_MARGIN = 2 * 86400


class Zone:
    """The offsets of a zone from UTC, in seconds, and when they change."""

    __slots__ = ("_offsets", "_onsets", "_walls")

    def __init__(self, onsets: Sequence[int], offsets: Sequence[int]) -> None:
        """Take rising onsets in UTC seconds and one offset more: the one before the first."""
        self._onsets = list(onsets)
        self._offsets = list(offsets)
        # In a spring gap the offset before it counts, of an ambiguous time the first (RFC 5545
        # §3.3.5): an onset takes effect once the wall clock has passed it by either offset.
        self._walls = [
            onset + max(before, after)
            for onset, before, after in zip(onsets, offsets, offsets[1:], strict=False)
        ]

    def to_utc(self, local: int) -> int:
        """Return the UTC seconds of a wall-clock time."""
        return local - self._offsets[bisect_right(self._walls, local)]

    def to_utc_all(self, locals_: list[int]) -> list[int]:
        """Return the UTC seconds of rising wall-clock times: a series', offset by offset."""
        if not locals_:
            return []
        first, last = bisect_right(self._walls, locals_[0]), bisect_right(self._walls, locals_[-1])
        found: list[int] = []
        at = 0
        for number in range(first, last + 1):
            end = bisect_left(locals_, self._walls[number]) if number < last else len(locals_)
            offset = self._offsets[number]
            found += [local - offset for local in locals_[at:end]]
            at = end
        return found

    def to_local(self, utc: int) -> int:
        """Return what the clock on the wall shows at a UTC time."""
        return utc + self._offsets[bisect_right(self._onsets, utc)]

    def offsets_between(self, start: int, end: int) -> tuple[tuple[int, int], ...]:
        """Return ``(since, offset)`` for each offset in force in ``[start, end)`` UTC."""
        first = bisect_right(self._onsets, start)
        last = bisect_right(self._onsets, end - 1)
        changes = zip(self._onsets[first:last], self._offsets[first + 1 : last + 1], strict=True)
        return ((start, self._offsets[first]), *changes)


class NamedZone(Zone):
    """A zone of the database: a table for our times, the database itself for all others."""

    __slots__ = ("_zone",)

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        super().__init__(*_probe(zone))

    def to_utc(self, local: int) -> int:
        """Return the UTC seconds of a wall-clock time."""
        if TABLE_FROM + _MARGIN < local < TABLE_TO - _MARGIN:
            return local - self._offsets[bisect_right(self._walls, local)]
        return local - _seconds(to_naive(_dated(local)).replace(tzinfo=self._zone))

    def to_utc_all(self, locals_: list[int]) -> list[int]:
        """Return the UTC seconds of rising wall-clock times."""
        if locals_ and locals_[0] > TABLE_FROM + _MARGIN and locals_[-1] < TABLE_TO - _MARGIN:
            return super().to_utc_all(locals_)
        return [self.to_utc(local) for local in locals_]

    def to_local(self, utc: int) -> int:
        """Return what the clock on the wall shows at a UTC time."""
        if TABLE_FROM + _MARGIN < utc < TABLE_TO - _MARGIN:
            return utc + self._offsets[bisect_right(self._onsets, utc)]
        return utc + _seconds(from_seconds(_dated(utc)).astimezone(self._zone))


def _dated(seconds: int) -> int:
    """Return the nearest time that a datetime can hold: a long event may end after year 9999."""
    return min(max(seconds, EARLIEST + _MARGIN), LATEST - _MARGIN)


def _seconds(moment: datetime) -> int:
    offset = moment.utcoffset() or timedelta()
    return int(offset.total_seconds())


def _offset_at(zone: ZoneInfo, utc: int) -> int:
    return _seconds(datetime.fromtimestamp(utc, zone))


def _probe(zone: ZoneInfo) -> tuple[list[int], list[int]]:
    """Find a zone's transitions by asking week by week, then to the second."""
    onsets: list[int] = []
    offsets = [_offset_at(zone, TABLE_FROM)]
    for week in range(TABLE_FROM, TABLE_TO, _WEEK):
        after = _offset_at(zone, week + _WEEK)
        if after != offsets[-1]:
            onsets.append(_onset(zone, week, week + _WEEK, offsets[-1]))
            offsets.append(after)
    return onsets, offsets


def _onset(zone: ZoneInfo, low: int, high: int, before: int) -> int:
    """Return the first second in ``(low, high]`` that no longer has the offset ``before``."""
    while high - low > 1:
        middle = (low + high) // 2
        if _offset_at(zone, middle) == before:
            low = middle
        else:
            high = middle
    return high


@lru_cache(maxsize=1)
def database_names() -> dict[str, str]:
    """Return every zone name of the tzdata package by its casefolded form."""
    listed = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    return {name.casefold(): name for name in [*listed, UTC_ZONE, "GMT"]}


@lru_cache(maxsize=1)
def database_version() -> str:
    """Return the version of the time zone database, such as ``2026.3``."""
    from importlib import metadata  # brings the email package along, which few need

    return metadata.version("tzdata")


@lru_cache(maxsize=1024)
def named_zone(name: str) -> Zone:
    """Return the zone of an exact IANA name; raises CalendarDataError for an unknown one."""
    if name == UTC_ZONE:
        return Zone([], [0])
    if database_names().get(name.casefold()) != name:
        raise CalendarDataError("an unknown time zone")
    path = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    with path.open("rb") as file:
        return NamedZone(ZoneInfo.from_file(file, key=name))


def zones_known() -> int:
    """Return how many zones this process has loaded: the first use of each takes milliseconds."""
    return named_zone.cache_info().currsize
