"""An answer whose head is bytes already: one join, one write.

aiohttp builds, copies and serialises a multidict of headers for each answer, which is
a fifth of what serving a file costs.  Of a published file only the status line, Date
and Connection differ from one answer to the next.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.http import HttpVersion11

from freebusy.period import from_seconds
from freebusy.web.conditional import http_date

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http import HTTPStatus

    from aiohttp.abc import AbstractStreamWriter


def head_lines(headers: Mapping[str, str]) -> bytes:
    """Return headers as they go over the wire (RFC 9112 §5)."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("ascii")


class PreparedResponse(web.StreamResponse):
    """A whole answer: prepared header lines and a body, Date and Connection added."""

    def __init__(self, status: HTTPStatus, lines: bytes, body: bytes = b"") -> None:
        super().__init__(status=status, reason=status.phrase)
        self._lines = lines
        self._whole = body
        self._asked: web.BaseRequest | None = None

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        """Note what is answered; nothing is written yet.

        aiohttp asks once more for an answer that was sent before the request's end.
        """
        if self._keep_alive is None:
            self._keep_alive = request.keep_alive
        self._asked = request
        return request.writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Write the answer; HEAD gets the head of what GET would get (RFC 9110 §9.3.2)."""
        request = self._asked
        if self._eof_sent and not data:
            return
        if request is None or data:
            raise RuntimeError("a prepared answer is written once, whole")
        self._asked = None
        body = b"" if request.method == "HEAD" else self._whole
        status = f"HTTP/1.{request.version.minor} {self._status} {self._reason}\r\n".encode()
        end = self._connection(request)
        text = b"".join((status, self._lines, _date(), end, body))
        self._eof_sent = True
        self._body_length = len(text)
        await request.writer.write_eof(text)

    def _connection(self, request: web.BaseRequest) -> bytes:
        """Return the head's end: Connection where the version's default does not hold."""
        if request.version == HttpVersion11:
            return b"\r\n" if self._keep_alive else b"Connection: close\r\n\r\n"
        return b"Connection: keep-alive\r\n\r\n" if self._keep_alive else b"\r\n"


_now = (0, b"")


def _date() -> bytes:
    """Return the Date line of this second (RFC 9110 §6.6.1)."""
    global _now
    second = int(time.time())
    if _now[0] != second:
        _now = (second, head_lines({"Date": http_date(from_seconds(second))}))
    return _now[1]
