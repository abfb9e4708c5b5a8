"""What an endpoint is: all that its answering, its description and its example are made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from freebusy.web.connector.call import Call, Reply

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

Work = Callable[["Call", Any], "Reply"]
"""Done in a thread.  Beside the call it gets the body, or the query, by its model."""
Question = Callable[["Call", Any], Awaitable[Callable[[], "Reply"]]]
"""The same in the event loop; what is found is made into a reply in a thread."""


@dataclass(frozen=True, slots=True)
class Success:
    """One status that says yes."""

    status: int
    body: type[BaseModel] | None
    meaning: str
    has_location: bool = False


@dataclass(frozen=True, slots=True)
class Example:
    """A request as it may be sent after those of the endpoints before, and its answer."""

    path: str
    """Below the prefix, with its query."""
    answer: Mapping[str, Any] | None
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method of one path."""

    method: Method
    path: str
    """Below the prefix; ``{id}`` is a folder's."""
    group: str
    summary: str
    description: str
    successes: tuple[Success, ...]
    example: Example
    work: Work | None = None
    question: Question | None = None
    """One of the two."""
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    also: str | None = None
    """Another media type in which the body may come; its octets are passed on."""
    problems: Mapping[int, str] = field(default_factory=dict)
    """Refusals of its own; those that every endpoint has are not here."""
    asks_mail: bool = True
    """Whether the mail server is asked."""

    @property
    def name(self) -> str:
        """Return a name for programs, such as ``change_folder``."""
        act = self.work or self.question
        return "" if act is None else act.__name__

    @property
    def segments(self) -> tuple[str, ...]:
        """Return the path's parts."""
        return tuple(self.path.strip("/").split("/"))

    def refusals(self) -> dict[int, str]:
        """Return every status that says no, with its meaning."""
        found = dict(COMMON)
        if self.body is not None:
            found |= WITH_BODY
        if self.query is not None:
            found |= {422: _UNREADABLE_QUERY}
        if self.asks_mail:
            found |= WITH_MAIL
        return dict(sorted((found | dict(self.problems)).items()))


COMMON = {
    400: "The request is no HTTP request that can be read.",
    401: "No login, or a wrong one.",
    403: "This login may not do this, the password came without TLS, or a web page of another"
    " site asks.",
    429: "Too many failed logins: `Retry-After` says when to come again.",
    500: "A fault of this service.",
    503: "Not possible just now: `Retry-After` says when to come again.",
    507: "No room is left.",
}
WITH_BODY = {
    408: "The body took too long to arrive.",
    413: "The body is too large.",
    415: "The body is not of a media type that is taken.",
    417: "Something else than 100-continue is expected.",
    422: "The body is not as described: `errors` names each fault.",
}
_UNREADABLE_QUERY = "The query is not as described: `errors` names each fault."
WITH_MAIL = {
    404: "There is no such folder, or none that you may see.",
    502: "The mail server refuses, or cannot be used: `step` says what failed, where it is known.",
}
