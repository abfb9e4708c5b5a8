"""Transfer encodings and charsets, also broken ones."""

from __future__ import annotations

import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_sync.formats.encoding import decode_base64, decode_transfer, to_utf8

LINE = b"BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260601\r\nSUMMARY:Gr\xc3\xbc\xc3\x9fe\r\n"
CODED = base64.encodebytes(LINE)


@pytest.mark.parametrize(
    ("payload", "transfer", "expected"),
    [
        (CODED, "base64", LINE),
        (CODED.replace(b"\n", b"\r\n"), "base64", LINE),
        (CODED.replace(b"\n", b""), "base64", LINE),
        (CODED.rstrip(b"=\n"), "base64", LINE),
        (CODED[:40] + b"\r\n!" + CODED[40:], "base64", LINE),
        (base64.b64encode(LINE + b"\n") + b"\r\n-- \r\nA list's footer", "base64", LINE),
        (LINE, "base64", LINE),
        (b"\r\n" + LINE, "base64", b"\r\n" + LINE),
        (b"", "base64", b""),
        (quopri.encodestring(LINE), "quoted-printable", LINE),
        (
            b"DTSTART;VALUE=\r\n=3DDATE:2026=\r\n0601",
            "quoted-printable",
            b"DTSTART;VALUE=DATE:20260601",
        ),
        (b"X:a=3", "quoted-printable", b"X:a=3"),
        (b"X:a=ZZ", "quoted-printable", b"X:a=ZZ"),
        (LINE, "quoted-printable", LINE),
        (LINE, "8bit", LINE),
        (LINE, "7bit", LINE),
        (LINE, "", LINE),
        (LINE, "x-unknown", LINE),
        (CODED, "8bit", CODED),
    ],
)
def test_a_payload_loses_its_transfer_encoding(
    payload: bytes, transfer: str, expected: bytes
) -> None:
    """The encoding is undone; a label that was left on decoded text is not believed."""
    assert expected.rstrip() == decode_transfer(payload, transfer).rstrip()


@given(st.binary(), st.integers(0, 400))
def test_cut_off_base64_gives_what_there_is(content: bytes, size: int) -> None:
    """Base64 that was cut off anywhere gives the first bytes of its content."""
    found = decode_base64(base64.encodebytes(content)[:size])
    assert content.startswith(found)
    assert len(found) >= min(len(content), (size - size // 76 - 2) * 3 // 4 - 2)


@given(st.binary(), st.text())
def test_any_bytes_become_utf8(content: bytes, charset: str) -> None:
    """Whatever the charset is called, UTF-8 comes out and nothing is raised."""
    assert isinstance(to_utf8(content, charset).decode(), str)


@given(st.text(st.characters(codec="utf-8")))
def test_utf8_stays_as_it_is(text: str) -> None:
    """What is UTF-8 and says so, or says nothing, is not changed."""
    content = text.encode()
    for charset in ("utf-8", "UTF8", "", "us-ascii", "nonsense"):
        assert content == to_utf8(content, charset)


@pytest.mark.parametrize(
    ("content", "charset", "expected"),
    [
        (b"Gr\xfc\xdfe", "iso-8859-1", "Grüße"),
        (b"Gr\xfc\xdfe", "utf-8", "Grüße"),
        (b"\x80 5", "", "€ 5"),
        (b"\x81", "", "\x81"),
        (b'\x1b$B$"\x1b(B', "iso-2022-jp", "あ"),
        (b"\xff\xfea\x00", "utf-8", "a"),
        (b"\xd4\xf0", "windows-1251", "Фр"),
        (b"Gr-kva", "punycode", "Gr-kva"),
    ],
)
def test_charsets(content: bytes, charset: str, expected: str) -> None:
    """The declared charset first, then UTF-8, cp1252 and latin-1, whichever can read it."""
    assert expected == to_utf8(content, charset).decode()
