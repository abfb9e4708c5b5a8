"""Whole calendar objects: components, content lines, and their text (RFC 5545 §3.1, §3.4).

Nothing is interpreted that need not be: a line keeps its name and its rest as they were
written, so that what nobody here knows survives.  One object is all components of one UID
in one VCALENDAR, with the time zones they name (RFC 4791 §4.1).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from freebusy import contentline
from freebusy.errors import BudgetExceededError, CalendarDataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from freebusy.contentline import ContentLine

MAX_OCTETS = 1 << 20
"""Of a calendar text in UTF-8; the largest items that are read from folders."""
MAX_COMPONENTS = 5_000
"""Of one object: a series' changed instances with their alarms."""
MAX_LINES = 30_000
"""Of one object: a thousand changed instances with all they can have."""
MAX_DEPTH = 6
"""Of components in components; an alarm's location is at 4 (RFC 9074)."""
MAX_UID = 1_000
"""Characters; Outlook's are 112 and more, RFC 7986 §5.3 asks for at most 255."""
KINDS = ("VEVENT", "VTODO", "VJOURNAL")
_FOLD = 75
"""Octets of a line (RFC 5545 §3.1)."""
_LINE = re.compile(r"[ \t]*([A-Za-z0-9][A-Za-z0-9-]*)([;:].*)")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DATES = frozenset({"DTSTART", "DTEND", "DUE", "RECURRENCE-ID", "EXDATE", "RDATE"})


class Line(NamedTuple):
    """A content line, unfolded."""

    written: str
    """The name as it was written."""
    rest: str
    """What follows the name, from ``;`` or ``:`` on."""

    @property
    def name(self) -> str:
        """The name in upper case."""
        return self.written.upper()

    @property
    def parsed(self) -> ContentLine:
        """Name, parameters and value; raises CalendarDataError."""
        if self.rest[:1] == ":":
            return contentline.ContentLine(self.name, {}, self.rest[1:])
        split = contentline.accept_colon_in_zone if self.name in _DATES else contentline.parameters
        return contentline.ContentLine(self.name, *split(self.rest))


@dataclass(slots=True)
class Component:
    """A component, its lines and the components in it, in the order of the text."""

    name: str
    """In upper case."""
    lines: list[Line] = field(default_factory=list)
    parts: list[Component] = field(default_factory=list)

    def all(self, name: str) -> Iterator[ContentLine]:
        """Yield the properties of a name; raises CalendarDataError."""
        return (line.parsed for line in self.lines if line.name == name)

    def first(self, name: str) -> ContentLine | None:
        """Return the first property of a name; raises CalendarDataError."""
        return next(self.all(name), None)

    def value(self, name: str) -> str:
        """Return the first value of a name; empty where there is none."""
        found = self.first(name)
        return found.value.strip() if found else ""

    def add(self, name: str, value: str, **parameters: str) -> None:
        """Append a property whose value is written as iCalendar wants it."""
        self.lines.append(line(name, value, parameters))


def line(name: str, value: str, parameters: dict[str, str] | None = None) -> Line:
    """Return a content line; what would end it goes, and values are quoted where they must be."""
    rest = "".join(
        f";{key}={quoted(_UNPRINTABLE.sub(' ', each))}" for key, each in (parameters or {}).items()
    )
    return Line(name, f"{rest}:{_UNPRINTABLE.sub(' ', value)}")


_PLAIN_PARAMETER = re.compile(r'[^,;:"]*')


def quoted(value: str) -> str:
    """Return a parameter's value, quoted where it holds ``,``, ``;`` or ``:`` (RFC 5545 §3.2)."""
    value = value.replace('"', "'")
    return value if _PLAIN_PARAMETER.fullmatch(value) else f'"{value}"'


class CalendarObject(NamedTuple):
    """One object: its VCALENDAR, and what all its components have in common."""

    calendar: Component
    uid: str
    kind: str
    """VEVENT, VTODO or VJOURNAL."""

    @property
    def instances(self) -> list[Component]:
        """The components of its kind: the whole one and the changed instances."""
        return [part for part in self.calendar.parts if part.name == self.kind]

    @property
    def master(self) -> Component | None:
        """The one without RECURRENCE-ID."""
        return next((each for each in self.instances if not each.value("RECURRENCE-ID")), None)

    @property
    def is_partial(self) -> bool:
        """Whether it holds only changed instances."""
        return self.master is None


# -- from text


def parse(calendar: str) -> CalendarObject:
    """Take a text apart that must be one calendar object, as clients hand them in.

    METHOD is dropped: what is stored is no message to anybody.  Raises CalendarDataError
    with one line for the client, which quotes nothing of it.
    """
    try:
        data = calendar.encode()
    except UnicodeEncodeError:
        raise CalendarDataError("the calendar text is no Unicode text") from None
    if b"\0" in data:
        raise CalendarDataError("the calendar text holds NUL")
    return identified(tree(data, strict=True))


def tree(data: bytes, *, strict: bool) -> Component:
    """Return the VCALENDAR of a text.

    Of a text that is read from a folder, lines that are none are passed over, and what
    stands before and behind the VCALENDAR is; of one that is handed in nothing is.
    Raises CalendarDataError.
    """
    if len(data) > MAX_OCTETS:
        raise BudgetExceededError(f"the calendar text has more than {MAX_OCTETS} octets")
    text = contentline.unfold(data)
    if text.count("\n") > MAX_LINES:
        raise BudgetExceededError(f"the calendar text has more than {MAX_LINES} lines")
    pairs = _every_line(text) if strict else contentline.lines(text)
    return _tree([Line(*pair) for pair in pairs], strict=strict)


def _every_line(text: str) -> Iterator[tuple[str, str]]:
    for number, each in enumerate(text.split("\n"), 1):
        match = _LINE.fullmatch(each)
        if match:
            yield match[1], match[2]
        elif each.strip():
            raise CalendarDataError(f"unfolded line {number} is no content line (RFC 5545 §3.1)")


def _tree(lines: list[Line], *, strict: bool) -> Component:
    root = Component("")
    stack = [root]
    count = 0
    for each in lines:
        name = each.written.upper()
        if name == "BEGIN":
            count += 1
            if count > MAX_COMPONENTS or len(stack) > MAX_DEPTH:
                raise BudgetExceededError("a calendar with too many components, or too deep")
            opened = Component(each.rest[1:].strip().upper())
            stack[-1].parts.append(opened)
            stack.append(opened)
        elif name == "END":
            if len(stack) == 1 or stack.pop().name != each.rest[1:].strip().upper():
                raise CalendarDataError("an END that does not belong to the last BEGIN")
        elif len(stack) > 1:
            stack[-1].lines.append(each)
        elif strict:
            raise CalendarDataError("a line outside VCALENDAR")
    return _only_calendar(root, closed=len(stack) == 1)


def _only_calendar(root: Component, *, closed: bool) -> Component:
    if not closed:
        raise CalendarDataError("a calendar text without its end")
    if [part.name for part in root.parts] != ["VCALENDAR"]:
        raise CalendarDataError("not one VCALENDAR")
    return root.parts[0]


def identified(calendar: Component) -> CalendarObject:
    """Check that a calendar is one object, and say which; METHOD is dropped."""
    calendar.lines = [each for each in calendar.lines if each.name != "METHOD"]
    things = [part for part in calendar.parts if part.name != "VTIMEZONE"]
    kinds = {part.name for part in things}
    if not things:
        raise CalendarDataError("a calendar without an event, to-do or journal entry")
    if len(kinds) > 1 or things[0].name not in KINDS:
        raise CalendarDataError("a calendar with other components than those of one object")
    uids = {part.value("UID") for part in things}
    if len(uids) > 1:
        raise CalendarDataError("a calendar with several UIDs, or without one for each component")
    uid = _checked(uids.pop())
    for part in things:
        if part.name == "VEVENT" and not part.value("DTSTART"):
            raise CalendarDataError("an event without DTSTART")
    if sum(1 for part in things if not part.value("RECURRENCE-ID")) > 1:
        raise CalendarDataError("a calendar with the same object twice")
    return CalendarObject(calendar, uid, things[0].name)


def _checked(uid: str) -> str:
    if not uid:
        raise CalendarDataError("a calendar object without UID")
    if len(uid) > MAX_UID or _UNPRINTABLE.search(uid):
        raise CalendarDataError(f"a UID of more than {MAX_UID} characters, or unprintable ones")
    return uid


def accept_no_uid(calendar: Component) -> None:
    """Give a single component without UID one that its text decides (old Outlook, hand-made)."""
    things = [part for part in calendar.parts if part.name in KINDS]
    if len(things) == 1 and not things[0].value("UID"):
        digest = hashlib.sha256(text(calendar).encode("utf-8", "replace")).hexdigest()
        things[0].lines = [each for each in things[0].lines if each.name != "UID"]
        things[0].lines.insert(0, line("UID", f"no-uid-{digest[:32]}"))


# -- to text


def text(calendar: Component) -> str:
    """Return a calendar's text with CRLF and folded lines."""
    return "\r\n".join(map(folded, _lines(calendar))) + "\r\n"


def unfolded(calendar: Component) -> str:
    """Return a calendar's text with LF and without folds, as ``freebusy.components`` reads it."""
    return "\n".join(_lines(calendar)) + "\n"


def _lines(component: Component) -> Iterator[str]:
    yield f"BEGIN:{component.name}"
    for written, rest in component.lines:
        yield written + rest
    for part in component.parts:
        yield from _lines(part)
    yield f"END:{component.name}"


def folded(content: str) -> str:
    """Fold a line into pieces of at most 75 octets, between characters (RFC 5545 §3.1)."""
    if len(content) <= _FOLD and (content.isascii() or len(content.encode()) <= _FOLD):
        return content
    if content.isascii():
        width = _FOLD - 1
        rest = (content[at : at + width] for at in range(_FOLD, len(content), width))
        return "\r\n ".join((content[:_FOLD], *rest))
    return "\r\n ".join(_pieces(content.encode()))


def _pieces(octets: bytes) -> Iterator[str]:
    at, width = 0, _FOLD
    while at < len(octets):
        end = at + width
        while end < len(octets) and octets[end] & 0xC0 == 0x80:  # inside a character
            end -= 1
        yield octets[at:end].decode()
        at, width = end, _FOLD - 1


def new_calendar(components: Iterable[Component], *, prodid: str) -> Component:
    """Return a VCALENDAR round components."""
    head = [line("VERSION", "2.0"), line("PRODID", prodid)]
    return Component("VCALENDAR", head, list(components))
