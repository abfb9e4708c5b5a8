"""How one source is regenerated, as the operator wants it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from freebusy.syncing import Feed


@dataclass(frozen=True, slots=True)
class Plan:
    """How one source is regenerated; times in seconds."""

    feed: Feed
    interval: float
    watch: bool = True
    threads: int = 2
    debounce: float = 0.5
