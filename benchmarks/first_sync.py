"""First sync of a mailbox on a real Dovecot, against fetching its bodies and nothing else.

    python benchmarks/first_sync.py [--messages 4000] [--rounds 3]

The peer is imapclient, fetching the same bodies in the same batches over one
connection and throwing them away; beside it stands the gateway's own reader of
answers, its pages thrown away likewise.  Rounds are interleaved; rates are by wall
clock, CPU is the gateway's (all threads and workers), without the mail server's.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import imapclient

from benchmarks.change import cpu
from calendar_sync.formats import extract
from calendar_sync.imap.settings import ImapSettings
from calendar_sync.imap.source import ImapSource
from freebusy.busytime import CalendarOwner
from freebusy.expanding import Person, Rules
from freebusy.gateway import prepare_state
from freebusy.locks import Locks
from freebusy.ports import Owner
from freebusy.store import Store
from freebusy.syncing import Feed, Syncer
from freebusy.worker import Workers
from tests.oracles.generator import OWNER, events
from tests.servers import dovecot
from tests.servers.mailserver import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from freebusy.ports import Calendar

NOW = datetime(2026, 6, 10, 8, tzinfo=UTC)
TARGET = 0.35
BATCH = 500


def message(text: str, number: int) -> bytes:
    """Return a mail message around one calendar text, as connectors write them."""
    mail = EmailMessage()
    mail["From"] = OWNER
    mail["Date"] = "Wed, 10 Jun 2026 08:00:00 +0000"
    mail["Subject"] = f"event {number}"
    mail.set_content(text, subtype="calendar", charset="utf-8", cte="8bit")
    return mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def fetch_only(source: ImapSource, calendar: Calendar) -> float:
    """Return the seconds that fetching everything and throwing it away takes."""
    start = time.perf_counter()
    for _page in source.sync(calendar, None):
        pass
    return time.perf_counter() - start


def imapclient_only(settings: ImapSettings) -> float:
    """Return the seconds that the same takes with imapclient's own fetch."""
    with imapclient.IMAPClient(settings.host, settings.port, ssl=False) as client:
        client.login(settings.username, settings.password)
        client.select_folder(settings.folder[0], readonly=True)
        uids = client.search("ALL")
        start = time.perf_counter()
        for at in range(0, len(uids), BATCH):
            client.fetch(uids[at : at + BATCH], ["BODY.PEEK[]"])
        return time.perf_counter() - start


def first_sync(source: ImapSource, calendar: Calendar, workers: Workers) -> tuple[float, float]:
    """Return the seconds and the milliseconds of CPU of a first sync into an empty store."""
    with tempfile.TemporaryDirectory() as state:
        prepare_state(Path(state))
        person = Person(
            "hans", OWNER, CalendarOwner(frozenset({OWNER}), "Europe/Berlin"), calendar.owner
        )
        with closing(Store(Path(state) / "store.db")) as store:
            locks = Locks(Path(state) / "locks")
            syncer = Syncer(
                store=store, workers=workers, locks=locks, rules=Rules(), now=lambda: NOW
            )
            before, start = cpu(), time.perf_counter()
            outcome = syncer.sync(person, Feed("mail", source), calendar)
            seconds = time.perf_counter() - start
            if outcome.errors:
                raise SystemExit(str(outcome.errors[0]))
            return seconds, cpu() - before


def mailbox(
    server: dovecot.Dovecot, count: int
) -> Iterator[tuple[ImapSettings, ImapSource, Calendar]]:
    """Fill a calendar folder and give a source over it."""
    user = server.new_user()
    folder = server.folder("Calendar")
    server.create_folder(user, folder)
    server.append_all(
        user, folder, [message(text, n) for n, text in enumerate(events(9, count, NOW))]
    )
    settings = ImapSettings(
        host=server.host,
        port=server.port,
        security="plain",
        username=user,
        password=PASSWORD,
        folder=(folder,),
    )
    with closing(ImapSource(settings)) as source:
        yield settings, source, source.calendars(Owner("hans", OWNER))[0]


def main() -> int:
    """Measure and print; return 1 where the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    missing = dovecot.available()
    if missing is not None:
        print(missing)
        return 0
    with closing(dovecot.Dovecot()) as server, closing(Workers(extract, processes=2)) as workers:
        server.start()
        for settings, source, calendar in mailbox(server, arguments.messages):
            fetch_only(source, calendar)  # Dovecot writes its caches
            first_sync(source, calendar, workers)  # the workers start
            rounds = [
                (
                    imapclient_only(settings),
                    fetch_only(source, calendar),
                    *first_sync(source, calendar, workers),
                )
                for _ in range(arguments.rounds)
            ]
    return _report(arguments.messages, rounds)


def _report(count: int, rounds: list[tuple[float, float, float, float]]) -> int:
    for name, column in (
        ("imapclient, thrown away", 0),
        ("own source, thrown away", 1),
        ("first sync", 2),
    ):
        print(f"{name:24} {count / statistics.median(r[column] for r in rounds):8.0f} messages/s")
    ratio = statistics.median(r[0] / r[2] for r in rounds)
    own = statistics.median(r[1] / r[2] for r in rounds)
    spent = statistics.median(r[3] for r in rounds) * 1000 / count
    print(f"first sync: {ratio:.0%} of the rate of imapclient's bare fetch (target {TARGET:.0%})")
    print(f"            {own:.0%} of the rate of the own source's; CPU {spent:.0f} us a message")
    return int(ratio < TARGET)


if __name__ == "__main__":
    raise SystemExit(main())
