"""The raw side of IMAP: what imapclient does not do, or does too slowly.

EXAMINE with its response codes and FETCH with CHANGEDSINCE and VANISHED
(RFC 7162 §3.1 and §3.2), METADATA (RFC 5464), and FETCH of many messages: the
answers are read straight from imaplib's ``readline`` and ``read``, one response
at a time, so that memory holds one message and a command can be sent while the
answer to the one before is still being read.

imapclient and imaplib keep a dictionary of untagged responses; nothing read
here goes through it, and it is cleared so that nothing older is taken for ours.
"""

from __future__ import annotations

import re
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from imapclient import imap_utf7
from imapclient.exceptions import IMAPClientAbortError, ProtocolError
from imapclient.response_parser import parse_response

from calendar_sync.imap.uidset import MAX_UID, UidSet

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from imapclient import IMAPClient

MAX_LITERAL = 64 << 20
"""No message that is asked for is so large; a server that says so is not believed."""

QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
"""Acknowledge at once (Linux): the kernel would wait 40 ms for something to send along."""

Response = list[bytes]
"""A line, then literal and line in turn; lines with their CRLF."""

_LITERAL = re.compile(rb"\{(\d{1,10})\}\r\n\Z")
_STATUS = re.compile(rb"\* (?:OK|NO|BAD|BYE|PREAUTH)\b", re.IGNORECASE)
_CODE = re.compile(rb"\[([A-Z0-9-]+)(?: ([^\]]*))?\]", re.IGNORECASE)
_FETCH = re.compile(rb"\* \d+ FETCH \(", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    rb"FLAGS \(([^()]*)\)|\bUID (\d{1,10})\b|\bRFC822\.SIZE (\d{1,18})\b", re.IGNORECASE
)
_SIZE = re.compile(rb"[( ]RFC822\.SIZE (\d{1,18})[ )]", re.IGNORECASE)
_UID = re.compile(rb"[( ]UID (\d{1,10})[ )]", re.IGNORECASE)
_BODY = re.compile(rb"BODY\[([0-9A-Z.]*)\](?:<\d+>)? \{\d+\}\r\n\Z", re.IGNORECASE)
_WHOLE = re.compile(rb"\* \d+ FETCH \(UID (\d{1,10}) BODY\[\] \{\d+\}\r\n\Z")
_INLINE = re.compile(
    rb'BODY\[([0-9A-Z.]*)\](?:<\d+>)? "((?:[^"\\\r\n]|\\.)*)"', re.IGNORECASE | re.DOTALL
)
_VANISHED = re.compile(rb"\* VANISHED (?:\(EARLIER\) )?([\d:,]+)\r\n\Z", re.IGNORECASE)
_EXISTS = re.compile(rb"\* (\d{1,10}) EXISTS\r\n\Z", re.IGNORECASE)


class CommandRefused(Exception):  # noqa: N818  # it is the server's refusal, not our error
    """The server answered NO or BAD; ``code`` is its response code (RFC 5530) or empty."""

    def __init__(self, command: str, code: str) -> None:
        super().__init__(f"{command} was refused {f'[{code}]' if code else ''}".rstrip())
        self.command = command
        self.code = code


def mailbox_name(name: str) -> bytes:
    """Return a folder's name as a quoted string in modified UTF-7 (RFC 3501 §5.1.3)."""
    encoded: bytes = imap_utf7.encode(name)
    return b'"' + encoded.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def refused(command: str, text: str) -> CommandRefused:
    """Return the refusal that the server's words stand for, without the words."""
    return CommandRefused(command, _code(text.encode("ascii", "replace"))[0])


# -- commands and responses ------------------------------------------------------------


def send(client: IMAPClient, command: bytes) -> bytes:
    """Send a command and return its tag, without waiting for an answer."""
    return send_all(client, [command])[0]


def send_all(client: IMAPClient, commands: Iterable[bytes]) -> list[bytes]:
    """Send commands in one write, and return their tags."""
    imap = client._imap  # noqa: SLF001  # this module is imapclient's raw side
    sent = {imap._new_tag(): command for command in commands}  # noqa: SLF001  # as in send
    for tag in sent:
        imap.tagged_commands.pop(tag, None)  # the answer is read here, not by imaplib
    imap.untagged_responses.clear()
    imap.send(b"".join(tag + b" " + command + b"\r\n" for tag, command in sent.items()))
    if QUICKACK is not None:  # Cyrus holds the second part of an answer back until the first's ACK
        imap.sock.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)
    return list(sent)


@contextmanager
def understanding() -> Iterator[None]:
    """Turn what imapclient stumbles over in an answer into ProtocolError."""
    try:
        yield
    except OSError:  # one of them, about certificates, is a ValueError as well
        raise
    except (ValueError, TypeError, LookupError, AttributeError, RuntimeError) as error:
        # RecursionError is a RuntimeError, and so is a StopIteration inside a generator
        raise ProtocolError(f"an answer that cannot be read ({type(error).__name__})") from None


def silence(client: IMAPClient) -> None:
    """Stop imaplib from formatting every line for its log, messages included."""
    client._imap.debug = 0  # noqa: SLF001


def set_state(client: IMAPClient, state: str) -> None:
    """Tell imaplib what it did not see happen: it refuses IDLE and NOOP in a wrong state."""
    client._imap.state = state  # noqa: SLF001
    client._imap.is_readonly = True  # noqa: SLF001


def _read_literal(imap: Any, size: int) -> bytes:
    if size > MAX_LITERAL:
        raise ProtocolError("a literal is larger than anything that was asked for")
    literal: bytes = imap.read(size)
    if len(literal) != size:
        raise IMAPClientAbortError("the connection ended inside a literal")
    return literal


def read_response(imap: Any) -> Response:
    """Read one response, with its literals, from something that has ``readline`` and ``read``."""
    parts: Response = []
    while True:
        line: bytes = imap.readline()
        if not line.endswith(b"\r\n"):
            raise IMAPClientAbortError("the connection ended")
        parts.append(line)
        if not line.endswith(b"}\r\n") or _STATUS.match(line):
            return parts
        size = _LITERAL.search(line)
        if size is None:
            return parts
        parts.append(_read_literal(imap, int(size[1])))


def _code(line: bytes) -> tuple[str, str]:
    found = _CODE.search(line)
    if found is None:
        return "", ""
    return found[1].decode("ascii").upper(), (found[2] or b"").decode("ascii", "replace")


def next_answer(client: IMAPClient, tags: Container[bytes], command: str) -> Response | bytes:
    """Return the next untagged response, or the tag of a command that is done.

    ``tags`` are those of the commands under way.  Raises CommandRefused where one
    ends in NO or BAD, IMAPClientAbortError at a BYE.
    """
    response = read_response(client._imap)  # noqa: SLF001
    line = response[0]
    if line[:2] == b"* ":
        if line[:5].upper() == b"* BYE":
            raise IMAPClientAbortError("the server said BYE")
        return response
    tag, _, status = line.partition(b" ")
    if tag not in tags:
        raise ProtocolError("an answer to no command of ours")
    if status[:2].upper() != b"OK":
        raise CommandRefused(command, _code(line)[0])
    return tag


def responses(client: IMAPClient, tag: bytes, command: str) -> Iterator[Response]:
    """Yield the untagged responses up to the tagged one, which is OK."""
    while not isinstance(answer := next_answer(client, (tag,), command), bytes):
        yield answer


def run(client: IMAPClient, command: bytes, *, name: str) -> list[Response]:
    """Send a command and return its untagged responses."""
    return list(responses(client, send(client, command), name))


# -- EXAMINE ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Examined:
    """A mailbox as EXAMINE showed it (RFC 3501 §6.3.2, RFC 7162 §3.1.2)."""

    uidvalidity: int
    uidnext: int | None
    exists: int
    highestmodseq: int | None
    """None where there is none: NOMODSEQ, or a server without CONDSTORE."""


def parse_examine(lines: Iterable[bytes]) -> Examined:
    """Read the untagged responses to EXAMINE; raises ProtocolError without UIDVALIDITY."""
    codes: dict[str, str] = {}
    exists = 0
    for line in lines:
        if _STATUS.match(line):
            name, value = _code(line)
            codes[name] = value
        elif found := _EXISTS.match(line):
            exists = int(found[1])
    numbers = {name: int(text) for name, text in codes.items() if text.isascii() and text.isdigit()}
    if "UIDVALIDITY" not in numbers:
        raise ProtocolError("EXAMINE was not answered with UIDVALIDITY")
    return Examined(
        numbers["UIDVALIDITY"], numbers.get("UIDNEXT"), exists, numbers.get("HIGHESTMODSEQ")
    )


def examine(client: IMAPClient, folder: str, *, parameter: bytes = b"") -> list[bytes]:
    """Open a folder read only; return the first line of each response."""
    answer = run(client, b"EXAMINE " + mailbox_name(folder) + parameter, name="EXAMINE")
    set_state(client, "SELECTED")
    return [response[0] for response in answer]


# -- FETCH -----------------------------------------------------------------------------


class MessageState(NamedTuple):
    """What a listing says of one message."""

    uid: int
    deleted: bool
    size: int | None


def parse_state(line: bytes) -> MessageState | None:
    """Read ``UID``, ``FLAGS`` and ``RFC822.SIZE`` of a FETCH response in any order.

    None for what is no FETCH response with both a UID and flags.
    """
    if not _FETCH.match(line):
        return None
    uid = size = None
    deleted: bool | None = None
    for flags, uid_text, size_text in _ATTRIBUTE.findall(line):
        if uid_text:
            uid = int(uid_text)
        elif size_text:
            size = int(size_text)
        else:
            deleted = b"\\deleted" in flags.lower().split()
    return None if uid is None or deleted is None else MessageState(uid, deleted, size)


def parse_vanished(line: bytes) -> UidSet | None:
    """Read ``* VANISHED (EARLIER) 1:3,7`` (RFC 7162 §3.2.10); None for anything else."""
    found = _VANISHED.match(line)
    if found is None:
        return None
    try:
        return UidSet.parse(found[1].decode("ascii"))
    except ValueError:
        raise ProtocolError("VANISHED without a set of UIDs") from None


def list_states(client: IMAPClient, since: int | None = None) -> tuple[list[MessageState], UidSet]:
    """Return the messages, and what vanished; with ``since`` only what changed after it.

    ``since`` is a modification sequence and requires QRESYNC.
    """
    modifier = b"" if since is None else b" (CHANGEDSINCE %d VANISHED)" % since
    # not 1:*, which ends at the largest UID that is still there: Cyrus then says nothing
    # of larger ones that vanished
    tag = send(client, b"UID FETCH 1:%d (UID FLAGS RFC822.SIZE)" % MAX_UID + modifier)
    return parse_states(response[0] for response in responses(client, tag, "FETCH"))


def parse_states(lines: Iterable[bytes]) -> tuple[list[MessageState], UidSet]:
    """Read the messages, and what vanished, in untagged responses; others are passed over."""
    states: dict[int, MessageState] = {}
    vanished = UidSet()
    for line in lines:
        if state := parse_state(line):
            states[state.uid] = state
        elif gone := parse_vanished(line):
            vanished |= gone
    return list(states.values()), vanished


def size_in(response: Response) -> int | None:
    """Return RFC822.SIZE in a FETCH response."""
    found = (_SIZE.search(line) for line in response[::2])
    return next((int(size[1]) for size in found if size), None)


def existing(client: IMAPClient, uids: UidSet) -> UidSet:
    """Return which of these messages are still there."""
    tag = send(client, f"UID FETCH {uids} (UID FLAGS)".encode("ascii"))
    states = [parse_state(response[0]) for response in responses(client, tag, "FETCH")]
    return UidSet.of(state.uid for state in states if state) & uids


def parse_bodies(response: Response) -> tuple[int, dict[bytes, bytes]] | None:
    """Read the UID and the sections of a FETCH response; a section that is NIL is left out.

    None for what is no FETCH response with a UID and a section.
    """
    usual = _WHOLE.match(response[0])
    if usual and len(response) == 3 and response[2] == b")\r\n":
        return int(usual[1]), {b"": response[1]}
    if not _FETCH.match(response[0]):
        return None
    lines = response[::2]
    found = next((uid for line in lines if (uid := _UID.search(line))), None)
    sections: dict[bytes, bytes] = {}
    for line, literal in zip(lines, response[1::2], strict=False):
        if section := _BODY.search(line):
            sections[section[1].upper()] = literal
    for line in lines:
        if b'] "' in line or b'> "' in line:  # hardly any server; most send literals
            sections |= {s.upper(): re.sub(rb"\\(.)", rb"\1", t) for s, t in _INLINE.findall(line)}
    return (int(found[1]), sections) if found and sections else None


# -- METADATA and BODYSTRUCTURE: imapclient's parser on what was read here ----------------


def parse(response: Response) -> tuple[Any, ...]:
    """Return a response without its ``*`` as nested tuples; raises ProtocolError."""
    if not response:
        raise ProtocolError("no answer")
    records: list[Any] = []
    for line, literal in zip(response[::2], [*response[1::2], None], strict=True):
        text = line[:-2] if line.endswith(b"\r\n") else line
        records.append(text if literal is None else (text, literal))
    with understanding():
        return tuple(parse_response(records))[1:]


def parse_metadata(response: Response) -> tuple[str, dict[str, bytes]] | None:
    """Read ``* METADATA name (entry value ...)`` (RFC 5464 §4.4.1).

    Entries and names come as atoms, quoted or literal; an entry that is NIL is
    left out.  None for what is no METADATA response with values.
    """
    if response[0][:11].upper() != b"* METADATA ":
        return None
    match parse(response):
        case (_, name, tuple(values)):
            pairs = zip(values[::2], values[1::2], strict=False)
            entries = {
                _text(key).lower(): _bytes(value) for key, value in pairs if value is not None
            }
            return decode_name(name), entries
    return None


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _text(value: object) -> str:
    return _bytes(value).decode("utf-8", "replace")


def decode_name(name: object) -> str:
    """Return a mailbox name from the wire as text; a broken one stays as it is."""
    try:
        decoded: str = imap_utf7.decode(_bytes(name))
    except (ValueError, IndexError):
        return _text(name)
    return decoded


def get_metadata(
    client: IMAPClient, mailbox: str, entries: Iterable[str]
) -> dict[str, dict[str, bytes]]:
    """Return the entries of the mailboxes that match a name or a pattern, by mailbox."""
    wanted = b"(" + " ".join(entries).encode("ascii") + b")"
    answer = run(
        client, b"GETMETADATA " + mailbox_name(mailbox) + b" " + wanted, name="GETMETADATA"
    )
    found: dict[str, dict[str, bytes]] = {}
    for read in filter(None, map(parse_metadata, answer)):
        found.setdefault(read[0], {}).update(read[1])
    return found


def get_structures(client: IMAPClient, uids: UidSet) -> dict[int, Response]:
    """Return the FETCH responses that hold BODYSTRUCTURE, unread, by UID."""
    tag = send(client, f"UID FETCH {uids} (UID BODYSTRUCTURE)".encode("ascii"))
    found: dict[int, Response] = {}
    for response in responses(client, tag, "FETCH"):
        uid = _UID.search(response[0]) or _UID.search(response[-1])
        if uid is not None and _FETCH.match(response[0]):
            found[int(uid[1])] = response
    return found
