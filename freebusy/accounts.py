"""Who is in the roster, who may read, and what of the published tree they see."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Protocol, TypeVar

from freebusy.names import index_names, requested_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from freebusy.names import Named, NameIndex, RequestedName
    from freebusy.ports import PublishedFile, Visitor

Network = IPv4Network | IPv6Network
Answer = TypeVar("Answer")

MAX_REMEMBERED = 8192
"""Paths and addresses whose answer is remembered: a few of each per person, however they ask."""

_KNOWN_NETWORKS = {
    ip_network(text): kind
    for text, kind in (
        ("127.0.0.0/8", "loopback"),
        ("::1/128", "loopback"),
        ("10.0.0.0/8", "private"),
        ("172.16.0.0/12", "private"),
        ("192.168.0.0/16", "private"),
        ("fc00::/7", "private"),
        ("169.254.0.0/16", "link-local"),
        ("fe80::/10", "link-local"),
    )
}


class PublishedNames(Protocol):
    """The published tree by canonical NAME."""

    def read(self, name: str) -> PublishedFile | None:
        """Return the file as it is now, or None."""

    def names(self) -> list[str]:
        """Return the NAMEs that have a file, sorted."""


class Roster:
    """The people of the site, and who is meant by a NAME, an address or an alias."""

    def __init__(
        self,
        persons: Iterable[Named],
        *,
        default_domain: str | None = None,
        full_addresses: bool = False,
    ) -> None:
        people = list(persons)
        self._index: NameIndex = index_names(
            people, default_domain=default_domain, full_addresses=full_addresses
        )
        self.addresses: Mapping[str, tuple[str, ...]] = {
            name: tuple(person.addresses)
            for name, person in zip(self._index.canonical, people, strict=True)
        }
        """Canonical NAME -> that person's addresses, the main one first."""

    def __contains__(self, name: object) -> bool:
        return name in self.addresses

    @property
    def names(self) -> tuple[str, ...]:
        """Return the canonical NAMEs, in the order of the configuration."""
        return self._index.canonical

    def canonical(self, wanted: RequestedName) -> str | None:
        """Return the canonical NAME of whoever is meant, or None where it is nobody."""
        return self._index.canonical_name(wanted)


class ReadAccess:
    """Which addresses may read anything at all; ``networks=None`` means anyone."""

    def __init__(self, networks: Iterable[Network] | None) -> None:
        self._networks = None if networks is None else tuple(networks)
        self._known: dict[str, bool] = {}

    def admits(self, address: str) -> bool:
        """Whether the peer at this address may read; a text that is no address may not."""
        if self._networks is None:
            return True
        admitted = self._known.get(address)
        if admitted is None:
            admitted = self._matches(address)
            _remember(self._known, address, admitted)
        return admitted

    def _matches(self, text: str) -> bool:
        try:
            # A zone (fe80::1%eth0) says which link, not who.
            address = ip_address(text.partition("%")[0])
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks or ())

    def describe(self) -> str:
        """Say in one phrase who may read, for the start-up line."""
        if self._networks is None:
            return "anyone who reaches the gateway may read"
        kinds = dict.fromkeys(_KNOWN_NETWORKS.get(n, str(n)) for n in self._networks)
        *first, last = kinds or {"no"}
        listed = f"{', '.join(first)} and {last}" if first else last
        return f"{listed} addresses may read"


class PublishedFiles:
    """The published tree as visitors see it: ports.FreeBusyFiles.

    What a look-up costs once it is known: two dictionary hits and one lstat.
    """

    def __init__(
        self, files: PublishedNames, roster: Roster, access: ReadAccess, *, listing: bool = False
    ) -> None:
        self._files = files
        self.reload(roster, access, listing=listing)

    def reload(self, roster: Roster, access: ReadAccess, *, listing: bool) -> None:
        """Go on with another roster and other rights; readers see all of it or none."""
        known: dict[str, str] = {}
        self._rules = roster, access, listing, known

    def admits(self, visitor: Visitor) -> bool:
        """Whether this visitor may read anything at all."""
        return self._rules[1].admits(visitor.address)

    def find(self, path: str, visitor: Visitor) -> PublishedFile | None:
        """Return the file at a decoded absolute path, or None for whatever reason."""
        roster, access, _, known = self._rules
        if not access.admits(visitor.address):
            return None
        name = known.get(path)
        if name is None:
            name = _canonical(roster, path)
            if name is None:
                return None
            _remember(known, path, name)
        return self._files.read(name)

    def listing(self, visitor: Visitor) -> Sequence[PublishedFile]:
        """Return the files this visitor may see by name, sorted; empty unless the site lists."""
        roster, access, listing, _ = self._rules
        if not listing or not access.admits(visitor.address):
            return ()
        files = (self._files.read(name) for name in self._files.names() if name in roster)
        return [file for file in files if file is not None]


def _canonical(roster: Roster, path: str) -> str | None:
    wanted = requested_name(path)
    return None if wanted is None else roster.canonical(wanted)


def _remember(known: dict[str, Answer], key: str, value: Answer) -> None:
    """Keep an answer; forget all when full, which costs less than an order of use."""
    if len(known) >= MAX_REMEMBERED:
        known.clear()
    known[key] = value
