"""Who asks: from a socket's peer, or from what a trusted proxy says, to a Visitor."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

from freebusy.errors import ConfigurationError
from freebusy.ports import Visitor

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Address, IPv4Network, IPv6Network

    from multidict import CIMultiDictProxy

FORWARDED_FOR = "X-Forwarded-For"
FORWARDED_PROTO = "X-Forwarded-Proto"

_FORWARDING = (FORWARDED_FOR, "Forwarded", "X-Real-IP", "Via", FORWARDED_PROTO)
"""What a request carries that somebody has passed on (RFC 7239, RFC 9110 §7.6.3)."""

UNKNOWN = "::"
"""The unspecified address (RFC 4291 §2.5.2): inside no network that anybody allows."""


def unmapped(text: str) -> IPv4Address | IPv6Address:
    """Return an address without its zone, an IPv4-mapped one as IPv4 (RFC 4291 §2.5.5.2).

    Raises ValueError for what is no address.
    """
    address = ip_address(text.strip().partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def peer_address(peer: object) -> str:
    """Return the address of a socket's peer name as text."""
    try:
        return str(unmapped(peer[0])) if isinstance(peer, tuple) else UNKNOWN
    except ValueError:
        return UNKNOWN


class Networks:
    """Addresses and networks of both families, asked for a peer's address."""

    def __init__(self, networks: Sequence[str], what: str) -> None:
        """Raises ConfigurationError that names every entry which is none, as ``what``."""
        self._networks: list[IPv4Network | IPv6Network] = []
        wrong = []
        for text in networks:
            try:
                self._networks.append(ip_network(text, strict=False))
            except ValueError:
                wrong.append(f"http: {what} {text!r} is neither an address nor a network")
        if wrong:
            raise ConfigurationError(wrong)

    def __contains__(self, address: str) -> bool:
        """Whether the peer at this address is in one of them."""
        if not self._networks:
            return False
        known = ip_address(address)
        return any(known in network for network in self._networks)


class TrustedProxies(Networks):
    """The proxies whose word about the visitor's address is taken."""

    def __init__(self, networks: Sequence[str]) -> None:
        super().__init__(networks, "trusted proxy")


def forwarded_visitor(proxy: Visitor, field: str | None) -> Visitor:
    """Return for whom a trusted proxy asks; without the field the proxy asks for itself.

    Only the last entry counts: the ones before it are the client's own claims.
    What is no address becomes the unspecified one, which no network allows.
    """
    if field is None:
        return proxy
    try:
        return Visitor(str(unmapped(field.rpartition(",")[2])))
    except ValueError:
        return Visitor(UNKNOWN)


def forwarded_for(headers: CIMultiDictProxy[str]) -> str | None:
    """Return X-Forwarded-For as one field: some proxies add a line of their own to a client's."""
    lines = headers.getall(FORWARDED_FOR, None)
    return None if lines is None else ",".join(lines)


def is_passed_on(headers: CIMultiDictProxy[str]) -> bool:
    """Whether a request says that somebody stands between the peer and whoever asks."""
    return any(name in headers for name in _FORWARDING)


def is_spoken_for(headers: CIMultiDictProxy[str]) -> bool:
    """Whether a trusted proxy names one client, and nobody stood before the proxy."""
    field = forwarded_for(headers)
    return field is not None and "," not in field
