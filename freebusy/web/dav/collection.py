"""What WebDAV is spoken over: a collection and its files, as one visitor sees them.

RFC 4918 §5 (collections) and §9 (what the methods do to them).  Paths are decoded and
absolute, as in :class:`~freebusy.ports.FreeBusyFiles`; a collection's own ends with a
slash where a :class:`Resource` names it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from freebusy.ports import Visitor


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource as a visitor sees it (RFC 4918 §15)."""

    path: str
    """Decoded and absolute, below the collection that was asked; a collection's ends with "/"."""
    is_collection: bool = False
    length: int = 0
    """Octets that GET would answer with."""
    modified: datetime | None = None
    """Aware UTC, whole seconds."""
    etag: str | None = None
    """A strong entity tag with its quotes; None where there is none."""
    media_type: str | None = None


class Collection(Protocol):
    """The calendar folder and its files.

    The methods that are no coroutines do not block.  What is hidden from a visitor is
    not there for this visitor: no method tells hidden, unknown and malformed apart.
    """

    def allowed(self, path: str) -> Sequence[str]:
        """Return the methods that make sense at a path by its form, for Allow and OPTIONS.

        The same for whatever is there or is not, and for every visitor; ``*`` stands for
        the whole server.  A DAV method that is not named is answered with 405.
        """

    def canonical(self, path: str) -> str:
        """Return one path for all that name the same file (alias, other folder, extension).

        Locks and kept properties go by it.  Asked only for visitors who may write there.
        """

    def may_write(self, path: str, visitor: Visitor) -> bool:
        """Whether the visitor may change, create or lock what this path names."""

    async def resource(self, path: str, visitor: Visitor) -> Resource | None:
        """Return what is there for the visitor to read, or None."""

    async def members(self, path: str, visitor: Visitor) -> Sequence[Resource]:
        """Return what the visitor may see listed in a collection, without itself, sorted."""

    async def move(self, source: str, target: str, *, overwrite: bool, visitor: Visitor) -> bool:
        """Give a file another name and return whether there was none under it before.

        With ``overwrite`` false a target that is there raises PreconditionFailedError;
        else as :meth:`~freebusy.ports.Publications.rename`.
        """


@runtime_checkable
class Tree(Protocol):
    """An add-on: a collection with collections in it, whose resources can be copied.

    The published tree has neither; the tests' collection has, for litmus.
    """

    async def copy(
        self, source: str, target: str, *, overwrite: bool, deep: bool, visitor: Visitor
    ) -> bool:
        """Copy and return whether nothing was at the target (RFC 4918 §9.8)."""

    async def make_collection(self, path: str, visitor: Visitor) -> int:
        """Make an empty collection; return 201, or 403, 405 or 409 as RFC 4918 §9.3.1 says."""
