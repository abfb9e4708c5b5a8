"""iCalendar as it is: text/calendar and its aliases (RFC 5545 §8.1)."""

from __future__ import annotations

from calendar_sync.formats.part import Format, Part


def read(part: Part) -> list[bytes]:
    """Return the text of a part as UTF-8."""
    return [part.text]


FORMAT = Format(
    # application/ics: Google Calendar, Thunderbird; text/x-vcalendar: vCalendar 1.0 and Outlook
    media=frozenset({"text/calendar", "application/ics", "text/x-vcalendar"}),
    endings=(".ics", ".vcs"),
    read=read,
)
