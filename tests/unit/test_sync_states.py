"""Whatever happens to calendars and servers, the file ends as if computed from nothing."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from freebusy import intake
from freebusy.errors import SourceUnavailableError
from freebusy.vfreebusy import decode
from tests.unit.memory_gateway import (
    BrokenOffSource,
    MemoryGateway,
    calendar_text,
    component,
    memory_gateway,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from freebusy.ports import Calendar

UIDS = ("a", "b", "c", "d")
RULES = (
    "RRULE:FREQ=DAILY",
    "RRULE:FREQ=DAILY;COUNT=4",
    "RRULE:FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20260930T000000Z",
    "RRULE:FREQ=MONTHLY;BYDAY=-1FR",
    "RRULE:FREQ=SECONDLY",
    "RRULE:FREQ=YEARLY;BYMONTH=12",
    "RDATE:20260710T090000Z,20260711T090000Z",
    "EXDATE:20260603T090000Z",
    "EXDATE;VALUE=DATE:20260604",
)
STATES = (
    "TRANSP:TRANSPARENT",
    "STATUS:TENTATIVE",
    "STATUS:CANCELLED",
    "X-MICROSOFT-CDO-BUSYSTATUS:OOF",
    "ATTENDEE;PARTSTAT=DECLINED:mailto:hans@example.com",
    "SEQUENCE:2",
    "DTSTAMP:20260501T000000Z",
)
starts = st.builds(
    "2026{:02}{:02}T{:02}0000{}".format,
    st.integers(5, 12),
    st.integers(1, 28),
    st.sampled_from([0, 7, 9, 10, 23]),
    st.sampled_from(["", "Z"]),
)
recurrence_ids = st.builds("RECURRENCE-ID:202606{:02}T090000Z".format, st.integers(1, 9))
components = st.builds(
    lambda uid, start, lines, hours: component(uid, start, *lines, hours=hours),
    st.sampled_from(UIDS),
    starts,
    st.lists(st.sampled_from(RULES + STATES) | recurrence_ids, max_size=3),
    st.sampled_from([0, 1, 2, 30]),
)
BROKEN = (
    "BEGIN:VEVENT\r\nUID:a\r\nDTSTART:junk\r\nEND:VEVENT",
    "BEGIN:VTODO\r\nUID:t\r\nEND:VTODO",
    "BEGIN:VFREEBUSY\r\nUID:b\r\nFREEBUSY:20260615T090000Z/PT2H\r\nEND:VFREEBUSY",
    "BEGIN:VEVENT\r\nUID:c\r\nDTSTART;VALUE=DATE:20260620\r\nEND:VEVENT",
)
texts = st.lists(components | st.sampled_from(BROKEN), max_size=3).map(
    lambda some: calendar_text(*some)
)
NAMES = ("Calendar", "Team")
hrefs = st.sampled_from([f"{number}.ics" for number in range(8)])


class Calendars(RuleBasedStateMachine):
    """One person's calendars, the line to them, the clock and the configuration."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        state = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.gateway: MemoryGateway = self.stack.enter_context(
            memory_gateway(state, make_source=BrokenOffSource)
        )
        source = self.gateway.source
        assert isinstance(source, BrokenOffSource)
        self.source = source
        source.error = lambda: SourceUnavailableError("dropped")
        self.patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        self.readers = 100

    def teardown(self) -> None:
        self.stack.close()

    @initialize(body=texts)
    def begin(self, body: bytes) -> None:
        self.gateway.memory.put(self.gateway.calendar(), body)

    # -- what people and servers do

    @rule(name=st.sampled_from(NAMES), href=hrefs, body=texts)
    def put(self, name: str, href: str, body: bytes) -> None:
        with self.at_the_server():
            for calendar in self.calendars(name):
                self.gateway.memory.put(calendar, body, href=href)

    @rule(name=st.sampled_from(NAMES), href=hrefs)
    def delete(self, name: str, href: str) -> None:
        with self.at_the_server():
            for calendar in self.calendars(name):
                self.gateway.memory.delete(calendar, href)

    @rule(name=st.sampled_from(NAMES))
    def new_generation(self, name: str) -> None:
        self.gateway.calendar(name)

    @rule(name=st.sampled_from(NAMES))
    def remove_calendar(self, name: str) -> None:
        for calendar in self.calendars(name):
            self.gateway.memory.remove_calendar(calendar)

    def calendars(self, *names: str) -> list[Calendar]:
        found = self.gateway.memory._handles.get("hans", [])
        return [calendar for calendar in found if calendar.name in (names or NAMES)]

    @contextmanager
    def at_the_server(self) -> Iterator[None]:
        """Change calendars also while only the gateway cannot reach them."""
        offline, self.gateway.memory.offline = self.gateway.memory.offline, False
        yield
        self.gateway.memory.offline = offline

    # -- what happens to the gateway

    @rule(pages=st.none() | st.integers(0, 2))
    def line(self, pages: int | None) -> None:
        """Let each run break off after so many pages, or go through."""
        self.source.pages_left = pages

    @rule(offline=st.booleans())
    def outage(self, offline: bool) -> None:
        self.gateway.memory.offline = offline

    @rule(minutes=st.sampled_from([1, 11, 24 * 60, 40 * 24 * 60]))
    def time_passes(self, minutes: int) -> None:
        self.gateway.clock.forward(minutes=minutes)

    @rule(months=st.integers(0, 7), past_days=st.integers(0, 20))
    def configuration(self, months: int, past_days: int) -> None:
        self.gateway.change_rules(months=months, past_days=past_days)

    @rule(zone=st.sampled_from(["Europe/Berlin", "UTC", "America/New_York"]))
    def zone(self, zone: str) -> None:
        self.gateway.change_owner(zone=zone)

    @rule()
    def another_reader(self) -> None:
        self.readers += 1
        self.patch.setattr(intake, "READER_VERSION", self.readers)

    @rule()
    def sync(self) -> None:
        self.gateway.sync()

    @rule()
    def refresh(self) -> None:
        self.gateway.refresh()

    # -- what must be

    @invariant()
    def a_file_is_whole(self) -> None:
        body = self.gateway.body
        if body is not None:
            decode(body, now=self.gateway.clock.now)

    @rule()
    def settle(self) -> None:
        """Once the line is good and losses are confirmed, the file says what there is."""
        self.gateway.memory.offline = False
        self.source.pages_left = None
        calendars = self.calendars()
        if self.gateway.run().doubtful:
            self.gateway.clock.forward(minutes=11)
            assert not self.gateway.run().doubtful
        known = any(state.ever_held for state in self.gateway.store.calendars("hans"))
        expected = self.gateway.from_nothing(*calendars)
        assert known or not expected
        assert (expected if known else None) == self.gateway.busy
        assert self.gateway.as_of is None


TestCalendars = Calendars.TestCase
TestCalendars.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
