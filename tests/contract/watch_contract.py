"""The contract of ``watch``, for sources that have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from freebusy.ports import WatchableSource
from tests.contract.place import OnAPlace, Replica, Watching, event, watching

if TYPE_CHECKING:
    from freebusy.ports import Calendar, CalendarSource
    from tests.contract.place import Place


class WatchContract(OnAPlace):
    """What every watch keeps to; skipped where a source has none."""

    # watching

    def test_watch_reports_each_kind_of_change(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """Once the watch is ready, adding, changing and deleting are each reported."""
        with watching(source, [calendar]) as watch:
            watch.settle(calendar, lambda: place.add(event("settle")))
            key = ""
            for kind in ("add", "change", "delete"):
                after = watch.quiet(self.quiet)
                if kind == "add":
                    key = place.add(event("a", "Old"))
                elif kind == "change":
                    key = place.change(key, event("a", "New"))
                else:
                    place.delete(key)
                assert watch.wait(calendar, after=after), f"{kind} was not reported"

    def test_watch_says_which_calendar(self, source: CalendarSource, place: Place) -> None:
        """Of several calendars, the one that changed is reported, and none that is not watched."""
        calendars = [source.calendars(owner)[0] for owner in place.owners[:3]]
        with watching(source, calendars[:2]) as watch:
            watch.settle(calendars[0], lambda: place.add(event("settle")))
            after = watch.quiet(self.quiet)
            place.add(event("c"), owner=place.owners[2])
            place.add(event("b"), owner=place.owners[1])
            assert watch.wait(calendars[1], after=after)
            assert calendars[2] not in watch.calls

    def test_the_change_is_there_when_it_is_reported(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """A run that starts at the report delivers the change."""
        replica = Replica().run(source, calendar)
        with watching(source, [calendar]) as watch:
            watch.settle(calendar, lambda: place.add(event("settle")))
            after = watch.quiet(self.quiet)
            replica.run(source, calendar)
            place.add(event("a"))
            assert watch.wait(calendar, after=after)
            assert "a Meeting" in replica.run(source, calendar).objects

    def test_watch_stops_within_two_seconds(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """After stop is set, watch returns within two seconds."""
        with watching(source, [calendar]) as watch:
            watch.settle(calendar, lambda: place.add(event("settle")))
            assert watch.end() < 2.0
            assert not watch.thread.is_alive()

    def test_watch_stops_before_it_began(self, source: CalendarSource, calendar: Calendar) -> None:
        """A stop that is set beforehand ends the watch within two seconds, too."""
        if not isinstance(source, WatchableSource):
            pytest.skip("this source does not watch")
        watch = Watching(source, [calendar])
        watch.stop.set()
        watch.thread.start()
        assert watch.end() < 2.0
        assert watch.error is None

    def test_watch_of_nothing_waits_for_stop(self, source: CalendarSource) -> None:
        """With no calendars to watch, watch still waits until stop is set."""
        with watching(source, []) as watch:
            watch.thread.join(0.3)
            assert watch.thread.is_alive()
            assert watch.end() < 2.0

    def test_a_watch_can_follow_another(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """A second watch works after the first was stopped."""
        for number in range(2):
            with watching(source, [calendar]) as watch:
                watch.settle(calendar, lambda n=number: place.add(event(f"settle-{n}")))  # type: ignore[misc]  # a lambda's default has no annotation

    def test_reading_goes_on_during_a_watch(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """calendars and sync work while another thread watches, and do not count as changes."""
        with watching(source, [calendar]) as watch:
            watch.settle(calendar, lambda: place.add(event("settle")))
            after = watch.quiet(self.quiet)
            for _ in range(3):
                Replica().run(source, calendar)
            assert after == watch.quiet(self.quiet)
