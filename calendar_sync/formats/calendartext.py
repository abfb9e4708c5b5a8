"""iCalendar text, written for our own reader (RFC 5545 §3.1).

Lines are not folded and hold nothing but what free/busy reads.  Whatever came from a
message goes through :func:`plain` first: a line end inside a value would be another line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LONGEST = 1024
"""Characters of a value: none that free/busy reads is nearly as long."""


def plain(value: str) -> str:
    """Return a value on one line, without control characters, cut to a sane length."""
    return _CONTROL.sub(" ", value[:_LONGEST]).strip() if value else value


def parameter(name: str, value: str) -> str:
    """Return ``;NAME="value"`` (RFC 5545 §3.2); a quote inside the value goes."""
    return f';{name}="{plain(value).replace(chr(34), "")}"'


def calendar(components: Iterable[Iterable[str]]) -> bytes:
    """Return the lines of whole components as one calendar object in UTF-8."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0"]
    for component in components:
        lines += component
    lines += ["END:VCALENDAR", ""]
    return "\r\n".join(lines).encode("utf-8", "replace")


def event(lines: Iterable[str]) -> list[str]:
    """Return the lines of an event between its BEGIN and END."""
    return ["BEGIN:VEVENT", *lines, "END:VEVENT"]
