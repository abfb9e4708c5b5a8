"""Content lines, and each tolerance with the writer that needs it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freebusy.contentline import (
    ContentLine,
    accept_any_line_end,
    accept_byte_order_mark,
    accept_charset,
    accept_colon_in_zone,
    accept_utf16,
    address,
    lines,
    parameters,
    parse,
    unfold,
)
from freebusy.errors import CalendarDataError

# -- tolerances


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "utf-16-be"])
def test_outlook_saves_unicode_as_utf16(charset: str) -> None:
    """Outlook and Notepad call UTF-16 "Unicode"; with its mark it is read as UTF-8."""
    mark = "" if charset == "utf-16" else "\ufeff"
    assert "SUMMARY:Grüße".encode() == accept_utf16((mark + "SUMMARY:Grüße").encode(charset))


def test_utf16_that_is_cut_in_a_character_is_no_error() -> None:
    """Half a character at the end, as in the head of a large item, is replaced."""
    assert "A\ufffd".encode() == accept_utf16(b"\xff\xfeA\x00B")


def test_text_without_a_utf16_mark_is_left_alone() -> None:
    """UTF-8 is not taken for anything else."""
    assert "ÿþ".encode() == accept_utf16("ÿþ".encode())


def test_notepad_and_exchange_write_a_byte_order_mark() -> None:
    """The mark before BEGIN:VCALENDAR is dropped, once."""
    assert b"BEGIN:X" == accept_byte_order_mark(b"\xef\xbb\xbfBEGIN:X")
    assert b"\xef\xbb\xbf" == accept_byte_order_mark(b"\xef\xbb\xbf" * 2)
    assert b"BEGIN:X" == accept_byte_order_mark(b"BEGIN:X")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"A:1\nB:2\n", b"A:1\nB:2\n"),  # Unix tools
        (b"A:1\r\nB:2\r\n", b"A:1\nB:2\n"),  # the standard
        (b"A:1\r\r\nB:2\r\r\n", b"A:1\nB:2\n"),  # CRLF files through FTP in text mode
        (b"A:1\rB:2\r", b"A:1\nB:2\n"),  # Mac OS before X
        (b"A:1\r\nB:2\nC:3\rD:4", b"A:1\nB:2\nC:3\nD:4"),  # files that were put together
        (b"A:1\r\n\r\nB:2", b"A:1\n\nB:2"),
        (b"", b""),
    ],
)
def test_lines_end_as_their_writers_systems_do(written: bytes, read: bytes) -> None:
    """Every line end becomes LF."""
    assert read == accept_any_line_end(written)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Grüße 日本".encode(), "Grüße 日本"),
        ("Grüße €".encode("cp1252"), "Grüße €"),  # old Windows clients
        (b"Gr\xfc\x81e", "Grü\x81e"),  # 0x81 is nothing in Windows-1252: Latin-1
    ],
)
def test_old_writers_do_not_write_utf8(written: bytes, read: str) -> None:
    """UTF-8, else Windows-1252, else Latin-1: no byte is an error."""
    assert read == accept_charset(written)


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (
            ";TZID=(UTC+01:00) Amsterdam:20260601T090000",
            ({"TZID": "(UTC+01:00) Amsterdam"}, "20260601T090000"),
        ),
        (
            ';TZID="(UTC+01:00) Amsterdam, Berlin":20260601T090000',
            ({"TZID": "(UTC+01:00) Amsterdam, Berlin"}, "20260601T090000"),
        ),
        (";VALUE=DATE:20260601", ({"VALUE": "DATE"}, "20260601")),
        (
            ";tzid=GMT -05:00:x;VALUE=DATE-TIME:2026",
            ({"TZID": "GMT -05:00:x", "VALUE": "DATE-TIME"}, "2026"),
        ),
        (":20260601T090000Z", ({}, "20260601T090000Z")),
    ],
)
def test_cdo_and_old_outlook_do_not_quote_a_zone(
    rest: str, expected: tuple[dict[str, str], str]
) -> None:
    """No date has a colon in it, so the last one ends the parameters."""
    assert expected == accept_colon_in_zone(rest)


@pytest.mark.parametrize("split", [parameters, accept_colon_in_zone])
@pytest.mark.parametrize("rest", [";TZID=Europe/Berlin", ";", ';A="b', ';A="b:c"'])
def test_a_line_without_a_colon_is_refused(split: object, rest: str) -> None:
    """There is no value to be had from it."""
    with pytest.raises(CalendarDataError):
        split(rest)  # type: ignore[operator]  # one of two functions


# -- unfolding


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"DESCR\r\n IPTION:a\r\n", "DESCRIPTION:a\n"),
        (b"A:b\r\n\tc\r\n", "A:bc\n"),
        (b"A:b\r\n  c\r\n", "A:b c\n"),
        (b"A:b\n c\n\td\n", "A:bcd\n"),
        (b"A:b\r\r\n c", "A:bc"),
        (b"A:Gr\xc3\r\n \xbc" + "ße".encode(), "A:Grüße"),
        (b"\xef\xbb\xbfA:1\r\n B:2", "A:1B:2"),
        ("\ufeffA:1\r\n B:2".encode("utf-16-le"), "A:1B:2"),
        (b"", ""),
    ],
)
def test_folds_go_before_characters_are_read(written: bytes, read: str) -> None:
    """A line may be folded anywhere, also through the octets of one character (§3.1)."""
    assert read == unfold(written)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40), st.integers(1, 9))
def test_any_fold_is_undone(value: str, width: int) -> None:
    """However few octets a writer puts on a line, the line comes back."""
    octets = f"SUMMARY:{value}".encode()
    cut = [octets[at : at + width] for at in range(0, len(octets), width)]
    assert f"SUMMARY:{value}\n" == unfold(b"\r\n ".join(cut) + b"\r\n")


@given(st.binary(max_size=200))
def test_any_bytes_unfold(data: bytes) -> None:
    """No bytes raise, no CR is left, and every line found starts with a name."""
    text = unfold(data)
    assert "\r" not in text or data[:2] in (b"\xff\xfe", b"\xfe\xff")
    for name, rest in lines(text):
        assert name.replace("-", "").isalnum()
        assert rest[0] in ":;"


# -- lines


def test_junk_lines_are_passed_over() -> None:
    """Mail footers, banners and blank lines have no shape of a content line."""
    text = "\n*** forwarded ***\nBEGIN:VEVENT\n--\nsee you\n  UID:1\n:x\n;a=b\nÄ:1\nX-A;B=C:d\n"
    assert [("BEGIN", ":VEVENT"), ("UID", ":1"), ("X-A", ";B=C:d")] == lines(text)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("UID:1", ContentLine("UID", {}, "1")),
        ("uid:1", ContentLine("UID", {}, "1")),
        ("UID:", ContentLine("UID", {}, "")),
        ("URL:http://x/y:z", ContentLine("URL", {}, "http://x/y:z")),
        ("DTSTART;value=DATE:20260601", ContentLine("DTSTART", {"VALUE": "DATE"}, "20260601")),
        ('A;B="c:d;e,f";G=h:i', ContentLine("A", {"B": "c:d;e,f", "G": "h"}, "i")),
        ('A;B="c","d":e', ContentLine("A", {"B": "c,d"}, "e")),
        ('A;B="c";D:e', ContentLine("A", {"B": "c"}, "e")),
        ("A;B:c", ContentLine("A", {"B": ""}, "c")),
        ("A; B = c:d", ContentLine("A", {"B": " c"}, "d")),
    ],
)
def test_a_line_is_taken_apart(line: str, expected: ContentLine) -> None:
    """Name, parameters, quoted or not, and value (RFC 5545 §3.1, §3.2)."""
    assert expected == parse(line)


@pytest.mark.parametrize("line", ["", "UID", "two words:1", ":1", ";A=b:1", "A;B=c", 'A;B="c:d"'])
def test_what_has_no_shape_of_a_line_is_refused(line: str) -> None:
    """The reason is ours, the line is not quoted in it."""
    with pytest.raises(CalendarDataError) as raised:
        parse(line)
    assert raised.value.reason in ("not a content line", "a content line without a colon")


@given(st.text(max_size=60))
def test_any_line_is_read_or_refused(line: str) -> None:
    """Nothing but CalendarDataError comes out of a line."""
    for read in (parse, parameters, accept_colon_in_zone):
        try:
            read(line)
        except CalendarDataError:
            continue


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("mailto:hans@example.com", "hans@example.com"),
        ("MAILTO:Hans@Example.COM", "hans@example.com"),
        ("MailTo: hans@example.com ", "hans@example.com"),
        ("hans@example.com", "hans@example.com"),  # Outlook 16, Bynari
        ("<hans@example.com>", "hans@example.com"),  # Exchange
        ("mailto:<hans@example.com>", "hans@example.com"),
        ("<mailto:hans@example.com>", "hans@example.com"),
        ("", ""),
        ("invalid:nomail", "invalid:nomail"),
    ],
)
def test_an_address_is_bare_and_lower_case(value: str, expected: str) -> None:
    """With or without ``mailto:`` in any case it is one person."""
    assert expected == address(value)
