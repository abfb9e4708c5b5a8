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
"""Before a watch begins again: where one person's calendars changed, others' do."""
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

    def anew(self) -> None:
        """Let the watch begin again with the calendars that there are now."""
        with self._lock:
            self._again.set()

    def end(self) -> None:
        """Come to an end."""
        self._stop.set()
        self.anew()

    def run(self) -> None:
        """Watch, and watch again, until the end."""
        failures = in_succession = 0
        while not self._stop.is_set():
            with self._lock:
                again = self._again = threading.Event()
            if self._stop.is_set():
                return
            calendars = self._calendars()
            start = time.monotonic()
            try:
                if calendars:
                    self._began()
                    self._source.watch(calendars, self._changed, again)
                    failures = 0
                    lasted = time.monotonic() - start > LASTING
                    in_succession = 1 if lasted else in_succession + 1
                    self._stop.wait(GATHERING.delay(in_succession))
                    continue
            except SourceError as error:
                failures += 1
                log.warning("watch source=%s error=%s", self._name, error)
            except Exception:
                failures += 1
                log.exception("watch source=%s event=bug", self._name)
            jitter = random.random()  # noqa: S311 - no secret
            again.wait(RETRIES.delay(failures, jitter=jitter) if failures else GLANCE)
