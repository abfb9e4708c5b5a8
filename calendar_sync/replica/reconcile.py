"""How the sync decides: what each side did to an item since both agreed -> what to do (pure).

Read aloud: new here, go up; new there, come down; changed on one side, that side is right;
gone on one side, and the same on the other, go there too; gone on one side and changed on
the other, the change wins; changed on both, compare.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable

Version = frozenset[int]
"""What a side of the server says of an item: which messages it consists of."""


class Change(Enum):
    """What became of an item on one side since both sides agreed."""

    NONE = "never there"
    SAME = "same"
    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"


class Step(Enum):
    """What to do with an item."""

    NOTHING = "nothing"
    PUT = "send"
    GET = "fetch"
    REMOVE_HERE = "remove here"
    REMOVE_THERE = "remove on the server"
    FORGET = "forget"
    COMPARE = "compare"
    LINK = "link"
    KEEP_OURS = "send, keep theirs aside"
    KEEP_THEIRS = "fetch, keep ours aside"


_DECISIONS = {
    # here, there
    (Change.NONE, Change.NONE): Step.FORGET,
    (Change.NEW, Change.NONE): Step.PUT,
    (Change.NONE, Change.NEW): Step.GET,
    (Change.NEW, Change.NEW): Step.COMPARE,
    (Change.SAME, Change.SAME): Step.NOTHING,
    (Change.CHANGED, Change.SAME): Step.PUT,
    (Change.SAME, Change.CHANGED): Step.GET,
    (Change.CHANGED, Change.CHANGED): Step.COMPARE,
    (Change.GONE, Change.SAME): Step.REMOVE_THERE,
    (Change.SAME, Change.GONE): Step.REMOVE_HERE,
    (Change.GONE, Change.GONE): Step.FORGET,
    (Change.CHANGED, Change.GONE): Step.PUT,
    (Change.GONE, Change.CHANGED): Step.GET,
}


@dataclass(frozen=True, slots=True)
class Agreed:
    """An item as both sides had it when they agreed last."""

    digest: str
    """Of the local file."""
    version: Version


@dataclass(frozen=True, slots=True)
class Rights:
    """What may be done to the folder on the server (RFC 4314 §4)."""

    may_add: bool
    may_remove: bool

    @classmethod
    def of(cls, letters: str) -> Rights:
        """Return what letters allow: appending takes i, expunging t and e."""
        return cls(may_add="i" in letters, may_remove={"t", "e"} <= set(letters))

    def allow(self, step: Step, *, is_there: bool) -> bool:
        """Whether a step is allowed, for an item that is, or is not, on the server."""
        needs_add = step in (Step.PUT, Step.KEEP_OURS)
        needs_remove = step is Step.REMOVE_THERE or (needs_add and is_there)
        return (self.may_add or not needs_add) and (self.may_remove or not needs_remove)


def change(before: Hashable | None, now: Hashable | None) -> Change:
    """Return what became of something on one side; None: it is, or was, not there."""
    if before is None:
        return Change.NONE if now is None else Change.NEW
    if now is None:
        return Change.GONE
    return Change.SAME if before == now else Change.CHANGED


def decide(agreed: Agreed | None, here: str | None, there: Version | None, rights: Rights) -> Step:
    """Return what to do; ``here`` is the file's digest, ``there`` the messages.

    Where the rights do not allow what our side wants, the server's side is right.
    """
    step = _DECISIONS[
        change(agreed and agreed.digest, here), change(agreed and agreed.version, there)
    ]
    if rights.allow(step, is_there=there is not None):
        return step
    return Step.GET if here is None else Step.KEEP_THEIRS


def settle(*, equal: bool, here: Any, there: Any, rights: Rights) -> Step:
    """Return what to do with an item that changed on both sides; ``here`` and ``there``
    say how new each is.  At a tie the server's is right: everybody else has seen it.
    """
    if equal:
        return Step.LINK
    if here > there and rights.allow(Step.KEEP_OURS, is_there=True):
        return Step.KEEP_OURS
    return Step.KEEP_THEIRS
