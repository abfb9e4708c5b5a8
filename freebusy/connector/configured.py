"""From the configuration to look-ups, and to other servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from freebusy.connector.elsewhere import Elsewhere
from freebusy.connector.limits import FetchLimits
from freebusy.connector.lookups import Lookups
from freebusy.connector.servers import OtherServer

if TYPE_CHECKING:
    from datetime import datetime

    from freebusy.config import Config, Lookup, LookupServer
    from freebusy.metrics import LookupOutcome
    from freebusy.ports import FreeBusyFiles


Counted = Callable[[str, "LookupOutcome"], None]
"""What is told of each person who was asked for elsewhere, by the server's name."""


def lookups(
    config: Config,
    files: FreeBusyFiles,
    now: Callable[[], datetime],
    counted: Counted | None = None,
) -> Lookups:
    """Return what looks people up, for one event loop; ``now`` is the wall clock."""
    return Lookups(
        files,
        elsewhere(config, now, counted),
        domains=own_domains(config),
        patience=config.lookup.patience.total_seconds(),
    )


async def reload(
    made: Lookups, config: Config, now: Callable[[], datetime], counted: Counted | None = None
) -> None:
    """Go on under another configuration; what is known of servers that it leaves alone stays."""
    asks = made.elsewhere
    if asks is None or not asks.is_made_of(servers_of(config), limits_of(config.lookup)):
        asks = elsewhere(config, now, counted)
    await made.reload(asks, own_domains(config), config.lookup.patience.total_seconds())


def elsewhere(
    config: Config, now: Callable[[], datetime], counted: Counted | None = None
) -> Elsewhere | None:
    """Return what asks other servers; None where there are none."""
    if not config.lookup_servers:
        return None
    return Elsewhere(servers_of(config), limits_of(config.lookup), now, counted=counted)


def own_domains(config: Config) -> frozenset[str]:
    """Return the domains of the people of the roster, also those of addresses as aliases."""
    names = (name for person in config.persons for name in (*person.addresses, *person.aliases))
    domains = {name.rpartition("@")[2] for name in names if "@" in name}
    return frozenset(domains | {config.site.default_domain or ""} - {""})


def servers_of(config: Config) -> list[OtherServer]:
    """Return the other servers that the configuration has."""
    return [_server(name, server) for name, server in config.lookup_servers.items()]


def _server(name: str, server: LookupServer) -> OtherServer:
    return OtherServer(
        name=name,
        domains=server.domains,
        urls=server.urls,
        private=server.private,
        ports=frozenset(server.ports),
        redirect_hosts=frozenset(server.redirect_hosts),
        ca_file=None if server.ca_file is None else str(server.ca_file),
        at_once=server.at_once,
        timezone=server.timezone,
    )


def limits_of(lookup: Lookup) -> FetchLimits:
    """Return what the configuration says that asking others may cost."""
    return FetchLimits(
        timeout=lookup.timeout.total_seconds(),
        connect=lookup.connect_timeout.total_seconds(),
        max_size=lookup.max_size,
        max_redirects=lookup.max_redirects,
        at_once=lookup.at_once,
        cache=lookup.cache.total_seconds(),
        cache_misses=lookup.cache_misses.total_seconds(),
        cache_size=lookup.cache_size,
    )
