"""What to type to try a running gateway, and what to enter in a client."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from freebusy.config.model import Server
    from freebusy.config.reading import Config
    from freebusy.config.values import Endpoint, Listen

EVERY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104  # recognised, not bound


class Hint(NamedTuple):
    """A client, and what to type or enter there."""

    client: str
    text: str


def urls(
    config: Config,
    *,
    http: Sequence[tuple[str, int]] | None = None,
    ftp: Sequence[tuple[str, int]] | None = None,
) -> list[Hint]:
    """Return what to try with curl, lftp and Outlook, for the first member by name.

    ``http`` and ``ftp`` are the addresses really taken, where port 0 was asked for.
    """
    name = next(iter(config.members), "NAME")
    hints: list[Hint] = []
    if config.http.enabled:
        secure, listen = _listening(config.http)
        hints += _http_hints(_place(config, http or listen, 443 if secure else 80), name, secure)
    if config.ftp.enabled:
        secure, listen = _listening(config.ftp)
        hints += _ftp_hints(_place(config, ftp or listen, 990 if secure else 21), name, secure)
    return hints


def _listening(server: Server) -> tuple[str, Listen]:
    """Return where a server listens; with an "s" before it where it speaks nothing but TLS."""
    return ("", server.listen) if server.listen else ("s", server.tls_listen)


def _http_hints(place: str, name: str, s: str) -> Iterator[Hint]:
    yield Hint("curl", f"curl http{s}://{place}/pub/calendar/{name}.vfb")
    # As Outlook's "Search at this URL" field wants it: it fills in the part before the @.
    yield Hint("Outlook", f"http{s}://{place}/calendar/%NAME%.vfb")


def _ftp_hints(place: str, name: str, s: str) -> Iterator[Hint]:
    yield Hint("curl", f"curl ftp{s}://{place}/pub/calendar/{name}.vfb")
    yield Hint("lftp", f"lftp -c 'open ftp{s}://{place}; cat /pub/calendar/{name}.vfb'")
    if not s:  # Outlook knows no FTP over TLS
        yield Hint("Outlook", f"ftp://{place}/pub/calendar/%NAME%.vfb")


def _place(config: Config, listen: Sequence[Endpoint | tuple[str, int]], usual: int) -> str:
    """Return host and port as a URL has them."""
    host, port = listen[0]
    if config.site.hostname is not None:
        host = config.site.hostname
    elif host in EVERY_ADDRESS:
        host = "localhost"
    host = f"[{host}]" if ":" in host else host
    return host if port == usual else f"{host}:{port}"
