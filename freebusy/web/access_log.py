"""The access log: one key=value line for each answer, at INFO.

A record of the logging module costs half as much as serving a file.  So lines are
gathered for a quarter of a second and share a record: alone when little happens,
many when much does; each line has its own time.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from aiohttp import web

    from freebusy.ports import Visitor

_LOG = logging.getLogger("freebusy.web.access")

_DELAY = 0.25
_MAX_LINES = 1000
_MAX_PATH = 200

_Entry = tuple[float, "Visitor", str, str, int, int]
"""Seconds since 1970, for whom, method, request target, status, bytes sent."""


class AccessLog:
    """Gathers entries and logs them; not for use by several threads."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._entries: list[_Entry] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, visitor: Visitor, request: web.BaseRequest, response: web.StreamResponse) -> None:
        """Note an answer that is sent, where anybody wants to know."""
        if not _LOG.isEnabledFor(logging.INFO):
            return
        sent, target = response.body_length, request.raw_path
        self._entries.append((time.time(), visitor, request.method, target, response.status, sent))
        if self._timer is None:
            self._timer = self._loop.call_later(_DELAY, self.flush)
        elif len(self._entries) >= _MAX_LINES:
            self.flush()

    def flush(self) -> None:
        """Log what was gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        entries, self._entries = self._entries, []
        if entries:
            _LOG.info("\n".join(map(_line, entries)))  # noqa: G004, RUF100


def _line(entry: _Entry) -> str:
    moment, visitor, method, target, status, sent = entry
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
    account = "" if visitor.account is None else f" account={_ascii(visitor.account.label)}"
    return (
        f"time={stamp} address={visitor.address}{account} method={method} path={_path(target)}"
        f" status={status} bytes={sent}"
    )


def _path(target: str) -> str:
    """Return the path as it was sent: never a query, nor what stands before the path."""
    if not target.startswith("/"):
        return "-"
    return _ascii(target.partition("?")[0][:_MAX_PATH])


def _ascii(text: str) -> str:
    """Return a text as one word that any terminal shows."""
    if text.isascii() and text.isprintable() and " " not in text:
        return text
    return "".join(c if c.isascii() and c.isprintable() and c != " " else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return f"\\x{ord(character):02x}" if ord(character) < 256 else f"\\u{ord(character):04x}"
