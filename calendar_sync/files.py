"""One run over the files of a calendar: which are new, which are gone, and the items in them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from calendar_sync.directory import EML, ICS, NEVER, Reading, kind_of, reported
from calendar_sync.filestate import FileState, State
from calendar_sync.objects import ObjectStream, digest, split
from freebusy.errors import CalendarDataError, SourceRefusedError, SourceUnavailableError
from freebusy.ports import ICALENDAR, MESSAGE, SourceItem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calendar_sync.directory import Folder
    from calendar_sync.pages import Limits

MAX_STREAM = 32 << 20
"""Bytes of a file with many objects, which is held in memory while it is taken apart: some
30,000 events."""
RACY = 2_000_000_000
"""Nanoseconds within which two writes may have one time stamp: FAT counts two seconds."""
UNFINISHED = 10_000_000_000
"""Nanoseconds that a known file may lie there broken off before that counts as its content."""


def href(name: str, key: str | None = None) -> str:
    """Return the href of a file or of an object in it; names that are no text are quoted."""
    try:
        name.encode()
    except UnicodeEncodeError:
        name = "%" + quote(name.encode(errors="surrogateescape"))
    return name if key is None else f"{name}#{key}"


def hrefs(name: str, state: int | FileState | None) -> list[str]:
    """Return the hrefs of the items that came from a file in some state."""
    if state is None:
        return []
    if isinstance(state, int) or state.objects is None:
        return [href(name)]
    return [href(name, key) for key in state.objects]


class Run:
    """One run over the files of one calendar: delivers items and gathers the next state."""

    def __init__(
        self,
        folder: Folder,
        known: State | None,
        limits: Limits,
        *,
        now: int,
        single: str | None = None,
        names: list[str] | None = None,
    ) -> None:
        """Look at all files, at the ``single`` one, or only at those in ``names``."""
        self._folder = folder
        self._known = known or {}
        self._limits = limits
        self._single = single
        self._names = names
        self._now = now
        self._changed: list[str] = []
        self.state: State = {}
        self.total: int | None = None
        """Items that will come, as far as names can tell."""

    @property
    def gone(self) -> list[str]:
        """The hrefs that were there and are no longer; complete after the last item."""
        gone: list[str] = []
        for name in self._known.keys() - self.state.keys():
            gone += hrefs(name, self._known[name])
        for name in self._changed:
            if name in self._known and name in self.state:
                left = set(hrefs(name, self.state[name]))
                gone += [each for each in hrefs(name, self._known[name]) if each not in left]
        return gone

    def items(self) -> Iterator[SourceItem]:
        """Read and yield what is not known to be unchanged."""
        if self._names is None:
            self._look(self._signatures())
        else:
            self._look_at(self._names)
        self._changed.sort()
        self.total = None if self._single else len(self._changed)
        for name in self._changed:
            old = self._known.get(name)
            yield from self._file(name, FileState(old) if isinstance(old, int) else old)

    def _signatures(self) -> dict[str, int]:
        if self._single is None:
            return self._folder.signatures()
        return {self._single: self._folder.signature(self._single)}

    def _look(self, signatures: dict[str, int]) -> None:
        """Sort files into unchanged ones and those to be read."""
        known, state = self._known, self.state
        for name, signature in signatures.items():
            old = known.get(name)
            if old == signature or (isinstance(old, FileState) and old.same(signature)):
                state[name] = old
            else:
                self._changed.append(name)

    def _look_at(self, names: list[str]) -> None:
        """Take all files for unchanged but some."""
        self.state.update(self._known)
        for name in names:
            self.state.pop(name, None)
            if self._folder.has(name):
                self._changed.append(name)

    def _file(self, name: str, old: FileState | None) -> Iterator[SourceItem]:
        reading = self._read(name, known=old is not None)
        if reading is None:
            if old is not None and self._folder.has(name):
                self.state[name] = old.short()
            return
        content = digest(reading.body)
        racy = reading.stamp.changed > self._now - RACY or not reading.steady
        new = FileState(reading.stamp.signature, content if racy else None)
        if old is not None and old.content == content:
            self.state[name] = old.renewed(new.signature, new.content).short()
        elif old is not None and not reading.steady:
            self.state[name] = old.short()
        else:
            yield from self._content(name, reading, old, new)

    def _read(self, name: str, *, known: bool) -> Reading | None:
        """Read a file; what cannot be read is an empty item, to be counted and named."""
        limit = self._limits.max_item if kind_of(name) == EML else MAX_STREAM
        try:
            return self._folder.read(name, limit + 1)
        except PermissionError:
            if self._single is None:
                return None if known else Reading(NEVER, b"", steady=True)
            with reported():
                raise
        except OSError:
            with reported():
                raise

    def _content(
        self, name: str, reading: Reading, old: FileState | None, new: FileState
    ) -> Iterator[SourceItem]:
        stream = self._stream(name, reading.body)
        if old is not None and stream is not None and self._unfinished(reading, stream):
            self.state[name] = old.short()
            return
        if stream is not None and (self._single or len(stream.objects) > 1):
            new.objects = {}
            yield from self._objects(name, reading, stream, old, new.objects)
        else:
            yield self._item(href(name), reading, reading.body)
        self.state[name] = new.short()

    def _stream(self, name: str, body: bytes) -> ObjectStream | None:
        """Take a file apart; None where it can only be delivered as it is."""
        if self._single is None and (kind_of(name) != ICS or len(body) > MAX_STREAM):
            return None
        try:
            stream = split(body) if len(body) <= MAX_STREAM else None
        except CalendarDataError:
            stream = None
        if self._single and stream is None:
            raise SourceRefusedError("the calendar file is too large: use one file per event")
        if self._single and stream and not stream.complete:
            raise SourceUnavailableError("the calendar file is empty or broken off")
        return stream

    def _unfinished(self, reading: Reading, stream: ObjectStream) -> bool:
        """Whether somebody is still writing this file: what is known of it stays."""
        return not stream.complete and self._now - reading.stamp.modified < UNFINISHED

    def _objects(
        self,
        name: str,
        reading: Reading,
        stream: ObjectStream,
        old: FileState | None,
        digests: dict[str, str],
    ) -> Iterator[SourceItem]:
        """Yield the objects that are not the old ones, and fill in the digests of all."""
        before = (old.objects if old else None) or {}
        for key, each in stream.objects.items():
            digests[key] = each.fingerprint()
            if before.get(key) != digests[key]:
                yield self._item(href(name, key), reading, each.text())

    def _item(self, href: str, reading: Reading, body: bytes) -> SourceItem:
        media = MESSAGE if kind_of(href) == EML else ICALENDAR
        return SourceItem(href, reading.stamp.modified, media, *self._limits.cut(body))
