"""Who somebody is: accounts, visitors and how passwords are checked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Scope(Enum):
    """What a login is good for."""

    SHARED = "shared"
    """The shared ``freebusy`` account: reads, lists and writes for everybody in the roster."""
    MAIL = "mail"
    """The person's own mail account: all that the person may do."""
    PUBLISH = "publish"
    """An app password that writes the person's file, reads it, and nothing else."""
    READ = "read"
    """An app password that reads as the person does."""
    CONNECTOR = "connector"
    """An app password for the connector's interface; reads as the person does."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who has logged in, and with what."""

    label: str
    """For logs and the audit trail: ``freebusy``, ``hans``, ``hans/outlook``; no secret in it."""
    person: str | None
    """The canonical NAME; None for the shared account, which is nobody."""
    scope: Scope


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks for a file, or brings one."""

    address: str
    """The peer's IP address as text, IPv4-mapped addresses unmapped."""
    account: Account | None = None
    """The account that logged in; None for anonymous."""
    is_vouched: bool = True
    """Whether the address may be trusted with more than reading.

    False where an unknown proxy speaks for somebody, or the client asked a host that is
    none of ours (a web page made a browser ask)."""


class LoginCheck(Protocol):
    """Asks the mail server whether a password is right."""

    def check(self, login: str, password: str) -> bool:
        """Return whether the server lets this login in.  Blocks for as long as it takes.

        Raises SourceError where the server cannot be asked, or gives no clear answer.
        """


class Logins(Protocol):
    """Accounts and their passwords, for both servers together; safe from any thread."""

    def recall(self, user: str, password: str, address: str) -> Account | None:
        """Return the account where this very login succeeded a short while ago; never blocks."""

    def delay(self, user: str, address: str) -> float:
        """Return the seconds to wait before :meth:`log_in`, because of earlier failures.

        The caller waits without holding anybody else up.  Raises LoginSlowedError where
        waiting is no use.
        """

    def log_in(self, user: str, password: str, address: str) -> Account:
        """Check a login; blocks, so it is called in a thread of its own.

        ``user`` is as the client wrote it: a NAME, an alias, an address, in FTP perhaps
        with ``%40``.  Raises LoginRefusedError, LoginSlowedError, LoginUnavailableError.
        """
