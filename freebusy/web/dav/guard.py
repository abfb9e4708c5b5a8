"""What stands before a change: rights, the If header, and locks (RFC 4918 §7, §10.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freebusy.errors import NotAllowedError
from freebusy.web.dav.conditions import ConditionList, parse_if, submitted_tokens
from freebusy.web.dav.fields import is_own
from freebusy.web.dav.locks import Holder
from freebusy.web.dav.multistatus import href
from freebusy.web.dav.refused import RefusedError
from freebusy.web.target import decode_path, raw_path

if TYPE_CHECKING:
    from collections.abc import Collection as Container
    from collections.abc import Mapping, Sequence

    from freebusy.ports import Visitor
    from freebusy.web.dav.collection import Collection
    from freebusy.web.dav.locks import Lock, LockTable


class Guard:
    """Lets a change pass, or says why not."""

    def __init__(self, collection: Collection, locks: LockTable, hosts: Container[str]) -> None:
        self._collection = collection
        self._locks = locks
        self._hosts = hosts

    def require_write(self, path: str, visitor: Visitor) -> None:
        """Raise NotAllowedError where the visitor may not write."""
        if not self._collection.may_write(path, visitor):
            raise NotAllowedError("Not allowed")

    async def check_conditions(
        self, headers: Mapping[str, str], path: str, visitor: Visitor
    ) -> frozenset[str]:
        """Return the tokens that the If header brings; RefusedError: 400, or 412 if it fails."""
        field = headers.get("If")
        if field is None:
            return frozenset()
        lists = parse_if(field)
        for each in lists:
            if await self._holds(each, headers, path, visitor):
                return submitted_tokens(lists)
        raise RefusedError(412, "The If header does not hold")

    async def _holds(
        self, each: ConditionList, headers: Mapping[str, str], path: str, visitor: Visitor
    ) -> bool:
        """Weigh one list.  What a visitor may not write has no locks for this visitor."""
        named = path if each.resource is None else self._own_path(each.resource, headers)
        if named is None:
            return each.holds((), None)
        tokens: Container[str] = ()
        if self._collection.may_write(named, visitor):
            locks = self._locks.covering(self._collection.canonical(named))
            holder = Holder.of(visitor)
            tokens = {lock.token for lock in locks if lock.holder == holder}
        resource = await self._collection.resource(named, visitor)
        return each.holds(tokens, None if resource is None else resource.etag)

    def _own_path(self, url: str, headers: Mapping[str, str]) -> str | None:
        if not is_own(url, headers, self._hosts):
            return None
        raw = raw_path(url)
        return None if raw is None else decode_path(raw)

    def check_locks(
        self, path: str, visitor: Visitor, tokens: Container[str], *, changes_members: bool = False
    ) -> None:
        """Raise RefusedError (423) where somebody else's lock is in the way.

        ``changes_members``: the path comes or goes, with all that it holds, which its
        collection's lock forbids too (§7.4).
        """
        canonical = self._collection.canonical(path)
        groups = [self._locks.covering(canonical)]
        if changes_members:
            groups.append(self._locks.on_parent(canonical))
            groups += [[lock] for lock in self._locks.below(canonical)]
        holder = Holder.of(visitor)
        found = [lock for group in groups for lock in _hindering(group, holder, tokens)]
        if found:
            raise locked(found)


def _hindering(group: Sequence[Lock], holder: Holder, tokens: Container[str]) -> Sequence[Lock]:
    """Return the locks of a path that stop a holder.

    Of several shared ones the token of one is enough (§7.5).
    """
    counting = [lock for lock in group if not lock.yields_to(holder)]
    hindering = [lock for lock in counting if lock.hinders(holder, tokens)]
    return hindering if len(hindering) == len(counting) else ()


def locked(locks: Sequence[Lock]) -> RefusedError:
    """Return the refusal 423 with the locks' roots (§16, lock-token-submitted)."""
    roots = "".join(dict.fromkeys(href(lock.root) for lock in locks))
    condition = f"<D:lock-token-submitted>{roots}</D:lock-token-submitted>"
    return RefusedError(423, "Locked", condition)
