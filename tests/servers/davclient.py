"""Changes calendars as a CalDAV client does; the product itself only ever reads.

It is written on urllib, not on what the product uses, and knows as little as it needs.
"""

from __future__ import annotations

import base64
import re
import urllib.error
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.sax.saxutils import escape

from tests.servers.mailserver import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAMESPACES = 'xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_PROPERTIES = "<resourcetype/><getetag/><getcontentlength/><getlastmodified/><displayname/>"


class DavClient:
    """One user at one server."""

    def __init__(self, user: str) -> None:
        secret = base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()
        self._authorization = f"Basic {secret}"

    def send(self, method: str, url: str, body: bytes | None = None, **headers: str) -> bytes:
        """Send a request and return the body of its answer; HTTPError where it is refused."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        fields |= {"Authorization": self._authorization}
        if body is not None:
            fields.setdefault("Content-Type", "application/xml; charset=utf-8")
        request = urllib.request.Request(url, body, fields, method=method)
        with _OPENER.open(request, timeout=20) as answer:
            found: bytes = answer.read()
        return found

    def make_collection(self, url: str) -> None:
        """Make a plain collection, unless it is there or comes by being asked for."""
        if not self.exists(url):
            self.send("MKCOL", url)

    def make_calendar(
        self,
        url: str,
        *,
        name: str = "",
        transparent: bool = False,
        components: Sequence[str] = ("VEVENT",),
    ) -> None:
        """Make a calendar (RFC 4791 §5.3.1)."""
        comps = "".join(f'<C:comp name="{each}"/>' for each in components)
        prop = f"<C:supported-calendar-component-set>{comps}</C:supported-calendar-component-set>"
        if name:
            prop += f"<displayname>{escape(name)}</displayname>"
        if transparent:
            value = "<C:transparent/>"
            prop += f"<C:schedule-calendar-transp>{value}</C:schedule-calendar-transp>"
        body = f"<C:mkcalendar {_NAMESPACES}><set><prop>{prop}</prop></set></C:mkcalendar>"
        self.send("MKCALENDAR", url, body.encode())

    def set_property(self, url: str, prop: str) -> None:
        """Change a property that is written as XML in the namespaces DAV: and C: (CalDAV)."""
        body = f"<propertyupdate {_NAMESPACES}><set><prop>{prop}</prop></set></propertyupdate>"
        self.send("PROPPATCH", url, body.encode())

    def put(self, url: str, ics: bytes) -> None:
        self.send("PUT", url, ics, Content_Type="text/calendar; charset=utf-8")

    def delete(self, url: str) -> None:
        self.send("DELETE", url)

    def exists(self, url: str) -> bool:
        """Whether there is a resource."""
        try:
            # Xandikos answers 207 and has the 404 inside
            return b"resourcetype" in self.snapshot(url)
        except urllib.error.HTTPError as error:
            error.close()
            return False

    def members(self, url: str) -> list[str]:
        """Return the paths of what is directly in a collection."""
        body = f"<propfind {_NAMESPACES}><prop><getetag/></prop></propfind>".encode()
        answer = self.send("PROPFIND", url, body, Depth="1").decode()
        hrefs = re.findall(r"<(?:\w+:)?href>([^<]*)<", answer)
        return [href for href in hrefs if not href.endswith("/")]

    def snapshot(self, url: str) -> bytes:
        """Return all that a listing says."""
        body = f"<propfind {_NAMESPACES}><prop>{_PROPERTIES}</prop></propfind>".encode()
        return self.send("PROPFIND", url, body, Depth="1")


def segment(text: str) -> str:
    """Return a text as one segment of a path."""
    return quote(text, safe="")
