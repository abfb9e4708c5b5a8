"""Two versions of an item: whether they say the same, and which one is newer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calendar_sync.dialects import newness, normal
from freebusy.errors import CalendarDataError

if TYPE_CHECKING:
    from typing import Any


def are_equal(ours: str, theirs: str) -> bool:
    """Whether two texts say the same."""
    if ours == theirs:
        return True
    try:
        return bool(normal(ours) == normal(theirs))
    except CalendarDataError:
        return False


def how_new(calendar: str) -> Any:
    """Return what is greater for the newer version."""
    return newness(calendar)
