"""How a directory's entries are written: LIST (RFC 959 §4.1.3), MLSx facts (RFC 3659 §7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

FACTS = ("type", "size", "modify", "perm")
"""The facts that are known, in the order in which they are written (RFC 3659 §7.5)."""

# strftime would name the months in the machine's language.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_RECENT = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a listing."""

    name: str
    modified: datetime
    """Aware UTC."""
    size: int | None = None
    """In bytes; None for a directory."""
    permissions: str = "r"
    """Of a file: what may be done with it, letters as the perm fact has them (RFC 3659 §7.5.5)."""


def time_value(moment: datetime) -> str:
    """Return a moment as MDTM and the modify fact write it, in UTC (RFC 3659 §2.3)."""
    return moment.astimezone(UTC).strftime("%Y%m%d%H%M%S")


def unix_line(entry: Entry, now: datetime) -> str:
    """Return an entry as ``ls -l`` writes it, times in UTC.

    Like ``ls``: the year instead of the time where it is half a year away.
    """
    moment = entry.modified.astimezone(UTC)
    recent = now - _RECENT < moment <= now + timedelta(days=1)
    clock = f"{moment:%H:%M}" if recent else f" {moment:%Y}"
    mode, links = "-rw-r--r--" if "w" in entry.permissions else "-r--r--r--", 1
    if entry.size is None:
        mode, links = "dr-xr-xr-x", 2
    date = f"{_MONTHS[moment.month - 1]} {moment:%d} {clock}"
    return f"{mode} {links:>3} ftp      ftp      {entry.size or 0:>8} {date} {entry.name}\r\n"


def facts(entry: Entry, wanted: Collection[str]) -> str:
    """Return the wanted facts of an entry, each with its semicolon (RFC 3659 §7.2)."""
    directory = entry.size is None
    known = {
        "type": "dir" if directory else "file",
        "perm": "el" if directory else entry.permissions,
    }
    if not directory:
        known |= {"size": str(entry.size), "modify": time_value(entry.modified)}
    return "".join(f"{fact}={known[fact]};" for fact in FACTS if fact in wanted and fact in known)
