"""Which folders count for whom: the rules as tables, on surveys that no server had to give."""

from __future__ import annotations

import pytest

from calendar_sync.imap.namespaces import Kind, Namespaces, Space, translated
from calendar_sync.imap.relevance import Seeker, Verdict, judged
from calendar_sync.imap.rights import Identity
from calendar_sync.imap.survey import Folder, Survey, _by_identifier, is_calendar

TYPE = "/shared/vendor/kolab/folder-type"
CYRUS = Namespaces((Space("INBOX.", "."),), (Space("user.", "."),), (Space("", "."),))
ADMIN = Namespaces((), CYRUS.others, CYRUS.shared)
ALT = Namespaces((Space("", "/"),), (Space("Other Users/", "/"),), (Space("Shared Folders/", "/"),))
DOVECOT = Namespaces((Space("", "/"),), (Space("user/", "/"),), (Space("Public/", "/"),))
BERND = Seeker(("bernd",), Identity(frozenset({"bernd"}), frozenset({"team"})))


def survey(*folders: Folder, **acls: str) -> Survey:
    """Make a survey of a service login; lists as ``a_folder="who rights who rights"``."""
    lists = {}
    for name, text in acls.items():
        words = text.split()
        lists[name] = tuple(zip(words[::2], words[1::2], strict=True))
    by_user: dict[str, tuple[Folder, ...]] = {}
    for folder in folders:
        if folder.kind is not Kind.SHARED:
            by_user[folder.user] = (*by_user.get(folder.user, ()), folder)
    foreign = tuple(f for f in folders if f.kind is Kind.SHARED or f.relevance)
    names = tuple(sorted(folder.name for folder in folders))
    return Survey(CYRUS, names, by_user, foreign, None, lists, _by_identifier(foreign, lists))


@pytest.mark.parametrize(
    ("kind", "relevance", "acl", "expected"),
    [
        (Kind.SHARED, "", "bernd lra", Verdict.SHARED),
        (Kind.SHARED, "", "bernd lr", Verdict.NO_RIGHT),
        (Kind.SHARED, "", "anna lra", None),
        (Kind.SHARED, "admins", "bernd lra", Verdict.SHARED),
        (Kind.SHARED, "admins", "group:team a", Verdict.SHARED),
        (Kind.SHARED, "admins", "anyone lr", Verdict.NO_RIGHT),
        (Kind.SHARED, "readers", "anyone lr", Verdict.SHARED),
        (Kind.SHARED, "readers", "anyone lr -bernd r", Verdict.NO_RIGHT),
        (Kind.SHARED, "readers", "bernd l", Verdict.NO_RIGHT),
        (Kind.SHARED, "whatever", "bernd lr", Verdict.NO_RIGHT),
        (Kind.OTHERS, "", "bernd lrswipkxtecda", None),
        (Kind.OTHERS, "admins", "bernd lra", Verdict.SHARED),
        (Kind.OTHERS, "admins", "bernd lr", Verdict.NO_RIGHT),
        (Kind.OTHERS, "readers", "bernd lr", Verdict.SHARED),
    ],
)
def test_folders_of_others(kind: Kind, relevance: str, acl: str, expected: Verdict | None) -> None:
    """A shared folder counts by right and annotation, another person's only with an annotation."""
    user = "anna" if kind is Kind.OTHERS else ""
    folder = Folder("f", kind, user, relevance=relevance)
    found = [each.verdict for each in judged(survey(folder, f=acl), BERND)]
    assert ([] if expected is None else [expected]) == found


@pytest.mark.parametrize("relevance", ["", "admins", "readers", "nobody"])
def test_own_folders(relevance: str) -> None:
    """Own folders count whatever the list and the annotation say: a colleague may have set it."""
    folder = Folder("user.bernd.Calendar", Kind.OTHERS, "bernd", relevance=relevance)
    (found,) = judged(survey(folder, **{folder.name: "anna lra"}), BERND)
    assert Verdict.OWN is found.verdict


def test_a_secretary_is_not_busy_all_day() -> None:
    """All rights on five calendars of others make none of them count."""
    bosses = [Folder(f"user.boss{n}.Calendar", Kind.OTHERS, f"boss{n}") for n in range(5)]
    own = Folder("user.bernd.Calendar", Kind.OTHERS, "bernd")
    acls = {boss.name: "bernd lrswipkxtecda" for boss in bosses}
    assert [own.name] == [each.folder for each in judged(survey(own, *bosses, **acls), BERND)]


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        ((), (), {"a.one": Verdict.OWN}),
        ((), ("a*",), {"a.one": Verdict.EXCLUDED}),
        (("b.*",), (), {"a.one": Verdict.OWN, "b.two": Verdict.NAMED, "b.three": Verdict.NAMED}),
        (("*.t*o",), (), {"a.one": Verdict.OWN, "b.two": Verdict.NAMED}),
        (("b.t",), (), {"a.one": Verdict.OWN}),
        (
            ("b.*",),
            ("*.three",),
            {"a.one": Verdict.OWN, "b.two": Verdict.NAMED, "b.three": Verdict.EXCLUDED},
        ),
        (("a.one",), (), {"a.one": Verdict.NAMED}),
        (("[ab].one", "a?one"), (), {"a.one": Verdict.OWN}),
    ],
)
def test_patterns(
    include: tuple[str, ...], exclude: tuple[str, ...], expected: dict[str, Verdict]
) -> None:
    """The configuration adds folders and leaves folders out; leaving out wins."""
    seen = survey(Folder("a.one", Kind.OTHERS, "bernd"))
    seen = Survey(CYRUS, ("a.one", "b.three", "b.two"), seen.by_user)
    found = judged(seen, Seeker(("bernd",), include=include, exclude=exclude))
    assert expected == {each.folder: each.verdict for each in found}


def test_types_come_before_names() -> None:
    """Where one folder is a calendar by its type, another one's name makes none of it."""
    typed = Folder("user.bernd.Termine", Kind.OTHERS, "bernd")
    named = Folder("user.bernd.Calendar", Kind.OTHERS, "bernd", is_typed=False)
    assert [typed.name] == [each.folder for each in judged(survey(typed, named), BERND)]
    assert [named.name] == [each.folder for each in judged(survey(named), BERND)]


def test_readable_for_is_kept() -> None:
    """Who may see details, by pxfb-readable-for, is reported."""
    folder = Folder("c", Kind.OTHERS, "bernd", readable_for="anna@example.com")
    assert ["anna@example.com"] == [each.readable_for for each in judged(survey(folder), BERND)]


@pytest.mark.parametrize(
    ("spaces", "folder", "expected"),
    [
        (CYRUS, "INBOX", Kind.PERSONAL),
        (CYRUS, "INBOX.Calendar", Kind.PERSONAL),
        (CYRUS, "user.anna.Calendar", Kind.OTHERS),
        (CYRUS, "shared.Team", Kind.SHARED),
        (CYRUS, "users.Team", Kind.SHARED),
        (DOVECOT, "Calendar", Kind.PERSONAL),
        (DOVECOT, "user/anna/Calendar", Kind.OTHERS),
        (DOVECOT, "Public/Team", Kind.SHARED),
        (DOVECOT, "Publications", Kind.PERSONAL),
        (ALT, "Shared Folders/Team", Kind.SHARED),
        (ADMIN, "user.anna", Kind.OTHERS),
    ],
)
def test_whose_a_folder_is(spaces: Namespaces, folder: str, expected: Kind) -> None:
    """The namespace with the longest prefix that fits says whose a folder is."""
    place = spaces.place(folder)
    assert place is not None
    assert expected is place[0]


@pytest.mark.parametrize(
    ("folder", "own", "expected"),
    [
        ("user.hans.Calendar", CYRUS, "INBOX.Calendar"),
        ("user.hans.A.B", ALT, "A/B"),
        ("user.hans", CYRUS, "INBOX"),
        ("user.anna.Calendar", CYRUS, "user.anna.Calendar"),
        ("user.anna.Calendar", ALT, "Other Users/anna/Calendar"),
        ("Team.Calendar", CYRUS, "Team.Calendar"),
        ("Team.Calendar", ALT, "Shared Folders/Team/Calendar"),
    ],
)
def test_names_as_the_person_knows_them(folder: str, own: Namespaces, expected: str) -> None:
    """What an administrator lists is opened by the name that the person knows it by."""
    assert expected == translated(folder, {"hans"}, ADMIN, own)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({TYPE: b"event"}, True),
        ({TYPE: b"event.default"}, True),
        ({TYPE: b"EVENT.DEFAULT"}, True),
        ({"/private/vendor/kolab/folder-type": b"event.default"}, True),
        ({TYPE: b"eventually"}, False),
        ({TYPE: b"mail"}, False),
        ({}, False),
    ],
)
def test_folder_types(entries: dict[str, bytes], expected: bool) -> None:
    """Folders of type event, with any subtype, are calendars."""
    assert expected is is_calendar(entries)
