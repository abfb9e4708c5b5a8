"""The contract of who may do what in a folder, on real mail servers and in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from freebusy.connector.roles import ORDER, ROLES, normalised, ordered, role_of
from freebusy.errors import NoFolderError, NotPermittedError, RightsKeptError
from tests.contract.folders_contract import ALL, OnAFoldersPlace, paths, seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from freebusy.ports import CalendarFolder
    from tests.contract.folders_contract import FoldersPlace

GIVEN = [*ROLES.values(), *map(frozenset, ORDER), frozenset(), normalised("lrc"), normalised("lrd")]


def _readable(rights: frozenset[str]) -> str:
    """Return the rights on a folder that can be read; one that cannot may show or not."""
    return ordered(rights) if {"l", "r"} <= rights else ""


class AccessContract(OnAFoldersPlace):
    """Who may do what (``freebusy.ports.AccessControl``); every folder here is empty."""

    @pytest.mark.parametrize("user", ["other", "anyone"])
    def test_each_role_and_letter(
        self, place: FoldersPlace, calendar: CalendarFolder, user: str
    ) -> None:
        """Just the rights that are given are in force, in the list and for the other person."""
        name, path = place.other.name if user == "other" else user, calendar.path
        expected = [(name, ordered(r), ordered(r), role_of(r), _readable(r)) for r in GIVEN]
        found = []
        for rights in GIVEN:
            entry = place.access.grant(place.who, path, name, rights)
            listed = {each.user: each.rights for each in place.access.acl(place.who, path)}
            place.later()
            theirs = {each.path: each.rights for each in seen(place, place.other)}
            found.append(
                (
                    entry.user,
                    ordered(entry.rights),
                    ordered(listed.get(name, frozenset())),
                    role_of(entry.rights),
                    _readable(theirs.get(place.seen_by_other(path), frozenset())),
                )
            )
        assert expected == found

    def test_a_shared_folder_comes_and_goes(
        self, place: FoldersPlace, calendar: CalendarFolder
    ) -> None:
        """A folder shows in the other one's list as soon, and as long, as it is shared."""
        theirs = place.seen_by_other(calendar.path)
        for name in (place.other.name, "anyone"):
            place.access.grant(place.who, calendar.path, name, ROLES["guest"])
            place.later()
            assert [theirs] == paths(place, place.other)
            entry = place.access.revoke(place.who, calendar.path, name)
            place.later()
            assert (name, frozenset(), []) == (entry.user, entry.rights, paths(place, place.other))

    def test_only_administrators_see_the_list(
        self, place: FoldersPlace, calendar: CalendarFolder
    ) -> None:
        """Without the right a nobody sees or changes who may do what."""
        place.access.grant(place.who, calendar.path, place.other.name, ROLES["power user"])
        theirs = place.seen_by_other(calendar.path)
        with pytest.raises(NotPermittedError):
            place.access.acl(place.other, theirs)
        with pytest.raises(NotPermittedError):
            place.access.grant(place.other, theirs, place.other.name, ALL)
        with pytest.raises(NotPermittedError):
            place.access.revoke(place.other, theirs, place.who.name, force=True)

    def test_another_administrator(self, place: FoldersPlace, calendar: CalendarFolder) -> None:
        """Who was given the right a gives rights to others."""
        place.access.grant(place.who, calendar.path, place.other.name, ALL)
        theirs = place.seen_by_other(calendar.path)
        entry = place.access.grant(place.other, theirs, "anyone", frozenset("l"))
        assert frozenset("l") == entry.rights
        users = {each.user for each in place.access.acl(place.who, calendar.path)}
        assert {place.who.name, place.other.name, "anyone"} == users

    def test_who_is_not_in_the_list_is_taken_out(
        self, place: FoldersPlace, calendar: CalendarFolder
    ) -> None:
        """To take out who is not there changes nothing and is no error."""
        before = place.access.acl(place.who, calendar.path)
        entry = place.access.revoke(place.who, calendar.path, place.other.name)
        assert frozenset() == entry.rights
        assert before == place.access.acl(place.who, calendar.path)

    @pytest.mark.parametrize("force", [False, True], ids=["plain", "force"])
    def test_an_owner_stays_administrator(
        self, place: FoldersPlace, calendar: CalendarFolder, force: bool
    ) -> None:
        """Without force it is not tried; with it the server keeps the right, and that is told."""
        me, path = place.who.name, calendar.path
        takes: list[Callable[[], object]] = [
            lambda: place.access.revoke(place.who, path, me, force=force),
            lambda: place.access.grant(place.who, path, me, frozenset("lrs"), force=force),
        ]
        for take in takes:
            with pytest.raises(RightsKeptError) as kept:
                take()
            rights = place.folders.folder(place.who, calendar.path).rights
            assert (ordered(rights), True) == (kept.value.rights, "a" in rights)
        entry = place.access.grant(place.who, calendar.path, place.who.name, ALL)
        assert entry.rights >= ALL

    def test_an_owner_is_guarded_from_others(
        self, place: FoldersPlace, calendar: CalendarFolder
    ) -> None:
        """Another administrator takes the owner's right to administer by force only."""
        place.access.grant(place.who, calendar.path, place.other.name, ALL)
        theirs = place.seen_by_other(calendar.path)
        with pytest.raises(RightsKeptError):
            place.access.revoke(place.other, theirs, place.who.name)
        assert place.folders.folder(place.who, calendar.path).rights >= ALL

    def test_lock_out_and_return(self, place: FoldersPlace) -> None:
        """In a folder that is nobody's one locks oneself out, and another lets one in again."""
        me, other = place.who.name, place.other.name
        path = place.add_shared("Calendar", **{me: ORDER, other: ORDER})
        with pytest.raises(RightsKeptError) as kept:
            place.access.grant(place.who, path, me, frozenset("lrs"))
        assert ORDER == kept.value.rights
        entry = place.access.grant(place.who, path, me, frozenset("lrs"), force=True)
        assert (me, frozenset("lrs")) == (entry.user, entry.rights)
        place.later()
        with pytest.raises(NotPermittedError):
            place.access.grant(place.who, path, me, ALL)
        assert ALL == place.access.grant(place.other, path, me, ALL).rights
        place.later()
        entry = place.access.revoke(place.who, path, me, force=True)
        place.later()
        assert (frozenset(), []) == (entry.rights, paths(place, place.who))
        with pytest.raises(NoFolderError):
            place.access.acl(place.who, path)
        assert ALL == place.access.grant(place.other, path, me, ALL).rights
        place.later()
        assert [path] == paths(place, place.who)
