"""What upload.py and two_way.py share: the items, the bare APPENDs, the servers, the ratios."""

from __future__ import annotations

import argparse
import statistics
import time
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from calendar_sync import dialects
from freebusy.ports import ItemChange
from tests.oracles.generator import events
from tests.servers import cyrus, dovecot
from tests.servers.mailserver import checked, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.servers.mailserver import MailServer
    from tests.system.items_case import ItemsCase

NOW = datetime(2026, 6, 10, 8, tzinfo=UTC)
TARGET = 0.5

Rounds = TypeVar("Rounds")
"""What one server's rounds took."""


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


# -- rates and ratios


def report(
    title: str, count: int, seconds: Mapping[str, Sequence[float]], more: Mapping[str, str]
) -> float:
    """Print the rates and return the median ratio of the second's to the first's, the peer's.

    ``seconds`` has a round's time by what was done, ``more`` what else is to be said.
    """
    print(title)
    for name, times in seconds.items():
        print(f"  {name:<19} {count / statistics.median(times):8.0f} items/s")
    for name, figure in more.items():
        print(f"  {name:<19} {figure}")
    peer, ours, *_ = seconds.values()
    ratios = sorted(one / other for one, other in zip(peer, ours, strict=True))
    ratio = statistics.median(ratios)
    print(f"  ratio in pairs: {ratio:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    return ratio


def run(
    about: str,
    measure: Callable[[MailServer, Sequence[ItemChange], int], Rounds],
    told: Callable[[str, int, Rounds], float],
) -> int:
    """Measure each server and print; return 1 where the target is missed."""
    options = _options(about)
    new = items(options.items)
    lowest = float("inf")
    for module, make in ((dovecot, dovecot.Dovecot), (cyrus, cyrus.Cyrus)):
        if options.server not in {None, make.kind} or module.available() is not None:
            print(f"{make.kind}: left out")
            continue
        with closing(make()) as server:
            server.start()
            rounds = measure(server, new, options.rounds)
        lowest = min(lowest, told(make.kind, options.items, rounds))
    return int(lowest < options.limit)


def _options(about: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--server", choices=("dovecot", "cyrus"))
    parser.add_argument("--limit", type=float, default=TARGET, help="exit 1 below this ratio")
    return parser.parse_args()
