"""The text of a free/busy file: written in one way, read in many."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freebusy.errors import NotFreeBusyError
from freebusy.period import FreeBusyType, Period, Span, TimeRange, from_seconds
from freebusy.values import parse_moment
from freebusy.vfreebusy import (
    MAX_USELESS,
    SANE,
    FreeBusy,
    decode,
    encode,
    fold,
    free_busy,
    read_file,
    same_but_stamp,
)

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
START, END = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
WINDOW = TimeRange(START, END)
FREE, TENTATIVE, BUSY, UNAVAILABLE = FreeBusyType


def utc(text: str) -> datetime:
    return from_seconds(parse_moment(text).local)


def june(day: int, hour: int, hours: int = 1, kind: FreeBusyType = BUSY) -> Period:
    start = START + timedelta(days=day - 1, hours=hour)
    return Period(start, start + timedelta(hours=hours), kind)


HANS = FreeBusy(
    organizer="hans@example.com",
    uid="hans@example.com",
    stamp=NOW,
    window=WINDOW,
    periods=(june(2, 9), june(3, 9, 1, TENTATIVE), june(4, 0, 24, UNAVAILABLE)),
)
GOLDEN = """\
BEGIN:VCALENDAR
PRODID:-//Free Busy Gateway//vfb//EN
VERSION:2.0
METHOD:PUBLISH
BEGIN:VFREEBUSY
UID:hans@example.com
DTSTAMP:20260601T080000Z
ORGANIZER:mailto:hans@example.com
DTSTART:20260601T000000Z
DTEND:20260701T000000Z
FREEBUSY;FBTYPE=BUSY:20260602T090000Z/20260602T100000Z
FREEBUSY;FBTYPE=BUSY-TENTATIVE:20260603T090000Z/20260603T100000Z
FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20260604T000000Z/20260605T000000Z
END:VFREEBUSY
END:VCALENDAR
"""


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


# -- written

LONG = "a" * 40 + "@" + "b" * 40 + ".example.com"


@pytest.mark.parametrize(
    ("freebusy", "expected"),
    [
        (HANS, GOLDEN),
        (
            replace(HANS, periods=()),
            "".join(line + "\n" for line in GOLDEN.splitlines() if "FBTYPE" not in line),
        ),
        (
            replace(HANS, as_of=utc("20260601T073000Z")),
            GOLDEN.replace(
                "20260701T000000Z\n", "20260701T000000Z\nCOMMENT:as of 20260601T073000Z\n"
            ),
        ),
        (
            replace(HANS, organizer=LONG),
            GOLDEN.replace(
                "ORGANIZER:mailto:hans@example.com",
                f"ORGANIZER:mailto:{LONG[:58]}\n {LONG[58:]}",
            ),
        ),
    ],
)
def test_the_text_is_golden(freebusy: FreeBusy, expected: str) -> None:
    """Exact bytes: CRLF, sorted, UTC, FBTYPE on every line, folded at 75 octets."""
    assert crlf(expected) == encode(freebusy)


def test_the_plain_profile_has_no_fbtype() -> None:
    """Very old Outlooks do not read a FREEBUSY line with parameters."""
    expected = GOLDEN
    for kind in ("BUSY-UNAVAILABLE", "BUSY-TENTATIVE", "BUSY"):
        expected = expected.replace(f"FREEBUSY;FBTYPE={kind}:", "FREEBUSY:")
    assert crlf(expected) == encode(HANS, plain=True)
    assert b"FBTYPE" not in encode(HANS, plain=True)


def test_free_periods_are_not_written() -> None:
    """Outlook may paint every FREEBUSY line busy, so FREE is never one."""
    free = replace(HANS, periods=(june(2, 9, 1, FREE),))
    assert b"FREEBUSY;" not in encode(free)
    assert b"FREEBUSY:2" not in encode(free, plain=True)


@pytest.mark.parametrize(
    "organizer",
    [
        "", "hans", "@example.com", "hans@", "a@b c", "hans@example.com\r\nX-EVIL:1",
        "hans@example.com\nEND:VFREEBUSY", "mailto:hans@example.com", "<hans@example.com>",
        'h"ans@example.com', "h;ans@example.com", "h,ans@example.com", "h\\ans@example.com",
        "hans@example.com\x00", "hans@example.com\x7f", "hans@example.com\u2028x",
        "hans@example.com\x85",
    ],
)  # fmt: skip
def test_a_hostile_organizer_is_refused(organizer: str) -> None:
    """What could end its line, or start a parameter, is never written."""
    with pytest.raises(ValueError, match="organizer"):
        encode(replace(HANS, organizer=organizer))


@pytest.mark.parametrize(
    "uid", ["a\r\nX-EVIL:1", "a\nb", "a\\nb", "a;b", "a,b", "a\tb", "a\x00b", "a\x7fb", "a\x85b",
            "a\u2028b"]
)  # fmt: skip
def test_a_hostile_uid_is_refused(uid: str) -> None:
    """A UID stays on its line, whoever made it, and whatever its reader takes for a line end."""
    with pytest.raises(ValueError, match="UID"):
        encode(replace(HANS, uid=uid))


@pytest.mark.parametrize(
    "wrong",
    [
        {"stamp": NOW.replace(tzinfo=None)},
        {"stamp": NOW.astimezone(timezone(timedelta(hours=2)))},
        {"as_of": NOW.replace(tzinfo=None)},
        {"periods": (june(3, 9), june(2, 9))},
        {"periods": (june(2, 9, 2), june(2, 10))},
        {"periods": (Period(END, END + timedelta(hours=1)),)},
        {"periods": (Period(START - timedelta(hours=1), START),)},
    ],
)
def test_no_freebusy_is_built_wrong(wrong: dict[str, object]) -> None:
    """Stamps are UTC; periods are sorted, disjoint and inside the window."""
    with pytest.raises(ValueError, match="UTC|sorted"):  # noqa: RUF043 - two sentences
        replace(HANS, **wrong)  # type: ignore[arg-type]  # wrong on purpose


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=200))
def test_folding_cuts_no_character(line: str) -> None:
    """No piece is longer than 75 octets with its leading space, and together they are the line."""
    pieces = list(fold(line))
    assert line == "".join(pieces)
    assert all(len(piece.encode()) + bool(at) <= 75 for at, piece in enumerate(pieces))


def test_a_new_stamp_is_no_change() -> None:
    """A file that differs in DTSTAMP alone need not be replaced."""
    later = replace(HANS, stamp=NOW + timedelta(hours=1))
    busier = replace(later, periods=HANS.periods[:1])
    assert same_but_stamp(encode(HANS), encode(later))
    assert not same_but_stamp(encode(HANS), encode(busier))


# -- there and back

_moments = st.integers(*(int(moment.timestamp()) for moment in (SANE.start, SANE.end)))
_addresses = st.from_regex(r"[a-zäöü0-9._+'-]{1,90}@[a-z0-9.-]{1,90}", fullmatch=True)


@st.composite
def _freebusies(draw: st.DrawFn) -> FreeBusy:
    start, end = sorted(draw(st.lists(_moments, min_size=2, max_size=2, unique=True)))
    spans = st.tuples(st.integers(start, end), st.integers(start, end), st.integers(0, 3))
    return free_busy(
        organizer=draw(_addresses),
        uid="",
        stamp=NOW,
        window=TimeRange(from_seconds(start), from_seconds(end)),
        spans=draw(st.lists(spans, max_size=20)),
    )


@given(_freebusies())
def test_what_is_written_is_read(freebusy: FreeBusy) -> None:
    """decode(encode(x)) is x; the UID and the stamp are the reader's own."""
    assert freebusy == decode(encode(freebusy), now=NOW)


@given(_freebusies())
def test_the_plain_profile_keeps_the_times(freebusy: FreeBusy) -> None:
    """Without FBTYPE everything is busy at the same times."""
    spans = [(*period.span[:2], int(BUSY)) for period in freebusy.periods]
    expected = free_busy(
        organizer=freebusy.organizer, uid="", stamp=NOW, window=freebusy.window, spans=spans
    )
    assert expected == decode(encode(freebusy, plain=True), now=NOW)


@given(_freebusies())
def test_every_line_is_short_and_whole(freebusy: FreeBusy) -> None:
    """No line is longer than 75 octets, each is UTF-8 by itself, and all end with CRLF."""
    octets = encode(freebusy)
    assert octets.endswith(b"END:VCALENDAR\r\n")
    for line in octets.split(b"\r\n"):
        assert len(line) <= 75
        assert line.decode().isprintable()


# -- read: what to accept

OUTLOOK = """\
BEGIN:VCALENDAR
PRODID:-//Microsoft Corporation//Outlook 16.0 MIMEDIR//EN
VERSION:2.0
METHOD:PUBLISH
BEGIN:VFREEBUSY
ORGANIZER:hans@example.com
DTSTAMP:20260601T235558Z
DTSTART:20260601T000000Z
DTEND:20260701T000000Z
FREEBUSY:20260602T090000Z/20260602T100000Z
END:VFREEBUSY
END:VCALENDAR
"""
LINE = "FREEBUSY:20260602T090000Z/20260602T100000Z"
DETAILS = base64.b64encode(b"SUMMARY:secret").decode()
NINE = [june(2, 9)]


def with_line(*lines: str) -> str:
    """Return the file with other FREEBUSY lines."""
    return OUTLOOK.replace(LINE, "\n".join(lines))


ACCEPTED: dict[str, tuple[str | bytes, list[Period]]] = {
    "Outlook's own": (OUTLOOK, NINE),
    "CRLF": (crlf(OUTLOOK), NINE),
    "CR CR LF, of a text-mode upload": (OUTLOOK.replace("\n", "\r\r\n"), NINE),
    "bare CR": (OUTLOOK.replace("\n", "\r"), NINE),
    "no line end at the end": (OUTLOOK.rstrip(), NINE),
    "blank lines round it": (f"\n\n{OUTLOOK}\n\n", NINE),
    "a byte order mark": (b"\xef\xbb\xbf" + OUTLOOK.encode(), NINE),
    "UTF-16, little end first": (("\ufeff" + OUTLOOK).encode("utf-16-le"), NINE),
    "UTF-16, big end first": (("\ufeff" + OUTLOOK).encode("utf-16-be"), NINE),
    "latin-1": (OUTLOOK.replace("VERSION", "X-NAME:Grüße\nVERSION").encode("latin-1"), NINE),
    "folded": (OUTLOOK.replace("20260602T09", "2026\n 0602T09"), NINE),
    "folded at every fifth octet": (
        "\n".join("\n ".join(line[at : at + 5] for at in range(0, len(line), 5))
                  for line in OUTLOOK.splitlines()),
        NINE,
    ),
    "lower case": (OUTLOOK.lower(), NINE),
    "mailto:": (OUTLOOK.replace("R:hans", "R:mailto:hans"), NINE),
    "MAILTO:": (OUTLOOK.replace("R:hans", "R:MAILTO:Hans"), NINE),
    "an organizer with a name": (OUTLOOK.replace("R:hans", 'R;CN="Hans: x":mailto:hans'), NINE),
    "FBTYPE=BUSY": (with_line(LINE.replace(":", ";FBTYPE=BUSY:", 1)), NINE),
    "FBTYPE=BUSY-TENTATIVE": (
        with_line(LINE.replace(":", ";FBTYPE=BUSY-TENTATIVE:", 1)), [june(2, 9, 1, TENTATIVE)],
    ),
    "FBTYPE=TENTATIVE": (
        with_line(LINE.replace(":", ";FBTYPE=TENTATIVE:", 1)), [june(2, 9, 1, TENTATIVE)],
    ),
    "FBTYPE=OOF": (with_line(LINE.replace(":", ";FBTYPE=OOF:", 1)), [june(2, 9, 1, UNAVAILABLE)]),
    "fbtype=busy-unavailable": (
        with_line(LINE.replace(":", ";fbtype=busy-unavailable:", 1)), [june(2, 9, 1, UNAVAILABLE)],
    ),
    "a quoted FBTYPE": (
        with_line(LINE.replace(":", ';FBTYPE="BUSY-TENTATIVE":', 1)), [june(2, 9, 1, TENTATIVE)],
    ),
    "an unknown FBTYPE is busy": (with_line(LINE.replace(":", ";FBTYPE=X-LUNCH:", 1)), NINE),
    "an empty FBTYPE is busy": (with_line(LINE.replace(":", ";FBTYPE=:", 1)), NINE),
    "FREE periods are no busy time": (with_line(LINE.replace(":", ";FBTYPE=FREE:", 1)), []),
    "a duration": (with_line("FREEBUSY:20260602T090000Z/PT1H"), NINE),
    "a duration of days": (with_line("FREEBUSY:20260602T090000Z/P1D"), [june(2, 9, 24)]),
    "a comma list": (
        with_line("FREEBUSY:20260602T090000Z/PT1H,20260603T090000Z/20260603T100000Z"),
        [june(2, 9), june(3, 9)],
    ),
    "unsorted and overlapping": (
        with_line("FREEBUSY:20260603T090000Z/PT1H", "FREEBUSY:20260602T090000Z/PT40M",
                  "FREEBUSY:20260602T093000Z/PT30M"),
        [june(2, 9), june(3, 9)],
    ),
    "one malformed period among good ones": (
        with_line("FREEBUSY:20260602T090000Z/PT1H,nonsense,20260603T090000Z/PT1H", "FREEBUSY:x"),
        [june(2, 9), june(3, 9)],
    ),
    "Cyrus's impossible duration": (
        with_line(LINE, "FREEBUSY:20260603T090000Z/P2W4294967284D"), NINE,
    ),
    "a period that ends before it starts": (
        with_line(LINE, "FREEBUSY:20260603T090000Z/-PT1H"), NINE,
    ),
    "a period without length": (with_line(LINE, "FREEBUSY:20260603T090000Z/PT0S"), NINE),
    "a line without a colon": (with_line(LINE, "FREEBUSY;FBTYPE=BUSY"), NINE),
    "details in parameters (Kolab, Horde)": (
        with_line(LINE.replace(":", f";X-SUMMARY={DETAILS};X-UID=MQ==;X-LOCATION={DETAILS}:", 1)),
        NINE,
    ),
    "no DTSTART: the first period's": (
        OUTLOOK.replace("DTSTART:20260601T000000Z\n", ""), NINE,
    ),
    "a broken DTEND: the last period's": (OUTLOOK.replace("20260701T000000Z", "never"), NINE),
    "neither": (
        OUTLOOK.replace("DTSTART:20260601T000000Z\n", "").replace("DTEND:20260701T000000Z\n", ""),
        NINE,
    ),
    "no METHOD, no VERSION, no PRODID": (
        "\n".join(line for line in OUTLOOK.splitlines() if line[0] not in "MPV"),
        NINE,
    ),
    "a bare VFREEBUSY": (
        OUTLOOK.replace("BEGIN:VCALENDAR\n", "").replace("END:VCALENDAR\n", ""), NINE,
    ),
    "several VFREEBUSY": (
        OUTLOOK.replace("END:VCALENDAR", "BEGIN:VFREEBUSY\nDTSTART:20260701T000000Z\n"
                        "DTEND:20260801T000000Z\nFREEBUSY:20260702T090000Z/PT1H\nEND:VFREEBUSY\n"
                        "END:VCALENDAR"),
        [june(2, 9), june(32, 9)],
    ),
    "an event beside it": (
        OUTLOOK.replace("END:VCALENDAR", "BEGIN:VEVENT\nSUMMARY:x\nDTSTART:20250101T000000Z\n"
                        "END:VEVENT\nEND:VCALENDAR"),
        NINE,
    ),
    "junk lines": (with_line("-- ", "see you", LINE, "", "*** end ***"), NINE),
    "comments": (with_line("COMMENT:secret", "X-A;B=secret:secret", LINE), NINE),
    "times outside the window are cut": (
        with_line(LINE, "FREEBUSY:20260501T000000Z/20260601T010000Z",
                  "FREEBUSY:20260630T230000Z/20270101T000000Z"),
        [june(1, 0), june(2, 9), june(30, 23)],
    ),
    "no period at all": (with_line(), []),
}  # fmt: skip


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_clients_publish_is_accepted(case: str) -> None:
    """The periods are found, the file is normalised, and nothing but times comes out."""
    written, expected = ACCEPTED[case]
    freebusy = decode(written if isinstance(written, bytes) else written.encode(), now=NOW)
    assert expected == list(freebusy.periods)
    assert (NOW, None, "") == (freebusy.stamp, freebusy.as_of, freebusy.uid)
    assert "hans@example.com" == (freebusy.organizer or "hans@example.com")
    again = encode(replace(freebusy, organizer="x@example.com"))
    assert b"secret" not in again
    assert DETAILS.encode() not in again
    assert expected == list(decode(again, now=NOW).periods)


@pytest.mark.parametrize(
    ("lines", "window"),
    [
        # 1601 is where Outlook's calendar begins, 9999 where everybody's ends
        (["DTSTART:16010101T000000Z", "DTEND:20260701T000000Z"], (SANE.start, END)),
        (["DTSTART:20260601T000000Z", "DTEND:99991231T235959Z"], (START, SANE.end)),
        (["DTSTART:00010101T000000Z", "DTEND:99991231T235959Z"], (SANE.start, SANE.end)),
        (["DTSTART:20260601", "DTEND:20260701"], (START, END)),
        (["DTSTART:nonsense", "DTEND:nonsense", LINE],
         (utc("20260602T090000"), utc("20260602T100000"))),
        (["DTEND:20260701T000000Z", LINE], (utc("20260602T090000"), END)),
        (["DTSTART:20260601T000000Z", LINE], (START, utc("20260602T100000"))),
        # FREE periods say as well what the file knows about
        (["FREEBUSY;FBTYPE=FREE:20260601T000000Z/20260701T000000Z", LINE], (START, END)),
        (["FREEBUSY;FBTYPE=FREE:20260601T000000Z/20260701T000000Z"], (START, END)),
        # the same twice, in either order: all that is known
        (["DTSTART:20260615T000000Z", "DTSTART:20260601T000000Z", "DTEND:20260701T000000Z"],
         (START, END)),
    ],
)  # fmt: skip
def test_the_window_is_what_the_file_knows(
    lines: list[str], window: tuple[datetime, datetime]
) -> None:
    """DTSTART to DTEND, clipped to sanity; the periods' own extent where one is missing."""
    text = "\n".join(["BEGIN:VFREEBUSY", *lines, "END:VFREEBUSY"])
    found = decode(text.encode(), now=NOW).window
    assert window == (found.start, found.end)


# -- read: what to refuse

EMPTY, CUT = "the file is empty", "the file is cut off: END:{} is missing"
NOTHING = "there is no VFREEBUSY in the file"
BACKWARDS = "the file's DTEND is not after its DTSTART"
UNKNOWN = "the file has neither DTSTART and DTEND nor any period"
PAGE, BINARY = "a web page is not a free/busy file", "binary data is not a free/busy file"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"

REFUSED: dict[str, tuple[str | bytes, str]] = {
    "zero bytes": (b"", EMPTY),
    "white space": (b" \r\n\t\r\n", EMPTY),
    "a web page": ("<!DOCTYPE html><html><body>404</body></html>", PAGE),
    "a web page with space before it": ("\r\n\r\n <HTML>", PAGE),
    "an XML error": ('<?xml version="1.0"?><error/>', PAGE),
    "a web page with a mark": (b"\xef\xbb\xbf<html>", PAGE),
    "a web page that quotes a file": ("<html>BEGIN:VFREEBUSY", PAGE),
    "a picture": (PNG, BINARY),
    "NULs after the file": (OUTLOOK.encode() + b"\0\0", BINARY),
    "UTF-16 without a mark": (OUTLOOK.encode("utf-16-le"), BINARY),
    "half a NUL": (b"\0", BINARY),
    "a mark alone": (b"\xef\xbb\xbf", NOTHING),
    "a UTF-16 mark alone": (b"\xff\xfe", NOTHING),
    "text": ("Hello", NOTHING),
    "JSON": ('{"BEGIN": "VFREEBUSY"}', NOTHING),
    "an event": (OUTLOOK.replace("VFREEBUSY", "VEVENT"), NOTHING),
    "a calendar without anything": ("BEGIN:VCALENDAR\nEND:VCALENDAR", NOTHING),
    "an END alone": ("END:VFREEBUSY\nEND:VCALENDAR", NOTHING),
    "no END:VFREEBUSY": (OUTLOOK.replace("END:VFREEBUSY\n", ""), CUT.format("VFREEBUSY")),
    "no END:VCALENDAR": (OUTLOOK.replace("END:VCALENDAR\n", ""), CUT.format("VCALENDAR")),
    "neither END": (OUTLOOK.partition("END:")[0], CUT.format("VFREEBUSY")),
    "the second VFREEBUSY is cut off": (
        OUTLOOK.replace("END:VCALENDAR", "BEGIN:VFREEBUSY\nDTSTART:2\nEND:VCALENDAR"),
        CUT.format("VFREEBUSY"),
    ),
    "the second calendar is cut off": (
        OUTLOOK + OUTLOOK.replace("END:VCALENDAR\n", ""), CUT.format("VCALENDAR"),
    ),
    "END before BEGIN": (
        "END:VCALENDAR\nEND:VFREEBUSY\nBEGIN:VCALENDAR\nBEGIN:VFREEBUSY\n" + LINE,
        CUT.format("VFREEBUSY"),
    ),
    "DTEND before DTSTART": (
        OUTLOOK.replace("20260701T000000Z", "20260501T000000Z"), BACKWARDS,
    ),
    "no length": (OUTLOOK.replace("20260701T000000Z", "20260601T000000Z"), BACKWARDS),
    "all of it before 1990": (
        OUTLOOK.replace("DTSTART:2026", "DTSTART:1601").replace("DTEND:2026", "DTEND:1602"),
        BACKWARDS,
    ),
    "no window and no period": ("BEGIN:VFREEBUSY\nEND:VFREEBUSY", UNKNOWN),
    "only DTSTART": ("BEGIN:VFREEBUSY\nDTSTART:20260601T000000Z\nEND:VFREEBUSY", UNKNOWN),
    "only broken periods": ("BEGIN:VFREEBUSY\nFREEBUSY:x/y\nEND:VFREEBUSY", UNKNOWN),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_free_busy_file_is_refused(case: str) -> None:
    """The reason is one line for the sender, and quotes nothing of what was sent."""
    written, reason = REFUSED[case]
    with pytest.raises(NotFreeBusyError) as raised:
        decode(written if isinstance(written, bytes) else written.encode(), now=NOW)
    assert reason == raised.value.reason


def test_the_tables_are_long_enough() -> None:
    """What is accepted and what is refused is told by examples."""
    assert len(ACCEPTED) + len(REFUSED) >= 70


def test_the_number_of_periods_is_bounded() -> None:
    """One period more than allowed refuses the file; as many as allowed do not."""
    spans: list[Span] = [(n * 100, n * 100 + 50, 2) for n in range(10)]
    low = int(START.timestamp())
    text = encode(
        free_busy(
            organizer="a@example.com",
            uid="",
            stamp=NOW,
            window=WINDOW,
            spans=[(low + start, low + end, kind) for start, end, kind in spans],
        )
    )
    assert 10 == len(decode(text, now=NOW, max_periods=10).periods)
    with pytest.raises(NotFreeBusyError, match="more than 9 periods"):
        decode(text, now=NOW, max_periods=9)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("FREEBUSY:x/y", "periods that cannot be read"),
        ("FREEBUSY:", "periods that cannot be read"),
        ("DTEND:20260701T000000Z", "lines beside its periods"),
        ("ORGANIZER;X", "lines beside its periods"),
    ],
)
def test_what_says_nothing_is_bounded(line: str, what: str) -> None:
    """Lines that cost more than they tell are passed over, but not any number of them."""
    few, many = (with_line(LINE, *[line] * times) for times in (MAX_USELESS // 2, MAX_USELESS + 1))
    assert NINE == list(decode(few.encode(), now=NOW).periods)
    with pytest.raises(NotFreeBusyError, match=f"more than {MAX_USELESS} {what}"):
        decode(many.encode(), now=NOW)


BERLIN = {
    "a local period counts in both": (
        ["FREEBUSY:20260602T090000/20260602T100000"],
        [("02T07", "02T08"), ("02T09", "02T10")],
    ),
    "with a length": (
        ["FREEBUSY:20260602T090000/PT2H"],
        [("02T07", "02T11")],
    ),
    "UTC is UTC": (["FREEBUSY:20260602T090000Z/PT1H"], [("02T09", "02T10")]),
    "dates": (["FREEBUSY:20260602/20260603"], [("01T22", "03T00")]),
    "what lies in another component is not the list's": (
        ["BEGIN:VALARM", "FREEBUSY:20260602T090000Z/PT1H", "DTEND:20990101T000000Z", "END:VALARM"],
        [],
    ),
}


@pytest.mark.parametrize("case", BERLIN)
def test_times_without_a_zone(case: str) -> None:
    """Nobody can tell what zone a client meant: its times count in UTC and in the owner's."""
    lines, expected = BERLIN[case]
    window = ["DTSTART:20260601T000000Z", "DTEND:20260630T000000Z"]
    body = ["BEGIN:VFREEBUSY", *window, *lines, "END:VFREEBUSY", ""]
    told = read_file("\n".join(body).encode(), zone="Europe/Berlin")
    assert expected == [
        tuple(f"{from_seconds(end):%dT%H}" for end in span[:2]) for span in told.spans
    ]
    assert ("2026-06-01", "2026-06-30") == (
        f"{told.window.start:%F}",
        f"{told.window.end:%F}",
    )


def test_a_local_window_claims_no_more_than_either() -> None:
    """Of a window without a zone only what both readings cover is known."""
    text = b"BEGIN:VFREEBUSY\nDTSTART:20260601T000000\nDTEND:20260602T000000\nEND:VFREEBUSY\n"
    told = read_file(text, zone="Europe/Berlin")
    assert ("01T00", "01T22") == (f"{told.window.start:%dT%H}", f"{told.window.end:%dT%H}")


def test_now_is_the_stamp() -> None:
    """Aware in any zone, in whole seconds; what the file says of its age is not believed."""
    now = NOW.replace(microsecond=7).astimezone(timezone(timedelta(hours=5)))
    assert (NOW, UTC) == (
        decode(OUTLOOK.encode(), now=now).stamp,
        decode(OUTLOOK.encode(), now=now).stamp.tzinfo,
    )


@pytest.mark.parametrize("text", [crlf(GOLDEN), OUTLOOK.encode(), crlf(OUTLOOK).lower()])
def test_a_broken_off_upload_never_counts(text: bytes) -> None:
    """Cut after any octet, the file is refused, or is whole but for its last line end."""
    whole = decode(text, now=NOW)
    for length in range(len(text)):
        try:
            found = decode(text[:length], now=NOW)
        except NotFreeBusyError:
            continue
        assert text.rstrip() == text[:length].rstrip()
        assert whole == found


def test_a_bare_file_that_breaks_off_never_counts() -> None:
    """Without a VCALENDAR round it END:VFREEBUSY is what makes a file whole."""
    text = OUTLOOK.replace("BEGIN:VCALENDAR\n", "").replace("END:VCALENDAR\n", "").encode()
    for length in range(len(text) - 1):
        with pytest.raises(NotFreeBusyError):
            decode(text[:length], now=NOW)


WORDS = [line + "\n" for line in OUTLOOK.splitlines()]
PIECES = st.one_of(
    st.sampled_from([*WORDS, "FREEBUSY", ":", ";FBTYPE=", "/", "PT", ","]), st.text()
)


@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(PIECES, max_size=30).map(
            lambda pieces: "".join(pieces).encode("utf-8", "replace")
        ),
    )
)
def test_any_bytes_are_a_file_or_refused(data: bytes) -> None:
    """Nothing but NotFreeBusyError comes out of a text, and what is read can be written."""
    try:
        found = decode(data, now=NOW)
    except NotFreeBusyError:
        return
    again = replace(found, organizer="hans@example.com")
    assert again == decode(encode(again), now=NOW)


# -- readers that are not ours


@pytest.mark.readers
@pytest.mark.parametrize("name", ["libical_reader", "kcal_reader"])
@pytest.mark.parametrize("case", ["none", "few", "stale", "long names", "a year of days"])
def test_other_readers_find_the_same(name: str, case: str, request: pytest.FixtureRequest) -> None:
    """Evolution's and KOrganizer's libraries read every line that we write as we mean it."""
    read = request.getfixturevalue(name)
    year = TimeRange(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    first = int(year.start.timestamp())
    days = [(first + n * 86400, first + n * 86400 + 3600, n % 3 + 1) for n in range(365)]
    freebusy = {
        "none": replace(HANS, periods=()),
        "few": HANS,
        "stale": replace(HANS, as_of=NOW),
        "long names": replace(HANS, organizer="ä" * 60 + "@example.com", uid="ß" * 100),
        "a year of days": free_busy(
            organizer="hans@example.com", uid="1", stamp=NOW, window=year, spans=days
        ),
    }[case]
    found = read(encode(freebusy))
    text = "%Y%m%dT%H%M%SZ"
    assert [
        (period.type.fbtype, f"{period.start:{text}}", f"{period.end:{text}}")
        for period in freebusy.periods
    ] == found.periods
    assert (f"{freebusy.window.start:{text}}", f"{freebusy.window.end:{text}}") == found.window
