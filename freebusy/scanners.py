"""Scanners: whoever asks for many names that are not there is answered more slowly.

Each refusal fills a bucket of its address, which empties steadily; above its brim
every further refusal waits a step longer.  Of IPv6 a whole /64 is one address:
it is what one customer gets (RFC 6177 §2).
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from functools import lru_cache
from ipaddress import IPv6Address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

STEP, LONGEST = 0.25, 2.0
"""Seconds: what each refusal above the free ones adds, and the most that one waits."""
MAX_ADDRESSES = 10_000

_MINUTE = 60.0


class Scanners:
    """Counts refusals by address; safe from any thread."""

    def __init__(
        self,
        free: int = 60,
        *,
        clock: Callable[[], float] = time.monotonic,
        max_addresses: int = MAX_ADDRESSES,
    ) -> None:
        """``free`` refusals a minute go out at once; ``clock`` counts seconds."""
        self.free = free
        self._clock = clock
        self._max_addresses = max_addresses
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._counting = threading.Lock()

    def refuse(self, address: str) -> float:
        """Count one refusal to this address; return the seconds that it has to wait."""
        place, now, free = block_of(address), self._clock(), max(self.free, 1)
        with self._counting:
            level, before = self._levels.pop(place, (0.0, now))
            drained = (now - before) * free / _MINUTE
            # No higher than it takes to wait longest: others may come from there afterwards.
            level = min(max(level - drained, 0.0) + 1, free + LONGEST / STEP)
            self._levels[place] = level, now
            if len(self._levels) > self._max_addresses:
                self._levels.popitem(last=False)
        return min(max(level - free, 0.0) * STEP, LONGEST)


@lru_cache(maxsize=4096)
def block_of(address: str) -> str:
    """Return what is counted as one: an IPv4 address, the /64 of an IPv6 one, a text as it is."""
    if ":" not in address:
        return address
    try:
        whole = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if whole.ipv4_mapped is not None:
        return str(whole.ipv4_mapped)
    return str(IPv6Address(int(whole) >> 64 << 64))
