"""What a connector does with a person's folders on the mail server.

Each method acts with the rights of one person: with the person's own password where
``Owner.password`` is set, else by the service's proxying (RFC 4616 §2, authorization
identity).  ``path`` is a mailbox name as that login sees it, decoded from modified UTF-7.
All methods block and may be called from any thread; all raise
:class:`~freebusy.errors.SourceError` where the server cannot be asked, and
:class:`~freebusy.errors.FolderError` and its kinds for what it refuses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from freebusy.ports.calendars import Owner, SyncToken

Dialect = Literal["icalendar", "kolab2", "kolab3"]
"""How an item is written into a message."""

Step = Literal["name", "connection", "tls", "login"]
"""What must succeed, in this order, before a mail server can be used."""


# -- reaching the server


@dataclass(frozen=True, slots=True)
class NamespaceEntry:
    """How the folders of one kind begin (RFC 2342 §5)."""

    kind: Literal["personal", "others", "shared"]
    prefix: str
    separator: str


@dataclass(frozen=True, slots=True)
class MailServer:
    """A mail server as a login found it."""

    host: str
    port: int
    security: Literal["tls", "starttls", "plain"]
    tls_version: str | None
    """``TLSv1.3``; None without TLS."""
    software: str | None
    """As the server names itself (ID, RFC 2971), else from its greeting."""
    version: str | None
    login: str
    """Whom the login acts for."""
    namespaces: Sequence[NamespaceEntry]
    capabilities: Sequence[str]
    """Sorted, as they are after the login."""
    steps: Mapping[Step, float]
    """Milliseconds of each step."""
    latency: float
    """Milliseconds of one round trip (NOOP)."""


class MailServerCheck(Protocol):
    """The button "ping server"."""

    def ping(self, who: Owner) -> MailServer:
        """Reach the configured server and log in.

        Raises :class:`~freebusy.errors.UnreachableError` that says at which step it failed.
        """

    def reach(self) -> None:
        """Go as far as a login would, without one; raises UnreachableError."""


# -- folders


@dataclass(frozen=True, slots=True)
class FolderState:
    """What STATUS says of a folder: equal states mean that no item changed (RFC 7162 §3.1.2)."""

    uidvalidity: int
    uidnext: int
    messages: int
    highestmodseq: int | None
    """None without CONDSTORE: then a changed flag does not show."""


@dataclass(frozen=True, slots=True)
class CalendarFolder:
    """One calendar folder as a person's login sees it."""

    path: str
    kind: Literal["own", "other", "shared"]
    """In whose namespace it lies (RFC 2342)."""
    owner: str | None
    """What the server calls the other user; None for one's own and for shared folders."""
    separator: str
    rights: frozenset[str]
    """The person's own (MYRIGHTS), single letters of RFC 4314 without c and d."""
    state: FolderState | None
    """None where the person may not open it."""
    is_default: bool = False
    """Whether it is the person's main calendar (``event.default``, or the usual name)."""
    counts: bool = False
    """Whether it counts for the person's free/busy."""

    @property
    def name(self) -> str:
        """Return the last part of the path."""
        return self.path.rpartition(self.separator)[2]

    @property
    def parent(self) -> str:
        """Return the path of the folder above; empty for one at the top."""
        return self.path.rpartition(self.separator)[0]


class CalendarFolders(Protocol):
    """The calendar folders that a person sees, own and shared."""

    def folders(self, who: Owner) -> Sequence[CalendarFolder]:
        """Return all of them, own ones first, sorted."""

    def folder(self, who: Owner, path: str) -> CalendarFolder:
        """Return one; raises NoFolderError also for a folder that is no calendar."""

    def create(self, who: Owner, name: str, *, parent: str | None = None) -> CalendarFolder:
        """Make a calendar folder and subscribe to it.

        ``name`` is one part of a path.  Without a parent it lies where the server wants
        personal folders (below INBOX on some, RFC 2342).  Where the server has METADATA it
        gets Kolab's type.  Raises FolderExistsError, BadFolderError, NotPermittedError.
        """

    def move(
        self, who: Owner, path: str, *, name: str | None = None, parent: str | None = None
    ) -> CalendarFolder:
        """Rename a folder, or put it below another; nothing in it is lost.

        ``parent`` None leaves it where it is, "" moves it to the top of the personal
        folders.  Raises as :meth:`create`, and NoFolderError.
        """

    def delete(self, who: Owner, path: str, *, even_if_filled: bool = False) -> None:
        """Delete a folder and what is in it; raises FolderFilledError unless told to."""


# -- items


@dataclass(frozen=True, slots=True)
class FolderItem:
    """One message of a calendar folder, as iCalendar."""

    href: str
    """The IMAP UID, in decimal.  A changed item comes back under a new one."""
    uid: str
    """The iCalendar UID; empty where the message cannot be read."""
    calendar: str = field(repr=False)
    """A whole iCalendar object with CRLF; empty where the message cannot be read."""
    dialect: Dialect | Literal["tnef"]
    is_partial: bool = False
    """Whether it holds only changed instances (RECURRENCE-ID) of a series in another message."""
    change: str | None = None
    """Which :attr:`ItemChange.change` wrote it, where a connector did."""
    problem: str | None = None
    """Why it cannot be read; nothing of it is quoted."""


@dataclass(frozen=True, slots=True)
class FolderChanges:
    """A page of what changed in a folder since a token."""

    token: SyncToken
    """Where the next question starts, also while ``more`` is true."""
    items: Sequence[FolderItem] = ()
    gone: Sequence[str] = ()
    """hrefs that are no longer there; unknown ones among them mean nothing."""
    is_fresh: bool = False
    """On every page of a run that tells the whole folder: what none of its pages holds is gone."""
    more: bool = False
    """Whether a further page is to be asked for at once."""
    rights: str | None = None
    """The person's own rights, where they changed since the token.  Always on the first page
    of a fresh run and on none of its others: there again, the run has begun anew."""
    acl_changed: bool = False
    """Whether the list of who else has rights changed; on the same pages."""


@dataclass(frozen=True, slots=True)
class ItemChange:
    """What a connector wants done to one item."""

    action: Literal["put", "delete"]
    uid: str
    """The iCalendar UID."""
    calendar: str = field(default="", repr=False)
    """For put: the whole object, all instances, with VTIMEZONEs."""
    replaces: Sequence[str] = ()
    """All hrefs under which the connector knows the item; none for a new one."""
    change: str = ""
    """The connector's own name of this change, at most 64 of ``[A-Za-z0-9._-]``; kept in the
    message, so that a connector that was interrupted finds out that it was done."""


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """What became of one change."""

    status: Literal["done", "conflict", "refused"]
    """``conflict``: the item is not as the connector knows it: nothing was done.
    ``refused``: the calendar text or the folder does not allow it; ``problem`` says why."""
    href: str | None = None
    """Where a put item is now."""
    losses: Sequence[str] = ()
    """Names of the properties and components that the folder's dialect cannot hold."""
    theirs: Sequence[FolderItem] = ()
    """At a conflict: what is there now under this UID; empty where it was deleted."""
    problem: str | None = None


class CalendarItems(Protocol):
    """Items of one folder, read and written as iCalendar."""

    def changes(
        self, who: Owner, path: str, token: SyncToken | None, *, limit: int
    ) -> FolderChanges:
        """Return what changed since ``token``, at most ``limit`` items at a time.

        What did not change costs one round trip.  A token that is of no use any more gives
        a fresh run.  Raises NoFolderError, NotPermittedError.
        """

    def write(self, who: Owner, path: str, changes: Sequence[ItemChange]) -> Sequence[ChangeResult]:
        """Do the changes in order, and say of each what became of it.

        A replaced item is appended first and the old one expunged after.  A put of what is
        there already under the same ``change`` is done and not doubled.  Raises
        NoFolderError, and NotPermittedError where the folder takes no change at all.
        """


# -- access control lists


@dataclass(frozen=True, slots=True)
class AclEntry:
    """What one user may do in a folder."""

    user: str
    """As the server says it; ``anyone`` for everyone."""
    rights: frozenset[str]
    """Letters of RFC 4314, without c and d."""


class AccessControl(Protocol):
    """Who may do what in a folder (RFC 4314)."""

    def acl(self, who: Owner, path: str) -> Sequence[AclEntry]:
        """Return the list; raises NotPermittedError without the right to administer."""

    def grant(
        self, who: Owner, path: str, user: str, rights: frozenset[str], *, force: bool = False
    ) -> AclEntry:
        """Give a user just these rights, and return those in force afterwards.

        Raises RightsKeptError where the server keeps others than were asked for, and where
        the owner, or who asks, would lose the right to administer and ``force`` is not set.
        """

    def revoke(self, who: Owner, path: str, user: str, *, force: bool = False) -> AclEntry:
        """Take a user out of the list; returns and raises as :meth:`grant`."""


# -- how and when folders are synced


class SyncMode(Enum):
    """When a connector syncs a folder."""

    ON_SELECT = "on_select"
    MANUAL = "manual"
    ON_START_AND_EXIT = "on_start_and_exit"


class SyncEvent(Enum):
    """What made a connector sync."""

    SELECT = "select"
    MANUAL = "manual"
    START = "start"
    EXIT = "exit"


@dataclass(frozen=True, slots=True)
class FolderMode:
    """A folder's mode, and where it comes from."""

    mode: SyncMode
    origin: Literal["own", "parent", "default"]
    hands_down: bool = False
    """Whether the folders below inherit it that have none of their own."""


class SyncModes(Protocol):
    """The sync modes that a person has chosen, and when folders were synced last."""

    def default(self, person: str) -> SyncMode:
        """Return the person's default, else the site's."""

    def set_default(self, person: str, mode: SyncMode | None) -> None:
        """Choose a default; None for the site's."""

    def modes(self, person: str, folders: Sequence[CalendarFolder]) -> Mapping[str, FolderMode]:
        """Return the modes by path."""

    def choose(
        self, person: str, path: str, mode: SyncMode | None, *, hands_down: bool = False
    ) -> None:
        """Give a folder a mode of its own; None: it inherits one."""

    def moved(self, person: str, old: str, new: str, separator: str) -> None:
        """Let the choices for a folder, and for those below it, follow its new path."""

    def forget(self, person: str, path: str) -> None:
        """Drop what was chosen for a folder that is deleted."""

    def synced(self, person: str, path: str, at: datetime) -> None:
        """Note that a connector has exchanged changes."""

    def last_syncs(self, person: str) -> Mapping[str, datetime]:
        """Return when each folder was synced last, by path."""


@dataclass(frozen=True, slots=True)
class SyncJob:
    """A reading of a person's calendars that a connector asked for."""

    id: str
    person: str
    event: SyncEvent
    folders: Sequence[str]
    """Paths of the folders that their modes include."""
    state: Literal["waiting", "running", "done", "failed"]
    done: int
    """Items read so far."""
    total: int | None
    """Items to read, where known."""
    started: datetime
    finished: datetime | None = None
    problem: str | None = None
    """Why it failed; of one that is done, what is to be known all the same."""


class SyncJobs(Protocol):
    """Has a person's calendars read, and tells how far it is."""

    def start(self, person: str, event: SyncEvent, folders: Sequence[str]) -> SyncJob:
        """Begin; without folders the job is done at once.

        When a job is done the person's free/busy file is the new one.  Raises
        SourceUnavailableError where no process follows the calendars.
        """

    def job(self, person: str, job: str) -> SyncJob | None:
        """Return how far a job of this person's is; None once it is forgotten."""
