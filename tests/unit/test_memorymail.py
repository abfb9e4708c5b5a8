"""The mail server in memory keeps to what real ones do."""

from __future__ import annotations

import pytest

from calendar_sync.memorymail import MemoryMail
from freebusy.errors import (
    BadFolderError,
    FolderExistsError,
    FolderFilledError,
    NoFolderError,
    NotPermittedError,
    RightsKeptError,
    SourceRefusedError,
    UnreachableError,
)
from freebusy.ports import ItemChange, Owner

HANS = Owner("hans", "hans@example.com", password="secret")
EVA = Owner("eva", "eva@example.com", password="secret")
CALENDAR = "Calendar"
OF_HANS = "user/hans/Calendar"


def event(uid: str, summary: str = "Meeting", *more: str) -> str:
    lines = ("BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", f"UID:{uid}", *more)
    return "\r\n".join((*lines, f"SUMMARY:{summary}", "END:VEVENT", "END:VCALENDAR", ""))


def put(uid: str, *replaces: str, change: str = "", summary: str = "Meeting") -> ItemChange:
    return ItemChange("put", uid, event(uid, summary), replaces, change)


@pytest.fixture
def mail() -> MemoryMail:
    mail = MemoryMail()
    for user in ("hans", "eva"):
        mail.add_user(user)
    return mail


def rights(mail: MemoryMail, user: str, letters: str) -> None:
    mail.grant(HANS, CALENDAR, user, frozenset(letters))


def test_only_what_changed_comes(mail: MemoryMail) -> None:
    """Pages tell a folder afresh once, then what is new and what is gone."""
    for number in range(3):
        mail.write(HANS, CALENDAR, [put(f"u{number}")])
    first = mail.changes(HANS, CALENDAR, None, limit=2)
    last = mail.changes(HANS, CALENDAR, first.token, limit=2)
    told = [[item.href for item in page.items] for page in (first, last)]
    assert [[["1", "2"], ["3"]], [True, True], [True, False]] == [
        told,
        [first.is_fresh, last.is_fresh],
        [first.more, last.more],
    ]
    mail.write(HANS, CALENDAR, [put("u1", "2"), ItemChange("delete", "u0", replaces=("1",))])
    after = mail.changes(HANS, CALENDAR, last.token, limit=9)
    assert (["4"], ["2", "1"], False) == (
        [item.href for item in after.items],
        list(after.gone),
        after.is_fresh,
    )
    still = mail.changes(HANS, CALENDAR, after.token, limit=9)
    assert (after.token, (), (), None, False) == (
        still.token,
        still.items,
        still.gone,
        still.rights,
        still.acl_changed,
    )


def test_a_restored_folder_is_told_afresh(mail: MemoryMail) -> None:
    """Another UIDVALIDITY makes a token useless, which is no error."""
    mail.append(HANS, CALENDAR, event("a"))
    token = mail.changes(HANS, CALENDAR, None, limit=9).token
    mail.renew(HANS, CALENDAR)
    page = mail.changes(HANS, CALENDAR, token, limit=9)
    assert (True, ["1"]) == (page.is_fresh, [item.href for item in page.items])


def test_changed_rights_are_told(mail: MemoryMail) -> None:
    """Who looks at a folder learns of other rights, and of another list, once."""
    rights(mail, "eva", "lr")
    token = mail.changes(EVA, OF_HANS, None, limit=9).token
    rights(mail, "eva", "lrs")
    page = mail.changes(EVA, OF_HANS, token, limit=9)
    assert ("lrs", True) == (page.rights, page.acl_changed)
    again = mail.changes(EVA, OF_HANS, page.token, limit=9)
    assert (None, False) == (again.rights, again.acl_changed)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (put("a", "1"), ("done", "3")),
        (put("a"), ("conflict", None)),
        (put("a", "9"), ("conflict", None)),
        (put("a", "1", "9"), ("conflict", None)),
        (put("new"), ("done", "3")),
        (put("new", "2"), ("conflict", None)),
        (put("b", change="mine"), ("done", "2")),
        (put("b", change="other"), ("conflict", None)),
        (ItemChange("delete", "a", replaces=("1",)), ("done", None)),
        (ItemChange("delete", "a", replaces=("2",)), ("conflict", None)),
        (ItemChange("put", "c", event("d")), ("refused", None)),
        (ItemChange("put", "c", "BEGIN:VCALENDAR"), ("refused", None)),
    ],
)
def test_a_change(mail: MemoryMail, change: ItemChange, expected: tuple[str, str | None]) -> None:
    """What is not as its writer knows it is a conflict, and nothing is done."""
    mail.write(HANS, CALENDAR, [put("a"), put("b", change="mine")])
    before = mail.items(HANS, CALENDAR)
    (result,) = mail.write(HANS, CALENDAR, [change])
    assert expected == (result.status, result.href)
    if result.status != "done":
        assert before == mail.items(HANS, CALENDAR)


def test_instances_in_messages_of_their_own(mail: MemoryMail) -> None:
    """A partial message that is newer is a conflict, an older one is not."""
    instance = event("a", "Moved", "RECURRENCE-ID:20260101T100000Z")
    old = mail.append(HANS, CALENDAR, instance)
    whole = mail.append(HANS, CALENDAR, event("a"))
    assert (True, False) == (old.is_partial, whole.is_partial)
    (result,) = mail.write(HANS, CALENDAR, [put("a", whole.href)])
    assert ("done", "3") == (result.status, result.href)
    mail.append(HANS, CALENDAR, instance)
    assert "conflict" == mail.write(HANS, CALENDAR, [put("a", "3")])[0].status


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("", NoFolderError),
        ("r", NoFolderError),
        ("l", NotPermittedError),
        ("lr", NotPermittedError),
        ("lri", "refused"),
        ("lrte", "refused"),
        ("lrite", "done"),
    ],
)
def test_rights_are_needed_to_write(
    mail: MemoryMail, letters: str, expected: str | type[Exception]
) -> None:
    """A folder shows up with l; a put needs i, and replacing t and e as well (RFC 4314 §4)."""
    mail.write(HANS, CALENDAR, [put("a")])
    rights(mail, "eva", letters)
    if isinstance(expected, str):
        assert expected == mail.write(EVA, OF_HANS, [put("a", "1")])[0].status
    else:
        with pytest.raises(expected):
            mail.write(EVA, OF_HANS, [put("a", "1")])


def test_a_shared_folder_comes_and_goes(mail: MemoryMail) -> None:
    """What is shared shows up for the other person, own folders first."""
    shared = mail.add_shared("Team", {"anyone": "lr"})
    rights(mail, "eva", "lrs")
    assert [CALENDAR, OF_HANS, shared] == [folder.path for folder in mail.folders(EVA)]
    mail.revoke(HANS, CALENDAR, "eva")
    assert [CALENDAR, shared] == [folder.path for folder in mail.folders(EVA)]


def test_an_owner_keeps_some_rights(mail: MemoryMail) -> None:
    """The owner's are kept in spite of force; another administrator may lose them by it."""
    rights(mail, "eva", "lrswipkxtea")
    for force in (False, True):
        with pytest.raises(RightsKeptError) as kept:
            mail.grant(EVA, OF_HANS, "hans", frozenset("lr"), force=force)
        assert {"l", "k", "x", "a"} <= set(kept.value.rights)
    with pytest.raises(RightsKeptError):
        mail.grant(EVA, OF_HANS, "eva", frozenset("lr"))
    assert frozenset("lr") == mail.grant(EVA, OF_HANS, "eva", frozenset("lr"), force=True).rights
    with pytest.raises(NotPermittedError):
        mail.acl(EVA, OF_HANS)


def test_folders_are_made_moved_and_deleted(mail: MemoryMail) -> None:
    """What is in a folder, and below it, moves along; what is filled is not deleted by chance."""
    trips = mail.create(HANS, "Trips").path
    below = mail.create(HANS, "2026", parent=trips).path
    mail.write(HANS, below, [put("a")])
    assert "Calendar/Trips" == mail.move(HANS, trips, parent=CALENDAR).path
    assert "Travel" == mail.move(HANS, "Calendar/Trips", name="Travel", parent="").path
    assert ["a"] == [item.uid for item in mail.items(HANS, "Travel/2026")]
    with pytest.raises(FolderFilledError):
        mail.delete(HANS, "Travel/2026")
    mail.delete(HANS, "Travel/2026", even_if_filled=True)
    assert [CALENDAR, "Travel"] == [folder.path for folder in mail.folders(HANS)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Calendar", FolderExistsError),
        ("a/b", BadFolderError),
        ("", BadFolderError),
        ("INBOX", BadFolderError),
        ("a\r\nb", BadFolderError),
        ("100%", BadFolderError),
    ],
)
def test_names_that_no_folder_gets(mail: MemoryMail, name: str, expected: type[Exception]) -> None:
    """A name is one part of a path, and new."""
    with pytest.raises(expected):
        mail.create(HANS, name)


def test_a_folder_does_not_go_below_itself(mail: MemoryMail) -> None:
    """Neither itself nor one below it can be its parent."""
    mail.create(HANS, "Trips", parent=CALENDAR)
    for parent in (CALENDAR, "Calendar/Trips"):
        with pytest.raises(BadFolderError):
            mail.move(HANS, CALENDAR, parent=parent)


def test_logging_in(mail: MemoryMail) -> None:
    """A wrong password, and what fails before the login, are told apart."""
    wrong = Owner("hans", "hans@example.com", password="wrong")
    with pytest.raises(SourceRefusedError):
        mail.folders(wrong)
    with pytest.raises(UnreachableError) as refused:
        mail.ping(wrong)
    mail.reach()
    mail.broken = "tls"
    with pytest.raises(UnreachableError) as broken:
        mail.reach()
    assert ["login", "tls"] == [refused.value.step, broken.value.step]
