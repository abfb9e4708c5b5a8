"""Items on real mail servers: what it costs, and what becomes of it when something breaks."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from calendar_sync import dialects
from calendar_sync.imap import extensions
from calendar_sync.imap.behalf import Behalf
from calendar_sync.imap.itemfolders import KnownFolders
from calendar_sync.imap.items import ImapItems
from calendar_sync.imap.mailboxes import ImapFolders
from freebusy.errors import NoFolderError, SourceRefusedError
from freebusy.ports import ItemChange
from tests.contract.items_contract import FolderReplica, delete, put, shown, text
from tests.servers.cyrus import ADMIN, PROXY
from tests.servers.dovecot import MASTER_USER
from tests.servers.mailserver import PASSWORD, checked
from tests.system.imap_relay import relayed
from tests.system.items_case import ItemsCase, objects, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imapclient import IMAPClient

    from freebusy.ports import Dialect
    from tests.servers.cyrus import Cyrus
    from tests.servers.fixtures import MakeDovecot
    from tests.servers.mailserver import MailServer

NO_UIDPLUS = "IMAP4rev1 LITERAL+ ENABLE NAMESPACE UNSELECT ACL CONDSTORE QRESYNC"
LESSER: dict[str, dict[str, Any]] = {
    "without-uidplus": {"capability": NO_UIDPLUS},
    "condstore-only": {"capability": "IMAP4rev1 LITERAL- UIDPLUS UNSELECT ACL CONDSTORE"},
    "bare": {"capability": "IMAP4rev1"},
    "nomodseq": {"volatile_indexes": True},
}
CALENDAR_PART = b"Content-Type: text/calendar; charset=utf-8\r\n\r\n"


@pytest.fixture
def case(mail_server: MailServer) -> Iterator[ItemsCase]:
    case = ItemsCase(mail_server)
    yield case
    case.close()


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
    made = text("b").replace("SUMMARY", "COMMENT;LANGUAGE=de:Hallo\r\nSUMMARY")
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


def test_large_and_small(case: ItemsCase) -> None:
    """A large item is announced before it is sent, and stands in its place among others."""
    large = text("b").replace("SUMMARY:", "COMMENT:" + "x" * 400_000 + "\r\nSUMMARY:")
    changes = [put("a"), ItemChange("put", "b", large), put("c")]
    results = case.items.write(case.who, case.path, changes)
    replica = FolderReplica(case)
    assert ["a Meeting", "b Meeting", "c Meeting"] == replica.pull()
    assert list("abc") == [replica.items[result.href or ""].uid for result in results]


@pytest.mark.parametrize(
    ("server", "proxy"),
    [
        pytest.param("dovecot", MASTER_USER, marks=pytest.mark.dovecot),
        pytest.param("cyrus", PROXY, marks=pytest.mark.cyrus),
    ],
)
def test_on_behalf(server: str, proxy: str, request: pytest.FixtureRequest) -> None:
    """A service login that acts for a person reads and writes that person's items."""
    with closing(ItemsCase(request.getfixturevalue(server))) as case:
        case.append(text("a"))
        proxying = replace(case.settings, username=proxy, password=PASSWORD, authorization="{name}")
        behalf = Behalf(case.settings, proxying)
        items = ImapItems(
            behalf, zone_of=lambda name: "UTC", folders=KnownFolders(ImapFolders(behalf))
        )
        who = replace(case.who, password=None)
        (result,) = items.write(who, case.path, [put("b")])
        page = items.changes(who, case.path, None, limit=10)
        assert ("done", ["a Meeting", "b Meeting"]) == (result.status, [*map(shown, page.items)])
        with pytest.raises(SourceRefusedError):
            case.items.changes(who, case.path, None, limit=10)
        behalf.close()


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
