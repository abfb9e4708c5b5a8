"""1,000 new items through the connector's writing, against bare APPENDs of the same messages.

    python -m benchmarks.upload [--items 1000] [--rounds 5] [--server dovecot] [--limit 0.5]

The peer is imaplib: one APPEND after the other on one connection, of messages that were
made before.  The gateway converts each calendar text, looks whether the item is there
already, and appends it, in lists of 500 as the API takes them.  Rounds are interleaved, and
which of the two begins alternates; each goes into a folder of its own.  Afterwards the same
items are replaced, which has no peer: APPEND, STORE and EXPUNGE.
"""

from __future__ import annotations

import statistics
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import appending
from benchmarks.appending import bare, made
from benchmarks.change import cpu
from freebusy.ports import ItemChange
from tests.system.items_case import ItemsCase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.servers.mailserver import MailServer

BATCH = 500
"""MAX_CHANGES of the API."""


class Round(NamedTuple):
    """Seconds of one round."""

    peer: float
    written: float
    replaced: float
    cpu: float
    """Milliseconds, for writing."""


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
) -> Round:
    """Measure one round in folders of its own."""
    with closing(ItemsCase(server)) as beside, closing(ItemsCase(server)) as case:
        by_peer = bare(beside, messages) if peer_first else 0.0
        seconds, used, hrefs = written(case, new)
        by_peer = by_peer or bare(beside, messages)
        pairs = zip(new, hrefs, strict=True)
        again = [ItemChange("put", c.uid, c.calendar, (h,), f"{c.change}-2") for c, h in pairs]
        return Round(by_peer, seconds, written(case, again)[0], used)


def measure(server: MailServer, new: Sequence[ItemChange], rounds: int) -> list[Round]:
    """Return the rounds."""
    messages = made(new)
    return [
        one_round(server, new, messages, peer_first=bool(number % 2)) for number in range(rounds)
    ]


def report(name: str, count: int, rounds: Sequence[Round]) -> float:
    """Print the rates and return the median ratio of the gateway's to the peer's."""
    peer, ours, replaced, used = zip(*rounds, strict=True)
    return appending.report(
        f"{name}: {count} new items",
        count,
        {"bare APPENDs": peer, "new items": ours, "replaced items": replaced},
        {"CPU for a new item": f"{statistics.median(used) * 1000 / count:8.0f} us"},
    )


if __name__ == "__main__":
    raise SystemExit(appending.run(__doc__, measure, report))
