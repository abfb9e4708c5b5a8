"""Items on real mail servers: what it costs, and what becomes of it when something breaks."""

from __future__ import annotations

import logging
import random
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from calendar_sync import dialects
from calendar_sync.imap import extensions
from freebusy.errors import NoFolderError, SourceUnavailableError
from freebusy.ports import ItemChange
from tests.contract.items_contract import FolderReplica, delete, put, shown, text
from tests.servers.cyrus import ADMIN
from tests.servers.mailserver import checked
from tests.system.imap_relay import relayed
from tests.system.items_case import ItemsCase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imapclient import IMAPClient

    from freebusy.ports import Dialect
    from tests.servers.cyrus import Cyrus
    from tests.servers.fixtures import MakeDovecot
    from tests.servers.mailserver import MailServer
    from tests.system.imap_relay import Relay

NO_UIDPLUS = "IMAP4rev1 LITERAL+ ENABLE NAMESPACE UNSELECT ACL CONDSTORE QRESYNC"
LESSER: dict[str, dict[str, Any]] = {
    "without-uidplus": {"capability": NO_UIDPLUS},
    "condstore-only": {"capability": "IMAP4rev1 LITERAL- UIDPLUS UNSELECT ACL CONDSTORE"},
    "bare": {"capability": "IMAP4rev1"},
    "nomodseq": {"volatile_indexes": True},
}
CALENDAR_PART = b"Content-Type: text/calendar; charset=utf-8\r\n\r\n"


@pytest.fixture
def relay(mail_server: MailServer) -> Iterator[Relay]:
    with relayed(mail_server.port) as relay:
        yield relay


@pytest.fixture
def case(mail_server: MailServer) -> Iterator[ItemsCase]:
    case = ItemsCase(mail_server)
    yield case
    case.close()


@pytest.fixture
def through(mail_server: MailServer, relay: Relay) -> Iterator[ItemsCase]:
    """A folder whose owner's connections go through the relay; others' do not."""
    case = ItemsCase(mail_server, port=relay.port)
    yield case
    case.close()


def write(case: ItemsCase, *changes: ItemChange) -> list[tuple[str, str | None]]:
    results = case.items.write(case.who, case.path, changes)
    return [(result.status, result.problem) for result in results]


def objects(case: ItemsCase) -> list[str]:
    """Return what a client that is new here finds."""
    return FolderReplica(case).pull()


# -- what it costs


@pytest.fixture
def talk(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every command that goes to the server, and ``.`` wherever answers were read in between."""
    heard: list[str] = []
    send, read = extensions.send, extensions.read_response

    def note_send(client: IMAPClient, command: bytes) -> bytes:
        words = command.decode("utf-8", "replace").split(" ")
        heard.append(" ".join(words[: 2 if words[0] == "UID" else 1]))
        return send(client, command)

    def note_read(imap: Any) -> extensions.Response:
        if heard and heard[-1] != ".":
            heard.append(".")
        return read(imap)

    monkeypatch.setattr(extensions, "send", note_send)
    monkeypatch.setattr(extensions, "read_response", note_read)
    return heard


LOOK = ["STATUS", "MYRIGHTS", "GETACL", "."]


def test_nothing_new_is_one_round_trip(case: ItemsCase, talk: list[str]) -> None:
    """State, rights and list are asked for together, and no folder is opened or closed."""
    case.append(text("a"))
    replica = FolderReplica(case)
    replica.pull()
    talk.clear()
    replica.pull()
    assert talk == LOOK


def test_nothing_new_but_flags_is_no_fetch(case: ItemsCase, talk: list[str]) -> None:
    """A flag that somebody sets makes nobody read the message again."""
    href = case.append(text("a"))
    replica = FolderReplica(case)
    replica.pull()
    case.flag("+FLAGS", r"\Flagged", href)
    talk.clear()
    assert (["a Meeting"], []) == (replica.pull(), replica.told)
    assert [*LOOK, "EXAMINE", ".", "UNSELECT", "."] == talk


def test_a_new_item_is_two_more(case: ItemsCase, talk: list[str]) -> None:
    """EXAMINE says that it is there, and FETCH brings it."""
    replica = FolderReplica(case)
    replica.pull()
    case.append(text("a"))
    talk.clear()
    replica.pull()
    assert [*LOOK, "EXAMINE", ".", "UID FETCH", ".", "UNSELECT", "."] == talk


def test_writing_costs_the_same_for_one_and_a_hundred(case: ItemsCase, talk: list[str]) -> None:
    """What is appended, deleted and expunged is so together."""
    hrefs = [result.href or "" for result in case.items.write(case.who, case.path, NEW)]
    talk.clear()
    write(case, *(put(f"e{n}", "New", href) for n, href in enumerate(hrefs)))
    opened = ["MYRIGHTS", "SELECT", "."]
    expected = [*opened, "APPEND", ".", "UID STORE", ".", "UID EXPUNGE", ".", "UNSELECT", "."]
    assert expected == talk


NEW = [put(f"e{number}") for number in range(100)]


def test_asking_changes_nothing(case: ItemsCase, talk: list[str]) -> None:
    """What asks for changes sends no command that could change a folder."""
    hrefs = [case.append(text(uid)) for uid in "abc"]
    replica = FolderReplica(case, limit=1)
    replica.pull()
    case.expunge(hrefs[0])
    replica.pull()
    reading = {
        "NAMESPACE",
        "LIST",
        "GETMETADATA",
        ".",
        "STATUS",
        "MYRIGHTS",
        "GETACL",
        "EXAMINE",
        "UID FETCH",
        "UNSELECT",
        "NOOP",
    }
    assert set(talk) <= reading
    assert {"\\Seen"}.isdisjoint(" ".join(case.server.flags(case.user, case.path).values()).split())


# -- what breaks off


@pytest.mark.parametrize("word", [b"STORE", b"EXPUNGE"])
def test_it_breaks_off(through: ItemsCase, relay: Relay, word: bytes) -> None:
    """The new message is there before the old one goes, and a repetition does the rest."""
    old = through.append(text("a"))
    relay.at(word)
    change = put("a", "New", old, change="c1")
    with pytest.raises(SourceUnavailableError):
        write(through, change)
    found = objects(through)
    assert "a New" in found
    through.items = through.make_items()
    assert [("done", None)] == write(through, change)
    assert ["a New"] == objects(through)


def test_it_breaks_off_before_anything_is_done(through: ItemsCase, relay: Relay) -> None:
    """A message that did not get through leaves the old one as it was."""
    old = through.append(text("a"))
    relay.at(b"APPEND")
    with pytest.raises(SourceUnavailableError):
        write(through, put("a", "New", old, change="c1"))
    assert ["a Meeting"] == objects(through)
    assert [("done", None)] == write(through, put("a", "New", old, change="c1"))


def test_it_breaks_off_when_all_is_done(through: ItemsCase, relay: Relay) -> None:
    """A line that is lost when nothing is left to do but to say goodbye loses no answer."""
    relay.at(b"UNSELECT")
    assert [("done", None)] == write(through, put("a"))
    relay.at(b"UNSELECT")
    assert ["a Meeting"] == objects(through)


def test_it_breaks_off_again_and_again(through: ItemsCase, relay: Relay) -> None:
    """However often the line breaks, a writer that repeats gets everything done just once."""
    dice = random.Random(3)
    held: dict[str, str] = {}
    replica = FolderReplica(through, limit=4)
    for number in range(12):
        uids = dice.sample("abcdefgh", dice.randint(1, 4))
        changes = [
            replace(put(uid, f"V{number}"), change=f"c{number}{uid}", replaces=_known(replica, uid))
            for uid in uids
        ]
        relay.at(dice.choice([b"SELECT", b"APPEND", b"STORE", b"EXPUNGE", b"UNSELECT", b"never"]))
        while not _tried(through, changes):
            through.items = dice.choice([through.items, through.make_items()])
        held |= {uid: f"{uid} V{number}" for uid in uids}
        relay.at(dice.choice([b"STATUS", b"EXAMINE", b"FETCH", b"UNSELECT", b"never"]))
        while not _pulled(replica):
            continue
        assert sorted(held.values()) == replica.objects


def _known(replica: FolderReplica, uid: str) -> tuple[str, ...]:
    return tuple(href for href, item in replica.items.items() if item.uid == uid)


def _tried(case: ItemsCase, changes: list[ItemChange]) -> bool:
    try:
        assert [("done", None)] * len(changes) == write(case, *changes)
    except SourceUnavailableError:
        return False
    return True


def _pulled(replica: FolderReplica) -> bool:
    try:
        replica.pull()
    except SourceUnavailableError:
        return False
    return True


# -- what others do at the same moment


@pytest.mark.parametrize("word", [b"APPEND", b"STORE"])
def test_somebody_else_replaces_it(through: ItemsCase, relay: Relay, word: bytes) -> None:
    """Whoever is faster wins; the other one takes its message out again and says so."""
    old = through.append(text("a"))
    through.append(text("b"))

    def act() -> None:
        through.append(text("a", "Theirs"))
        through.expunge(old)

    relay.at(word, act)
    (result,) = through.items.write(through.who, through.path, [put("a", "Ours", old)])
    assert ("conflict", ["a Theirs"]) == (result.status, [shown(item) for item in result.theirs])
    assert ["a Theirs", "b Meeting"] == objects(through)


@pytest.mark.parametrize("action", ["put", "delete"])
def test_somebody_else_deletes_it(through: ItemsCase, relay: Relay, action: str) -> None:
    """An item that vanishes under the hands of its writer is a conflict, and stays deleted."""
    old = through.append(text("a"))
    relay.at(b"STORE", lambda: through.expunge(old))
    change = put("a", "Ours", old) if action == "put" else delete("a", old)
    assert [("conflict", None)] == write(through, change)
    assert [] == objects(through)


def test_somebody_else_has_the_same_new_item(through: ItemsCase, relay: Relay) -> None:
    """Of two who put the same new item at once one wins; other items go their way."""
    relay.at(b"APPEND", lambda: through.append(text("a", "Theirs")))
    results = through.items.write(through.who, through.path, [put("a", "Ours"), put("b")])
    seen = [(result.status, [shown(item) for item in result.theirs]) for result in results]
    assert [("conflict", ["a Theirs"]), ("done", [])] == seen
    assert ["a Theirs", "b Meeting"] == objects(through)


def test_half_of_what_is_replaced_vanishes(through: ItemsCase, relay: Relay) -> None:
    """Of several old messages none is deleted where one was replaced by somebody else."""
    first, second = through.append(text("a", "One")), through.append(text("a", "Two"))
    relay.at(b"STORE", lambda: through.expunge(first))
    assert [("conflict", None)] == write(through, put("a", "Ours", first, second))
    assert ["a Two"] == objects(through)


def test_nobody_overwrites_what_he_has_not_seen(mail_server: MailServer) -> None:
    """Of three who count up one item at once nobody's step is lost, and it is there once."""
    case, steps = ItemsCase(mail_server), 8
    case.append(text("n", "0"))

    def count() -> None:
        mine, done = case.make_items(), 0
        while done < steps:
            found = mine.changes(case.who, case.path, None, limit=100).items
            if len(found) != 1:  # the messages of two who are at it
                continue
            change = put("n", str(int(shown(found[0]).split()[1]) + 1), found[0].href)
            (result,) = mine.write(case.who, case.path, [change])
            done += result.status == "done"

    with closing(case), ThreadPoolExecutor(3) as threads:
        for each in [threads.submit(count) for _ in range(3)]:
            each.result()
        assert [f"n {3 * steps}"] == objects(case)


# -- dialects


@pytest.mark.parametrize(
    ("dialect", "losses"), [("icalendar", False), ("kolab2", True), ("kolab3", True)]
)
def test_the_dialect_of_the_folder(case: ItemsCase, dialect: Dialect, losses: bool) -> None:
    """An item is written as the newest one in the folder is, and what that cannot hold is said."""
    words = {"change": "", "zone": "Europe/Berlin", "author": "a@example.com"}
    first = dialects.write(text("a"), dialect, now=datetime.now(UTC), **words)
    case.server.append(case.user, case.path, first.message)
    case.items = case.make_items()  # the folder was never read by this process
    made = text("b").replace("SUMMARY", "CONFERENCE:https://example.com\r\nSUMMARY")
    (result,) = case.items.write(case.who, case.path, [ItemChange("put", "b", made)])
    items = FolderReplica(case).page().items
    assert [(dialect, "a Meeting"), (dialect, "b Meeting")] == [
        (i.dialect, shown(i)) for i in items
    ]
    assert losses == bool(result.losses)


def test_mail_is_not_opened(case: ItemsCase) -> None:
    """A folder that is no calendar is none for items either, whatever lies in it."""
    case.server.append(case.user, "INBOX", CALENDAR_PART + text("a").encode())
    with pytest.raises(NoFolderError):
        case.items.changes(case.who, "INBOX", None, limit=10)
    with pytest.raises(NoFolderError):
        case.items.write(case.who, "INBOX", [put("b")])
    assert len(case.server.flags(case.user, "INBOX")) == 1


# -- what is not ours


def test_messages_that_others_deleted_stay(case: ItemsCase) -> None:
    """What another client flagged and did not expunge counts as gone and is left alone."""
    leftover, old = case.append(text("l"), r"\Deleted"), case.append(text("a"))
    assert [("done", None)] == write(case, put("a", "New", old))
    assert ["a New"] == objects(case)
    assert int(leftover) in case.server.flags(case.user, case.path)
    case.flag("-FLAGS", r"\Deleted", leftover)
    assert ["a New", "l Meeting"] == objects(case)


def test_deleted_and_back(case: ItemsCase) -> None:
    """An item is gone as long as it is flagged so, and told again when it is not."""
    href = case.append(text("a"))
    replica = FolderReplica(case)
    replica.pull()
    case.flag("+FLAGS", r"\Deleted", href)
    assert [] == replica.pull()
    assert [("conflict", None)] == write(case, delete("a", href))
    case.flag("-FLAGS", r"\Deleted", href)
    assert (["a Meeting"], False) == (replica.pull(), replica.pages[0].is_fresh)
    assert [("done", None)] == write(case, delete("a", href))


def test_what_is_no_item(case: ItemsCase) -> None:
    """Mail is passed over; what cannot be read is told with the reason, and without its text."""
    server, mail = case.server, b"Subject: lunch\r\n\r\nToday?\r\n"
    server.append(case.user, case.path, mail)
    broken = server.append(case.user, case.path, CALENDAR_PART + b"BEGIN:VCALENDAR\r\nSecret\r\n")
    case.append(text("a"))
    page = FolderReplica(case).page()
    problems = {item.href: item.problem for item in page.items if item.problem}
    assert ([str(broken)], ["a Meeting"]) == (
        list(problems),
        [shown(item) for item in page.items if not item.problem],
    )
    assert "Secret" not in str(problems)


def test_what_is_too_large(mail_server: MailServer) -> None:
    """A message above the limit is told without being fetched, and none such is written."""
    limits = ItemsCase(mail_server).settings.limits
    small = type(limits)(max_item=4000, page_bytes=8000)
    with closing(ItemsCase(mail_server, limits=small)) as case:
        large = text("large").replace("SUMMARY:", "SUMMARY:" + "x" * 5000)
        href = case.append(large)
        case.append(text("a"))
        items = {item.href: item for item in FolderReplica(case).page().items}
        assert ("the message is larger than 4000 bytes", "") == (
            items[href].problem,
            items[href].calendar,
        )
        ((status, problem),) = write(case, ItemChange("put", "large", large))
        assert ("refused", True) == (status, "size" in (problem or ""))


def test_a_page_is_bounded_in_bytes(mail_server: MailServer) -> None:
    """However many items are asked for, memory is bounded."""
    small = type(ItemsCase(mail_server).settings.limits)(page_bytes=8000)
    with closing(ItemsCase(mail_server, limits=small)) as case:
        padded = text("p").replace("SUMMARY:", "COMMENT:" + "x" * 900 + "\r\nSUMMARY:")
        uids = [f"p{number:02}" for number in range(60)]
        case.server.append_all(
            case.user,
            case.path,
            [CALENDAR_PART + padded.replace("UID:p", f"UID:{uid}").encode() for uid in uids],
        )
        replica = FolderReplica(case)
        assert [f"{uid} Meeting" for uid in uids] == replica.pull()
        assert max(len(page.items) for page in replica.pages) < 12


# -- servers that can do less


@pytest.fixture(scope="module", params=LESSER)
def lesser(request: pytest.FixtureRequest, make_dovecot: MakeDovecot) -> MailServer:
    """Give each lesser server in turn."""
    return make_dovecot(**LESSER[request.param])


@pytest.mark.dovecot
def test_a_lesser_server(lesser: MailServer) -> None:
    """Whatever a server cannot do, items are written once, and what is not ours stays."""
    with relayed(lesser.port) as relay, closing(ItemsCase(lesser, port=relay.port)) as case:
        with case.server.session(case.user) as client:
            told = "UIDPLUS" in client.capabilities
        if not told:
            relay.rewrite = lambda chunk: re.sub(rb"\[APPENDUID \d+ \d+\] ", b"", chunk)
        leftover, old = case.append(text("l"), r"\Deleted"), case.append(text("a"))
        replica = FolderReplica(case)
        assert ["a Meeting"] == replica.pull()
        changes = [put("a", "New", old), put("n", change="c1")]
        results = case.items.write(case.who, case.path, changes)
        assert ["a New", "n Meeting"] == replica.pull()
        assert {result.href for result in results} == set(replica.items)
        assert [("done", None)] == write(case, changes[1])
        flags = case.server.flags(case.user, case.path)
        assert {int(leftover)} == {uid for uid, text in flags.items() if r"\Deleted" in text}
        assert int(old) not in flags
        assert [("done", None)] == write(case, delete("n", results[1].href or ""))
        assert ["a New"] == replica.pull()
        assert not any(page.is_fresh for page in replica.pages)


# -- what a server refuses


def _is_full(case: ItemsCase) -> None:
    results = write(case, *(put(f"e{n}", "x" * 900, change=f"c{n}") for n in range(20)))
    refused = {problem for status, problem in results if status == "refused"}
    assert {"the mailbox is full: delete something, or have its quota raised"} == refused
    assert sum(status == "done" for status, _ in results) == len(objects(case))


@pytest.mark.cyrus
def test_cyrus_over_quota(cyrus: Cyrus) -> None:
    """What does not fit any more is refused with what to do, and the rest is done."""
    with closing(ItemsCase(cyrus)) as case:
        with cyrus.session(ADMIN) as admin:
            checked(admin.setquota(f"user.{case.user}", "(STORAGE 8)"))
        _is_full(case)


@pytest.mark.dovecot
def test_dovecot_over_quota(make_dovecot: MakeDovecot) -> None:
    """What does not fit any more is refused with what to do, and the rest is done."""
    with closing(ItemsCase(make_dovecot(quota="8k"))) as case:
        _is_full(case)


def test_a_line_that_no_server_takes(case: ItemsCase) -> None:
    """A path with control characters is no folder, and nothing of it reaches the server."""
    for path in ("", "a\r\nx LOGOUT", "a\0b", "\udcff"):
        for ask in (
            lambda: case.items.changes(case.who, path, None, limit=1),  # noqa: B023  # called at once
            lambda: case.items.write(case.who, path, [put("a")]),  # noqa: B023
        ):
            with pytest.raises(Exception, match="no such folder"):
                ask()


def test_logs_and_errors_say_nothing(
    through: ItemsCase, relay: Relay, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither a log nor an error quotes what is written."""
    caplog.set_level(logging.DEBUG)
    relay.at(b"STORE")
    old = through.append(text("a"))
    with pytest.raises(SourceUnavailableError) as raised:
        write(through, put("a", "Secret", old))
    assert "Secret" not in caplog.text + str(raised.value) + repr(raised.value.__context__)
