"""What the edges implement: the Protocols through which the rooms meet.

Neighbours (``ftpsrv``, ``freebusy.web``, ``calendar_sync``) never import one
another; what one needs of another is named here and put together by the daemon.

Terminology, after RFC 4791 §3, RFC 6578 and RFC 9051:

source      a place that holds calendars: a mail server, a directory
calendar    one folder of calendar items, belonging to one owner
item        one message or file in a calendar; it may hold no, one or many events
href        what names an item in its calendar: an IMAP UID, a file name
generation  what the hrefs are valid in (UIDVALIDITY); a new one invalidates them all
sync token  what a source needs to tell what changed since; opaque to everybody else
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Literal, NewType, Protocol, runtime_checkable

if TYPE_CHECKING:
    import threading
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

SyncToken = NewType("SyncToken", str)

ICALENDAR = "text/calendar"
MESSAGE = "message/rfc822"


@dataclass(frozen=True, slots=True)
class Owner:
    """A person as a calendar source sees one."""

    name: str
    """The canonical NAME."""
    address: str
    """The main address; its parts fill ``{local}`` and ``{domain}`` in templates."""
    login: str | None = None
    """The person's own login at the mail server, where it is not what the template says."""
    password: str | None = field(default=None, repr=False)
    """Only where the source logs in as each person."""
    folders: tuple[str, ...] = ()
    """Folders named for this person; empty means: those of the source's own rule."""
    include: tuple[str, ...] = ()
    """Patterns of further folders that count for this person."""
    exclude: tuple[str, ...] = ()
    """Patterns of folders that do not."""
    groups: tuple[str, ...] = ()
    """Groups by which access control lists may mean this person."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """One folder of calendar items."""

    key: str
    """Unique and stable within its source; opaque to everybody else."""
    owner: Owner = field(compare=False)
    name: str
    """For people: a folder name."""
    is_own: bool = field(default=True, compare=False)
    """Whether it says something of the owner's free time; what others share says only busy."""
    attendees_only: bool = field(default=False, compare=False)
    """Only events count to which the owner is invited.  Never changes while ``key`` is the same."""


@dataclass(frozen=True, slots=True)
class SourceItem:
    """One message or file of a calendar."""

    href: str
    order: int
    """Of two items that hold one UID, the one with the larger order is newer (IMAP UID, mtime)."""
    media: str
    """:data:`ICALENDAR`: the body is calendar text; :data:`MESSAGE`: a whole MIME message."""
    body: bytes = field(repr=False)
    truncated: bool = False
    """Only the first part of an item larger than ``max_item`` is in ``body``."""


@dataclass(frozen=True, slots=True)
class SyncPage:
    """A part of what changed in a calendar; pages come in order, the last one has the token."""

    generation: str
    """Items of any other generation are gone once the last page is stored."""
    items: Sequence[SourceItem] = ()
    """New or changed."""
    gone: Collection[str] = ()
    """hrefs that are no longer there (never together with ``fresh``)."""
    fresh: bool = False
    """This run delivers the whole calendar: what none of its pages holds is gone at its end."""
    total: int | None = None
    """How many items the whole run delivers, where known; for progress."""
    token: SyncToken | None = None
    """On the last page only: where the next ``sync`` starts."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the store holds of a calendar."""

    key: str
    token: SyncToken


class CalendarSource(Protocol):
    """A place that holds calendars, read only.

    Every method may block and may be called from several threads at a time, with
    a calendar in at most one of them.  Each raises only
    :class:`~freebusy.errors.SourceError` and its kinds.
    """

    def calendars(self, owner: Owner) -> Sequence[Calendar]:
        """Return the owner's calendars; CalendarMissingError where there is none."""

    def sync(self, calendar: Calendar, token: SyncToken | None) -> Iterator[SyncPage]:
        """Yield what changed since ``token``, or everything where there is no usable token.

        At least one page comes, with a token on the last and only there.  A token
        of another generation, or that the source no longer understands, is not an
        error: the run is then ``fresh``.  Memory is bounded by the page, not the calendar.
        """

    def close(self) -> None:
        """Let go of connections; the source can be used again afterwards."""


@runtime_checkable
class WatchableSource(Protocol):
    """An add-on: a source that says by itself when a calendar changed."""

    def watch(
        self,
        calendars: Sequence[Calendar],
        changed: Callable[[Calendar | Owner], None],
        stop: threading.Event,
    ) -> None:
        """Call ``changed`` for each change until ``stop`` is set, then return within two seconds.

        With an owner where it is the owner's list of calendars that may be another one.
        Blocks.  A change made before ``watch`` was ready may be missed; one made
        after is reported at least once.  Raises SourceError when it cannot go on.
        Calendars that come first are those that changed most lately.
        """


@runtime_checkable
class SweepableSource(Protocol):
    """An add-on: a source that can tell for many calendars at once that nothing happened.

    Its ``watch`` compares with what was read, so that it misses nothing from the last
    ``sync`` on.
    """

    def groups(self, owners: Iterable[Owner]) -> Iterable[Sequence[Owner]]:
        """Group the owners by who is covered by one look."""

    def unchanged(self, known: Mapping[Owner, Collection[Held]]) -> Collection[Owner]:
        """Look once, and return those of whom it proves that nothing happened.

        They have just the calendars that are given, each as it was at its token.  The
        first look at a group proves nothing.  Raises SourceError.
        """


class ItemExtractor(Protocol):
    """Turns an item into iCalendar streams; a module-level function, so that workers find it."""

    def __call__(self, item: SourceItem) -> Iterable[bytes]:
        """Return the calendar texts in an item; none for mail, notes and the like.

        Raises CalendarDataError where the item cannot be read.
        """


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


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One served file, whole, as it was when it was looked up."""

    name: str
    """The canonical NAME."""
    body: bytes = field(repr=False)
    etag: str
    """A strong entity tag with its quotes (RFC 9110 §8.8.3)."""
    modified: datetime
    """Aware UTC, whole seconds: Last-Modified, MDTM."""
    as_of: datetime | None = None
    """Set while the calendars cannot be read: the time up to which the file knows."""


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


class FreeBusyFiles(Protocol):
    """The published tree as the servers see it.

    No method blocks for longer than a stat and, after a change, the reading of one
    small file; all may be called from any thread.
    """

    def admits(self, visitor: Visitor) -> bool:
        """Whether this visitor may read anything at all."""

    def needs_login(self, visitor: Visitor) -> bool:
        """Whether what is refused to this visitor might be read after a login.

        Then every refusal alike asks for one.
        """

    def find(self, path: str, visitor: Visitor) -> PublishedFile | None:
        """Return the file at a decoded absolute path such as ``/pub/calendar/hans.vfb``.

        None for whatever is not there, not allowed or not a well-formed path: the
        caller gives one plain refusal for all of them.
        """

    def listing(self, visitor: Visitor) -> Sequence[PublishedFile]:
        """Return the files this visitor may see by name, sorted; empty unless the site lists."""

    def hold_up(self, visitor: Visitor) -> float:
        """Return the seconds to wait before a refusal to this visitor goes out.

        0 for almost everybody; more for whoever has asked for many names that are not there.
        """


TransferProtocol = Literal["http", "https", "ftp", "ftps"]


@dataclass(frozen=True, slots=True)
class Upload:
    """What a client brings."""

    body: bytes = field(repr=False)
    protocol: TransferProtocol
    client: str = ""
    """What the client calls itself (User-Agent, CLNT); cleaned and cut by whoever keeps it."""


@dataclass(frozen=True, slots=True)
class Published:
    """What has become of an upload."""

    name: str
    """The canonical NAME; of a temporary upload its file name."""
    created: bool
    """Whether there was no file for this visitor before."""
    served: bool = True
    """False while the file waits: for a rename, or for the first reading of a calendar."""


Precondition = Callable[["PublishedFile | None"], bool]
"""Whether the client means the file that is served now; asked under the NAME's lock."""


class Publications(Protocol):
    """Writing to the published tree, as the servers see it.

    Paths are decoded and absolute, as in :class:`FreeBusyFiles`.  A temporary name such
    as ``hans.vfb.part`` is kept for ten minutes, outside the tree, for its account alone.
    Unless said otherwise the methods block (a disk, a lock, the reading of a large file)
    and are called in a thread; all may be called from any.
    """

    @property
    def max_upload(self) -> int:
        """Return how many octets an upload may have."""

    def may_write(self, path: str, visitor: Visitor) -> bool:
        """Whether an upload at this path may be tried; does not block."""

    def publish(
        self, path: str, upload: Upload, visitor: Visitor, precondition: Precondition | None = None
    ) -> Published:
        """Take an upload over: it is on disk, and served, when this returns.

        Raises NotFreeBusyError, NotAllowedError, TooLargeError, PreconditionFailedError
        with one line for the client, and StoreError; nothing is changed then.
        """

    def rename(
        self,
        source: str,
        target: str,
        upload: Upload,
        visitor: Visitor,
        precondition: Precondition | None = None,
    ) -> Published:
        """Publish a temporary upload under another name; ``upload`` says by what client.

        Its body is ignored.  Raises NoPublicationError where there is none, else as
        :meth:`publish`; the temporary upload is then still there.
        """

    def drop(
        self,
        path: str,
        visitor: Visitor,
        precondition: Precondition | None = None,
        *,
        protocol: TransferProtocol = "http",
    ) -> None:
        """Remove what was published there, or a temporary upload; what is computed stays.

        Raises NoPublicationError where nothing is, NotAllowedError, PreconditionFailedError.
        """

    def temporary(self, path: str, visitor: Visitor) -> PublishedFile | None:
        """Return a temporary upload of this visitor's."""


class Triggers(Protocol):
    """Has calendars looked at when a client says that they changed; never blocks."""

    def meant(self, address: str, visitor: Visitor) -> str | None:
        """Return the NAME that is meant; None also unless this visitor may speak for it."""

    def refresh(self, name: str) -> None:
        """Have a person's calendars looked at now, before whatever is merely due.

        Raises SourceUnavailableError where no process follows the calendars.
        """
