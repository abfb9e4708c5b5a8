"""What one instance counts as, for the oracles: written apart from the code under test.

The source is the list of decisions (RFC 5545 §3.8.2.7, §3.8.1.11, §3.2.12; Outlook's
states where a message has them), not the reader that implements it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from freebusy.period import FreeBusyType

if TYPE_CHECKING:
    from collections.abc import Collection

    from icalendar import Event

STATES = {
    "FREE": FreeBusyType.FREE,
    "TENTATIVE": FreeBusyType.BUSY_TENTATIVE,
    "BUSY": FreeBusyType.BUSY,
    "OOF": FreeBusyType.BUSY_UNAVAILABLE,
    "WORKINGELSEWHERE": FreeBusyType.FREE,
}


def partstat(event: Event, addresses: Collection[str]) -> str:
    """Return the owner's own participation status, or nothing."""
    attendees = event.get("ATTENDEE", [])
    for attendee in attendees if isinstance(attendees, list) else [attendees]:
        if str(attendee).lower().removeprefix("mailto:") in addresses:
            return str(attendee.params.get("PARTSTAT", "")).upper()
    return ""


def kind(event: Event, addresses: Collection[str]) -> FreeBusyType:
    """Return the type of an instance."""
    status, mine = str(event.get("STATUS", "")).upper(), partstat(event, addresses)
    if status == "CANCELLED" or mine in ("DECLINED", "DELEGATED"):
        return FreeBusyType.FREE
    written = str(event.get("X-MICROSOFT-CDO-BUSYSTATUS", "")).upper()
    transparent = str(event.get("TRANSP", "")).upper() == "TRANSPARENT"
    state = STATES.get(written, FreeBusyType.FREE if transparent else FreeBusyType.BUSY)
    if state != FreeBusyType.BUSY:
        return state
    undecided = mine == "NEEDS-ACTION" and written != "BUSY"
    tentative = status == "TENTATIVE" or mine == "TENTATIVE" or undecided
    return FreeBusyType.BUSY_TENTATIVE if tentative else FreeBusyType.BUSY
