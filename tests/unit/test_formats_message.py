"""Which parts of a message are calendar items, as real programs write them and as none should."""

from __future__ import annotations

import base64
import quopri

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from calendar_sync.formats import extract, message
from calendar_sync.formats.message import calendar_texts, single_part
from calendar_sync.formats.part import Format, Part
from freebusy.errors import BudgetExceededError, CalendarDataError
from freebusy.ports import ICALENDAR, MESSAGE, ItemExtractor, SourceItem

ICS = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:a@example.com\r\n"
    "DTSTART;TZID=Europe/Berlin:20260601T090000\r\nSUMMARY:Grüße aus Köln\r\n"
    "END:VEVENT\r\nEND:VCALENDAR\r\n"
)
UTF8 = ICS.encode()


def mime(*lines: str, body: bytes = UTF8) -> bytes:
    """Return a message: header lines, an empty line, the body."""
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body


def multipart(kind: str, *parts: bytes, boundary: str = "=_b1") -> bytes:
    """Return the header line and the body of a multipart entity."""
    head = f'Content-Type: multipart/{kind};\r\n\tboundary="{boundary}"\r\n\r\npreamble\r\n'
    body = b"".join(f"--{boundary}\r\n".encode() + part + b"\r\n" for part in parts)
    return head.encode() + body + f"--{boundary}--\r\n".encode()


CALENDAR_PART = mime("Content-Type: text/calendar; charset=utf-8")
TEXT_PART = mime("Content-Type: text/plain; charset=us-ascii", body=b"see the calendar\r\n")

BYNARI = b"MIME-Version: 1.0\r\nX-Mailer: Bynari Insight Connector 3.1\r\n" + multipart(
    "mixed",
    mime("Content-Type: text/plain", "Content-Transfer-Encoding: 7bit", body=b""),
    mime(
        "Content-Type: text/calendar; charset=utf-8; method=PUBLISH",
        "Content-Transfer-Encoding: quoted-printable",
        body=quopri.encodestring(UTF8),
    ),
    boundary="----=_NextPart_000_0001",
)
KOLAB = (
    b"From: hans@example.com\r\nSubject: a@example.com\r\nMIME-Version: 1.0\r\n"
    b"X-Kolab-Type: application/x-vnd.kolab.event\r\nUser-Agent: Kolab 16/Roundcube\r\n"
) + multipart(
    "mixed",
    mime(
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
        body=b"This is a Kolab Groupware object.\r\n",
    ),
    mime(
        "Content-Transfer-Encoding: 8bit",
        "Content-Type: text/calendar; charset=UTF-8;",
        " name=kolab.ics",
        "Content-Disposition: attachment;",
        " filename=kolab.ics;",
        " size=1001",
    ),
    boundary="=_5a1b2c3d",
)
EXCHANGE = (
    b"Content-Class: urn:content-classes:calendarmessage\r\nMIME-Version: 1.0\r\n"
    + multipart(
        "alternative",
        mime('Content-Type: text/plain; charset="iso-8859-1"', body=b"Gr\xfc\xdfe\r\n"),
        mime('Content-Type: text/html; charset="iso-8859-1"', body=b"<html>Gr\xfc\xdfe</html>\r\n"),
        mime(
            'Content-Type: text/calendar; charset="utf-8"; method=REQUEST',
            "Content-Transfer-Encoding: base64",
            body=base64.encodebytes(UTF8).replace(b"\n", b"\r\n"),
        ),
        boundary="_000_AM0PR01MB_",
    )
)
EVOLUTION = mime(
    "From: Hans Meier <hans@example.com>",
    "Mime-Version: 1.0",
    'Content-Type: text/calendar; name="meeting.ics"; charset="utf-8"; METHOD="REQUEST"',
    "Content-Transfer-Encoding: QUOTED-PRINTABLE",
    body=quopri.encodestring(UTF8),
)
THUNDERBIRD = b"User-Agent: Mozilla Thunderbird\r\nMIME-Version: 1.0\r\n" + multipart(
    "mixed",
    multipart(
        "alternative",
        TEXT_PART,
        mime("Content-type: text/calendar; method=REQUEST; charset=UTF-8"),
        boundary="Boundary_(ID_2)",
    ),
    mime(
        "Content-type: application/ics; name=invite.ics",
        "Content-transfer-encoding: 8bit",
        "Content-disposition: attachment; filename=invite.ics",
    ),
    boundary="Boundary_(ID_1)",
)
APPLE = b"X-Mailer: Apple Mail\nMime-Version: 1.0\n" + multipart(
    "alternative",
    TEXT_PART,
    multipart(
        "mixed",
        mime("Content-Type: text/html", body=b"<html></html>"),
        mime(
            "Content-Disposition: attachment;",
            "\tfilename=iCal-20260601-090000.ics",
            "Content-Type: text/calendar;",
            "\tx-unix-mode=0644;",
            '\tname="iCal-20260601-090000.ics"',
            "Content-Transfer-Encoding: quoted-printable",
            body=quopri.encodestring(UTF8),
        ),
        boundary="Apple-Mail-2",
    ),
    boundary="Apple-Mail-1",
)
FORWARDED = multipart("mixed", TEXT_PART, mime("Content-Type: message/rfc822", body=EXCHANGE))

WRITERS = {
    "Bynari": BYNARI,
    "Kolab": KOLAB,
    "Exchange": EXCHANGE,
    "Evolution": EVOLUTION,
    "Thunderbird": THUNDERBIRD,
    "Apple": APPLE.replace(b"\r\n", b"\n"),
    "forwarded": FORWARDED,
    "signed": multipart("signed", THUNDERBIRD, TEXT_PART, boundary="sig"),
    "cut off": EXCHANGE[: EXCHANGE.rindex(b"--_000")],
}


@pytest.mark.parametrize("writer", WRITERS)
def test_real_writers_are_read(writer: str) -> None:
    """The calendar text is found once, as UTF-8, in the MIME that each program writes."""
    texts = [text.replace(b"\r\n", b"\n").strip() for text in calendar_texts(WRITERS[writer])]
    assert [UTF8.replace(b"\r\n", b"\n").strip()] == texts


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Type: text/calendar"],
        ["content-type:TEXT/Calendar;charset=utf-8"],
        ["Content-Type: text/calendar;", "\tcharset=utf-8;", " method=PUBLISH"],
        ["Content-Type: text/x-vcalendar; charset=utf-8"],
        ["Content-Type: application/ics"],
        ['Content-Type: application/octet-stream; name="Meeting.ICS"'],
        ["Content-Type: application/octet-stream", 'Content-Disposition: x; filename="a.ics"'],
        [
            "Content-Type: application/octet-stream",
            "Content-Disposition: x; filename*=utf-8''%C3%BC.ics",
        ],
        ['Content-Type: application/octet-stream; name="=?utf-8?B?w7wuaWNz?="'],
        ["Content-Type: text/plain; name=old.vcs"],
        ["Subject: x", "Content-Type: text/calendar", "Content-Type: text/plain"],
        ["Content-Type: text/calendar", "Content-Transfer-Encoding: x-unknown"],
        ["Content-Type: text/calendar; charset*=utf-8''utf-8"],
        ["Content-Type: text/calendar; charset=x-nonsense"],
        ["Content-Type: text/calendar", "Content-Transfer-Encoding: 8bit (comment)"],
    ],
)
def test_a_part_is_known_by_type_or_name(headers: list[str]) -> None:
    """Media types, their aliases and file names tell calendar parts, in any spelling."""
    assert [UTF8] == calendar_texts(mime(*headers))


@pytest.mark.parametrize(
    "other",
    [
        b"",
        b"\r\n",
        b"no header at all",
        mime("Subject: Hello", body=b"Hello\r\n"),
        mime("Content-Type: text/plain"),
        mime("Content-Type: text/calendar-like"),
        mime("Content-Type: application/octet-stream; name=data.bin"),
        mime("Content-Type: calendar"),
        multipart("mixed", TEXT_PART, TEXT_PART),
        mime("Content-Type: multipart/mixed; boundary=nowhere"),
    ],
)
def test_other_mail_has_no_calendar_text(other: bytes) -> None:
    """Mail, notes and what is no message at all give nothing and no error."""
    assert [] == calendar_texts(other)


def test_several_texts_are_all_read() -> None:
    """A message with several different calendar parts gives them all, in order."""
    second = UTF8.replace(b"a@example.com", b"b@example.com")
    other = mime("Content-Type: text/calendar", body=second)
    texts = calendar_texts(multipart("mixed", CALENDAR_PART, other, CALENDAR_PART))
    assert [UTF8.strip(), second.strip()] == [text.strip() for text in texts]


CHARSETS = [
    ("utf-8", UTF8),
    ("iso-8859-1", ICS.encode("latin-1")),
    ("windows-1252", ICS.encode("cp1252")),
    ("utf-16", ICS.encode("utf-16")),
    ("utf-8", ICS.encode("utf-16-le").join([b"\xff\xfe", b""])),
    ("us-ascii", UTF8),
    ("utf-8", ICS.encode("cp1252")),
    ("", ICS.encode("cp1252")),
    ("", UTF8),
    ("koi8-r; x=y", ICS.encode("ascii", "ignore")),
    ("punycode", UTF8),
    ("base64", UTF8),
    ("x" * 300, UTF8),
]
TRANSFERS = [
    (charset, content, transfer)
    for charset, content in CHARSETS
    for transfer in ("base64", "quoted-printable", "8bit")
    # UTF-16 has no lines and travels as base64 only (RFC 2781 §4)
    if transfer == "base64" or b"\x00" not in content
]


@pytest.mark.parametrize(("charset", "content", "transfer"), TRANSFERS)
def test_text_comes_out_as_utf8(charset: str, content: bytes, transfer: str) -> None:
    """Every charset becomes UTF-8; where the label is wrong, UTF-8 and cp1252 are tried."""
    coded = {
        "base64": base64.encodebytes(content),
        "quoted-printable": quopri.encodestring(content, quotetabs=True),
        "8bit": content,
    }[transfer]
    label = f"; charset={charset}" if charset else ""
    item = mime(
        f"Content-Type: text/calendar{label}",
        f"Content-Transfer-Encoding: {transfer}",
        body=coded,
    )
    (text,) = calendar_texts(item)
    assert content.isascii() or ICS.splitlines() == text.decode().splitlines()


def test_the_preferred_format_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a message that holds two formats, the first in the table gives the texts."""
    other = Format(frozenset({"application/x-other"}), (".oth",), lambda _: [b"other"])
    other_part = mime("Content-Type: application/x-other", body=b"...")
    both = multipart("mixed", other_part, CALENDAR_PART)
    alone = multipart("mixed", TEXT_PART, other_part)
    monkeypatch.setattr(message, "FORMATS", (*message.FORMATS, other))
    assert [[UTF8.strip()], [b"other"]] == [
        [text.strip() for text in calendar_texts(each)] for each in (both, alone)
    ]
    monkeypatch.setattr(message, "FORMATS", (other, *message.FORMATS))
    assert [b"other"] == calendar_texts(both)


def test_items_are_extracted_by_their_media_type() -> None:
    """A file gives its body as it is, a message its parts, and nothing else is known."""
    extractor: ItemExtractor = extract
    assert [b"\xffBEGIN"] == list(extractor(SourceItem("1", 1, ICALENDAR, b"\xffBEGIN")))
    assert [UTF8] == list(extractor(SourceItem("1", 1, MESSAGE, CALENDAR_PART)))
    with pytest.raises(CalendarDataError):
        extractor(SourceItem("1", 1, "image/png", b""))


# bounds


def nested(depth: int) -> bytes:
    inner = CALENDAR_PART
    for level in range(depth):
        inner = multipart("mixed", inner, boundary=f"b{level}")
    return inner


def test_nesting_is_bounded() -> None:
    """Parts in parts are followed to a depth, and refused beyond."""
    assert 1 == len(calendar_texts(nested(message.MAX_DEPTH)))
    for depth in (message.MAX_DEPTH + 1, 500, 5000):
        with pytest.raises(BudgetExceededError):
            calendar_texts(nested(depth))


def test_attached_messages_are_bounded() -> None:
    """Messages in messages are followed to a depth, and refused beyond."""
    inner = CALENDAR_PART
    for _ in range(message.MAX_DEPTH + 1):
        inner = mime("Content-Type: message/rfc822", body=inner)
    with pytest.raises(BudgetExceededError):
        calendar_texts(inner)


def test_the_number_of_parts_is_bounded() -> None:
    """A message of more parts than the bound is refused."""
    assert 1 == len(calendar_texts(multipart("mixed", *[CALENDAR_PART] * message.MAX_PARTS)))
    with pytest.raises(BudgetExceededError):
        calendar_texts(multipart("mixed", *[CALENDAR_PART] * (message.MAX_PARTS + 1)))


def test_the_text_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message whose texts together are larger than the bound is refused."""
    monkeypatch.setattr(message, "MAX_TEXT", len(UTF8) + 10)
    assert [UTF8] == calendar_texts(CALENDAR_PART)
    other = mime("Content-Type: text/calendar", body=UTF8.replace(b"UID:a", b"UID:b"))
    with pytest.raises(BudgetExceededError):
        calendar_texts(multipart("mixed", CALENDAR_PART, other))


def test_an_error_quotes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the standard parser raises becomes a CalendarDataError without any text."""

    def fail(_: object, __: int) -> list[object]:
        raise AssertionError("Grüße")

    monkeypatch.setattr(message, "_leaves", fail)
    with pytest.raises(CalendarDataError) as caught:
        calendar_texts(TEXT_PART)
    assert "not a readable message (AssertionError)" == caught.value.reason


# properties

WORDS = st.sampled_from(
    [
        *("Content-Type: ", "content-type:", "Content-Type : ", "Content-Transfer-Encoding: "),
        *("text/calendar", "TEXT/CALENDAR", "multipart/mixed", "message/rfc822", "text/plain"),
        *("; charset=", "charset=utf-8", ';charset="utf-16"', "; boundary=b", '; name="a.ics"'),
        *(
            "; method=REQUEST",
            ";x=",
            ";",
            "=",
            '"',
            "\\",
            "/",
            "base64",
            "8bit",
            "quoted-printable",
        ),
        *("utf-8", "latin-1", "Subject: ", "X:", "From ", ":", " ", "\t", "\r\n", "\r\n", "\n"),
        *("\r", "\r\n\r\n", "\n\n", "\r\n ", "--b", "--b--", "BEGIN:VCALENDAR", "=3D", "QkVH", "é"),
        *("\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\x00", "*=utf-8''x", "*0=a", "(comment)"),
    ]
)
MESSAGES = st.one_of(
    st.binary(max_size=300),
    st.lists(WORDS, max_size=40).map(lambda words: "".join(words).encode()),
    st.tuples(st.lists(WORDS, max_size=8), st.lists(WORDS, max_size=8), st.lists(WORDS)).map(
        lambda x: (
            f"A: b\r\nContent-Type: text/calendar{''.join(x[0])}\r\n"
            f"Content-Transfer-Encoding: {''.join(x[1])}\r\n\r\n{''.join(x[2])}"
        ).encode()
    ),
)


@settings(max_examples=400)
@given(MESSAGES)
@example(b"Content-Type: text/calendar\n\nx")
def test_any_bytes_give_texts_or_our_error(text: bytes) -> None:
    """Whatever comes, there are texts in UTF-8, or a CalendarDataError."""
    try:
        texts = calendar_texts(text)
    except CalendarDataError:
        return
    assert [each.decode() for each in texts] == [each.decode("utf-8") for each in texts]


@settings(max_examples=400)
@given(MESSAGES)
@example(b'Content-Type: text/calendar; name=";charset=x"; charset=y\n\nx')
@example(b"Content-Type: text/calendar;\r\n charset=utf-8\r\nX: \r\n \r\n\r\n\r\nx")
@example(b"From x\r\nContent-Type: text/calendar\r\n\r\nx")
@example(b"Content-Type: text/calendar\r\r\n\r\nx")
@example(b"Content-Type: text/calendar\r\n\rx\r\n\r\n")
def test_the_short_way_is_the_long_way(text: bytes) -> None:
    """What is read without the standard parser is exactly what the parser would give."""
    short = single_part(text)
    if short is not None:
        (long,) = message._parts(text)
        assert Part(long.media, long.payload, long.transfer, long.charset) == short


def test_plain_messages_go_the_short_way() -> None:
    """The message that most calendar folders hold is read without the standard parser."""
    assert single_part(EVOLUTION) is not None
    assert single_part(CALENDAR_PART.replace(b"\r\n", b"\n")) is not None
    assert single_part(KOLAB) is None
