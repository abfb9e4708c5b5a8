"""iCalendar to xCal (RFC 6321 §3), as a plain writer makes it: the way back from our reader."""

from __future__ import annotations

from xml.sax.saxutils import escape

from freebusy.contentline import ContentLine, accept_colon_in_zone, lines, parameters, unfold

NAMESPACE = "urn:ietf:params:xml:ns:icalendar-2.0"
_TIMES = ("DTSTART", "DTEND", "DTSTAMP", "RDATE", "EXDATE", "RECURRENCE-ID", "LAST-MODIFIED")


def xcal(text: str | bytes) -> bytes:
    """Return a whole calendar text in XML."""
    data = text.encode() if isinstance(text, str) else text
    found = [_line(name.upper(), rest) for name, rest in lines(unfold(data))]
    inner = _component(found[1:], found[0].value.lower())
    head = '<?xml version="1.0" encoding="utf-8"?>\n'
    return f'{head}<icalendar xmlns="{NAMESPACE}">{inner}</icalendar>'.encode()


def _line(name: str, rest: str) -> ContentLine:
    split = accept_colon_in_zone if name in _TIMES else parameters
    return ContentLine(name, *split(rest))


def _component(left: list[ContentLine], name: str) -> str:
    """Return a component; its lines up to its END are taken away."""
    properties, inner = "", ""
    while left:
        line = left.pop(0)
        if line.name == "BEGIN":
            inner += _component(left, line.value.lower())
        elif line.name == "END":
            break
        else:
            properties += _property(line)
    components = f"<components>{inner}</components>" if inner else ""
    return f"<{name}><properties>{properties}</properties>{components}</{name}>"


def _property(line: ContentLine) -> str:
    name = line.name.lower()
    inner = "".join(
        f"<{key.lower()}><text>{escape(value)}</text></{key.lower()}>"
        for key, value in line.parameters.items()
        if key != "VALUE"
    )
    head = f"<parameters>{inner}</parameters>" if inner else ""
    return f"<{name}>{head}{_values(line)}</{name}>"


def _values(line: ContentLine) -> str:
    if line.name in ("RRULE", "EXRULE"):
        return f"<recur>{_rule(line.value)}</recur>"
    if line.name in _TIMES:
        return "".join(map(_time, line.value.split(",")))
    if line.name == "DURATION":
        return f"<duration>{line.value}</duration>"
    if line.name.startswith("TZOFFSET"):
        return f"<utc-offset>{line.value[:3]}:{line.value[3:]}</utc-offset>"
    kind = "cal-address" if line.name in ("ATTENDEE", "ORGANIZER") else "text"
    return f"<{kind}>{escape(line.value)}</{kind}>"


def _rule(value: str) -> str:
    parts = (part.partition("=") for part in value.replace(" ", "").split(";") if part)
    return "".join(
        f"<{key.lower()}>{_extended(each) if key == 'UNTIL' else each}</{key.lower()}>"
        for key, _, values in parts
        for each in values.split(",")
    )


def _time(text: str) -> str:
    if "/" in text:
        start, _, end = text.partition("/")
        last = "duration" if end.startswith("P") else "end"
        inner = f"<start>{_extended(start)}</start><{last}>{_extended(end)}</{last}>"
        return f"<period>{inner}</period>"
    kind = "date-time" if "T" in text else "date"
    return f"<{kind}>{_extended(text)}</{kind}>"


def _extended(text: str) -> str:
    """Return ``2026-06-01T09:00:00Z`` of the basic format; a duration as it is."""
    if text[:1] in ("+", "-", "P"):
        return text
    day = f"{text[:4]}-{text[4:6]}-{text[6:8]}"
    return f"{day}T{text[9:11]}:{text[11:13]}:{text[13:15]}{text[15:]}" if "T" in text else day
