"""1,000 new local files up by a whole sync, against bare APPENDs; and down into another home.

    python -m benchmarks.two_way [--items 1000] [--rounds 5] [--server dovecot] [--limit 0.5]

A connector's home, the service in a process of its own, and a real mail server: files are
looked at, noted, sent over HTTP, converted, appended, and noted again, and the service
begins to read free/busy, for which nobody waits.  The peer is imaplib on the same server:
one APPEND after the other on one connection, of messages that were made before.  Rounds
are interleaved, and which of the two begins alternates; each goes into a mailbox of its
own.  What comes down has no peer: the same items, whole, into an empty home on the disk.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import appending
from benchmarks.appending import bare, made
from calendar_sync.replica import Bounds, Home
from tests.system.items_case import ItemsCase
from tests.system.test_connector_sync import Office, office

if TYPE_CHECKING:
    from collections.abc import Sequence

    from freebusy.ports import ItemChange
    from tests.servers.mailserver import MailServer


class Round(NamedTuple):
    """Seconds of one round."""

    peer: float
    up: float
    down: float
    unchanged: float


def synced(home: Path, here: Office, user: str) -> float:
    """Return the seconds of a sync that leaves nothing undone."""
    with here.client(user) as client:
        start = time.perf_counter()
        report = Home(home, client, bounds=Bounds(patience=0)).sync()
        seconds = time.perf_counter() - start
    if report.errors or any(folder.notes for folder in report.folders):
        raise SystemExit(f"not everything was synced: {report}")
    return seconds


def one_round(
    here: Office, new: Sequence[ItemChange], messages: Sequence[bytes], *, peer_first: bool
) -> Round:
    """Measure one round in mailboxes and homes of its own."""
    user, path = next(here.people), here.server.folder("Calendar")
    here.server.create_folder(user, path, folder_type="event.default")
    with (
        tempfile.TemporaryDirectory() as place,
        closing(ItemsCase(here.server)) as beside,
    ):
        one, other = Path(place) / "one", Path(place) / "other"
        synced(one, here, user)
        for change in new:
            file = one / "calendars" / "Calendar" / f"{change.uid}.ics"
            file.write_bytes(change.calendar.encode())
        by_peer = bare(beside, messages) if peer_first else 0.0
        up = synced(one, here, user)
        by_peer = by_peer or bare(beside, messages)
        return Round(by_peer, up, synced(other, here, user), synced(other, here, user))


def measure(server: MailServer, new: Sequence[ItemChange], rounds: int) -> list[Round]:
    """Return the rounds; the first one, in which everything is loaded, does not count."""
    messages = made(new)
    with tempfile.TemporaryDirectory() as place, office(server, Path(place), rounds + 1) as here:
        return [
            one_round(here, new, messages, peer_first=bool(number % 2))
            for number in range(rounds + 1)
        ][1:]


def report(name: str, count: int, rounds: Sequence[Round]) -> float:
    """Print the rates and return the median ratio of the sync's to the peer's."""
    peer, up, down, unchanged = zip(*rounds, strict=True)
    return appending.report(
        f"{name}: {count} items",
        count,
        {"bare APPENDs": peer, "new files sent": up, "fetched into a home": down},
        {"a sync after that": f"{statistics.median(unchanged) * 1000:8.0f} ms"},
    )


if __name__ == "__main__":
    raise SystemExit(appending.run(__doc__, measure, report))
