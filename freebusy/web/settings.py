"""What the HTTP side can be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LOOPBACK = ("127.0.0.0/8", "::1/128")

Address = tuple[str, int]
"""A host name or IP address, and a TCP port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Where to listen, what to show and how much to put up with; times in seconds."""

    listen: tuple[Address, ...]
    """Port 0 takes a free port."""
    tls_listen: tuple[Address, ...] = ()
    """The same over TLS, with the context that the server is given."""
    is_private: bool = False
    """Some file is not for anyone: answers depend on who asks, and no shared cache keeps them."""
    plain_logins: tuple[str, ...] = LOOPBACK
    """Networks from which a password may come without TLS."""
    hosts: tuple[str, ...] = ()
    """Names of this server beside its own addresses; what a Host field of somebody who
    publishes without a login has to name."""
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
    upload_timeout: float = 120.0
    """How long a client may take to send the body of a request."""
    upload_memory: int = 64 << 20
    """Octets of all bodies under way together; one more is answered 503."""
    max_discard: int = 16 << 20
    """Octets of a refused body that are read, so that the client comes to read the answer."""
    max_line_size: int = 8190
    """Bytes of a request line, and of one header field."""
    max_headers: int = 64
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks whose X-Forwarded-For is believed (its last entry)."""
    metrics: Callable[[], bytes] | None = None
    """The text behind ``/metrics``, in Prometheus's format; None: 404."""
    metrics_networks: tuple[str, ...] = LOOPBACK
    """Who may read it; a login is not asked for."""
    counted: Callable[[int], None] | None = None
    """Told the status of every answer."""
    connector_counted: Callable[[str, str, int], None] | None = None
    """Told of every request of a connector: the path's template, the method, the status."""
