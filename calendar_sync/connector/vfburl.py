"""A .vfb file at a URL of its own, as connectors had them before there was an API.

``%NAME%`` in a template is the part of an address before the ``@``, ``%SERVER%`` the one
after it, both percent-encoded; as Outlook has it.  The password goes to nobody but the
server that it is for.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from calendar_sync.connector.errors import UnexpectedAnswerError, UnsendableError
from calendar_sync.connector.line import Line, Service, tls_context
from freebusy.errors import FreeBusyError
from freebusy.wording import safe

if TYPE_CHECKING:
    from calendar_sync.connector.account import ConnectorAccount
    from calendar_sync.connector.line import Reply

MAX_FILE = 16 << 20
"""Octets of a .vfb file."""
_PLACE = re.compile(r"%(NAME|SERVER)%", re.IGNORECASE)


class VfbFile:
    """The file of one person at the place that a template names."""

    def __init__(self, account: ConnectorAccount, template: str, name: str) -> None:
        """Raises UnsendableError for a name that no URL can hold."""
        parts = urlsplit(filled(template, name, urlsplit(account.setup.url).hostname or ""))
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        self._service = Service(secure, parts.hostname or "", port, "")
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = {"User-Agent": "freebusy-connector", "Accept-Encoding": "identity"}
        if self._service.place == account.setup.place:
            login = f"{account.setup.account.login}:{account.password}"
            self._headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
        server = account.setup.server
        context = tls_context(str(server.ca_file) if server.ca_file else None) if secure else None
        self._line = Line(self._service, context, timeout=server.timeout, max_answer=MAX_FILE)

    def get(self) -> bytes | None:
        """Return the file; None where nobody has it.  Raises FreeBusyError."""
        reply = self._ask("GET", None)
        if reply.status in (404, 410):
            return None
        return self._good(reply).body

    def put(self, body: bytes) -> None:
        """Replace the file.  Raises FreeBusyError."""
        self._good(self._ask("PUT", body))

    def _ask(self, method: str, body: bytes | None) -> Reply:
        headers = self._headers | ({} if body is None else {"Content-Type": "text/calendar"})
        try:
            return self._line.exchange(method, self._path, body, headers, repeatable=True)
        finally:
            self._line.close()

    def _good(self, reply: Reply) -> Reply:
        where = self._service.endpoint
        if 200 <= reply.status < 300:
            return reply
        if 300 <= reply.status < 400:
            raise UnexpectedAnswerError(f"{where} redirects, which is never followed")
        if reply.status in (401, 403):
            raise FreeBusyError(f"{where} does not allow this login to do that ({reply.status})")
        raise FreeBusyError(f"{where} cannot do that now ({reply.status})")


def filled(template: str, name: str, host: str) -> str:
    """Return a template with a person's name in it; ``host`` stands for a missing domain."""
    local, _, domain = name.partition("@")
    values = {"NAME": local, "SERVER": domain or host}
    for value in values.values():
        if not value.strip(".") or not value.isprintable():
            raise UnsendableError(f"{safe(name, 60)!r} is no name that a URL can hold")
    return _PLACE.sub(lambda place: quote(values[place[1].upper()], safe=""), template)
