"""The ledger of publications."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from freebusy.period import TimeRange, from_seconds
from freebusy.publications import Ledger, Received
from freebusy.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from freebusy.period import Span

NOW = datetime(2026, 3, 1, tzinfo=UTC)
START = int(NOW.timestamp())
DAY = 86400
BUSY = 2


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    store = Store(tmp_path / "store.db")
    yield Ledger(store, keep_bytes=2000)
    store.close()


def received(
    *days: int, minutes: int = 0, own: bool = True, body: bytes = b"", window: int = 60
) -> Received:
    spans: list[Span] = [(START + day * DAY, START + day * DAY + 3600, BUSY) for day in days]
    moment = NOW + timedelta(minutes=minutes)
    return Received(
        body=body or f"DTSTAMP:{moment:%Y%m%dT%H%M%SZ}\r\n{days} {window}".encode(),
        window=TimeRange(NOW, NOW + timedelta(days=window)),
        spans=spans,
        moment=moment,
        is_own=own,
        account="hans" if own else "freebusy",
        address="192.0.2.7",
        protocol="http",
        client="Microsoft\tOffice/16.0\x1b[31m" + "x" * 300,
    )


def kinds(ledger: Ledger, name: str = "hans") -> list[tuple[bool, bool, str | None]]:
    return [(e.own, e.in_force, e.ending) for e in reversed(ledger.history(name))]


def test_what_counts_is_what_came_last(ledger: Ledger) -> None:
    """A new publication takes the place of the one before, which stays in the history."""
    ledger.add("hans", received(1))
    ledger.add("hans", received(2, minutes=5))
    (known,) = ledger.in_force("hans")
    assert (received(2).spans, True) == (list(known.knowledge.spans), known.is_own)
    assert [(True, False, "replaced"), (True, True, None)] == kinds(ledger)
    assert [] == ledger.in_force("eva")


def test_the_same_again_is_counted(ledger: Ledger) -> None:
    """The same text with another DTSTAMP is one entry, sent twice; its age starts anew."""
    ledger.add("hans", received(1))
    ledger.add("hans", received(1, minutes=90))
    (entry,) = ledger.history("hans")
    assert (2, START, START + 5400, START) == (
        entry.times, entry.first, entry.received, entry.changed,
    )  # fmt: skip
    (known,) = ledger.in_force("hans")
    assert NOW + timedelta(minutes=90) == known.received


def test_the_same_from_somebody_else_is_another_entry(ledger: Ledger) -> None:
    """The trail says who sent what: a delegate who sends the same text has an entry too."""
    ledger.add("hans", received(1))
    ledger.add("hans", replace(received(1, minutes=5), account="rosi"))
    assert [("rosi", 1, True), ("hans", 1, False)] == [
        (entry.account, entry.times, entry.in_force) for entry in ledger.history("hans")
    ]


def test_another_window_is_no_change_of_the_times(ledger: Ledger) -> None:
    """Whose busy times are as before has not changed them; who moved one has."""
    ledger.add("hans", received(1, 2))
    ledger.add("hans", received(1, 2, minutes=5, window=61))
    ledger.add("hans", received(1, 3, minutes=9, window=61))
    assert [START + 540, START, START] == [entry.changed for entry in ledger.history("hans")]


def test_the_persons_own_supersedes_strangers(ledger: Ledger) -> None:
    """A shared one stands beside the own one until the person publishes again."""
    ledger.add("hans", received(1))
    ledger.add("hans", received(2, own=False, minutes=1))
    assert {True, False} == {known.is_own for known in ledger.in_force("hans")}
    ledger.add("hans", received(3, minutes=2))
    assert [True] == [known.is_own for known in ledger.in_force("hans")]
    ledger.add("hans", received(2, own=False, minutes=3))
    ledger.add("hans", received(3, minutes=4))
    assert [True] == [known.is_own for known in ledger.in_force("hans")]


def test_a_shared_one_cannot_replace_the_persons_own(ledger: Ledger) -> None:
    """Neither by writing nor by removing."""
    ledger.add("hans", received(1))
    ledger.add("hans", received(own=False, minutes=1))
    assert ledger.end("hans", NOW, shared_only=True)
    assert not ledger.end("hans", NOW, shared_only=True)
    assert [True] == [known.is_own for known in ledger.in_force("hans")]
    assert ledger.end("hans", NOW)
    assert [] == ledger.in_force("hans")
    assert [(True, False, "removed"), (False, False, "removed")] == kinds(ledger)


def test_uploads_are_kept_as_they_came(ledger: Ledger) -> None:
    """Byte for byte, with who sent it; what a client says of itself is one clean line."""
    body = b"\xef\xbb\xbfBEGIN:VCALENDAR\nX-DETAILS:very private\n\xff"
    ledger.add("hans", received(1, body=body))
    (entry,) = ledger.history("hans")
    assert body == ledger.body(entry.id)
    assert (len(body), "hans", "192.0.2.7", "http") == (
        entry.size, entry.account, entry.address, entry.protocol,
    )  # fmt: skip
    assert entry.client.startswith("Microsoft Office/16.0 [31mxxx")
    assert 200 == len(entry.client)
    assert ledger.body(entry.id + 1) is None


def test_a_name_has_its_share_of_the_disk(ledger: Ledger) -> None:
    """The oldest that no longer count go first; what is in force always stays."""
    import random

    bodies = [random.Random(n).randbytes(700) for n in range(9)]
    for minute, body in enumerate(bodies):
        ledger.add("hans", received(minute, minutes=minute, body=body))
    kept = [ledger.body(entry.id) for entry in ledger.history("hans")]
    assert bodies[:-4:-1] == kept
    ledger.add("hans", received(50, minutes=50, body=random.Random(50).randbytes(5000)))
    assert [50] == [
        (known.knowledge.spans[0][0] - START) // DAY for known in ledger.in_force("hans")
    ]


def test_the_share_holds_for_all_processes_together(ledger: Ledger) -> None:
    """However many uploads come through however many processes, little more is kept."""
    import random

    draw = random.Random(1)
    others = [Ledger(ledger._store, keep_bytes=8000) for _ in range(3)]
    for minute in range(90):
        body = draw.randbytes(200)
        others[minute % 3].add("hans", received(minute % 50, minutes=minute, body=body))
    sizes = [entry.size for entry in ledger.history("hans") if not entry.in_force]
    assert 8000 * 6 // 8 < sum(sizes) < 8000 * 10 // 8


def test_what_counts_is_told_with_the_addition(ledger: Ledger) -> None:
    """What is in force after an upload is the same whether it is told or asked for."""
    for own, day in ((False, 1), (True, 2), (True, 2), (False, 3), (False, 3), (True, 3)):
        told = ledger.add("hans", received(day, own=own, minutes=day))
        assert ledger.in_force("hans") == sorted(told, key=lambda known: known.received)


def test_old_ones_are_forgotten(ledger: Ledger) -> None:
    """What went out of force long ago goes; what is in force does not, however old."""
    ledger.add("hans", received(1))
    ledger.add("hans", received(2, minutes=10))
    assert 0 == ledger.purge(NOW + timedelta(minutes=10))
    assert 1 == ledger.purge(NOW + timedelta(days=900))
    assert [(True, True, None)] == kinds(ledger)
    assert {"hans"} == ledger.names()
    ledger.forget("hans")
    assert set() == ledger.names()


def test_it_is_on_disk_when_the_client_is_told(ledger: Ledger, tmp_path: Path) -> None:
    """Another process sees it at once, and the other transactions are as quick as before."""
    ledger.add("hans", received(1))
    other = Store(tmp_path / "store.db", read_only=True)
    (known,) = Ledger(other).in_force("hans")
    assert from_seconds(START + DAY) == from_seconds(known.knowledge.spans[0][0])
    other.close()
    with ledger._store.writing() as connection:
        assert 1 == connection.exec_driver_sql("PRAGMA synchronous").scalar()
    with ledger._store.writing(durable=True) as connection:
        assert 2 == connection.exec_driver_sql("PRAGMA synchronous").scalar()
    with ledger._store.writing() as connection:
        assert 1 == connection.exec_driver_sql("PRAGMA synchronous").scalar()
