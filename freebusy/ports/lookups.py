"""Free/busy of many people at once, also of people on other servers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from freebusy.period import Period, TimeRange
    from freebusy.ports.accounts import Visitor


@dataclass(frozen=True, slots=True)
class PersonTimes:
    """What is known of one person's times."""

    name: str
    """As it was asked for."""
    status: Literal["known", "unknown", "not_allowed", "unreachable"]
    """``unknown``: nobody, nobody that this visitor may know of, or nothing about that time.
    ``not_allowed``: a server that nobody may be asked of here.  ``unreachable``: no usable
    answer now, from the other server or, where too much was asked at once, from this one."""
    periods: Sequence[Period] = ()
    """Sorted, disjoint, inside what was asked for."""
    known: TimeRange | None = None
    """For what time anything is known: outside it nobody can tell."""
    as_of: datetime | None = None
    """The time up to which it is known."""
    is_stale: bool = False
    """Whether the calendars could not be read since; else nothing has changed."""
    is_elsewhere: bool = False
    """Whether another server was asked, now or a short while ago."""


class FreeBusyLookups(Protocol):
    """Looks many people up at once."""

    async def look_up(
        self, names: Sequence[str], within: TimeRange | None, visitor: Visitor
    ) -> Sequence[PersonTimes]:
        """Return one answer for each name, in their order.

        ``within`` None: all that is known.  Never raises for a name: whatever is wrong with
        it is its status.
        """
