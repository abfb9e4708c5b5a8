"""What changed in a mailbox since a token, and its messages, page by page.

With QRESYNC the server tells what changed and what vanished since a
modification sequence (RFC 7162 §3.2).  Without it the messages are listed again
and compared with the UIDs in the token: messages never change (RFC 3501
§2.3.1.1), so new and gone UIDs, and ``\\Deleted``, are all there is to know.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from imapclient.exceptions import ProtocolError

from calendar_sync.imap import bodies, extensions
from calendar_sync.imap.extensions import MessageState
from calendar_sync.imap.resync import Since
from calendar_sync.imap.uidset import UidSet
from calendar_sync.pages import paged
from freebusy.errors import SourceUnavailableError
from freebusy.ports import ICALENDAR, MESSAGE, SourceItem, SyncPage, SyncToken

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from calendar_sync.imap.connection import Connection
    from calendar_sync.imap.extensions import Examined
    from calendar_sync.imap.settings import ImapSettings

MAX_UIDS = 1_000_000
"""A token that claims to know more messages is not believed."""

FETCH_MESSAGES = 500
"""Messages in one FETCH: its line stays below 8,000 bytes (RFC 7162 §4) in all likely cases."""

AT_ONCE = 50
"""So many new messages are fetched before their sizes are known, as far as a small one goes."""

REQUESTS_AHEAD = 2
"""FETCH commands under way at once."""

MAX_SECTIONS = 20
"""Calendar parts that are fetched one by one; a message of more is fetched as it is."""

VERSION = 1


@dataclass(frozen=True, slots=True)
class Token:
    """What a run leaves for the next one."""

    calendar: str
    """Which calendar it is of: two may well have the same UIDVALIDITY."""
    uidvalidity: int
    uids: UidSet
    """The messages that were delivered, or looked at and found to hold no event."""
    modseq: int | None = None
    exists: int = 0
    uidnext: int | None = None

    @property
    def since(self) -> Since | None:
        """Return what EXAMINE is asked with; None where the token has no numbers for it."""
        if self.modseq is None or not Since.is_possible(self.uidvalidity, self.modseq):
            return None
        return Since(self.uidvalidity, self.modseq)

    def text(self) -> SyncToken:
        """Return the token as text."""
        values = {
            "v": VERSION,
            "calendar": self.calendar,
            "uidvalidity": self.uidvalidity,
            "modseq": self.modseq,
            "exists": self.exists,
            "uidnext": self.uidnext,
            "uids": str(self.uids),
        }
        return SyncToken(json.dumps(values, separators=(",", ":")))


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("not a number")
    return value


def _optional_number(value: object) -> int | None:
    return None if value is None else _number(value)


def parse_token(text: str | None) -> Token | None:
    """Read a token; None for a text that is none of ours."""
    try:
        values = json.loads(text or "")
        uids = UidSet.parse(values["uids"])
        if values["v"] != VERSION or not isinstance(values["calendar"], str):
            return None
        token = Token(
            values["calendar"],
            _number(values["uidvalidity"]),
            uids,
            _optional_number(values["modseq"]),
            _number(values["exists"]),
            _optional_number(values["uidnext"]),
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return token if len(uids) <= MAX_UIDS else None


def fingerprint(key: str) -> str:
    """Return what stands for a calendar in its tokens, without the names in its key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def usable(token: Token | None, calendar: str, box: Examined) -> Token | None:
    """Return the token where it is of this mailbox as it is, None where everything is new."""
    if token is None or (token.calendar, token.uidvalidity) != (calendar, box.uidvalidity):
        return None
    went_back = token.modseq and box.highestmodseq and box.highestmodseq < token.modseq
    if went_back or (box.uidnext is not None and token.uids.last >= box.uidnext):
        return None  # a mailbox from a backup: its UIDs may now mean other messages
    return token


@dataclass(frozen=True, slots=True)
class Changes:
    """What a run has to deliver."""

    new: list[MessageState]
    gone: UidSet
    kept: UidSet
    """Known before and still there."""


def _unchanged(token: Token, box: Examined) -> bool:
    """Whether EXAMINE alone proves that nothing happened.

    A server with CONDSTORE but without QRESYNC need not raise HIGHESTMODSEQ for
    an expunge, so the number of messages is compared, too.
    """
    seen = (token.modseq, token.exists, token.uidnext)
    return token.modseq is not None and seen == (box.highestmodseq, box.exists, box.uidnext)


def is_as_read(text: str, calendar: str, box: Examined | None) -> bool:
    """Whether a mailbox proves to be as it was at a token.

    Without modification sequences nothing does: ``\\Deleted`` may have been set.
    """
    if box is None:
        return False
    token = usable(parse_token(text), calendar, box)
    return token is not None and _unchanged(token, box)


def _since(connection: Connection, token: Token) -> Changes:
    resynced = connection.resynced
    if resynced is None or len(resynced[0]) > AT_ONCE:  # many: their sizes have to be known
        resynced = extensions.list_states(connection.client, token.modseq)
    states, vanished = resynced
    deleted = UidSet.of(state.uid for state in states if state.deleted)
    gone = token.uids & (vanished | deleted)
    new = [s for s in states if not s.deleted and s.uid not in token.uids and s.uid not in vanished]
    return Changes(new, gone, token.uids - gone)


def _compared(connection: Connection, box: Examined, known: UidSet) -> Changes:
    states: list[extensions.MessageState] = []
    if box.exists:
        states, _ = extensions.list_states(connection.client)
    live = UidSet.of(state.uid for state in states if not state.deleted)
    new = [state for state in states if not state.deleted and state.uid not in known]
    return Changes(new, known - live, known & live)


def changes_since(connection: Connection, box: Examined, token: Token | None) -> Changes:
    """Return what changed since the token, or everything."""
    if token is None:
        return _compared(connection, box, UidSet())
    if _unchanged(token, box):
        return Changes([], UidSet(), token.uids)
    if connection.qresync and token.modseq is not None and box.highestmodseq is not None:
        return _since(connection, token)
    return _compared(connection, box, token.uids)


# -- bodies ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    """One FETCH of the same sections of some messages."""

    uids: UidSet
    parts: tuple[bodies.Part, ...] = ()
    """Of one message; empty: whole messages."""
    head: int | None = None
    """Only this many bytes of each section."""
    sized: bool = False
    """The sizes are asked for, too: what is longer than ``head`` is to be had otherwise."""

    def command(self) -> bytes:
        """Return the FETCH command; BODY.PEEK leaves ``\\Seen`` alone."""
        partial = "" if self.head is None else f"<0.{self.head}>"
        sections = [part.section for part in self.parts] or [""]
        wanted = " ".join(f"BODY.PEEK[{section}]{partial}" for section in sections)
        size = "RFC822.SIZE " if self.sized else ""
        return f"UID FETCH {self.uids} (UID {size}{wanted})".encode("ascii")

    def item(self, uid: int, sections: dict[bytes, bytes]) -> SourceItem | None:
        """Return the item in an answer; None where the message was gone (NIL)."""
        truncated = self.head is not None and not self.sized
        if self.parts:
            body = bodies.joined(self.parts, sections)
            return SourceItem(str(uid), uid, ICALENDAR, body, truncated)
        whole = sections.get(b"")
        return None if whole is None else SourceItem(str(uid), uid, MESSAGE, whole, truncated)


def _small(states: Iterable[MessageState], settings: ImapSettings) -> Iterator[Request]:
    """Gather whole messages into requests of bounded number and size."""
    limits = settings.limits
    uids: list[int] = []
    size = 0
    for state in states:
        uids.append(state.uid)
        size += state.size or 0
        if len(uids) >= min(FETCH_MESSAGES, limits.page_items) or size >= limits.page_bytes:
            yield Request(UidSet.of(uids))
            uids, size = [], 0
    if uids:
        yield Request(UidSet.of(uids))


def _large(
    state: MessageState, structure: extensions.Response | None, settings: ImapSettings
) -> Request | None:
    """Return the request for one large message; None where it holds no event.

    Where the structure cannot be had or read, the reader of messages may still
    make sense of it, and counts it if not.
    """
    limits = settings.limits
    too_large = (state.size or 0) > limits.max_item
    whole = Request(UidSet.of([state.uid]), head=limits.head_bytes if too_large else None)
    try:
        parts = bodies.parts_of(structure or [])
    except ProtocolError:
        return whole
    calendar = tuple(part for part in parts if part.is_calendar)
    if not calendar or len(calendar) > MAX_SECTIONS or any(part.comes_first for part in parts):
        return whole if any(part.is_event for part in parts) else None
    octets = sum(part.octets for part in calendar)
    return Request(whole.uids, calendar, limits.head_bytes if octets > limits.max_item else None)


def plan(
    connection: Connection, new: Sequence[MessageState], settings: ImapSettings
) -> list[Request]:
    """Return the requests that deliver the new messages."""
    bound = min(settings.whole_bytes, settings.limits.max_item)
    unsized = UidSet.of(state.uid for state in new if state.size is None)
    if unsized and len(new) <= AT_ONCE:
        return [Request(unsized, head=bound, sized=True)]
    requests = list(_small((s for s in new if (s.size or 0) <= bound), settings))
    large = [state for state in new if (state.size or 0) > bound]
    for at in range(0, len(large), FETCH_MESSAGES):
        some = large[at : at + FETCH_MESSAGES]
        uids = UidSet.of(state.uid for state in some)
        structures = extensions.get_structures(connection.client, uids)
        found = (_large(state, structures.get(state.uid), settings) for state in some)
        requests += [request for request in found if request is not None]
    return requests


def fetch(
    connection: Connection, requests: Iterable[Request]
) -> Iterator[SourceItem | MessageState]:
    """Yield items as they arrive, and the state of messages that are too large to come so.

    The next request is always sent before the one before is done, so that the
    server works while the caller does.  Servers may work on both at once (RFC 3501
    §5.5; Dovecot does), so an answer belongs to the request that has its UID.
    """
    client = connection.client
    waiting = iter(requests)
    sent: dict[bytes, Request] = {}
    while True:
        while len(sent) < REQUESTS_AHEAD and (request := next(waiting, None)):
            sent[extensions.send(client, request.command())] = request
        if not sent:
            return
        answer = extensions.next_answer(client, sent, "FETCH")
        if isinstance(answer, bytes):
            del sent[answer]
        elif item := _item(answer, sent.values()):
            yield item


def _item(
    response: extensions.Response, sent: Iterable[Request]
) -> SourceItem | MessageState | None:
    answer = extensions.parse_bodies(response)
    if answer is None:
        return None
    request = next((request for request in sent if answer[0] in request.uids), None)
    if request is None:
        return None
    if request.sized and (size := extensions.size_in(response) or 0) > (request.head or 0):
        return MessageState(answer[0], deleted=False, size=size)
    return request.item(*answer)


# -- a run -----------------------------------------------------------------------------


@dataclass(slots=True)
class Run:
    """One run of ``sync`` on an examined mailbox."""

    connection: Connection
    box: Examined
    calendar: str
    """The fingerprint of the calendar's key."""
    settings: ImapSettings
    delivered: set[int] = field(default_factory=set)
    requests: list[Request] = field(default_factory=list)

    def pages(self, known: Token | None) -> Generator[SyncPage, None, SyncPage]:
        """Yield every page but the last, and return that one with the token."""
        token = usable(known, self.calendar, self.box)
        changes = changes_since(self.connection, self.box, token)
        self.requests = plan(self.connection, changes.new, self.settings)
        total = sum(len(request.uids) for request in self.requests)
        fresh = token is None
        gone = [str(uid) for uid in changes.gone]
        generation = str(self.box.uidvalidity)
        items: list[SourceItem] = []
        for items, is_last in paged(self._items(fresh=fresh), self.settings.limits):
            if not is_last:
                yield SyncPage(generation, items, gone, fresh=fresh, total=total)
                gone = []
        end = self._token(changes)
        return SyncPage(generation, items, gone, fresh=fresh, total=total, token=end)

    def _items(self, *, fresh: bool) -> Iterator[SourceItem]:
        """Yield what the requests bring, and an empty item for what the server cannot read."""
        larger: list[MessageState] = []
        yield from self._fetched(self.requests, larger)
        if larger:
            uids = UidSet.of(state.uid for state in larger)
            done = [replace(request, uids=request.uids - uids) for request in self.requests]
            more = plan(self.connection, larger, self.settings)
            self.requests = done + more
            yield from self._fetched(more, larger)
        for uid in self._unreadable():
            if fresh and not self.delivered:
                raise SourceUnavailableError(
                    "the mail server delivers none of the messages it lists"
                )
            yield SourceItem(str(uid), uid, MESSAGE, b"", truncated=True)

    def _fetched(self, requests: list[Request], larger: list[MessageState]) -> Iterator[SourceItem]:
        for item in fetch(self.connection, requests):
            if isinstance(item, MessageState):
                larger.append(item)
            else:
                self.delivered.add(item.order)
                yield item

    def _unreadable(self) -> Iterator[int]:
        """Yield messages that are listed but did not come, as when a spool file is damaged."""
        read = UidSet.of(self.delivered)
        for request in self.requests:
            if missing := request.uids - read:
                yield from extensions.existing(self.connection.client, missing)

    def _token(self, changes: Changes) -> SyncToken:
        """Return the token of the state that EXAMINE showed; what came later comes again.

        A message that could not be read is not in it, and without a modification
        sequence the next run asks for it again.
        """
        asked = UidSet.of(uid for request in self.requests for uid in request.uids)
        read = UidSet.of(self.delivered)
        without_event = UidSet.of(state.uid for state in changes.new) - asked
        complete = not asked - read
        return Token(
            self.calendar,
            self.box.uidvalidity,
            changes.kept | read | without_event,
            self.box.highestmodseq if complete else None,
            self.box.exists,
            self.box.uidnext,
        ).text()
