"""``/healthz`` and ``/metrics``: is the gateway well?  For load balancers and monitoring."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from freebusy.web.replies import TEXT_HEADERS, plain

if TYPE_CHECKING:
    from freebusy.ports import Visitor

Health = Callable[[], Awaitable[tuple[bool, Sequence[str]]]]
"""Whether all is well, and lines that say what is not."""

_LOG = logging.getLogger(__name__)
_PATIENCE = 5.0


async def answer_health(health: Health, visitor: Visitor) -> web.Response:
    """Return 200 ``ok`` or 503 ``failing``; the details are for this machine only."""
    try:
        async with asyncio.timeout(_PATIENCE):
            healthy, details = await health()
    except Exception:  # noqa: BLE001  # a check that fails is an answer: not healthy
        _LOG.exception("the health check itself failed")
        healthy, details = False, ()
    if healthy:
        return plain(200, "ok")
    lines = details if ip_address(visitor.address).is_loopback else ()
    return plain(503, "\n".join(("failing", *lines)))


_METRICS = TEXT_HEADERS | {hdrs.CONTENT_TYPE: "text/plain; version=0.0.4; charset=utf-8"}


async def answer_metrics(render: Callable[[], bytes]) -> web.Response:
    """Return the counts of this process in Prometheus's text format."""
    return web.Response(body=await asyncio.to_thread(render), headers=_METRICS)
