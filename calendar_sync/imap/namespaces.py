"""Namespaces: whose a folder is, by how its name begins (RFC 2342)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from calendar_sync.imap import extensions
from calendar_sync.imap.rights import normal

if TYPE_CHECKING:
    from calendar_sync.imap.connection import Connection

INBOX = "INBOX"
Names = Sequence[tuple[str, str | None]] | None


class Kind(Enum):
    """Whose folders lie in a namespace."""

    PERSONAL = "personal"
    """The login's own."""
    OTHERS = "others"
    """Another person's."""
    SHARED = "shared"
    """Nobody's in particular."""


@dataclass(frozen=True, slots=True)
class Space:
    """A namespace: how the names in it begin, and what separates their parts."""

    prefix: str
    separator: str

    @property
    def pattern(self) -> str:
        """What LIST finds its folders by, and maybe others: Cyrus knows no ``^`` in a pattern."""
        return self.prefix.replace("^", "%") + "*"

    def holds(self, folder: str) -> bool:
        """Whether a folder's name begins as those in this namespace do."""
        return folder.startswith(self.prefix)


@dataclass(frozen=True, slots=True)
class Namespaces:
    """What NAMESPACE says (RFC 2342 §5), and what holds where it says nothing."""

    personal: tuple[Space, ...] = (Space("", "/"),)
    """None for Cyrus's administrator, who has no folders."""
    others: tuple[Space, ...] = ()
    shared: tuple[Space, ...] = ()

    @property
    def separator(self) -> str:
        """What separates the parts of a folder's name."""
        for _, space in self.all():
            return space.separator
        return "/"

    def all(self) -> Iterator[tuple[Kind, Space]]:
        """Yield every namespace with its kind; the login's own come first."""
        kinds = (Kind.PERSONAL, self.personal), (Kind.OTHERS, self.others)
        for kind, spaces in (*kinds, (Kind.SHARED, self.shared)):
            for space in spaces:
                yield kind, space

    def place(self, folder: str) -> tuple[Kind, Space] | None:
        """Return where a folder lies: in the namespace with the longest prefix that fits."""
        if folder.upper() == INBOX and self.personal:
            return Kind.PERSONAL, self.personal[0]
        fitting = [place for place in self.all() if place[1].holds(folder)]
        return max(fitting, key=lambda place: len(place[1].prefix), default=None)

    def user_of(self, folder: str) -> str | None:
        """Return what the server calls the other user whose folder this is; None for any other."""
        place = self.place(folder)
        if place is None or place[0] is not Kind.OTHERS:
            return None
        return folder.removeprefix(place[1].prefix).partition(place[1].separator)[0]


def namespaces(connection: Connection) -> Namespaces:
    """Ask where personal, other users' and shared folders lie."""
    if not connection.can("NAMESPACE"):
        return Namespaces()
    with extensions.understanding():
        return _namespaces(*connection.client.namespace())


def _namespaces(personal: Names, others: Names, shared: Names) -> Namespaces:
    return Namespaces(_spaces(personal), _spaces(others), _spaces(shared))


def _spaces(names: Names) -> tuple[Space, ...]:
    return tuple(Space(prefix, separator or "/") for prefix, separator in names or ())


def translated(folder: str, users: Collection[str], seen: Namespaces, own: Namespaces) -> str:
    """Return the name by which a person knows a folder that a service login lists.

    ``seen`` are the service login's namespaces, in which the person is one of ``users``
    (normal); ``own`` are the person's.
    """
    place = seen.place(folder)
    if place is None:
        return folder
    kind, space = place
    rest = folder.removeprefix(space.prefix)
    if kind is Kind.OTHERS:
        whose, _, below = rest.partition(space.separator)
        if normal(whose) in users:
            kind, rest = Kind.PERSONAL, below
    if kind is Kind.PERSONAL and not rest:
        return INBOX
    target = next((there for whose, there in own.all() if whose is kind), None)
    if target is None:
        return folder
    return target.prefix + rest.replace(space.separator, target.separator)
