"""Tokens, the index and the answers of servers, by themselves."""

from __future__ import annotations

import zlib
from base64 import urlsafe_b64encode
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imapclient.exceptions import ProtocolError

from calendar_sync.imap import changing, itemtoken
from calendar_sync.imap.extensions import CommandRefused, Examined
from calendar_sync.imap.itemindex import NO_ITEM, Entry, Index, Indexes, digest, entry_of
from calendar_sync.imap.itemlook import letters
from calendar_sync.imap.itemmessages import within
from calendar_sync.imap.itemtoken import ItemToken
from calendar_sync.imap.itemwriting import WAVE, waves
from calendar_sync.imap.pipeline import Outcome
from calendar_sync.imap.refusals import accept_words, refusal
from calendar_sync.imap.uidset import UidSet
from freebusy.ports import FolderItem, ItemChange
from tests.contract.tokens import BAD_TOKENS

FOLDER = itemtoken.fingerprint("hans", "Calendar")
TOKEN = ItemToken(
    folder=FOLDER,
    uidvalidity=7,
    uidnext=12,
    exists=5,
    modseq=40,
    known=UidSet.parse("1:11"),
    is_coarse=True,
    rights="lrs",
    acl="abc",
)
BOX = Examined(7, 12, 5, 40)

uids = st.frozensets(st.integers(1, 2**32 - 1), max_size=20).map(UidSet.of)
tokens = st.builds(
    ItemToken,
    folder=st.just(FOLDER),
    uidvalidity=st.integers(0, 2**32 - 1),
    uidnext=st.integers(0, 2**32),
    exists=st.integers(0, 2**32 - 1),
    modseq=st.integers(0, 2**63 - 1),
    known=uids,
    is_coarse=st.booleans(),
    todo=uids,
    gone=uids,
    is_fresh=st.booleans(),
    rights=st.text("lrswipkxtea", max_size=11),
    acl=st.text("0123456789abcdef", max_size=18),
)


@given(tokens)
def test_a_token_comes_back(token: ItemToken) -> None:
    """What is written into a token is read out of it."""
    assert token == itemtoken.parse(token.text(), FOLDER)


@given(st.text() | st.binary().map(lambda raw: urlsafe_b64encode(raw).decode()))
def test_any_text_is_a_token_or_none(text: str) -> None:
    """No text makes the reader fail."""
    assert itemtoken.parse(text, FOLDER) is None


@given(tokens, st.data())
def test_a_damaged_token_is_none(token: ItemToken, data: st.DataObject) -> None:
    """A token with another character in it says nothing, or what a token can say."""
    text = token.text()
    at = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:at] + data.draw(st.characters()) + text[at + 1 :]
    found = itemtoken.parse(damaged, FOLDER)
    assert found is None or found == itemtoken.parse(found.text(), FOLDER)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=20))
def test_other_values_are_no_token(value: object) -> None:
    """JSON of another shape is none, however well it is packed."""
    assert itemtoken.parse(packed(repr(value).encode()), FOLDER) is None


def packed(unpacked: bytes) -> str:
    return urlsafe_b64encode(zlib.compress(unpacked)).decode()


@pytest.mark.parametrize("text", [*BAD_TOKENS, packed(b"[" * 100_000), packed(b" " * (5 << 20))])
def test_useless_tokens(text: str) -> None:
    """What is no token, unpacks without end or nests without end is none."""
    assert itemtoken.parse(text, FOLDER) is None


def test_a_token_of_another_folder() -> None:
    """A token serves the login and the folder it was given for."""
    assert itemtoken.parse(TOKEN.text(), itemtoken.fingerprint("eva", "Calendar")) is None


def test_a_token_stays_short() -> None:
    """A folder in use for years has a short token where the server tells what vanishes."""
    flagged = UidSet.of(range(100, 2000, 100))
    assert len(replace(TOKEN, known=UidSet.parse("1:90000") - flagged).text()) < 300


@pytest.mark.parametrize(
    ("token", "box", "expected"),
    [
        (TOKEN, BOX, (True, True)),
        (TOKEN, Examined(8, 12, 5, 40), (False, False)),
        (TOKEN, Examined(7, 12, 5, 41), (False, True)),
        (TOKEN, Examined(7, 13, 6, 41), (False, True)),
        (TOKEN, Examined(7, 12, 5, 39), (False, False)),
        (TOKEN, Examined(7, 9, 5, 41), (False, False)),
        (TOKEN, Examined(7, 12, 5, None), (False, True)),
        (replace(TOKEN, modseq=0), Examined(7, 12, 5, None), (False, True)),
        (replace(TOKEN, todo=UidSet.of([3])), BOX, (False, True)),
        (replace(TOKEN, is_fresh=True), BOX, (False, True)),
    ],
)
def test_what_a_token_proves(token: ItemToken, box: Examined, expected: tuple[bool, bool]) -> None:
    """Equal numbers prove that nothing happened; numbers that went back, that UIDs mean others."""
    assert expected == (token.proves(box), token.is_of(box))


def item(uid: str, change: str | None = None, **more: object) -> FolderItem:
    return FolderItem("1", uid, "", "kolab3", change=change, **more)  # type: ignore[arg-type]


def test_an_index_by_uid() -> None:
    """An index knows the messages of an item, and forgets those that are gone or flagged."""
    index = Index(uidvalidity=1)
    entries = [entry_of(item(uid)) for uid in "aba"]
    index.note([(3, entries[0]), (4, entries[1]), (9, entries[2]), (5, NO_ITEM)])
    assert ((3, 9), (4,), ()) == (index.of("a"), index.of("b"), index.of("c"))
    index.flagged.add(3)
    index.drop([9, 5, 77])
    assert ((), 2) == (index.of("a"), len(index))
    index.begin(2)
    assert ((), 0) == (index.of("b"), len(index))


def test_an_index_knows_no_text() -> None:
    """Of an item its UID is kept as a digest; one that cannot be read is kept as none."""
    assert Entry(digest("a"), False, "kolab3", "c1") == entry_of(item("a", "c1"))
    assert NO_ITEM == entry_of(item("", problem="broken")) == entry_of(None)
    assert "secret" not in repr(entry_of(item("secret")))


def test_the_dialect_of_a_folder() -> None:
    """It is that of the newest item that can be written so; of an empty folder iCalendar."""
    index = Index(uidvalidity=1)
    assert index.dialect() == "icalendar"
    index.note([(1, entry_of(item("a"))), (2, Entry(digest("b"))), (3, NO_ITEM)])
    assert index.dialect() == "kolab3"


def test_an_index_passes_over_what_was_seen_before() -> None:
    """What a reader saw before the index was complete may be gone again."""
    index = Index(uidvalidity=7, modseq=50)
    index.learn(replace(TOKEN, modseq=40), [(3, entry_of(item("a")))])
    assert index.of("a") == ()
    index.learn(replace(TOKEN, modseq=60), [(4, entry_of(item("a")))])
    assert index.of("a") == (4,)


def test_indexes_are_bounded() -> None:
    """The folders that were not used for the longest time are forgotten; one is always kept."""
    indexes = Indexes(most=55)
    for name in "abc":
        indexes.of(name).begin(1)
        indexes.of(name).note([(uid, NO_ITEM) for uid in range(1, 11)])
        indexes.of("a")
    assert [10, 10] == [len(indexes.of(name)) for name in "ac"]
    assert len(indexes.of("b")) == 0
    indexes.of("a").note([(uid, NO_ITEM) for uid in range(100, 200)])
    assert len(indexes.of("a")) == 110
    assert len(indexes.of("c")) == 0


@given(st.lists(st.sampled_from("abcdefgh"), max_size=300))
def test_waves(uids: list[str]) -> None:
    """Waves keep the order, and no item is in one of them twice."""
    changes = [ItemChange("delete", uid) for uid in uids]
    found = list(waves(changes))
    assert changes == [change for wave in found for change in wave]
    assert all(len({c.uid for c in wave}) == len(wave) <= WAVE for wave in found)


def test_within() -> None:
    """A page ends at its limits, and is never empty."""
    sizes: dict[int, int | None] = {3: 10, 1: 500, 2: None, 4: 10}
    assert [[1], [1, 2, 3], [1, 2]] == [
        list(within(sizes, 9, 100)),
        list(within(sizes, 9, 505)),
        list(within(sizes, 2, 9000)),
    ]


def test_rights_in_their_order() -> None:
    """Rights are told in the order of RFC 4314, those it does not know after them."""
    assert letters(frozenset("naelr")) == "lrean"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"A1 OK [APPENDUID 7 12:13,20] done\r\n", [12, 13, 20]),
        (b"A1 OK [APPENDUID 7 12] done\r\n", [None, None, None]),
        (b"A1 OK done\r\n", [None, None, None]),
    ],
)
def test_appended(line: bytes, expected: list[int | None]) -> None:
    """The UIDs of appended messages are told for each, or for none."""
    found = changing._appended(Outcome(line, None), 3)
    assert expected == [each.uid for each in found]


def test_appended_to_where() -> None:
    """UIDs that cannot be are no answer."""
    with pytest.raises(ProtocolError):
        changing._appended(Outcome(b"A1 OK [APPENDUID 7 0:3] done\r\n", None), 3)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"NO [OVERQUOTA] full", "mailbox is full"),
        (b"NO Over quota", "mailbox is full"),
        (b"NO [TOOBIG] x", "smaller"),
        (b"NO [TRYCREATE] x", "list the folders again"),
        (b"NO [NOPERM] x", "rights"),
        (b"NO [UNAVAILABLE] x", "try again later"),
        (b"NO [X-SECRET] secret", "refused the message [X-SECRET]"),
        (b"NO secret", "refused the message"),
    ],
)
def test_refusals(line: bytes, expected: str) -> None:
    """A refusal says what to do, and nothing in the server's own words."""
    code = line.partition(b"[")[2].partition(b"]")[0].decode()
    said = refusal(accept_words(CommandRefused("APPEND", code), line))
    assert expected in said
    assert "secret" not in said
