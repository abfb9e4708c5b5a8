"""What spans depend on beside the calendar: reader, owner, window; nothing is ever cut short."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from freebusy import intake
from freebusy.busyrecord import READER_VERSION
from tests.unit.memory_gateway import MemoryGateway, event, memory_gateway, span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from freebusy.ports import Calendar


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[MemoryGateway]:
    with memory_gateway(tmp_path) as made:
        yield made


@pytest.fixture
def calendar(gateway: MemoryGateway) -> Calendar:
    return gateway.calendar()


def test_another_reader_reads_all_again(
    gateway: MemoryGateway, calendar: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an update of the reader everything is fetched anew; the old file stays meanwhile."""
    for n in range(5):
        gateway.memory.put(calendar, event(f"e{n}", f"202606{n + 2:02}T090000Z"))
    gateway.run()
    before = gateway.body
    monkeypatch.setattr(intake, "READER_VERSION", READER_VERSION + 1)
    gateway.memory.offline = True
    gateway.run()
    assert before == gateway.body
    gateway.memory.offline = False
    assert 5 == gateway.run().items
    assert before == gateway.body
    assert 0 == gateway.run().items


def test_another_zone_of_the_owner_moves_floating_times(
    gateway: MemoryGateway, calendar: Calendar
) -> None:
    """No source is asked: what is stored is expanded anew, by the next refresh already."""
    gateway.memory.put(calendar, event("a", "20260602T090000"))
    gateway.run()
    assert [span(2, 7)] == gateway.busy
    gateway.memory.offline = True
    gateway.change_owner(zone="America/New_York")
    gateway.refresh()
    assert [span(2, 13)] == gateway.busy


def test_another_address_of_the_owner_finds_other_answers(
    gateway: MemoryGateway, calendar: Calendar
) -> None:
    """An invitation that was declined under an address frees once the address is the owner's."""
    declined = "ATTENDEE;PARTSTAT=DECLINED:mailto:hm@example.com"
    gateway.memory.put(
        calendar, event("a", "20260602T090000Z", "ORGANIZER:mailto:x@example.com", declined)
    )
    gateway.run()
    assert [span(2, 9)] == gateway.busy
    gateway.change_owner(addresses=frozenset({"hans@example.com", "hm@example.com"}))
    gateway.run()
    assert [] == gateway.busy


def test_a_window_that_grows_again_shows_what_came_meanwhile(
    gateway: MemoryGateway, calendar: Calendar
) -> None:
    """An event that was read under a smaller window is not missing from a larger one."""
    gateway.memory.put(calendar, event("near", "20260602T090000Z"))
    gateway.run()
    gateway.change_rules(months=1)
    gateway.memory.put(calendar, event("far", "20261201T090000Z"))
    gateway.run()
    assert [span(2, 9)] == gateway.busy
    gateway.change_rules(months=6)
    gateway.run()
    assert [span(2, 9), span(1, 9, month=12)] == gateway.busy


def test_a_longer_past_shows_what_came_meanwhile(
    gateway: MemoryGateway, calendar: Calendar
) -> None:
    """An event that was read later than the window's start then is not missing before it."""
    gateway.memory.put(calendar, event("early", "20260527T090000Z"))
    gateway.run()
    gateway.clock.forward(days=10)
    gateway.memory.put(calendar, event("past", "20260529T090000Z"))
    gateway.run()
    gateway.change_rules(past_days=15)
    gateway.run()
    assert [span(27, 9, month=5), span(29, 9, month=5)] == gateway.busy


def test_a_series_goes_on_for_months_without_the_source(
    gateway: MemoryGateway, calendar: Calendar
) -> None:
    """The horizon moves on from what is stored, while the mail server is away for a year."""
    gateway.memory.put(calendar, event("a", "20260602T090000Z", "RRULE:FREQ=WEEKLY"))
    gateway.memory.put(calendar, event("b", "20261222T090000Z"))
    gateway.run()
    expected = gateway.from_nothing(calendar)
    for _ in range(14):
        gateway.memory.offline = True
        gateway.clock.forward(days=26)
        gateway.refresh()
        gateway.memory.offline = False
        expected = gateway.from_nothing(calendar)
        assert expected == gateway.busy
    assert 25 < len(expected)
