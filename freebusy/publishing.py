"""The use cases of publishing: take an upload over, rename it, remove it.

Both servers come here with a path and a visitor; what the path means and whether the
visitor may is decided here, so that FTP and HTTP cannot differ in it.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from freebusy.errors import (
    CalendarDataError,
    FreeBusyError,
    NoPublicationError,
    NotAllowedError,
    NotFreeBusyError,
    PreconditionFailedError,
    TooLargeError,
)
from freebusy.period import from_seconds
from freebusy.ports import Published, PublishedFile, Upload
from freebusy.publications import Received
from freebusy.temporary import temporary_target
from freebusy.vfreebusy import MAX_PERIODS, read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from freebusy.expanding import Person
    from freebusy.metrics import PublicationOutcome
    from freebusy.ports import Precondition, TransferProtocol, Visitor
    from freebusy.publisher import Publisher
    from freebusy.rights import Rights
    from freebusy.uploads import TemporaryUploads
    from freebusy.vfreebusy import Told

log = logging.getLogger(__name__)

_OUTCOMES: dict[type[FreeBusyError], PublicationOutcome] = {
    NotFreeBusyError: "not_free_busy",
    NotAllowedError: "not_allowed",
    TooLargeError: "too_large",
    NoPublicationError: "missing",
    PreconditionFailedError: "precondition",
}
"""What a refusal is called in logs and metrics."""

REFUSED = "nobody of that name is here, or this login may not write the file"


@dataclass(frozen=True, slots=True)
class Terms:
    """Who is who, who may write what, and how much; replaced whole on a reload."""

    rights: Rights
    persons: Mapping[str, Person]
    max_upload: int = 1 << 20
    """Octets of an upload."""
    max_periods: int = MAX_PERIODS
    shared_replaces: bool = False
    """What comes by the shared account counts like the person's own."""


class _Target(NamedTuple):
    """What a path of an upload means."""

    person: Person
    temporary: str | None
    """The temporary file name, where it is one."""


class Publishing:
    """Takes publications over: ports.Publications."""

    def __init__(
        self,
        terms: Terms,
        *,
        publisher: Publisher,
        uploads: TemporaryUploads,
        now: Callable[[], datetime],
        counted: Callable[[TransferProtocol, PublicationOutcome], None] | None = None,
    ) -> None:
        """``counted`` hears of every upload: protocol, outcome."""
        self._terms = terms
        self._publisher = publisher
        self._uploads = uploads
        self._now = now
        self._counted = counted or _uncounted

    def reload(self, terms: Terms) -> None:
        """Go on with other terms; a request sees all of the old or all of the new."""
        self._terms = terms

    @property
    def max_upload(self) -> int:
        """Return how many octets an upload may have."""
        return self._terms.max_upload

    def may_write(self, path: str, visitor: Visitor) -> bool:
        """Whether an upload at this path may be tried."""
        return self._target(self._terms, path, visitor) is not None

    def publish(
        self, path: str, upload: Upload, visitor: Visitor, precondition: Precondition | None = None
    ) -> Published:
        """Take an upload over; see :meth:`freebusy.ports.Publications.publish`."""
        terms = self._terms
        target = self._target(terms, path, visitor)
        try:
            if target is None:
                raise NotAllowedError(REFUSED)
            read = _read(upload.body, terms, target.person)
            if target.temporary is not None:
                done = self._keep(target.temporary, upload, visitor)
            else:
                done = self._put(terms, target.person, read, upload, visitor, precondition)
        except FreeBusyError as refusal:
            self._note(target, upload, visitor, _outcome(refusal), str(refusal))
            raise
        self._note(target, upload, visitor, _taken(target, done))
        return done

    def rename(
        self,
        source: str,
        target: str,
        upload: Upload,
        visitor: Visitor,
        precondition: Precondition | None = None,
    ) -> Published:
        """Publish a temporary upload under another name."""
        kept = self.temporary(source, visitor)
        if kept is None:
            raise NoPublicationError("there is no temporary upload of that name; it lasts minutes")
        done = self.publish(target, replace(upload, body=kept.body), visitor, precondition)
        self._uploads.remove(_owner(visitor), kept.name)
        return done

    def drop(
        self,
        path: str,
        visitor: Visitor,
        precondition: Precondition | None = None,
        *,
        protocol: TransferProtocol = "http",
    ) -> None:
        """Remove what was published at a path, or a temporary upload."""
        upload = Upload(b"", protocol)
        terms = self._terms
        target = self._target(terms, path, visitor)
        try:
            self._drop(terms, target, visitor, precondition)
        except FreeBusyError as refusal:
            self._note(target, upload, visitor, _outcome(refusal), str(refusal))
            raise
        self._note(target, upload, visitor, "dropped")

    def _drop(
        self,
        terms: Terms,
        target: _Target | None,
        visitor: Visitor,
        precondition: Precondition | None,
    ) -> None:
        if target is None:
            raise NotAllowedError(REFUSED)
        if target.temporary is not None:
            if not self._uploads.remove(_owner(visitor), target.temporary):
                raise NoPublicationError("there is no temporary upload of that name")
            return
        shared_only = not _counts_as_own(terms, visitor, target.person.name)
        if not self._publisher.drop(target.person, precondition, shared_only=shared_only):
            raise NoPublicationError("nothing is published there that this login could remove")

    def temporary(self, path: str, visitor: Visitor) -> PublishedFile | None:
        """Return a temporary upload of this visitor's."""
        target = self._target(self._terms, path, visitor)
        if target is None or target.temporary is None:
            return None
        kept = self._uploads.get(_owner(visitor), target.temporary)
        if kept is None:
            return None
        tag = f'"{hashlib.sha256(kept.body).hexdigest()[:32]}"'
        return PublishedFile(target.temporary, kept.body, tag, from_seconds(kept.modified))

    def _target(self, terms: Terms, path: str, visitor: Visitor) -> _Target | None:
        """Return what a path means for a visitor; None for nobody and for not allowed alike."""
        if not terms.rights.publishes(visitor):
            return None  # before any name is looked at: how long that takes would tell names
        name, temporary = terms.rights.roster.named_by(path), None
        if name is None:
            published = temporary_target(path)
            name = None if published is None else terms.rights.roster.named_by(published)
            temporary = path.rpartition("/")[2]
        if name is None or name not in terms.persons or not terms.rights.writes(visitor, name):
            return None
        return _Target(terms.persons[name], temporary)

    def _keep(self, name: str, upload: Upload, visitor: Visitor) -> Published:
        is_new = self._uploads.put(_owner(visitor), name, upload.body)
        return Published(name, created=is_new, served=False)

    def _put(
        self,
        terms: Terms,
        person: Person,
        read: Told,
        upload: Upload,
        visitor: Visitor,
        precondition: Precondition | None,
    ) -> Published:
        received = Received(
            body=upload.body,
            window=read.window,
            spans=read.spans,
            moment=self._now(),
            is_own=_counts_as_own(terms, visitor, person.name),
            account=_label(visitor),
            address=visitor.address,
            protocol=upload.protocol,
            client=upload.client,
        )
        return self._publisher.publish(person, received, precondition)

    def _note(
        self,
        target: _Target | None,
        upload: Upload,
        visitor: Visitor,
        outcome: PublicationOutcome,
        why: str = "",
    ) -> None:
        """Log and count what became of an upload."""
        self._counted(upload.protocol, outcome)
        log.info(
            "publish person=%s account=%s peer=%s protocol=%s bytes=%d outcome=%s%s",
            "unknown" if target is None else target.person.name,
            _label(visitor) or "anonymous",
            visitor.address,
            upload.protocol,
            len(upload.body),
            outcome,
            f' reason="{why}"' if why else "",
        )


def _uncounted(protocol: TransferProtocol, outcome: PublicationOutcome) -> None:
    """Do nothing: nobody counts."""


def _taken(target: _Target, done: Published) -> PublicationOutcome:
    if target.temporary is not None:
        return "temporary"
    return "stored" if done.served else "waiting"


def _outcome(refusal: FreeBusyError) -> PublicationOutcome:
    return _OUTCOMES.get(type(refusal), "failed")


def _read(body: bytes, terms: Terms, person: Person) -> Told:
    """Read an upload; raises TooLargeError and NotFreeBusyError."""
    if len(body) > terms.max_upload:
        raise TooLargeError(f"the file is larger than {terms.max_upload} octets")
    try:
        return read_file(body, max_periods=terms.max_periods, zone=person.owner.zone)
    except CalendarDataError as error:
        raise NotFreeBusyError(error.reason) from error


def _counts_as_own(terms: Terms, visitor: Visitor, name: str) -> bool:
    return terms.shared_replaces or terms.rights.is_own(visitor, name)


def _label(visitor: Visitor) -> str:
    return "" if visitor.account is None else visitor.account.label


def _owner(visitor: Visitor) -> str:
    """Return whose a temporary upload is; an address can never look like a label."""
    return f"[{visitor.address}]" if visitor.account is None else visitor.account.label
