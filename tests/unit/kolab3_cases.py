"""What RFC 5545 and office programs have, and Kolab 3 only in part: with what is told lost."""

from __future__ import annotations

from typing import NamedTuple


class Case(NamedTuple):
    """An object of one kind of component, by its lines after DTSTART."""

    losses: tuple[str, ...]
    lines: tuple[str, ...]
    kind: str = "VEVENT"
    start: str = ""


def _event(*lines: str, lost: tuple[str, ...] = ()) -> Case:
    return Case(lost, ("DTEND;TZID=Europe/Berlin:20260602T110000", *lines))


def _alarm(*lines: str, lost: tuple[str, ...] = ()) -> Case:
    return _event("BEGIN:VALARM", *lines, "END:VALARM", lost=lost)


def _daily(*lines: str, lost: tuple[str, ...] = ()) -> Case:
    return _event("RRULE:FREQ=DAILY;COUNT=9", *lines, lost=lost)


def _changed(parameters: str) -> tuple[str, ...]:
    return (
        *("END:VEVENT", "BEGIN:VEVENT", "UID:a@b"),
        f"RECURRENCE-ID{parameters};TZID=Europe/Berlin:20260603T100000",
        "DTSTART;TZID=Europe/Berlin:20260603T120000",
    )


_SHOWN = ("ACTION:DISPLAY", "DESCRIPTION:x")
_MAILED = ("ACTION:EMAIL", "TRIGGER:-PT15M")

SERIES = {
    "exceptions in several zones": _daily(
        "EXDATE:20260603T080000Z", "EXDATE;TZID=Europe/Berlin:20260604T100000"
    ),
    "exceptions of two kinds": _daily(
        *("EXDATE;VALUE=DATE:20260603", "EXDATE;TZID=Europe/Berlin:20260604T100000"),
        lost=("EXDATE",),
    ),
    "further dates of two kinds": _event(
        "RDATE:20260603T080000Z", "RDATE;VALUE=DATE:20260604", lost=("RDATE",)
    ),
    "further dates in several zones": _event(
        "RDATE:20260603T080000Z", "RDATE;TZID=Asia/Tokyo:20260604T100000"
    ),
    "further dates with an end": _event(
        *("RDATE;VALUE=PERIOD:20260603T080000Z/PT3H,20260604T080000Z/20260604T120000Z",),
        *("RDATE;VALUE=PERIOD;TZID=Asia/Tokyo:20260605T100000/PT2H",),
        lost=("RDATE",),
    ),
    "two rules": _event("RRULE:FREQ=DAILY;COUNT=3", "RRULE:FREQ=MONTHLY", lost=("RRULE",)),
    "a place in the month": _event("RRULE:FREQ=MONTHLY;BYDAY=TU;BYSETPOS=1;UNTIL=20260901T080000Z"),
    "the last working day": _event(
        "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", lost=("RRULE",)
    ),
    "a rule of two calendars": _event(
        "RRULE:RSCALE=GREGORIAN;FREQ=DAILY;COUNT=3;SKIP=FORWARD", lost=("RRULE",)
    ),
    "a rule with two ends": _event(
        "RRULE:FREQ=DAILY;COUNT=3;UNTIL=20260701T000000Z", lost=("RRULE",)
    ),
    "a month that is none": _event("RRULE:FREQ=YEARLY;BYMONTH=13", lost=("RRULE",)),
    "all parts of a rule": _event(
        "RRULE:FREQ=YEARLY;UNTIL=20280101T000000Z;INTERVAL=2;WKST=SU;BYMONTH=6,7;BYWEEKNO=-30,23;"
        "BYYEARDAY=150,-9;BYMONTHDAY=2,-1;BYDAY=TU,-1FR;BYHOUR=8;BYMINUTE=0;BYSECOND=0"
    ),
    "a day as the last": _event("RRULE:FREQ=DAILY;UNTIL=20260701"),
    "an excluded rule": _daily("EXRULE:FREQ=WEEKLY", lost=("EXRULE",)),
    "all that follows": _daily(*_changed(";RANGE=THISANDFUTURE")),
    "all that was before": _daily(*_changed(";RANGE=THISANDPRIOR"), lost=("RANGE",)),
    "only a changed instance": _event("RECURRENCE-ID;TZID=Europe/Berlin:20260603T100000"),
}
TIMES = {
    "a length": Case((), ("DURATION:P1DT2H",)),
    "weeks": Case((), ("DURATION:P2W",)),
    "no end": Case((), ()),
    "whole days": Case((), ("DTEND;VALUE=DATE:20260604",), start="DTSTART;VALUE=DATE:20260602"),
    "whole days by length": Case((), ("DURATION:P2D",), start="DTSTART;VALUE=DATE:20260602"),
    "floating": Case((), ("DTEND:20260602T110000",), start="DTSTART:20260602T100000"),
    "an end in another zone": Case((), ("DTEND:20260602T110000Z",)),
    "a day as the end of a time": Case(("DTEND",), ("DTEND;VALUE=DATE:20260603",)),
    "a time as the end of a day": Case(
        ("DTEND",), ("DTEND:20260603T120000",), start="DTSTART;VALUE=DATE:20260602"
    ),
}
WORDS = {
    "two comments and two contacts": _event("COMMENT:a", "COMMENT:b", "CONTACT:c", "CONTACT:d"),
    "two descriptions": _event("DESCRIPTION:a", "DESCRIPTION:b"),
    "two summaries": _event("SUMMARY:a", "SUMMARY:b", lost=("SUMMARY",)),
    "one summary twice": _event("SUMMARY:a", "SUMMARY:a"),
    "what has no element": _event(
        *("GEO:1;2", "RESOURCES:a,b", "COLOR:red", "RELATED-TO:x", "URL:https://x", "URL:https://y")
    ),
    "what belongs elsewhere": _event("PERCENT-COMPLETE:10", lost=("PERCENT-COMPLETE",)),
    "categories in two languages": _event(
        "CATEGORIES;LANGUAGE=de:a,c", "CATEGORIES:b", lost=("LANGUAGE",)
    ),
    "words that nobody knows": _event(
        "STATUS:X-A", "CLASS:X-B", "TRANSP:X-C", lost=("CLASS", "STATUS", "TRANSP")
    ),
    "types that nobody knows": _event(
        *("DESCRIPTION;VALUE=X-A:a", "URL;VALUE=TEXT:https://x"),
        "SUMMARY;ENCODING=BASE64;VALUE=BINARY:aaaa",
        lost=("ENCODING", "VALUE"),
    ),
    "a number beyond all": _event("SEQUENCE:99999999999", lost=("SEQUENCE",)),
    "answers that nobody knows": _event(
        "ATTENDEE;PARTSTAT=X-A;ROLE=X-B;CUTYPE=X-C;RSVP=X:mailto:a@b",
        lost=("CUTYPE", "PARTSTAT", "ROLE", "RSVP"),
    ),
    "people": _event(
        'ATTENDEE;PARTSTAT=DELEGATED;DELEGATED-TO="mailto:c@d","mailto:e+f@g":mailto:a@b',
        'ATTENDEE;PARTSTAT=ACCEPTED;CUTYPE=GROUP;ROLE=CHAIR;DELEGATED-FROM="mailto:a@b":mailto:c@d',
        "ATTENDEE;PARTSTAT=COMPLETED;CUTYPE=RESOURCE:mailto:o'neil+x@example.org",
    ),
    "X- properties": _event("X-A:b", "X-A:c"),
    "files elsewhere": _event(
        "ATTACH:https://x/y", "ATTACH;FMTTYPE=text/plain;X-LABEL=a:https://z"
    ),
}
ALARMS = {
    "repeated": _alarm(*_SHOWN, "TRIGGER:-PT15M", "REPEAT:3", "DURATION:PT5M"),
    "without text": _alarm("ACTION:DISPLAY", "TRIGGER:-PT15M"),
    "after the end": _alarm(*_SHOWN, "TRIGGER;RELATED=END:PT5M"),
    "related to what nobody knows": _alarm(*_SHOWN, "TRIGGER;RELATED=X-A:-PT5M", lost=("RELATED",)),
    "at a time": _alarm(*_SHOWN, "TRIGGER;VALUE=DATE-TIME:20260602T070000Z"),
    "in small letters": _alarm("ACTION:display", "TRIGGER:-PT15M", "DESCRIPTION:x"),
    "mail": _alarm(*_MAILED, "SUMMARY:s", "DESCRIPTION:d", "ATTENDEE:mailto:a@b"),
    "mail without text": _alarm(*_MAILED, "ATTENDEE:mailto:a@b"),
    "mail with two files": _alarm(
        *(*_MAILED, "SUMMARY:s", "DESCRIPTION:d", "ATTENDEE:mailto:a@b"),
        *("ATTACH:https://x/y", "ATTACH:https://x/z"),
        lost=("ATTACH",),
    ),
    "a sound": _alarm("ACTION:AUDIO", "TRIGGER:-PT5M", "ATTACH:https://x/y"),
    "a sound in the text": _alarm(
        "ACTION:AUDIO", "TRIGGER:-PT5M", "ATTACH;VALUE=BINARY;ENCODING=BASE64:aGVsbG8="
    ),
}
_TASK = (
    *("DESCRIPTION:d", "LOCATION:l", "URL:https://x", "CATEGORIES:a,b", "CLASS:PRIVATE"),
    *("PERCENT-COMPLETE:10", "STATUS:IN-PROCESS", "PRIORITY:3", "RELATED-TO:foo"),
    *("RRULE:FREQ=DAILY;COUNT=3", "EXDATE;TZID=Europe/Berlin:20260603T100000"),
    *("ORGANIZER:mailto:a@b", "COMMENT:x", "CONTACT:y", "GEO:1;2", "ATTACH:https://x/y"),
    *("BEGIN:VALARM", *_SHOWN, "TRIGGER;RELATED=END:-PT15M", "END:VALARM"),
)
OTHER_KINDS = {
    "a task": Case((), ("DUE;TZID=Europe/Berlin:20260603T100000", *_TASK), "VTODO"),
    "a task with a length": Case(("DURATION",), ("DURATION:PT1H",), "VTODO"),
    "a task that is done": Case(
        ("COMPLETED", "TRANSP"),
        ("STATUS:COMPLETED", "COMPLETED:20260101T000000Z", "TRANSP:TRANSPARENT"),
        "VTODO",
    ),
    "an entry": Case(
        (),
        (
            *("SUMMARY:x", "DESCRIPTION:y", "DESCRIPTION:z", "CATEGORIES:c", "CLASS:PRIVATE"),
            *("STATUS:FINAL", "ATTACH:https://x/y", "X-A:b", "COMMENT:d", "URL:https://x"),
        ),
        "VJOURNAL",
    ),
    "a series of entries": Case(
        ("EXDATE", "RRULE", "VALARM"),
        (
            *("RRULE:FREQ=DAILY;COUNT=3", "EXDATE;TZID=Europe/Berlin:20260603T100000"),
            *("BEGIN:VALARM", *_SHOWN, "TRIGGER:-PT15M", "END:VALARM"),
        ),
        "VJOURNAL",
    ),
    "entries that were changed": Case(
        ("RECURRENCE-ID",),
        (
            *("END:VJOURNAL", "BEGIN:VJOURNAL", "UID:a@b"),
            "RECURRENCE-ID;TZID=Europe/Berlin:20260603T100000",
            "DTSTART;TZID=Europe/Berlin:20260603T120000",
        ),
        "VJOURNAL",
    ),
}
CASES = SERIES | TIMES | WORDS | ALARMS | OTHER_KINDS
