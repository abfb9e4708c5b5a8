"""Kolab's trigger: ``GET /freebusy/trigger/ADDRESS/FOLDER.pfb`` after a change in a folder.

A client that has changed a calendar asks for this path with its user's password, and
looks at nothing but the status.  Everything of that person is looked at, whatever folder
is named: what did not change costs next to nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from freebusy.errors import FreeBusyError
from freebusy.web import replies

if TYPE_CHECKING:
    from aiohttp import web

    from freebusy.ports import Triggers, Visitor

_LOG = logging.getLogger(__name__)

PREFIX = "/freebusy/trigger/"
PAUSE = 1.0
"""Seconds between two looks at one person's calendars; who comes between has one after it."""
_MAX_REMEMBERED = 10_000


class Trigger:
    """Answers triggers, and passes each person's on no more often than once in a while."""

    def __init__(self, triggers: Triggers) -> None:
        self._triggers = triggers
        self._last: dict[str, float] = {}
        self._waiting: dict[str, asyncio.TimerHandle] = {}

    def answer(self, path: str, visitor: Visitor, *, acts: bool) -> web.StreamResponse | None:
        """Answer a trigger's path; None where nobody is meant, or not for this visitor.

        ``acts`` is false for HEAD, which must change nothing.
        """
        name = self._triggers.meant(path.removeprefix(PREFIX).partition("/")[0], visitor)
        if name is None:
            return None
        try:
            if acts:
                self._pass_on(name)
        except FreeBusyError:
            return replies.unavailable()
        return replies.plain(200, "The calendars are being read")

    def close(self) -> None:
        """Drop what still waits."""
        for timer in self._waiting.values():
            timer.cancel()

    def _pass_on(self, name: str) -> None:
        now = time.monotonic()
        due = self._last.get(name, now - PAUSE) + PAUSE
        if due <= now:
            self._now(name)
        elif name not in self._waiting:
            loop = asyncio.get_running_loop()
            self._waiting[name] = loop.call_later(due - now, self._late, name)

    def _now(self, name: str) -> None:
        if len(self._last) >= _MAX_REMEMBERED:
            self._last.clear()
        self._triggers.refresh(name)  # one that reached nobody keeps none after it waiting
        self._last[name] = time.monotonic()

    def _late(self, name: str) -> None:
        del self._waiting[name]
        try:
            self._now(name)
        except FreeBusyError as error:
            _LOG.warning("trigger person=%s error=%s", name, error)
