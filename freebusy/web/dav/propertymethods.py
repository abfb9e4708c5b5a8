"""PROPFIND and PROPPATCH (RFC 4918 §9.1, §9.2)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from freebusy.web.dav.collection import Resource
from freebusy.web.dav.fields import INFINITY, depth
from freebusy.web.dav.locks import Holder
from freebusy.web.dav.multistatus import Name, element, multistatus, propstat, response
from freebusy.web.dav.properties import ShownLock, View, names_of, value_of
from freebusy.web.dav.refused import RefusedError, malformed
from freebusy.web.dav.requestxml import Element, parse_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from aiohttp import web

    from freebusy.ports import Visitor
    from freebusy.web.dav.collection import Collection
    from freebusy.web.dav.exchange import Exchange
    from freebusy.web.dav.guard import Guard
    from freebusy.web.dav.locks import LockTable
    from freebusy.web.dav.properties import KeptProperties

MAX_ANSWER = 16 * 1024 * 1024
"""Characters of a multistatus: ten thousand files with all their properties are 7 million."""
_SLICE = 100
"""Resources described before others get their turn in the event loop: 1 to 3 ms."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a PROPFIND asks (§14.20)."""

    names: tuple[Name, ...] | None = None
    """None: all there are."""
    only_names: bool = False


ALL = Question()


def read_question(body: bytes) -> Question:
    """Return what is asked; an empty body asks for all (§9.1)."""
    if not body.strip():
        return ALL
    root = parse_request(body, "propfind")
    kinds = [root.find(kind) for kind in ("propname", "allprop", "prop")]
    only_names, everything, some = kinds
    if sum(kind is not None for kind in kinds) != 1:
        raise malformed("PROPFIND asks for prop, allprop or propname")
    if some is not None:
        return Question(tuple(dict.fromkeys(child.name for child in some.children)))
    return Question(only_names=only_names is not None) if everything is None else ALL


def read_changes(body: bytes) -> list[tuple[Name, str | None]]:
    """Return what a PROPPATCH sets, and with None what it removes, in order (§14.19)."""
    root = parse_request(body, "propertyupdate")
    changes = list(_changes(root))
    if not changes:
        raise malformed("PROPPATCH sets or removes at least one property")
    return changes


def _changes(root: Element) -> Iterator[tuple[Name, str | None]]:
    for action in root.children:
        if action.name not in {("DAV:", "set"), ("DAV:", "remove")}:
            continue  # unknown elements are ignored (§17)
        properties = action.find("prop")
        for each in () if properties is None else properties.children:
            yield each.name, each.text if action.name.local == "set" else None


class PropertyMethods:
    """Answers PROPFIND and PROPPATCH."""

    def __init__(
        self,
        collection: Collection,
        guard: Guard,
        locks: LockTable,
        kept: KeptProperties,
        *,
        max_body: int,
        not_found: Callable[[], web.StreamResponse],
    ) -> None:
        self._collection = collection
        self._guard = guard
        self._locks = locks
        self._kept = kept
        self._max_body = max_body
        self._not_found = not_found

    async def propfind(self, asked: Exchange) -> web.StreamResponse:
        """Answer 207.  About nothing where nothing is yet and the visitor may write.

        Office takes that for a free name and goes on to PUT; KIO for a name without a
        file.  To everybody else what is not there, and what is hidden, is 404.
        """
        reach = depth(asked.headers)
        if reach.levels == INFINITY:
            raise RefusedError(403, "Ask with Depth 0 or 1", "<D:propfind-finite-depth/>")
        question = read_question(await asked.body(self._max_body))
        may_write = self._collection.may_write(asked.path, asked.visitor)
        resource = await self._find(asked.path, asked.visitor, may_write=may_write)
        if resource is None:
            return multistatus(()) if may_write else self._not_found()
        resources = [] if reach.without_root else [resource]
        if resource.is_collection and reach.levels == "1":
            resources += await self._collection.members(resource.path, asked.visitor)
        return multistatus(await self._describe(resources, question, asked.visitor))

    async def _find(self, path: str, visitor: Visitor, *, may_write: bool) -> Resource | None:
        """Return what is there, or the empty resource that the visitor's own lock made (§7.3)."""
        resource = await self._collection.resource(path, visitor)
        if resource is not None or not may_write:
            return resource
        is_held = self._locks.is_held(self._collection.canonical(path), Holder.of(visitor))
        return Resource(path) if is_held else None

    async def _describe(
        self, resources: Sequence[Resource], question: Question, visitor: Visitor
    ) -> list[str]:
        responses, size = [], 0
        for number, resource in enumerate(resources, 1):
            said = describe(self._view(resource, visitor), question)
            responses.append(said)
            size += len(said)
            if size > MAX_ANSWER:
                raise RefusedError(507, "The answer would be too large: ask for fewer properties")
            if number % _SLICE == 0:
                await asyncio.sleep(0)
        return responses

    def _view(self, resource: Resource, visitor: Visitor) -> View:
        may_write = self._collection.may_write(resource.path, visitor)
        canonical = self._collection.canonical(resource.path) if may_write else ""
        return View(
            resource,
            locks=partial(self._shown, canonical, visitor) if may_write else tuple,
            is_lockable=lambda: may_write and "LOCK" in self._collection.allowed(resource.path),
            kept=self._kept.at(canonical) if may_write else {},
        )

    def _shown(self, canonical: str, visitor: Visitor) -> list[ShownLock]:
        holder = Holder.of(visitor)
        return [
            ShownLock(lock, self._locks.remaining(lock), is_own=lock.holder == holder)
            for lock in self._locks.covering(canonical)
        ]

    async def proppatch(self, asked: Exchange) -> web.StreamResponse:
        """Answer that all went well; kept is only what Windows writes.

        A client whose properties are refused takes its upload for failed.
        """
        self._guard.require_write(asked.path, asked.visitor)
        changes = read_changes(await asked.body(self._max_body))
        tokens = await self._guard.check_conditions(asked.headers, asked.path, asked.visitor)
        resource = await self._find(asked.path, asked.visitor, may_write=True)
        if resource is None:
            return self._not_found()
        self._guard.check_locks(asked.path, asked.visitor, tokens)
        canonical = self._collection.canonical(asked.path)
        for name, value in changes:
            self._kept.change(canonical, name, value)
        names = dict.fromkeys(name for name, _ in changes)
        return multistatus(
            [response(resource.path, [propstat(HTTPStatus.OK, map(element, names))])]
        )


def describe(view: View, question: Question) -> str:
    """Return DAV:response about one resource (§14.24)."""
    found, missing = [], []
    for name in names_of(view) if question.names is None else question.names:
        value = value_of(view, name)
        if value is not None:
            found.append(element(name, "" if question.only_names else value))
        elif question.names is not None:
            missing.append(element(name))
    both = (propstat(HTTPStatus.OK, found), propstat(HTTPStatus.NOT_FOUND, missing))
    return response(view.resource.path, both)
