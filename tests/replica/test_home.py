"""One home and one mailbox, through what happens to them."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest

from calendar_sync.connector.errors import ConnectorDownError
from calendar_sync.replica import EmptySideError, HomeBusyError, Lost, Refused, Step
from calendar_sync.replica.lock import only_one
from tests.replica.home_case import CALENDAR, USER, HomeCase, event
from tests.replica.memory_remote import folder_id

if TYPE_CHECKING:
    from pathlib import Path

A, B = event("a"), event("b")
NEWER, OLDER = event("a", "newer", modified=9), event("a", "older", modified=5)


@pytest.fixture
def case(tmp_path: Path) -> HomeCase:
    return HomeCase(tmp_path / "home")


@pytest.fixture
def synced(case: HomeCase) -> HomeCase:
    """Give a case where both sides have two items."""
    case.append(A)
    case.write("b.ics", B)
    case.sync()
    return case


def test_new_items_go_both_ways(synced: HomeCase) -> None:
    """What is new on either side is on both afterwards."""
    assert {"a.ics": A, "b.ics": B} == synced.local()
    assert {"1": A, "2": B} == synced.there()


def test_changes_go_both_ways(synced: HomeCase) -> None:
    """What was changed on one side is changed on the other; the old message is gone."""
    synced.write("a.ics", OLDER)
    synced.expunge("2")
    synced.append(event("b", "moved"))
    synced.sync()
    assert {"a.ics": OLDER, "b.ics": event("b", "moved")} == synced.local()
    assert {"3": event("b", "moved"), "4": OLDER} == synced.there()


def test_removals_go_both_ways(synced: HomeCase) -> None:
    """What was removed on one side goes on the other, and nothing is kept aside."""
    synced.write("c.ics", event("c"))
    synced.sync()
    (synced.directory / "a.ics").unlink()
    synced.expunge("2")
    synced.sync()
    assert {"c.ics": event("c")} == synced.local()
    assert {"3": event("c")} == synced.there()
    assert {} == synced.kept()


def test_a_change_wins_against_a_removal(synced: HomeCase) -> None:
    """What one side removed and the other changed is there again, as it was changed."""
    synced.write("c.ics", event("c"))
    synced.sync()
    (synced.directory / "a.ics").unlink()
    synced.append(NEWER)
    synced.expunge("1", "2")
    synced.write("b.ics", event("b", "changed"))
    synced.sync()
    expected = {"a.ics": NEWER, "b.ics": event("b", "changed"), "c.ics": event("c")}
    assert expected == synced.local()
    assert sorted(expected.values()) == sorted(synced.there().values())


@pytest.mark.parametrize(
    ("ours", "theirs", "winner", "kept"),
    [
        (NEWER, OLDER, NEWER, ("server", OLDER)),
        (OLDER, NEWER, NEWER, ("local", OLDER)),
        (
            event("a", "here", modified=5),
            event("a", "there", modified=5),
            event("a", "there", modified=5),
            ("local", event("a", "here", modified=5)),
        ),
        (
            event("a", "here", sequence=1),
            event("a", "there", modified=5),
            event("a", "here", sequence=1),
            ("server", event("a", "there", modified=5)),
        ),
    ],
)
def test_of_two_changes_the_newer_one_wins(
    synced: HomeCase, ours: str, theirs: str, winner: str, kept: tuple[str, str]
) -> None:
    """SEQUENCE decides, then LAST-MODIFIED, then the server; the other one is kept aside."""
    synced.write("a.ics", ours)
    synced.expunge("1")
    synced.append(theirs)
    synced.sync()
    assert winner == synced.local()["a.ics"]
    assert winner in synced.there().values()
    assert 2 == len(synced.there())
    side, text = kept
    assert {f"a-20260302T090000Z-{side}.ics": text} == synced.kept()
    history = (synced.path / "conflicts" / CALENDAR / "what-happened.txt").read_text("utf-8")
    assert f"a-20260302T090000Z-{side}.ics: it was changed here and on the server" in history


def test_equal_changes_are_no_conflict(synced: HomeCase) -> None:
    """Both sides changed to texts that say the same: they are linked, and nothing is written."""
    ours = NEWER.replace("\r\n", "\n")
    synced.write("a.ics", ours)
    synced.expunge("1")
    synced.append(NEWER)
    report = synced.sync()
    assert {Step.LINK: 1} == report.folders[0].steps
    assert ours == synced.local()["a.ics"]
    assert {} == synced.kept()


def test_a_home_without_its_status_is_linked_again(synced: HomeCase) -> None:
    """When status.db is lost, what is equal on both sides is linked and nothing is doubled."""
    (synced.path / "status.db").unlink()
    report = synced.sync()
    assert {Step.LINK: 2} == report.folders[0].steps
    assert {"a.ics": A, "b.ics": B} == synced.local()


def test_a_home_of_an_older_version_goes_on(synced: HomeCase) -> None:
    """Its status.db is added to, and what both sides agreed on stays."""
    with closing(sqlite3.connect(synced.path / "status.db")) as database:
        database.executescript("DROP TABLE arrival; PRAGMA user_version = 1;")
    (synced.directory / "b.ics").unlink()
    synced.append(event("c"))
    synced.sync()
    assert {"a.ics": A, "c.ics": event("c")} == synced.local()
    assert sorted(synced.local().values()) == sorted(synced.there().values())


@pytest.mark.parametrize("side", ["local", "missing", "server"])
def test_a_side_that_is_suddenly_empty_stops_the_sync(synced: HomeCase, side: str) -> None:
    """Nothing is done until somebody says that it is meant."""
    if side == "server":
        synced.expunge("1", "2")
    else:
        for path in synced.directory.glob("*.ics"):
            path.unlink()
        if side == "missing":
            synced.directory.rmdir()
    before = synced.local(), synced.there()
    for _ in range(2):
        with pytest.raises(EmptySideError) as caught:
            synced.sync()
        assert 2 == caught.value.known
        assert before == (synced.local(), synced.there())
    synced.sync(accept_empty=True)
    assert ({}, {}) == (synced.local(), synced.there())
    synced.sync()


def test_a_mailbox_made_anew_is_recognised(synced: HomeCase) -> None:
    """Under another UIDVALIDITY what is equal is linked, what changed comes down."""
    synced.append(NEWER)
    synced.expunge("1")
    synced.mail.renew(synced.who, CALENDAR)
    report = synced.sync()
    assert Step.PUT not in report.folders[0].steps
    assert {"a.ics": NEWER, "b.ics": B} == synced.local()
    assert {} == synced.kept()


def test_a_folder_that_cannot_be_written_gets_its_version_back(case: HomeCase) -> None:
    """Local changes are set aside, and the server's version, or none, takes their place."""
    case.mail.add_user("eva")
    eva = HomeCase(case.path)
    eva.mail, eva.service.mail = case.mail, case.mail
    owner = eva.who.__class__("eva", "eva@example.com", password="secret")
    case.mail.append(owner, CALENDAR, A)
    case.mail.append(owner, CALENDAR, B)
    case.mail.grant(owner, CALENDAR, USER, frozenset("lr"))
    case.sync()
    directory = case.path / "calendars" / "eva Calendar"
    assert ["a.ics", "b.ics"] == sorted(each.name for each in directory.iterdir())
    (directory / "a.ics").write_bytes(NEWER.encode())
    (directory / "b.ics").unlink()
    (directory / "c.ics").write_bytes(event("c").encode())
    report = case.sync()
    assert {"a.ics": A, "b.ics": B} == {
        path.name: path.read_bytes().decode() for path in directory.iterdir()
    }
    assert sorted([NEWER, event("c")]) == sorted(case.kept().values())
    assert 3 == len([note for note in report.folders[1].notes if "the rights" in note])
    back = "b.ics: it comes back: the rights on the folder do not allow this change on the server"
    assert back in report.folders[1].notes


def test_what_the_server_refuses_is_kept_and_not_sent_again(synced: HomeCase) -> None:
    """A refused change is named at each sync, and sent again when the file changes."""
    synced.service.refused.add("c")
    synced.write("c.ics", event("c"))
    for _ in range(3):
        report = synced.sync()
        assert [Refused("c.ics", "no")] == report.folders[0].refused
    assert 1 == synced.service.refusals
    synced.write("c.ics", event("c", "another"))
    synced.sync()
    assert 2 == synced.service.refusals
    synced.service.refused.clear()
    synced.write("c.ics", event("c"))
    assert not synced.sync().refused
    assert event("c") in synced.there().values()


def test_what_a_folder_cannot_hold_is_told_once(synced: HomeCase) -> None:
    """What was sent, and is less on the server, is named by the sync that sent it."""
    synced.service.losses["c"] = ("ATTACH", "GEO")
    synced.write("c.ics", event("c"))
    assert [Lost("c.ics", ("ATTACH", "GEO"))] == synced.sync().folders[0].lost
    assert [] == synced.sync().folders[0].lost


def test_some_folders_are_one_event(case: HomeCase) -> None:
    """However many folders are named, the service is told once, and asked for no others."""
    for name in ("Work", "Home", "Club"):
        case.mail.create(case.who, name)
    only = {folder_id(name) for name in ("Work", "Home")}
    assert ["Home", "Work"] == [each.folder for each in case.home.plan(only=only).folders]
    report = case.home.sync(only=only)
    assert ["Home", "Work"] == [each.folder for each in report.folders]
    assert 1 == case.remote.requests["sync"]
    assert ["Home", "Work"] == sorted(path.name for path in (case.path / "calendars").iterdir())


def test_a_local_folder_of_ones_own_is_named(synced: HomeCase) -> None:
    """What somebody put beside the synced folders goes nowhere, until there is one for it."""
    stranger = synced.path / "calendars" / "Mine"
    stranger.mkdir()
    (synced.path / "calendars" / "empty").mkdir()
    (stranger / "c.ics").write_bytes(event("c").encode())
    assert ["Mine"] == [note.partition(":")[0] for note in synced.sync().notes]
    synced.mail.create(synced.who, "Mine")
    report = synced.sync()
    assert ([], 1) == (report.notes, report.folders[1].steps[Step.PUT])


def test_files_that_are_no_item_are_left_alone(synced: HomeCase) -> None:
    """Foreign, broken and half-written files are named, and other programs' files stay."""
    others = {
        "two.ics": A.replace("END:VCALENDAR", B.partition("EN\r\n")[2]),
        "half.ics": A[:100],
        "empty.ics": "",
        "copy.ics": A,
        "displayname": "Hans",
        "color": "#ff0000",
        ".hidden.ics": "x",
        "note.txt": "x",
    }
    for name, text in others.items():
        synced.write(name, text)
    (synced.directory / "folder.ics").mkdir()
    (synced.directory / os.fsdecode(b"\xff.ics")).write_bytes(event("f").encode())
    report = synced.sync()
    assert others == {name: (synced.directory / name).read_bytes().decode() for name in others}
    assert 2 == len(synced.there())
    assert 6 == len(report.folders[0].notes)


def test_a_known_file_that_cannot_be_read_is_not_taken_for_removed(synced: HomeCase) -> None:
    """While somebody writes a file, neither side of its item is touched."""
    synced.write("a.ics", A[:100])
    synced.sync()
    synced.append(NEWER)
    synced.expunge("1")
    synced.sync()
    assert A[:100] == synced.local()["a.ics"]
    synced.write("a.ics", A)
    synced.sync()
    assert NEWER == synced.local()["a.ics"]


def test_a_renamed_file_is_the_same_item(synced: HomeCase) -> None:
    """A program may give a file another name; its changes still find it."""
    (synced.directory / "a.ics").rename(synced.directory / "other.ics")
    synced.sync()
    synced.append(NEWER)
    synced.expunge("1")
    synced.sync()
    assert {"b.ics": B, "other.ics": NEWER} == synced.local()


@pytest.mark.parametrize("uid", ["../../etc/passwd", ".hidden", "a/b", "ä" * 150, "{x}", "x" * 254])
def test_a_uid_may_be_anything(case: HomeCase, uid: str) -> None:
    """Its file is in the folder, under a name that any file system takes."""
    case.append(event(uid))
    case.sync()
    (name,) = case.local()
    case.write(name, event(uid, "changed"))
    case.sync()
    assert [event(uid, "changed")] == list(case.there().values())
    assert [event(uid, "changed")] == list(case.local().values())


def test_uids_that_differ_in_case_only_have_files_of_their_own(case: HomeCase) -> None:
    """Two items never share a file."""
    for uid in ("a", "A"):
        case.append(event(uid))
    case.sync()
    assert 2 == len(case.local())


def test_instances_in_messages_of_their_own_are_in_one_file(synced: HomeCase) -> None:
    """A series and its changed instances are one item here; a change of it is one message."""
    instance = event("a", "other", extra="RECURRENCE-ID:20260309T090000Z")
    synced.append(instance)
    synced.sync()
    text = synced.local()["a.ics"]
    assert 2 == text.count("BEGIN:VEVENT")
    assert 1 == text.count("RECURRENCE-ID:20260309T090000Z")
    changed = text.replace("SUMMARY:a talk", "SUMMARY:changed")
    synced.write("a.ics", changed)
    synced.sync()
    assert {"2": B, "4": changed} == synced.there()


def test_of_two_whole_messages_the_newer_one_counts(synced: HomeCase) -> None:
    """What another client left behind is not ours to remove, until we change the item."""
    synced.append(NEWER)
    synced.sync()
    assert NEWER == synced.local()["a.ics"]
    assert {"1": A, "2": B, "3": NEWER} == synced.there()
    synced.write("a.ics", event("a", "ours"))
    synced.sync()
    assert {"2": B, "4": event("a", "ours")} == synced.there()


def test_a_change_that_meets_another_is_decided_anew(synced: HomeCase) -> None:
    """What somebody changes between our look and our change is a conflict, not lost."""
    synced.write("a.ics", NEWER)

    def interfere() -> None:
        synced.expunge("1")
        synced.append(OLDER)

    synced.remote.before_write.append(interfere)
    synced.sync()
    assert NEWER == synced.local()["a.ics"]
    assert sorted([NEWER, B]) == sorted(synced.there().values())
    assert [OLDER] == list(synced.kept().values())


def test_an_item_that_goes_on_changing_is_left_to_the_next_sync(synced: HomeCase) -> None:
    """A sync ends, whatever others do meanwhile."""

    def interfere() -> None:
        hrefs = [href for href, text in synced.there().items() if "UID:a\r\n" in text]
        synced.expunge(*hrefs)
        synced.append(OLDER)

    synced.write("a.ics", NEWER)
    synced.remote.before_write += [interfere] * 10
    report = synced.sync()
    assert "it goes on changing: the rest is left to the next sync" in report.folders[0].notes
    synced.remote.before_write.clear()
    synced.sync()
    assert sorted([NEWER, B]) == sorted(synced.there().values())


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 8))
def test_an_interrupted_sync_is_completed(case: HomeCase, when: str, number: int) -> None:
    """Wherever the connection breaks off, the next sync ends with nothing doubled or lost."""
    case.append(A)
    case.write("b.ics", B)
    setattr(case.remote, f"fails_{when}", number)
    with suppress(ConnectorDownError):
        case.sync()
    setattr(case.remote, f"fails_{when}", 0)
    case.write("b.ics", event("b", "changed meanwhile"))
    case.sync()
    assert {"a.ics": A, "b.ics": event("b", "changed meanwhile")} == case.local()
    assert sorted(case.local().values()) == sorted(case.there().values())
    assert {} == case.kept()


@pytest.mark.parametrize("happened", ["renewed", "other rights"])
@pytest.mark.parametrize("page", range(1, 4))
def test_a_folder_that_changes_while_it_is_told(tmp_path: Path, happened: str, page: int) -> None:
    """A run that begins anew in the middle leaves nothing behind, and other rights drop nothing."""
    case = HomeCase(tmp_path, page=1)
    for uid in "abc":
        case.append(event(uid))

    def act() -> None:
        if happened == "renewed":
            case.mail.renew(case.who, CALENDAR)
            case.append(event("d"))
        else:
            case.mail.grant(case.who, CALENDAR, USER, frozenset("lrswikxtea"))

    case.remote.before_changes = [lambda: None] * page + [act]
    for _ in range(2):
        case.sync()
        assert sorted(case.there().values()) == sorted(case.local().values())
    case.expunge(next(iter(case.there())))
    case.sync()
    assert sorted(case.there().values()) == sorted(case.local().values())
    assert {} == case.kept()


def test_leftovers_of_our_own_change_are_removed(synced: HomeCase) -> None:
    """Where the service was interrupted between appending and expunging, the next sync ends it."""
    synced.write("a.ics", NEWER)
    synced.service.keeps_replaced = True
    with pytest.raises(ConnectorDownError):
        synced.sync()
    synced.service.keeps_replaced = False
    assert {"1": A, "2": B, "3": NEWER} == synced.there()
    synced.sync()
    assert {"2": B, "3": NEWER} == synced.there()
    assert NEWER == synced.local()["a.ics"]
    assert {} == synced.kept()


def test_a_version_that_came_between_is_kept(synced: HomeCase) -> None:
    """Where the service was interrupted before it saw that somebody was faster, nothing is lost.

    Ours is the newest message, and what everybody sees by now.
    """
    synced.write("a.ics", NEWER)

    def interfere() -> None:
        synced.expunge("1")
        synced.append(OLDER)

    synced.remote.before_write.append(interfere)
    synced.service.keeps_replaced = True
    with pytest.raises(ConnectorDownError):
        synced.sync()
    synced.service.keeps_replaced = False
    assert {"2": B, "3": OLDER, "4": NEWER} == synced.there()
    synced.sync()
    assert {"2": B, "4": NEWER} == synced.there()
    assert NEWER == synced.local()["a.ics"]
    assert {"a-20260302T090000Z-server.ics": OLDER} == synced.kept()


def test_a_mailbox_made_anew_while_something_is_sent(synced: HomeCase) -> None:
    """What is sent may land where another message was; the same sync knows all of them again."""
    synced.append(event("c"))
    synced.expunge("1")
    synced.sync()
    (synced.directory / "c.ics").unlink()
    synced.write("new.ics", event("new"))

    def renew() -> None:
        synced.mail.renew(synced.who, CALENDAR)

    synced.remote.before_write.append(renew)
    for _ in range(2):
        synced.sync()
    expected = {"b.ics": B, "new.ics": event("new")}
    assert expected == synced.local()
    assert sorted(expected.values()) == sorted(synced.there().values())
    assert {} == synced.kept()


def test_a_folder_that_is_renamed_keeps_its_directory(synced: HomeCase) -> None:
    """Other programs find it where it was; what was changed meanwhile goes over."""
    synced.mail.create(synced.who, "Work")
    synced.append(event("w"), "Work")
    synced.sync()
    synced.mail.move(synced.who, "Work", name="Office")
    path = synced.path / "calendars" / "Work" / "w.ics"
    path.write_bytes(event("w", "changed").encode())
    report = synced.sync()
    assert ["Work is called Office now"] == report.notes
    assert {"2": event("w", "changed")} == synced.there("Office")
    assert event("w", "changed").encode() == path.read_bytes()
    assert not (synced.path / "calendars" / "Office").exists()


def test_another_folder_with_the_same_uids_is_no_renamed_one(synced: HomeCase) -> None:
    """One vanishes and one comes with other versions of the same items: none is lost."""
    synced.mail.create(synced.who, "Work")
    synced.append(NEWER, "Work")
    synced.sync()
    synced.mail.delete(synced.who, "Work", even_if_filled=True)
    synced.mail.create(synced.who, "Old")
    synced.append(OLDER, "Old")
    synced.sync()
    assert OLDER == (synced.path / "calendars" / "Old" / "a.ics").read_bytes().decode()
    assert {"a.ics": NEWER} == synced.kept()


def test_a_folder_that_vanishes_is_kept_aside(synced: HomeCase) -> None:
    """Its local folder is out of other programs' sight, and nothing of it is lost."""
    synced.mail.create(synced.who, "Work")
    synced.append(event("w"), "Work")
    synced.sync()
    synced.mail.delete(synced.who, "Work", even_if_filled=True)
    report = synced.sync()
    assert not (synced.path / "calendars" / "Work").exists()
    assert {"w.ics": event("w")} == synced.kept()
    assert 1 == len(report.notes)


def test_all_folders_gone_at_once_stop_the_sync(synced: HomeCase) -> None:
    """A server that shows no folder at all is not believed."""
    synced.mail.delete(synced.who, CALENDAR, even_if_filled=True)
    with pytest.raises(EmptySideError):
        synced.sync()
    assert 2 == len(synced.local())


def test_a_folder_in_trouble_does_not_stop_the_others(synced: HomeCase) -> None:
    """One folder's error is in the report, and the other folder is synced."""
    synced.mail.create(synced.who, "Work")
    synced.append(event("w"), "Work")
    synced.expunge("1", "2")
    report = synced.home.sync()
    assert [EmptySideError] == [type(each) for each in report.errors]
    assert (synced.path / "calendars" / "Work" / "w.ics").exists()


def test_one_sync_at_a_time(synced: HomeCase) -> None:
    """A second sync of the same home is refused while the first one runs."""
    with only_one(synced.path / ".lock"), pytest.raises(HomeBusyError):
        synced.sync()
    synced.sync()


def test_a_plan_says_what_would_be_done_and_does_nothing(synced: HomeCase) -> None:
    """A dry run names each step; neither side, nor the status, is another afterwards."""
    synced.write("c.ics", event("c"))
    synced.write("b.ics", event("b", "changed"))
    synced.append(event("d"))
    synced.expunge("1")
    before = synced.local(), synced.there(), (synced.path / "status.db").read_bytes()
    synced.remote.requests.clear()
    report = synced.home.plan()
    assert before == (synced.local(), synced.there(), (synced.path / "status.db").read_bytes())
    assert {"folders", "changes"} == set(synced.remote.requests)
    assert ["remove here: a.ics", "send: b.ics", "send: c.ics", "fetch: UID d"] == (
        report.folders[0].lines
    )
    synced.sync()
    assert 3 == len(synced.local())


def test_a_plan_for_a_home_that_is_not_there_makes_none(case: HomeCase) -> None:
    """A dry run before the first sync leaves no directory behind."""
    case.append(A)
    assert ["fetch: UID a"] == case.home.plan().folders[0].lines
    assert not case.path.exists()


def test_items_may_move_between_folders(synced: HomeCase) -> None:
    """A file moved to another folder is moved on the server, and the other way round."""
    synced.mail.create(synced.who, "Work")
    synced.append(event("w"), "Work")
    synced.append(event("v"), "Work")
    synced.sync()
    work = synced.path / "calendars" / "Work"
    (synced.directory / "a.ics").rename(work / "a.ics")
    synced.expunge("1", path="Work")
    synced.append(event("w"))
    synced.sync()
    assert sorted([B, event("w")]) == sorted(synced.there().values())
    assert [event("v"), A] == list(synced.there("Work").values())
    assert ["a.ics", "v.ics"] == sorted(each.name for each in work.iterdir())


def test_a_selected_folder_is_synced_alone(synced: HomeCase) -> None:
    """What the answer to the event names is synced, and free/busy is read afterwards."""
    synced.mail.create(synced.who, "Work")
    synced.service.is_slow = True
    synced.write("c.ics", event("c"))
    report = synced.home.sync("select", folder_id(CALENDAR))
    assert ["Calendar"] == [each.folder for each in report.folders]
    assert report.job is not None
    assert "done" == report.job.state
    assert [None, None, folder_id(CALENDAR), folder_id(CALENDAR)] == synced.service.selected


def test_many_items_go_in_batches(tmp_path: Path) -> None:
    """Requests hold no more changes, and pages no more items, than allowed; progress is told."""
    case = HomeCase(tmp_path / "home", batch=7, page=10)
    for number in range(25):
        case.append(event(f"s{number}"))
        case.write(f"l{number}.ics", event(f"l{number}"))
    told: list[tuple[str, int, int]] = []
    case.home.sync(progress=lambda *told_now: told.append(told_now))
    assert 50 == len(case.local())
    assert 50 == len(case.there())
    assert {"folders": 1, "changes": 3, "write": 4} == {
        name: case.remote.requests[name] for name in ("folders", "changes", "write")
    }
    assert [(CALENDAR, n, 50) for n in range(51)] == told


def test_unchanged_items_cost_no_request_and_no_reading(
    synced: HomeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the folder's state is the old one, its changes are not even asked for."""
    synced.sync()
    for path in synced.directory.iterdir():
        os.utime(path, ns=(0, 0))
    monkeypatch.setattr("calendar_sync.replica.collection.RACY", -1 << 60)
    synced.sync()
    synced.remote.requests.clear()
    monkeypatch.setattr("pathlib.Path.read_bytes", None)
    synced.sync()
    assert {"folders": 1, "sync": 1} == synced.remote.requests
