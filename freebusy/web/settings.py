"""What the HTTP side can be told."""

from __future__ import annotations

from dataclasses import dataclass

Address = tuple[str, int]
"""A host name or IP address, and a TCP port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Where to listen, what to show and how much to put up with; times in seconds."""

    listen: tuple[Address, ...]
    """Port 0 takes a free port."""
    listing: bool = False
    """Show the names in ``/pub/calendar/`` and ``/calendar/``; otherwise 404."""
    max_connections: int = 1000
    max_connections_per_address: int = 50
    """Not counted for trusted proxies, which speak for many."""
    header_timeout: float = 10.0
    """From the connection, or the first byte of a later request, to the end of its head."""
    keepalive_timeout: float = 30.0
    """How long an idle connection stays open."""
    answer_timeout: float = 120.0
    """How long a client may take to receive an answer."""
    max_line_size: int = 8190
    """Bytes of a request line, and of one header field."""
    max_headers: int = 64
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks whose X-Forwarded-For is believed (its last entry)."""
