"""The contract of ``calendars`` and ``sync``: what a run delivers."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from freebusy.errors import CalendarMissingError, SourceError
from freebusy.ports import ICALENDAR, MESSAGE, Owner, SyncToken
from tests.contract.place import OnAPlace, Replica, event, summary_of

if TYPE_CHECKING:
    from freebusy.ports import Calendar, CalendarSource
    from tests.contract.place import Place


class SyncContract(OnAPlace):
    """What every run of every source keeps to."""

    # calendars

    def test_calendars_name_their_owner(self, source: CalendarSource, place: Place) -> None:
        """Each owner gets calendars that carry this owner and a name for people."""
        for owner in place.owners:
            calendars = source.calendars(owner)
            assert [owner] * len(calendars) == [calendar.owner for calendar in calendars]
            assert all(calendar.name for calendar in calendars)

    def test_keys_are_unique_and_stable(self, source: CalendarSource, place: Place) -> None:
        """Calendar keys are unique within the source and the same in a new source."""
        keys = [calendar.key for owner in place.owners for calendar in source.calendars(owner)]
        assert len(set(keys)) == len(keys)
        other = place.make_source()
        again = [calendar.key for owner in place.owners for calendar in other.calendars(owner)]
        other.close()
        assert keys == again

    def test_an_owner_without_calendars_is_told_so(
        self, source: CalendarSource, place: Place, owner: Owner
    ) -> None:
        """CalendarMissingError is raised for an owner who has no calendar."""
        place.remove_calendar()
        with pytest.raises(CalendarMissingError):
            source.calendars(owner)

    def test_an_unknown_owner_gets_a_source_error(self, source: CalendarSource) -> None:
        """Somebody whom the place does not know is a SourceError, whatever the name holds."""
        for name in ("nobody", "..", "../..", "a/b", "no\x00body", "", "*", "%", 'no"body', "ñ"):
            with pytest.raises(SourceError):
                source.calendars(Owner(name, f"{name}@example.com"))

    # the first run

    def test_an_empty_calendar_is_one_fresh_page(
        self, source: CalendarSource, calendar: Calendar
    ) -> None:
        """The first run of an empty calendar is a fresh page with a token and no items."""
        pages = list(source.sync(calendar, None))
        assert [(True, 0, 0)] == [(p.fresh, len(p.items), len(p.gone)) for p in pages]
        assert pages[0].token is not None
        assert pages[0].generation

    def test_the_first_run_delivers_everything(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """Without a token every object comes once, in items that are whole."""
        for number in range(5):
            place.add(event(f"uid-{number}", f"S{number}"))
        replica = Replica().run(source, calendar)
        assert [f"uid-{number} S{number}" for number in range(5)] == replica.delivered
        items = [item for page in replica.pages for item in page.items]
        assert len(items) == len({item.href for item in items})
        assert {ICALENDAR, MESSAGE} >= {item.media for item in items}
        assert not any(item.truncated for item in items)
        assert all(page.fresh and not page.gone for page in replica.pages)

    def test_the_body_is_what_was_stored(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """An item holds the stored object, line for line."""
        ics = event("whole", "Grüße")
        place.add(ics)
        (item,) = Replica().run(source, calendar).pages[0].items
        assert set(ics.splitlines()) <= set(item.body.splitlines())

    def test_pages_are_bounded(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """No page holds more items or bytes than the source's bound, and none is lost."""
        for number in range(self.many):
            place.add(event(f"uid-{number:05d}", padding=1500))
        replica = Replica().run(source, calendar)
        assert [f"uid-{number:05d} Meeting" for number in range(self.many)] == replica.delivered
        assert max(len(page.items) for page in replica.pages) <= place.page_items
        sizes = [sum(len(item.body) for item in page.items[:-1]) for page in replica.pages]
        assert max(sizes) <= place.page_bytes
        assert {self.many, None} >= {page.total for page in replica.pages}

    def test_only_the_last_page_has_a_token(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """A token comes on the last page and on no other; the generation is on all."""
        for number in range(self.many):
            place.add(event(f"uid-{number:05d}"))
        pages = list(source.sync(calendar, None))
        assert [False] * (len(pages) - 1) + [True] == [page.token is not None for page in pages]
        assert 1 == len({page.generation for page in pages})
        assert all(page.fresh for page in pages)

    def test_a_large_item_comes_cut_off(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """Of an item larger than max_item only the first part comes, and it says so."""
        place.add(event("large", padding=place.max_item + 5000))
        place.add(event("small"))
        replica = Replica().run(source, calendar)
        assert ["large Meeting", "small Meeting"] == replica.delivered
        items = {summary_of(item): item for page in replica.pages for item in page.items}
        assert items["large Meeting"].truncated
        assert len(items["large Meeting"].body) <= place.max_item
        assert not items["small Meeting"].truncated

    # the runs after it

    def test_nothing_changed_delivers_nothing(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """With the last token and no change, one empty page comes that is not fresh."""
        place.add(event("a"))
        replica = Replica().run(source, calendar).run(source, calendar)
        assert ([], [], [False]) == (
            replica.delivered,
            replica.gone,
            [page.fresh for page in replica.pages],
        )
        assert replica.token is not None

    def test_only_the_new_item_comes(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """After an object was added, the next run delivers it and nothing else."""
        place.add(event("a"))
        replica = Replica().run(source, calendar)
        place.add(event("b"))
        replica.run(source, calendar)
        assert ["b Meeting"] == replica.delivered
        assert ["a Meeting", "b Meeting"] == replica.objects
        assert [] == replica.gone

    def test_a_changed_item_takes_the_place_of_the_old(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """After a change only the new content is left; as another item it has a larger order."""
        key = place.add(event("a", "Old"))
        place.add(event("b"))
        replica = Replica().run(source, calendar)
        before = dict(replica.items)
        place.change(key, event("a", "New"))
        replica.run(source, calendar)
        assert ["a New"] == replica.delivered
        assert ["a New", "b Meeting"] == replica.objects
        (new,) = (item for page in replica.pages for item in page.items)
        if new.href not in before:
            assert max(item.order for _, item in before.values()) < new.order

    def test_a_change_of_the_same_size_is_seen(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """Changes in quick succession that keep the size are all seen."""
        replica = Replica()
        key = place.add(event("a", "S00"))
        for number in range(1, 12):
            replica.run(source, calendar)
            key = place.change(key, event("a", f"S{number:02d}"))
            assert [f"a S{number:02d}"] == replica.run(source, calendar).objects

    def test_a_deleted_item_is_gone(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """After a deletion the next run names the href and delivers nothing."""
        key = place.add(event("a"))
        place.add(event("b"))
        replica = Replica().run(source, calendar)
        hrefs = [href for href, (_, item) in replica.items.items() if summary_of(item)[0] == "a"]
        place.delete(key)
        replica.run(source, calendar)
        assert (hrefs, [], ["b Meeting"]) == (replica.gone, replica.delivered, replica.objects)

    def test_what_came_and_went_between_runs_leaves_no_trace(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """An object added and deleted between two runs is delivered by neither."""
        place.add(event("a"))
        replica = Replica().run(source, calendar)
        place.delete(place.add(event("b")))
        replica.run(source, calendar)
        assert ([], ["a Meeting"]) == (replica.delivered, replica.objects)

    def test_an_emptied_calendar_proves_it(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """A calendar that is emptied reports every item gone in the same generation."""
        for uid in "abc":
            place.add(event(uid))
        replica = Replica().run(source, calendar)
        before, hrefs = replica.pages[-1].generation, sorted(replica.items)
        place.empty()
        replica.run(source, calendar)
        assert (hrefs, []) == (replica.gone, replica.objects)
        assert [(before, False)] == [(page.generation, page.fresh) for page in replica.pages]

    def test_a_token_can_be_used_twice(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """A run from the same token repeats what it said: a crash repeats work, it loses none."""
        key = place.add(event("a"))
        token = Replica().run(source, calendar).token
        place.delete(key)
        place.add(event("b"))
        runs = [list(source.sync(calendar, token)) for _ in range(2)]
        said = [[(p.gone, [i.href for i in p.items], p.fresh) for p in pages] for pages in runs]
        assert said[0] == said[1]

    def test_a_broken_off_run_costs_nothing(
        self, source: CalendarSource, calendar: Calendar, place: Place
    ) -> None:
        """A run that is abandoned after its first page can be done again."""
        for number in range(self.many):
            place.add(event(f"uid-{number:05d}"))
        pages = source.sync(calendar, None)
        next(iter(pages))
        getattr(pages, "close", lambda: None)()
        assert self.many == len(Replica().run(source, calendar).objects)

    def test_a_token_outlives_the_source(self, calendar: Calendar, place: Place) -> None:
        """A new source (a restart) goes on from the token of another, kept as text."""
        place.add(event("a"))
        first, second = place.make_source(), place.make_source()
        replica = Replica().run(first, calendar)
        first.close()
        place.add(event("b"))
        replica.token = SyncToken(str(replica.token).encode().decode())
        replica.run(second, calendar)
        second.close()
        assert (["b Meeting"], [False]) == (replica.delivered, [p.fresh for p in replica.pages])

    @pytest.mark.parametrize("seed", range(3))
    def test_any_history_ends_in_the_same_state(
        self, source: CalendarSource, calendar: Calendar, place: Place, seed: int
    ) -> None:
        """After any series of changes and runs, the replica equals the calendar."""
        dice = random.Random(seed)
        replica, held = Replica(), dict[str, str]()
        for number in range(40):
            choice = dice.choice(["add", "add", "change", "delete", "sync"])
            uid = dice.choice(sorted(held)) if held else ""
            if choice == "add":
                held[f"u{number} S{number}"] = place.add(event(f"u{number}", f"S{number}"))
            elif choice == "change" and held:
                key, name = held.pop(uid), uid.split()[0]
                held[f"{name} S{number}"] = place.change(key, event(name, f"S{number}"))
            elif choice == "delete" and held:
                place.delete(held.pop(uid))
            elif choice == "sync":
                assert sorted(held) == replica.run(source, calendar).objects
        assert sorted(held) == replica.run(source, calendar).objects
