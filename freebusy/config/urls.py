"""What to type to try a running gateway, and what to enter in a client."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from freebusy.config.reading import Config
    from freebusy.config.values import Endpoint

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
        hints += _http_hints(_place(config, http or config.http.listen, 80), name)
    if config.ftp.enabled:
        hints += _ftp_hints(_place(config, ftp or config.ftp.listen, 21), name)
    return hints


def _http_hints(place: str, name: str) -> Iterator[Hint]:
    yield Hint("curl", f"curl http://{place}/pub/calendar/{name}.vfb")
    # As Outlook's "Search at this URL" field wants it: it fills in the part before the @.
    yield Hint("Outlook", f"http://{place}/calendar/%NAME%.vfb")


def _ftp_hints(place: str, name: str) -> Iterator[Hint]:
    yield Hint("curl", f"curl ftp://{place}/pub/calendar/{name}.vfb")
    yield Hint("lftp", f"lftp -c 'open ftp://{place}; cat /pub/calendar/{name}.vfb'")
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
