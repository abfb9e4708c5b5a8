"""What is asked of a server in the terms of WebDAV: properties, members, reports, resources."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from calendar_sync.caldav import bodies
from calendar_sync.caldav.connection import Pool, Request, refusal
from calendar_sync.caldav.hrefs import as_collection, path_of
from calendar_sync.caldav.multistatus import Multistatus, Response
from freebusy.errors import CalendarMissingError, SourceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from calendar_sync.caldav.connection import Answer
    from calendar_sync.caldav.settings import Login, Origin


class Client:
    """One login at one server."""

    def __init__(self, pool: Pool, origin: Origin, login: Login) -> None:
        self._pool = pool
        self.origin = origin
        self.login = login

    def ask(self, request: Request) -> AbstractContextManager[Answer]:
        """Send a request and lend its answer, whatever its status."""
        return self._pool.ask(self.origin, self.login, request)

    @contextmanager
    def asked(self, request: Request) -> Iterator[Answer]:
        """Send a request and lend its answer; SourceError for any status but 2xx."""
        with self.ask(request) as answer:
            if not answer.ok:
                raise refusal(self.origin, answer)
            yield answer

    def path(self, href: str, base: str) -> str:
        """Return the path that an href in an answer from ``base`` names."""
        return path_of(href, self.origin.host, base)

    def properties(self, path: str, *names: str) -> tuple[str, Response]:
        """Return the path at which a resource really is, and its properties.

        CalendarMissingError where there is none.
        """
        request = Request("PROPFIND", path, bodies.propfind(*names), (("Depth", "0"),))
        with self.asked(request) as answer:
            for response in Multistatus().responses(answer.pieces()):
                if response.status is not None and response.status >= 400:
                    break
                return self.path(response.href, answer.path), response
        raise CalendarMissingError(f"{self.origin.endpoint} has no calendar there")

    def members(self, path: str, *names: str) -> Iterator[tuple[str, Response]]:
        """Yield a collection and its members: the path of each and its properties."""
        request = Request("PROPFIND", path, bodies.propfind(*names), (("Depth", "1"),))
        with self.asked(request) as answer:
            if answer.status != 207:
                raise SourceUnavailableError(f"{self.origin.endpoint} is no WebDAV server")
            base = as_collection(answer.path)
            for response in Multistatus().responses(answer.pieces()):
                yield self.path(response.href, base), response

    def report(
        self, path: str, body: bytes, read: Callable[[Answer], None], *, depth: str | None = None
    ) -> None:
        """Send a REPORT and let ``read`` have its answer, whatever its status."""
        headers = () if depth is None else (("Depth", depth),)
        with self.ask(Request("REPORT", path, body, headers)) as answer:
            read(answer)
