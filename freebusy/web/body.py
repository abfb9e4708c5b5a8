"""The body of an upload: whether it may come, and reading it within bounds.

RFC 9110 §8.3 (Content-Type), §8.4 (Content-Encoding), §10.1.1 (Expect), §14.5 (Content-Range).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING

from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11

from freebusy.web import replies
from freebusy.web.replies import RefusalError, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp.streams import StreamReader

    from freebusy.web.connection import Connection
    from freebusy.web.settings import HttpSettings

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_OTHER_MEDIA = re.compile(
    r"text/(?:html|css|javascript|xml|csv|rtf)|(?:image|audio|video|font|multipart|message)/.*"
    r"|application/(?:json|pdf|zip|gzip|xml|xhtml\+xml|javascript|msword|x-www-form-urlencoded"
    r"|vnd\.(?:openxml|oasis|ms-(?:excel|powerpoint)).*)",
    re.IGNORECASE,
)
"""What cannot hold a free/busy file.  Anything else is let in: old Office sends types of its
own or none, and the text itself is what counts."""

_SILENCE = 2.0
"""Seconds without a byte after which a client has given up on a refused body."""

_TOO_LARGE = "The file is larger than is accepted"


def check_head(request: web.BaseRequest, limit: int) -> None:
    """Raise RefusalError where the fields alone say that the upload is not taken."""
    if _OTHER_MEDIA.fullmatch(request.headers.get(hdrs.CONTENT_TYPE, "").partition(";")[0].strip()):
        raise RefusalError(plain(415, "Not a type of free/busy files: send text/calendar"))
    check_framing(request, limit)


def check_framing(request: web.BaseRequest, limit: int) -> None:
    """Raise RefusalError for a part, a coding, a length or an expectation that is not taken."""
    headers = request.headers
    if hdrs.CONTENT_RANGE in headers:
        raise RefusalError(plain(400, "A part of a file is not accepted"))
    if headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower() not in {"identity", ""}:
        raise RefusalError(plain(415, "Send the file without a Content-Encoding"))
    if (request.content_length or 0) > limit:
        raise RefusalError(plain(413, _TOO_LARGE))
    if _expects(request) not in {"", "100-continue"}:
        raise RefusalError(plain(417, "Only 100-continue can be expected"))


def expects_continue(request: web.BaseRequest) -> bool:
    """Whether the client waits for a word before it sends the body."""
    return _expects(request) == "100-continue"


def _expects(request: web.BaseRequest) -> str:
    """Return the expectation of a client that knows of any: one of HTTP/1.0 does not."""
    known = request.version >= HttpVersion11
    return request.headers.get(hdrs.EXPECT, "").strip().lower() if known else ""


def invite(request: web.BaseRequest, connection: Connection) -> None:
    """Tell a client that waits for it to send the body (RFC 9110 §10.1.1)."""
    if expects_continue(request) and not connection.is_invited:
        connection.is_invited = True
        if request.transport is not None:
            request.transport.write(CONTINUE)


class UploadRoom:
    """What all bodies under way may take of the memory together; used in the loop alone."""

    def __init__(self, octets: int) -> None:
        self._left = octets

    @contextlib.contextmanager
    def share(self) -> Iterator[Share]:
        """Give a share for one body; what it takes is free again after the block."""
        share = Share(self)
        try:
            yield share
        finally:
            self._left += share.octets

    def take(self, octets: int) -> None:
        """Take so many octets; RefusalError where there is no room for them now."""
        if octets > self._left:
            raise RefusalError(_closing(replies.crowded()))
        self._left -= octets


class Share:
    """One body's part of the room."""

    def __init__(self, room: UploadRoom) -> None:
        self._room = room
        self.octets = 0

    def grow(self, octets: int) -> None:
        """Take so many octets more; RefusalError where there is no room for them now."""
        self._room.take(octets)
        self.octets += octets


async def read_body(
    request: web.BaseRequest, connection: Connection, share: Share, *, limit: int, seconds: float
) -> bytes:
    """Return the whole body; RefusalError where it is too large, too slow or breaks off."""
    invite(request, connection)
    connection.await_body(request.content, seconds)
    try:
        async with asyncio.timeout(seconds):
            body = await _collect(request.content, share, limit)
    except TimeoutError:
        raise RefusalError(_closing(plain(408, "The file took too long to arrive"))) from None
    except (web.RequestPayloadError, ConnectionError):
        raise RefusalError(replies.bad_request()) from None
    if body is None:
        raise RefusalError(plain(413, _TOO_LARGE))
    return body


async def _collect(content: StreamReader, share: Share, limit: int) -> bytes | None:
    """Return what comes until the end, None once it is more than ``limit``."""
    parts: list[bytes] = []
    size = 0
    while part := await content.readany():
        size += len(part)
        if size > limit:
            return None
        share.grow(len(part))
        parts.append(part)
    return b"".join(parts)


def _closing(response: web.Response) -> web.Response:
    response.force_close()
    return response


async def send_early(
    request: web.BaseRequest,
    response: web.StreamResponse,
    connection: Connection,
    settings: HttpSettings,
) -> None:
    """Answer before the body is read, then read on, so that the client comes to the answer.

    A server that closes while the client still sends resets the connection, and many
    clients then lose the answer (RFC 9112 §9.6).
    """
    waits = expects_continue(request) and not connection.is_invited
    length = request.content_length
    if waits or length is None or length > settings.max_discard:
        response.force_close()
    await response.prepare(request)
    await response.write_eof()
    if not waits:
        connection.await_body(request.content, settings.upload_timeout)
        with contextlib.suppress(TimeoutError, web.RequestPayloadError, ConnectionError):
            async with asyncio.timeout(settings.upload_timeout):
                await _discard(request.content, settings.max_discard)
    if not request.content.is_eof():
        response.force_close()
        connection.end_reading()


async def _discard(content: StreamReader, most: int) -> None:
    while most > 0:
        async with asyncio.timeout(_SILENCE):
            part = await content.readany()
        if not part:
            return
        most -= len(part)
