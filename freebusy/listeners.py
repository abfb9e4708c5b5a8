"""Composition of the two servers: from the configuration to what listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freebusy.certificates import server_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator, Mapping

    from freebusy.config import Config
    from freebusy.connector.parts import Connector
    from freebusy.serving import Serving
    from freebusy.web.health import Health
    from freebusy.web.server import HttpServer
    from freebusy.web.settings import Address, HttpSettings
    from ftpsrv.server import FtpServer


def http_settings(config: Config, serving: Serving) -> HttpSettings:
    """Return what the HTTP server is told; some of it may change while it runs."""
    from freebusy.web.settings import HttpSettings

    table, access = config.http, config.access
    return HttpSettings(
        listen=tuple((place.host, place.port) for place in table.listen),
        tls_listen=tuple((place.host, place.port) for place in table.tls_listen),
        listing=access.listing,
        is_private=not _is_open(config),
        max_connections=table.max_connections,
        max_connections_per_address=table.max_connections_per_address,
        header_timeout=table.header_timeout.total_seconds(),
        keepalive_timeout=table.keepalive_timeout.total_seconds(),
        answer_timeout=table.answer_timeout.total_seconds(),
        upload_timeout=table.upload_timeout.total_seconds(),
        upload_memory=table.upload_memory,
        max_line_size=table.max_line_size,
        max_headers=table.max_headers,
        trusted_proxies=tuple(map(str, table.trusted_proxies)),
        plain_logins=tuple(map(str, access.plain_logins)),
        hosts=_hosts(config),
        metrics=serving.metrics.render,
        metrics_networks=tuple(map(str, table.metrics_networks)),
        counted=serving.metrics.response,
        connector_counted=serving.metrics.connector_request,
    )


def http_server(
    config: Config, serving: Serving, health: Health, connector: Connector | None = None
) -> HttpServer:
    """Return the HTTP server; raises ConfigurationError for a certificate that does not serve."""
    from freebusy.web.server import HttpServer

    return HttpServer(
        http_settings(config, serving),
        serving.files("http"),
        health,
        logins=serving.logins("http"),
        publications=serving.publications if config.publish.enabled else None,
        triggers=serving.triggers,
        connector=connector,
        tls=_tls(config),
    )


def _tls(config: Config) -> ssl.SSLContext | None:
    """Return a context of its own for a server; None where there is no certificate."""
    certificate, key = config.tls.certificate, config.tls.key
    return server_context(certificate, key) if certificate and key else None


def _is_open(config: Config) -> bool:
    """Whether every file is for anyone: then no answer depends on who asks."""
    audiences = {config.access.read, *(member.read for member in config.members.values())}
    return audiences == {"anyone"}


def _hosts(config: Config) -> tuple[str, ...]:
    """Return the names by which clients know this server."""
    own = () if config.site.hostname is None else (config.site.hostname,)
    return (*own, *config.http.hosts)


def ftp_server(config: Config, serving: Serving) -> FtpServer:
    """Return the FTP server; raises ConfigurationError for a certificate that does not serve."""
    from ftpsrv.counting import Counted
    from ftpsrv.server import FtpServer, FtpSettings

    table, metrics = config.ftp, serving.metrics
    return FtpServer(
        FtpSettings(
            listen=tuple((place.host, place.port) for place in table.listen),
            tls_listen=tuple((place.host, place.port) for place in table.tls_listen),
            passive_ports=table.passive_ports,
            masquerade_address=table.masquerade_address,
            max_connections=table.max_connections,
            max_connections_per_address=table.max_connections_per_address,
            max_uploads_per_address=table.max_uploads_per_address,
            upload_timeout=table.upload_timeout.total_seconds(),
            upload_memory=table.upload_memory,
            handshake_timeout=table.handshake_timeout.total_seconds(),
            idle_timeout=table.idle_timeout.total_seconds(),
            data_timeout=table.data_timeout.total_seconds(),
            login_delay=table.login_delay.total_seconds(),
            require_tls=table.require_tls,
            banner=table.banner,
            counted=Counted(metrics.session_opened, metrics.session_closed, metrics.transfer),
        ),
        serving.files("ftp"),
        logins=serving.logins("ftp"),
        publications=serving.publications if config.publish.enabled else None,
        tls=_tls(config),
    )


def taken(http: HttpServer | None, ftp: FtpServer | None) -> dict[str, tuple[Address, ...]]:
    """Return where each protocol is spoken, with the ports that were taken."""
    return {
        **({} if http is None else {"http": http.addresses, "https": http.tls_addresses}),
        **({} if ftp is None else {"ftp": ftp.addresses, "ftps": ftp.tls_addresses}),
    }


def listening(config: Config, places: Mapping[str, Iterable[Address]]) -> Iterator[str]:
    """Yield a line for the log about each address that is listened on."""
    for protocol, addresses in places.items():
        tls = "yes" if protocol.endswith("s") else "no"
        if protocol == "ftp" and config.tls.is_configured:
            tls = "required" if config.ftp.require_tls else "offered"
        for host, port in addresses:
            yield f"listen protocol={protocol} address={host} port={port} tls={tls}"
