"""Messages of a calendar folder, fetched whole and read as iCalendar items."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from calendar_sync import dialects
from calendar_sync.imap import extensions
from calendar_sync.imap.extensions import MessageState
from calendar_sync.imap.sync import AT_ONCE, FETCH_MESSAGES, Request, fetch
from calendar_sync.imap.uidset import UidSet
from freebusy.errors import CalendarDataError
from freebusy.ports import FolderItem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from calendar_sync.imap.connection import Connection
    from calendar_sync.imap.settings import ImapSettings

NOT_DELIVERED = "the mail server lists this message and does not deliver it"


class Message(NamedTuple):
    """A message as it came, or why it did not."""

    uid: int
    body: bytes
    problem: str | None = None


def batches(uids: Iterable[int]) -> Iterator[UidSet]:
    """Yield sets of UIDs that a command line holds (RFC 7162 §4)."""
    rest = iter(uids)
    while some := list(islice(rest, FETCH_MESSAGES)):
        yield UidSet.of(some)


def states_of(connection: Connection, uids: Iterable[int]) -> list[MessageState]:
    """Return flags and sizes of those messages that are there."""
    found: list[MessageState] = []
    for some in batches(uids):
        command = f"UID FETCH {some} (UID FLAGS RFC822.SIZE)".encode("ascii")
        lines = (each[0] for each in extensions.run(connection.client, command, name="FETCH"))
        found += [state for state in extensions.parse_states(lines)[0] if state.uid in some]
    return found


def with_sizes(
    connection: Connection, wanted: Mapping[int, int | None], settings: ImapSettings
) -> dict[int, int | None]:
    """Return the sizes of messages; a few need none, because FETCH brings them along."""
    unknown = [uid for uid, size in wanted.items() if size is None]
    if len(unknown) <= AT_ONCE and len(unknown) * _at_once(settings) <= settings.limits.page_bytes:
        return dict(wanted)
    sized = {each.uid: each.size for each in states_of(connection, unknown) if not each.deleted}
    return {uid: sized.get(uid, size) for uid, size in wanted.items() if size or uid in sized}


def _at_once(settings: ImapSettings) -> int:
    """Return up to which size a message comes before its size is known."""
    return min(settings.whole_bytes, settings.limits.max_item)


def within(sizes: Mapping[int, int | None], limit: int, octets: int) -> dict[int, int | None]:
    """Return the first messages, at most ``limit`` and about ``octets``, but at least one."""
    chosen: dict[int, int | None] = {}
    total = 0
    for uid in sorted(sizes):
        size = sizes[uid]
        if chosen and (len(chosen) >= limit or total >= octets):
            break
        chosen[uid] = size
        total += size or 0
    return chosen


def messages(
    connection: Connection, sizes: Mapping[int, int | None], settings: ImapSettings
) -> Iterator[Message]:
    """Yield the messages, in any order; those that are gone are left out."""
    bound = _at_once(settings)
    unsized = UidSet.of(uid for uid, size in sizes.items() if size is None)
    later: dict[int, int | None] = {u: size for u, size in sizes.items() if size is not None}
    missing = set(sizes)
    if unsized:
        for found in fetch(connection, [Request(unsized, head=bound, sized=True)]):
            if isinstance(found, MessageState):
                later[found.uid] = found.size
            else:
                missing.discard(found.order)
                yield Message(found.order, found.body)
    for message in _whole(connection, later, settings):
        missing.discard(message.uid)
        yield message
    for some in batches(sorted(missing)):
        for uid in extensions.existing(connection.client, some):
            yield Message(uid, b"", NOT_DELIVERED)


def _whole(
    connection: Connection, sizes: Mapping[int, int | None], settings: ImapSettings
) -> Iterator[Message]:
    limits = settings.limits
    large = sorted(uid for uid, size in sizes.items() if (size or 0) > limits.max_item)
    for uid in large:
        yield Message(uid, b"", f"the message is larger than {limits.max_item} bytes")
    rest = {uid: size for uid, size in sizes.items() if uid not in set(large)}
    for found in fetch(connection, _requests(rest, limits.page_items, limits.page_bytes)):
        if not isinstance(found, MessageState):
            yield Message(found.order, found.body)


def _requests(sizes: Mapping[int, int | None], most: int, octets: int) -> Iterator[Request]:
    rest = dict(sizes)
    while some := within(rest, min(most, FETCH_MESSAGES), octets) if rest else {}:
        yield Request(UidSet.of(some))
        for uid in some:
            del rest[uid]


def item_of(message: Message, zone: str) -> FolderItem | None:
    """Read a message; None for one that holds no calendar item, such as ordinary mail."""
    href = str(message.uid)
    if message.problem is not None:
        return FolderItem(href, "", "", "icalendar", problem=message.problem)
    try:
        read = dialects.read(message.body, zone=zone)
    except CalendarDataError as error:
        return FolderItem(href, "", "", "icalendar", problem=error.reason)
    if read is None:
        return None
    return FolderItem(
        href, read.uid, read.calendar, read.dialect, is_partial=read.is_partial, change=read.change
    )
