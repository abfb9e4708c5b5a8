"""What the operator says about a mail server, and how a person fills its templates."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from calendar_sync.pages import Limits
from freebusy.errors import SourceRefusedError

if TYPE_CHECKING:
    from freebusy.ports import Owner

Security = Literal["tls", "starttls", "plain"]

_FIELD = re.compile(r"\{(name|address|local|domain)\}")
_UNSAFE = re.compile(r"[\x00-\x20\x7f*%+/\\\"{}()]")
"""Wildcards of LIST, separators of mailboxes, and what chooses another user or mailbox at login
(Dovecot ``user*master``, Cyrus ``user+mailbox``)."""


@dataclass(frozen=True, slots=True)
class ImapSettings:
    """Where the calendars are and how to log in; times are in seconds."""

    host: str
    username: str
    """A template: one service login, or ``{address}``, ``{local}*master`` and the like."""
    password: str | None = field(default=None, repr=False)
    """None: each owner's own password."""
    folder: tuple[str, ...] = ()
    """Templates of folder names; empty: folders of Kolab's type ``event``, else the usual names."""
    authorization: str | None = None
    """A template: whom ``username`` acts for (the authorization identity of RFC 4616)."""
    list_as_service: bool = False
    """With ``authorization``: folders are listed by ``username`` itself, and read as the person."""
    identity: str | None = None
    """A template: what the server calls a person, in access control lists and folder names.

    None: the NAME, the address and the local part alike."""
    include: tuple[str, ...] = ()
    """Patterns of folders that count whatever their type, annotations and lists say."""
    exclude: tuple[str, ...] = ()
    """Patterns of folders that do not count."""
    attendees_only: tuple[str, ...] = ()
    """Patterns of folders of which those events count to which a person is invited."""
    survey_seconds: float = 0.0
    """For so long what a service login sees is not asked again."""
    security: Security = "tls"
    port: int | None = None
    """None: 993 with TLS, else 143."""
    ca_file: str | None = None
    """Certificates to trust instead of the system's."""
    allow_plain: bool = False
    """Send the password unencrypted over the network, not only to this machine."""
    timeout: float = 30.0
    limits: Limits = field(default_factory=Limits)
    whole_bytes: int = 64 << 10
    """Of a larger message only its calendar part is fetched."""
    max_connections: int = 8
    max_watched: int = 100
    """Folders that have a connection of their own for IDLE; all are swept."""
    idle_seconds: float = 600.0
    """IDLE is sent again after this time (RFC 2177: at most 29 minutes)."""
    poll_seconds: float = 60.0
    """How often all folders of a login are swept, and asked where there is no IDLE."""

    @property
    def port_number(self) -> int:
        """The port to connect to (RFC 8314 §3.2, RFC 9051 §2.1)."""
        return self.port or (993 if self.security == "tls" else 143)

    @property
    def endpoint(self) -> str:
        """The server for messages to people."""
        return f"{self.host}:{self.port_number}"


@dataclass(frozen=True, slots=True)
class Login:
    """One login at the mail server."""

    username: str
    password: str = field(repr=False)
    authorization: str = ""
    """Whom the login acts for; empty: itself."""

    @property
    def identity(self) -> str:
        """Return whose folders and rights the login sees."""
        return self.authorization or self.username


def is_personal(template: str) -> bool:
    """Whether a template differs from person to person."""
    return _FIELD.search(template) is not None


def fill(template: str, owner: Owner, *, separator: str = "/") -> str:
    """Fill ``{name}``, ``{address}``, ``{local}`` and ``{domain}`` in a template.

    Where ``.`` separates mailboxes, a dot in a name is written ``^``, as Cyrus
    does.  Raises SourceRefusedError for a value that could mean more than a name.
    """
    local, _, domain = owner.address.partition("@")
    values = {"name": owner.name, "address": owner.address, "local": local, "domain": domain}

    def value(match: re.Match[str]) -> str:
        text = values[match[1]]
        if not text.strip(".") or _UNSAFE.search(text):
            raise SourceRefusedError(
                f"a person's {match[1]} cannot be used in a login or a folder name: "
                "it is empty or holds a character that has a meaning of its own there"
            )
        return text.replace(".", "^") if separator == "." else text

    return _FIELD.sub(value, template)


def login_of(settings: ImapSettings, owner: Owner) -> Login:
    """Return the login that reads this owner's folders.

    Raises SourceRefusedError where there is no password for it.
    """
    if settings.authorization is None:
        return _login(settings, owner, owner.login or fill(settings.username, owner))
    authorization = owner.login or fill(settings.authorization, owner)
    return _login(settings, owner, fill(settings.username, owner), authorization)


def service_login(settings: ImapSettings, owner: Owner) -> Login | None:
    """Return the login that lists everybody's folders; None where each person's own does."""
    if settings.authorization is not None:
        return _login(settings, owner, settings.username) if settings.list_as_service else None
    return None if owner.login or is_personal(settings.username) else login_of(settings, owner)


def sweep_login(settings: ImapSettings, owner: Owner) -> Login:
    """Return the login that sees whether an owner's folders changed, for many at once if it can."""
    service = service_login(settings, owner) if settings.list_as_service else None
    return service or login_of(settings, owner)


def _login(settings: ImapSettings, owner: Owner, username: str, authorization: str = "") -> Login:
    password = settings.password if settings.password is not None else owner.password
    if not password:
        raise SourceRefusedError(f"no password is configured for the login {username!r}")
    if "\0" in username + password + authorization:
        raise SourceRefusedError("a NUL cannot be part of a login")
    return Login(username, password, authorization)


def names_of(settings: ImapSettings, owner: Owner, *, separator: str = "/") -> tuple[str, ...]:
    """Return what the server may call a person, the likeliest first.

    Raises SourceRefusedError where nothing of it is safe to use.
    """
    if settings.identity is None and settings.authorization is not None and owner.login:
        return (owner.login.replace(".", "^") if separator == "." else owner.login,)
    likely = settings.identity or settings.authorization
    found: list[str] = []
    refusal: SourceRefusedError | None = None
    for template in (likely,) if likely else ("{name}", "{address}", "{local}"):
        try:
            found.append(fill(template, owner, separator=separator))
        except SourceRefusedError as error:
            refusal = error
    if refusal is not None and not found:
        raise refusal
    return tuple(dict.fromkeys(found))
