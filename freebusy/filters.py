"""The two filters of the command line, which need no configuration: convert and parse.

They are run over and over by scripts, so they must start fast: their arguments are read by
argparse, because typer costs more to import than a calendar to convert.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from freebusy.contentline import address
from freebusy.errors import CalendarDataError, ConfigurationError, NotFreeBusyError
from freebusy.exits import say
from freebusy.period import TimeRange, from_seconds, to_seconds
from freebusy.values import from_naive, parse_moment
from freebusy.vfreebusy import SANE, decode, encode, free_busy
from freebusy.vtimezone import zone
from freebusy.window import window
from freebusy.zonenames import known_zone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from freebusy.period import Span
    from freebusy.vfreebusy import FreeBusy

NOBODY = "nobody@invalid.invalid"
"""ORGANIZER where no owner is given (RFC 6761 §6.4: a name that is nobody's)."""
LONGEST = timedelta(days=40 * 366)
HALF_A_YEAR = timedelta(days=183)
_TIME = "20260601T000000Z, 20260601 or ISO 8601; without an offset it is in --tz"


def _moment(text: str, name: str, zone_key: str) -> datetime:
    """Read ``20260601T000000Z`` or ISO 8601; without an offset it is the owner's time."""
    try:
        return from_seconds(_seconds(text, zone_key))
    except (ValueError, OverflowError):  # the latter: the first or last day of all, elsewhere
        raise ConfigurationError(
            [f"{name}: {text!r} is no time; write 20260601T000000Z or 2026-06-01T00:00:00+02:00"]
        ) from None


def _seconds(text: str, zone_key: str) -> int:
    try:
        moment = parse_moment(text)
    except CalendarDataError:
        iso = datetime.fromisoformat(text)
        if iso.tzinfo is not None:
            return to_seconds(iso)
        return zone(zone_key).to_utc(from_naive(iso))
    return zone(moment.zone or zone_key).to_utc(moment.local)


def _span(start: str | None, end: str | None, zone_key: str, now: datetime) -> TimeRange:
    usual = window(now, zone_key, past_days=7, months=6)
    first = usual.start if start is None else _moment(start, "--start", zone_key)
    if not SANE.start <= first < SANE.end:
        raise ConfigurationError(["--start must lie between 1990 and 2100"])
    last = max(usual.end, first + HALF_A_YEAR) if end is None else _moment(end, "--end", zone_key)
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
    """Convert files to the text of one .vfb, and return what was skipped.

    Raises ConfigurationError for a bad argument, UnreadablePathError for a bad path.
    """
    from calendar_sync.formats import extract
    from freebusy.busytime import CalendarOwner
    from freebusy.convert import convert as convert_files

    key = known_zone(zone)
    if key is None:
        raise ConfigurationError([f"--tz: {zone!r} is no time zone; write one like Europe/Berlin"])
    now = datetime.now(UTC)
    span = _span(start, end, key, now)
    owned = [address(text) for text in addresses]
    conversion = convert_files(paths, extract, CalendarOwner(frozenset(owned), key), span)
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
    now = datetime.now(UTC)
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        found = decode(data, now=now)
    except OSError as error:
        raise NotFreeBusyError(f"{file}: {error.strerror}") from error
    except NotFreeBusyError as error:
        raise NotFreeBusyError(f"{file}: {error.reason}") from error
    spans = [period.span for period in found.periods]
    try:
        return _normalised(found.organizer or NOBODY, found, spans)
    except ValueError:  # an ORGANIZER that is no mail address
        return _normalised(NOBODY, found, spans)


def _normalised(organizer: str, found: FreeBusy, spans: list[Span]) -> bytes:
    return encode(
        free_busy(
            organizer=organizer,
            uid="freebusy-parse",
            stamp=found.stamp,
            window=found.window,
            spans=spans,
        )
    )


# -- their command lines


def _convert_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="freebusy convert",
        description="Read calendar files and print one .vfb; needs no configuration.",
    )
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="PATH",
        help=".ics or .eml file, folder of them, or - for standard input",
    )
    parser.add_argument("--start", metavar="TIME", help=f"{_TIME} [default: 7 days back]")
    parser.add_argument(
        "--end", metavar="TIME", help="as --start [default: the end of the month 6 months ahead]"
    )
    parser.add_argument(
        "--tz", default="UTC", metavar="ZONE", help="the owner's time zone [default: UTC]"
    )
    parser.add_argument(
        "--owner",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="an address of the owner, the main one first; may be repeated",
    )
    return parser


def _parse_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="freebusy parse",
        description="Read one .vfb and print it normalised; exit code 1 and one line with the"
        " reason where it is none.",
    )
    parser.add_argument("file", metavar="FILE", help="a .vfb file, or - for standard input")
    return parser


def convert(arguments: Sequence[str]) -> None:
    """Run ``freebusy convert``; SystemExit where the arguments are wrong."""
    given = _convert_parser().parse_args(arguments)
    body, troubles = convert_to_text(
        given.paths, start=given.start, end=given.end, zone=given.tz, addresses=given.owner
    )
    for trouble in troubles:
        say(f"convert: {trouble}")
    _write(body)


def parse(arguments: Sequence[str]) -> None:
    """Run ``freebusy parse``; SystemExit where the arguments are wrong."""
    _write(normalise(_parse_parser().parse_args(arguments).file))


def _write(body: bytes) -> None:
    sys.stdout.buffer.write(body)
    sys.stdout.buffer.flush()
