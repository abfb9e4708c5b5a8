"""A CalDAV server that says what it is told: for what real servers seldom or never say."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOME = "/dav/hans/"
WORK = "/dav/hans/work/"
NAMESPACES = (
    'xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:S="http://calendarserver.org/ns/"'
)


@dataclass(slots=True)
class Reply:
    """One answer."""

    status: int = 207
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    announced: int | None = None
    """Content-Length, where it is to be another than the body's; the connection then ends."""


@dataclass(slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


def multistatus(*responses: str, token: str | None = None) -> Reply:
    """Return a multistatus of some responses."""
    end = "" if token is None else f"<sync-token>{token}</sync-token>"
    text = f"<multistatus {NAMESPACES}>{''.join(responses)}{end}</multistatus>"
    return Reply(207, text.encode())


def response(href: str, *, status: int | None = None, **properties: str) -> str:
    """Return one response; properties by their local names, with ``C_`` or ``S_`` before them."""
    if status is not None:
        return f"<response><href>{href}</href><status>HTTP/1.1 {status} X</status></response>"
    inside = "".join(_property(name, value) for name, value in properties.items())
    found = f"<propstat><prop>{inside}</prop><status>HTTP/1.1 200 OK</status></propstat>"
    return f"<response><href>{href}</href>{found}</response>"


def _property(name: str, value: str) -> str:
    tag = name.replace("__", "-").replace("_", ":", 1) if name[1] == "_" else name
    tag = tag.replace("_", "-")
    return f"<{tag}>{value}</{tag}>"


CALENDAR = "<collection/><C:calendar/>"
SYNC = "<supported-report><report><sync-collection/></report></supported-report>"


def work(token: str = "t1", path: str = WORK) -> Reply:
    """Return what PROPFIND says of a calendar that has sync-collection."""
    return multistatus(
        response(path, resourcetype=CALENDAR, sync_token=token, supported_report_set=SYNC)
    )


class Script:
    """Answers by a table of ``METHOD PATH`` and keeps what it was asked."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply | Callable[[Asked], Reply]] = {}
        self.asked: list[Asked] = []
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # head and body in one piece, or each waits for an ACK

            def log_message(self, *_: object) -> None:
                pass

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                asked = Asked(self.command, self.path, dict(self.headers), body)
                script.asked.append(asked)
                reply = script.reply(asked)
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                length = len(reply.body) if reply.announced is None else reply.announced
                self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(reply.body)
                if reply.announced is not None:
                    self.close_connection = True

            do_GET = do_PROPFIND = do_REPORT = answer  # noqa: N815 - the names of the standard library

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def reply(self, asked: Asked) -> Reply:
        known = self.replies.get(f"{asked.method} {asked.path}", Reply(404))
        return known if isinstance(known, Reply) else known(asked)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{HOME}"

    def methods(self) -> list[str]:
        """Return what was asked, without bodies."""
        return [f"{asked.method} {asked.path}" for asked in self.asked]

    @contextmanager
    def running(self) -> Iterator[Script]:
        """Serve for the length of the block."""
        self._thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
