"""Bad and odd uploads: what clients, mistakes and attackers send, and what is served after it.

Every one of them carries MARKER where it can, outside of times.
"""

from __future__ import annotations

import gzip
import io
import zipfile
from dataclasses import dataclass, field

MARKER = "Geheim-4711"
WINDOW = ("20260601T000000Z", "20260701T000000Z")
NINE = "20260602T090000Z/20260602T100000Z"
EIGHT_DAYS_ON = "20260610T090000Z/20260610T103000Z"
NINE_BUSY, LATER_BUSY = f"BUSY:{NINE}", f"BUSY:{EIGHT_DAYS_ON}"
LIMIT = 1 << 20


@dataclass(frozen=True)
class Served:
    """What is served after an upload that is taken: the window, and types with periods."""

    periods: tuple[str, ...] = (NINE_BUSY,)
    window: tuple[str, str] = WINDOW


@dataclass(frozen=True)
class Row:
    """A body, and either what is served after it or why it is refused."""

    body: bytes = field(repr=False)
    expected: Served | str


def text(*lines: str, first: str = WINDOW[0], last: str = WINDOW[1]) -> str:
    """Return a file with some lines; an empty first or last leaves that end of the window out."""
    return "".join(
        f"{line}\r\n"
        for line in (
            "BEGIN:VCALENDAR",
            f"PRODID:-//{MARKER}//EN",
            "VERSION:2.0",
            "METHOD:PUBLISH",
            "BEGIN:VFREEBUSY",
            "ORGANIZER:hans@example.com",
            "DTSTAMP:20260601T235558Z",
            f"DTSTART:{first}" if first else "",
            f"DTEND:{last}" if last else "",
            *lines,
            "END:VFREEBUSY",
            "END:VCALENDAR",
        )
        if line
    )


USUAL = text(f"FREEBUSY:{NINE}", f"COMMENT:{MARKER}")
GOOD = text(f"FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:{EIGHT_DAYS_ON}").encode()
GOOD_SERVED = Served((f"BUSY-UNAVAILABLE:{EIGHT_DAYS_ON}",))
"""What is there before each upload."""


def taken(
    body: str | bytes, *periods: str, window: tuple[str, str] = WINDOW, charset: str = "utf-8"
) -> Row:
    body = body.encode(charset) if isinstance(body, str) else body
    return Row(body, Served(periods or (NINE_BUSY,), window))


def refused(body: str | bytes, reason: str) -> Row:
    return Row(body.encode() if isinstance(body, str) else body, reason)


def with_periods(*lines: str) -> str:
    return text(*lines, f"X-ANYTHING:{MARKER}")


def with_organizer(line: str) -> str:
    return USUAL.replace("ORGANIZER:hans@example.com", line)


def _folded(size: int) -> str:
    lines = USUAL.split("\r\n")
    return "\r\n".join(
        "\r\n ".join(line[at : at + size] for at in range(0, len(line), size)) for line in lines
    )


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("hans.vfb", USUAL)
    return packed.getvalue()


def _event(*lines: str) -> str:
    own = ["BEGIN:VEVENT", "DTSTART:20250101T090000Z", f"SUMMARY:{MARKER}", *lines, "END:VEVENT"]
    return "\r\n".join([*own, ""])


LF = USUAL.replace("\r\n", "\n")
MARKED = USUAL.replace("VERSION", f"X-GRÜSSE:{MARKER} Größe\r\nVERSION")
BARE = USUAL[USUAL.index("BEGIN:VFREEBUSY") : USUAL.index("END:VCALENDAR")]
SECOND = BARE.replace(NINE, EIGHT_DAYS_ON)

LINE_ENDS_AND_CHARSETS = {
    "CRLF": taken(USUAL),
    "LF": taken(LF),
    "CR CR LF": taken(USUAL.replace("\r\n", "\r\r\n")),
    "CR": taken(USUAL.replace("\r\n", "\r")),
    "mixed line ends": taken(USUAL.replace("\r\n", "\n", 5).replace("\r\n", "\r", 2)),
    "no line end at the end": taken(USUAL.rstrip()),
    "blank lines": taken(USUAL.replace("\r\n", "\r\n\r\n")),
    "blanks after lines": taken(USUAL.replace("\r\n", "  \r\n")),
    "folded": taken(_folded(40)),
    "folded everywhere": taken(_folded(1)),
    "folded with tabs": taken(_folded(9).replace("\r\n ", "\r\n\t")),
    "UTF-8 with a mark": taken(MARKED, charset="utf-8-sig"),
    "UTF-16 LE with a mark": taken("\ufeff" + MARKED, charset="utf-16-le"),
    "UTF-16 BE with a mark": taken("\ufeff" + MARKED, charset="utf-16-be"),
    "Latin-1": taken(MARKED, charset="latin-1"),
    "Windows-1252": taken(MARKED.replace("Größe", "„Größe“"), charset="cp1252"),
    "UTF-7": taken(MARKED, charset="utf-7"),
    "UTF-7 with a mark": taken("\ufeff" + USUAL, charset="utf-7"),
    "lower case": taken(USUAL.lower()),
    "no UTF-8": taken(USUAL.encode() + b"\xff\xfe\xc0\x80\r\n"),
    "control characters": taken(USUAL.replace("COMMENT:", "COMMENT:\x01\x1b[2J\x7f\x85")),
    "other line separators": taken(
        USUAL.replace("COMMENT:", f"COMMENT:\u2028FREEBUSY:{EIGHT_DAYS_ON}\x0bDTEND:2\x0c")
    ),
    "UTF-16 LE without a mark": refused(
        USUAL.encode("utf-16-le"), "binary data is not a free/busy file"
    ),
    "UTF-16 BE without a mark": refused(
        USUAL.encode("utf-16-be"), "binary data is not a free/busy file"
    ),
    "UTF-32": refused(USUAL.encode("utf-32"), "binary data is not a free/busy file"),
    "a NUL inside": refused(
        USUAL.replace("COMMENT", "COM\0MENT"), "binary data is not a free/busy file"
    ),
    "NULs after it": refused(USUAL.encode() + bytes(512), "binary data is not a free/busy file"),
}

NO_FILES = {
    "nothing": refused(b"", "the file is empty"),
    "blanks": refused(b" \t\r\n\r\n  \n", "the file is empty"),
    "megabytes of blanks": refused(b" " * (LIMIT - 1), "the file is empty"),
    "a mark": refused(b"\xef\xbb\xbf", "there is no VFREEBUSY in the file"),
    "HTML": refused(f"<!DOCTYPE html><html>{MARKER}</html>", "a web page is not a free/busy file"),
    "HTML that quotes": refused(
        f"<html><pre>{MARKER} BEGIN:VFREEBUSY</pre>", "a web page is not a free/busy file"
    ),
    "XML": refused(f"<?xml version='1.0'?><a>{MARKER}</a>", "a web page is not a free/busy file"),
    "XML entities": refused(
        f"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b '{MARKER}'>]><a>&b;</a>",
        "a web page is not a free/busy file",
    ),
    "JSON": refused(
        f'{{"BEGIN": "VFREEBUSY", "a": "{MARKER}"}}', "there is no VFREEBUSY in the file"
    ),
    "text": refused(f"Hello {MARKER}", "there is no VFREEBUSY in the file"),
    "a picture": refused(
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + MARKER.encode(), "binary data is not a free/busy file"
    ),
    "a zip file": refused(_zip(), "binary data is not a free/busy file"),
    "a gzip file": refused(gzip.compress(USUAL.encode()), "binary data is not a free/busy file"),
    "random octets": refused(
        bytes(range(1, 256)) * 40 + MARKER.encode(), "there is no VFREEBUSY in the file"
    ),
    "an event": refused(
        f"BEGIN:VCALENDAR\r\n{_event()}END:VCALENDAR\r\n", "there is no VFREEBUSY in the file"
    ),
    "a card": refused(
        f"BEGIN:VCARD\r\nFN:{MARKER}\r\nEND:VCARD\r\n", "there is no VFREEBUSY in the file"
    ),
}


def _cut(before: str, missing: str) -> Row:
    return refused(USUAL[: USUAL.index(before)], f"the file is cut off: END:{missing} is missing")


NOT_WHOLE = {
    "cut before VFREEBUSY": refused(
        USUAL[: USUAL.index("BEGIN:VFREEBUSY")], "there is no VFREEBUSY in the file"
    ),
    "cut after the head": _cut("ORGANIZER", "VFREEBUSY"),
    "cut in a name": _cut("SART:2026"[1:], "VFREEBUSY"),
    "cut in a period": _cut("/20260602T10", "VFREEBUSY"),
    "cut before END": _cut("END:VFREEBUSY", "VFREEBUSY"),
    "cut in END": _cut("USY\r\nEND:VCALENDAR", "VFREEBUSY"),
    "cut before the last line": _cut("END:VCALENDAR", "VCALENDAR"),
    "cut in the last line": refused(USUAL[:-4], "the file is cut off: END:VCALENDAR is missing"),
    "no END:VFREEBUSY": refused(
        USUAL.replace("END:VFREEBUSY\r\n", ""), "the file is cut off: END:VFREEBUSY is missing"
    ),
    "its end only": refused(USUAL[200:], "there is no VFREEBUSY in the file"),
    "the second one cut": refused(
        USUAL + USUAL[:-20], "the file is cut off: END:VFREEBUSY is missing"
    ),
}

WHO = {
    "no organizer": taken(with_organizer(f"X-NOBODY:{MARKER}")),
    "another person": taken(with_organizer("ORGANIZER:mailto:berta@example.com")),
    "a header in it": taken(
        with_organizer(f"ORGANIZER:hans@example.com\r\nX-INJECTED: {MARKER}\r\nSet-Cookie: a=b")
    ),
    "an escaped line end": taken(
        with_organizer(f"ORGANIZER:hans@example.com\\nX-INJECTED:{MARKER}\\r\\n")
    ),
    "a period in it": taken(
        with_organizer(f"ORGANIZER:a@b.c\x0b\x0c\x85\u2029FREEBUSY:{EIGHT_DAYS_ON}")
    ),
    "64 KiB of it": taken(with_organizer(f"ORGANIZER:{MARKER}{'a' * 65536}@example.com")),
    "HTML in it": taken(with_organizer(f"ORGANIZER:<script>{MARKER}</script>@example.com")),
    "a name": taken(with_organizer(f'ORGANIZER;CN="{MARKER}: a;b,c":MAILTO:hans@example.com')),
    "an open quote": taken(with_organizer(f'ORGANIZER;CN="{MARKER}:MAILTO:hans@example.com')),
    "a path": taken(with_organizer(f"ORGANIZER:../../../{MARKER}@example.com")),
    "many organizers": taken(with_organizer(f"ORGANIZER:{MARKER}@example.com\r\n" * 500)),
}

DETAILS = "X-SUMMARY=R2VoZWltLTQ3MTE=;X-LOCATION=R2VoZWltLTQ3MTE="

PARTS = {
    "base64 details": taken(with_periods(f"FREEBUSY;{DETAILS};FBTYPE=BUSY:{NINE}")),
    "details in quotes": taken(with_periods(f'FREEBUSY;X-UID="{MARKER}:;,":{NINE}')),
    "text after the period": taken(
        with_periods(f"FREEBUSY:{NINE},{MARKER}", f"FREEBUSY:{NINE} {MARKER}")
    ),
    "X- properties": taken(
        with_periods(f"FREEBUSY:{NINE}", f"X-FOO;A={MARKER}:{MARKER}", f"URL:http://{MARKER}/")
    ),
    "contacts and comments": taken(
        with_periods(f"FREEBUSY:{NINE}", f"CONTACT:{MARKER}", f"ATTENDEE:mailto:{MARKER}@x.example")
    ),
    "a line of 200 KB": taken(with_periods(f"FREEBUSY:{NINE}", "X-LONG:" + MARKER * 18_000)),
    "an alarm inside": taken(
        with_periods(f"FREEBUSY:{NINE}", "BEGIN:VALARM", f"DESCRIPTION:{MARKER}", "END:VALARM")
    ),
    "an event beside it": taken(USUAL.replace("BEGIN:VFREEBUSY", _event() + "BEGIN:VFREEBUSY")),
    "an event after it": taken(USUAL.replace("END:VCALENDAR", _event() + "END:VCALENDAR")),
    "several VFREEBUSY": taken(
        USUAL.replace("END:VCALENDAR", SECOND + "END:VCALENDAR"), NINE_BUSY, LATER_BUSY
    ),
    "several calendars": taken(USUAL + USUAL.replace(NINE, EIGHT_DAYS_ON), NINE_BUSY, LATER_BUSY),
    "a calendar in a calendar": taken(f"BEGIN:VCALENDAR\r\n{USUAL}END:VCALENDAR\r\n"),
    "a bare VFREEBUSY": taken(BARE),
    "a letter round it": taken(f"Dear {MARKER},\r\n\r\n{USUAL}\r\n-- \r\n{MARKER}\r\n"),
    "a mail": taken(f"From: {MARKER}@example.com\r\nSubject: {MARKER}\r\n\r\n{USUAL}"),
}
