"""What a sweep of all folders says, compared with what was read and what was listed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from calendar_sync.imap.extensions import Examined
from calendar_sync.imap.idle import Watch, Watched
from calendar_sync.imap.listings import Listings
from calendar_sync.imap.settings import ImapSettings, Login, login_of
from calendar_sync.imap.sweep import Memory, Place, View, differs
from calendar_sync.imap.sweeping import Round
from calendar_sync.imap.sync import Token, is_as_read
from calendar_sync.imap.uidset import UidSet
from freebusy.errors import CalendarMissingError, SourceUnavailableError
from freebusy.ports import Calendar, Owner
from freebusy.schedule import Pace

if TYPE_CHECKING:
    from collections.abc import Sequence

BOX = Examined(7, 5, 4, 100)
LOGIN = Login("reader", "secret")
HANS, BERTA = Owner("hans", "hans@example.com"), Owner("berta", "berta@example.com")


@pytest.mark.parametrize(
    ("known", "found", "expected"),
    [
        (BOX, BOX, False),
        (BOX, replace(BOX, highestmodseq=101), True),
        (BOX, replace(BOX, exists=3), True),
        (BOX, replace(BOX, uidvalidity=8), True),
        (BOX, replace(BOX, highestmodseq=None), False),
        (replace(BOX, highestmodseq=None), replace(BOX, uidnext=6), True),
        (BOX, None, True),
        (None, BOX, True),
        (None, None, False),
    ],
)
def test_difference(known: Examined | None, found: Examined | None, *, expected: bool) -> None:
    """Modification sequences count where both have one, all else always."""
    assert expected == differs(known, found)


def test_memory_knows_the_busiest() -> None:
    """Those that changed last come first, the others as they were given."""
    memory = Memory()
    places = [Place(LOGIN, name) for name in "abcd"]
    for number in (2, 1):
        memory.changed(places[number])
    assert [places[n] for n in (1, 2, 0)] == memory.latest(places, 3)
    memory.read(places[3], BOX)
    assert places[3] == memory.latest(places, 1)[0]
    assert (BOX, None) == (memory.known(places[3]), memory.known(places[0]))


# -- what is reported


class Looks:
    """One folder that is looked at, and read in between."""

    def __init__(self) -> None:
        self.place = Place(LOGIN, "Calendar")
        watched = Watched(self.place, (Calendar("reader/Calendar", HANS, "Calendar"),), self.place)
        self.memory = Memory()
        self.watch = Watch(ImapSettings("host", "x"), None, self.memory, print)  # type: ignore[arg-type]  # no connection is needed
        self.round = Round([watched], Pace(60))

    def look(self, box: Examined | None) -> bool:
        """Whether a look that sees the folder so is news."""
        view = View({"Calendar": box} if box else {}, 0.1, frozenset())
        return bool(self.round.changed(self.watch, view))


def later(modseq: int) -> Examined:
    return replace(BOX, highestmodseq=modseq)


def test_each_change_is_news_once() -> None:
    """Without any reading, a change is told once, and so is the next."""
    looks = Looks()
    assert [False, False, True, False, True] == [
        looks.look(box) for box in (BOX, BOX, later(101), later(101), later(102))
    ]


def test_what_changed_before_the_first_look_is_news() -> None:
    """Nothing is lost between a reading and the watch that follows it."""
    looks = Looks()
    looks.memory.read(looks.place, BOX)
    assert [True, False] == [looks.look(later(101)), looks.look(later(101))]


def test_what_was_read_meanwhile_is_no_news() -> None:
    """IDLE told of it, it was read, and the sweep keeps silent."""
    looks = Looks()
    looks.look(BOX)
    looks.memory.read(looks.place, later(101))
    assert not looks.look(later(101))


def test_a_folder_that_goes_and_comes_is_news() -> None:
    """Gone, and there again with another UIDVALIDITY: told each time."""
    looks = Looks()
    looks.memory.read(looks.place, BOX)
    new = replace(BOX, uidvalidity=8)
    assert [False, True, False, True] == [looks.look(box) for box in (BOX, None, None, new)]


# -- tokens


@pytest.mark.parametrize(
    ("changes", "box", "expected"),
    [
        ({}, BOX, True),
        ({}, later(101), False),
        ({}, None, False),
        ({"modseq": None}, replace(BOX, highestmodseq=None), False),
        ({"calendar": "another"}, BOX, False),
        ({"uidvalidity": 8}, BOX, False),
        ({"exists": 5}, BOX, False),
    ],
)
def test_only_modification_sequences_prove_rest(
    changes: dict[str, Any], box: Examined | None, *, expected: bool
) -> None:
    """A mailbox is as it was at a token where all numbers say so."""
    token = Token("mine", 7, UidSet.of(range(1, 5)), 100, 4, 5)
    assert expected == is_as_read(replace(token, **changes).text(), "mine", box)


# -- listings


class Lists:
    """People whose calendars are listed out of a dictionary."""

    def __init__(self, **settings: Any) -> None:
        usual: dict[str, Any] = {"username": "reader", "password": "x", "survey_seconds": 1000.0}
        self.settings = ImapSettings("host", **{**usual, **settings})
        self.names: dict[str, tuple[str, ...]] = {"hans": ("Calendar",), "berta": ("Calendar",)}
        self.surveys = 0
        self.asked: list[str] = []
        self.listings = Listings(self.settings, self.calendars, self.forget)
        for owner in (HANS, BERTA):
            self.listings.note(owner, self.calendars(owner))
        self.asked.clear()
        self.login = login_of(self.settings, HANS)

    def forget(self) -> None:
        self.surveys += 1

    def calendars(self, owner: Owner) -> Sequence[Calendar]:
        self.asked.append(owner.name)
        names = self.names[owner.name]
        if not names:
            raise CalendarMissingError("none")
        return [Calendar(f"reader/user/{owner.name}/{name}", owner, name) for name in names]

    def changed(self, *news: str) -> list[str]:
        return [owner.name for owner in self.listings.changed(self.login, frozenset(news))]


def test_a_new_folder_concerns_whose_list_it_changes() -> None:
    """Everybody's list is compared, from one new survey."""
    lists = Lists()
    lists.listings.changed(lists.login, None)
    lists.names["berta"] = ("Calendar", "Team")
    assert (["berta"], 1) == (lists.changed("user/berta/Team"), lists.surveys)
    assert [] == lists.changed()


def test_a_folder_that_goes_leaves_nobody_out() -> None:
    """Who has no calendar any more has another list, too."""
    lists = Lists()
    lists.listings.changed(lists.login, None)
    lists.names["hans"] = ()
    assert ["hans"] == lists.changed("user/hans/Calendar")


def test_named_folders_are_listed_for_those_they_mention() -> None:
    """Where names alone decide, a folder of one person has nobody else listed."""
    lists = Lists(folder=("user/{local}/Calendar",))
    lists.listings.changed(lists.login, None)
    lists.names["hans"] = ()
    assert ["hans"] == lists.changed("user/hans/Calendar")
    assert ["hans"] == lists.asked


def test_a_first_sweep_says_nothing_of_a_shared_login() -> None:
    """Nothing is known to be new; who has a login alone is listed once more."""
    lists = Lists()
    assert [] == lists.listings.changed(lists.login, None)
    own = Lists(username="{local}")
    assert [HANS] == own.listings.changed(own.login, None)


def test_types_and_rights_are_looked_at_now_and_then() -> None:
    """Without any new folder, everybody is listed anew after some lifetimes of a survey."""
    lists = Lists(survey_seconds=0.0)
    lists.listings.changed(lists.login, None)
    lists.names["hans"] = ("Calendar", "Team")
    assert ["hans"] == lists.changed()


def test_who_cannot_be_listed_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure there is no proof that nothing changed."""
    lists = Lists()
    lists.listings.changed(lists.login, None)

    def fail(_: Owner) -> Sequence[Calendar]:
        raise SourceUnavailableError("later")

    monkeypatch.setattr(lists.listings, "_calendars", fail)
    assert ["hans", "berta"] == lists.changed("user/hans/Team")
