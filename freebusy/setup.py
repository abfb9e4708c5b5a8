"""``freebusy client-setup``: what a person enters into a client, with the own values filled in.

The addresses come from the configuration.  A password is shown once, and only where a new
one was asked for; the .reg file never holds one.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from freebusy import gateway
from freebusy.clientsettings import Client, Doors, Settings, instructions
from freebusy.config.urls import EVERY_ADDRESS
from freebusy.errors import ConfigurationError
from freebusy.exits import say
from freebusy.officeregistry import registry_file
from freebusy.ports import Scope
from freebusy.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Network, IPv6Network

    from freebusy.config import Config, Endpoint


def doors(config: Config, url: str | None = None) -> Doors:
    """Return how clients reach the gateway; ``url`` is its base where a proxy stands before it.

    Raises ConfigurationError for a ``url`` that is none.
    """
    http, ftp = config.http, config.ftp
    web = {
        "https": _base(config, "https", http.tls_listen, 443) if http.enabled else None,
        "http": _base(config, "http", http.listen, 80) if http.enabled else None,
    }
    if url is not None:
        web = _proxied(url)
    return Doors(
        **web,
        ftp=_base(config, "ftp", ftp.listen, 21) if ftp.enabled else None,
        ftps=_base(config, "ftps", ftp.tls_listen, 990) if ftp.enabled else None,
        explicit_tls=config.tls.is_configured,
        plain_ftp_logins=not ftp.require_tls,
        plain_http_logins=any(not _is_loopback(each) for each in config.access.plain_logins),
        several_domains=config.site.full_addresses or len(_domains(config)) > 1,
    )


def _proxied(url: str) -> dict[str, str | None]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        raise ConfigurationError(["--url: expected an address such as https://fb.example.com"])
    base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    return {"https": None, "http": None, parts.scheme: base}


def _base(config: Config, scheme: str, listen: Sequence[Endpoint], usual: int) -> str | None:
    if not listen:
        return None
    host, port = host_of(config) or listen[0].host or "localhost", listen[0].port
    host = "localhost" if host in EVERY_ADDRESS else host
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}" if port == usual else f"{scheme}://{host}:{port}"


def host_of(config: Config) -> str | None:
    """Return what clients call this machine, where the configuration says it."""
    return config.site.hostname or next(iter(config.http.hosts), None)


def _is_loopback(network: IPv4Network | IPv6Network) -> bool:
    return network.is_loopback


def _domains(config: Config) -> set[str]:
    return {member.addresses[0].partition("@")[2] for member in config.members.values()}


def settings_for(
    config: Config, name: str, *, password: str | None = None, url: str | None = None
) -> Settings:
    """Return the values of one person, by canonical NAME."""
    return Settings(
        name=name,
        address=config.members[name].addresses[0],
        doors=doors(config, url),
        password=password,
        delegate_of=[each for each, member in config.members.items() if name in member.delegates],
        publishes=config.publish.enabled,
        months=config.window.months,
        trusted=tuple(map(str, config.publish.trusted_networks)),
        reading_needs_login=config.access.read == "accounts",
        connects=_connects(config),
    )


def _connects(config: Config) -> Literal["no", "mail", "app"]:
    from freebusy.connecting import may_proxy, why_off

    source = config.login_source
    if why_off(config) is not None or source is None:
        return "no"
    return "app" if may_proxy(source) else "mail"


def new_password(config: Config, name: str, label: str, scope: Scope = Scope.PUBLISH) -> str:
    """Make an app password for a person; it is known to nobody else."""
    from freebusy.apppasswords import AppPasswords

    gateway.prepare_state(config.site.state)
    store = Store(config.site.state / "store.db")
    try:
        return AppPasswords(store, gateway.now).add(name, label, scope)
    finally:
        store.close()


def print_setup(
    config: Config,
    name: str,
    client: Client = Client.ALL,
    *,
    label: str | None = None,
    url: str | None = None,
) -> None:
    """Print what a person enters; ``label`` names a new app password."""
    (person,) = gateway.wanted(config, [name])
    from freebusy.connecting import describe

    settings = settings_for(config, person, url=url)
    if label is not None:
        scope = Scope.CONNECTOR if client is Client.CONNECTOR else Scope.PUBLISH
        if scope is Scope.CONNECTOR and settings.connects != "app":
            raise ConfigurationError([f"--new-password: connectors: {describe(config)}"])
        settings = replace(settings, password=new_password(config, person, label, scope))
    _warn(config, url)
    print("\n".join(instructions(settings, client)))


def write_registry_file(config: Config, name: str, *, url: str | None = None) -> None:
    """Write a person's .reg file to standard output."""
    (person,) = gateway.wanted(config, [name])
    if sys.stdout.isatty():
        raise ConfigurationError([f"--reg: write it to a file: --reg > {person}.reg"])
    _warn(config, url)
    sys.stdout.buffer.write(registry_file(settings_for(config, person, url=url)))


def _warn(config: Config, url: str | None) -> None:
    if host_of(config) is None and url is None:
        say("site.hostname is not set: clients on other machines cannot use these addresses.")
