"""Which addresses another server may have: none inside a network that is not the Internet.

A name in somebody's hands can lead to any address, so that not the name but the address
is asked (RFC 6890, RFC 4291).  IPv6 addresses that stand for an IPv4 one count as that:
mapped (RFC 4291 §2.5.5.2), 6to4 (RFC 3056) and NAT64 (RFC 6052).
"""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

_INSIDE = tuple(
    ip_network(text)
    for text in (
        "127.0.0.0/8", "::1/128",  # loopback
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7",  # private
        "100.64.0.0/10",  # shared between a provider and its customers (RFC 6598)
    )
)  # fmt: skip
"""Where another server may be if the operator says so."""

_NOWHERE = tuple(
    ip_network(text)
    for text in (
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "2001::/32",  # Teredo: two more addresses that nobody has looked at (RFC 4380)
        "3fff::/20",  # documentation (RFC 9637)
    )
)
_UNICAST = ip_network("2000::/3")
"""All that is given out of IPv6 (RFC 4291 §2.4)."""
_NAT64 = ip_network("64:ff9b::/96")


def may_be_reached(address: str, *, private: bool = False) -> bool:
    """Whether another server may have this address; False for a text that is none.

    ``private``: also inside, on this machine and in networks of one's own.  Link-local
    (there cloud machines find their credentials), multicast, unspecified and reserved
    addresses never.
    """
    try:
        meant = _meant(ip_address(address))
    except ValueError:
        return False
    if any(meant in network for network in _INSIDE):
        return private
    if meant.is_multicast or not meant.is_global or any(meant in network for network in _NOWHERE):
        return False
    return isinstance(meant, IPv4Address) or meant in _UNICAST


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 one stands for, else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


class Resolver(Protocol):
    """Finds the addresses of a host name."""

    async def addresses(self, host: str) -> Sequence[str]:
        """Return all addresses as texts, the best first; raises OSError where there are none."""


class SystemResolver:
    """Asks as the machine is set up to: hosts file, DNS."""

    def __init__(self, threads: Executor) -> None:
        self._threads = threads

    async def addresses(self, host: str) -> Sequence[str]:
        """Return all addresses as texts, the best first; raises OSError where there are none."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _resolve, host)


def _resolve(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a label that is too long
        raise OSError("no host name") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
