"""xCal, iCalendar in XML: properties and values, both ways (RFC 6321 §3).

What is said here is the RFC's; Kolab's own ways are in :mod:`calendar_sync.dialects.kolab3`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from calendar_sync.dialects import objects, values
from freebusy.errors import CalendarDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from calendar_sync.dialects.objects import Line
    from calendar_sync.formats.xmldocument import Element
    from freebusy.contentline import ContentLine

NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}", re.ASCII)
LISTS = frozenset({"CATEGORIES", "RESOURCES", "EXDATE", "RDATE", "FREEBUSY"})
_TIME_NAMES = ("DTSTART", "DTEND", "DUE", "RECURRENCE-ID", "EXDATE", "RDATE")
_STAMP_NAMES = ("CREATED", "DTSTAMP", "LAST-MODIFIED", "COMPLETED")
TYPES = {
    **dict.fromkeys((*_TIME_NAMES, *_STAMP_NAMES), "date-time"),
    **dict.fromkeys(("SEQUENCE", "PRIORITY", "PERCENT-COMPLETE", "REPEAT"), "integer"),
    **dict.fromkeys(("DURATION", "TRIGGER"), "duration"),
    **dict.fromkeys(("ATTENDEE", "ORGANIZER"), "cal-address"),
    **dict.fromkeys(("URL", "ATTACH", "TZURL"), "uri"),
    **dict.fromkeys(("TZOFFSETFROM", "TZOFFSETTO"), "utc-offset"),
    **dict.fromkeys(("RRULE", "EXRULE"), "recur"),
    "FREEBUSY": "period",
}
"""What a property's value is where VALUE does not say; all others are text."""
_PLAIN_RULE_PART = re.compile(r"[A-Za-z0-9+:,-]+", re.ASCII)
_ADDRESS_PARAMETERS = frozenset({"DELEGATED-TO", "DELEGATED-FROM", "MEMBER", "SENT-BY"})
_URI_PARAMETERS = frozenset({"ALTREP", "DIR"})
_INTEGER_MARK = re.compile(r"\s+")


# -- from XML


def raw(element: Element) -> str:
    """Return an element's text with the white space in it, which counts in a TEXT value."""
    return "".join(element.pieces)


def line(element: Element) -> Line | None:
    """Return the content line of a property; None for one without a name or a value."""
    name = element.name.upper()
    given = [each for each in element.children if each.name != "parameters"]
    if not NAME.fullmatch(name) or not given:
        return None
    if name == "GEO" or name == "REQUEST-STATUS":  # RFC 6321 §3.4.1.2: structured
        return objects.line(name, ";".join(escaped_text(each) for each in given))
    parameters = dict(_parameters(element))
    kind = given[0].name
    default = TYPES.get(name, "text")
    if kind == "binary":
        parameters |= {"ENCODING": "BASE64", "VALUE": "BINARY"}
    elif kind not in (default, "unknown"):
        parameters["VALUE"] = kind.upper()
    found = [value(each) for each in given]
    return objects.line(name, ",".join(found) if name in LISTS else found[0], parameters)


def _parameters(element: Element) -> Iterator[tuple[str, str]]:
    for above in element.all("parameters"):
        for each in above.children:
            name = each.name.upper()
            if NAME.fullmatch(name) and name != "VALUE":
                found = [values.to_carets(raw(inner)) for inner in each.children or [each]]
                yield name, ",".join(found)


def escaped_text(element: Element) -> str:
    """Return a TEXT value as iCalendar writes it."""
    return values.escaped(raw(element))


def value(element: Element) -> str:
    """Return a value as iCalendar writes it (RFC 6321 §3.6)."""
    reader = _READERS.get(element.name)
    return reader(element) if reader else element.text


def _time(element: Element) -> str:
    return values.stamp(element.text).basic


def _period(element: Element) -> str:
    end, length = element.value("end"), element.value("duration")
    last = values.stamp(end).basic if end else values.duration(length).written
    return f"{values.stamp(element.value('start')).basic}/{last}"


def _rule(element: Element) -> str:
    """Return a RECUR value; a part given several times is a list (RFC 6321 §3.6.10)."""
    parts: dict[str, list[str]] = {}
    for each in element.children:
        text = each.children[0].text if each.children else each.text
        if each.name == "until":
            text = values.stamp(text).basic
        if not _PLAIN_RULE_PART.fullmatch(text) or not NAME.fullmatch(each.name):
            raise CalendarDataError("a rule that cannot be read")
        parts.setdefault(each.name.upper(), []).append(text)
    return ";".join(f"{name}={','.join(found)}" for name, found in parts.items())


_READERS: dict[str, Callable[[Element], str]] = {
    "text": escaped_text,
    "unknown": raw,
    "date": _time,
    "date-time": _time,
    "period": _period,
    "recur": _rule,
    "duration": lambda element: values.duration(element.text).written,
    "utc-offset": lambda element: element.text.replace(":", ""),
    "binary": lambda element: _INTEGER_MARK.sub("", element.text),
    "boolean": lambda element: element.text.upper(),
}


# -- to XML


def text(content: str) -> str:
    """Return text as XML holds it."""
    return escape(values.printable(content))


def attribute(content: str) -> str:
    """Return an attribute's value with its quotes; line ends in it survive as references."""
    return quoteattr(values.printable(content), {"\n": "&#10;", "\t": "&#9;"})


def element(name: str, *inner: str) -> str:
    """Return an element round what is XML already."""
    return f"<{name}>{''.join(inner)}</{name}>"


def block(name: str, inner: list[str]) -> str:
    """Return an element with each element in it on lines of its own."""
    return "\n".join((f"<{name}>", *inner, f"</{name}>"))


def parameters(found: dict[str, str]) -> str:
    """Return the ``parameters`` element; empty where there are none."""
    inner = (_parameter(name, each) for name, each in found.items())
    return element("parameters", *inner) if found else ""


def _parameter(name: str, content: str) -> str:
    kind, parts = "text", [content]
    if name in _ADDRESS_PARAMETERS:
        kind, parts = "cal-address", content.split(",")
    elif name in _URI_PARAMETERS:
        kind = "uri"
    elif name == "RSVP":
        kind, parts = "boolean", [content.lower()]
    inner = (element(kind, text(values.from_carets(part))) for part in parts)
    return element(name.lower(), *inner)


def kind_of(found: ContentLine) -> str:
    """Return the type of a property's values."""
    said = found.parameters.get("VALUE", "").lower()
    if found.parameters.get("ENCODING", "").upper() in ("BASE64", "B"):
        return "binary"
    default = TYPES.get(found.name, "text")
    if default != "date-time" or said == "period":
        return said or default
    # a date without VALUE, and a time with VALUE=DATE, are what they look like
    return "date-time" if "T" in found.value.upper() else "date"


def written(found: ContentLine) -> str:
    """Return the value elements of a property; raises CalendarDataError."""
    parts = values.listed(found.value) if found.name in LISTS else [found.value]
    kind = kind_of(found)
    return "".join(element(kind, _content(kind, part)) for part in parts)


def _content(kind: str, content: str) -> str:
    if kind == "text":
        return text(values.unescaped(content))
    if kind in ("date", "date-time"):
        return values.stamp(content.strip()).extended
    if kind == "period":
        return _written_period(content.strip())
    if kind == "recur":
        return "".join(_written_rule(content))
    if kind == "duration":
        return values.duration(content).written
    if kind == "integer":
        return _integer(content)
    return text(content)


def _integer(content: str) -> str:
    try:
        return str(int(content.strip()[:20]))
    except ValueError:
        raise CalendarDataError("a number that is none") from None


def _written_period(content: str) -> str:
    start, _, end = content.partition("/")
    if end[:1].upper() in ("P", "+"):
        last = element("duration", values.duration(end).written)
    else:
        last = element("end", values.stamp(end).extended)
    return element("start", values.stamp(start).extended) + last


_RULE_ORDER = (
    *("FREQ", "UNTIL", "COUNT", "INTERVAL", "BYSECOND", "BYMINUTE", "BYHOUR", "BYDAY"),
    *("BYYEARDAY", "BYMONTHDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS", "WKST"),
)
"""Of Kolab's schema, which has the parts in one order only."""


def _place(part: str) -> int:
    name = part.partition("=")[0].upper()
    return _RULE_ORDER.index(name) if name in _RULE_ORDER else len(_RULE_ORDER)


def _written_rule(content: str) -> Iterator[str]:
    for part in sorted(filter(None, content.strip().split(";")), key=_place):
        name, _, listed = part.partition("=")
        if not NAME.fullmatch(name) or not _PLAIN_RULE_PART.fullmatch(listed):
            raise CalendarDataError("a rule that cannot be read")
        if name.upper() == "UNTIL":
            last = values.stamp(listed)
            yield element("until", element("date" if last.is_day else "date-time", last.extended))
        else:
            for each in listed.split(","):
                yield element(name.lower(), each.upper())
