"""MIME messages (RFC 2045, RFC 2046): which parts are calendar items.

Most items in calendar folders are messages of one part.  These are read without the
standard library's parser, at a fraction of its cost; whatever is not of the plainest
form goes through that parser, and both ways give the same result.
The parser is used with its compat32 policy: ``email.policy.default`` costs ten times as much.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from calendar_sync.formats import calendartext, icalendar, kolab2, kolab3, tnef
from calendar_sync.formats.part import Part
from freebusy.errors import BudgetExceededError, CalendarDataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

    from calendar_sync.formats.part import Format

FORMATS: tuple[Format, ...] = (kolab3.FORMAT, kolab2.FORMAT, icalendar.FORMAT, tnef.FORMAT)
"""In the order of preference: of a message that says the same in two ways, one is read.

Kolab comes first, whose events carry their attachments along: an invitation among them
is no event of this folder.
"""

MAX_DEPTH = 20
"""Of parts in parts; an invitation forwarded three times, signed each time, has 12."""
MAX_PARTS = 200
"""In one message; a whole day's digest of invitations."""
MAX_TEXT = 8 << 20
"""Bytes of all texts of a message in UTF-8; the source's bound on items is far below."""

_FIELDS = re.compile(rb"(?:[!-9;-~]++:[^\r\n]*+\r?+\n(?:[ \t][^\r\n]*+\r?+\n)*+)++(?=\r?\n)")
_FIELD = rb"(?:\A|\n)%b:([^\n]*+(?:\n[ \t][^\n]*+)*+)"
_TYPE = re.compile(_FIELD % rb"content-type", re.IGNORECASE)
_TRANSFER = re.compile(_FIELD % rb"content-transfer-encoding", re.IGNORECASE)
_PLAIN_TYPE = re.compile(
    rb"""\s*+text/calendar(?:\s*+;\s*+[\w-]++=(?:[\w.:/+-]++|"[^"\\;\r\n]*+"))*+\s*+;?+\s*+\Z""",
    re.IGNORECASE | re.ASCII,
)
_CHARSET = re.compile(rb""";\s*+charset="?([\w.:/+-]*)""", re.IGNORECASE)
_NESTING = re.compile(rb"multipart/|message/rfc822", re.IGNORECASE)


def calendar_texts(message: bytes) -> list[bytes]:
    """Return the iCalendar texts in a message as UTF-8, each once; none in other mail.

    Raises CalendarDataError where the message cannot be read, BudgetExceededError
    where it goes beyond the bounds above.
    """
    return _read(parts(message))


def parts(message: bytes) -> list[Part]:
    """Return the leaves of a message; raises as :func:`calendar_texts`."""
    single = single_part(message)
    return [single] if single else list(_parts(message))


_UNREAD = calendartext.calendar([calendartext.event(())])
"""Stands for a part that could not be read beside others that could: the reader counts it."""


def _read(parts: list[Part]) -> list[bytes]:
    """Return the texts of the first format that any part can be read in."""
    failures: list[CalendarDataError] = []
    for each in FORMATS:
        texts: dict[bytes, None] = {}
        for part in filter(each.matches, parts):
            try:
                texts.update(dict.fromkeys(each.read(part)))
            except CalendarDataError as error:
                failures.append(error)
            if sum(map(len, texts)) > MAX_TEXT:
                raise BudgetExceededError("a message with too much calendar text")
        if texts:
            return [*texts, *([_UNREAD] if failures else [])]
    if failures:
        raise failures[0]
    return []


def single_part(message: bytes) -> Part | None:
    """Return the one part of a plain text/calendar message; None for any other message."""
    fields = _FIELDS.match(message)
    media = fields and _TYPE.search(fields[0])
    if not fields or not media or not _PLAIN_TYPE.match(media[1]):
        return None
    charset = _CHARSET.search(media[1])
    transfer = _TRANSFER.search(fields[0])
    start = message.index(b"\n", fields.end()) + 1
    return Part(
        "text/calendar",
        message[start:],
        transfer[1].decode("latin-1").strip().lower() if transfer else "",
        charset[1].lower().decode("latin-1") if charset else "",
    )


def _parts(message: bytes) -> Iterator[Part]:
    """Yield the leaves of any message, by the standard library's parser."""
    import email  # only where it is needed: it takes longer to import than to run

    if sum(1 for _ in _NESTING.finditer(message)) > MAX_PARTS:
        # each level of nesting makes the parser look at each line once more
        raise BudgetExceededError("a message with too many parts")
    try:
        # a byte a character: of bytes the parser would decode payloads as it sees fit
        root = email.message_from_string(message.decode("latin-1"))
        for number, part in enumerate(_leaves(root, 0)):
            if number >= MAX_PARTS:
                raise BudgetExceededError("a message with too many parts")
            yield _leaf(part)
    except CalendarDataError:
        raise
    except Exception as error:  # noqa: BLE001 - the parser says nowhere what it may raise
        raise CalendarDataError(f"not a readable message ({type(error).__name__})") from None


def _leaves(part: Message, depth: int) -> Iterator[Message]:
    if depth > MAX_DEPTH:
        raise BudgetExceededError("a message nested too deeply")
    payload = part.get_payload()
    if not isinstance(payload, list):
        yield part
        return
    for child in payload:
        yield from _leaves(cast("Message", child), depth + 1)


def _leaf(part: Message) -> Part:
    return Part(
        part.get_content_type(),
        str(part.get_payload() or "").encode("latin-1"),
        _word(part.get("Content-Transfer-Encoding")),
        _word(part.get_param("charset")),
        _file_name(part),
        str(part.get("Content-ID") or "").strip().strip("<>"),
    )


def _word(value: object) -> str:
    """Return a header's or parameter's value in lower case, also an RFC 2231 triple's."""
    if isinstance(value, tuple):
        value = value[2]
    return str(value or "").strip().lower()


def _file_name(part: Message) -> str:
    """Return the file name of a part, whether encoded as RFC 2231 or (wrongly) as RFC 2047 says."""
    name = part.get_filename() or ""
    if "=?" in name:
        from email.header import decode_header, make_header

        name = str(make_header(decode_header(name)))
    return name.strip().lower()
