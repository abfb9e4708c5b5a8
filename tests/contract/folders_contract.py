"""The contract of folders, on real mail servers and in memory."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import pytest

from freebusy.connector.roles import ORDER, ordered
from freebusy.errors import (
    BadFolderError,
    FolderError,
    FolderExistsError,
    FolderFilledError,
    NoFolderError,
    NotPermittedError,
    SourceError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from freebusy.ports import AccessControl, CalendarFolder, CalendarFolders, Owner

ALL = frozenset(ORDER)


class FoldersPlace(Protocol):
    """Two people without any calendar, and what lies behind their folders."""

    who: Owner
    other: Owner
    separator: str
    top: str
    """How the paths of one's own folders begin."""

    @property
    def folders(self) -> CalendarFolders:
        """What is tried."""

    @property
    def access(self) -> AccessControl:
        """What is tried."""

    def seen_by_other(self, path: str) -> str:
        """Return what the other one calls an own folder of ``who``."""

    def fill(self, who: Owner, path: str) -> None:
        """Add one item, as another client does."""

    def later(self) -> None:
        """Let sessions end: in an open one a server may remember rights for a while."""

    def add_shared(self, name: str, **acl: str) -> str:
        """Make a calendar that is nobody's, and return its path; ``acl`` is all its rights."""


class OnAFoldersPlace:
    """Fixtures of the contract."""

    @pytest.fixture
    def place(self) -> FoldersPlace:
        raise NotImplementedError

    @pytest.fixture
    def calendar(self, place: FoldersPlace) -> Iterator[CalendarFolder]:
        """Give a new calendar of ``who``, which is shared with nobody at the end."""
        made = place.folders.create(place.who, "Calendar")
        yield made
        with contextlib.suppress(FolderError):
            place.access.revoke(place.who, made.path, "anyone")


def seen(place: FoldersPlace, who: Owner) -> list[CalendarFolder]:
    """Return what somebody sees; others may share folders with everyone meanwhile."""
    known = {None, place.who.name, place.other.name}
    return [folder for folder in place.folders.folders(who) if folder.owner in known]


def paths(place: FoldersPlace, who: Owner) -> list[str]:
    """Return the paths of what somebody sees."""
    return [folder.path for folder in seen(place, who)]


def held(place: FoldersPlace, path: str, who: Owner | None = None) -> int:
    """Return how many items a folder holds."""
    state = place.folders.folder(who or place.who, path).state
    return -1 if state is None else state.messages


BAD_NAMES = ["", " ", " a", "a ", "a*b", "a%", "a\nb", "a\r\nb", "a\0b", "a\x7fb", "INBOX", "inbox"]


class FoldersContract(OnAFoldersPlace):
    """What everybody keeps to who has folders (``freebusy.ports.CalendarFolders``)."""

    # making

    def test_nobody_has_folders_at_first(self, place: FoldersPlace) -> None:
        """Who has no calendar sees none."""
        assert [[], []] == [seen(place, who) for who in (place.who, place.other)]

    def test_a_folder_that_is_made_is_there(self, place: FoldersPlace) -> None:
        """A new folder is one's own, empty, with all rights, and where the server wants it."""
        made = place.folders.create(place.who, "Calendar")
        assert (place.top + "Calendar", "own", None, True, 0) == (
            made.path,
            made.kind,
            made.owner,
            made.is_default,
            held(place, made.path),
        )
        assert made.rights >= ALL
        assert [made] == seen(place, place.who)
        assert made == place.folders.folder(place.who, made.path)

    def test_any_name_is_kept(self, place: FoldersPlace) -> None:
        """A name comes back as it was given."""
        names = ["Work", "Grüße & more", "x-y_z+1", "予定表", "a'b"]
        made = [place.folders.create(place.who, name) for name in names]
        assert [(name, place.top + name) for name in names] == [(f.name, f.path) for f in made]

    def test_what_is_no_name_is_refused(self, place: FoldersPlace) -> None:
        """Wildcards, control characters, spaces at the ends and INBOX are refused."""
        for name in BAD_NAMES:
            with pytest.raises(BadFolderError):
                place.folders.create(place.who, name)
        assert [] == paths(place, place.who)

    def test_a_separator_is_no_part_of_a_name(self, place: FoldersPlace) -> None:
        """Nobody makes a folder below another by its name."""
        for name in (f"a{place.separator}b", f"{place.separator}a", f"a{place.separator}"):
            with pytest.raises(BadFolderError):
                place.folders.create(place.who, name)

    def test_a_name_is_given_once(self, place: FoldersPlace, calendar: CalendarFolder) -> None:
        """A second folder of the same name is refused, and the first one stays."""
        with pytest.raises(FolderExistsError):
            place.folders.create(place.who, "Calendar")
        assert [calendar.path] == paths(place, place.who)

    def test_folders_lie_below_others(self, place: FoldersPlace, calendar: CalendarFolder) -> None:
        """With a parent a folder lies below it."""
        made = place.folders.create(place.who, "Sub", parent=calendar.path)
        assert (f"{calendar.path}{place.separator}Sub", calendar.path) == (made.path, made.parent)
        with pytest.raises(NoFolderError):
            place.folders.create(place.who, "Sub", parent=calendar.path + "x")

    # moving

    def test_a_rename_keeps_everything(self, place: FoldersPlace, calendar: CalendarFolder) -> None:
        """Items, folders below, and who else may use it follow the new name."""
        sub = place.folders.create(place.who, "Sub", parent=calendar.path)
        place.fill(place.who, calendar.path)
        place.fill(place.who, sub.path)
        place.access.grant(place.who, calendar.path, place.other.name, frozenset("lr"))
        moved = place.folders.move(place.who, calendar.path, name="Termine")
        below = f"{moved.path}{place.separator}Sub"
        assert (place.top + "Termine", 1, 1) == (
            moved.path,
            held(place, moved.path),
            held(place, below),
        )
        assert [moved.path, below] == paths(place, place.who)
        theirs = place.seen_by_other(moved.path)
        assert ([theirs], 1) == (paths(place, place.other), held(place, theirs, place.other))

    def test_a_rename_of_a_folder_below(self, place: FoldersPlace) -> None:
        """A folder below another keeps its place when it gets another name."""
        parent = place.folders.create(place.who, "Calendar")
        sub = place.folders.create(place.who, "Sub", parent=parent.path)
        moved = place.folders.move(place.who, sub.path, name="New")
        assert (parent.path, "New") == (moved.parent, moved.name)

    def test_a_folder_goes_below_another_and_back(
        self, place: FoldersPlace, calendar: CalendarFolder
    ) -> None:
        """A parent puts a folder below it, and an empty one to the top of one's own."""
        work = place.folders.create(place.who, "Work")
        place.fill(place.who, work.path)
        below = place.folders.move(place.who, work.path, parent=calendar.path)
        assert (calendar.path, "Work", 1) == (below.parent, below.name, held(place, below.path))
        back = place.folders.move(place.who, below.path, parent="", name="Again")
        assert (place.top + "Again", 1) == (back.path, held(place, back.path))

    def test_a_move_to_where_it_is(self, place: FoldersPlace, calendar: CalendarFolder) -> None:
        """Nothing happens to a folder that is to be as it is."""
        for wanted in ({}, {"name": "Calendar"}):
            assert calendar.path == place.folders.move(place.who, calendar.path, **wanted).path

    def test_moves_that_cannot_be(self, place: FoldersPlace, calendar: CalendarFolder) -> None:
        """Below itself, onto another, below nothing, and to no name."""
        place.folders.create(place.who, "Work")

        def refused(error: type[Exception], **wanted: str) -> None:
            with pytest.raises(error):
                place.folders.move(place.who, calendar.path, **wanted)

        refused(BadFolderError, parent=calendar.path)
        refused(FolderExistsError, name="Work")
        refused(NoFolderError, parent=place.top + "Nothing")
        for name in BAD_NAMES:
            refused(BadFolderError, name=name)
        assert [calendar.path, place.top + "Work"] == paths(place, place.who)

    # deleting

    def test_an_empty_folder_is_deleted(
        self, place: FoldersPlace, calendar: CalendarFolder
    ) -> None:
        """A deleted folder is gone, and its name is free."""
        place.folders.delete(place.who, calendar.path)
        assert [] == paths(place, place.who)
        assert calendar.path == place.folders.create(place.who, "Calendar").path

    def test_a_filled_folder_stays(self, place: FoldersPlace, calendar: CalendarFolder) -> None:
        """A folder with items is deleted only where that is said, and the refusal counts them."""
        place.fill(place.who, calendar.path)
        place.fill(place.who, calendar.path)
        with pytest.raises(FolderFilledError) as refusal:
            place.folders.delete(place.who, calendar.path)
        assert (2, 2) == (refusal.value.items, held(place, calendar.path))
        place.folders.delete(place.who, calendar.path, even_if_filled=True)
        assert [] == paths(place, place.who)

    # what is not there, and what others see

    def test_what_is_no_calendar_is_not_there(self, place: FoldersPlace) -> None:
        """One answer for all that is no calendar: mail folders are out of reach."""
        tried: list[Callable[[str], object]] = [
            lambda path: place.folders.folder(place.who, path),
            lambda path: place.folders.move(place.who, path, name="X"),
            lambda path: place.folders.delete(place.who, path, even_if_filled=True),
            lambda path: place.access.acl(place.who, path),
            lambda path: place.access.grant(place.who, path, place.other.name, frozenset("lr")),
            lambda path: place.access.revoke(place.who, path, place.other.name),
        ]
        for path in ("", "Nothing", "INBOX", "..", "*", "%", "a\r\nb", "user/x/y"):
            for attempt in tried:
                with pytest.raises(NoFolderError):
                    attempt(path)

    def test_what_is_not_shared_is_not_there(
        self, place: FoldersPlace, calendar: CalendarFolder
    ) -> None:
        """Another's folder without a right on it is answered as if it were not there."""
        theirs = place.seen_by_other(calendar.path)
        with pytest.raises(NoFolderError):
            place.folders.folder(place.other, theirs)
        with pytest.raises(NoFolderError):
            place.folders.delete(place.other, theirs, even_if_filled=True)

    def test_a_shared_folder_is_not_ones_own(
        self, place: FoldersPlace, calendar: CalendarFolder
    ) -> None:
        """It tells whose it is and what one may do, and that is all that one may."""
        place.access.grant(place.who, calendar.path, place.other.name, frozenset("lr"))
        (found,) = seen(place, place.other)
        assert ("other", place.who.name, "lr", False) == (
            found.kind,
            found.owner,
            ordered(found.rights),
            found.is_default,
        )
        with pytest.raises(NotPermittedError):
            place.folders.delete(place.other, found.path)
        with pytest.raises(NotPermittedError):
            place.folders.create(place.other, "Sub", parent=found.path)

    def test_a_state_changes_with_the_items(
        self, place: FoldersPlace, calendar: CalendarFolder
    ) -> None:
        """Equal states mean that nothing happened."""
        before = place.folders.folder(place.who, calendar.path).state
        assert before == place.folders.folder(place.who, calendar.path).state
        place.fill(place.who, calendar.path)
        assert before != place.folders.folder(place.who, calendar.path).state

    def test_a_wrong_password_opens_nothing(
        self, place: FoldersPlace, calendar: CalendarFolder
    ) -> None:
        """A wrong password is a SourceError, also while the right one is in use."""
        wrong = replace(place.who, password="wrong-" + str(place.who.password))
        with pytest.raises(SourceError):
            place.folders.folders(wrong)
        with pytest.raises(SourceError):
            place.access.acl(wrong, calendar.path)
        assert [calendar.path] == paths(place, place.who)
