"""What changed in a calendar since a token, and its resources, page by page.

With sync-collection the server tells what changed since its own token (RFC 6578).
Without it, and where the server does not take that token any more, all members are
listed and their entity tags compared with those in our token; CTag tells beforehand
whether anything changed.  A list that has no href in common with the token may be that
of another calendar in the place of the old one: it begins a new generation.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from calendar_sync.caldav import bodies
from calendar_sync.caldav.hrefs import as_collection
from calendar_sync.caldav.members import listed, synchronised
from calendar_sync.caldav.resources import items
from calendar_sync.objects import digest
from calendar_sync.pages import paged
from freebusy.ports import SyncPage, SyncToken

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from calendar_sync.caldav.client import Client
    from calendar_sync.caldav.members import Member, Members
    from calendar_sync.caldav.multistatus import Response
    from calendar_sync.caldav.settings import CaldavSettings

VERSION = 1
MAX_TOKEN = 4096
"""Characters of a server's token or CTag, and of an href."""

_STATE = (bodies.RESOURCETYPE, bodies.SYNC_TOKEN, bodies.CTAG, bodies.REPORTS)


@dataclass(frozen=True, slots=True)
class Token:
    """What a run leaves for the next one."""

    calendar: str
    """Which calendar it is of."""
    generation: str
    """Made anew by each fresh run."""
    sync: str | None
    """The server's own token (RFC 6578)."""
    ctag: str | None
    etags: Mapping[str, str]
    """href -> digest of the entity tag that was delivered."""

    def text(self) -> SyncToken:
        """Return the token as text."""
        values: dict[str, object] = {"v": VERSION, "calendar": self.calendar}
        values |= {"generation": self.generation, "sync": self.sync, "ctag": self.ctag}
        values |= {"etags": dict(self.etags)}
        return SyncToken(json.dumps(values, separators=(",", ":")))


def _line(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TOKEN or not value.isprintable():
        raise ValueError("not a line of text")
    return value


def _optional_line(value: object) -> str | None:
    return None if value is None else _line(value)


def parse_token(text: str | None, calendar: str) -> Token | None:
    """Read a token of this calendar; None for a text that is none of ours."""
    try:
        values = json.loads(text or "")
        if values["v"] != VERSION or values["calendar"] != calendar:
            return None
        return Token(
            calendar,
            _line(values["generation"]),
            _optional_line(values["sync"]),
            _optional_line(values["ctag"]),
            {_line(href): _line(tag) for href, tag in values["etags"].items()},
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def fingerprint(key: str) -> str:
    """Return what stands for a calendar in its tokens, without the names in its key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Changes:
    """What a run has to deliver, and the token that it leaves."""

    new: list[Member]
    gone: list[str]
    token: Token
    fresh: bool = False


class Run:
    """One run over one calendar."""

    def __init__(self, client: Client, path: str, key: str, settings: CaldavSettings) -> None:
        self._client = client
        self._path = as_collection(path)
        self._calendar = fingerprint(key)
        self._settings = settings

    def pages(self, text: SyncToken | None) -> Iterator[SyncPage]:
        """Yield the pages of the run."""
        changes = self._changes(parse_token(text, self._calendar))
        bodies_of = items(self._client, self._path, changes.new, self._settings.limits)
        for page, last in paged(bodies_of, self._settings.limits):
            yield SyncPage(
                generation=changes.token.generation,
                items=page,
                gone=changes.gone if last else (),
                fresh=changes.fresh,
                total=len(changes.new),
                token=changes.token.text() if last else None,
            )

    def _changes(self, token: Token | None) -> Changes:
        path, state = self._client.properties(self._path, *_STATE)
        self._path = as_collection(path)
        ctag = state.text(bodies.CTAG)[:MAX_TOKEN] or None
        if token is not None and _is_unchanged(token, state, ctag):
            return Changes([], [], token)
        members = None
        if self._settings.sync_collection and _knows_sync(state):
            if token is not None and token.sync is not None:
                members = synchronised(self._client, self._path, token.sync)
                if members is not None:
                    return self._since(token, members, ctag)
            members = synchronised(self._client, self._path, "")
        return self._compared(token, members or listed(self._client, self._path), ctag)

    def _since(self, token: Token, members: Members, ctag: str | None) -> Changes:
        """Return what the server says that changed."""
        left = {href: tag for href, tag in token.etags.items() if href not in members.gone}
        left |= _tags(members)
        return Changes(members.there, sorted(members.gone), self._token(token, members, ctag, left))

    def _compared(self, token: Token | None, members: Members, ctag: str | None) -> Changes:
        """Return what differs between all members and those of the token."""
        tags = _tags(members)
        if token is None or (token.etags and not token.etags.keys() & tags.keys()):
            left = self._token(None, members, ctag, tags)
            return Changes(members.there, [], left, fresh=True)
        new = [each for each in members.there if token.etags.get(each.href) != tags[each.href]]
        gone = sorted(token.etags.keys() - tags.keys())
        return Changes(new, gone, self._token(token, members, ctag, tags))

    def _token(
        self, before: Token | None, members: Members, ctag: str | None, tags: dict[str, str]
    ) -> Token:
        generation = uuid.uuid4().hex if before is None else before.generation
        return Token(self._calendar, generation, members.token or None, ctag, tags)


def _tags(members: Members) -> dict[str, str]:
    return {each.href: digest(each.etag.encode()) for each in members.there}


def _is_unchanged(token: Token, state: Response, ctag: str | None) -> bool:
    """Whether the collection's own properties prove that nothing happened."""
    if token.sync is not None:
        return token.sync == state.text(bodies.SYNC_TOKEN)
    return token.ctag is not None and token.ctag == ctag


def _knows_sync(state: Response) -> bool:
    """Whether a collection has sync-collection (RFC 6578 §3.1), as it says itself."""
    reports = state.properties.get(bodies.REPORTS)
    if reports is not None and reports.inside:
        return reports.has("DAV: sync-collection")
    return bool(state.text(bodies.SYNC_TOKEN))
