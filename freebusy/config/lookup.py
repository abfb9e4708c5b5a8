"""``[lookup]``: people looked up for connectors, here and on other servers."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from freebusy.config.model import DAY, HOUR, MINUTE, SECOND, Section
from freebusy.config.values import (
    Count,
    Duration,
    File,
    Flag,
    Hosts,
    Port,
    Size,
    ZoneName,
    between,
    nearest,
    unexpected,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

USUAL_PORTS = {"http": 80, "https": 443, "ftp": 21}
_WEB = {80, 443}
_DOMAIN = re.compile(r"(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
_PLACEHOLDER = re.compile(r"%([A-Za-z]{3,})%")
_NAMED = re.compile(r"%name%", re.IGNORECASE)
_SERVER = re.compile(r"%server%", re.IGNORECASE)
_HOST = re.compile(r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+")
_PRINTABLE = re.compile(r"[!#-;=?-\[\]_a-z~]+", re.IGNORECASE)


def _domain(value: str) -> str:
    try:
        domain = value.encode("idna").decode().lower()
    except UnicodeError:
        domain = ""
    if not (len(domain) <= 253 and _DOMAIN.fullmatch(domain)):
        raise unexpected('a domain such as "partner.example", or "*.partner.example" for all below')
    return domain


def _url(value: str) -> str:
    """Accept what a person's name and domain can be put into, and what is a URL then."""
    example = 'a URL such as "https://%SERVER%/freebusy/%NAME%.vfb"'
    for word in _PLACEHOLDER.findall(value):
        if word.upper() not in {"NAME", "SERVER"}:
            hint = nearest(word.upper(), ("NAME", "SERVER"))
            raise unexpected(f"no other placeholder than %NAME% and %SERVER%{hint}")
    try:
        # Out of the way of percent-decoding, and a host name where it stands for one.
        parts = urlsplit(_SERVER.sub("server.invalid", value))
        port = parts.port
    except ValueError:
        raise unexpected(example) from None
    if not _PRINTABLE.fullmatch(value) or parts.scheme not in USUAL_PORTS or parts.fragment:
        raise unexpected(f"{example}, with http, https or ftp")
    if "@" in parts.netloc:
        raise unexpected(f"{example}, without a user or a password: nobody logs in there")
    if port == 0 or not _HOST.fullmatch(parts.netloc.removesuffix(f":{port}")):
        raise unexpected(f"{example}, with %NAME% in its path only")
    if not _NAMED.search(parts.path + parts.query):
        raise unexpected(f"{example}: without %NAME% everybody would have the same times")
    return value


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Domains = Annotated[tuple[Annotated[str, AfterValidator(_domain)], ...], BeforeValidator(_listed)]
Urls = Annotated[tuple[Annotated[str, AfterValidator(_url)], ...], BeforeValidator(_listed)]


class Lookup(Section):
    """``[lookup]``: what looking people up may cost."""

    max_names: Annotated[Count, Field(ge=1, le=1000)] = 1000
    """People in one request."""
    patience: Annotated[Duration, between(SECOND, 5 * MINUTE)] = 20 * SECOND
    """For one request in all; who has not been found then is unreachable."""
    timeout: Annotated[Duration, between(SECOND, 5 * MINUTE)] = 10 * SECOND
    """For one person's answer from another server, with redirects and further URLs."""
    connect_timeout: Annotated[Duration, between(SECOND, MINUTE)] = 5 * SECOND
    max_size: Annotated[Size, Field(ge=1 << 10, le=16 << 20)] = 1 << 20
    """Of an answer of another server."""
    max_redirects: Annotated[Count, Field(le=10)] = 3
    at_once: Annotated[Count, Field(ge=1, le=256)] = 32
    """People asked for at a time, over all other servers."""
    cache: Annotated[Duration, between(timedelta(), DAY)] = 5 * MINUTE
    """How long another server's answer is kept; 0: not at all."""
    cache_misses: Annotated[Duration, between(timedelta(), HOUR)] = MINUTE
    """How long is kept that it had none."""
    cache_size: Annotated[Size, Field(ge=0, le=1 << 30)] = 16 << 20
    """Of all answers that are kept."""


class LookupServer(Section):
    """``[lookup.servers.NAME]``: where people of other domains publish their times."""

    domains: Annotated[Domains, Field(min_length=1, max_length=1000)]
    """Whose people are asked for there; ``*.partner.example`` means all below."""
    ports: tuple[Port, ...] = ()
    """Beside 80, 443 and 21."""
    urls: Annotated[Urls, Field(min_length=1, max_length=10)]
    """Templates with %NAME% and %SERVER%, tried in order."""
    redirect_hosts: Hosts = ()
    """Where it may send us, beside the hosts of ``urls`` and ``domains``."""
    private: Flag = False
    """Whether it may have an address inside: private, or this machine's own."""
    ca_file: File | None = None
    """Certificates to trust in the place of the system's."""
    at_once: Annotated[Count, Field(ge=1, le=256)] = 8
    """People asked for there at a time."""
    timezone: ZoneName | None = None
    """Of times without a zone, which RFC 5545 forbids; None: UTC."""

    @field_validator("urls")
    @classmethod
    def _fit(cls, urls: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        domains, ports = info.data.get("domains", ()), info.data.get("ports", ())
        several = len(domains) > 1 or any(domain.startswith("*") for domain in domains)
        for url in urls:
            if several and not _SERVER.search(url):
                raise unexpected(
                    "%SERVER% in every URL, because people of different domains may share a "
                    "name; or a table of its own for each domain"
                )
            parts = urlsplit(_SERVER.sub("server.invalid", url))
            usual = _WEB if parts.scheme != "ftp" else {21}
            if parts.port is not None and parts.port not in {*usual, *ports}:
                raise unexpected(
                    f"a usual port; if {parts.port} is meant, add ports = [{parts.port}]"
                )
        return urls


def without_servers(name: str, table: object) -> object:
    """Return a table as its model reads it: the servers of ``[lookup]`` are tables of their own."""
    if name != "lookup" or not isinstance(table, dict):
        return table
    return {key: value for key, value in table.items() if key != "servers"}


def wrong_servers(servers: Mapping[str, LookupServer]) -> Iterator[str]:
    """Yield the domains that two servers claim."""
    holders: dict[str, str] = {}
    for name, server in servers.items():
        for domain in server.domains:
            holder = holders.setdefault(domain, name)
            if holder != name:
                yield f"lookup.servers.{name}.domains: {domain!r} already belongs to {holder!r}"
