"""Events around today, as clients write them, and what they should come out as."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from email.message import EmailMessage
from typing import TYPE_CHECKING

from freebusy.period import FreeBusyType, to_seconds

if TYPE_CHECKING:
    from freebusy.period import Span

BUSY = FreeBusyType.BUSY


def at(days: int, hour: int) -> datetime:
    """Return an hour of some day from today, in UTC."""
    today = datetime.now(UTC).date()
    return datetime.combine(today, time(hour), UTC) + timedelta(days=days)


def span(days: int, hour: int, kind: int = BUSY, hours: int = 1) -> Span:
    """Return the span of an event that :func:`event` makes."""
    start = to_seconds(at(days, hour))
    return start, start + hours * 3600, kind


def event(uid: str, days: int, hour: int, *lines: str, hours: int = 1) -> bytes:
    """Return an object of one event."""
    start = at(days, hour)
    end = start + timedelta(hours=hours)
    text = [f"UID:{uid}", f"DTSTART:{start:%Y%m%dT%H%M%SZ}", f"DTEND:{end:%Y%m%dT%H%M%SZ}", *lines]
    text = ["BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", *text, "END:VEVENT", "END:VCALENDAR"]
    return "\r\n".join([*text, ""]).encode()


def message(ics: bytes) -> bytes:
    """Return a message as calendar clients store it in a folder."""
    made = EmailMessage()
    made["From"] = "hans@example.com"
    made["Subject"] = "an event"
    made["Date"] = "Mon, 05 Jan 2026 09:00:00 +0000"
    made.set_content(ics, "text", "calendar", cte="8bit")
    return made.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
