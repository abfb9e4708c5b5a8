"""Places that hold calendars: what is read from them.

Terminology, after RFC 4791 §3, RFC 6578 and RFC 9051:

source      a place that holds calendars: a mail server, a directory
calendar    one folder of calendar items, belonging to one owner
item        one message or file in a calendar; it may hold no, one or many events
href        what names an item in its calendar: an IMAP UID, a file name
generation  what the hrefs are valid in (UIDVALIDITY); a new one invalidates them all
sync token  what a source needs to tell what changed since; opaque to everybody else
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NewType, Protocol, runtime_checkable

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

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


@runtime_checkable
class ChangingSource(Protocol):
    """An add-on: a source that remembers for a while which calendars there are."""

    def renew(self, owner: Owner) -> None:
        """Let the next listing of this owner's calendars be one that is made from now on."""


@dataclass(frozen=True, slots=True)
class FolderVerdict:
    """Whether a folder counts for a person, and why."""

    folder: str
    """As the login that lists it names it."""
    reason: str
    """A sentence for people."""
    counts: bool
    readable_for: str = ""
    """Who may see more than times, where that is noted on the folder; nobody is shown more."""


@runtime_checkable
class JudgingSource(Protocol):
    """An add-on: a source in which folders may count or not."""

    def verdicts(self, owner: Owner) -> Sequence[FolderVerdict]:
        """Return every calendar folder that is seen for a person; raises SourceError."""


class ItemExtractor(Protocol):
    """Turns an item into iCalendar streams; a module-level function, so that workers find it."""

    def __call__(self, item: SourceItem) -> Iterable[bytes]:
        """Return the calendar texts in an item; none for mail, notes and the like.

        Raises CalendarDataError where the item cannot be read.
        """
