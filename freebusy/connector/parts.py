"""What the connector's API is made of, put together by the composition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from freebusy.ports import (
        AccessControl,
        Account,
        CalendarFolders,
        CalendarItems,
        FreeBusyLookups,
        MailServerCheck,
        Owner,
        SyncJobs,
        SyncModes,
    )


@dataclass(frozen=True, slots=True)
class ConnectorLimits:
    """How much one request, and one person, may ask for; octets, seconds."""

    max_body: int = 16 << 20
    """Octets of a request's body."""
    max_changes: int = 500
    """Changes in one request, and items in one page."""
    max_names: int = 1000
    """Names in one look-up."""
    max_requests: int = 4
    """Requests of one person that work on the mail server at a time; others wait."""
    patience: float = 30.0
    """How long they wait before they are told to come again."""


@dataclass(slots=True)
class Connector:
    """All that the API calls; parts are replaced while it runs, where a reload wants others."""

    check: MailServerCheck
    folders: CalendarFolders
    items: CalendarItems
    access: AccessControl
    modes: SyncModes
    jobs: SyncJobs
    lookups: FreeBusyLookups
    owner: Callable[[Account, str], Owner]
    """Account and the password it logged in with -> on whose behalf to work.

    Raises NotAllowedError for an account that may not use the connector, or not this way:
    an app password where the service cannot act for others.
    """
    limits: ConnectorLimits
    is_user: Callable[[str], bool]
    """Whether somebody is called so, whom a word for everyone (``Alle``) then means."""
