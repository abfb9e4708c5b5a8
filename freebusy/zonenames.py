"""From a TZID, as real writers spell it, to a zone key (RFC 5545 §3.2.19).

The order is fixed: the prefix ``/vendor/.../`` goes; a name of the IANA
database; a Windows name, in any case; a Windows display name; the VTIMEZONE of
the same message.  What resolves to none of these is the caller's: the owner's
zone, counted.
"""

from __future__ import annotations

import re
import runpy
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from freebusy.values import FLOATING, UTC_ZONE
from freebusy.vtimezone import disagree
from freebusy.zones import database_names, named_zone

_FIXED = re.compile(
    r"(?:etc/.*|est|mst|hst|gmt|utc|uct|universal|zulu|greenwich|gmt[+-]?0)", re.IGNORECASE
)
_DISPLAY = re.compile(r"\((?:UTC|GMT)([+-]\d{1,2}:\d{2})?\)\s*(.+)", re.IGNORECASE)
_JANUARY, _JULY = 1767225600, 1782864000  # 2026-01-01 and 2026-07-01 in UTC seconds

# Windows names that CLDR has dropped from its table, still found in old calendars.
_RETIRED_WINDOWS = {
    "kamchatka standard time": "Asia/Kamchatka",
    "mid-atlantic standard time": "Atlantic/South_Georgia",
    "mexico standard time": "America/Mexico_City",
    "mexico standard time 2": "America/Chihuahua",
    "armenian standard time": "Asia/Yerevan",
    "coordinated universal time": UTC_ZONE,
}

# The places in Windows display names that no IANA zone is named after.
_DISPLAY_PLACES = {
    "abu dhabi": "Asia/Dubai",
    "alaska": "America/Anchorage",
    "arizona": "America/Phoenix",
    "atlantic time": "America/Halifax",
    "azores": "Atlantic/Azores",
    "baja california": "America/Tijuana",
    "beijing": "Asia/Shanghai",
    "cape verde is.": "Atlantic/Cape_Verde",
    "cabo verde is.": "Atlantic/Cape_Verde",
    "central america": "America/Guatemala",
    "central time": "America/Chicago",
    "chennai": "Asia/Kolkata",
    "coordinated universal time": UTC_ZONE,
    "eastern time": "America/New_York",
    "fiji": "Pacific/Fiji",
    "greenland": "America/Nuuk",
    "hawaii": "Pacific/Honolulu",
    "indiana": "America/Indiana/Indianapolis",
    "islamabad": "Asia/Karachi",
    "mountain time": "America/Denver",
    "newfoundland": "America/St_Johns",
    "pacific time": "America/Los_Angeles",
    "saskatchewan": "America/Regina",
    "st. petersburg": "Europe/Moscow",
    "west central africa": "Africa/Lagos",
}


@lru_cache(maxsize=1)
def _windows_names() -> dict[str, str]:
    """Return the CLDR table of Windows names that icalendar keeps.

    Only that one file is run: all of icalendar takes 57 ms to import, more than an
    item's whole budget.
    """
    place = find_spec("icalendar")
    if place is None or place.origin is None:
        raise ModuleNotFoundError("icalendar is not installed")
    path = Path(place.origin).parent / "timezone" / "windows_to_olson.py"
    table = runpy.run_path(str(path))["WINDOWS_TO_OLSON"]
    return {name.casefold(): key for name, key in table.items()} | _RETIRED_WINDOWS


@lru_cache(maxsize=1)
def _cities() -> dict[str, list[str]]:
    """Return the zones by the city that each is named after."""
    cities: dict[str, list[str]] = {}
    for name in database_names().values():
        cities.setdefault(name.rpartition("/")[2].replace("_", " ").casefold(), []).append(name)
    return cities


def accept_vendor_prefix(tzid: str) -> str:
    """Drop what libical, Evolution, Mozilla and Kolab write before a name.

    ``/kolab.org/Europe/Berlin``, ``/freeassociation.sourceforge.net/Tzfile/Europe/Berlin``,
    ``/mozilla.org/20070129_1/Europe/Berlin``: the longest tail that is a name counts.
    """
    if not tzid.startswith("/"):
        return tzid
    parts = tzid.strip("/").split("/")
    for first in range(1, len(parts)):
        tail = "/".join(parts[first:])
        if tail.casefold() in database_names() or tail.casefold() in _windows_names():
            return tail
    return parts[-1]


def accept_display_name(tzid: str) -> str | None:
    """Find the zone that a Windows display name speaks of.

    ``(UTC+01:00) Amsterdam, Berlin, Bern``: the first place named that is known
    and that keeps, in winter or summer, the offset in front.
    """
    match = _DISPLAY.match(tzid)
    if match is None:
        return None
    sign, hours, minutes = _offset_parts(match[1] or "+0:00")
    offset = sign * (hours * 3600 + minutes * 60)
    for place in re.split(r"[,/;]", match[2]):
        spoken = re.sub(r"\s*\(.*\)?", "", place).strip().casefold()
        named = [_DISPLAY_PLACES[spoken]] if spoken in _DISPLAY_PLACES else []
        for name in named + _cities().get(spoken, []):
            if offset in _standard_offsets(name):
                return name
    return None


def _offset_parts(text: str) -> tuple[int, int, int]:
    hours, _, minutes = text[1:].partition(":")
    return (-1 if text[0] == "-" else 1), int(hours), int(minutes)


def _standard_offsets(name: str) -> tuple[int, int]:
    table = named_zone(name)
    return table.to_local(_JANUARY) - _JANUARY, table.to_local(_JULY) - _JULY


@lru_cache(maxsize=4096)
def known_zone(tzid: str) -> str | None:
    """Return the database's name for a TZID, or None for a name that is not known."""
    name = accept_vendor_prefix(tzid.strip().strip('"'))
    folded = name.casefold()
    if folded in ("z", "utc", "etc/utc"):
        return UTC_ZONE
    if folded in database_names():
        return database_names()[folded]
    windows = _windows_names().get(folded)
    if windows is not None:
        return UTC_ZONE if windows == "Etc/UTC" else windows
    return accept_display_name(name)


def is_fixed(tzid: str) -> bool:
    """Whether a name stands for one offset all year, so that a VTIMEZONE may know better.

    Old writers call a zone ``EST`` or ``GMT`` and define daylight saving beside it.
    """
    return _FIXED.fullmatch(accept_vendor_prefix(tzid.strip())) is not None


def resolve(tzid: str, definitions: dict[str, str], span: tuple[int, int]) -> str | None:
    """Return the zone key for a TZID used beside a message's own ``definitions`` (TZID -> key).

    ``span`` is the time, in UTC seconds, in which a definition of a fixed name is
    asked whether it says otherwise.  None where nothing knows the name.
    """
    if not tzid:
        return FLOATING
    known, own = known_zone(tzid), definitions.get(tzid)
    if known is None or (own is not None and is_fixed(tzid) and disagree(known, own, *span)):
        return own
    return known
