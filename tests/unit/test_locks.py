"""Locks between threads and processes."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from freebusy.errors import StoreError
from freebusy.locks import Locks

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import sys, time
from pathlib import Path
from freebusy.locks import Locks
with Locks(Path(sys.argv[1])).hold("hans.sync"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_threads_take_turns(tmp_path: Path) -> None:
    """Nobody else is inside while one is; all come to their turn."""
    locks = Locks(tmp_path)
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(25):
            with locks.hold("hans.lock"):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [1] * 100 == most


def test_a_crash_of_the_holder_releases(tmp_path: Path) -> None:
    """A lock that another process holds is waited for; SIGKILL frees it."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert b"held\n" == holder.stdout.readline()
        locks = Locks(tmp_path)
        too_long = pytest.raises(StoreError, match=r"hans\.sync is held for too long")
        with too_long, locks.hold("hans.sync", 0.05):
            pytest.fail("two hold one lock")
        with locks.hold("anna.sync", 0.05):
            holder.kill()
            holder.wait(10)
        with locks.hold("hans.sync", 5):
            pass


def test_an_exception_releases(tmp_path: Path) -> None:
    """What goes wrong inside frees the lock."""
    locks = Locks(tmp_path)
    with pytest.raises(LookupError), locks.hold("hans.lock"):
        raise LookupError
    with locks.hold("hans.lock", 0.05):
        pass


def test_a_lock_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    """Without its directory there is a reason, and no local path in it."""
    with pytest.raises(StoreError) as caught, Locks(tmp_path / "away").hold("hans.lock"):
        pytest.fail("held nothing")
    assert "the lock hans.lock cannot be opened: No such file or directory" == str(caught.value)
