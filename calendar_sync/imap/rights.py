"""The rights that a person has on a folder, worked out from its access control list (RFC 4314).

Nothing here asks a server.  A list is what GETACL answered: pairs of an identifier and
its rights.  RFC 4314 §2 leaves open how several entries that mean one person go
together, and servers do differ; both ways are here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Entry = tuple[str, str]
"""An identifier and its rights, as GETACL gives them."""

LOOKUP, READ, ADMINISTER = "l", "r", "a"

_OBSOLETE = {"c": frozenset("kx"), "d": frozenset("te")}
"""What the two rights of RFC 2086 stand for (RFC 4314 §2.1.1)."""


class Combination(Enum):
    """How the entries that mean one person go together."""

    UNION = "union"
    """All that any entry gives, less all that any takes away (Cyrus)."""
    MOST_SPECIFIC = "most specific"
    """Only what the most specific entries give, less all that any takes away (Dovecot)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A person as access control lists know one; all in the case of :func:`normal`."""

    logins: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()


class _Match(IntEnum):
    """What an identifier is to a person, the most specific last (Dovecot's order)."""

    NOBODY = 0
    ANYONE = 1
    AUTHENTICATED = 2
    GROUP = 3
    LOGIN = 4
    GROUP_OVERRIDE = 5


def normal(text: str) -> str:
    """Return a login or the name of a group as it is compared: servers fold the case."""
    return text.strip().casefold()


def normal_rights(text: str) -> frozenset[str]:
    """Return single rights, those of RFC 2086 as what stands for them now.

    Where a server writes ``ed``, the right is ``e`` and nothing else: RFC 4314 §2.1.1 has it
    add the ``d`` for old clients.
    """
    said = frozenset(text.strip())
    meant = said - _OBSOLETE.keys()
    for right in said & _OBSOLETE.keys():
        meant |= frozenset() if said & (_OBSOLETE[right] | {"x"}) else _OBSOLETE[right]
    return meant


def wire_rights(rights: frozenset[str], *, obsolete: bool) -> frozenset[str]:
    """Return rights as a server is told them; ``obsolete``: one that knows only RFC 2086.

    There ``c`` and ``d`` are given where any right is wanted that they stand for.
    """
    if not obsolete:
        return rights
    told = rights - {"k", "x", "t", "e"}
    for right, stands_for in _OBSOLETE.items():
        told |= {right} if rights & stands_for else frozenset()
    return told


def rights_of(acl: Iterable[Entry], who: Identity, combination: Combination) -> frozenset[str]:
    """Return what a folder's list lets a person do; nothing for ``anonymous``, who never logs in.

    ``owner`` is left out: it means whoever the folder belongs to, and those need no list.
    """
    given: dict[_Match, frozenset[str]] = {}
    taken: frozenset[str] = frozenset()
    for identifier, text in acl:
        name, negative = _sign(identifier)
        match = _match(name, who, combination)
        if match is _Match.NOBODY:
            continue
        rights = normal_rights(text)
        if negative:
            taken |= rights
        else:
            given[match] = given.get(match, frozenset()) | rights
    if combination is Combination.UNION:
        return frozenset().union(*given.values()) - taken
    return given.get(max(given, default=_Match.NOBODY), frozenset()) - taken


def _sign(identifier: str) -> tuple[str, bool]:
    """Return an identifier without its ``-``, and whether it had one (RFC 4314 §2).

    Dovecot writes ``#`` before what is set for the whole server.
    """
    name = identifier.removeprefix("#")
    return name.removeprefix("-"), name.startswith("-")


def _match(identifier: str, who: Identity, combination: Combination) -> _Match:
    name = normal(identifier)
    if name == "anyone":
        return _Match.ANYONE
    if name == "authenticated" and combination is Combination.MOST_SPECIFIC:
        return _Match.AUTHENTICATED
    for prefix, match in _GROUP_PREFIXES:
        if name.startswith(prefix):
            return match if name.removeprefix(prefix) in who.groups else _Match.NOBODY
    return _Match.LOGIN if name in who.logins - _RESERVED else _Match.NOBODY


_GROUP_PREFIXES = (
    ("group:", _Match.GROUP),  # Cyrus
    ("group=", _Match.GROUP),
    ("!$", _Match.GROUP_OVERRIDE),  # Dovecot
    ("$", _Match.GROUP),
)
_RESERVED = {"anonymous", "owner", "authenticated"}
"""No logins, whatever a person is called."""
