"""Independent readers of a .vfb: what Evolution's and KOrganizer's libraries make of it."""

from __future__ import annotations

from dataclasses import dataclass

Busy = tuple[str, str, str]
"""``(type, start, end)``: FBTYPE and two UTC times as ``20260601T090000Z``."""


class NotReadError(Exception):
    """The reader takes a text for no free/busy file, or finds fault with it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader found in a .vfb."""

    periods: list[Busy]
    """Sorted by start."""
    window: tuple[str, str]
    """DTSTART and DTEND in UTC."""
