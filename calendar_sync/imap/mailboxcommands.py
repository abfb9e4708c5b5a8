"""Commands that change which mailboxes there are (RFC 3501 §6.3.3 to §6.3.9, RFC 5464 §4.3).

A refusal is :class:`~calendar_sync.imap.extensions.CommandRefused`, without the server's
words: what they mean is found out by asking.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from calendar_sync.imap import extensions
from calendar_sync.imap.extensions import CommandRefused, mailbox_name
from calendar_sync.imap.survey import SHARED_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imapclient import IMAPClient

KOLAB = (b"/shared/vendor/kolab", b"/private/vendor/kolab")
_PLAIN = re.compile(rb"[\x20-\x7e]*")


def create(client: IMAPClient, path: str) -> None:
    """Make a mailbox."""
    extensions.run(client, b"CREATE " + mailbox_name(path), name="CREATE")


def rename(client: IMAPClient, path: str, target: str) -> None:
    """Give a mailbox, and those below it, another name."""
    command = b"RENAME " + mailbox_name(path) + b" " + mailbox_name(target)
    extensions.run(client, command, name="RENAME")


def delete(client: IMAPClient, path: str) -> None:
    """Remove a mailbox and the messages in it."""
    extensions.run(client, b"DELETE " + mailbox_name(path), name="DELETE")


# -- subscriptions: what clients show, and nothing depends on it


def subscribe(client: IMAPClient, path: str) -> None:
    """Subscribe; what a server refuses is no matter."""
    with contextlib.suppress(CommandRefused):
        extensions.run(client, b"SUBSCRIBE " + mailbox_name(path), name="SUBSCRIBE")


def unsubscribe(client: IMAPClient, path: str) -> None:
    """Unsubscribe, also from a mailbox that is gone; what a server refuses is no matter."""
    with contextlib.suppress(CommandRefused):
        extensions.run(client, b"UNSUBSCRIBE " + mailbox_name(path), name="UNSUBSCRIBE")


def subscribed(client: IMAPClient, path: str, separator: str) -> list[str]:
    """Return the subscriptions to a mailbox and to those below it (LSUB), also to gone ones."""
    with extensions.understanding():
        names = [str(name) for _, _, name in client.list_sub_folders("", path + "*")]
    return [name for name in names if name == path or name.startswith(path + separator)]


def resubscribe(client: IMAPClient, names: Iterable[str], path: str, target: str) -> None:
    """Let subscriptions follow a mailbox to its new name; servers leave them behind."""
    for name in names:
        unsubscribe(client, name)
        subscribe(client, target + name.removeprefix(path))


# -- METADATA


def set_types(client: IMAPClient, types: Mapping[str, str]) -> None:
    """Write Kolab folder types, by mailbox."""
    for path, kind in types.items():
        set_entries(client, path, {SHARED_TYPE: kind.encode("ascii")})


def set_entries(client: IMAPClient, path: str, entries: Mapping[str, bytes]) -> None:
    """Write entries of a mailbox; one whose value is no printable ASCII is left out."""
    pairs = [
        name.encode("ascii") + b' "' + re.sub(rb'([\\"])', rb"\\\1", value) + b'"'
        for name, value in entries.items()
        if _PLAIN.fullmatch(value) and name.isascii() and name.isprintable()
    ]
    if pairs:
        command = b"SETMETADATA " + mailbox_name(path) + b" (" + b" ".join(pairs) + b")"
        extensions.run(client, command, name="SETMETADATA")


def kolab_entries(client: IMAPClient, path: str) -> dict[str, bytes]:
    """Return all that Kolab clients have written on a mailbox (RFC 5464 §4.2.2)."""
    wanted = b" ".join(KOLAB)
    command = b"GETMETADATA (DEPTH infinity) " + mailbox_name(path) + b" (" + wanted + b")"
    found: dict[str, bytes] = {}
    for read in map(extensions.parse_metadata, extensions.run(client, command, name="GETMETADATA")):
        found |= read[1] if read and read[0] == path else {}
    return found
