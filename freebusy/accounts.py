"""The published tree as visitors see it: what is found, what is listed, what is refused.

Who may do what is decided in :mod:`freebusy.rights`, who is who in
:mod:`freebusy.roster`.  Here it is made cheap for those who may read, and alike for
those who may not: a name that nobody has, one that is hidden from this visitor and one
that has no file yet take the same steps, and get the same answer.
"""

from __future__ import annotations

import time
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, TypeVar

from freebusy.names import REFUSED_EXTENSIONS, SERVED_EXTENSIONS, requested_name
from freebusy.period import TimeRange, from_seconds
from freebusy.ports import PublishedFile
from freebusy.public import entity_tag
from freebusy.rights import ABSENT
from freebusy.scanners import Scanners
from freebusy.vfreebusy import SANE, FreeBusy, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from freebusy.ports import Visitor
    from freebusy.rights import Rights

Answer = TypeVar("Answer")

MAX_REMEMBERED = 8192
"""Paths and addresses whose answer is remembered: a few per person, however they ask."""
MAX_REMEMBERED_LENGTH = 256
"""In characters; for longer paths nothing is remembered."""

_ABSENT_LENGTH = 48
"""In characters, of which one may take four bytes."""

_PREFIXES = ("/pub/calendar/", "/calendar/", "/freebusy/")


class PublishedNames(Protocol):
    """The published tree by canonical NAME: :class:`freebusy.tree.Tree`."""

    def read(self, name: str) -> PublishedFile | None:
        """Return the file as it is now, or None."""

    def names(self) -> list[str]:
        """Return the NAMEs that have a file, sorted."""

    def divide(self, is_restricted: Callable[[str], bool]) -> int:
        """Go on with another rule of whose files are for fewer readers."""


class _View:
    """Rights, and what is remembered under them; replaced as a whole."""

    def __init__(self, rights: Rights, *, no_information: bool) -> None:
        self.rights = rights
        self.no_information = no_information
        self.known: dict[str, dict[str, str]] = {}
        """Address -> one of the next two."""
        self.inside: dict[str, str] = {}
        self.outside: dict[str, str] = {}
        """Path -> what an anonymous visitor from inside, or outside, reads there.

        What an account has read is not remembered: it would answer strangers faster."""

    def known_to(self, visitor: Visitor) -> dict[str, str]:
        """Return what is remembered for anonymous visitors from there."""
        known = self.inside if self.rights.is_inside(visitor) else self.outside
        return _remember(self.known, visitor.address, known)

    def look_up(self, path: str, visitor: Visitor) -> str:
        """Return the NAME that a path means for a visitor who may read it, else an absent one.

        That is made of what was asked for, so that the file system has as much to do as
        for a person without a file.
        """
        wanted = requested_name(path)
        if wanted is None:
            return ABSENT
        name = self.rights.roster.canonical(wanted) or ""
        if self.rights.reads(visitor, name):
            return name
        return ABSENT + wanted.local[:_ABSENT_LENGTH]

    def says_nothing(self, path: str, visitor: Visitor) -> bool:
        """Whether a refusal is said by a file that claims nothing."""
        if not self.no_information or not _may_say_nothing(path):
            return False
        return self.rights.admits(visitor) and not self.rights.needs_login(visitor)


class PublishedFiles:
    """The published tree as visitors see it: ports.FreeBusyFiles.

    What an anonymous look-up costs once it is known: two dictionary hits, a set's and
    one lstat; the same whether or not there is something to see.
    """

    def __init__(
        self,
        files: PublishedNames,
        rights: Rights,
        *,
        no_information: bool = False,
        scanners: Scanners | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Serve ``files``, and move them to where they belong under ``rights``.

        ``no_information``: what is refused gets a file that claims nothing instead.
        """
        self._files = files
        self._scanners = scanners or Scanners()
        self._now = now
        self.reload(rights, no_information=no_information)

    def reload(
        self, rights: Rights, *, no_information: bool = False, scan_free: int | None = None
    ) -> None:
        """Go on with other rights; readers see all of them or none.

        What has become narrower is refused from the start, and is out of the public tree
        when this returns.  Blocks while files are moved; raises StoreError.
        """
        self._view = _View(rights, no_information=no_information)
        if scan_free is not None:
            self._scanners.free = scan_free
        self._files.divide(rights.is_restricted)

    def admits(self, visitor: Visitor) -> bool:
        """Whether this visitor may read anything at all."""
        return self._view.rights.admits(visitor)

    def needs_login(self, visitor: Visitor) -> bool:
        """Whether what is refused to this visitor might be read after a login."""
        return self._view.rights.needs_login(visitor)

    def find(self, path: str, visitor: Visitor) -> PublishedFile | None:
        """Return the file at a decoded absolute path, or None for whatever reason."""
        view = self._view
        if visitor.account is not None:
            name = view.look_up(path, visitor)
        else:
            known = view.known.get(visitor.address)
            if known is None:
                known = view.known_to(visitor)
            name = known.get(path) or _remember(known, path, view.look_up(path, visitor))
        file = self._files.read(name)
        if file is None and view.says_nothing(path, visitor):
            return no_information(int(self._now()))
        return file

    def listing(self, visitor: Visitor) -> Sequence[PublishedFile]:
        """Return the files this visitor may see by name, sorted; empty unless the site lists."""
        listed = self._view.rights.listed(visitor)
        if not listed:
            return ()
        files = (self._files.read(name) for name in self._files.names() if name in listed)
        return [file for file in files if file is not None]

    def hold_up(self, visitor: Visitor) -> float:
        """Count a refusal to this visitor; return the seconds to wait before it goes out."""
        return self._scanners.refuse(visitor.address)


def _remember(known: dict[str, Answer], key: str, answer: Answer) -> Answer:
    """Keep an answer; forget all when full, which costs less than an order of use."""
    if len(key) <= MAX_REMEMBERED_LENGTH:
        if len(known) >= MAX_REMEMBERED:
            known.clear()
        known[key] = answer
    return answer


# -- a file that claims nothing

_MOMENT = TimeRange(SANE.start, SANE.start + timedelta(seconds=1))
"""A second long ago: DTSTART..DTEND would otherwise claim that somebody is free in it."""

_NOTHING = encode(
    # RFC 2606 §2: nobody has an address below "invalid", so it confirms none.
    FreeBusy("nobody@invalid", "no-information", _MOMENT.start, _MOMENT)
)
_NOTHING_TAG = entity_tag(_NOTHING)


@lru_cache(maxsize=2)
def no_information(now: int) -> PublishedFile:
    """Return a file that claims nothing of anybody, the same for whoever is asked for.

    Its name is empty.  It was modified at ``now``, in seconds since 1970: whoever holds
    an older, real one must not be told that it still is good (RFC 9110 §13.1.3).
    """
    return PublishedFile("", _NOTHING, _NOTHING_TAG, from_seconds(now))


def _may_say_nothing(path: str) -> bool:
    """Whether a path has the form of a file that could be there.

    Without an extension it may be a directory (``/pub/calendar/example.com``), unless it
    is an address.  Refused extensions stay refused: clients that try them go on only then.
    """
    if not path.startswith(_PREFIXES):
        return False
    last = path.rpartition("/")[2].casefold()
    if last.endswith(REFUSED_EXTENSIONS):
        return False
    return last.endswith(SERVED_EXTENSIONS) or "@" in last
