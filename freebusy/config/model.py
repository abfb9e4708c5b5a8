"""The sections of the configuration and their defaults.

``docs/configuration.md`` says what each key means to an operator.
"""

from __future__ import annotations

import os
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from freebusy.config.values import (
    Count,
    Domain,
    Duration,
    Durations,
    Endpoint,
    Flag,
    Folder,
    Host,
    Hosts,
    Line,
    Listen,
    Networks,
    PassivePorts,
    Readers,
    Size,
    Template,
    Times,
    ZoneName,
    between,
    placeholders_in,
    unexpected,
)
from freebusy.period import FreeBusyType

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
READERS = tuple(
    ip_network(text)
    for text in (
        "127.0.0.0/8", "::1/128",  # loopback
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7",  # private
        "169.254.0.0/16", "fe80::/10",  # link-local
    )
)  # fmt: skip

State = Literal["free", "tentative", "busy", "unavailable"]
STATES: dict[str, FreeBusyType] = {
    "free": FreeBusyType.FREE,
    "tentative": FreeBusyType.BUSY_TENTATIVE,
    "busy": FreeBusyType.BUSY,
    "unavailable": FreeBusyType.BUSY_UNAVAILABLE,
}


class Section(BaseModel):
    """A table of the configuration: frozen, and with no key that is not named here."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Site(Section):
    """``[site]``: what holds for everybody."""

    state: Folder = Path("state")
    """The state directory: store, published tree, locks."""
    hostname: Host | None = None
    """What clients call this machine; only printed in URLs."""
    default_domain: Domain | None = None
    """Completes addresses without a domain, and decides who has a shared local part."""
    timezone: ZoneName | None = None
    """The zone of owners who have none of their own; None: the machine's."""
    names: Literal["local", "address"] = "local"
    needs_action: State = "tentative"
    """How an invitation counts that its owner has not answered."""
    working_elsewhere: State = "free"
    untouched_calendar: Literal["unknown", "free"] = "unknown"
    """What a calendar says that never held an event: no file, or all free."""
    plain_profile: Flag = False
    """Write no FBTYPE, for very old Outlooks."""

    @property
    def full_addresses(self) -> bool:
        """Whether the canonical NAME is the full address."""
        return self.names == "address"

    @property
    def needs_action_type(self) -> FreeBusyType:
        """Return ``needs_action`` as a type."""
        return STATES[self.needs_action]

    @property
    def working_elsewhere_type(self) -> FreeBusyType:
        """Return ``working_elsewhere`` as a type."""
        return STATES[self.working_elsewhere]


class Window(Section):
    """``[window]``: from local midnight some days back to the end of a month ahead."""

    past_days: Annotated[Count, Field(le=366)] = 7
    months: Annotated[Count, Field(le=36)] = 6


class Server(Section):
    """What the two servers have in common."""

    enabled: Flag = True
    tls_listen: Listen = ()
    """Where TLS is spoken from the first octet on; needs ``[tls]``."""
    listen: Listen
    max_connections: Annotated[Count, Field(ge=1)]
    max_connections_per_address: Count
    """0 for no limit."""

    @field_validator("listen")
    @classmethod
    def _is_somewhere(cls, listen: tuple[Endpoint, ...], info: ValidationInfo) -> Listen:
        # Where tls_listen is wrong, that alone is said.
        if not listen and info.data.get("tls_listen") == ():
            raise unexpected("at least one entry, here or in tls_listen")
        return listen


class Http(Server):
    """``[http]``."""

    listen: Listen = (
        Endpoint("127.0.0.1", 8088),
        Endpoint("::1", 8088),
    )
    max_connections: Annotated[Count, Field(ge=1)] = 1000
    max_connections_per_address: Count = 50
    header_timeout: Annotated[Duration, between(SECOND, HOUR)] = 10 * SECOND
    """From the connection to the end of the request's head."""
    keepalive_timeout: Annotated[Duration, between(SECOND, HOUR)] = 30 * SECOND
    answer_timeout: Annotated[Duration, between(SECOND, HOUR)] = 2 * MINUTE
    """Until a client has taken an answer."""
    upload_timeout: Annotated[Duration, between(SECOND, HOUR)] = 2 * MINUTE
    """Until a client has sent the whole of what it publishes."""
    max_line_size: Annotated[Size, Field(ge=1 << 10, le=1 << 16)] = 8190
    """Bytes of a request line, and of one header field."""
    max_headers: Annotated[Count, Field(ge=16, le=1000)] = 64
    trusted_proxies: Networks = ()
    """Whose X-Forwarded-For is believed."""
    upload_memory: Annotated[Size, Field(ge=1 << 16, le=1 << 34)] = 64 << 20
    """Of all uploads under way together."""
    hosts: Hosts = ()
    """Names by which clients call the gateway, beside its hostname and addresses."""
    metrics_networks: Networks = LOOPBACK
    """Who may read ``/metrics``."""


class Ftp(Server):
    """``[ftp]``."""

    listen: Listen = (
        Endpoint("127.0.0.1", 2121),
        Endpoint("::1", 2121),
    )
    max_connections: Annotated[Count, Field(ge=1)] = 200
    max_connections_per_address: Count = 20
    idle_timeout: Annotated[Duration, between(SECOND, DAY)] = 60 * SECOND
    data_timeout: Annotated[Duration, between(SECOND, HOUR)] = 30 * SECOND
    """For a data connection to come about, and for a transfer to move on."""
    login_delay: Annotated[Duration, between(timedelta(), MINUTE)] = SECOND
    """Before a refused login is answered."""
    require_tls: Flag = False
    """Let accounts log in over TLS only; anonymous sessions may go without."""
    handshake_timeout: Annotated[Duration, between(SECOND, MINUTE)] = 10 * SECOND
    """Until a client that speaks TLS has agreed on it."""
    upload_timeout: Annotated[Duration, between(SECOND, HOUR)] = 2 * MINUTE
    """Until a client has sent the whole of what it publishes."""
    upload_memory: Annotated[Size, Field(ge=1 << 16, le=1 << 34)] = 64 << 20
    """Of all uploads under way together."""
    max_uploads_per_address: Annotated[Count, Field(ge=1, le=1000)] = 4
    """Uploads at a time."""
    banner: Line = "Free/busy server ready."
    passive_ports: PassivePorts = None
    """What a firewall lets through; None for any free port."""
    masquerade_address: Host | None = None
    """The IPv4 address that PASV names (behind NAT)."""


class Access(Section):
    """``[access]``: who may read."""

    read: Readers = "networks"
    networks: Networks = READERS
    """Counts while ``read`` says "networks"."""
    listing: Flag = False
    """Show the names in listings of the directory."""
    unknown: Literal["not-found", "no-information"] = "not-found"
    """What is answered for names that nobody has, or that are hidden from this visitor."""
    plain_logins: Networks = LOOPBACK
    """From where a password may come over HTTP without TLS."""
    scan_free: Annotated[Count, Field(ge=1, le=1_000_000)] = 60
    """Refused names a minute for one address before its answers slow down."""


class Login(Section):
    """``[login]``: passwords that are asked of the mail server, and how failures are slowed."""

    mail: Annotated[str, Field(min_length=1)] = "auto"
    """The name of an IMAP source, "off", or "auto": the only IMAP source there is."""
    username: Template = "{address}"
    """The login that is sent there; a person's own ``login`` wins."""
    cache: Annotated[Duration, between(timedelta(), DAY)] = 10 * MINUTE
    """For so long a login that succeeded is not asked again; 0: always asked."""
    timeout: Annotated[Duration, between(SECOND, 2 * MINUTE)] = 15 * SECOND
    """For one check in all."""
    max_checks: Annotated[Count, Field(ge=1, le=1000)] = 8
    """Checks at a time."""
    first_delay: Annotated[Duration, between(timedelta(), MINUTE)] = SECOND
    """After the first failure; doubled by each further one ..."""
    max_delay: Annotated[Duration, between(timedelta(), HOUR)] = 30 * SECOND
    """... up to this."""
    forget: Annotated[Duration, between(MINUTE, DAY)] = 15 * MINUTE
    """Failures older than this count no more."""
    site_failures: Annotated[Count, Field(ge=1, le=100_000)] = 60
    """Refusals of the mail server a minute, over all, before further attempts wait."""

    @field_validator("username")
    @classmethod
    def _tells_people_apart(cls, username: str) -> str:
        if not {"name", "address", "local"} & set(placeholders_in(username)):
            raise unexpected(
                "a template with {address}, {local} or {name}, "
                "because otherwise one password would open everybody's account"
            )
        return username

    @field_validator("max_delay")
    @classmethod
    def _is_no_shorter(cls, longest: timedelta, info: ValidationInfo) -> timedelta:
        if longest < info.data.get("first_delay", longest):
            raise unexpected("at least as much as first_delay")
        return longest


class Schedule(Section):
    """``[schedule]``: when calendars are read and files are rendered again."""

    interval: Annotated[Duration, between(10 * SECOND, 7 * DAY)] = 15 * MINUTE
    """Between two readings of a source that says nothing of another one."""
    times: Times = ()
    """Fixed times of day as well, in the site's zone."""
    stale_after: Annotated[Duration, between(10 * SECOND, 30 * DAY)] = HOUR
    """Without any success for so long, a file says how old it is."""
    confirm_after: Annotated[Durations, Field(min_length=1, max_length=10)] = (
        2 * MINUTE,
        10 * MINUTE,
    )
    """When a calendar that seems to be gone is looked for again, before that counts."""
    debounce: Annotated[Duration, between(timedelta(), MINUTE)] = 500 * SECOND / 1000
    """The first change acts at once; later ones within this time are gathered."""
    forget_after: Annotated[Duration, between(DAY, 3660 * DAY)] = 30 * DAY
    """When what belonged to a person who left is deleted."""


class Limits(Section):
    """``[limits]``: what one item may cost."""

    max_item: Annotated[Size, Field(ge=1 << 10, le=1 << 30)] = 1 << 20
    """A larger item is read in part only."""
    head: Annotated[Size, Field(ge=1 << 10, le=1 << 30)] = 256 << 10
    """How much of a larger item is read."""
    item_cpu: Annotated[Duration, between(SECOND / 1000, 10 * SECOND)] = 50 * SECOND / 1000
    """CPU time for reading or expanding one item."""
    workers: Annotated[Count, Field(le=64)] = 0
    """Worker processes; 0: one per core, at most 4."""
    page_items: Annotated[Count, Field(ge=1, le=10_000)] = 500
    """Items that a source hands over at a time."""
    page_bytes: Annotated[Size, Field(ge=1 << 16, le=1 << 30)] = 4 << 20
    """About as many bytes at a time."""
    worker_memory: Annotated[Size, Field(ge=256 << 20, le=1 << 40)] = 2 << 30
    """Address space of a worker process."""

    @property
    def worker_count(self) -> int:
        """Return how many worker processes run."""
        return self.workers or min(4, len(os.sched_getaffinity(0)))

    @field_validator("head")
    @classmethod
    def _is_within_item(cls, head: int, info: ValidationInfo) -> int:
        if head > info.data.get("max_item", head):
            raise unexpected("at most as much as max_item")
        return head


class Log(Section):
    """``[log]``: how much is said on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
