"""Our reader against two independent ones, on thousands of generated events.

Every disagreement belongs to a class that the RFC decides (``tests/oracles/explained.py``);
any other one fails, with the event.  ``benchmarks/accuracy.py`` runs the same over 100,000.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.oracles import libical
from tests.oracles.compare import Dispute, disputes
from tests.oracles.explained import BY_ORACLE, explain
from tests.oracles.generator import events, span_of_interest

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SHARDS = 8
SHARD = 250


def unexplained(seed: int, oracle: str) -> list[tuple[str, str]]:
    """Return what no class explains: what it would be, and the event."""
    found: list[Dispute] = []
    for serial, text in enumerate(events(seed, SHARD, NOW)):
        window = span_of_interest(text, NOW)[serial % 2]
        found += disputes(text, [window], [oracle])
    return [
        (f"{one.direction} {one.start}..{one.end}", one.text)
        for one in found
        if explain(one) is None
    ]


@pytest.mark.parametrize("seed", range(SHARDS))
def test_recurring_ical_events_agrees(seed: int) -> None:
    """icalendar with recurring-ical-events sees the same times, unless the RFC decides."""
    assert unexplained(seed, "recurring-ical-events") == []


@pytest.mark.readers
@pytest.mark.skipif(libical.available() is not None, reason=str(libical.available()))
@pytest.mark.parametrize("seed", range(SHARDS))
def test_libical_agrees(seed: int) -> None:
    """libical sees the same times, unless the RFC decides."""
    assert unexplained(seed, "libical") == []


def test_every_class_names_its_section() -> None:
    """A class of disagreement says by which section it is decided, and why."""
    for explanation in (one for classes in BY_ORACLE.values() for one in classes):
        assert explanation.section.startswith("RFC ")
        assert len(explanation.reason) > 20


def test_the_generator_is_the_same_everywhere() -> None:
    """A seed gives the same texts each time, with the sizes and shares that it promises."""
    texts = list(events(1, 1000, NOW))
    assert texts == list(events(1, 1000, NOW))
    octets = sum(len(text.encode()) for text in texts) / len(texts)
    assert 800 <= octets <= 900
    recurring = sum("\nRRULE:" in text.partition("BEGIN:VEVENT")[2] for text in texts)
    assert 170 <= recurring <= 230
    assert 300 <= sum("BEGIN:VTIMEZONE" in text for text in texts) <= 380
