"""The FREEBUSY property: periods of one type (RFC 5545 §3.8.2.6)."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from freebusy.contentline import parameters
from freebusy.errors import CalendarDataError
from freebusy.period import FreeBusyType, Span, to_seconds
from freebusy.values import is_duration, parse_duration, parse_moment, split_period

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from freebusy.zones import Zone

_TYPES = {
    "FREE": FreeBusyType.FREE,
    "BUSY-TENTATIVE": FreeBusyType.BUSY_TENTATIVE,
    "TENTATIVE": FreeBusyType.BUSY_TENTATIVE,
    "BUSY-UNAVAILABLE": FreeBusyType.BUSY_UNAVAILABLE,
    "OOF": FreeBusyType.BUSY_UNAVAILABLE,
}
_USUAL = re.compile(r"[0-9]{8}T[0-9]{6}Z/[0-9]{8}T[0-9]{6}Z")
"""A period as nearly all are written: start and end in UTC."""
_SHORT = 40
"""In characters: parameters without details, which are remembered."""


def read_freebusy_line(rest: str, *, free: bool = False) -> list[Span]:
    """Read a FREEBUSY line's periods; an unknown FBTYPE means BUSY (RFC 5545 §3.2.9).

    Malformed and empty periods are left out, and FREE ones unless ``free``; so is
    everything in parameters.
    """
    try:
        kind, values = split_freebusy_line(rest)
    except CalendarDataError:
        return []
    return [] if kind == FreeBusyType.FREE and not free else read_periods(kind, values)


def split_freebusy_line(rest: str) -> tuple[FreeBusyType, list[str]]:
    """Return a FREEBUSY line's type and its periods as written; raises CalendarDataError."""
    head, colon, values = rest.partition(":")
    if colon and '"' not in head and len(head) <= _SHORT:
        return _short_type(head), values.split(",")
    found, values = parameters(rest)
    return _type(found), values.split(",")


@lru_cache(maxsize=256)
def _short_type(head: str) -> FreeBusyType:
    """Return what parameters say that are the same in many lines."""
    return _type(parameters(f"{head}:")[0])


def _type(found: Mapping[str, str]) -> FreeBusyType:
    return _TYPES.get(found.get("FBTYPE", "BUSY").strip().upper(), FreeBusyType.BUSY)


def read_periods(kind: FreeBusyType, values: Iterable[str]) -> list[Span]:
    """Read periods (RFC 5545 §3.3.9); malformed and empty ones are left out."""
    number = int(kind)
    ends = [_period_ends(value) for value in values if value]
    return [(*both, number) for both in ends if both is not None and both[0] < both[1]]


def is_local(moment: str) -> bool:
    """Whether a time is written without the Z that RFC 5545 §3.6.4 demands here."""
    return not moment.rstrip().upper().endswith("Z")


def read_local_periods(kind: FreeBusyType, values: Iterable[str], place: Zone) -> list[Span]:
    """Read those periods that are written in local time as times of a zone."""
    local = [value for value in values if value and is_local(value.partition("/")[0])]
    spans = read_periods(kind, local)
    return [(place.to_utc(start), place.to_utc(end), number) for start, end, number in spans]


def _period_ends(value: str) -> tuple[int, int] | None:
    """Return a period's start and end in UTC seconds; None for one that cannot be read."""
    try:
        if _USUAL.fullmatch(value):
            with suppress(ValueError):  # such as 24 o'clock
                both = [datetime.fromisoformat(end) for end in value.split("/")]
                return to_seconds(both[0]), to_seconds(both[1])
        first, second = split_period(value)
        start = parse_moment(first).local
        if is_duration(second):
            return start, start + _length(second)
        return start, parse_moment(second).local
    except CalendarDataError:
        return None


@lru_cache(maxsize=4096)
def _length(duration: str) -> int:
    """Return a duration in seconds: days have 24 hours in UTC."""
    days, seconds = parse_duration(duration)
    return days * 86400 + seconds
