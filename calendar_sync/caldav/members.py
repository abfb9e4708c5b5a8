"""The members of a calendar collection: all of them, or those that changed (RFC 6578)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from calendar_sync.caldav import bodies
from calendar_sync.caldav.connection import FAILED, GONE, refusal
from calendar_sync.caldav.hrefs import as_collection, member
from calendar_sync.caldav.multistatus import Multistatus
from freebusy.errors import SourceUnavailableError

if TYPE_CHECKING:
    from calendar_sync.caldav.client import Client
    from calendar_sync.caldav.connection import Answer
    from calendar_sync.caldav.multistatus import Response

MAX_MEMBERS = 500_000
MAX_PARTS = 10_000
"""Answers into which a server may cut one report."""
_ASKED = (bodies.ETAG, bodies.LENGTH, bodies.TYPE)


@dataclass(frozen=True, slots=True)
class Member:
    """A resource in a calendar, before its body is known."""

    href: str
    """Below the collection."""
    etag: str
    size: int | None = None
    """Bytes, where the server says so."""


@dataclass(slots=True)
class Members:
    """Members that are there, and those that are not any more."""

    collection: str
    found: dict[str, Member] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    token: str = ""
    """The server's, of the last part."""
    truncated: bool = False
    """Whether there is more to be asked for with the token (RFC 6578 §3.6)."""

    @property
    def there(self) -> list[Member]:
        """Return the members that are there."""
        return list(self.found.values())

    def note(self, path: str, response: Response) -> None:
        """Take one response in; a later one of the same member wins."""
        if as_collection(path) == self.collection:
            self.truncated |= response.status == 507
            return
        href = member(path, self.collection)
        status = response.status
        if path.endswith("/") or (status is None and not _is_calendar_text(response)):
            return  # a collection, or something else beside the events
        if status in GONE:
            self.found.pop(href, None)
            self.gone.add(href)
            return
        if status is not None and status >= 400:
            raise SourceUnavailableError(f"the server cannot say what a calendar holds ({status})")
        self.gone.discard(href)
        self.found[href] = Member(href, response.text(bodies.ETAG) or "-", _size(response))
        if len(self.found) > MAX_MEMBERS:
            raise SourceUnavailableError(f"a calendar of more than {MAX_MEMBERS} resources")


def _size(response: Response) -> int | None:
    text = response.text(bodies.LENGTH)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _is_calendar_text(response: Response) -> bool:
    """Whether a resource may hold events, as far as its type says."""
    kind = response.text(bodies.TYPE).partition(";")[0].strip().lower()
    return kind in ("", "text/calendar", "application/octet-stream")


def listed(client: Client, collection: str) -> Members:
    """Return all members, by PROPFIND."""
    members = Members(collection)
    for path, response in client.members(collection, *_ASKED):
        members.note(path, response)
    return members


def synchronised(client: Client, collection: str, token: str) -> Members | None:
    """Return what changed since a server's token, all members where it is empty.

    None where the server does not take the token, or does not know the report.
    SourceError where it refuses the login or cannot answer.
    """
    members = Members(collection, token=token)
    for _ in range(MAX_PARTS):
        before = members.token
        if not _part(client, members):
            return None
        if not members.truncated:
            return members
        if members.token == before:
            break
    raise SourceUnavailableError("the server cuts its report off and does not go on")


def _part(client: Client, members: Members) -> bool:
    """Ask for one part; False where the server does not take the token or the report."""
    taken = True

    def read(answer: Answer) -> None:
        nonlocal taken
        taken = answer.status == 207
        if not taken:
            if answer.status in FAILED:
                raise refusal(client.origin, answer)
            return
        multistatus = Multistatus()
        for response in multistatus.responses(answer.pieces()):
            members.note(client.path(response.href, members.collection), response)
        members.token = multistatus.sync_token or ""

    members.truncated = False
    body = bodies.sync_collection(members.token, *_ASKED)
    client.report(members.collection, body, read, depth="0")
    if taken and not members.token:
        raise SourceUnavailableError("the server's report has no sync token")
    return taken
