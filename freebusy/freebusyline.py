"""The FREEBUSY property: periods of one type (RFC 5545 §3.8.2.6)."""

from __future__ import annotations

from freebusy.contentline import parameters
from freebusy.errors import CalendarDataError
from freebusy.period import FreeBusyType, Span
from freebusy.values import is_duration, parse_duration, parse_moment, split_period

_TYPES = {
    "FREE": FreeBusyType.FREE,
    "BUSY-TENTATIVE": FreeBusyType.BUSY_TENTATIVE,
    "TENTATIVE": FreeBusyType.BUSY_TENTATIVE,
    "BUSY-UNAVAILABLE": FreeBusyType.BUSY_UNAVAILABLE,
    "OOF": FreeBusyType.BUSY_UNAVAILABLE,
}


def read_freebusy_line(rest: str, *, free: bool = False) -> list[Span]:
    """Read a FREEBUSY line's periods; an unknown FBTYPE means BUSY (RFC 5545 §3.2.9).

    Malformed and empty periods are left out, and FREE ones unless ``free``; so is
    everything in parameters.
    """
    try:
        found, values = parameters(rest)
    except CalendarDataError:
        return []
    kind = _TYPES.get(found.get("FBTYPE", "BUSY").strip().upper(), FreeBusyType.BUSY)
    if kind == FreeBusyType.FREE and not free:
        return []
    spans = (_period_span(value, kind) for value in values.split(","))
    return [span for span in spans if span is not None]


def _period_span(value: str, kind: FreeBusyType) -> Span | None:
    """Return a UTC period as a span (RFC 5545 §3.3.9); None for one that is malformed or empty."""
    try:
        first, second = split_period(value)
        start = parse_moment(first).local
        if is_duration(second):
            days, seconds = parse_duration(second)
            end = start + days * 86400 + seconds
        else:
            end = parse_moment(second).local
    except CalendarDataError:
        return None
    return (start, end, int(kind)) if start < end else None
