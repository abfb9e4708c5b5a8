"""Answers to GETACL and MYRIGHTS, in every form that servers write them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imapclient.exceptions import ProtocolError

from calendar_sync.imap.acl import parse_acl, parse_my_rights


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ([b"* ACL Team anna lrswi bernd lr\r\n"], ("Team", (("anna", "lrswi"), ("bernd", "lr")))),
        ([b'* ACL "Te am" "anna b" "lr"\r\n'], ("Te am", (("anna b", "lr"),))),
        ([b"* ACL {4}\r\n", b"Team", b" {4}\r\n", b"anna", b" lr\r\n"],
         ("Team", (("anna", "lr"),))),
        ([b"* ACL Team -bernd r $team lr !$x l\r\n"],
         ("Team", (("-bernd", "r"), ("$team", "lr"), ("!$x", "l")))),
        ([b"* ACL Team NIL lr 4711 lr\r\n"], ("Team", (("NIL", "lr"), ("4711", "lr")))),
        ([b'* ACL Team anna ""\r\n'], ("Team", (("anna", ""),))),
        ([b"* ACL Team\r\n"], ("Team", ())),
        ([b"* ACL Team anna\r\n"], ("Team", ())),
        ([b"* ACL Gesch&AOQ-ft anna lr\r\n"], ("Gesch\u00e4ft", (("anna", "lr"),))),
        ([b"* acl Team anna lr\r\n"], ("Team", (("anna", "lr"),))),
        ([b"* LIST () NIL Team\r\n"], None),
    ],
)  # fmt: skip
def test_acl(response: list[bytes], expected: object) -> None:
    """Identifiers and rights come as atoms, quoted or literal."""
    assert expected == parse_acl(response)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"* MYRIGHTS Team lrswipkxtecda\r\n", ("Team", "lrswipkxtecda")),
        (b'* MYRIGHTS "user/a b/Calendar" "lr"\r\n', ("user/a b/Calendar", "lr")),
        (b"* MYRIGHTS Team\r\n", None),
        (b"* ACL Team anna lr\r\n", None),
    ],
)
def test_my_rights(line: bytes, expected: object) -> None:
    """A login's own rights are read with the folder they are on."""
    assert expected == parse_my_rights([line])


LITERALS = st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=40)), max_size=3)


@given(st.sampled_from([b"ACL", b"MYRIGHTS"]), st.binary(max_size=40), LITERALS)
def test_any_answer_is_read_or_refused(
    kind: bytes, line: bytes, literals: list[tuple[bytes, bytes]]
) -> None:
    """Whatever a server writes gives a value, none, or an error of the connection."""
    response = [b"* " + kind + b" " + line, *(part for pair in literals for part in pair)]
    with contextlib.suppress(ProtocolError):
        parse_acl(response)
        parse_my_rights(response)
