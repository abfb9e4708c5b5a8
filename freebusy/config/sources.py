"""``[sources.NAME]``: places that hold calendars, told apart by ``type``."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator

from freebusy.config.model import DAY, HOUR, MINUTE, SECOND, Section
from freebusy.config.secret import WithPassword
from freebusy.config.values import (
    Count,
    Duration,
    File,
    Flag,
    Folder,
    Host,
    Port,
    Size,
    Template,
    Templates,
    between,
    checked_host,
    placeholders_in,
    unexpected,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class AnySource(Section):
    """What every source can be told."""

    interval: Annotated[Duration, between(10 * SECOND, 7 * DAY)] | None = None
    """Between two readings; None: what ``[schedule]`` says."""
    watch: Flag = True
    """Be told of changes (IDLE, inotify) and not only look at intervals."""


class VdirSource(AnySource):
    """Calendars in a directory."""

    type: Literal["vdir"]
    root: Folder
    """Nothing outside it is read."""
    path: Template = "{name}"
    """Below the root: a folder of .ics files per person, or one ``PATH.ics``."""
    polling: Flag = False
    """For network file systems, where another machine's changes raise no event."""


class ImapSource(AnySource, WithPassword):
    """Calendar folders on a mail server."""

    type: Literal["imap"]
    host: Host
    port: Port | None = None
    """None: 993 with TLS, else 143."""
    allow_plain: Flag = False
    """Let ``security = "plain"`` send the password over a network."""
    security: Literal["tls", "starttls", "plain"] = "tls"
    ca_file: File | None = None
    """Certificates to trust instead of the system's."""
    username: Template = "{address}"
    """One service login, or a template filled for each person."""
    authorization: Template | None = None
    """Whom ``username`` acts for, filled for each person; None: nobody but itself."""
    list_as: Literal["person", "service"] = "person"
    """With ``authorization``: whose folders are listed; they are read as the person."""
    identity: Template | None = None
    """What the server calls a person; None: NAME, address and local part alike."""
    folders: Templates = ()
    """Folder names; empty: those that METADATA marks as events, else the usual names."""
    include: Templates = ()
    """Patterns of further folders that count, whatever METADATA and ACLs say."""
    exclude: Templates = ()
    """Patterns of folders that do not count."""
    attendees_only: Templates = ()
    """Patterns of folders of which those events count to which a person is invited."""
    max_connections: Annotated[Count, Field(ge=1, le=1000)] = 8
    max_watched: Annotated[Count, Field(le=10_000)] = 100
    """Folders with a connection of their own for IDLE; all are swept."""
    poll: Annotated[Duration, between(SECOND, DAY)] = MINUTE
    """How often all folders of a login are swept."""
    idle: Annotated[Duration, between(SECOND, 29 * MINUTE)] = 10 * MINUTE
    """How often IDLE is sent again (RFC 2177: at least every 29 minutes)."""
    timeout: Annotated[Duration, between(SECOND, HOUR)] = timedelta(seconds=30)
    whole: Size = 64 << 10
    """Of a larger message only the calendar part is fetched."""

    @property
    def is_personal(self) -> bool:
        """Whether the gateway logs in as each person."""
        return "{" in self.username or self.authorization is not None

    @field_validator("authorization")
    @classmethod
    def _tells_people_apart(cls, authorization: str | None) -> str | None:
        if authorization is not None and not (
            {"name", "address", "local"} & set(placeholders_in(authorization))
        ):
            raise unexpected("a template with {address}, {local} or {name}")
        return authorization

    @field_validator("list_as")
    @classmethod
    def _has_somebody_to_list_for(cls, who: str, info: ValidationInfo) -> str:
        if who == "service" and info.data.get("authorization", "") is None:
            raise unexpected('"person", or an authorization as well')
        return who

    @field_validator("security")
    @classmethod
    def _is_safe(cls, security: str, info: ValidationInfo) -> str:
        local = "host" not in info.data or _is_loopback(info.data["host"])
        if security == "plain" and not local and not info.data.get("allow_plain"):
            raise unexpected(
                '"tls" or "starttls", because "plain" sends the password readable over the '
                "network; if that is meant, add allow_plain = true"
            )
        return security


class CaldavSource(AnySource, WithPassword):
    """Calendars on a CalDAV server."""

    type: Literal["caldav"]
    allow_plain: Flag = False
    """Let ``http://`` send the password over a network."""
    url: Template
    """A person's calendar home, filled for each; or what leads there: a root, a domain."""
    ca_file: File | None = None
    """Certificates to trust instead of the system's."""
    username: Template = "{address}"
    """One service login, or a template filled for each person."""
    calendars: Templates = ()
    """Names of calendars as their URLs have them; empty: all that are the person's own."""
    principal: Template = "{local}"
    """What the server calls the owner of a calendar, where one home holds everybody's."""
    sync_collection: Flag = True
    """Ask for changes by RFC 6578 where the server has it."""
    max_connections: Annotated[Count, Field(ge=1, le=1000)] = 4
    poll: Annotated[Duration, between(SECOND, DAY)] = MINUTE
    """How often to ask for changes."""
    timeout: Annotated[Duration, between(SECOND, HOUR)] = timedelta(seconds=30)

    @field_validator("url")
    @classmethod
    def _leads_somewhere(cls, url: str, info: ValidationInfo) -> str:
        if "/" not in url:
            return checked_host(url)
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            host, parts = "", urlsplit("")
        odd = parts.username is not None or parts.query or parts.fragment
        if parts.scheme not in ("http", "https") or not host or "{" in parts.netloc or odd:
            raise unexpected(
                "a URL such as https://dav.example.com/calendars/{address}/, with placeholders "
                "in its path only and no password, or a domain alone"
            )
        if parts.scheme == "http" and not _is_loopback(host) and not info.data.get("allow_plain"):
            raise unexpected(
                "https://, because http:// sends the password readable over the network; if that "
                "is meant, add allow_plain = true"
            )
        return url


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


Source = VdirSource | ImapSource | CaldavSource
SOURCES: dict[str, type[Source]] = {
    "vdir": VdirSource,
    "imap": ImapSource,
    "caldav": CaldavSource,
}


def login_source(mail: str, sources: Mapping[str, Source]) -> ImapSource | None:
    """Return the source that ``login.mail`` means, or None where mail logins are off."""
    if mail == "auto":
        imap = [source for source in sources.values() if isinstance(source, ImapSource)]
        return imap[0] if len(imap) == 1 else None
    source = None if mail == "off" else sources.get(mail)
    return source if isinstance(source, ImapSource) else None
