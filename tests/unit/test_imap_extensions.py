"""Answers of mail servers as they came over the wire, and as they must never come."""

from __future__ import annotations

import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from imapclient.exceptions import IMAPClientError

from calendar_sync.imap import extensions
from calendar_sync.imap.bodies import parts_of
from calendar_sync.imap.extensions import Examined, MessageState
from calendar_sync.imap.uidset import UidSet

DOVECOT_EXAMINE = [
    b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n",
    b"* OK [PERMANENTFLAGS ()] Read-only mailbox.\r\n",
    b"* 5 EXISTS\r\n",
    b"* 5 RECENT\r\n",
    b"* OK [UNSEEN 1] First unseen.\r\n",
    b"* OK [UIDVALIDITY 1795436757] UIDs valid\r\n",
    b"* OK [UIDNEXT 6] Predicted next UID\r\n",
    b"* OK [HIGHESTMODSEQ 4] Highest\r\n",
]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (DOVECOT_EXAMINE, Examined(1795436757, 6, 5, 4)),
        ([*DOVECOT_EXAMINE[:-1], b"* OK [NOMODSEQ] none\r\n"], Examined(1795436757, 6, 5, None)),
        ([b"* ok [uidvalidity 7] x\r\n"], Examined(7, None, 0, None)),
        (
            [b"* OK [CLOSED] Previous mailbox closed.\r\n", b"* OK [UIDVALIDITY 7]\r\n"],
            Examined(7, None, 0, None),
        ),
    ],
    ids=["dovecot", "nomodseq", "lower-case", "closed"],
)
def test_examine(lines: list[bytes], expected: Examined) -> None:
    """EXAMINE's untagged responses give what a run compares."""
    assert expected == extensions.parse_examine(lines)


def test_examine_without_uidvalidity_is_refused() -> None:
    """A mailbox without UIDVALIDITY cannot be followed (RFC 3501 §6.3.1)."""
    with pytest.raises(IMAPClientError):
        extensions.parse_examine([b"* 5 EXISTS\r\n"])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"* 1 FETCH (UID 4 FLAGS (\\Recent) RFC822.SIZE 30)\r\n", MessageState(4, False, 30)),
        (
            b"* 1 FETCH (FLAGS (\\Seen \\Deleted) UID 4 MODSEQ (3) RFC822.SIZE 30)\r\n",
            MessageState(4, True, 30),
        ),
        (b"* 1 FETCH (UID 4 FLAGS () MODSEQ (4))\r\n", MessageState(4, False, None)),
        (b"* 1 fetch (uid 4 flags (\\DELETED))\r\n", MessageState(4, True, None)),
        (b"* 1 FETCH (FLAGS (UID 9 \\Deletedish) UID 4)\r\n", MessageState(4, False, None)),
        (b"* 1 FETCH (FLAGS (\\Deleted))\r\n", None),
        (b"* 1 FETCH (UID 4)\r\n", None),
        (b"* 1 EXISTS\r\n", None),
        (b"* OK FETCH (UID 4 FLAGS ())\r\n", None),
    ],
)
def test_states(line: bytes, expected: MessageState | None) -> None:
    """UID, flags and size are found in any order; a keyword cannot pass for a UID."""
    assert expected == extensions.parse_state(line)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"* VANISHED (EARLIER) 2:3\r\n", UidSet.parse("2:3")),
        (b"* VANISHED 1,5:7\r\n", UidSet.parse("1,5:7")),
        (b"* vanished (earlier) 4294967295\r\n", UidSet.parse("4294967295")),
        (b"* 3 EXPUNGE\r\n", None),
    ],
)
def test_vanished(line: bytes, expected: UidSet | None) -> None:
    """VANISHED comes with and without EARLIER (RFC 7162 §3.2.10)."""
    assert expected == extensions.parse_vanished(line)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (
            [b'* METADATA INBOX ("/shared/vendor/kolab/folder-type" NIL)\r\n'],
            ("INBOX", {}),
        ),
        (
            [
                (
                    b'* METADATA user.u1.Calendar ("/shared/vendor/kolab/folder-type"'
                    b' "event.default" "/private/vendor/kolab/folder-type" NIL)\r\n'
                )
            ],
            ("user.u1.Calendar", {"/shared/vendor/kolab/folder-type": b"event.default"}),
        ),
        (
            [
                b"* METADATA user/u1/Calendar (/shared/vendor/kolab/folder-type {13}\r\n",
                b"event.default",
                b" /shared/vendor/kolab/incidences-for NIL)\r\n",
            ],
            ("user/u1/Calendar", {"/shared/vendor/kolab/folder-type": b"event.default"}),
        ),
        (
            [b"* METADATA {8}\r\n", b"Cal endr", b" (/Shared/Comment atom)\r\n"],
            ("Cal endr", {"/shared/comment": b"atom"}),
        ),
        (
            [b'* METADATA "B&APw-ro \\"x\\"" (/shared/a "1")\r\n'],
            ('B\u00fcro "x"', {"/shared/a": b"1"}),
        ),
        ([b"* METADATA 2024 (/shared/a 5)\r\n"], ("2024", {"/shared/a": b"5"})),
        ([b"* METADATA INBOX /shared/comment\r\n"], None),
        ([b"* 1 EXISTS\r\n"], None),
    ],
    ids=["nil", "quoted", "literal", "literal-name", "utf-7", "numbers", "changed", "other"],
)
def test_metadata(response: list[bytes], expected: object) -> None:
    """Entries and mailbox names come quoted, as literals and as atoms (RFC 5464 §4.4.1)."""
    assert expected == extensions.parse_metadata(response)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ([b"* 4 FETCH (UID 4 BODY[] {2}\r\n", b"ab", b")\r\n"], (4, {b"": b"ab"})),
        ([b"* 4 FETCH (BODY[] {2}\r\n", b"ab", b" UID 4)\r\n"], (4, {b"": b"ab"})),
        ([b"* 4 FETCH (UID 4 BODY[1]<0> {2}\r\n", b"ab", b")\r\n"], (4, {b"1": b"ab"})),
        (
            [
                b"* 4 FETCH (FLAGS (\\Seen) UID 4 BODY[1] {2}\r\n",
                b"ab",
                b" BODY[2.1]<0> {1}\r\n",
                b"c",
                b")\r\n",
            ],
            (4, {b"1": b"ab", b"2.1": b"c"}),
        ),
        ([b'* 4 FETCH (UID 4 BODY[] "a\\"b")\r\n'], (4, {b"": b'a"b'})),
        ([b"* 4 FETCH (UID 4 BODY[] NIL)\r\n"], None),
        ([b"* 4 FETCH (BODY[] {2}\r\n", b"ab", b")\r\n"], None),
        ([b"* 4 FETCH (FLAGS (\\Seen) UID 4)\r\n"], None),
        ([b"* VANISHED 2:3\r\n"], None),
    ],
)
def test_bodies(response: list[bytes], expected: object) -> None:
    """A body comes as a literal or a quoted string, the UID before or after; NIL is none."""
    assert expected == extensions.parse_bodies(response)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Calendar", b'"Calendar"'),
        ("B\u00fcro & Co", b'"B&APw-ro &- Co"'),
        ('a"b\\c', b'"a\\"b\\\\c"'),
        ("a\r\nb", b'"a&AA0ACg-b"'),
    ],
)
def test_mailbox_names(name: str, expected: bytes) -> None:
    """A name is quoted in modified UTF-7, and no line end of it reaches the wire."""
    assert expected == extensions.mailbox_name(name)


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        (b"* 1 EXISTS\r\n", [b"* 1 EXISTS\r\n"]),
        (b"* 1 X {3}\r\na\r\n)\r\n", [b"* 1 X {3}\r\n", b"a\r\n", b")\r\n"]),
        (b"* 1 X {0}\r\n {1}\r\nb)\r\n", [b"* 1 X {0}\r\n", b"", b" {1}\r\n", b"b", b")\r\n"]),
        (b"* OK it says {3}\r\n", [b"* OK it says {3}\r\n"]),
        (b'* 1 X "}"}\r\n', [b'* 1 X "}"}\r\n']),
    ],
)
def test_responses(wire: bytes, expected: list[bytes]) -> None:
    """A response is read with its literals, and trailing bytes are left for the next."""
    file = io.BytesIO(wire + b"rest")
    assert expected == extensions.read_response(file)
    assert b"rest" == file.read()


@pytest.mark.parametrize("wire", [b"", b"* 1 EXI", b"* 1 X {5}\r\nab", b"* 1 X {99999999999}\r\n"])
def test_a_broken_off_response(wire: bytes) -> None:
    """A response that ends early is an error of the connection, and a huge one is not read."""
    if b"99" in wire:
        assert [wire] == extensions.read_response(io.BytesIO(wire))
        wire = wire.replace(b"99999999999", b"9999999999")
    with pytest.raises(IMAPClientError):
        extensions.read_response(io.BytesIO(wire))


PIECES = st.sampled_from(
    [
        *[b"* 1 FETCH (", b"UID 4", b" FLAGS (\\Deleted)", b" BODY[] {3}\r\nabc", b")", b"(", b'"'],
        *[b" BODYSTRUCTURE (", b'"text" "calendar" NIL NIL NIL "base64" 5', b"* METADATA ", b"\\"],
        *[b"{2}\r\n", b"[", b"]", b"* VANISHED (EARLIER) ", b"1:3", b"NIL", b"\r\n", b" ", b"&-&"],
        *[b"\xff", b"99999999999", b"* OK [X ", b"<0>"],
    ]
)
WIRE = st.lists(PIECES | st.binary(max_size=6), max_size=25).map(b"".join)


@given(WIRE)
@example(b"* METADATA a (" + b"(" * 5000 + b"\r\n")
@example(b"* 1 FETCH (UID 1 BODYSTRUCTURE " + b"(" * 5000 + b")" * 5000 + b")\r\n")
@example(b"* METADATA x&y (b c)\r\n")
@example(b"* METADATA {0}\r\n\r\n")
def test_any_bytes_give_a_value_or_an_imap_error(wire: bytes) -> None:
    """Whatever a server sends, a parser returns or raises IMAPClientError, and nothing else."""
    try:
        response = extensions.read_response(io.BytesIO(wire + b"\r\n"))
    except IMAPClientError:
        return
    extensions.parse_state(response[0])
    extensions.parse_bodies(response)
    for parse in (
        lambda: extensions.parse_vanished(response[0]),
        lambda: extensions.parse_metadata(response),
        lambda: extensions.parse_examine(response[::2]),
        lambda: parts_of(response),
    ):
        try:
            parse()
        except IMAPClientError:
            continue
