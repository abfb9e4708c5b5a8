"""Whether a client meant this server: Host and Origin (RFC 9110 §7.2, RFC 6454 §7).

A web page can make a browser inside the network ask for names of the page's own (DNS
rebinding).  Whoever is trusted for the address alone must therefore ask one of ours.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aiohttp import hdrs

from freebusy.web.target import authority
from freebusy.web.visitors import unmapped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import web

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]@/]+)(?::[0-9]{0,5})?")
"""uri-host [ ":" port ] (RFC 3986 §3.2.2), as far as it is checked here."""


def host_name(field: str) -> str | None:
    """Return the name or address in a Host field, in lower case, or None where it is none."""
    found = _HOST.fullmatch(field.strip())
    if found is None:
        return None
    name = found[1].strip("[]").lower().removesuffix(".")
    try:
        return str(unmapped(name))
    except ValueError:
        return name


class OwnHosts:
    """The names and addresses by which clients reach this server."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = {name for name in map(host_name, names) if name}

    def meant_by(self, request: web.BaseRequest, *, through_proxy: bool) -> bool:
        """Whether a request asks one of our hosts, in whatever place it names one.

        A proxy that puts the gateway's address for what the client asked hides just that,
        so through one only names count.
        """
        fields = request.headers.getall(hdrs.HOST, [])
        named = authority(request.raw_path)
        asked = [*fields, *((named,) if named is not None else ())]
        asked += [_of_origin(text) for text in request.headers.getall(hdrs.ORIGIN, [])]
        own = self._names if through_proxy else self._local(request)
        return len(fields) == 1 and all(host_name(text) in own for text in asked)

    def _local(self, request: web.BaseRequest) -> set[str]:
        """Return our names, and the address at which this connection came in."""
        transport = request.transport
        name = None if transport is None else transport.get_extra_info("sockname")
        if not isinstance(name, tuple):
            return self._names
        address = unmapped(name[0])
        return self._names | {str(address)} | ({"localhost"} if address.is_loopback else set())


def _of_origin(text: str) -> str:
    """Return the authority of an origin; "null" and the like leave nothing that is a host."""
    return text.partition("://")[2]
