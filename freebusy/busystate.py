"""Busy or free: the busy-state properties, TRANSP, STATUS and PARTSTAT, in their order.

X-MICROSOFT-CDO-BUSYSTATUS, X-MICROSOFT-MSNCALENDAR-BUSYSTATUS and Bynari's
X-OUTLOOK-BUSY-STATUS come before TRANSP (RFC 5545 §3.8.2.7); STATUS (§3.8.1.11)
and the owner's own PARTSTAT (§3.2.12) come on top.  CLASS is never asked: a
private event makes its owner as busy as any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from freebusy.busyrecord import WORKING_ELSEWHERE
from freebusy.contentline import accept_colon_in_zone
from freebusy.errors import CalendarDataError
from freebusy.period import FreeBusyType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from freebusy.busyrecord import BusyRecord

BUSY_STATE_PROPERTIES = (
    "X-MICROSOFT-CDO-BUSYSTATUS",
    "X-MICROSOFT-MSNCALENDAR-BUSYSTATUS",
    "X-OUTLOOK-BUSY-STATUS",
)
_STATES: dict[str, int] = {
    "FREE": FreeBusyType.FREE,
    "TENTATIVE": FreeBusyType.BUSY_TENTATIVE,
    "BUSY": FreeBusyType.BUSY,
    "OOF": FreeBusyType.BUSY_UNAVAILABLE,
    "OUTOFOFFICE": FreeBusyType.BUSY_UNAVAILABLE,
    "WORKINGELSEWHERE": WORKING_ELSEWHERE,
    # PidLidBusyStatus numbers (MS-OXOCAL 2.2.1.2), as Bynari's connector writes them
    "0": FreeBusyType.FREE,
    "1": FreeBusyType.BUSY_TENTATIVE,
    "2": FreeBusyType.BUSY,
    "3": FreeBusyType.BUSY_UNAVAILABLE,
    "4": WORKING_ELSEWHERE,
}
LOWERING = frozenset({"DECLINED", "DELEGATED", "TENTATIVE", "NEEDS-ACTION"})
"""The PARTSTAT values that can change how an event counts; others are kept only beside one."""
_FREEING = frozenset({"DECLINED", "DELEGATED"})


def stated(properties: Mapping[str, Sequence[str]]) -> tuple[int, bool]:
    """Return a component's state from its raw lines, and whether a busy-state property gave it."""
    state, explicit = _shown_as(properties)
    status = _word(properties, "STATUS")
    if status == "CANCELLED":
        return FreeBusyType.FREE, explicit
    if status == "TENTATIVE" and state == FreeBusyType.BUSY:
        return FreeBusyType.BUSY_TENTATIVE, explicit
    return state, explicit


def _shown_as(properties: Mapping[str, Sequence[str]]) -> tuple[int, bool]:
    for name in BUSY_STATE_PROPERTIES:
        if name in properties:
            state = _STATES.get(_word(properties, name))
            if state is not None:
                return state, True
    transparent = _word(properties, "TRANSP") == "TRANSPARENT"
    return (FreeBusyType.FREE if transparent else FreeBusyType.BUSY), False


def _word(properties: Mapping[str, Sequence[str]], name: str) -> str:
    """Return a property's value as one upper-case word; empty where it is missing or broken."""
    rests = properties.get(name)
    if not rests:
        return ""
    if rests[-1][:1] == ":":
        return rests[-1][1:].strip().upper()
    try:
        return accept_colon_in_zone(rests[-1])[1].strip().upper()
    except CalendarDataError:
        return ""


def counted(
    record: BusyRecord,
    addresses: frozenset[str],
    needs_action: FreeBusyType,
    working_elsewhere: FreeBusyType,
) -> int:
    """Return how a record counts for the person with these addresses.

    DECLINED and DELEGATED free it; TENTATIVE and, as the site says, a written
    NEEDS-ACTION lower BUSY; the organizer's own line lowers nothing; an explicit
    BUSY withstands NEEDS-ACTION; out of office is never lowered.  Of several own
    lines, one for each address that was invited, the busiest answer counts.
    """
    state = working_elsewhere if record.state == WORKING_ELSEWHERE else record.state
    if state == FreeBusyType.FREE or not record.participation:
        return state
    answers = {status for address, status in record.participation if address in addresses}
    if answers and answers <= _FREEING:
        return FreeBusyType.FREE
    if state != FreeBusyType.BUSY or record.organizer in addresses or not answers <= LOWERING:
        return state
    if "TENTATIVE" in answers:
        return FreeBusyType.BUSY_TENTATIVE
    return state if record.explicit or not answers else needs_action
