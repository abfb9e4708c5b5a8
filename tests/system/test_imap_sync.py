"""What a run finds on a real Dovecot and a real Cyrus, beyond the contract of every source."""

from __future__ import annotations

import base64
import random
from typing import TYPE_CHECKING

import pytest

from calendar_sync.imap import ImapSource
from calendar_sync.pages import Limits
from freebusy.errors import CalendarMissingError, SourceRefusedError, SourceUnavailableError
from freebusy.ports import ICALENDAR, MESSAGE
from tests.contract.place import Replica, event
from tests.system.imap_case import HEADER, Case, settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.mailserver import MailServer

SMALL = Limits(page_items=10, page_bytes=50_000, max_item=40_000, head_bytes=3_000)


@pytest.fixture
def case(mail_server: MailServer) -> Iterator[Case]:
    case = Case(mail_server, limits=SMALL, whole_bytes=4_000)
    yield case
    case.source.close()


def message(*parts: bytes) -> bytes:
    """Return a multipart message."""
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts)
    return (
        b"From: a@example.org\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + body + b"--b--\r\n"
    )


def part(media: str, body: bytes, *, disposition: str = "") -> bytes:
    """Return a base64 part."""
    head = f"Content-Type: {media}\r\nContent-Transfer-Encoding: base64\r\n"
    head += f"Content-Disposition: {disposition}\r\n" if disposition else ""
    return head.encode() + b"\r\n" + base64.encodebytes(body).replace(b"\n", b"\r\n")


NOISE = random.Random(1).randbytes(30_000)


def test_deleted_flag_means_gone_and_its_removal_back(case: Case) -> None:
    """A message flagged \\Deleted is gone before it is expunged; without the flag it is back."""
    first, _ = case.append(HEADER + event("a"), HEADER + event("b"))
    assert ["a Meeting", "b Meeting"] == case.sync()
    case.flag("+FLAGS", r"\Deleted", first)
    assert (["b Meeting"], [str(first)]) == (case.sync(), case.replica.gone)
    case.flag("-FLAGS", r"\Deleted", first)
    assert ["a Meeting", "b Meeting"] == case.sync()
    assert ["a Meeting"] == case.replica.delivered


def test_a_message_deleted_from_the_start_never_comes(case: Case) -> None:
    """A message that is flagged \\Deleted before the first run is not delivered."""
    case.server.append(case.user, case.folder, HEADER + event("a"), r"\Deleted")
    assert [] == case.sync()
    assert [] == case.sync()


def test_other_flags_deliver_nothing(case: Case) -> None:
    """Who reads or flags a message makes no work."""
    uids = case.append(*[HEADER + event(f"e{n}") for n in range(3)])
    case.sync()
    case.flag("+FLAGS", r"\Seen \Flagged", *uids)
    case.sync()
    assert ([], [], [False]) == (
        case.replica.delivered,
        case.replica.gone,
        [page.fresh for page in case.replica.pages],
    )


def test_the_last_message_vanishes(case: Case) -> None:
    """The newest message's expunge is noticed, although no UID that is left is as large."""
    uids = case.append(*[HEADER + event(f"e{n}") for n in range(3)])
    case.sync()
    case.delete(uids[-1])
    case.sync()
    assert [str(uids[-1])] == case.replica.gone


def test_several_pages(case: Case) -> None:
    """Many messages come in pages of bounded size, in order, all of them once."""
    case.append(*[HEADER + event(f"e{n:03d}") for n in range(45)])
    assert [f"e{n:03d} Meeting" for n in range(45)] == case.sync()
    assert [10, 10, 10, 10, 5] == [len(page.items) for page in case.replica.pages]
    assert {45} == {page.total for page in case.replica.pages}


def test_messages_expunged_between_pages(case: Case) -> None:
    """A message that goes while the run is under way is not there afterwards, the rest is."""
    uids = case.append(*[HEADER + event(f"e{n:03d}") for n in range(60)])
    pages = case.source.sync(case.calendar, None)
    first = next(pages)
    case.delete(uids[40], uids[59])
    rest = list(pages)
    case.replica.token = rest[-1].token
    delivered = {item.href for page in [first, *rest] for item in page.items}
    case.replica.items = dict.fromkeys(delivered, (first.generation, first.items[0]))
    case.sync()
    assert {str(uid) for uid in uids} - {str(uids[40]), str(uids[59])} == set(case.replica.items)


def test_an_unfinished_run_leaves_the_source_usable(case: Case) -> None:
    """A caller that stops after one page costs a connection and nothing else."""
    case.append(*[HEADER + event(f"e{n:03d}") for n in range(60)])
    pages = case.source.sync(case.calendar, None)
    next(pages)
    pages.close()  # type: ignore[attr-defined]  # it is a generator
    assert 60 == len(case.sync())


@pytest.mark.parametrize(
    "parts",
    [
        [part("text/plain", b"hello"), part("text/calendar; charset=utf-8", event("a"))],
        [
            part("text/calendar", event("a"), disposition="inline"),
            part("image/png", NOISE),
        ],
        [
            part("image/png", NOISE),
            part(
                "application/octet-stream", event("a"), disposition='attachment; filename="a.ics"'
            ),
        ],
    ],
    ids=["small", "inline", "attachment"],
)
def test_the_calendar_part_is_found(case: Case, parts: list[bytes]) -> None:
    """Of a small message all comes, of a large one the calendar part, decoded."""
    case.append(message(*parts))
    (item,) = next(iter(case.source.sync(case.calendar, None))).items
    if item.media == MESSAGE:
        assert message(*parts) == item.body
    else:
        assert (ICALENDAR, event("a"), False) == (item.media, item.body, item.truncated)


def test_several_calendar_parts_are_one_stream(case: Case) -> None:
    """All calendar parts of a large message are delivered."""
    nested = message(part("text/calendar", event("b"))).partition(b"MIME-Version: 1.0\r\n")[2]
    nested = nested.replace(b"--b", b"--c").replace(b"boundary=b", b"boundary=c")
    case.append(message(part("text/calendar", event("a")), nested, part("image/png", NOISE)))
    (item,) = next(iter(case.source.sync(case.calendar, None))).items
    assert event("a") + b"\r\n" + event("b") == item.body


def test_large_mail_is_not_fetched(case: Case) -> None:
    """A large message without a calendar part is not delivered, and not asked about again."""
    case.append(message(part("image/png", NOISE)), HEADER + event("a"))
    assert ["a Meeting"] == case.sync()
    assert 1 == case.replica.pages[-1].total
    case.sync()
    assert [] == case.replica.delivered


def test_a_large_event_of_another_kind_comes_as_a_message(case: Case) -> None:
    """A large message that holds an event in another format is delivered as it is."""
    case.append(message(part("application/ms-tnef", NOISE[:20_000])))
    (item,) = next(iter(case.source.sync(case.calendar, None))).items
    assert (MESSAGE, False) == (item.media, item.truncated)


def test_of_a_huge_part_the_beginning_comes(case: Case) -> None:
    """Of a calendar part over max_item the first bytes come, decoded, marked as truncated."""
    case.append(message(part("text/calendar", event("a", padding=60_000))))
    (item,) = next(iter(case.source.sync(case.calendar, None))).items
    assert (ICALENDAR, True) == (item.media, item.truncated)
    assert event("a", padding=60_000).startswith(item.body)
    assert 2_000 < len(item.body) <= SMALL.head_bytes


def test_an_empty_message_is_an_item_without_text(case: Case) -> None:
    """A message with no body is delivered, whatever its reader makes of it."""
    case.append(b"From: a@example.org\r\n\r\n")
    (item,) = next(iter(case.source.sync(case.calendar, None))).items
    assert (MESSAGE, False) == (item.media, item.truncated)


def test_lost_rights_are_told_from_a_missing_folder(mail_server: MailServer) -> None:
    """A folder that may be seen but not read is refused; one that is gone is missing."""
    case = Case(mail_server)
    reader = mail_server.new_user()
    shared = settings(
        mail_server, username=reader, folder=(mail_server.shared_folder("{name}", "Calendar"),)
    )

    def read() -> list[str]:
        source = ImapSource(shared)  # a new login: Dovecot keeps rights for 30 s in a session
        try:
            return Replica().run(source, source.calendars(case.owner)[0]).objects
        finally:
            source.close()

    case.append(HEADER + event("a"))
    mail_server.grant(case.user, case.folder, reader, "lr")
    assert ["a Meeting"] == read()
    mail_server.grant(case.user, case.folder, reader, "l")
    with pytest.raises(SourceRefusedError, match="rights l and r"):
        read()
    mail_server.grant(case.user, case.folder, reader, "")
    with pytest.raises(CalendarMissingError):
        read()
    case.source.close()


@pytest.mark.dovecot
def test_a_mailbox_that_went_back_is_read_anew(dovecot: MailServer) -> None:
    """A token that is ahead of the mailbox, as after a restore, is not used."""
    case = Case(dovecot)
    case.append(HEADER + event("a"))
    case.sync()
    assert case.replica.token is not None
    token = case.replica.token.replace('"modseq":', '"modseq":99')
    pages = list(case.source.sync(case.calendar, token))  # type: ignore[arg-type]  # a changed token
    assert [True] == [page.fresh for page in pages]
    case.source.close()


def spool_file(server: MailServer, marker: str) -> Path:
    """Return the file of the one message that holds a text."""
    (found,) = [
        path
        for path in server.directory.rglob("*.")
        if path.is_file() and marker.encode() in path.read_bytes()
    ]
    return found


@pytest.mark.cyrus
def test_a_damaged_message_costs_only_itself(cyrus: MailServer) -> None:
    """A message that is listed but cannot be read comes empty, and again when it can be."""
    case = Case(cyrus)
    case.append(*[HEADER + event(f"{case.user}-{n}") for n in range(3)])
    path = spool_file(cyrus, f"{case.user}-1")
    lost = path.rename(f"{path}lost")
    assert ["", f"{case.user}-0 Meeting", f"{case.user}-2 Meeting"] == case.sync()
    assert [True, False, False] == sorted(
        (item.truncated for page in case.replica.pages for item in page.items), reverse=True
    )
    lost.rename(path)
    assert [f"{case.user}-{n} Meeting" for n in range(3)] == case.sync()
    assert [f"{case.user}-1 Meeting"] == case.replica.delivered
    case.source.close()


@pytest.mark.cyrus
def test_a_lost_spool_is_no_empty_calendar(cyrus: MailServer) -> None:
    """Where no listed message can be read, the run fails instead of showing nothing."""
    case = Case(cyrus)
    case.append(HEADER + event(case.user))
    path = spool_file(cyrus, case.user)
    path.rename(f"{path}lost")
    with pytest.raises(SourceUnavailableError):
        case.sync()
    case.source.close()
