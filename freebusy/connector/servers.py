"""Other servers as the operator describes them, and what may be asked of each."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from freebusy.connector.addresses import may_be_reached
from freebusy.connector.targets import PORTS, WEB_PORTS, Target, fill
from freebusy.errors import ElsewhereError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from freebusy.connector.addresses import Resolver


@dataclass(frozen=True, slots=True)
class OtherServer:
    """Where the people of some domains publish their times."""

    name: str
    """What the operator calls it; for logs."""
    domains: tuple[str, ...]
    """In ASCII and lower case; ``*.partner.example`` means all below, not the domain itself."""
    urls: tuple[str, ...]
    """Templates with ``%NAME%`` and ``%SERVER%``, tried in order."""
    private: bool = False
    """Whether it may have an address inside."""
    ports: frozenset[int] = frozenset()
    """Beside the usual ones."""
    redirect_hosts: frozenset[str] = frozenset()
    """Where else it may send us."""
    ca_file: str | None = None
    """Certificates to trust in the place of the system's."""
    at_once: int = 8
    timezone: str | None = None
    """Of times without a zone."""

    def serves(self, domain: str) -> bool:
        """Whether this server is meant for a domain."""
        return any(
            domain.endswith(pattern[1:]) if pattern.startswith("*.") else domain == pattern
            for pattern in self.domains
        )

    def targets(self, local: str, domain: str) -> list[Target]:
        """Return what to ask for a person, in order; raises ElsewhereError."""
        return [self.checked(fill(url, local, domain)) for url in self.urls]

    def redirected(self, source: Target, target: Target, domain: str) -> Target:
        """Return where a redirect leads if that is allowed; raises ElsewhereError.

        Only to a host that the operator has named, and never from TLS to none.
        """
        hosts = {fill(url, "x", domain).host for url in self.urls} | self.redirect_hosts
        if target.scheme == "ftp" or (source.scheme, target.scheme) == ("https", "http"):
            raise ElsewhereError("redirect")
        if target.host not in hosts and not self.serves(target.host):
            raise ElsewhereError("redirect")
        return self.checked(target)

    def checked(self, target: Target) -> Target:
        """Return the target if its port, and an address in the place of a name, are allowed."""
        usual = {PORTS["ftp"]} if target.scheme == "ftp" else WEB_PORTS
        if target.port not in usual and target.port not in self.ports:
            raise ElsewhereError("port")
        if _is_address(target.host) and not may_be_reached(target.host, private=self.private):
            raise ElsewhereError("address")
        return target

    async def addresses(self, host: str, resolver: Resolver) -> list[str]:
        """Return those addresses of a host that may be connected to; raises ElsewhereError."""
        try:
            found = [host] if _is_address(host) else await resolver.addresses(host)
        except OSError:
            raise ElsewhereError("name") from None
        allowed = [address for address in found if may_be_reached(address, private=self.private)]
        if not allowed:
            raise ElsewhereError("address")
        return allowed


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class Directory:
    """Finds the server to ask for people of a domain."""

    def __init__(self, servers: Iterable[OtherServer]) -> None:
        self._meant = {domain: server for server in servers for domain in server.domains}

    def server_of(self, domain: str) -> OtherServer | None:
        """Return the server that names a domain itself, else the one that names most of it."""
        if domain in self._meant:
            return self._meant[domain]
        _, dot, above = domain.partition(".")
        while dot:
            if (server := self._meant.get(f"*.{above}")) is not None:
                return server
            _, dot, above = above.partition(".")
        return None
