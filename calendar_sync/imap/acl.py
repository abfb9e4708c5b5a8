"""Access control lists and one's own rights, asked for and changed (RFC 4314 §3).

Questions go out many at a time, so that a thousand folders cost ten round trips.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from calendar_sync.imap import extensions
from calendar_sync.imap.extensions import CommandRefused, Response

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imapclient import IMAPClient

    from calendar_sync.imap.rights import Entry

AHEAD = 100
"""Commands under way at once: what they say fits into any server's buffer."""
PASSING = {"UNAVAILABLE", "INUSE", "SERVERBUG", "LIMIT"}
"""Response codes (RFC 5530) that say nothing of the folder."""


def pipelined(client: IMAPClient, name: str, commands: Sequence[bytes]) -> Iterator[Response]:
    """Send all commands and yield their untagged responses; those refused are passed over.

    Raises CommandRefused where the server cannot tell now.
    """
    for at in range(0, len(commands), AHEAD):
        tags = extensions.send_all(client, commands[at : at + AHEAD])
        yield from _answers(client, name, tags)


def _answers(client: IMAPClient, name: str, tags: list[bytes]) -> Iterator[Response]:
    left, passing = len(tags), None
    while left:
        try:
            answer = extensions.next_answer(client, tags, name)
        except CommandRefused as error:
            left -= 1
            passing = error if error.code in PASSING else passing
            continue
        if isinstance(answer, bytes):
            left -= 1
        else:
            yield answer
    if passing is not None:
        raise passing


def parse_acl(response: Response) -> tuple[str, tuple[Entry, ...]] | None:
    """Read ``* ACL mailbox identifier rights ...`` (RFC 4314 §3.6); None for anything else."""
    if response[0][:6].upper() != b"* ACL ":
        return None
    match extensions.parse(response):
        case (_, name, *pairs):
            words = list(map(_text, pairs))
            return extensions.decode_name(name), tuple(zip(words[::2], words[1::2], strict=False))
    return None


def parse_my_rights(response: Response) -> tuple[str, str] | None:
    """Read ``* MYRIGHTS mailbox rights`` (RFC 4314 §3.8); None for anything else."""
    if response[0][:11].upper() != b"* MYRIGHTS ":
        return None
    match extensions.parse(response):
        case (_, name, rights):
            return extensions.decode_name(name), _text(rights)
    return None


def _text(value: object) -> str:
    if value is None:  # an identifier that is called nil
        return "NIL"
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def get_acls(client: IMAPClient, folders: Sequence[str]) -> dict[str, tuple[Entry, ...]]:
    """Return the folders' lists; those that this login may not see are left out."""
    answers = pipelined(client, "GETACL", _commands(b"GETACL ", folders))
    return dict(filter(None, map(parse_acl, answers)))


def my_rights(client: IMAPClient, folders: Sequence[str]) -> dict[str, str]:
    """Return this login's own rights on folders; those that are not there are left out."""
    answers = pipelined(client, "MYRIGHTS", _commands(b"MYRIGHTS ", folders))
    return dict(filter(None, map(parse_my_rights, answers)))


def _commands(verb: bytes, folders: Sequence[str]) -> list[bytes]:
    return [verb + extensions.mailbox_name(folder) for folder in folders]


# -- changing them


def set_acl(client: IMAPClient, folder: str, identifier: str, letters: str) -> None:
    """Give an identifier just these rights (RFC 4314 §3.1)."""
    rights = b'"' + letters.encode("ascii") + b'"'
    target = extensions.mailbox_name(folder) + b" " + _identifier(identifier)
    extensions.run(client, b"SETACL " + target + b" " + rights, name="SETACL")


def delete_acl(client: IMAPClient, folder: str, identifier: str) -> None:
    """Take an identifier out of a list (RFC 4314 §3.2)."""
    target = extensions.mailbox_name(folder) + b" " + _identifier(identifier)
    extensions.run(client, b"DELETEACL " + target, name="DELETEACL")


def required_rights(client: IMAPClient, folder: str, identifier: str) -> str:
    """Return the rights that an identifier always keeps (LISTRIGHTS, RFC 4314 §3.4)."""
    target = extensions.mailbox_name(folder) + b" " + _identifier(identifier)
    for response in extensions.run(client, b"LISTRIGHTS " + target, name="LISTRIGHTS"):
        match extensions.parse(response) if response[0][:13].upper() == b"* LISTRIGHTS " else ():
            case (_, _, _, required, *_):
                return _text(required)
    return ""


def _identifier(text: str) -> bytes:
    """Return an identifier as a quoted string; beyond ASCII it needs a literal (RFC 7888)."""
    raw = text.encode()
    if text.isascii():
        return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return b"{%d+}\r\n" % len(raw) + raw
