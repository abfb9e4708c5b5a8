"""What the operator says about a CalDAV server, and how a person fills its templates."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from calendar_sync.pages import Limits
from freebusy.errors import SourceRefusedError

if TYPE_CHECKING:
    from freebusy.ports import Owner

_FIELD = re.compile(r"\{(name|address|local|domain)\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NO_SEGMENT = re.compile(r"[\x00-\x1f\x7f/\\]")
"""Servers decode ``%2F`` before they look at a path, so that quoting it helps nobody."""


@dataclass(frozen=True, slots=True)
class CaldavSettings:
    """Where the calendars are and how to log in; times are in seconds."""

    url: str
    """A template: a calendar home, a calendar, a principal, a server's root, or a domain alone."""
    username: str = "{address}"
    """A template: one service login, or ``{address}``, ``{local}`` and the like."""
    password: str | None = field(default=None, repr=False)
    """None: each owner's own password."""
    calendars: tuple[str, ...] = ()
    """Templates of their names in URLs; empty: all of the home that are its owner's."""
    principal: str = "{local}"
    """In a home of many people's calendars: the last part of the URL of each one's DAV:owner."""
    ca_file: str | None = None
    """Certificates to trust instead of the system's."""
    allow_plain: bool = False
    """Send the password unencrypted over the network, not only to this machine."""
    timeout: float = 30.0
    limits: Limits = field(default_factory=Limits)
    max_connections: int = 4
    poll_seconds: float = 60.0
    """How often a watch asks for changes."""
    sync_collection: bool = True
    """Ask for changes by RFC 6578 where the server has it; False: always compare entity tags."""

    @property
    def is_personal(self) -> bool:
        """Whether the URL is that of each person's own home."""
        return "/" in self.url and is_personal(self.url)

    @property
    def is_shared(self) -> bool:
        """Whether everybody's calendars are in one home."""
        return not self.is_personal and not is_personal(self.username)


@dataclass(frozen=True, slots=True)
class Login:
    """One login at the server."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Origin:
    """A server: what no password ever leaves."""

    secure: bool
    host: str
    port: int

    @property
    def endpoint(self) -> str:
        """The server for messages to people."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine, by its name."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def is_personal(template: str) -> bool:
    """Whether a template differs from person to person."""
    return _FIELD.search(template) is not None


def values_of(owner: Owner) -> dict[str, str]:
    """Return what an owner puts in the place of each field."""
    local, _, domain = owner.address.partition("@")
    return {"name": owner.name, "address": owner.address, "local": local, "domain": domain}


def fill(template: str, owner: Owner) -> str:
    """Fill the fields of a template of a login."""
    values = values_of(owner)
    text = _FIELD.sub(lambda match: values[match[1]], template)
    if not text or _CONTROL.search(text):
        raise SourceRefusedError("a person's value cannot be used in a login")
    return text


def _segment(value: str) -> str:
    if not value.strip(".") or _NO_SEGMENT.search(value):
        raise SourceRefusedError(
            "a person's value cannot be used in a URL: it is empty or holds a character that has "
            "a meaning of its own there"
        )
    return quote(value, safe="@")


def fill_url(template: str, owner: Owner) -> str:
    """Fill the fields of a template of a URL, percent-encoded; SourceRefusedError for a slash."""
    values = values_of(owner)
    return _FIELD.sub(lambda match: _segment(values[match[1]]), template)


def fill_segment(template: str, owner: Owner) -> str:
    """Fill a template of one path segment and percent-encode all of it."""
    values = values_of(owner)
    return _segment(_FIELD.sub(lambda match: values[match[1]], template))


def login_of(settings: CaldavSettings, owner: Owner) -> Login:
    """Return the login that reads this owner's calendars.

    Raises SourceRefusedError where there is no password for it.
    """
    username = owner.login if is_personal(settings.username) and owner.login else None
    username = username or fill(settings.username, owner)
    password = settings.password if settings.password is not None else owner.password
    if not password:
        raise SourceRefusedError(f"no password is configured for the login {username!r}")
    if ":" in username or _CONTROL.search(username + password):
        raise SourceRefusedError("a colon cannot be part of a user name, nor a control character")
    return Login(username, password)


def place_of(url: str) -> tuple[Origin, str]:
    """Return the server in a URL, and the path there; SourceRefusedError for any other text."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise SourceRefusedError("url must be like https://host/path/, without a password in it")
    secure = parts.scheme == "https"
    return Origin(secure, parts.hostname, port or (443 if secure else 80)), parts.path or "/"
