"""A DAV request that is not done, and the answer to it (RFC 4918 §11, §16)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freebusy.errors import FreeBusyError
from freebusy.web import replies
from freebusy.web.dav.multistatus import xml_answer

if TYPE_CHECKING:
    from aiohttp import web


class RefusedError(FreeBusyError):
    """A refusal with its status; ``reason`` is one line that quotes nothing of the request.

    ``condition`` is the content of DAV:error where RFC 4918 §16 names a code for the case.
    """

    def __init__(self, status: int, reason: str, condition: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.condition = condition

    def response(self) -> web.Response:
        """Return the answer."""
        if self.condition:
            return xml_answer(self.status, f'<D:error xmlns:D="DAV:">{self.condition}</D:error>')
        response = replies.plain(self.status, self.reason)
        if self.status == 503:
            response.headers["Retry-After"] = "60"
        return response


def malformed(reason: str) -> RefusedError:
    """Return the refusal of a request that breaks the grammar."""
    return RefusedError(400, reason)
