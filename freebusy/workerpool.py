"""A pool of worker processes of which each can end without the others.

The pool of concurrent.futures breaks as a whole when one of its processes ends: a
hostile item would cost everybody's work, and in some releases of Python a crash while
a call is being handed over hangs it for good.  Here each call has a process and a pipe
to itself, so what ends a process is the call that it was given, and nothing else.
A process ends with its parent, however that ends: its pipe does.
"""

from __future__ import annotations

import gc
import math
import resource
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from freebusy.errors import FreeBusyError

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

_READY = "ready"
_KILLED = (-signal.SIGKILL, -signal.SIGTERM)
"""Exit codes that no item brings about by itself."""
_LAST_WORD = 2.0
"""Seconds in which a process that was told to end does."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class WorkerLostError(Exception):
    """The process ended during the call: by what it was given, or by somebody's hand."""

    def __init__(self, *, killed: bool = False) -> None:
        """``killed``: by SIGKILL or SIGTERM, as by the system when memory is short."""
        super().__init__()
        self.killed = killed


class WorkerStartError(FreeBusyError):
    """A process ended before it could do anything: no item is to blame for that."""

    def __init__(self) -> None:
        super().__init__("a worker process cannot be started; is memory short?")


class PoolClosedError(Exception):
    """The pool was closed: what was under way is done again at the next start."""


def _limit(memory: int) -> None:
    """Prepare a worker: Ctrl-C is the parent's, memory is bounded, no core holds calendars."""
    gc.set_threshold(50_000, 20, 20)  # a batch makes many small tuples, and no cycles
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    allowed = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    resource.setrlimit(resource.RLIMIT_AS, (allowed, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _allow(cpu: float) -> None:
    """Let the kernel end this process after so many further CPU seconds.

    The last resort, for what sits in one call of a C function and hears no signal.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    wanted = math.ceil(used.ru_utime + used.ru_stime + cpu) + 1
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (allowed, hard))


def _work(pipe: Connection, memory: int, prepare: Callable[[], object]) -> None:
    """Do what comes through the pipe until it closes; a worker's main function.

    It never lets an exception out: multiprocessing would print it, and what it says may
    quote what was being read.
    """
    with suppress(BaseException):
        _limit(memory)
        prepare()
        pipe.send(_READY)
        while True:
            cpu, function, args = pipe.recv()
            _allow(cpu)
            try:
                answer = True, function(*args)
            except Exception as error:  # noqa: BLE001 - raised again by whoever called
                answer = False, error
            pipe.send(answer)


def _nothing() -> None:
    """Prepare nothing."""


class _Worker:
    """One process and the pipe to it."""

    def __init__(self, memory: int, prepare: Callable[[], object]) -> None:
        from multiprocessing import get_context  # many who import this start no worker

        context = get_context("spawn")
        self._ready = False
        self._pipe, far = context.Pipe()
        self._process = context.Process(target=_work, args=(far, memory, prepare), daemon=True)
        try:
            self._process.start()
        except OSError as error:
            raise WorkerStartError from error
        finally:
            far.close()  # or the pipe would not close with the process

    def call(self, cpu: float, function: Callable[..., Result], args: tuple[Any, ...]) -> Result:
        """Call a function there; raises WorkerLostError, or what the function raised."""
        self._await_start()
        try:
            self._pipe.send((cpu, function, args))
            done, answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise WorkerLostError(killed=self._was_killed()) from error
        if not done:
            raise answer
        result: Result = answer
        return result

    def _await_start(self) -> None:
        """Wait for the process's first word; raises WorkerStartError where there is none."""
        try:
            if not self._ready:
                self._ready = self._pipe.recv() == _READY
        except (EOFError, OSError) as error:
            raise WorkerStartError from error

    def _was_killed(self) -> bool:
        """Whether the process, whose pipe is closed, was ended by somebody else."""
        self._process.join(_LAST_WORD)
        return self._process.exitcode in _KILLED

    def end(self) -> None:
        """End the process, whatever it does; a call that waits for it is then over."""
        self._process.terminate()
        self._process.join(_LAST_WORD)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


class WorkerPool:
    """Up to so many processes, each started when first needed; safe to use from any thread."""

    def __init__(
        self, processes: int, *, memory: int, prepare: Callable[[], object] = _nothing
    ) -> None:
        """``prepare``, of a module's top, is called in each process before all else."""
        self._prepare = prepare
        self._size = processes
        self._memory = memory
        self._changed = threading.Condition()
        self._idle: list[_Worker] = []
        self._all: list[_Worker] = []
        self._closed = False

    def call(
        self,
        cpu: float,
        function: Callable[Arguments, Result],
        *args: Arguments.args,
        **_none: Arguments.kwargs,
    ) -> Result:
        """Call a function of a module in a worker that has so many CPU seconds for it.

        Raises WorkerLostError when the process ends during the call, WorkerStartError when
        it does before, PoolClosedError after :meth:`close`, and what the function raised.
        """
        worker = self._take()
        try:
            result = worker.call(cpu, function, args)
        except (WorkerLostError, WorkerStartError):
            self._drop(worker)
            raise
        except BaseException:
            self._give_back(worker)
            raise
        self._give_back(worker)
        return result

    def close(self) -> None:
        """End the workers, also those at work."""
        with self._changed:
            self._closed = True
            ending, self._all, self._idle = self._all, [], []
            self._changed.notify_all()
        for worker in ending:
            worker.end()

    def _take(self) -> _Worker:
        with self._changed:
            while not self._closed:
                if self._idle:
                    return self._idle.pop()
                if len(self._all) < self._size:
                    worker = _Worker(self._memory, self._prepare)
                    self._all.append(worker)
                    return worker
                self._changed.wait()
        raise PoolClosedError

    def _give_back(self, worker: _Worker) -> None:
        with self._changed:
            if not self._closed:
                self._idle.append(worker)
                self._changed.notify()

    def _drop(self, worker: _Worker) -> None:
        with self._changed:
            if self._closed:
                raise PoolClosedError
            self._all.remove(worker)
            self._changed.notify()
        worker.end()
