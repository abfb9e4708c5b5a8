"""Calendars on a CalDAV server (RFC 4791)."""

from calendar_sync.caldav.settings import CaldavSettings
from calendar_sync.caldav.source import CaldavSource

__all__ = ["CaldavSettings", "CaldavSource"]
