"""What works in a configuration, but is probably not meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freebusy.config.model import LOOPBACK
from freebusy.config.secret import WithPassword
from freebusy.config.sources import ImapSource
from freebusy.config.values import duration_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from freebusy.config.reading import Config
    from freebusy.names import NameIndex


def warnings_of(config: Config, index: NameIndex) -> Iterator[str]:
    """Yield what works but is probably not meant."""
    for local, names in index.ambiguous.items():
        yield (
            f"persons: {local!r} names nobody, because {' and '.join(names)} share it; "
            "give one of them a name, or set site.default_domain"
        )
    yield from _people_warnings(config)
    yield from _file_warnings(config)
    yield from _login_warnings(config)
    yield from _network_warnings(config)
    yield from _connector_warnings(config)
    if config.timezone in {"UTC", "Etc/UTC"} and config.site.timezone is None:
        yield "site.timezone: not set, and this machine runs on UTC; whole days count in UTC"
    if config.tls.is_configured and not (config.http.tls_listen or config.ftp.enabled):
        yield "tls.certificate: nothing uses it; set http.tls_listen"
    if not (config.http.enabled or config.ftp.enabled):
        yield "http.enabled, ftp.enabled: both are false; files are written and not served"
    for name in config.sources:
        if config.schedule.stale_after < config.interval_of(name):
            yield (
                f"schedule.stale_after: {duration_text(config.schedule.stale_after)} is shorter "
                f"than the interval of sources.{name}; its files would always look stale"
            )


def _people_warnings(config: Config) -> Iterator[str]:
    if not config.members and config.roster.source is not None:
        yield "persons: there are none until the mail server's users have been listed"
    elif not config.members:
        yield "persons: there are none; no file will be served"
    if config.members and not config.sources:
        yield "sources: there are none; no calendar will be read" + (
            ", files hold only what clients publish" if config.publish.enabled else ""
        )
    used = {source for member in config.members.values() for source in member.sources}
    for name in config.sources:
        if name not in used and config.members:
            yield f"sources.{name}: no person has it"


def _file_warnings(config: Config) -> Iterator[str]:
    for key in _exposed(config):
        yield f"{key}: every user of this machine may read it; chmod o= it"


def _exposed(config: Config) -> Iterator[str]:
    """Yield the keys of the files with a secret that everybody may read."""
    for name, source in config.sources.items():
        if isinstance(source, WithPassword) and source.is_exposed:
            yield f"sources.{name}.password_file"
    for place, person in zip(config.places, config.persons, strict=True):
        if person.is_exposed:
            yield f"{place}.password_file"
    if config.publish.is_exposed:
        yield "publish.password_file"
    if config.publish.is_msg_conf_exposed:
        yield "publish.msg_conf"
    if config.tls.is_exposed:
        yield "tls.key"


def _login_warnings(config: Config) -> Iterator[str]:
    imap = [name for name, source in config.sources.items() if isinstance(source, ImapSource)]
    if config.login.mail == "auto" and len(imap) > 1:
        yield (
            "login.mail: nobody can log in with a mail account, because there are several mail "
            f'servers; set it to one of {", ".join(imap)}, or to "off"'
        )
    if config.login_source is not None:
        yield from _shared_logins(config)
    if config.login_source is None and not config.publish.has_shared_account:
        for key in _for_accounts(config):
            yield (
                f'{key}: "accounts" may read, but nobody can log in except with app passwords; '
                "set login.mail, or a password in [publish]"
            )


def _shared_logins(config: Config) -> Iterator[str]:
    """Yield the people whom the mail server cannot tell apart by their logins."""
    holders: dict[str, str] = {}
    for name, member in config.members.items():
        local, _, domain = member.owner.address.partition("@")
        login = member.owner.login or config.login.username.format(
            name=name, address=member.owner.address, local=local, domain=domain
        )
        holder = holders.setdefault(login, name)
        if holder != name:
            yield (
                f"login.username: {holder!r} and {name!r} have one login at the mail server, so "
                "that each writes the other's file; use {address}, or give one of them a login"
            )


def _connector_warnings(config: Config) -> Iterator[str]:
    table = config.connector
    if not table.model_fields_set or not table.enabled:
        return
    if config.login_source is None:
        yield (
            "connector.enabled: it is off, because nobody can log in with a mail account; "
            'name an IMAP source in login.mail, or say "enabled = false"'
        )
    elif not config.http.enabled:
        yield "connector.enabled: it is off, because http.enabled is false"


def _for_accounts(config: Config) -> Iterator[str]:
    """Yield the keys that leave a file to whoever has logged in."""
    if config.access.read == "accounts":
        yield "access.read"
    for place, person in zip(config.places, config.persons, strict=True):
        if person.read == "accounts":
            yield f"{place}.read"


def _network_warnings(config: Config) -> Iterator[str]:
    told = "networks" in config.access.model_fields_set
    readers = {config.access.read, *(member.read for member in config.members.values())}
    if told and "networks" not in readers:
        yield 'access.networks: counts only while read = "networks"'
    if any(not network.prefixlen for network in config.access.plain_logins):
        yield "access.plain_logins: passwords may come readable from everywhere"
    for network in config.publish.trusted_networks:
        if not network.prefixlen:
            yield f"publish.trusted_networks: {network} lets anybody publish for everybody"
        elif any(network.version == own.version and network.overlaps(own) for own in LOOPBACK):
            yield (
                f"publish.trusted_networks: {network} lets every program of this machine publish "
                "for everybody, and whoever comes through a proxy on it"
            )
