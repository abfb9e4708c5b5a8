"""The published tree, as the servers read and write it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from freebusy.ports.accounts import Visitor


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
