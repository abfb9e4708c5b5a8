"""What state mailboxes are in, without opening them: STATUS, and LIST with it for all at once.

STATUS is RFC 3501 §6.3.10, HIGHESTMODSEQ in it RFC 7162 §3.1.7, and LIST that returns it
for every mailbox RFC 5819.  Answers are read one response at a time, so that memory
holds what is wanted of each mailbox and never a whole answer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imapclient.exceptions import ProtocolError

from calendar_sync.imap import extensions
from calendar_sync.imap.acl import pipelined
from calendar_sync.imap.extensions import Examined

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from imapclient import IMAPClient

MAX_MAILBOXES = 500_000
"""A server that lists more is not believed."""

ITEMS = b"UIDVALIDITY UIDNEXT MESSAGES"
_STATUS = re.compile(
    rb'\* STATUS (?:"(?P<quoted>(?:[^"\\\r\n]|\\.)*)"|(?P<atom>[^ "(){\r\n]+)|\{\d+\+?\}\r\n) ?'
    rb"(?P<values>\([^()\r\n]*\))?",
    re.IGNORECASE,
)
_LIST = re.compile(
    rb'\* LIST \((?P<flags>[^()\r\n]*)\) (?:"(?:[^"\\\r\n]|\\.)*"|NIL) '
    rb'(?:"(?P<quoted>(?:[^"\\\r\n]|\\.)*)"|(?P<atom>[^ "(){\r\n]+)|\{\d+\+?\}\r\n)',
    re.IGNORECASE,
)
_VALUE = re.compile(rb"(MESSAGES|UIDNEXT|UIDVALIDITY|HIGHESTMODSEQ) (\d{1,20})", re.IGNORECASE)
_ESCAPED = re.compile(rb"\\(.)")
_NOT_A_MAILBOX = {b"\\noselect", b"\\nonexistent"}

States = dict[str, Examined | None]
"""Mailboxes by name; None for one whose state the server does not tell."""


def _name(found: re.Match[bytes], response: extensions.Response) -> str:
    """Return the mailbox name of a response: quoted, an atom, or the literal that follows."""
    quoted, atom = found["quoted"], found["atom"]
    if quoted is not None:
        return extensions.decode_name(_ESCAPED.sub(rb"\1", quoted))
    if atom is not None:
        return extensions.decode_name(atom)
    if len(response) < 3:
        raise ProtocolError("a mailbox without a name")
    return extensions.decode_name(response[1])


def parse_status(response: extensions.Response) -> tuple[str, Examined | None] | None:
    """Read ``* STATUS name (MESSAGES 1 UIDNEXT 2 ...)``; None for anything else.

    HIGHESTMODSEQ 0 is a mailbox without modification sequences (RFC 7162 §3.1.2.2); the
    state is None where UIDVALIDITY is missing.
    """
    found = _STATUS.match(response[0])
    if found is None:
        return None
    text = response[-1] if found["values"] is None else found["values"]
    values = {name.upper(): int(number) for name, number in _VALUE.findall(text)}
    name = _name(found, response)
    if b"UIDVALIDITY" not in values:
        return name, None
    return name, Examined(
        values[b"UIDVALIDITY"],
        values.get(b"UIDNEXT"),
        values.get(b"MESSAGES", 0),
        values.get(b"HIGHESTMODSEQ") or None,
    )


def parse_list(response: extensions.Response) -> str | None:
    """Read the name in ``* LIST (flags) "/" name``; None for what cannot be opened."""
    found = _LIST.match(response[0])
    if found is None or _NOT_A_MAILBOX & set(found["flags"].lower().split()):
        return None
    return _name(found, response)


def items(*, condstore: bool) -> bytes:
    """Return what STATUS is asked for."""
    return b"(" + ITEMS + (b" HIGHESTMODSEQ" if condstore else b"") + b")"


def list_status(
    client: IMAPClient, patterns: Iterable[str], *, condstore: bool
) -> Iterator[tuple[str, Examined | None]]:
    """Yield the mailboxes that match, each with its state (RFC 5819 §2).

    A name comes once without a state when it is listed, and again with the state
    where the server tells it: it says NO to those that may be seen and not read.
    """
    wanted = b" ".join(map(extensions.mailbox_name, patterns))
    command = b'LIST "" (' + wanted + b") RETURN (STATUS " + items(condstore=condstore) + b")"
    tag = extensions.send(client, command)
    for response in extensions.responses(client, tag, "LIST"):
        if state := parse_status(response):
            yield state
        elif name := parse_list(response):
            yield name, None


def collect(found: Iterable[tuple[str, Examined | None]]) -> States:
    """Gather the states by name; raises ProtocolError for more than there can be."""
    states: States = {}
    for name, state in found:
        if state is not None or name not in states:
            states[name] = state
        if len(states) > MAX_MAILBOXES:
            raise ProtocolError("more mailboxes than any server has")
    return states


def list_names(client: IMAPClient, pattern: str) -> States:
    """Return the mailboxes that match a pattern, without their states."""
    tag = extensions.send(client, b'LIST "" ' + extensions.mailbox_name(pattern))
    names = map(parse_list, extensions.responses(client, tag, "LIST"))
    return collect((name, None) for name in names if name)


def statuses(
    client: IMAPClient, names: Sequence[str], *, condstore: bool
) -> Iterator[tuple[str, Examined | None]]:
    """Yield the states of some mailboxes, asked for together.

    One for which the server says no is left out; raises CommandRefused where it cannot
    tell now.
    """
    wanted = items(condstore=condstore)
    commands = [b"STATUS " + extensions.mailbox_name(name) + b" " + wanted for name in names]
    yield from filter(None, map(parse_status, pipelined(client, "STATUS", commands)))
