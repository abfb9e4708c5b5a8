"""GET and HEAD of a published file: the path that every client polls.

Everything that does not change with the request is made once per version of a
file.  Measured: middlewares, a path router and the stock access log each cost more
than all that is done here.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import hdrs

from freebusy.period import from_seconds
from freebusy.web.conditional import http_date, none_match, not_modified_since
from freebusy.web.prepared import PreparedResponse, head_lines
from freebusy.web.replies import NO_CACHE, PRIVATE, SERVER

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from aiohttp import web

    from freebusy.ports import FreeBusyFiles, PublishedFile, Visitor

MEDIA_TYPE = "text/calendar; charset=utf-8"

AS_OF = "X-Freebusy-As-Of"
"""The time up to which a stale file knows its calendars; ISO 8601, UTC."""
AGE = "X-Freebusy-Age"
"""Seconds from then to now.  Not ``Age``, which counts from the last validation by a
cache (RFC 9111 §5.1): the file is fresh as a file, only its source is not."""

_MAX_HEADS = 10_000


@dataclass(frozen=True, slots=True)
class _Head:
    """The headers of one version of a file, as they go over the wire."""

    etag: str
    modified: datetime
    lines: bytes
    unmodified: bytes
    """Of a 304: what may have changed beside the body (RFC 9110 §15.4.5)."""

    def describes(self, file: PublishedFile) -> bool:
        return self.etag == file.etag and self.modified == file.modified


class PublishedFiles:
    """Answers with published files."""

    def __init__(
        self,
        files: FreeBusyFiles,
        now: Callable[[], float] = time.time,
        *,
        is_private: bool = False,
    ) -> None:
        self._find = files.find
        self._now = now
        self._caching: dict[str, str] = PRIVATE if is_private else {hdrs.CACHE_CONTROL: NO_CACHE}
        self._heads: dict[str, _Head] = {}

    def answer(
        self, request: web.BaseRequest, path: str, visitor: Visitor
    ) -> PreparedResponse | None:
        """Return the file at a decoded path, or that the client's copy is still good."""
        file = self._find(path, visitor)
        if file is None:
            return None
        head = self._heads.get(file.name)
        if head is None or not head.describes(file):
            head = self._remember(file)
        return self._response(request, file, head)

    def answer_with(self, request: web.BaseRequest, file: PublishedFile) -> PreparedResponse:
        """Return a file that is not among those everybody polls."""
        return self._response(request, file, self._head(file, file.modified))

    def _response(
        self, request: web.BaseRequest, file: PublishedFile, head: _Head
    ) -> PreparedResponse:
        age = b"" if file.as_of is None else self._age(file.as_of)
        if _is_unmodified(request, file):
            return PreparedResponse(HTTPStatus.NOT_MODIFIED, head.unmodified + age)
        return PreparedResponse(HTTPStatus.OK, head.lines + age, file.body)

    def _age(self, as_of: datetime) -> bytes:
        """Say how old a stale file is, at this moment."""
        return head_lines({AGE: str(max(0, int(self._now() - as_of.timestamp())))})

    def _remember(self, file: PublishedFile) -> _Head:
        now = from_seconds(int(self._now()))
        head = self._head(file, min(file.modified, now))
        if file.modified > now:
            return head  # Last-Modified is never in the future (RFC 9110 §8.8.2.1)
        if len(self._heads) >= _MAX_HEADS:
            self._heads.clear()
        self._heads[file.name] = head
        return head

    def _head(self, file: PublishedFile, modified: datetime) -> _Head:
        shared: dict[str, str] = {
            "ETag": file.etag,
            **self._caching,
            hdrs.SERVER: SERVER,
        }
        if file.as_of is not None:
            shared[AS_OF] = file.as_of.strftime("%Y-%m-%dT%H:%M:%SZ")
        own: dict[str, str] = {
            hdrs.CONTENT_TYPE: MEDIA_TYPE,
            hdrs.CONTENT_LENGTH: str(len(file.body)),
            hdrs.LAST_MODIFIED: http_date(modified),
            "X-Content-Type-Options": "nosniff",
        }
        return _Head(file.etag, file.modified, head_lines(own | shared), head_lines(shared))


def _is_unmodified(request: web.BaseRequest, file: PublishedFile) -> bool:
    """Weigh the preconditions in the order of RFC 9110 §13.2.2."""
    headers = request.headers
    if hdrs.IF_NONE_MATCH in headers:
        return none_match(", ".join(headers.getall(hdrs.IF_NONE_MATCH)), file.etag)
    if hdrs.IF_MODIFIED_SINCE in headers:
        return not_modified_since(headers[hdrs.IF_MODIFIED_SINCE], file.modified)
    return False
