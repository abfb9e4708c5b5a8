"""The bodies of members, in requests of bounded number and size (RFC 4791 §7.9)."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from calendar_sync.caldav import bodies
from calendar_sync.caldav.connection import FAILED, GONE, Request, refusal
from calendar_sync.caldav.hrefs import member, member_path
from calendar_sync.caldav.multistatus import Multistatus
from freebusy.ports import ICALENDAR, SourceItem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from calendar_sync.caldav.client import Client
    from calendar_sync.caldav.connection import Answer
    from calendar_sync.caldav.members import Member
    from calendar_sync.caldav.multistatus import Response
    from calendar_sync.pages import Limits

BATCH = 100
"""Resources in one request: its answer is held in memory, and a server makes it whole, too."""
UNKNOWN = 4 << 10
"""What a resource of unknown size counts for."""

_ASKED = (bodies.ETAG, bodies.MODIFIED, bodies.CALENDAR_DATA)


def items(
    client: Client, collection: str, members: Sequence[Member], limits: Limits
) -> Iterator[SourceItem]:
    """Yield the items of members; those that are gone in the meantime are left out."""
    for batch in _batches(members, limits):
        if len(batch) == 1 and (batch[0].size or 0) > limits.max_item:
            item = _one(client, collection, batch[0].href, limits)
            yield from [] if item is None else [item]
        else:
            yield from _many(client, collection, batch, limits)


def _batches(members: Sequence[Member], limits: Limits) -> Iterator[list[Member]]:
    """Gather members into requests; what is too large for one comes by itself."""
    batch: list[Member] = []
    size = 0
    for each in members:
        weight = UNKNOWN if each.size is None else each.size
        if weight > limits.max_item:
            yield [each]
            continue
        if batch and (len(batch) >= BATCH or size + weight > limits.page_bytes):
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += weight
    if batch:
        yield batch


def _many(
    client: Client, collection: str, batch: Sequence[Member], limits: Limits
) -> list[SourceItem]:
    """Return the items of one multiget; what it leaves unsaid is asked for one by one."""
    wanted = {each.href: member_path(each.href, collection) for each in batch}
    got: dict[str, SourceItem | None] = {}

    def read(answer: Answer) -> None:
        if answer.status in FAILED:
            raise refusal(client.origin, answer)
        if answer.status != 207:
            return  # a server without the report, or one that stumbles over a single resource
        for response in Multistatus(limits.max_item).responses(answer.pieces()):
            href = member(client.path(response.href, collection), collection)
            if response.status in GONE:
                got[href] = None
            elif bodies.CALENDAR_DATA in response.properties:
                got[href] = _item(href, response, limits)

    client.report(collection, bodies.multiget(wanted.values(), *_ASKED), read)
    for href in wanted.keys() - got.keys():
        got[href] = _one(client, collection, href, limits)
    return [item for href in wanted if (item := got[href]) is not None]


def _item(href: str, response: Response, limits: Limits) -> SourceItem:
    found = response.properties[bodies.CALENDAR_DATA]
    body, truncated = limits.cut(found.text.encode("utf-8", "surrogatepass"))
    if found.cut and not truncated:
        body, truncated = body[: limits.head_bytes], True
    order = _order(response.text(bodies.MODIFIED))
    return SourceItem(href, order, ICALENDAR, body, truncated)


def _order(modified: str) -> int:
    """Return the seconds of an HTTP date; one UID is in one resource only (RFC 4791 §4.1)."""
    try:
        return max(0, int(parsedate_to_datetime(modified).timestamp()))
    except (ValueError, OverflowError):
        return 0


def _one(client: Client, collection: str, href: str, limits: Limits) -> SourceItem | None:
    """Return one item by GET, at most its first part; None where it is gone.

    What the server will not give, though it lists it, comes without a body: it is then
    counted and named as an item that cannot be read, and holds no other up.
    """
    wanted = ("Range", f"bytes=0-{limits.max_item}")
    accept = ("Accept", "text/calendar")
    path = member_path(href, collection)
    with client.ask(Request("GET", path, None, (wanted, accept))) as answer:
        if answer.status in GONE:
            return None
        if answer.status in FAILED:
            raise refusal(client.origin, answer)
        order = _order(answer.header("Last-Modified"))
        if not answer.ok:
            return SourceItem(href, order, ICALENDAR, b"", truncated=True)
        body = answer.head(limits.max_item + 1)
    body, truncated = limits.cut(body)
    return SourceItem(href, order, ICALENDAR, body, truncated)
