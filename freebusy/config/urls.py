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


def urls(config: Config, **taken: Sequence[tuple[str, int]]) -> list[Hint]:
    """Return what to try with curl, lftp and Outlook, for the first member by name.

    ``taken`` are the addresses really taken for each protocol, where port 0 was asked for.
    """
    name = next(iter(config.members), "NAME")
    hints: list[Hint] = []
    for protocol, server, listen in _listening(config):
        if server.enabled and listen:
            place = _place(config, taken.get(protocol) or listen, _USUAL[protocol])
            hints += _HINTS[protocol](place, name, protocol)
    return hints


def _listening(config: Config) -> Iterator[tuple[str, Server, Listen]]:
    """Yield each protocol with where the configuration lets it be spoken."""
    for protocol, server in (("http", config.http), ("ftp", config.ftp)):
        yield protocol, server, server.listen
        yield f"{protocol}s", server, server.tls_listen


def _http_hints(place: str, name: str, protocol: str) -> Iterator[Hint]:
    yield Hint("curl", f"curl {protocol}://{place}/pub/calendar/{name}.vfb")
    # As Outlook's "Search at this URL" field wants it: it fills in the part before the @.
    yield Hint("Outlook", f"{protocol}://{place}/calendar/%NAME%.vfb")


def _ftp_hints(place: str, name: str, protocol: str) -> Iterator[Hint]:
    yield Hint("curl", f"curl {protocol}://{place}/pub/calendar/{name}.vfb")
    yield Hint("lftp", f"lftp -c 'open {protocol}://{place}; cat /pub/calendar/{name}.vfb'")
    if protocol == "ftp":  # Outlook knows no FTP over TLS
        yield Hint("Outlook", f"ftp://{place}/pub/calendar/%NAME%.vfb")


_HINTS = {"http": _http_hints, "https": _http_hints, "ftp": _ftp_hints, "ftps": _ftp_hints}
_USUAL = {"http": 80, "https": 443, "ftp": 21, "ftps": 990}


def _place(config: Config, listen: Sequence[Endpoint | tuple[str, int]], usual: int) -> str:
    """Return host and port as a URL has them."""
    host, port = listen[0]
    if config.site.hostname is not None:
        host = config.site.hostname
    elif host in EVERY_ADDRESS:
        host = "localhost"
    host = f"[{host}]" if ":" in host else host
    return host if port == usual else f"{host}:{port}"
