"""Which part of a message is the calendar, and what its encoded text means."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_sync.imap.bodies import Part, decode, joined, parts_of

TEXT = b'("text" "plain" NIL NIL NIL "7bit" 5 1 NIL NIL NIL NIL)'
CALENDAR = b'("text" "calendar" ("charset" "utf-8") NIL NIL "base64" 900 12 NIL NIL NIL NIL)'
NAMED = (
    b'("application" "octet-stream" NIL NIL NIL "base64" 900 NIL '
    b'("attachment" ("filename*" "utf-8\'\'Termin.ICS")) NIL NIL)'
)
IMAGE = b'("image" "png" NIL NIL NIL "base64" 90000 NIL NIL NIL NIL)'
TNEF = b'("application" "ms-tnef" ("name" "winmail.dat") NIL NIL "base64" 900 NIL NIL NIL NIL)'
ENVELOPE = b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"


def attached(structure: bytes) -> bytes:
    """Return an attached message of this structure."""
    head = b'("message" "rfc822" NIL NIL NIL "7bit" 2000 '
    return head + ENVELOPE + b" " + structure + b" 30 NIL NIL NIL NIL)"


def sections(structure: bytes) -> list[tuple[str, str, bool]]:
    """Return section, media type and whether it is a calendar of each part."""
    line = b"* 1 FETCH (UID 7 BODYSTRUCTURE " + structure + b")\r\n"
    return [(part.section, part.media, part.is_calendar) for part in parts_of([line])]


@pytest.mark.parametrize(
    ("structure", "expected"),
    [
        (CALENDAR, [("1", "text/calendar", True)]),
        (
            b"(" + TEXT + CALENDAR + b' "mixed" ("boundary" "b") NIL NIL NIL)',
            [("1", "text/plain", False), ("2", "text/calendar", True)],
        ),
        (
            b"(" + TEXT + b"(" + TEXT + CALENDAR + b' "alternative")' + NAMED + b' "mixed")',
            [
                ("1", "text/plain", False),
                ("2.1", "text/plain", False),
                ("2.2", "text/calendar", True),
                ("3", "application/octet-stream", True),
            ],
        ),
        (
            b"(" + TEXT + attached(CALENDAR) + b' "mixed")',
            [("1", "text/plain", False), ("2.1", "text/calendar", True)],
        ),
        (
            b"(" + attached(b"(" + TEXT + CALENDAR + b' "mixed")') + IMAGE + b' "mixed")',
            [
                ("1.1", "text/plain", False),
                ("1.2", "text/calendar", True),
                ("2", "image/png", False),
            ],
        ),
        (b"NIL", []),
        (b"()", []),
        (b'("text" "calendar")', []),
    ],
    ids=["single", "mixed", "nested", "attached", "attached-multipart", "nil", "empty", "short"],
)
def test_structures(structure: bytes, expected: list[tuple[str, str, bool]]) -> None:
    """Parts are numbered as RFC 3501 §6.4.5 does it, wherever the calendar is."""
    assert expected == sections(structure)


@pytest.mark.parametrize(
    ("structure", "expected"),
    [
        (TNEF, (False, True, False)),
        (TNEF.replace(b"winmail.dat", b"win.dat"), (False, True, False)),
        (b'("application" "calendar+xml" NIL NIL NIL "7bit" 9)', (False, True, True)),
        (b'("application" "x-vnd.kolab.event" NIL NIL NIL "7bit" 9)', (False, True, True)),
        (b'("text" "calendar" NIL NIL NIL "7bit" 9 1)', (True, True, False)),
        (b'("image" "png" NIL NIL NIL "base64" 9)', (False, False, False)),
    ],
)
def test_formats_are_known(structure: bytes, expected: tuple[bool, bool, bool]) -> None:
    """What is read of a message is known by its parts: text by itself, others as a whole.

    Kolab's formats come before iCalendar text: an invitation among the attachments of
    one of its events is no event of the folder.
    """
    (part,) = parts_of([b"* 1 FETCH (UID 7 BODYSTRUCTURE " + structure + b")\r\n"])
    assert expected == (part.is_calendar, part.is_event, part.comes_first)


def part(encoding: str, charset: str = "") -> Part:
    return Part("1", "text/calendar", encoding, 10, charset)


@pytest.mark.parametrize(
    ("encoding", "charset", "text", "expected"),
    [
        ("7bit", "us-ascii", b"abc", b"abc"),
        ("8bit", "iso-8859-1", b"gr\xfcn", "gr\u00fcn".encode()),
        ("base64", "utf-16", base64.b64encode("gr\u00fcn".encode("utf-16")), "gr\u00fcn".encode()),
        ("quoted-printable", "utf-8", b"a=3Db=\r\nc", b"a=bc"),
        ("base64", "", b"YWJjZGVm"[:7], b"abcde"),
    ],
)
def test_decode(encoding: str, charset: str, text: bytes, expected: bytes) -> None:
    """Transfer encodings are undone, also of a text that was cut off, and charsets become UTF-8."""
    assert expected == decode(part(encoding, charset), text)


def test_the_same_text_twice_is_one() -> None:
    """Parts that say the same, as in an alternative and an attachment, come once."""
    parts = (part("7bit"), Part("2", "text/calendar", "base64", 10))
    assert b"abc" == joined(parts, {b"1": b"abc", b"2": b"YWJj"})
    assert b"abc\r\nx" == joined(parts, {b"1": b"abc", b"2": b"eA=="})


@given(
    st.sampled_from(["7bit", "base64", "quoted-printable", "x"]), st.text(max_size=12), st.binary()
)
def test_any_bytes_are_decoded(encoding: str, charset: str, text: bytes) -> None:
    """No text, however it is labelled, is an error."""
    assert isinstance(decode(part(encoding, charset), text), bytes)
