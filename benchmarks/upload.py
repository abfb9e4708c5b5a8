"""1,000 new items through the connector's writing, against bare APPENDs of the same messages.

    python -m benchmarks.upload [--items 1000] [--rounds 5] [--server dovecot] [--limit 0.5]

The peer is imaplib: one APPEND after the other on one connection, of messages that were
made before.  The gateway converts each calendar text, looks whether the item is there
already, and appends it, in lists of 500 as the API takes them.  Rounds are interleaved, and
which of the two begins alternates; each goes into a folder of its own.  Afterwards the same
items are replaced, which has no peer: APPEND, STORE and EXPUNGE.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.change import cpu
from calendar_sync import dialects
from freebusy.ports import ItemChange
from tests.oracles.generator import events
from tests.servers import cyrus, dovecot
from tests.servers.mailserver import checked, quoted
from tests.system.items_case import ItemsCase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.servers.mailserver import MailServer

NOW = datetime(2026, 6, 10, 8, tzinfo=UTC)
TARGET = 0.5
BATCH = 500
"""MAX_CHANGES of the API."""


def items(count: int) -> list[ItemChange]:
    """Return new items as a connector hands them in."""
    made = []
    for number, calendar in enumerate(events(5, count, NOW)):
        uid = f"UID:item-{number}"
        lines = (uid if each[:4] == "UID:" else each for each in calendar.splitlines())
        text = "\r\n".join([*lines, ""])
        made.append(ItemChange("put", f"item-{number}", text, change=f"change-{number}"))
    return made


def made(new: Sequence[ItemChange]) -> list[bytes]:
    """Return the messages that the gateway writes for them."""
    return [
        dialects.write(
            change.calendar,
            "icalendar",
            change=change.change,
            zone="Europe/Berlin",
            now=NOW,
            author="a@example.com",
        ).message
        for change in new
    ]


def bare(case: ItemsCase, messages: Sequence[bytes]) -> float:
    """Return the seconds that one APPEND after the other takes."""
    with case.server.session(case.user) as client:
        folder = quoted(case.path)
        start = time.perf_counter()
        for message in messages:
            checked(client.append(folder, r"(\Seen)", "", message))
        return time.perf_counter() - start


def written(case: ItemsCase, changes: Sequence[ItemChange]) -> tuple[float, float, list[str]]:
    """Return seconds and milliseconds of CPU of writing the changes, and their hrefs."""
    case.items.changes(case.who, case.path, None, limit=1)  # logged in, as the peer is
    before, start = cpu(), time.perf_counter()
    hrefs = []
    for at in range(0, len(changes), BATCH):
        for result in case.items.write(case.who, case.path, changes[at : at + BATCH]):
            if result.status != "done":
                raise SystemExit(f"an item was not written: {result.problem}")
            hrefs.append(result.href or "")
    return time.perf_counter() - start, cpu() - before, hrefs


def one_round(
    server: MailServer, new: Sequence[ItemChange], messages: Sequence[bytes], *, peer_first: bool
) -> tuple[float, float, float, float]:
    """Return seconds: bare, written, replaced; and milliseconds of CPU for writing."""
    with closing(ItemsCase(server)) as beside, closing(ItemsCase(server)) as case:
        by_peer = bare(beside, messages) if peer_first else 0.0
        seconds, used, hrefs = written(case, new)
        by_peer = by_peer or bare(beside, messages)
        pairs = zip(new, hrefs, strict=True)
        again = [ItemChange("put", c.uid, c.calendar, (h,), f"{c.change}-2") for c, h in pairs]
        return by_peer, seconds, written(case, again)[0], used


def report(name: str, count: int, rounds: Sequence[tuple[float, float, float, float]]) -> float:
    """Print the rates and return the median ratio of the gateway's to the peer's."""
    peer, ours, replaced, used = (statistics.median(column) for column in zip(*rounds, strict=True))
    ratios = sorted(each[0] / each[1] for each in rounds)
    ratio = statistics.median(ratios)
    print(f"{name}: {count} new items")
    print(f"  bare APPENDs        {count / peer:8.0f} items/s")
    print(f"  new items           {count / ours:8.0f} items/s, {used * 1000 / count:.0f} us of CPU")
    print(f"  replaced items      {count / replaced:8.0f} items/s")
    print(f"  ratio in pairs: {ratio:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    return ratio


def main() -> int:
    """Measure and print; return 1 where the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--server", choices=("dovecot", "cyrus"))
    parser.add_argument("--limit", type=float, default=TARGET, help="exit 1 below this ratio")
    options = parser.parse_args()
    new = items(options.items)
    messages = made(new)
    lowest = float("inf")
    for module, make in ((dovecot, dovecot.Dovecot), (cyrus, cyrus.Cyrus)):
        name = make.kind
        if options.server not in {None, name} or module.available() is not None:
            print(f"{name}: left out")
            continue
        with closing(make()) as server:
            server.start()
            rounds = [
                one_round(server, new, messages, peer_first=bool(number % 2))
                for number in range(options.rounds)
            ]
        lowest = min(lowest, report(name, options.items, rounds))
    return int(lowest < options.limit)


if __name__ == "__main__":
    raise SystemExit(main())
