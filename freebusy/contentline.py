"""Content lines: bytes to names, parameters and values (RFC 5545 §3.1).

Two readers over one grammar.  :func:`lines` is the quick sweep over a whole
stream that the hot path uses: name and rest, nothing parsed that nobody asks
for.  :func:`parse` takes one line apart.

What real writers do beyond the grammar is accepted by the named functions
below, each for a writer that needs it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from freebusy.errors import CalendarDataError

_LINE = re.compile(r"^[ \t]*([A-Za-z0-9][A-Za-z0-9-]*)([;:].*)", re.MULTILINE)
_LINE_ENDS = re.compile(rb"\r+\n?")
# Space before a name is part of what the name matches: a group of its own for it would make
# a megabyte of spaces without an equals sign cost minutes.
_PARAMETER = re.compile(r';([^=;:"]+)=((?:"[^"]*"?|[^";:]+)*)')


class ContentLine(NamedTuple):
    """One unfolded line: ``NAME;PARAM=value:value`` (RFC 5545 §3.1)."""

    name: str
    """In upper case: names are case-insensitive (§2)."""
    parameters: dict[str, str]
    """By upper-case name; quotes removed, lists left as they are written."""
    value: str


def accept_utf16(data: bytes) -> bytes:
    """Turn UTF-16 with a byte order mark into UTF-8 (Outlook's "Unicode" saves)."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace").encode()
    return data


def accept_byte_order_mark(data: bytes) -> bytes:
    """Drop a UTF-8 byte order mark (Notepad, Exchange exports)."""
    return data[3:] if data[:3] == b"\xef\xbb\xbf" else data


def accept_any_line_end(data: bytes) -> bytes:
    """Turn CRLF, CR CR LF (text-mode FTP of CRLF files) and bare CR into LF."""
    if b"\r" not in data:
        return data
    data = data.replace(b"\r\n", b"\n")
    return _LINE_ENDS.sub(b"\n", data) if b"\r" in data else data


def accept_charset(data: bytes) -> str:
    """Decode UTF-8 (§3.1.4), else Windows-1252, else Latin-1, which takes any byte."""
    for charset in ("utf-8", "cp1252"):
        try:
            return data.decode(charset)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def unfold(data: bytes) -> str:
    """Return the text of a stream with LF line ends and no folds (RFC 5545 §3.1).

    Unfolding comes before decoding: writers fold by octets, through characters.
    """
    data = accept_any_line_end(accept_byte_order_mark(accept_utf16(data)))
    if b"\n " in data:
        data = data.replace(b"\n ", b"")
    if b"\n\t" in data:
        data = data.replace(b"\n\t", b"")
    return accept_charset(data)


def lines(text: str) -> list[tuple[str, str]]:
    """Return ``(name as written, rest)`` for each line that has the shape of one.

    ``rest`` starts with ``;`` or ``:``.  Junk lines (mail footers, blank lines,
    banner text) have no such shape and are passed over.
    """
    return _LINE.findall(text)


def parameters(rest: str) -> tuple[dict[str, str], str]:
    """Split what follows a name into its parameters and its value.

    Raises CalendarDataError where no colon ends the parameters.
    """
    if rest[:1] == ":":
        return {}, rest[1:]
    if '"' not in rest:
        head, colon, value = rest.partition(":")
        if not colon:
            raise CalendarDataError("a content line without a colon")
        pairs = (part.partition("=") for part in head[1:].split(";"))
        return {name.strip().upper(): content for name, _, content in pairs}, value
    return _quoted_parameters(rest)


def _quoted_parameters(rest: str) -> tuple[dict[str, str], str]:
    """Split where a quoted parameter value may hold ``:``, ``;`` and ``,`` (§3.2)."""
    found: dict[str, str] = {}
    at = 0
    while match := _PARAMETER.match(rest, at):
        found[match[1].strip().upper()] = match[2].replace('"', "")
        at = match.end()
    colon = rest.find(":", at)
    if colon < 0:
        raise CalendarDataError("a content line without a colon")
    return found, rest[colon + 1 :]


def accept_colon_in_zone(rest: str) -> tuple[dict[str, str], str]:
    """Split a date line whose unquoted TZID holds colons: ``TZID=(UTC+01:00) Berlin:2026...``.

    No date value holds a colon, so the last one ends the parameters (old Outlook,
    CDO).  Raises CalendarDataError where there is none.
    """
    if rest[:1] == ":":
        return {}, rest[1:]
    head, colon, value = rest.rpartition(":")
    if not colon:
        raise CalendarDataError("a content line without a colon")
    if '"' in head:
        return parameters(rest)
    pairs = (part.partition("=") for part in head[1:].split(";"))
    return {name.strip().upper(): content for name, _, content in pairs}, value


def parse(line: str) -> ContentLine:
    """Take one unfolded line apart; raises CalendarDataError where it has no such shape."""
    match = _LINE.match(line)
    if match is None:
        raise CalendarDataError("not a content line")
    found, value = parameters(match[2])
    return ContentLine(match[1].upper(), found, value)


def address(value: str) -> str:
    """Return a calendar user address bare and lower-case, with or without ``mailto:`` (§3.3.3)."""
    bare = value.strip(" \t<>").lower()
    return bare[7:].strip(" \t<>") if bare.startswith("mailto:") else bare
