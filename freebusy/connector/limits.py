"""How much other servers may cost; octets and seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What asking other servers for people may cost."""

    timeout: float = 10.0
    """For one person's answer in all, with redirects and further URLs."""
    connect: float = 5.0
    """Until there is a connection, over TLS with its handshake."""
    max_size: int = 1 << 20
    """Octets of an answer."""
    max_redirects: int = 3
    at_once: int = 32
    """People asked for at a time, over all servers."""
    cache: float = 300.0
    """How long an answer is kept."""
    cache_misses: float = 60.0
    """How long is kept that there is none."""
    cache_size: int = 16 << 20
    """Octets of all answers that are kept."""
