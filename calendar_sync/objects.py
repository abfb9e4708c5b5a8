"""A stream of many calendar objects as one object per UID (RFC 5545 §3.4, RFC 4791 §4.1).

A calendar exported to one file holds thousands of events.  Taken apart, one changed
event is one changed object.  The work is done on lines and needs no understanding of
properties other than UID and TZID: each object is a VCALENDAR of its own with the
properties of the one it stood in, the VTIMEZONEs it names, and all components of
its UID, byte for byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import blake2b

from freebusy.errors import BudgetExceededError

MAX_OBJECTS = 100_000
"""Objects in one stream; ten years of 25 events a day."""

_MARK = re.compile(
    rb"\n(?:(BEGIN|END):([A-Z0-9-]+)[ \t]*\r*(?=\n|\Z)|(UID|TZID)(?=[;:]))", re.IGNORECASE
)
_LINE = re.compile(rb"[^\n]*(?:\n[ \t][^\n]*)*")
_FOLD = re.compile(rb"\r*\n[ \t]")
_VALUE = re.compile(rb'(?:;[^":]*(?:"[^"]*"[^":]*)*)?:(.*)', re.DOTALL)
_TZID = re.compile(rb'(?:;TZID=|\nX-WR-TIMEZONE:)(?:"([^"]*)"|([^":;\r\n]+))', re.IGNORECASE)

_TOP = frozenset({b"VCALENDAR", b"VEVENT", b"VTODO", b"VJOURNAL", b"VFREEBUSY", b"VTIMEZONE"})
"""What never stands inside another component (RFC 5545 §3.6): it ends one left open."""


def digest(*texts: bytes) -> str:
    """Return a short name for some bytes, the same on every machine and run."""
    state = blake2b(digest_size=12)
    for text in texts:
        state.update(text)
    return state.hexdigest()


@dataclass(slots=True)
class _Enclosing:
    """One VCALENDAR of the stream: its properties and its time zones."""

    header: list[bytes] = field(default_factory=list)
    zones: dict[bytes, bytes] = field(default_factory=dict)
    _fingerprint: bytes | None = None

    def fingerprint(self) -> bytes:
        """Return a digest of it; only to be asked when the whole stream is read."""
        if self._fingerprint is None:
            self._fingerprint = digest(*self.header, b"", *self.zones.values()).encode()
        return self._fingerprint


@dataclass(slots=True)
class CalendarObject:
    """All components of one UID (RFC 4791 §4.1)."""

    enclosing: list[_Enclosing] = field(repr=False)
    """Mostly one; a stream may say more about a UID in another VCALENDAR."""
    components: list[bytes] = field(repr=False)

    def fingerprint(self) -> str:
        """Return what changes with the text, at a fraction of its cost.

        A changed time zone changes all objects of its calendar, also those without it.
        """
        return digest(*(each.fingerprint() for each in self.enclosing), *self.components)

    def text(self) -> bytes:
        """Return the object as a VCALENDAR of its own."""
        header = b"".join(self.enclosing[0].header)
        known = {name: z for each in reversed(self.enclosing) for name, z in each.zones.items()}
        zones = _zones_of(b"".join([b"\n", header, *self.components]), known)
        body = [b"BEGIN:VCALENDAR\r\n", header, *zones, *self.components, b"END:VCALENDAR\r\n"]
        return b"".join(body)


@dataclass(slots=True)
class ObjectStream:
    """A stream taken apart."""

    objects: dict[str, CalendarObject]
    """By a short name of the UID; what has no UID is named by its content."""
    complete: bool
    """Whether the last component is closed; a broken-off file is not."""


@dataclass(slots=True)
class _Component:
    """The component that is being read, from its BEGIN line on."""

    name: bytes
    start: int
    nested: int = 0
    uid: bytes | None = None
    tzid: bytes | None = None


def _value(text: bytes, at: int) -> bytes:
    """Return the value of the content line whose name ends at ``at``, unfolded."""
    line = _LINE.match(text, at)
    found = _VALUE.match(_FOLD.sub(b"", line[0])) if line else None
    return found[1].strip() if found else b""


def _zone_key(name: bytes) -> bytes:
    """Return a zone name without what differs between parameter and property (§3.2.19)."""
    return name.strip().strip(b'"').replace(b"\\", b"").lower()


def _zones_of(text: bytes, zones: dict[bytes, bytes]) -> list[bytes]:
    """Return the VTIMEZONEs that a text names, in the order of the stream."""
    if not zones:
        return []
    names = {_zone_key(m[1] or m[2] or b"") for m in _TZID.finditer(_FOLD.sub(b"", text))}
    return [zone for name, zone in zones.items() if name in names]


class _Splitter:
    """Walks the BEGIN, END, UID and TZID lines of a stream."""

    def __init__(self, text: bytes) -> None:
        # so that every line starts after a newline: an expression with a fixed first byte is fast
        self._text = b"\n" + text.removeprefix(b"\xef\xbb\xbf")
        self._enclosing = _Enclosing()
        self._open: _Component | None = None
        self._outside = 1
        self._in_calendar = False
        self.objects: dict[str, CalendarObject] = {}
        self.seen = False

    def run(self) -> ObjectStream:
        for mark in _MARK.finditer(self._text):
            if mark[3]:
                self._property(mark)
            else:
                begins = mark[1].upper() == b"BEGIN"
                self._boundary(mark, mark[2].upper(), begins=begins)
        complete = self.seen and self._open is None and not self._in_calendar
        if self._open is not None:
            self._close(len(self._text))
        return ObjectStream(self.objects, complete)

    def _property(self, mark: re.Match[bytes]) -> None:
        component = self._open
        if component is None or component.nested:
            return  # VALARM may have a UID of its own (RFC 9074 §4)
        if mark[3].upper() == b"UID":
            component.uid = component.uid or _value(self._text, mark.end())
        else:
            component.tzid = component.tzid or _value(self._text, mark.end())

    def _boundary(self, mark: re.Match[bytes], name: bytes, *, begins: bool) -> None:
        component = self._open
        if component is not None and name in _TOP and (begins or name != component.name):
            self._close(mark.start() + 1)
            component = None
        if name == b"VCALENDAR":
            self._calendar(mark, begins=begins)
        elif component is None and begins:
            self._gather_header(mark.start() + 1)
            self._open = _Component(name, mark.start() + 1)
        elif component is not None and name == component.name and not begins:
            self._close(min(mark.end() + 1, len(self._text)))
        elif component is not None:
            component.nested = max(0, component.nested + (1 if begins else -1))

    def _calendar(self, mark: re.Match[bytes], *, begins: bool) -> None:
        self._gather_header(mark.start() + 1)
        self._outside = min(mark.end() + 1, len(self._text))
        self._in_calendar = begins
        self.seen = True
        if begins:
            self._enclosing = _Enclosing()

    def _gather_header(self, end: int) -> None:
        """Keep the calendar's own lines that stand before ``end``."""
        if self._in_calendar and end > self._outside:
            self._enclosing.header.append(self._text[self._outside : end])

    def _close(self, end: int) -> None:
        """Take the open component, which ends before ``end``."""
        component, self._open = self._open, None
        if component is None:
            return
        self._outside = end
        self.seen = True
        text = self._text[component.start : end]
        text = text if text.endswith(b"\n") else text + b"\r\n"
        if component.name == b"VTIMEZONE":
            self._enclosing.zones.setdefault(_zone_key(component.tzid or b""), text)
        else:
            self._take(component, text)

    def _take(self, component: _Component, text: bytes) -> None:
        key = digest(b"uid", component.uid) if component.uid else digest(b"content", text)
        known = self.objects.get(key)
        if known is None:
            self.objects[key] = CalendarObject([self._enclosing], [text])
        elif component.uid:
            known.components.append(text)
            if known.enclosing[-1] is not self._enclosing:
                known.enclosing.append(self._enclosing)
        if len(self.objects) > MAX_OBJECTS:
            raise BudgetExceededError(f"more than {MAX_OBJECTS} objects in one file")


def split(text: bytes) -> ObjectStream:
    """Take a stream of iCalendar text apart into one object per UID.

    Any bytes are taken; where nothing looks like a component there are no objects
    and the stream is not complete.  BudgetExceededError above MAX_OBJECTS.
    """
    return _Splitter(text).run()
