"""A client that says exactly what a test tells it to, and reads multistatus on its own."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.system.dav_server import DavServer

D = "{DAV:}"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def xml(self) -> ET.Element:
        assert self.headers["Content-Type"].startswith("application/xml"), self
        return ET.fromstring(self.body)

    @property
    def hrefs(self) -> list[str]:
        return [each.text or "" for each in self.xml.findall(f"{D}response/{D}href")]

    def properties(self, status: int = 200) -> list[dict[str, str]]:
        """Return, of each response, the properties of that status: name -> text or inner tags."""
        return [_of_status(response, status) for response in self.xml.findall(f"{D}response")]

    @property
    def token(self) -> str:
        return self.headers["Lock-Token"].strip("<>")

    @property
    def condition(self) -> str:
        """Return the name of the precondition that a refusal names."""
        assert self.xml.tag == f"{D}error"
        return self.xml[0].tag.removeprefix(D)


def _of_status(response: ET.Element, status: int) -> dict[str, str]:
    return {
        each.tag: each.text or " ".join(child.tag for child in each)
        for propstat in response.findall(f"{D}propstat")
        if f" {status} " in (propstat.findtext(f"{D}status") or "")
        for each in propstat.findall(f"{D}prop/*")
    }


@dataclass(frozen=True)
class Client:
    """Somebody who talks to a server; ``user`` None logs in as nobody."""

    server: DavServer
    user: str | None = "hans"

    def ask(self, method: str, path: str, body: str | bytes = b"", **fields: str) -> Reply:
        """Send one request; header fields are named with underscores."""
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        if self.user is not None:
            login = base64.b64encode(f"{self.user}:any".encode()).decode()
            headers["Authorization"] = f"Basic {login}"
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        try:
            connection.request(
                method, path, body.encode() if isinstance(body, str) else body, headers
            )
            response = connection.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def find(self, path: str, *names: str, depth: str = "0") -> Reply:
        """Ask for properties; ``D:`` is bound to DAV:, ``W:`` to Microsoft's."""
        return self.ask("PROPFIND", path, propfind(*names) if names else "", Depth=depth)

    def lock(self, path: str, *, shared: bool = False, **fields: str) -> Reply:
        return self.ask("LOCK", path, lock_info("shared" if shared else "exclusive"), **fields)

    def status(self, method: str, path: str, body: str = "", **fields: str) -> int:
        return self.ask(method, path, body, **fields).status


def propfind(*names: str) -> str:
    wanted = "".join(f"<{name}/>" for name in names)
    return (
        '<D:propfind xmlns:D="DAV:" xmlns:W="urn:schemas-microsoft-com:">'
        f"<D:prop>{wanted}</D:prop></D:propfind>"
    )


def lock_info(scope: str = "exclusive", owner: str = "<D:owner>hans</D:owner>") -> str:
    return (
        f'<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:{scope}/></D:lockscope>'
        f"<D:locktype><D:write/></D:locktype>{owner}</D:lockinfo>"
    )


def seconds(reply: Reply) -> int:
    """Return the time-out that a LOCK was granted."""
    found = re.search(rb"Second-(\d+)", reply.body)
    assert found is not None
    return int(found[1])
