"""WebDAV over a collection in memory that can do everything, for litmus and for the wire tests.

What the gateway's web site does around :class:`Dav` is done here as briefly as can be:
GET, PUT and DELETE, and the statuses of what a collection raises.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aiohttp import web

from freebusy.errors import NoPublicationError, NotAllowedError, PreconditionFailedError
from freebusy.ports import Account, Scope, Visitor
from freebusy.web.dav import Dav
from freebusy.web.dav.collection import Resource
from freebusy.web.target import decode_path, raw_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

STATUSES = {NotAllowedError: 403, NoPublicationError: 404, PreconditionFailedError: 412}
NOT_THERE = NoPublicationError("Nothing is there")
FILE_METHODS = ("GET", "HEAD", "PUT", "DELETE")
SCOPES = {"freebusy": Scope.SHARED, "reader": Scope.READ}


def visitor_of(request: web.BaseRequest) -> Visitor:
    """Whoever gives a name is believed."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Basic":
        return Visitor("127.0.0.1")
    return visitor_named(base64.b64decode(credentials).decode().partition(":")[0])


def visitor_named(name: str) -> Visitor:
    scope = SCOPES.get(name, Scope.MAIL)
    return Visitor("127.0.0.1", Account(name, None if scope is Scope.SHARED else name, scope))


class MemoryTree:
    """Files and collections by path; a collection's path has no slash at its end."""

    def __init__(self, *, methods: Sequence[str] = sorted(Dav.METHODS)) -> None:
        self._files: dict[str, bytes | None] = {"": None}
        self._methods = methods
        self.hidden: set[str] = set()
        """What the visitor ``reader`` does not see."""

    # -- what Dav asks

    def allowed(self, path: str) -> Sequence[str]:
        return (*self._methods, *FILE_METHODS)

    def canonical(self, path: str) -> str:
        return path.rstrip("/").replace("/alias/", "/")

    def may_write(self, path: str, visitor: Visitor) -> bool:
        account = visitor.account
        return account is not None and account.scope is not Scope.READ

    async def resource(self, path: str, visitor: Visitor) -> Resource | None:
        key = self.canonical(path)
        is_hidden = key in self.hidden and not self.may_write(path, visitor)
        return None if key not in self._files or is_hidden else self._resource(key)

    async def members(self, path: str, visitor: Visitor) -> Sequence[Resource]:
        start = path.rstrip("/") + "/"
        return [self._resource(key) for key in sorted(self._files) if _is_member(key, start)]

    async def move(self, source: str, target: str, *, overwrite: bool, visitor: Visitor) -> bool:
        created = self._copy(source, target, overwrite=overwrite, deep=True)
        self.delete(source)
        return created

    async def copy(
        self, source: str, target: str, *, overwrite: bool, deep: bool, visitor: Visitor
    ) -> bool:
        return self._copy(source, target, overwrite=overwrite, deep=deep)

    async def make_collection(self, path: str, visitor: Visitor) -> int:
        key = self.canonical(path)
        if key in self._files:
            return 405
        if not self.has_parent(key):
            return 409
        self._files[key] = None
        return 201

    # -- what the server below asks

    def make(self, path: str) -> None:
        self._files[self.canonical(path)] = None

    @property
    def paths(self) -> list[str]:
        return sorted(self._files)

    def read(self, path: str) -> bytes:
        body = self._files.get(self.canonical(path))
        if body is None:
            raise NOT_THERE
        return body

    def validator(self, path: str) -> dict[str, str]:
        return {"ETag": self._resource(self.canonical(path)).etag or ""}

    def store(self, path: str, body: bytes) -> bool:
        key = self.canonical(path)
        created = key not in self._files
        self._files[key] = body
        return created

    def has_parent(self, path: str) -> bool:
        parent = self.canonical(path).rpartition("/")[0]
        return parent in self._files and self._files[parent] is None

    def is_collection(self, path: str) -> bool:
        return self._files.get(self.canonical(path), b"") is None

    def delete(self, path: str) -> None:
        gone = self._with_members(self.canonical(path))
        if not gone:
            raise NOT_THERE
        for key in gone:
            del self._files[key]

    def _resource(self, key: str) -> Resource:
        body = self._files[key]
        if body is None:
            return Resource(f"{key}/", is_collection=True, modified=MODIFIED)
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        return Resource(key, False, len(body), MODIFIED, etag, "text/calendar")

    def _with_members(self, key: str) -> list[str]:
        return [each for each in self._files if each == key or each.startswith(f"{key}/")]

    def _copy(self, source: str, target: str, *, overwrite: bool, deep: bool) -> bool:
        key, new = self.canonical(source), self.canonical(target)
        kept = {each: self._files[each] for each in self._with_members(key)}
        if not kept:
            raise NOT_THERE
        if not self.has_parent(new):
            raise ParentMissingError("No such collection")
        created = new not in self._files
        if not created:
            if not overwrite:
                raise PreconditionFailedError("It is there already")
            self.delete(new)
        for each, body in kept.items():
            if deep or each == key:
                self._files[new + each[len(key) :]] = body
        return created


class ParentMissingError(NotAllowedError):
    """409: RFC 4918 §9.7.1."""


MODIFIED = datetime(2026, 6, 1, 12, 30, 15, tzinfo=UTC)


def _is_member(key: str, start: str) -> bool:
    return key.startswith(start) and "/" not in key[len(start) :] and key != start


@dataclass
class DavServer:
    """A server on a free port of the loopback address."""

    tree: MemoryTree
    clock: Callable[[], float]
    port: int = 0
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dav = Dav(self.tree, clock=self.clock)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        visitor = visitor_of(request)
        raw = raw_path(request.raw_path) if request.raw_path != "*" else "*"
        path = raw if raw in {None, "*"} else decode_path(str(raw))
        if path is None:
            return web.Response(status=404)
        try:
            if request.method in Dav.METHODS:
                return await self.dav.answer(request, path, visitor)
            return await self._plain(request, path, visitor)
        except ParentMissingError:
            return web.Response(status=409)
        except tuple(STATUSES) as error:
            if visitor.account is None:
                return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
            return web.Response(status=STATUSES[type(error)])
        except Exception as error:  # noqa: BLE001  # any other one is a bug, which the test names
            self.faults.append(repr(error))
            return web.Response(status=500)

    async def _plain(
        self, request: web.BaseRequest, path: str, visitor: Visitor
    ) -> web.StreamResponse:
        if request.method in {"GET", "HEAD"}:
            return web.Response(body=self.tree.read(path), headers=self.tree.validator(path))
        if not self.tree.may_write(path, visitor):
            raise NotAllowedError("Not allowed")
        is_delete = request.method == "DELETE"
        refusal = await self.dav.refusal(request.headers, path, visitor, removes=is_delete)
        if refusal is not None:
            return refusal
        if is_delete:
            return self._delete(request, path)
        if not self.tree.has_parent(path):
            return web.Response(status=409)
        if self.tree.is_collection(path):
            return web.Response(status=405)
        return web.Response(status=201 if self.tree.store(path, await request.read()) else 204)

    def _delete(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        if "#" in request.raw_path:
            return web.Response(status=400)
        self.tree.delete(path)
        self.dav.forget(path)
        return web.Response(status=204)


@contextlib.contextmanager
def dav_server(
    tree: MemoryTree | None = None, clock: Callable[[], float] = time.monotonic
) -> Iterator[DavServer]:
    """Serve until the block ends; what no handler caught fails the test."""
    server = DavServer(MemoryTree() if tree is None else tree, clock)
    started: Future[None] = Future()
    done = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(server, started, done)))
    thread.start()
    try:
        started.result(20)
        yield server
    finally:
        done.set()
        thread.join(20)
    assert [] == server.faults


async def _serve(server: DavServer, started: Future[None], done: threading.Event) -> None:
    try:
        handler = web.Server(server.answer)
        listener = await asyncio.get_running_loop().create_server(handler, "127.0.0.1", 0)
        server.port = listener.sockets[0].getsockname()[1]
    except OSError as error:
        started.set_exception(error)
        return
    started.set_result(None)
    await asyncio.get_running_loop().run_in_executor(None, done.wait)
    listener.close()
    await handler.shutdown(1)
