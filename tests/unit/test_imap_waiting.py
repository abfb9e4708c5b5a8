"""Waiting for a mail server: bells, and a gate that is shut while nobody answers."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest

from calendar_sync.imap.waiting import Bell, Gate
from freebusy.errors import SourceDownError, SourceRefusedError
from freebusy.schedule import Backoff


def test_a_bell_wakes_whoever_waits() -> None:
    """It rings once however often it is rung, and is silent again after a reset."""
    bell = Bell()
    start = time.monotonic()
    for _ in range(3):
        bell.ring()
    assert not bell.wait(10)
    assert 5 > time.monotonic() - start
    bell.reset()
    bell.reset()
    assert not bell.rung
    start = time.monotonic()
    bell.wait(0.05)
    assert 0.04 < time.monotonic() - start
    bell.close()
    bell.ring()


def attempt(gate: Gate, error: Exception) -> None:
    with gate.attempt() as may:
        assert may
        raise error


def fail(gate: Gate) -> None:
    with pytest.raises(SourceDownError):
        attempt(gate, SourceDownError("it refuses connections"))


def test_only_one_asks_a_server_that_is_down() -> None:
    """All others wait, and are let in when the one got an answer, were it a refusal."""
    gate, inside, leave = Gate(Backoff(first=0.05, cap=0.05)), threading.Event(), threading.Event()
    fail(gate)
    came: list[bool] = []

    def probe() -> None:
        with contextlib.suppress(SourceRefusedError), gate.attempt():
            inside.set()
            leave.wait(20)
            raise SourceRefusedError("wrong password")

    def ask() -> None:
        with gate.attempt() as may:
            came.append(may)

    probing = threading.Thread(target=probe)
    probing.start()
    assert inside.wait(20)
    others = [threading.Thread(target=ask) for _ in range(5)]
    for thread in others:
        thread.start()
    others[0].join(0.3)
    assert [] == came
    leave.set()
    for thread in (probing, *others):
        thread.join(20)
    assert [True] * 5 == came


def test_pauses_grow() -> None:
    """Each failure after a pause makes the next one longer; many at once make one."""
    gate = Gate(Backoff(first=0.2, cap=10.0))
    fail(gate)
    start = time.monotonic()
    fail(gate)
    first = time.monotonic() - start
    fail(gate)
    assert 0.09 <= first < time.monotonic() - start - first + 0.1


def test_the_end_lets_nobody_in() -> None:
    """Who waits is woken, and told that it is over."""
    gate, came = Gate(Backoff(first=60.0, cap=60.0)), []
    fail(gate)

    def ask() -> None:
        with gate.attempt() as may:
            came.append(may)

    thread = threading.Thread(target=ask)
    thread.start()
    gate.end()
    thread.join(20)
    assert [False] == came
