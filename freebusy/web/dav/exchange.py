"""One DAV request on its way through the methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from freebusy.web.dav.refused import RefusedError, malformed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from freebusy.ports import Visitor


@dataclass(frozen=True, slots=True)
class Exchange:
    """What is asked, about what, by whom."""

    request: web.BaseRequest
    path: str
    """Decoded and absolute."""
    visitor: Visitor

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the request's header fields, their names in any case."""
        return self.request.headers

    async def body(self, limit: int) -> bytes:
        """Return the body; RefusedError (413) for more than ``limit`` octets."""
        declared = self.request.content_length
        if declared is not None and declared > limit:
            raise RefusedError(413, "The XML is larger than any client needs")
        pieces, length = [], 0
        try:
            async for piece in self.request.content.iter_any():
                pieces.append(piece)
                length += len(piece)
                if length > limit:
                    raise RefusedError(413, "The XML is larger than any client needs")
        except (web.RequestPayloadError, ConnectionError) as error:  # broken chunks, broken off
            raise malformed("The body is broken") from error
        return b"".join(pieces)
