"""Reads case files: given this calendar text, expect these FREEBUSY lines.

::

    == what is expected, in one sentence
    @ owner hans@example.com, h.muster@example.com     (whose calendar; default hans@example.com)
    @ zone Europe/Berlin                               (the owner's; default Europe/Berlin)
    @ window 20260601T000000Z/20260701T000000Z         (the default)
    @ skipped 1                                        (how many items are counted as refused)
    DTSTART:20260602T080000Z                           lines of an event, wrapped as one, ...
    DURATION:PT1H
    --                                                 ... of a further event with the same UID, ...
    ----                                               ... or of a further message
    =>
    BUSY:20260602T080000Z/20260602T090000Z

A block that itself starts with BEGIN: is taken as it is and only wrapped in a
VCALENDAR.  After ``@ raw`` nothing is added: the lines are joined, and ``\\r``, ``\\n``,
``\\t`` and ``\\xNN`` in them are those bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ESCAPE = re.compile(r"\\(r|n|t|x[0-9a-f]{2})")
_CHARACTERS = {"r": "\r", "n": "\n", "t": "\t"}


@dataclass
class Case:
    """One case: what goes in, what must come out."""

    title: str
    owner: list[str] = field(default_factory=lambda: ["hans@example.com"])
    zone: str = "Europe/Berlin"
    start: datetime = datetime(2026, 6, 1, tzinfo=UTC)
    end: datetime = datetime(2026, 7, 1, tzinfo=UTC)
    skipped: int = 0
    raw: bool = False
    messages: list[bytes] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def set(self, key: str, value: str) -> None:
        """Take one ``@ key value`` line."""
        if key == "owner":
            self.owner = [part.strip() for part in value.split(",") if part.strip()]
        elif key == "window":
            first, last = value.split("/")
            self.start, self.end = utc(first), utc(last)
        elif key == "skipped":
            self.skipped = int(value)
        elif key == "raw":
            self.raw = True
        elif key == "zone":
            self.zone = value
        else:
            raise ValueError(f"no such setting: {key}")


def utc(text: str) -> datetime:
    """Read ``20260601T000000Z``."""
    return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    return _CHARACTERS[code] if code in _CHARACTERS else chr(int(code[1:], 16))


def _event(block: list[str]) -> list[str]:
    if block and block[0].startswith("BEGIN:"):
        return block
    usual = ["UID:1@example.com", "DTSTAMP:20260101T000000Z"]
    written = {line.partition(":")[0] for line in block}
    added = [line for line in usual if line.partition(":")[0] not in written]
    return ["BEGIN:VEVENT", *added, *block, "END:VEVENT"]


def _split(lines: list[str], mark: str) -> Iterator[list[str]]:
    block: list[str] = []
    for line in lines:
        if line == mark:
            yield block
            block = []
        else:
            block.append(line)
    yield block


def _message(case: Case, lines: list[str]) -> bytes:
    if case.raw:
        return _ESCAPE.sub(_unescape, "".join(lines)).encode("latin-1")
    inner = [line for block in _split(lines, "--") for line in _event(block)]
    whole = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Example//EN", *inner, "END:VCALENDAR", ""]
    return "\r\n".join(whole).encode()


def _case(block: str) -> Case:
    title, *lines = block.strip("\n").split("\n")
    case = Case(title.strip())
    mark = lines.index("=>")
    for line in lines[:mark]:
        if line.startswith("@ "):
            key, _, value = line[2:].partition(" ")
            case.set(key, value)
    body = [line for line in lines[:mark] if not line.startswith(("@ ", "# "))]
    case.messages = [_message(case, message) for message in _split(body, "----")]
    case.expected = [line for line in lines[mark + 1 :] if line and not line.startswith("#")]
    return case


def read_cases(path: Path) -> list[Case]:
    """Return the cases of one file."""
    text = "\n" + path.read_text(encoding="utf-8")
    return [_case(block) for block in text.split("\n== ")[1:]]
