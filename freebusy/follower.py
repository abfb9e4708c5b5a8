"""Keeping the watch of one source going, while calendars in it come and go."""

from __future__ import annotations

import logging
import random
import threading
import time
from typing import TYPE_CHECKING

from freebusy.errors import SourceError
from freebusy.schedule import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from freebusy.ports import Calendar, Owner, WatchableSource

log = logging.getLogger(__name__)

GLANCE = 20.0
"""Seconds between two looks whether there is anything to watch by now."""
GATHERING = Backoff(first=1.0, cap=30.0)
"""Between the first sign that calendars are others and the next watch."""
LASTING = 60.0
"""Seconds after which a watch is no longer one of those that began in quick succession."""
RETRIES = Backoff(first=5.0, cap=300.0)


class Follower:
    """Watches all calendars of one source from :meth:`run` to :meth:`end`."""

    def __init__(
        self,
        name: str,
        source: WatchableSource,
        calendars: Callable[[], Sequence[Calendar]],
        changed: Callable[[Calendar | Owner], None],
        began: Callable[[], None],
    ) -> None:
        """``calendars`` are those that there are now; ``began`` hears of each watch."""
        self._name = name
        self._source = source
        self._calendars = calendars
        self._changed = changed
        self._began = began
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._again = threading.Event()
        self._gathering: threading.Timer | None = None
        self._watching = False
        self._in_succession = 0
        """Watches that ended soon after they began."""

    def anew(self) -> None:
        """Let the watch begin again with the calendars that there are now.

        The one under way goes on for a while: where one person's calendars changed,
        others' do.
        """
        with self._lock:
            if not self._watching:
                self._again.set()
            elif self._gathering is None:
                wait = GATHERING.delay(self._in_succession + 1)
                self._gathering = threading.Timer(wait, self._again.set)
                self._gathering.daemon = True
                self._gathering.start()

    def end(self) -> None:
        """Come to an end."""
        self._stop.set()
        with self._lock:
            self._again.set()
            if self._gathering is not None:
                self._gathering.cancel()

    def run(self) -> None:
        """Watch, and watch again, until the end."""
        failures = 0
        while not self._stop.is_set():
            again = self._anew_event()
            if self._stop.is_set():
                return
            try:
                if calendars := self._calendars():
                    self._watch(calendars, again)
                    failures = 0
                    continue
            except SourceError as error:
                failures += 1
                log.warning("watch source=%s error=%s", self._name, error)
            except Exception:
                failures += 1
                log.exception("watch source=%s event=bug", self._name)
            jitter = random.random()  # noqa: S311 - no secret
            again.wait(RETRIES.delay(failures, jitter=jitter) if failures else GLANCE)

    def _anew_event(self) -> threading.Event:
        """Return what ends the next watch."""
        with self._lock:
            if self._gathering is not None:
                self._gathering.cancel()
                self._gathering = None
            self._again = threading.Event()
            return self._again

    def _watch(self, calendars: Sequence[Calendar], again: threading.Event) -> None:
        start = time.monotonic()
        self._began()
        self._watching = True
        try:
            self._source.watch(calendars, self._changed, again)
        finally:
            self._watching = False
            lasted = time.monotonic() - start > LASTING
            self._in_succession = 0 if lasted else self._in_succession + 1
