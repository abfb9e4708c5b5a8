"""A crew: few threads, many jobs, and nobody who holds the process up."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from freebusy.crew import Crew

if TYPE_CHECKING:
    import pytest

PATIENCE = 10.0


def test_every_job_is_done() -> None:
    """All jobs are done, by no more threads than there are hands."""
    crew, done = Crew("test", 3), threading.Semaphore(0)
    workers: set[int] = set()

    def job() -> None:
        workers.add(threading.get_ident())
        done.release()

    for _ in range(50):
        crew.give(job)
    assert all(done.acquire(timeout=PATIENCE) for _ in range(50))
    assert 1 <= len(workers) <= 3
    assert threading.get_ident() not in workers
    crew.dismiss(PATIENCE)


def test_jobs_are_done_side_by_side() -> None:
    """Two jobs that wait for each other both end."""
    crew, meeting, done = Crew("test", 2), threading.Barrier(2), threading.Semaphore(0)

    def job() -> None:
        meeting.wait(PATIENCE)
        done.release()

    crew.give(job)
    crew.give(job)
    assert all(done.acquire(timeout=PATIENCE) for _ in range(2))
    crew.dismiss(PATIENCE)


def test_a_job_that_fails_costs_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    """What a job raises is logged, and the same thread takes the next one."""
    crew, done = Crew("test", 1), threading.Event()

    def fail() -> None:
        raise LookupError("a bug")

    with caplog.at_level(logging.ERROR, "freebusy.crew"):
        crew.give(fail)
        crew.give(done.set)
        assert done.wait(PATIENCE)
    crew.dismiss(PATIENCE)
    assert ["crew=test event=job_failed"] == [record.getMessage() for record in caplog.records]


def test_threads_start_with_the_first_job() -> None:
    """A crew that is given nothing has no threads, and can be dismissed."""
    before = threading.active_count()
    crew = Crew("idle", 8)
    assert before == threading.active_count()
    crew.dismiss(PATIENCE)


def test_dismissing_waits_for_the_job_in_hand() -> None:
    """What was begun is done, and so is what was given before."""
    crew, begun, let_go = Crew("test", 1), threading.Event(), threading.Event()
    ended: list[str] = []

    def job() -> None:
        begun.set()
        let_go.wait(PATIENCE)
        ended.append("done")

    crew.give(job)
    assert begun.wait(PATIENCE)
    threading.Timer(0.05, let_go.set).start()
    crew.dismiss(PATIENCE)
    assert ["done"] == ended


def test_dismissing_does_not_wait_for_ever() -> None:
    """A job that hangs is left behind after the patience given."""
    crew, begun, let_go = Crew("test", 1), threading.Event(), threading.Event()

    def job() -> None:
        begun.set()
        let_go.wait(PATIENCE)

    crew.give(job)
    assert begun.wait(PATIENCE)
    start = time.monotonic()
    crew.dismiss(0.05)
    assert 2 > time.monotonic() - start
    let_go.set()


def test_a_hanging_job_does_not_hold_the_process_up() -> None:
    """A process whose crew waits for a mail server ends all the same."""
    program = (
        "import threading; from freebusy.crew import Crew\n"
        "begun = threading.Event()\n"
        "crew = Crew('test', 1)\n"
        "crew.give(lambda: (begun.set(), threading.Event().wait(60)))\n"
        "begun.wait(10); crew.dismiss(0.01); print('end')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert (0, "end\n", "") == (done.returncode, done.stdout, done.stderr)
