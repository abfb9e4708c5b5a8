"""The bodies of PROPFIND and REPORT: what is asked of a server.

PROPFIND is RFC 4918 §9.1, sync-collection RFC 6578 §3.2, calendar-multiget
RFC 4791 §7.9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from calendar_sync.caldav.multistatus import CALDAV, CALENDARSERVER, DAV

if TYPE_CHECKING:
    from collections.abc import Iterable

_PREFIXES = {DAV: "", CALDAV: "C:", CALENDARSERVER: "S:"}
_NAMESPACES = f'xmlns="{DAV}" xmlns:C="{CALDAV}" xmlns:S="{CALENDARSERVER}"'
_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'

RESOURCETYPE = f"{DAV} resourcetype"
DISPLAYNAME = f"{DAV} displayname"
OWNER = f"{DAV} owner"
ETAG = f"{DAV} getetag"
LENGTH = f"{DAV} getcontentlength"
TYPE = f"{DAV} getcontenttype"
MODIFIED = f"{DAV} getlastmodified"
SYNC_TOKEN = f"{DAV} sync-token"
REPORTS = f"{DAV} supported-report-set"
PRINCIPAL = f"{DAV} current-user-principal"
CTAG = f"{CALENDARSERVER} getctag"
HOMES = f"{CALDAV} calendar-home-set"
COMPONENTS = f"{CALDAV} supported-calendar-component-set"
TRANSPARENCY = f"{CALDAV} schedule-calendar-transp"
CALENDAR_DATA = f"{CALDAV} calendar-data"


def _empty(name: str) -> str:
    namespace, _, local = name.rpartition(" ")
    return f"<{_PREFIXES[namespace]}{local}/>"


def _prop(names: Iterable[str]) -> str:
    return f"<prop>{''.join(map(_empty, names))}</prop>"


def propfind(*names: str) -> bytes:
    """Return the body of a PROPFIND for some properties."""
    return f"{_HEAD}<propfind {_NAMESPACES}>{_prop(names)}</propfind>".encode()


def sync_collection(token: str, *names: str) -> bytes:
    """Return the body of a sync-collection REPORT; an empty token asks for all members."""
    inside = f"<sync-token>{escape(token)}</sync-token><sync-level>1</sync-level>{_prop(names)}"
    return f"{_HEAD}<sync-collection {_NAMESPACES}>{inside}</sync-collection>".encode()


def multiget(paths: Iterable[str], *names: str) -> bytes:
    """Return the body of a calendar-multiget REPORT for some resources."""
    hrefs = "".join(f"<href>{escape(path)}</href>" for path in paths)
    inside = _prop(names) + hrefs
    return f"{_HEAD}<C:calendar-multiget {_NAMESPACES}>{inside}</C:calendar-multiget>".encode()
