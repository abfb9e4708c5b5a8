"""A budget of CPU seconds for what is not to be trusted: ITIMER_VIRTUAL stops it.

What a process does only once is nobody's cost.  A zone's table takes some ten
milliseconds to make, and is kept: the first item that names five zones must not lose
its times for being the first.  So a call that is stopped after zones were loaded in it
is made again, and what was used while they were loaded is not paid for.
"""

from __future__ import annotations

import gc
import signal
import time
from functools import cache
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from freebusy.errors import BudgetExceededError
from freebusy.zones import zones_known

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_AGAIN = 0.01
_TRIES = 10
"""Calls of one thing, of which each but the last loaded zones."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class _OutOfTimeError(BaseException):
    """Not an Exception: no tolerant ``except`` on the way up may swallow it."""


def limited(
    seconds: float,
    function: Callable[Arguments, Result],
    *args: Arguments.args,
    **kwargs: Arguments.kwargs,
) -> Result:
    """Call a function with a limit of CPU seconds; main thread only.

    It may be called again from the start, up to ten times.  Raises BudgetExceededError
    when the limit is reached.
    """
    for _ in range(_TRIES):
        known = zones_known()
        try:
            return _stopped_after(seconds, function, *args, **kwargs)
        except _OutOfTimeError:
            if zones_known() == known:
                break
        except (MemoryError, RecursionError) as error:
            raise BudgetExceededError(f"a {type(error).__name__} while it was read") from None
    raise BudgetExceededError(f"more than {seconds * 1000:.0f} ms of CPU")


def _stopped_after(
    seconds: float,
    function: Callable[Arguments, Result],
    *args: Arguments.args,
    **kwargs: Arguments.kwargs,
) -> Result:
    """Call a function; raises _OutOfTimeError.

    The cyclic collector rests meanwhile: an exception that the timer raises in one of
    its callbacks would be lost.
    """
    _take_timer()
    collected = gc.isenabled()
    gc.disable()
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds, _AGAIN)
        try:
            return function(*args, **kwargs)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    except _OutOfTimeError:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        raise
    finally:
        if collected:
            gc.enable()


@cache
def _take_timer() -> None:
    """Take SIGVTALRM over, once for the process: nobody else here uses it."""
    signal.signal(signal.SIGVTALRM, _stop)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise _OutOfTimeError


class Purse:
    """The CPU seconds that are left for one item; counts from when it was made."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds
        self.start()

    def start(self) -> None:
        """Count from now."""
        self._since = time.process_time()
        self._known = zones_known()

    def pay(self) -> None:
        """Take off what was used since it counts, if no zone was loaded meanwhile."""
        if zones_known() == self._known:
            self.left -= time.process_time() - self._since
