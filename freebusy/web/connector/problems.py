"""Problems: every answer that is none, as JSON (RFC 9457).

``type`` is ``about:blank``, so that ``title`` is the status's own phrase (§4.2.1), and
``detail`` says what to do.  No text of a request and no text of a library is in any of them.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal, cast

from aiohttp import hdrs, web

from freebusy.connector.bodies import Problem
from freebusy.errors import (
    BadFolderError,
    BadUserError,
    CalendarMissingError,
    FolderError,
    FolderExistsError,
    FolderFilledError,
    NoFolderError,
    NoPublicationError,
    NotAllowedError,
    NotFreeBusyError,
    NotPermittedError,
    RightsKeptError,
    SourceError,
    SourceUnavailableError,
    StoreError,
    TooLargeError,
    UnreachableError,
)
from freebusy.web.credentials import CHALLENGE
from freebusy.web.replies import SERVER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from freebusy.errors import FreeBusyError

_LOG = logging.getLogger(__name__)

Step = Literal["name", "connection", "tls", "login"]

PROBLEM = "application/problem+json"
JSON = "application/json"

HEADERS = {
    hdrs.CACHE_CONTROL: "no-store",
    hdrs.SERVER: SERVER,
    "X-Content-Type-Options": "nosniff",
}
"""Of every answer: it is one person's, and nothing is to keep it (RFC 9111 §5.2.2.5)."""

LOG_IN = (
    "Login and password are missing or not right: log in with your mail account, or with an app"
    " password of scope connector."
)
_AGAIN = "30"


class ProblemError(Exception):
    """A request that is answered with a problem."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[str] = (),
        step: Step | None = None,
        rights: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status)
        self.problem = Problem(
            title=HTTPStatus(status).phrase,
            status=status,
            detail=detail,
            errors=list(errors) or None,
            step=step,
            rights=rights,
        )
        self.headers = dict(headers or {})

    def response(self) -> web.Response:
        """Return the answer."""
        return web.Response(
            status=self.problem.status,
            body=self.problem.model_dump_json(exclude_none=True).encode(),
            headers=HEADERS | {hdrs.CONTENT_TYPE: PROBLEM} | self.headers,
        )


def unauthorized(*, step: Step | None = None) -> ProblemError:
    """Return the demand for a login (RFC 9110 §15.5.2), the same for every reason."""
    return ProblemError(401, LOG_IN, step=step, headers={hdrs.WWW_AUTHENTICATE: CHALLENGE})


def busy(detail: str) -> ProblemError:
    """Return the advice to come again a little later (RFC 9110 §15.6.4)."""
    return ProblemError(503, detail, headers={hdrs.RETRY_AFTER: "5"})


_DETAILS = {
    400: "The request is not well-formed: send one whole JSON body without Content-Range.",
    408: "The body took too long to arrive: send less at a time.",
    413: "The body is larger than is accepted: send less at a time.",
    415: "Send application/json in UTF-8, without a Content-Encoding.",
}
"""What is said here instead of a line that speaks of files."""


def from_refusal(refusal: web.StreamResponse) -> web.Response:
    """Return a plain answer of the other rooms as a problem, with its fields."""
    text = refusal.text if isinstance(refusal, web.Response) else None
    detail = _DETAILS.get(refusal.status) or _sentence(text or "")
    kept = (hdrs.WWW_AUTHENTICATE, hdrs.RETRY_AFTER, hdrs.ALLOW)
    headers = {str(name): refusal.headers[name] for name in kept if name in refusal.headers}
    response = ProblemError(refusal.status, detail, headers=headers).response()
    if refusal.keep_alive is False:
        response.force_close()
    return response


# -- errors of the ports

_ADVICE: dict[type[FreeBusyError], tuple[int, str]] = {
    NoFolderError: (404, "ask GET /folders for the folders that you see"),
    NotPermittedError: (403, "ask somebody who administers the folder"),
    FolderExistsError: (409, "choose another name"),
    FolderFilledError: (409, "ask again with even_if_filled=true to delete what is in it, too"),
    RightsKeptError: (409, ""),
    BadFolderError: (422, "choose another name or place"),
    BadUserError: (422, ""),
    FolderError: (409, ""),
    NotAllowedError: (403, ""),
    NotFreeBusyError: (422, ""),
    TooLargeError: (413, "publish a shorter time or fewer periods"),
    NoPublicationError: (404, "there is nothing to take away"),
}
"""Error -> status, and what to do; the error's own sentence comes before it."""

_STEPS = {
    "name": "The name of the mail server is not known: ask the operator of this service.",
    "connection": "Nobody answers at the mail server: try again later.",
    "tls": "No safe connection to the mail server comes about: ask the operator of this service.",
    "login": "The mail server does not take the login that this service used for you.",
}


def from_error(error: FreeBusyError) -> ProblemError:
    """Return what an error is to the client; raises one that is none of the client's."""
    for kind, (status, advice) in _ADVICE.items():
        if isinstance(error, kind):
            text = ": ".join(part for part in (getattr(error, "reason", ""), advice) if part)
            return ProblemError(
                status, _sentence(text), rights=getattr(error, "rights", None), headers={}
            )
    if isinstance(error, StoreError):
        return _of_store(error)
    if isinstance(error, SourceError):
        return _of_source(error)
    raise error


def _of_store(error: StoreError) -> ProblemError:
    _LOG.error("connector event=store_failed error=%s", error)
    if error.is_full:
        return ProblemError(507, "No room is left: ask the operator of this service.")
    return ProblemError(503, "Not possible just now: try again.", headers=_later())


def _of_source(error: SourceError) -> ProblemError:
    """Return what is wrong with the mail server; its own words are for the log alone."""
    _LOG.warning("connector event=source_failed error=%s", error)
    if isinstance(error, UnreachableError) and error.step in _STEPS:
        step = cast("Step", error.step)
        return ProblemError(502, _STEPS[step], step=step)
    if isinstance(error, SourceUnavailableError):
        return ProblemError(503, "The mail server is not available: try again.", headers=_later())
    if isinstance(error, CalendarMissingError):
        return ProblemError(404, "The folder is not there at the moment: ask GET /folders.")
    return ProblemError(
        502, "The mail server refuses this: ask GET /ping, or the operator of this service."
    )


def _later() -> dict[str, str]:
    return {hdrs.RETRY_AFTER: _AGAIN}


def _sentence(text: str) -> str:
    """Return a reason, which begins in lower case for the log, as a sentence."""
    line = " ".join(text.split())
    line = line[:1].upper() + line[1:]
    return line if line.endswith((".", "!", "?")) or not line else f"{line}."
