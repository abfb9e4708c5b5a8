"""The contract of items of folders: what changed is told, what is wanted is done, nothing lost."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import pytest

from freebusy.errors import NoFolderError, NotPermittedError
from freebusy.ports import ChangeResult, ItemChange, SyncToken
from tests.contract.place import event
from tests.contract.tokens import BAD_TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from freebusy.ports import CalendarItems, FolderChanges, FolderItem, Owner


class ItemsPlace(Protocol):
    """A folder that is empty at first, and what other clients and its owner do to it."""

    who: Owner
    path: str
    other: Owner
    """Somebody else, who has no rights at first ..."""
    path_for_other: str
    """... and calls the folder this."""

    @property
    def items(self) -> CalendarItems:
        """What is tried."""

    def append(self, calendar: str) -> str:
        """Add a message, as another client does; return its href."""

    def expunge(self, *hrefs: str) -> None:
        """Remove messages, as another client does."""

    def renew(self) -> None:
        """Give the messages new UIDs."""

    def share(self, rights: str) -> None:
        """Give the other one just these rights."""


def text(uid: str, summary: str = "Meeting") -> str:
    """Return a calendar object of one event."""
    return event(uid, summary).decode()


def partial(uid: str, summary: str = "Moved") -> str:
    """Return a calendar object of one changed instance."""
    return text(uid, summary).replace("DTSTAMP:", "RECURRENCE-ID:20260608T090000Z\r\nDTSTAMP:")


def put(uid: str, summary: str = "Meeting", *hrefs: str, change: str = "") -> ItemChange:
    """Return the change that puts an event in the place of messages."""
    return ItemChange("put", uid, text(uid, summary), hrefs, change)


def delete(uid: str, *hrefs: str) -> ItemChange:
    """Return the change that deletes messages."""
    return ItemChange("delete", uid, replaces=hrefs)


def shown(item: FolderItem) -> str:
    """Return ``UID SUMMARY`` of an item."""
    unfolded = item.calendar.replace("\r\n ", "")
    lines = dict(line.partition(":")[::2] for line in unfolded.splitlines())
    return f"{item.uid} {lines['SUMMARY']}"


class FolderReplica:
    """What a connector holds that applies pages in the way ``FolderChanges`` says."""

    def __init__(self, place: ItemsPlace, *, limit: int = 1000) -> None:
        self.place = place
        self.limit = limit
        self.items: dict[str, FolderItem] = {}
        self.token: SyncToken | None = None
        self.pages: list[FolderChanges] = []

    def page(self) -> FolderChanges:
        """Ask for one page."""
        place = self.place
        page = place.items.changes(place.who, place.path, self.token, limit=self.limit)
        self.token = page.token
        return page

    def pull(self) -> list[str]:
        """Ask until there is no more, and return all objects that are then there.

        After an error it is asked again from where it stopped.
        """
        if not (self.pages and self.pages[-1].more):
            self.pages = []
        self.pages.append(self.page())
        while self.pages[-1].more:
            self.pages.append(self.page())
        if self.pages[0].is_fresh:
            self.items.clear()
        for page in self.pages:
            self.items.update({item.href: item for item in page.items})
            for href in page.gone:
                self.items.pop(href, None)
        return self.objects

    @property
    def objects(self) -> list[str]:
        return sorted(map(shown, self.items.values()))

    @property
    def told(self) -> list[str]:
        """What the last pull delivered."""
        return [shown(item) for page in self.pages for item in page.items]


class CalendarItemsContract:
    """What every implementation of CalendarItems keeps to."""

    @pytest.fixture
    def place(self) -> Iterator[ItemsPlace]:
        raise NotImplementedError("a contract test overrides the fixture 'place'")

    def write(self, place: ItemsPlace, *changes: ItemChange) -> Sequence[ChangeResult]:
        return place.items.write(place.who, place.path, changes)

    def written(self, place: ItemsPlace, *changes: ItemChange) -> list[str]:
        """Write and return the hrefs."""
        return [result.href or "" for result in self.write(place, *changes)]

    # what changed

    def test_an_empty_folder(self, place: ItemsPlace) -> None:
        """A first page tells the rights even where there is nothing else to tell."""
        page = FolderReplica(place).page()
        seen = (page.items, page.is_fresh, page.more, page.acl_changed, "r" in (page.rights or ""))
        assert ((), True, False, True, True) == seen

    def test_all_and_then_nothing(self, place: ItemsPlace) -> None:
        """A first run tells everything, the next one nothing."""
        place.append(text("a"))
        place.append(text("b"))
        replica = FolderReplica(place)
        assert ["a Meeting", "b Meeting"] == replica.pull()
        page = replica.page()
        seen = (page.items, page.gone, page.is_fresh, page.more, page.rights, page.acl_changed)
        assert ((), (), False, False, None, False) == (tuple(seen[0]), tuple(seen[1]), *seen[2:])

    def test_what_other_clients_do(self, place: ItemsPlace) -> None:
        """New, replaced and deleted items are told, and nothing else is."""
        first, second, _ = (place.append(text(uid)) for uid in "abc")
        replica = FolderReplica(place)
        replica.pull()
        place.append(text("a", "Changed"))
        place.append(text("d"))
        place.expunge(first, second)
        assert ["a Changed", "c Meeting", "d Meeting"] == replica.pull()
        assert (["a Changed", "d Meeting"], False) == (replica.told, replica.pages[0].is_fresh)

    def test_pages(self, place: ItemsPlace) -> None:
        """Pages are no larger than asked for, and together they are everything."""
        uids = [f"e{number:02}" for number in range(25)]
        for uid in uids:
            place.append(text(uid))
        replica = FolderReplica(place, limit=10)
        assert [f"{uid} Meeting" for uid in uids] == replica.pull()
        sizes = [len(page.items) for page in replica.pages]
        assert ([10, 10, 5], [True] * 3) == (sizes, [page.is_fresh for page in replica.pages])
        replica.pull()
        assert ([], False) == (replica.told, replica.pages[0].is_fresh)

    def test_a_page_again(self, place: ItemsPlace) -> None:
        """A page that got lost is told again, and nothing is lost by what happens in between."""
        hrefs = [place.append(text(f"e{number}")) for number in range(6)]
        replica = FolderReplica(place, limit=2)
        first = replica.page()
        lost = replica.page()
        replica.token = first.token
        assert list(lost.items) == list(replica.page().items)
        replica.token = first.token
        place.expunge(hrefs[0], hrefs[4])
        place.append(text("late"))
        replica.items = {item.href: item for item in first.items}
        pages = [replica.page()]
        while pages[-1].more:
            pages.append(replica.page())
        found = {item.href: item for page in [first, *pages] for item in page.items}
        gone = {href for page in pages for href in page.gone}
        left = sorted(shown(item) for href, item in found.items() if href not in gone)
        assert ["e1 Meeting", "e2 Meeting", "e3 Meeting", "e5 Meeting", "late Meeting"] == left

    def test_useless_tokens(self, place: ItemsPlace) -> None:
        """A token that is none of the folder's own begins a fresh run."""
        place.append(text("a"))
        for token in BAD_TOKENS:
            replica = FolderReplica(place)
            replica.token = SyncToken(token)
            assert (["a Meeting"], True) == (replica.pull(), replica.pages[0].is_fresh)
            assert replica.pages[0].rights is not None

    def test_new_uids(self, place: ItemsPlace) -> None:
        """Where hrefs mean other messages now, everything is told anew."""
        place.append(text("a"))
        replica = FolderReplica(place)
        replica.pull()
        place.renew()
        place.append(text("b"))
        assert ["a Meeting", "b Meeting"] == replica.pull()
        assert replica.pages[0].is_fresh

    def test_new_uids_in_the_middle(self, place: ItemsPlace) -> None:
        """A fresh run that begins anew tells so: its first page, and no other, tells the rights."""
        for uid in "abc":
            place.append(text(uid))
        replica = FolderReplica(place, limit=1)
        pages = [replica.page(), replica.page()]
        place.renew()
        place.append(text("d"))
        while pages[-1].more:
            pages.append(replica.page())
        assert [True] * len(pages) == [page.is_fresh for page in pages]
        begins = [page.rights is not None for page in pages]
        assert [True, False, True, False, False, False] == begins
        assert begins == [page.acl_changed for page in pages]
        told = [shown(item) for page in pages[2:] for item in page.items]
        assert [f"{uid} Meeting" for uid in "abcd"] == told

    def test_new_rights_in_the_middle(self, place: ItemsPlace) -> None:
        """Rights that change during a fresh run are told by the question after it."""
        for uid in "ab":
            place.append(text(uid))
        pages: list[FolderChanges] = []
        for rights in ("lr", "lrs", "lrs"):
            place.share(rights)
            token = pages[-1].token if pages else None
            pages.append(place.items.changes(place.other, place.path_for_other, token, limit=1))
        expected = [(True, "lr"), (True, None), (False, "lrs")]
        assert expected == [(page.is_fresh, page.rights) for page in pages]

    # writing

    def test_a_new_item(self, place: ItemsPlace) -> None:
        """It is there under the href that the answer names, with its change."""
        (result,) = self.write(place, put("a", change="c1"))
        replica = FolderReplica(place)
        assert ["a Meeting"] == replica.pull()
        (item,) = replica.items.values()
        expected = ("done", item.href, "c1", "icalendar")
        assert expected == (result.status, result.href, item.change, item.dialect)

    def test_any_text(self, place: ItemsPlace) -> None:
        """Letters of any script, long lines and quotes come back as they were."""
        summary = 'Grüße; "你好" 😀 ' + "x" * 2000
        self.written(place, put("ä/@ {7+}", summary))
        assert [f"ä/@ {{7+}} {summary}"] == FolderReplica(place).pull()

    def test_a_replaced_item(self, place: ItemsPlace) -> None:
        """The new one is there under a new href, and the old one is gone."""
        old = place.append(text("a"))
        replica = FolderReplica(place)
        replica.pull()
        (new,) = self.written(place, put("a", "Changed", old))
        assert (["a Changed"], [new]) == (replica.pull(), list(replica.items))
        assert new != old

    def test_a_deleted_item(self, place: ItemsPlace) -> None:
        """It is gone, others stay."""
        old = place.append(text("a"))
        place.append(text("b"))
        replica = FolderReplica(place)
        replica.pull()
        (result,) = self.write(place, delete("a", old))
        assert ("done", ["b Meeting"]) == (result.status, replica.pull())

    def test_an_own_item_that_was_deleted_before_it_was_told(self, place: ItemsPlace) -> None:
        """Who wrote an item hears that it is gone, though its coming was never told."""
        replica = FolderReplica(place)
        place.append(text("a"))
        replica.pull()
        mine, other = self.written(place, put("b"), put("c"))
        self.write(place, delete("b", mine), put("c", "Changed", other))
        assert ["a Meeting", "c Changed"] == replica.pull()
        assert {mine, other} <= {href for page in replica.pages for href in page.gone}

    def test_an_own_item_that_is_deleted_before_its_page(self, place: ItemsPlace) -> None:
        """It is told as gone as well where it was on a page that was still to come."""
        replica = FolderReplica(place, limit=1)
        replica.pull()
        uids = "abcd"
        written = self.written(place, *(put(uid) for uid in uids))
        pages = [replica.page()]
        place.expunge(*written[2:])
        while pages[-1].more:
            pages.append(replica.page())
        assert ["a Meeting", "b Meeting"] == [shown(i) for page in pages for i in page.items]
        assert set(written[2:]) <= {href for page in pages for href in page.gone}

    def test_the_same_change_again(self, place: ItemsPlace) -> None:
        """A connector that was interrupted repeats a change, and it is not doubled."""
        old = place.append(text("a"))
        changes = (put("n", change="c1"), put("a", "Changed", old, change="c2"))
        first = self.written(place, *changes)
        assert first == self.written(place, *changes)
        assert ["a Changed", "n Meeting"] == FolderReplica(place).pull()

    def test_results_stand_in_their_order(self, place: ItemsPlace) -> None:
        """Each change has its own result, and one that fails stops no other."""
        old = place.append(text("old"))
        changes = [
            put("a"),
            ItemChange("put", "b", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"),
            delete("old", old),
            ItemChange("put", "c", text("d")),
            put("a", "Again"),
            put("e"),
            delete("f", "4000000"),
        ]
        results = self.write(place, *changes)
        expected = ["done", "refused", "done", "refused", "conflict", "done", "conflict"]
        assert expected == [result.status for result in results]
        assert [False, True, False, True, False, False, False] == [bool(r.problem) for r in results]
        assert ["a Meeting", "e Meeting"] == FolderReplica(place).pull()

    def test_many_at_once(self, place: ItemsPlace) -> None:
        """A batch of any length is done whole."""
        hrefs = self.written(place, *(put(f"e{number:03}") for number in range(120)))
        replica = FolderReplica(place)
        assert (120, set(hrefs)) == (len(replica.pull()), set(replica.items))
        changed = [put(f"e{number:03}", "New", href) for number, href in enumerate(hrefs)]
        self.write(place, *changed)
        assert [f"e{number:03} New" for number in range(120)] == replica.pull()

    # conflicts

    def test_it_is_there_already(self, place: ItemsPlace) -> None:
        """A new item whose UID is there conflicts with what is there."""
        place.append(text("a", "Theirs"))
        self.conflicts(place, put("a", "Ours"), ["a Theirs"])

    def test_it_was_changed(self, place: ItemsPlace) -> None:
        """An item that another client replaced conflicts with the new version."""
        old = place.append(text("a"))
        place.append(text("a", "Theirs"))
        place.expunge(old)
        self.conflicts(place, put("a", "Ours", old), ["a Theirs"])
        self.conflicts(place, delete("a", old), ["a Theirs"])

    def test_it_was_deleted(self, place: ItemsPlace) -> None:
        """An item that another client deleted conflicts with nothing in particular."""
        old = place.append(text("a"))
        place.expunge(old)
        self.conflicts(place, put("a", "Ours", old), [])
        self.conflicts(place, delete("a", old), [])

    def test_it_is_there_twice(self, place: ItemsPlace) -> None:
        """Who does not know of a second message of an item may not replace the first."""
        old = place.append(text("a"))
        new = place.append(text("a", "Newer"))
        self.conflicts(place, put("a", "Ours", old), ["a Meeting", "a Newer"])
        self.conflicts(place, put("a", "Ours", new), ["a Meeting", "a Newer"])
        self.written(place, put("a", "Ours", old, new))
        assert ["a Ours"] == FolderReplica(place).pull()

    def test_another_item_is_meant(self, place: ItemsPlace) -> None:
        """An href of another item is none of this one."""
        href = place.append(text("b"))
        place.append(text("a"))
        self.conflicts(place, delete("a", href), ["a Meeting"])

    def test_changed_instances_beside(self, place: ItemsPlace) -> None:
        """A changed instance that came later conflicts, an older one that is left over does not."""
        older = place.append(partial("a"))
        whole = place.append(text("a"))
        self.written(place, put("a", "Ours", whole))
        replica = FolderReplica(place)
        assert ["a Moved", "a Ours"] == replica.pull()
        assert replica.items[older].is_partial
        (whole,) = set(replica.items) - {older}
        place.append(partial("a", "Later"))
        self.conflicts(place, put("a", "Again", whole), ["a Moved", "a Ours", "a Later"])

    def conflicts(self, place: ItemsPlace, change: ItemChange, theirs: list[str]) -> None:
        """Check that a change conflicts with these versions, and that nothing is done."""
        before = FolderReplica(place).pull()
        (result,) = self.write(place, change)
        assert ("conflict", theirs) == (result.status, [shown(item) for item in result.theirs])
        assert before == FolderReplica(place).pull()

    # rights

    def test_no_folder(self, place: ItemsPlace) -> None:
        """A folder that is not there and one that is not visible look the same."""
        for who, path in [(place.who, place.path + "x"), (place.other, place.path_for_other)]:
            with pytest.raises(NoFolderError) as read:
                place.items.changes(who, path, None, limit=10)
            with pytest.raises(NoFolderError) as written:
                place.items.write(who, path, [put("a")])
            assert read.value.reason == written.value.reason

    def test_no_right_to_read(self, place: ItemsPlace) -> None:
        """A folder that is visible only can neither be read nor written."""
        place.share("l")
        with pytest.raises(NotPermittedError):
            place.items.changes(place.other, place.path_for_other, None, limit=10)
        with pytest.raises(NotPermittedError):
            place.items.write(place.other, place.path_for_other, [put("a")])

    def test_read_only(self, place: ItemsPlace) -> None:
        """A shared folder may be there to be read."""
        place.append(text("a"))
        place.share("lr")
        page = place.items.changes(place.other, place.path_for_other, None, limit=10)
        assert (["a Meeting"], "lr") == ([shown(item) for item in page.items], page.rights)
        with pytest.raises(NotPermittedError):
            place.items.write(place.other, place.path_for_other, [put("b")])

    @pytest.mark.parametrize(
        ("rights", "expected"),
        [
            ("lri", ["done", "refused", "refused"]),
            ("lrte", ["refused", "refused", "done"]),
            ("lrit", ["done", "refused", "refused"]),
            ("lrswite", ["done", "done", "done"]),
        ],
    )
    def test_some_rights(self, place: ItemsPlace, rights: str, expected: list[str]) -> None:
        """To insert takes i, to delete t and e, to replace all three."""
        old, gone = place.append(text("a")), place.append(text("b"))
        place.share(rights)
        changes = [put("n"), put("a", "Changed", old), delete("b", gone)]
        results = place.items.write(place.other, place.path_for_other, changes)
        assert expected == [result.status for result in results]
        done = {"n Meeting": 0, "a Changed": 1}
        wanted = {shown for shown, at in done.items() if expected[at] == "done"}
        kept = {"a Meeting"} - ({"a Meeting"} if expected[1] == "done" else set())
        kept |= set() if expected[2] == "done" else {"b Meeting"}
        assert sorted(wanted | kept) == FolderReplica(place).pull()

    def test_changed_rights(self, place: ItemsPlace) -> None:
        """A changed list is told to who administers, changed rights to whom they are given."""
        place.share("lr")
        replica = FolderReplica(place)
        replica.pull()
        before = place.items.changes(place.other, place.path_for_other, None, limit=10)
        place.share("lrs")
        page = replica.page()
        assert (None, True) == (page.rights, page.acl_changed)
        after = place.items.changes(place.other, place.path_for_other, before.token, limit=10)
        assert ("lrs", ()) == (after.rights, tuple(after.items))

    # everything together

    def test_a_history(self, place: ItemsPlace) -> None:
        """Whatever happens, a replica holds just what is there, and a writer loses nothing."""
        dice = random.Random(11)
        replica, live = FolderReplica(place, limit=3), dict[str, tuple[str, str]]()
        for number in range(40):
            uid = dice.choice("abcdef")
            held = live.get(uid)
            match dice.choice(["theirs", "gone", "put", "delete", "pull", "page"]):
                case "theirs":
                    href = place.append(text(uid, f"T{number}"))
                    if held is not None:
                        place.expunge(held[0])
                    live[uid] = (href, f"{uid} T{number}")
                case "gone" if held is not None:
                    place.expunge(held[0])
                    del live[uid]
                case "put":
                    known = () if held is None else (held[0],)
                    (href,) = self.written(place, put(uid, f"P{number}", *known))
                    live[uid] = (href, f"{uid} P{number}")
                case "delete" if held is not None:
                    self.write(place, delete(uid, held[0]))
                    del live[uid]
                case "pull":
                    assert sorted(shown for _, shown in live.values()) == replica.pull()
        assert sorted(shown for _, shown in live.values()) == replica.pull()

    def test_values_do_not_show_what_they_hold(self, place: ItemsPlace) -> None:
        """Neither items nor results nor errors quote an item."""
        place.append(text("a", "Secret"))
        page = FolderReplica(place).page()
        results = self.write(place, put("a", "Secret"), replace(put("b"), calendar="Secret"))
        assert "Secret" not in repr((page, results))
