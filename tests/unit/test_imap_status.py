"""STATUS and LIST with STATUS, as servers answer them and as they must never."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imapclient.exceptions import IMAPClientError

from calendar_sync.imap import status
from calendar_sync.imap.extensions import Examined

STATE = Examined(1795449325, 2, 1, 3)
VALUES = b"(MESSAGES 1 UIDNEXT 2 UIDVALIDITY 1795449325 HIGHESTMODSEQ 3)"


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ([b"* STATUS user/hans/Calendar " + VALUES + b"\r\n"], ("user/hans/Calendar", STATE)),
        (
            [b'* STATUS "user.hans.Kal &AOQ-nder" ' + VALUES + b"\r\n"],
            ("user.hans.Kal änder", STATE),
        ),
        ([b'* STATUS "a \\"q\\" \\\\b" ' + VALUES + b"\r\n"], ('a "q" \\b', STATE)),
        ([b"* STATUS {8}\r\n", b"a (UID 4", b" " + VALUES + b"\r\n"], ("a (UID 4", STATE)),
        ([b'* STATUS "(UIDVALIDITY 4)" ' + VALUES + b"\r\n"], ("(UIDVALIDITY 4)", STATE)),
        ([b"* status x (uidvalidity 7 messages 0)\r\n"], ("x", Examined(7, None, 0, None))),
        (
            [b"* STATUS x (UIDVALIDITY 7 UIDNEXT 1 MESSAGES 0 HIGHESTMODSEQ 0)\r\n"],
            ("x", Examined(7, 1, 0, None)),
        ),
        ([b"* STATUS x (MESSAGES 4)\r\n"], ("x", None)),
        ([b"* STATUS x\r\n"], ("x", None)),
        ([b'* LIST () "/" x\r\n'], None),
        ([b"* NO [NOPERM] Permission denied\r\n"], None),
    ],
    ids=lambda value: "",
)
def test_status(response: list[bytes], expected: object) -> None:
    """The name comes quoted, as an atom or a literal, the items in any order."""
    assert expected == status.parse_status(response)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ([b'* LIST () "/" user/hans/Calendar\r\n'], "user/hans/Calendar"),
        ([b'* LIST (\\HasNoChildren) "." "user.hans.Kal &AOQ-nder"\r\n'], "user.hans.Kal änder"),
        ([b"* LIST (\\Marked) NIL INBOX\r\n"], "INBOX"),
        ([b'* LIST () "\\\\" {3}\r\n', b"a b", b"\r\n"], "a b"),
        ([b'* LIST () "/" x (CHILDINFO ("SUBSCRIBED"))\r\n'], "x"),
        ([b'* LIST (\\HasChildren \\NoSelect) "/" user\r\n'], None),
        ([b'* LIST (\\NonExistent) "/" user\r\n'], None),
        ([b"* STATUS x (MESSAGES 4)\r\n"], None),
        ([b"* LIST garbage\r\n"], None),
    ],
    ids=lambda value: "",
)
def test_list(response: list[bytes], expected: str | None) -> None:
    """What can be opened has a name; what only holds others has none."""
    assert expected == status.parse_list(response)


_TEXT = st.binary(max_size=60) | st.sampled_from(
    [b"* LIST () ", b"* STATUS ", b'"', b"(", b"UIDVALIDITY 99999999999999999999999", b"{3}", b"x "]
)


@given(st.lists(_TEXT, max_size=6).map(b"".join), st.lists(_TEXT, max_size=2))
def test_any_octets(line: bytes, more: list[bytes]) -> None:
    """Whatever a server says, it is a value, nothing, or an answer that cannot be understood."""
    for parse in (status.parse_status, status.parse_list):
        try:
            parse([line + b"\r\n", *more])
        except IMAPClientError:
            continue


def test_the_state_comes_after_the_name() -> None:
    """A mailbox is there when it is listed; its state follows, or does not."""
    found = [("a", None), ("a", STATE), ("b", None), ("a", None)]
    assert {"a": STATE, "b": None} == status.collect(found)


def test_a_server_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """More mailboxes than there can be are not gathered."""
    monkeypatch.setattr(status, "MAX_MAILBOXES", 10)
    endless = ((str(number), None) for number in range(10**9))
    with pytest.raises(IMAPClientError):
        status.collect(endless)
