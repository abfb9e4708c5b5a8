"""A sync in a process of its own, killed at random moments.

``FREEBUSY_SYNC_KILLS`` sets how often, instead of a few times.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from calendar_sync.connector.client import ConnectorClient
from calendar_sync.replica import Home
from freebusy.ports import Owner
from tests.replica.home_case import event
from tests.wire.connector_gateway import Api, connecting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FOLDER = "Calendar"
ITEMS = 60
KILLS = int(os.environ.get("FREEBUSY_SYNC_KILLS", "5"))
LONGEST = 0.4
"""Seconds before a kill; fewer once syncs turn out to end sooner."""
CHANGES = 5
"""Items that change between two syncs."""
SYNC = """
import os, pathlib, signal, sys, time
from calendar_sync.connector.client import ConnectorClient
from calendar_sync.replica import Bounds, Home

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        with ConnectorClient(sys.argv[1], "hans", "wort") as client:
            Home(pathlib.Path(sys.argv[2]), client, bounds=Bounds(batch=5)).sync()
        os._exit(0)
    time.sleep(float(line))
    os.kill(child, signal.SIGKILL)
    print(os.waitpid(child, 0)[1], flush=True)
"""
"""Forks, because a start of Python takes longer than a sync."""
WHO = Owner("hans", "hans@example.com", password="wort")


@contextmanager
def killing(url: str, home: Path) -> Iterator[Callable[[float], int]]:
    """Give a function that runs a sync for some seconds, and returns how it ended."""
    process = subprocess.Popen(
        [sys.executable, "-c", SYNC, url, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    told, answers = process.stdin, process.stdout
    assert told is not None
    assert answers is not None

    def kill_after(seconds: float) -> int:
        print(seconds, file=told, flush=True)
        return int(answers.readline())

    try:
        yield kill_after
    finally:
        process.communicate()


def test_killed_at_any_moment(tmp_path: Path) -> None:
    """After SIGKILL at random moments the next sync ends with nothing doubled or lost."""
    chance = random.Random()
    home = tmp_path / "home"
    expected: dict[str, str] = {}
    with connecting() as api:
        url = f"http://127.0.0.1:{api.running.port}"
        directory = home / "calendars" / FOLDER
        directory.mkdir(parents=True)
        for number in range(ITEMS):
            ours, theirs = event(f"h{number}"), event(f"t{number}")
            (directory / f"h{number}.ics").write_bytes(ours.encode())
            api.mail.append(WHO, FOLDER, theirs)
            expected |= {f"h{number}": ours, f"t{number}": theirs}
        with killing(url, home) as kill_after:
            longest, kills = LONGEST, 0
            while kills < KILLS:
                if kill_after(chance.uniform(0, longest)) == signal.SIGKILL:
                    kills += 1
                else:
                    longest *= 0.7
                change_some(directory, expected, chance)
        with ConnectorClient(url, "hans", "wort") as client:
            report = Home(home, client).sync()
        assert [] == report.errors
        here = {path.stem: path.read_bytes().decode() for path in directory.glob("*.ics")}
        assert sorted(expected) == sorted(here)
        assert sorted(here.values()) == there_now(api)
        kept = [path.read_bytes().decode() for path in (home / "conflicts").rglob("*.ics")]
        lost = {uid: text for uid, text in expected.items() if text != here[uid]}
        assert set(lost.values()) <= set(kept)
        assert sorted(set(kept)) == sorted(kept)
        # what was changed after it had come down, and before that was noted, looks like new
        assert {"t"} >= {uid[0] for uid in lost}
        assert [] == [*home.rglob("*.tmp")]


def change_some(directory: Path, expected: dict[str, str], chance: random.Random) -> None:
    there = sorted(path.stem for path in directory.glob("*.ics"))
    for changed in chance.sample(there, CHANGES):
        expected[changed] = event(changed, f"changed {chance.random()}")
        (directory / f"{changed}.ics").write_bytes(expected[changed].encode())


def there_now(api: Api) -> list[str]:
    return sorted(item.calendar for item in api.mail.items(WHO, FOLDER))
