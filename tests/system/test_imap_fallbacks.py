"""A server that can do less than Dovecot can: Dovecot itself, told to say so."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from freebusy.errors import SourceUnavailableError
from tests.contract.place import event, watching
from tests.system.imap_case import HEADER, Case

if TYPE_CHECKING:
    from tests.servers.dovecot import Dovecot
    from tests.servers.fixtures import MakeDovecot

pytestmark = pytest.mark.dovecot

BASE = "IMAP4rev1 LITERAL+ UIDPLUS NAMESPACE MULTIAPPEND ACL"
SERVERS: dict[str, dict[str, Any]] = {
    "qresync-without-enable": {"capability": f"{BASE} IDLE UNSELECT CONDSTORE QRESYNC"},
    "condstore-only": {"capability": f"{BASE} IDLE UNSELECT ENABLE CONDSTORE"},
    "neither": {"capability": f"{BASE} IDLE UNSELECT"},
    "bare": {"capability": "IMAP4rev1 LITERAL+ UIDPLUS MULTIAPPEND"},
    "nomodseq": {"volatile_indexes": True},
}


@pytest.fixture(scope="module", params=SERVERS)
def lesser(request: pytest.FixtureRequest, make_dovecot: MakeDovecot) -> Dovecot:
    """Give each lesser server in turn."""
    return make_dovecot(**SERVERS[request.param])


def test_a_history(lesser: Dovecot) -> None:
    """After any changes, each run finds exactly what is there, and delivers only what is new."""
    case = Case(lesser)
    dice = random.Random(7)
    live: dict[int, str] = {}
    flagged: dict[int, str] = {}
    for number in range(40):
        choice = dice.choice(["add", "add", "delete", "flag", "unflag", "sync"])
        if choice == "add":
            live[case.append(HEADER + event(f"e{number}"))[0]] = f"e{number} Meeting"
        elif choice == "delete" and live:
            uid = dice.choice(sorted(live))
            case.delete(uid)
            del live[uid]
            flagged.clear()  # EXPUNGE takes them, too
        elif choice == "flag" and live:
            uid = dice.choice(sorted(live))
            case.flag("+FLAGS", r"\Deleted", uid)
            flagged[uid] = live.pop(uid)
        elif choice == "unflag" and flagged:
            uid = dice.choice(sorted(flagged))
            case.flag("-FLAGS", r"\Deleted", uid)
            live[uid] = flagged.pop(uid)
        elif choice == "sync":
            assert sorted(live.values()) == case.sync()
    assert sorted(live.values()) == case.sync()
    case.sync()
    assert ([], []) == (case.replica.delivered, case.replica.gone)
    assert not any(page.fresh for page in case.replica.pages)
    case.source.close()


def test_a_new_mailbox_of_the_same_name(lesser: Dovecot) -> None:
    """A mailbox with another UIDVALIDITY is read anew."""
    case = Case(lesser)
    case.append(HEADER + event("a"))
    case.sync()
    lesser.delete_folder(case.user, case.folder)
    lesser.create_folder(case.user, case.folder)
    case.append(HEADER + event("b"))
    assert ["b Meeting"] == case.sync()
    assert all(page.fresh for page in case.replica.pages)
    case.source.close()


def test_changes_are_noticed(lesser: Dovecot) -> None:
    """Without IDLE the server is asked every now and then."""
    case = Case(lesser, poll_seconds=0.2)
    calendar = case.calendar
    with watching(case.source, [calendar]) as watch:
        watch.settle(calendar, lambda: case.append(HEADER + event("a")))
        after = watch.quiet(0.8)
        case.append(HEADER + event("b"))
        assert watch.wait(calendar, after=after, seconds=5)
    case.source.close()


def test_a_server_that_learns_more(make_dovecot: MakeDovecot, dovecot: Dovecot) -> None:
    """A token from a time without modification sequences serves afterwards, too."""
    case = Case(dovecot)
    case.append(HEADER + event("a"))
    case.sync()
    token = str(case.replica.token)
    before, _, after = token.partition('"modseq":')
    case.replica.token = f'{before}"modseq":null{after[after.index(",") :]}'  # type: ignore[assignment]  # a changed token
    case.append(HEADER + event("b"))
    assert ["a Meeting", "b Meeting"] == case.sync()
    assert (["b Meeting"], False) == (case.replica.delivered, case.replica.pages[-1].fresh)
    case.source.close()


def test_no_slot_is_left(dovecot: Dovecot) -> None:
    """Who needs a second connection where one is allowed is told so after a while."""
    case = Case(dovecot, max_connections=1, timeout=1)
    case.append(*[HEADER + event(f"e{n}", padding=60_000) for n in range(120)])
    calendar = case.calendar
    pages = case.source.sync(calendar, None)
    next(pages)
    with pytest.raises(SourceUnavailableError, match="max_connections"):
        next(case.source.sync(calendar, None))
    list(pages)
    case.source.close()
