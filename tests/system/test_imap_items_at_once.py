"""Items on real mail servers while the line breaks, or others change the same items."""

from __future__ import annotations

import logging
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from freebusy.errors import SourceUnavailableError
from tests.contract.items_contract import FolderReplica, delete, put, shown, text
from tests.system.imap_relay import relayed
from tests.system.items_case import ItemsCase, objects, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from freebusy.ports import ItemChange
    from tests.servers.mailserver import MailServer
    from tests.system.imap_relay import Relay


@pytest.fixture
def relay(mail_server: MailServer) -> Iterator[Relay]:
    with relayed(mail_server.port) as relay:
        yield relay


@pytest.fixture
def through(mail_server: MailServer, relay: Relay) -> Iterator[ItemsCase]:
    """A folder whose owner's connections go through the relay; others' do not."""
    case = ItemsCase(mail_server, port=relay.port)
    yield case
    case.close()


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
    assert len(through.server.flags(through.user, through.path)) == 1


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


def test_somebody_else_replaces_it_at_the_very_end(through: ItemsCase, relay: Relay) -> None:
    """Where two have replaced one item and neither could know, both versions stay."""
    old = through.append(text("a"))
    relay.at(b"EXPUNGE", lambda: through.append(text("a", "Theirs")))
    assert [("done", None)] == write(through, put("a", "Ours", old))
    assert ["a Ours", "a Theirs"] == objects(through)


@pytest.mark.parametrize("action", ["put", "delete"])
def test_somebody_else_deletes_it(through: ItemsCase, relay: Relay, action: str) -> None:
    """An item that vanishes under the hands of its writer is a conflict, and stays deleted."""
    old = through.append(text("a"))
    relay.at(b"STORE", lambda: through.expunge(old))
    change = put("a", "Ours", old) if action == "put" else delete("a", old)
    assert [("conflict", None)] == write(through, change)
    assert [] == objects(through)


def test_somebody_else_deletes_it_while_it_is_fetched(through: ItemsCase, relay: Relay) -> None:
    """Who wrote an item hears that it is gone, though it was listed and never delivered."""
    replica = FolderReplica(through)
    replica.pull()
    results = through.items.write(through.who, through.path, [put("a"), put("b")])
    mine, theirs = (result.href for result in results)
    assert theirs is not None
    relay.at(b"BODY", lambda: through.expunge(theirs))
    told = [replica.page(), replica.page()]
    assert [mine] == [item.href for page in told for item in page.items]
    assert theirs in {href for page in told for href in page.gone}


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
