"""The two filters of the command line, which need no configuration: convert and parse."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from freebusy.contentline import address
from freebusy.errors import CalendarDataError, ConfigurationError, NotFreeBusyError
from freebusy.period import TimeRange, from_seconds
from freebusy.values import parse_moment
from freebusy.vfreebusy import decode, encode, free_busy
from freebusy.vtimezone import zone
from freebusy.window import window
from freebusy.zonenames import known_zone

if TYPE_CHECKING:
    from collections.abc import Sequence

NOBODY = "nobody@invalid.invalid"
"""ORGANIZER where no owner is given (RFC 6761 §6.4: a name that is nobody's)."""
LONGEST = timedelta(days=40 * 366)


def _moment(text: str, name: str, zone_key: str) -> datetime:
    """Read ``20260601T000000Z`` or ISO 8601; without an offset it is the owner's time."""
    try:
        moment = parse_moment(text)
    except CalendarDataError:
        return _iso(text, name, zone_key)
    return from_seconds(zone(moment.zone or zone_key).to_utc(moment.local))


def _iso(text: str, name: str, zone_key: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            [f"{name}: {text!r} is no time; write 20260601T000000Z or 2026-06-01T00:00:00+02:00"]
        ) from None
    if moment.tzinfo is None:
        local = parse_moment(moment.strftime("%Y%m%dT%H%M%S")).local
        return from_seconds(zone(zone_key).to_utc(local))
    return moment.astimezone(UTC)


def _span(start: str | None, end: str | None, zone_key: str, now: datetime) -> TimeRange:
    usual = window(now, zone_key, past_days=7, months=6)
    first = _moment(start, "--start", zone_key) if start else usual.start
    last = _moment(end, "--end", zone_key) if end else max(usual.end, first + timedelta(days=183))
    if not first < last <= first + LONGEST:
        raise ConfigurationError(["--end must come after --start, by at most 40 years"])
    return TimeRange(first, last)


def convert_to_text(
    paths: Sequence[Path],
    *,
    start: str | None,
    end: str | None,
    zone: str,
    addresses: Sequence[str],
) -> tuple[bytes, list[str]]:
    """Convert files to the text of one .vfb, and say what was skipped.

    Raises ConfigurationError for a bad argument, UnreadablePathError for a bad path.
    """
    from calendar_sync.formats import extract
    from freebusy.busytime import CalendarOwner
    from freebusy.convert import convert

    key = known_zone(zone)
    if key is None:
        raise ConfigurationError([f"--tz: {zone!r} is no time zone; write one like Europe/Berlin"])
    now = datetime.now(UTC)
    span = _span(start, end, key, now)
    owned = [address(text) for text in addresses]
    conversion = convert(paths, extract, CalendarOwner(frozenset(owned), key), span)
    made = free_busy(
        organizer=owned[0] if owned else NOBODY,
        uid="freebusy-convert",
        stamp=now,
        window=span,
        spans=conversion.spans,
    )
    try:
        return encode(made), conversion.troubles
    except ValueError:
        raise ConfigurationError([f"--owner: {addresses[0]!r} is no mail address"]) from None


def normalise(file: str) -> bytes:
    """Read one .vfb, or standard input for ``-``, and return it normalised.

    Raises NotFreeBusyError with one line of reason.
    """
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise NotFreeBusyError(f"{file}: {error.strerror}") from error
    found = decode(data, now=datetime.now(UTC))
    return encode(
        free_busy(
            organizer=found.organizer or NOBODY,
            uid="freebusy-parse",
            stamp=found.stamp,
            window=found.window,
            spans=[period.span for period in found.periods],
        )
    )
