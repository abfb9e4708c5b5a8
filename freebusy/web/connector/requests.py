"""What a request asks for: its endpoint, and its query or body by the endpoint's model."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote_to_bytes

from aiohttp import hdrs

from freebusy.web.body import UploadRoom, check_framing, read_body
from freebusy.web.connector.jsonbody import read_json, read_values
from freebusy.web.connector.problems import JSON, ProblemError
from freebusy.web.connector.queries import LISTS
from freebusy.web.connector.table import ENDPOINTS
from freebusy.web.threads import in_crew

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from aiohttp import web

    from freebusy.connector.parts import ConnectorLimits
    from freebusy.crew import Crew
    from freebusy.web.body import Share
    from freebusy.web.connection import Connection
    from freebusy.web.connector.endpoint import Endpoint
    from freebusy.web.settings import HttpSettings

MAX_FIELDS = 1100
"""Parts of a query."""

Found = tuple["Endpoint", "Mapping[str, str]"]


# -- the path


def find(method: str, path: str) -> Found:
    """Return the endpoint, and what stands in the path; ProblemError 404 or 405 else.

    ``path`` is below the prefix and as it was sent.
    """
    segments = tuple(path.removeprefix("/").split("/"))
    there = [each for each in ENDPOINTS if _matches(each.segments, segments)]
    wanted = "GET" if method == "HEAD" else method
    for endpoint in there:
        if endpoint.method == wanted:
            return endpoint, _arguments(endpoint, segments)
    if there:
        allowed = ", ".join(sorted({each.method for each in there}))
        raise ProblemError(405, f"Use {allowed} here.", headers={hdrs.ALLOW: allowed})
    raise ProblemError(404, "There is no such path: see /connector/v1/ for those that are there.")


def template(path: str) -> str | None:
    """Return the template of a path as :func:`find` takes it; None where there is none."""
    segments = tuple(path.removeprefix("/").split("/"))
    return next((each.path for each in ENDPOINTS if _matches(each.segments, segments)), None)


def _matches(template: tuple[str, ...], segments: tuple[str, ...]) -> bool:
    return len(template) == len(segments) and all(
        bool(part) if wanted[:1] == "{" else part == wanted
        for wanted, part in zip(template, segments, strict=True)
    )


def _arguments(endpoint: Endpoint, segments: tuple[str, ...]) -> dict[str, str]:
    try:
        return {
            name[1:-1]: unquote_to_bytes(part.encode("utf-8", "surrogateescape")).decode()
            for name, part in zip(endpoint.segments, segments, strict=True)
            if name[:1] == "{"
        }
    except UnicodeError:
        raise ProblemError(404, "The path is not in UTF-8.") from None


# -- the query and the body


class Requests:
    """Reads requests within the limits."""

    def __init__(
        self,
        limits: Callable[[], ConnectorLimits],
        max_upload: int,
        settings: HttpSettings,
        crew: Crew,
    ) -> None:
        """JSON is read in the crew's threads: a large body takes its time.

        ``limits`` is asked for each request: a reload changes what it says.
        """
        self._limits = limits
        self._max_upload = max_upload
        self._seconds = settings.upload_timeout
        self._room = UploadRoom(settings.upload_memory)
        self._crew = crew

    @asynccontextmanager
    async def read(
        self, request: web.BaseRequest, endpoint: Endpoint, connection: Connection
    ) -> AsyncIterator[Any]:
        """Give the body or the query by its model, None where the endpoint has neither.

        The memory that a body takes is counted until the end of the block.
        """
        values = _query(request.raw_path)
        with self._room.share() as share:
            if endpoint.query is not None:
                yield read_values(values, endpoint.query)
            elif values:
                raise ProblemError(422, "There is no query here.", errors=["query: not expected"])
            elif endpoint.body is None:
                yield None
            else:
                yield await self._body(request, endpoint, connection, share)

    async def _body(
        self, request: web.BaseRequest, endpoint: Endpoint, connection: Connection, share: Share
    ) -> Any:
        as_it_is = _media(request, endpoint.also) != JSON
        limit = self._max_upload if as_it_is else self._limits().max_body
        check_framing(request, limit)
        body = await read_body(request, connection, share, limit=limit, seconds=self._seconds)
        model = endpoint.body
        if as_it_is or model is None:
            return body
        return await in_crew(self._crew, lambda: read_json(body, model))


def _media(request: web.BaseRequest, also: str | None) -> str:
    """Return the media type of a body; ProblemError 415 for what is not taken here."""
    media, _, rest = request.headers.get(hdrs.CONTENT_TYPE, "").partition(";")
    media = media.strip().lower()
    charset = next(
        (part.partition("=")[2] for part in map(str.strip, rest.lower().split(";"))
         if part.startswith("charset=")), "utf-8",
    )  # fmt: skip
    if media not in {JSON, also} or (media == JSON and charset.strip('"') != "utf-8"):
        taken = JSON if also is None else f"{JSON} or {also}"
        raise ProblemError(415, f"Send {taken} in UTF-8.")
    return media


def _query(target: str) -> dict[str, object]:
    """Return the query's values; ProblemError 400 where it cannot be read."""
    query = target.partition("?")[2].partition("#")[0]
    if not query:
        return {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise ProblemError(400, "The query is not in UTF-8, or has too many parts.") from None
    found: dict[str, object] = {}
    for name, value in pairs:
        before = found.get(name)
        if name in LISTS:
            found[name] = [*before, value] if isinstance(before, list) else [value]
        elif before is not None:
            raise ProblemError(422, "Say each thing once.", errors=["query: a name comes twice"])
        else:
            found[name] = value
    return found
