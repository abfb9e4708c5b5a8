"""Accounts and publications in memory, with what it takes to make them slow or fail."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from freebusy.errors import (
    LoginRefusedError,
    NoPublicationError,
    NotAllowedError,
    NotFreeBusyError,
    TooLargeError,
)
from freebusy.ports import Account, Published, PublishedFile, Scope
from tests.wire.ftp_dialogue import PATIENCE, MemoryFiles, published, some_files

if TYPE_CHECKING:
    import threading

    from freebusy.ports import Precondition, Upload, Visitor

HANS = Account("hans", "hans", Scope.MAIL)
SHARED = Account("freebusy", None, Scope.SHARED)
SUFFIXES = (".part", ".tmp", ".new")


@dataclass
class MemoryLogins:
    """Two accounts, ``hans`` and ``freebusy``, whose password is ``secret``."""

    wait: float = 0.0
    error: Exception | None = None
    """What every login meets."""
    slowed: Exception | None = None
    """What :meth:`delay` meets."""
    remembers: bool = False
    gate: threading.Event | None = None
    """What a login waits for."""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    accounts: dict[str, Account] = field(
        default_factory=lambda: {"hans": HANS, "hans%40example.com": HANS, "freebusy": SHARED}
    )

    def recall(self, user: str, password: str, address: str) -> Account | None:
        return self.accounts.get(user) if self.remembers and password == "secret" else None

    def delay(self, user: str, address: str) -> float:
        if self.slowed is not None:
            raise self.slowed
        return self.wait

    def log_in(self, user: str, password: str, address: str) -> Account:
        self.asked.append((user, password, address))
        if self.gate is not None:
            assert self.gate.wait(PATIENCE)
        if self.error is not None:
            raise self.error
        if user not in self.accounts or password != "secret":
            raise LoginRefusedError("Wrong.")
        return self.accounts[user]


@dataclass
class MemoryPublications:
    """Publications into a :class:`MemoryFiles`: an account writes its own file, the shared all."""

    tree: MemoryFiles
    max_upload: int = 1 << 20
    trusts_anonymous: bool = False
    gate: threading.Event | None = None
    """What a publication waits for."""
    error: Exception | None = None
    served: bool = True
    uploads: list[tuple[str, Upload, Visitor]] = field(default_factory=list)
    kept: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """Temporary uploads by account and path."""

    def may_write(self, path: str, visitor: Visitor) -> bool:
        name = _name(path)
        account = visitor.account
        if account is None:
            return self.trusts_anonymous and name in self.tree.files
        return name == account.person or (account.person is None and name in self.tree.files)

    def publish(
        self, path: str, upload: Upload, visitor: Visitor, precondition: Precondition | None = None
    ) -> Published:
        self.uploads.append((path, upload, visitor))
        if self.gate is not None:
            assert self.gate.wait(PATIENCE)
        if self.error is not None:
            raise self.error
        self._check(path, upload.body, visitor)
        if path.endswith(SUFFIXES):
            self.kept[_owner(visitor), path] = upload.body
            return Published(path.rpartition("/")[2], created=True, served=False)
        created = _name(path) not in self.tree.files
        if self.served:
            self.tree.files[_name(path)] = published(_name(path), upload.body)
        return Published(_name(path), created=created, served=self.served)

    def _check(self, path: str, body: bytes, visitor: Visitor) -> None:
        if not self.may_write(path, visitor):
            raise NotAllowedError("not yours")
        if len(body) > self.max_upload:
            raise TooLargeError("too many octets")
        if b"END:VFREEBUSY" not in body:
            raise NotFreeBusyError("there is no END:VFREEBUSY;\r\n226 it was broken off")

    def rename(
        self,
        source: str,
        target: str,
        upload: Upload,
        visitor: Visitor,
        precondition: Precondition | None = None,
    ) -> Published:
        body = self.kept.get((_owner(visitor), source))
        if body is None:
            raise NoPublicationError("there is no such upload")
        self._check(target, body, visitor)
        del self.kept[_owner(visitor), source]
        self.tree.files[_name(target)] = published(_name(target), body)
        return Published(_name(target), created=False)

    def drop(
        self,
        path: str,
        visitor: Visitor,
        precondition: Precondition | None = None,
        *,
        protocol: str = "http",
    ) -> None:
        if self.error is not None:
            raise self.error
        if self.kept.pop((_owner(visitor), path), None) is None:
            if _name(path) not in self.tree.files:
                raise NoPublicationError("there is nothing to remove")
            del self.tree.files[_name(path)]

    def temporary(self, path: str, visitor: Visitor) -> PublishedFile | None:
        if self.error is not None:
            raise self.error
        body = self.kept.get((_owner(visitor), path))
        return None if body is None else published(path.rpartition("/")[2], body)


def _owner(visitor: Visitor) -> str:
    return "" if visitor.account is None else visitor.account.label


def _name(path: str) -> str:
    name = path.rpartition("/")[2]
    for suffix in (*SUFFIXES, ".vfb", ".ifb"):
        name = name.removesuffix(suffix)
    return name


def some_publications() -> MemoryPublications:
    return MemoryPublications(some_files())
