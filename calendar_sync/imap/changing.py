"""The raw side of IMAP that changes a folder: APPEND, STORE and EXPUNGE.

Nothing but the connector's writing uses it; what reads calendars for free/busy never does.
APPEND is RFC 3501 §6.3.11, that of several messages RFC 3502, its UID and UID EXPUNGE are
RFC 4315, literals that need not be waited for RFC 7888.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from imapclient.exceptions import ProtocolError

from calendar_sync.imap import extensions
from calendar_sync.imap.itemmessages import batches
from calendar_sync.imap.pipeline import Command, Outcome, outcome, together
from calendar_sync.imap.refusals import accept_words
from calendar_sync.imap.uidset import UidSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from calendar_sync.imap.connection import Connection
    from calendar_sync.imap.extensions import CommandRefused

AHEAD = 100
"""Messages under way at once: what they are answered fits into any server's buffer."""
AHEAD_BYTES = 1 << 20
NON_SYNC_BYTES = 256 << 10
"""A larger message is announced first, so that a server can say no before it is sent."""
SHORT_BYTES = 4096
"""What LITERAL- allows to be sent at once (RFC 7888 §5)."""

_APPENDUID = re.compile(rb"\[APPENDUID \d{1,10} ([\d:,]+)\]", re.IGNORECASE)
_SEARCH = re.compile(rb"\* SEARCH((?: \d{1,10})*)", re.IGNORECASE)


class Appended(NamedTuple):
    """What became of a message."""

    uid: int | None
    """None where it was refused, or where the server does not tell (no UIDPLUS)."""
    refusal: CommandRefused | None


def append(connection: Connection, path: str, messages: Sequence[bytes]) -> list[Appended]:
    """Append messages in their order, as read by whoever wrote them."""
    found: list[Appended] = []
    at_once = _at_once(connection)
    for some in _batches(messages, at_once):
        if len(some[0]) > at_once:
            found += _appended(_announced(connection, path, some[0]), 1)
        else:
            found += _together(connection, path, some) or _pipelined(connection, path, some)
    return found


def _together(connection: Connection, path: str, messages: list[bytes]) -> list[Appended]:
    """Append all by one command; nothing where the server cannot, or refuses one of them.

    It is ten times as fast: the server syncs its disk once.
    """
    if len(messages) < 2 or not connection.can("MULTIAPPEND"):
        return []
    command = b"APPEND " + extensions.mailbox_name(path)
    literals = b"".join(b" (\\Seen) {%d+}\r\n%b" % (len(each), each) for each in messages)
    (ended,) = together(connection.client, [Command("APPEND", command + literals)]).outcomes
    return [] if ended.refusal else _appended(ended, len(messages))


def _pipelined(connection: Connection, path: str, messages: list[bytes]) -> list[Appended]:
    """Append one after the other, each with an answer of its own."""
    commands = [Command("APPEND", _append(path, each, b"+") + each) for each in messages]
    ended = together(connection.client, commands).outcomes
    return [appended for each in ended for appended in _appended(each, 1)]


def _at_once(connection: Connection) -> int:
    """Return up to which size a message is sent without asking first."""
    if connection.can("LITERAL+"):
        return NON_SYNC_BYTES
    return SHORT_BYTES if connection.can("LITERAL-") else -1


def _batches(messages: Sequence[bytes], at_once: int) -> Iterator[list[bytes]]:
    """Yield messages that go out together; one that has to be announced goes alone."""
    some: list[bytes] = []
    total = 0
    for message in messages:
        alone = len(message) > at_once
        if some and (alone or len(some) >= AHEAD or total >= AHEAD_BYTES):
            yield some
            some, total = [], 0
        some.append(message)
        total += AHEAD_BYTES if alone else len(message)
    if some:
        yield some


def _append(path: str, message: bytes, plus: bytes) -> bytes:
    name = extensions.mailbox_name(path)
    return b"APPEND %b (\\Seen) {%d%b}\r\n" % (name, len(message), plus)


def _announced(connection: Connection, path: str, message: bytes) -> Outcome:
    """Send a message once the server asks for it."""
    imap = connection.client._imap  # noqa: SLF001  # imapclient's raw side
    tag = extensions.send(connection.client, _append(path, message, b"").removesuffix(b"\r\n"))
    rest = [message + b"\r\n"]
    while True:
        line = extensions.read_response(imap)[0]
        if line.startswith(b"+") and rest:
            imap.send(rest.pop())
        elif line.startswith(tag + b" "):
            return outcome("APPEND", line)
        elif not line.startswith(b"* ") or line[:5].upper() == b"* BYE":
            raise ProtocolError("no answer to APPEND")


def _appended(ended: Outcome, count: int) -> list[Appended]:
    """Return what the answer to an APPEND of some messages says of each."""
    if ended.refusal is not None:
        return [Appended(None, accept_words(ended.refusal, ended.line))] * count
    said = _APPENDUID.search(ended.line)
    try:
        uids = UidSet.parse(said[1].decode("ascii")) if said else UidSet()
    except ValueError:
        raise ProtocolError("APPENDUID without a set of UIDs") from None
    if len(uids) != count:
        return [Appended(None, None)] * count
    return [Appended(uid, None) for uid in uids]


def delete(connection: Connection, uids: UidSet) -> UidSet:
    """Set ``\\Deleted`` and return which messages have it now.

    What was expunged in the meantime is not among them.
    """
    answered = vanished = UidSet()
    for some in batches(uids):
        command = f"UID STORE {some} +FLAGS (\\Deleted)".encode("ascii")
        lines = (each[0] for each in extensions.run(connection.client, command, name="STORE"))
        states, gone = extensions.parse_states(lines)
        answered |= UidSet.of(state.uid for state in states if state.deleted) & some
        vanished |= gone
    return answered - vanished


def flag(connection: Connection, uids: UidSet, *, deleted: bool) -> None:
    """Set or take away ``\\Deleted``, whatever becomes of it."""
    sign = "+" if deleted else "-"
    for some in batches(uids):
        command = f"UID STORE {some} {sign}FLAGS.SILENT (\\Deleted)".encode("ascii")
        extensions.run(connection.client, command, name="STORE")


def expunge(connection: Connection, uids: UidSet) -> None:
    """Expunge just these messages, which are ``\\Deleted``.

    Without UIDPLUS there is only EXPUNGE, which takes all that are: others are not, meanwhile.
    """
    if not uids:
        return
    if connection.can("UIDPLUS"):
        for some in batches(uids):
            command = f"UID EXPUNGE {some}".encode("ascii")
            extensions.run(connection.client, command, name="EXPUNGE")
        return
    others = _deleted(connection) - uids
    flag(connection, others, deleted=False)
    try:
        extensions.run(connection.client, b"EXPUNGE", name="EXPUNGE")
    finally:
        flag(connection, others, deleted=True)


def _deleted(connection: Connection) -> UidSet:
    found: set[int] = set()
    for response in extensions.run(connection.client, b"UID SEARCH DELETED", name="SEARCH"):
        if said := _SEARCH.match(response[0]):
            found.update(map(int, said[1].split()))
    return UidSet.of(found)
