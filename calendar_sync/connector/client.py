"""The connector's API (docs/connectors.md) from Python.

::

    with ConnectorClient("https://freebusy.example.com", "hans@example.com", password) as client:
        for folder in client.folders().folders:
            print(folder.path, folder.mode, folder.items)

Requests and answers are the models of :mod:`freebusy.connector.bodies`.  All methods block;
a client may be used from several threads, which then wait for one another.  Each raises

- :class:`ApiError` for what the service refuses: ``error.problem`` is its answer,
- :class:`ConnectorDownError` where nobody answers or the connection breaks off,
- :class:`UnexpectedAnswerError` where what answers is not this API,
- :class:`UnsendableError` for a value that no request can carry.

One connection is kept.  Where the service closed it while it was idle, that is seen before
a request is sent, and a new one is opened.  Where it closes at the very moment of sending,
nobody knows whether the request arrived: then reading (GET, and look-ups by POST) and
setting (PUT) are asked once more, because twice is as once, and so are changes of items,
because their ``change`` ids tell the service which of them it has made already.  Anything
else raises ConnectorDownError, and it is for the caller to look before trying again.
"""

from __future__ import annotations

import base64
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, urlencode

from pydantic import BaseModel, ValidationError

from calendar_sync.connector.errors import (
    ApiError,
    ConnectorDownError,
    LineStep,
    UnexpectedAnswerError,
    UnsendableError,
)
from calendar_sync.connector.line import Line, Reply, service_at, tls_context
from freebusy.connector.bodies import (
    Acl,
    Change,
    ChangeList,
    Changes,
    Entry,
    Folder,
    FolderChange,
    Folders,
    FreeBusyUpload,
    Grant,
    Job,
    NewFolder,
    People,
    Person,
    Ping,
    Problem,
    PublishedBody,
    Query,
    Results,
    Settings,
    SettingsChange,
    Sync,
)
from freebusy.errors import ConfigurationError
from freebusy.wording import safe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike
    from types import TracebackType
    from typing import Self

__all__ = [
    "ApiError",
    "ConnectorClient",
    "ConnectorDownError",
    "UnexpectedAnswerError",
    "UnsendableError",
]

MAX_ANSWER = 64 << 20
"""Octets of one answer."""
_Answer = TypeVar("_Answer", bound=BaseModel)
_JSON = "application/json"
_PROBLEM = "application/problem+json"
_ADVICE = {
    401: "the login was refused: check login and password",
    403: "this login may not do that",
    404: "there is no connector's API at this address: check url",
    407: "a proxy in between wants a login of its own",
    413: "the request is too large: send less at a time",
    429: "too many requests: try again later",
    502: "the gateway behind the proxy does not answer: try again later",
    503: "the service cannot answer now: try again later",
    504: "the gateway behind the proxy does not answer: try again later",
}
"""For answers that are not the API's own, of a proxy in between."""


class ConnectorClient:
    """One person's login at the connector's API.

    ``timeout`` is in seconds, for connecting and for each silence; a whole answer may take
    ten of them.  ``ca_file`` names certificates (PEM) to trust in place of the system's.
    ``max_answer`` is in octets.  ``language`` says how "everyone" is called, as in
    ``Accept-Language`` (RFC 9110 §12.5.4): ``de``, ``fr-CH, en``.  Raises
    ConfigurationError for a URL, a login or a file that cannot be used: plain HTTP goes to
    this machine only.
    """

    def __init__(
        self,
        url: str,
        login: str,
        password: str,
        *,
        ca_file: str | PathLike[str] | None = None,
        timeout: float = 30.0,
        max_answer: int = MAX_ANSWER,
        language: str = "",
    ) -> None:
        self._service = service_at(url)
        self._headers = _headers(login, password, language)
        trusted = None if ca_file is None else str(ca_file)
        self._line = Line(
            self._service,
            tls_context(trusted) if self._service.secure else None,
            timeout=timeout,
            max_answer=max_answer,
        )
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next request opens one again."""
        with self._lock:
            self._line.close()

    @property
    def endpoint(self) -> str:
        """Host and port of the service, for messages to people."""
        return self._service.endpoint

    @property
    def steps(self) -> Mapping[LineStep, float]:
        """Milliseconds that each step of the way to the service took: name, connection, tls."""
        return dict(self._line.steps)

    # -- the mail server

    def ping(self) -> Ping:
        """Have the service reach its mail server and log in; ApiError says what failed."""
        return self._read("/ping", Ping)

    # -- folders

    def folders(self) -> Folders:
        """Return all calendar folders that the person sees."""
        return self._read("/folders", Folders)

    def folder(self, folder: str) -> Folder:
        """Return one folder by its id."""
        return self._read(f"/folders/{_segment(folder)}", Folder)

    def create_folder(self, new: NewFolder) -> Folder:
        """Make a calendar folder."""
        return self._ask("POST", "/folders", Folder, new)

    def change_folder(self, folder: str, change: FolderChange) -> Folder:
        """Rename or move a folder or set its mode; its id is another one where it moved."""
        return self._ask("PATCH", f"/folders/{_segment(folder)}", Folder, change)

    def delete_folder(self, folder: str, *, even_if_filled: bool = False) -> None:
        """Delete a folder; ApiError with status 409 where it holds items."""
        query = "?even_if_filled=true" if even_if_filled else ""
        self._send("DELETE", f"/folders/{_segment(folder)}{query}")

    # -- settings and sync

    def settings(self) -> Settings:
        """Return what holds for all folders."""
        return self._read("/settings", Settings)

    def change_settings(self, change: SettingsChange) -> Settings:
        """Set what holds for all folders."""
        return self._ask("PATCH", "/settings", Settings, change)

    def sync(self, sync: Sync) -> Job:
        """Say what happened at the client; have the calendars read that this concerns."""
        return self._ask("POST", "/sync", Job, sync)

    def job(self, job: str) -> Job:
        """Return how far a reading is."""
        return self._read(f"/sync/{_segment(job)}", Job)

    # -- items

    def changes(
        self, folder_id: str, since: str | None = None, *, limit: int | None = None
    ) -> Changes:
        """Return a page of what changed since a token; without one, all items."""
        asked = {"since": since, "limit": None if limit is None else str(limit)}
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        return self._read(
            f"/folders/{_segment(folder_id)}/changes{'?' if query else ''}{query}", Changes
        )

    def write(self, folder_id: str, changes: Sequence[Change]) -> Results:
        """Do changes in their order; return one result for each.

        Where the connection closes at the moment of sending they are sent once more, if each
        put has a ``change`` id; a delete that was done then is a conflict with nothing there.
        """
        path = f"/folders/{_segment(folder_id)}/changes"
        repeatable = all(change.change or change.action == "delete" for change in changes)
        try:
            body = ChangeList(changes=list(changes))
        except ValidationError as error:
            raise _unsendable(error) from None
        results = self._ask("POST", path, Results, body, repeatable=repeatable)
        if len(results.results) != len(changes):
            raise self._unexpected("it has not one result for each change")
        return results

    # -- access control

    def acl(self, folder_id: str) -> Acl:
        """Return who has which rights in a folder."""
        return self._read(f"/folders/{_segment(folder_id)}/acl", Acl)

    def grant(self, folder_id: str, user: str, grant: Grant) -> Entry:
        """Give a user rights; return those really in force afterwards."""
        return self._ask("PUT", _acl_path(folder_id, user), Entry, grant, repeatable=True)

    def revoke(self, folder_id: str, user: str, *, force: bool = False) -> Entry:
        """Take a user out of a folder's list; return the rights in force afterwards."""
        query = "?force=true" if force else ""
        return self._ask("DELETE", _acl_path(folder_id, user) + query, Entry)

    # -- free/busy

    def publish(self, name: str, body: bytes | FreeBusyUpload) -> PublishedBody:
        """Publish a .vfb file, or periods, for a person."""
        path = f"/freebusy/{_segment(name)}"
        if isinstance(body, FreeBusyUpload):
            return self._ask("PUT", path, PublishedBody, body, repeatable=True)
        media = "text/calendar; charset=utf-8"
        reply = self._send("PUT", path, body, media=media, repeatable=True)
        return self._parsed(reply, PublishedBody)

    def unpublish(self, name: str) -> None:
        """Remove what this login published for a person."""
        self._send("DELETE", f"/freebusy/{_segment(name)}")

    def person(self, name: str) -> Person:
        """Return what is known of one person's times."""
        return self._read(f"/freebusy/{_segment(name)}", Person)

    def look_up(self, query: Query) -> People:
        """Return what is known of many people's times."""
        return self._ask("POST", "/freebusy", People, query, repeatable=True)

    # -- requests

    def _read(self, path: str, model: type[_Answer]) -> _Answer:
        return self._parsed(self._send("GET", path, repeatable=True), model)

    def _ask(
        self,
        method: str,
        path: str,
        model: type[_Answer],
        body: BaseModel | None = None,
        *,
        repeatable: bool = False,
    ) -> _Answer:
        sent = None
        if body is not None:
            # what was never set is left out: null means something of its own in a change
            sent = body.model_dump_json(exclude_unset=True).encode()
        return self._parsed(self._send(method, path, sent, repeatable=repeatable), model)

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        media: str = _JSON,
        repeatable: bool = False,
    ) -> Reply:
        headers = self._headers | ({} if body is None else {"Content-Type": media})
        with self._lock:
            reply = self._line.exchange(method, path, body, headers, repeatable=repeatable)
        if 300 <= reply.status < 400:
            raise self._unexpected("it redirects, which is never followed; check url")
        if reply.status >= 400:
            raise self._refusal(reply)
        return reply

    def _parsed(self, reply: Reply, model: type[_Answer]) -> _Answer:
        if reply.media != _JSON:
            raise self._unexpected(f"it is {safe(reply.media, 60)} and not JSON; check url")
        try:
            return model.model_validate_json(reply.body)
        except ValidationError as error:
            place, kind = _first_problem(error)
            raise self._unexpected(f"{place}: {kind}; is the gateway of another version?") from None

    def _refusal(self, reply: Reply) -> ApiError:
        after = reply.headers.get("Retry-After", "")
        retry_after = float(after) if after.isascii() and after.isdecimal() else None
        return ApiError(self._problem(reply), retry_after=retry_after)

    def _problem(self, reply: Reply) -> Problem:
        if reply.media == _PROBLEM:
            try:
                return Problem.model_validate_json(reply.body)
            except ValidationError:
                pass  # then it is as good as a proxy's page
        said = _ADVICE.get(reply.status, "it cannot be used as it is")
        return Problem(
            title=_phrase(reply.status),
            status=reply.status,
            detail=f"{self.endpoint} answered {reply.status}: {said}",
        )

    def _unexpected(self, why: str) -> UnexpectedAnswerError:
        return UnexpectedAnswerError(f"the answer of {self.endpoint} cannot be used: {why}")


def _headers(login: str, password: str, language: str) -> dict[str, str]:
    """Return what every request carries (RFC 7617, in UTF-8)."""
    if not login or ":" in login or not login.isprintable():
        raise ConfigurationError(["login: must be there, without colon or control characters"])
    if not password or not password.isprintable():
        raise ConfigurationError(["password: must be there, without control characters"])
    secret = base64.b64encode(f"{login}:{password}".encode()).decode("ascii")
    if not (language.isascii() and language.isprintable()):
        raise ConfigurationError(["language: must be like de, or fr-CH, en"])
    return {
        "Authorization": f"Basic {secret}",
        "User-Agent": "freebusy-connector",
        "Accept": f"{_JSON}, {_PROBLEM}",
        "Accept-Encoding": "identity",
    } | ({"Accept-Language": language} if language else {})


def _segment(text: str) -> str:
    """Percent-encode one segment of a path; UnsendableError where it cannot be one."""
    if not text.strip(".") or not text.isprintable():
        raise UnsendableError(f"{safe(text, 60)!r} is no name that a request can carry")
    return quote(text, safe="@")


def _acl_path(folder_id: str, user: str) -> str:
    return f"/folders/{_segment(folder_id)}/acl/{_segment(user)}"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown status"


def _first_problem(error: ValidationError) -> tuple[str, str]:
    """Return where and what the first problem is; no value is quoted."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return ".".join(map(str, first["loc"])) or "all of it", safe(first["type"], 60)


def _unsendable(error: ValidationError) -> UnsendableError:
    place, kind = _first_problem(error)
    return UnsendableError(f"these changes cannot be sent: {place}: {kind}")
