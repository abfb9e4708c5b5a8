"""Whether a web page of another site made a browser ask.

A browser may remember a password for this server and send it with whatever any page asks
for.  No page needs the API, so nothing is allowed by CORS, and what comes from elsewhere
is refused before it is read (Origin: RFC 6454 §7; Sec-Fetch-Site: Fetch Metadata §2.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import hdrs

from freebusy.web.connector.problems import ProblemError
from freebusy.web.hosts import host_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import web

_SITE = "Sec-Fetch-Site"
_FROM_HERE = {"same-origin", "none"}


def check_origin(request: web.BaseRequest, names: Iterable[str]) -> None:
    """Raise ProblemError 403 for what a page of another origin asks.

    ``names`` are this server's, by which it is known before a proxy that puts another Host.
    """
    sites = request.headers.getall(_SITE, [])
    origins = request.headers.getall(hdrs.ORIGIN, [])
    own = {field.strip().lower() for field in request.headers.getall(hdrs.HOST, [])}
    known = {host_name(name) for name in names}
    if any(site.strip().lower() not in _FROM_HERE for site in sites) or not all(
        _is_own(origin, own, known) for origin in origins
    ):
        raise ProblemError(403, "Web pages of other sites cannot use this: use a program.")


def _is_own(origin: str, own: set[str], known: set[str | None]) -> bool:
    authority = origin.strip().lower().partition("://")[2]
    if not authority:
        return False  # "null"
    return authority in own or (":" not in authority and host_name(authority) in known)
