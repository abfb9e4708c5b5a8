"""From POST /sync to the job being done, on real Cyrus and Dovecot, with and without a change.

    python -m benchmarks.sync_job [--rounds 40] [--server cyrus]

The service runs as a process of its own and reads nothing unasked; a connector asks for
the job every ten milliseconds.  The gap between two jobs is longer than the debounce.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from freebusy.connector.bodies import Sync
from tests.servers import cyrus, dovecot
from tests.system.agenda import event, message
from tests.system.test_connector_gateway import office

if TYPE_CHECKING:
    from calendar_sync.connector.client import ConnectorClient
    from tests.servers.mailserver import MailServer

GAP = 0.6
POLL = 0.01


def job(client: ConnectorClient) -> tuple[float, float]:
    """Return the seconds that POST /sync took, and those until the job was done."""
    start = time.perf_counter()
    number = client.sync(Sync(event="manual")).id
    answered = time.perf_counter() - start
    while (found := client.job(number)).finished is None:
        time.sleep(POLL)
    if found.state != "done":
        raise SystemExit(f"the job failed: {found.problem}")
    return answered, time.perf_counter() - start


def measure(server: MailServer, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Return the seconds of each round."""
    took: dict[str, list[tuple[float, float]]] = {"unchanged": [], "one new item": []}
    with (
        tempfile.TemporaryDirectory() as place,
        office(server, Path(place)) as here,
        here.client(here.anna) as client,
    ):
        for number in range(rounds):
            for kind, times in took.items():
                if kind != "unchanged":
                    text = message(event(f"e{number}", 2 + number // 12, 2 * (number % 12)))
                    server.append(here.anna, server.folder("Calendar"), text)
                time.sleep(GAP)
                times.append(job(client))
    return took


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--server", choices=("cyrus", "dovecot"))
    arguments = parser.parse_args()
    for kind, module in (("cyrus", cyrus), ("dovecot", dovecot)):
        if arguments.server not in {None, kind}:
            continue
        if missing := module.available():
            print(f"{kind}: {missing}")
            continue
        with closing(cyrus.Cyrus() if kind == "cyrus" else dovecot.Dovecot()) as server:
            server.start()
            for what, times in measure(server, arguments.rounds).items():
                answered, done = ([each[i] * 1000 for each in times] for i in (0, 1))
                print(
                    f"{kind:8} {what:12} answered {statistics.median(answered):.0f} ms, done "
                    f"{statistics.median(done):.0f} ms in the median, 95 of 100 within "
                    f"{statistics.quantiles(done, n=20)[-1]:.0f} ms"
                )


if __name__ == "__main__":
    main()
