"""The contract of every CalendarSource: each sentence of ``freebusy.ports`` as a test.

A source is tested by subclassing :class:`CalendarSourceContract` and overriding the
fixture ``place`` with a :class:`tests.contract.place.Place`: what lies behind the
source (a directory, a mail server), to be changed as another client would.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from freebusy.errors import CalendarMissingError, SourceError
from freebusy.ports import Calendar, SyncToken
from tests.contract.place import DEADLINE, OnAPlace, Replica, event, summary_of
from tests.contract.sync_contract import SyncContract
from tests.contract.tokens import BAD_TOKENS, mangled
from tests.contract.watch_contract import WatchContract

if TYPE_CHECKING:
    from freebusy.ports import CalendarSource, Owner
    from tests.contract.place import Place


class TokenContract(OnAPlace):
    """Tokens and calendars that are none, and manners."""

    # tokens that are none

    @pytest.mark.parametrize("token", BAD_TOKENS, ids=range(len(BAD_TOKENS)))
    def test_a_token_that_is_none_makes_a_fresh_run(
        self, source: CalendarSource, calendar: Calendar, place: Place, token: str
    ) -> None:
        """A text that is no token is not an error: everything comes, fresh."""
        place.add(event("a"))
        replica = Replica()
        replica.token = SyncToken(token)
        replica.run(source, calendar)
        assert (["a Meeting"], True) == (replica.delivered, replica.pages[-1].fresh)

    def test_a_damaged_token_loses_nothing(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """A run from a damaged token raises nothing, and a fresh one delivers everything."""
        place.add(event("a"))
        token = str(Replica().run(source, calendar).token)
        for damaged in mangled(token):
            pages = list(source.sync(calendar, SyncToken(damaged)))
            if pages[-1].fresh:
                assert ["a Meeting"] == [summary_of(i) for page in pages for i in page.items]

    def test_a_token_of_another_generation_makes_a_fresh_run(
        self, source: CalendarSource, calendar: Calendar, place: Place, owner: Owner
    ) -> None:
        """In a calendar that was replaced the old token gives a fresh run and a new generation."""
        place.add(event("a"))
        replica = Replica().run(source, calendar)
        before = replica.pages[-1].generation
        place.replace_calendar()
        place.add(event("b"))
        replica.run(source, source.calendars(owner)[0])
        assert all(page.fresh and page.generation != before for page in replica.pages)
        assert ["b Meeting"] == replica.objects

    def test_a_token_of_another_calendar_makes_a_fresh_run(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """The token of somebody else's calendar is of no use and does no harm."""
        place.add(event("a"))
        other = source.calendars(place.owners[1])[0]
        replica = Replica().run(source, other).run(source, calendar)
        assert (["a Meeting"], True) == (replica.delivered, replica.pages[-1].fresh)

    # calendars that are not there

    def test_a_missing_calendar_is_no_empty_one(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """A calendar that vanished raises CalendarMissingError, with and without a token."""
        place.add(event("a"))
        token = Replica().run(source, calendar).token
        place.remove_calendar()
        for known in (token, None):
            with pytest.raises(CalendarMissingError):
                list(source.sync(calendar, known))

    @pytest.mark.parametrize("key", ["", "/", "..", "../../etc", "no such", "\x00", "a\r\nb", "*"])
    def test_a_calendar_that_never_was_is_missing(
        self, source: CalendarSource, owner: Owner, key: str
    ) -> None:
        """A key that names no calendar of the source raises CalendarMissingError."""
        with pytest.raises(CalendarMissingError):
            list(source.sync(Calendar(key, owner, "none"), None))

    def test_an_outage_is_a_source_error_and_nothing_else(
        self, source: CalendarSource, calendar: Calendar, place: Place, owner: Owner
    ) -> None:
        """While the place cannot be reached, calendars and sync raise SourceError."""
        place.add(event("a"))
        token = Replica().run(source, calendar).token
        place.unplug()
        try:
            for known in (token, None):
                with pytest.raises(SourceError):
                    list(source.sync(calendar, known))
            with pytest.raises(SourceError):
                source.calendars(owner)
        finally:
            place.replug()

    def test_a_token_outlives_an_outage(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """When the place is back, the run goes on where it stood before."""
        place.add(event("a"))
        replica = Replica().run(source, calendar)
        place.unplug()
        try:
            with pytest.raises(SourceError):
                list(source.sync(calendar, replica.token))
        finally:
            place.replug()
        place.add(event("b"))
        replica.run(source, calendar)
        assert (["b Meeting"], [False]) == (replica.delivered, [p.fresh for p in replica.pages])

    # manners

    def test_reading_changes_nothing(
        self, source: CalendarSource, calendar: Calendar, place: Place, owner: Owner
    ) -> None:
        """Listing and reading leave the place as it was, flags and times included."""
        place.add(event("a"))
        place.add(event("large", padding=place.max_item + 5000))
        before = place.snapshot()
        source.calendars(owner)
        Replica().run(source, calendar).run(source, calendar)
        assert before == place.snapshot()

    def test_owners_do_not_see_each_other(self, source: CalendarSource, place: Place) -> None:
        """What lies in one owner's calendar comes with this calendar only."""
        for owner in place.owners[:3]:
            place.add(event(f"of-{owner.name}"), owner=owner)
        for owner in place.owners[:3]:
            calendar = source.calendars(owner)[0]
            assert [f"of-{owner.name} Meeting"] == Replica().run(source, calendar).objects

    def test_a_closed_source_can_be_used_again(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """close may come at any time and twice; the source goes on working."""
        place.make_source().close()
        place.add(event("a"))
        replica = Replica().run(source, calendar)
        source.close()
        source.close()
        place.add(event("b"))
        assert ["b Meeting"] == replica.run(source, calendar).delivered

    def test_several_threads_read_at_once(self, source: CalendarSource, place: Place) -> None:
        """Threads that each read a calendar of their own all get all of it."""
        owners = place.owners[:3]
        for owner in owners:
            for number in range(20):
                place.add(event(f"{owner.name}-{number:02d}"), owner=owner)
        results: dict[str, list[str]] = {}

        def read(owner: Owner) -> None:
            for _ in range(5):
                replica = Replica().run(source, source.calendars(owner)[0])
                results[owner.name] = replica.objects

        threads = [threading.Thread(target=read, args=(owner,)) for owner in owners]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE * 2)
        expected = {o.name: [f"{o.name}-{n:02d} Meeting" for n in range(20)] for o in owners}
        assert expected == results


class CalendarSourceContract(SyncContract, TokenContract, WatchContract):
    """What every calendar source keeps to (``freebusy.ports.CalendarSource``)."""
