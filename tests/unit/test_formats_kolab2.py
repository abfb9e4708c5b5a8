"""Kolab 2 XML: what its events come to, and the MIME that its clients write it in."""

from __future__ import annotations

import base64
import quopri
from datetime import UTC, date, datetime
from random import Random

import pytest

from calendar_sync.formats import extract, kolab2, xmldocument
from calendar_sync.formats.message import calendar_texts
from calendar_sync.formats.part import Part
from freebusy.errors import BudgetExceededError, CalendarDataError
from freebusy.ports import MESSAGE, SourceItem
from tests.oracles import ours
from tests.oracles.kolab2 import random_series
from tests.unit.test_formats_message import CALENDAR_PART, mime, multipart

MEDIA = "application/x-vnd.kolab.event"
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
HOUR = "<start-date>2026-06-02T08:00:00Z</start-date><end-date>2026-06-02T09:00:00Z</end-date>"


def event(inner: str) -> bytes:
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<event version="1.0"><uid>a@b</uid>'
    return f"{head}{inner}<body>secret</body></event>".encode()


def texts_of(content: bytes) -> list[bytes]:
    return kolab2.read(Part(MEDIA, content))


def busy(content: bytes, *, zone: str = "Europe/Berlin") -> list[str]:
    """Return FBTYPE:start/end of an event in 2026, to the minute, for hans@example.com."""
    return [
        f"{each.type.fbtype}:{each.start:%m-%dT%H:%M}/{each.end:%m-%dT%H:%M}"
        for each in outcome_of(texts_of(content), zone).periods
    ]


def outcome_of(texts: list[bytes], zone: str = "Europe/Berlin") -> ours.Outcome:
    owner = ["hans@example.com"]
    return ours.folder(texts, zone=zone, addresses=owner, start=START, end=END)


def recurring(attributes: str, inner: str = "", times: str = HOUR) -> bytes:
    return event(f"{times}<recurrence {attributes}>{inner}</recurrence>")


def answer(status: str, state: str = "") -> str:
    who = f"<smtp-address>Hans@Example.com</smtp-address>{status}"
    return f"{HOUR}{state}<attendee>{who}</attendee>"


SINGLE = {
    "an hour": (HOUR, ["BUSY:06-02T08:00/06-02T09:00"]),
    "white space, fractions of a second, and an end on the owner's wall": (
        "<start-date>\n 2026-06-02T08:00:00.5Z </start-date><end-date>2026-06-02 11:00</end-date>",
        ["BUSY:06-02T08:00/06-02T09:00"],
    ),
    "an offset": (
        HOUR.replace("08:00:00Z", "08:00:00+02:00").replace("09:00:00Z", "08:00:00-0100"),
        ["BUSY:06-02T06:00/06-02T09:00"],
    ),
    "one day": (
        "<start-date>2026-06-02</start-date><end-date>2026-06-02</end-date>",
        ["BUSY:06-01T22:00/06-02T22:00"],
    ),
    "three days, the last one included": (
        "<start-date>2026-06-02</start-date><end-date>2026-06-04</end-date>",
        ["BUSY:06-01T22:00/06-04T22:00"],
    ),
    "a day without an end": (
        "<start-date>2026-06-02</start-date>",
        ["BUSY:06-01T22:00/06-02T22:00"],
    ),
    "days over the change of clocks": (
        "<start-date>2026-03-28</start-date><end-date>2026-03-29</end-date>",
        ["BUSY:03-27T23:00/03-29T22:00"],
    ),
    "an unreadable end is taken as an hour": (
        "<start-date>2026-06-02T08:00:00Z</start-date><end-date>soon</end-date>",
        ["BUSY:06-02T08:00/06-02T09:00"],
    ),
    "free": (f"{HOUR}<show-time-as>free</show-time-as>", []),
    "tentative": (
        f"{HOUR}<show-time-as>tentative</show-time-as>",
        ["BUSY-TENTATIVE:06-02T08:00/06-02T09:00"],
    ),
    "out of office": (
        f"{HOUR}<show-time-as> OutOfOffice </show-time-as>",
        ["BUSY-UNAVAILABLE:06-02T08:00/06-02T09:00"],
    ),
    "an unknown state": (
        f"{HOUR}<show-time-as>dozing</show-time-as>",
        ["BUSY:06-02T08:00/06-02T09:00"],
    ),
    "private": (f"{HOUR}<sensitivity>private</sensitivity>", ["BUSY:06-02T08:00/06-02T09:00"]),
    "declined": (answer("<status>declined</status>"), []),
    "declined though out of office": (
        answer("<status>declined</status>", "<show-time-as>outofoffice</show-time-as>"),
        [],
    ),
    "tentatively accepted": (
        answer("<status>tentative</status>"),
        ["BUSY-TENTATIVE:06-02T08:00/06-02T09:00"],
    ),
    "not answered": (
        answer("<status>none</status>"),
        ["BUSY-TENTATIVE:06-02T08:00/06-02T09:00"],
    ),
    "not answered, and busy all the same": (
        answer("<status>none</status>", "<show-time-as>busy</show-time-as>"),
        ["BUSY:06-02T08:00/06-02T09:00"],
    ),
    "no status": (answer(""), ["BUSY:06-02T08:00/06-02T09:00"]),
    "somebody else declined": (
        f"{HOUR}<attendee><smtp-address>x@y</smtp-address><status>declined</status></attendee>",
        ["BUSY:06-02T08:00/06-02T09:00"],
    ),
}


@pytest.mark.parametrize("name", SINGLE)
def test_single_events(name: str) -> None:
    """An event without recurrence is busy at its times, as it says and as its owner answered."""
    inner, expected = SINGLE[name]
    assert expected == busy(event(inner))


OFFICE = "<start-date>2026-03-25T08:00:00Z</start-date><end-date>2026-03-25T09:00:00Z</end-date>"
SERIES = {
    "daily over the change of clocks": (
        recurring('cycle="daily"', '<interval>3</interval><range type="number">3</range>', OFFICE),
        ["03-25T08:00/03-25T09:00", "03-28T08:00/03-28T09:00", "03-31T07:00/03-31T08:00"],
    ),
    "weekly on the day of the start": (
        recurring('cycle="weekly"', '<range type="date">2026-04-01</range>', OFFICE),
        ["03-25T08:00/03-25T09:00", "04-01T07:00/04-01T08:00"],
    ),
    "an exclusion": (
        recurring(
            'cycle="daily"',
            '<range type="number">3</range><exclusion>2026-03-26</exclusion>',
            OFFICE,
        ),
        ["03-25T08:00/03-25T09:00", "03-27T08:00/03-27T09:00"],
    ),
    "the last Friday, as the fifth": (
        recurring(
            'cycle="monthly" type="weekday"',
            '<day>friday</day><daynumber>5</daynumber><range type="date">2026-05-31</range>',
            OFFICE.replace("25T", "27T"),
        ),
        ["03-27T08:00/03-27T09:00", "04-24T07:00/04-24T08:00", "05-29T07:00/05-29T08:00"],
    ),
    "a monthly rule without a type": (
        recurring(
            'cycle="monthly"',
            "<daynumber>25</daynumber>" + '<range type="number">2</range>',
            OFFICE,
        ),
        ["03-25T08:00/03-25T09:00", "04-25T07:00/04-25T08:00"],
    ),
    "a yearly rule without a month": (
        recurring('cycle="yearly" type="monthday"', "<daynumber>25</daynumber>", OFFICE),
        ["03-25T08:00/03-25T09:00"],
    ),
    "whole days": (
        recurring(
            'cycle="weekly"',
            '<day>saturday</day><range type="number">2</range>',
            "<start-date>2026-03-21</start-date><end-date>2026-03-22</end-date>",
        ),
        ["03-20T23:00/03-22T23:00", "03-27T23:00/03-29T22:00"],
    ),
    "a range that cannot be read has no end": (
        recurring(
            'cycle="yearly" type="yearday"',
            '<daynumber>84</daynumber><range type="date">never</range>',
            OFFICE,
        ),
        ["03-25T08:00/03-25T09:00"],
    ),
}


@pytest.mark.parametrize("name", SERIES)
def test_series(name: str) -> None:
    """A series is busy by its rule, at the same hour of its owner's clock all year."""
    content, expected = SERIES[name]
    assert [f"BUSY:{times}" for times in expected] == busy(content)


@pytest.mark.parametrize(
    "content",
    [
        recurring('cycle="moonly"'),
        recurring(""),
        recurring('cycle="monthly" type="weekday"', "<daynumber>1</daynumber>"),
        recurring('cycle="yearly" type="weekday"', "<day>friday</day><daynumber>1</daynumber>"),
        recurring('cycle="yearly" type="yearday"'),
        recurring('cycle="daily"', "<interval>999999999</interval>"),
    ],
)
def test_a_rule_that_says_nothing_certain_is_refused(content: bytes) -> None:
    """Of a rule that cannot be read the first instance is shown, and the event is counted."""
    outcome = outcome_of(texts_of(content))
    assert 1 == len(outcome.skipped)
    assert ["06-02 08:00"] == [f"{each.start:%m-%d %H:%M}" for each in outcome.periods]


def test_every_kind_of_series_is_what_it_is_day_by_day() -> None:
    """Two hundred random series equal a plain walk over all days of three years."""
    chance = Random(20260602)
    first, last = datetime(2025, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    for _ in range(200):
        series = random_series(chance)
        (text,) = texts_of(series.xml().encode())
        found = ours.starts(text, zone="Europe/Berlin", start=first, end=last)
        walked = list(series.instances(date(2027, 12, 29)))
        assert walked == [one for one in found if one[0] < datetime(2027, 12, 30, tzinfo=UTC)], (
            series
        )


# -- MIME

XML = event(f"{HOUR}<summary>Grüße</summary>")
EMPTY = mime("Content-Type: text/plain; charset=us-ascii", body=b"This is a Kolab object.\r\n")
HEAD = b"From: hans@example.com\r\nSubject: a@b\r\nX-Kolab-Type: application/x-vnd.kolab.event\r\n"
KONTACT = HEAD + multipart(
    "mixed",
    EMPTY,
    mime(
        'Content-Type: application/x-vnd.kolab.event; name="kolab.xml"',
        "Content-Transfer-Encoding: quoted-printable",
        'Content-Disposition: attachment; filename="kolab.xml"',
        body=quopri.encodestring(XML),
    ),
    boundary="Boundary-00=_uZ6Q",
)
HORDE = HEAD + multipart(
    "mixed",
    EMPTY,
    mime(
        "Content-Type: application/x-vnd.kolab.event; name=kolab.xml; x-kolab-type=xml",
        "Content-Disposition: inline; filename=kolab.xml",
        "Content-Transfer-Encoding: base64",
        body=base64.encodebytes(XML),
    ),
    boundary="=_4w0b",
)
OUTLOOK = mime(
    "X-Mailer: Bynari Insight Connector 3.1",
    "Content-Type: application/x-vnd.kolab.event; charset=iso-8859-1",
    body=XML.decode().encode("latin-1"),
)
WITH_INVITATION = HEAD + multipart(
    "mixed", EMPTY, mime(f"Content-Type: {MEDIA}", body=XML), CALENDAR_PART
)


@pytest.mark.parametrize("message", [KONTACT, HORDE, OUTLOOK, WITH_INVITATION])
def test_mime_of_kolab_clients(message: bytes) -> None:
    """The event is found once in what each client writes; attachments are no events."""
    assert texts_of(XML) == list(extract(SourceItem("1", 1, MESSAGE, message)))


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "windows-1252", "utf-16", "x-none"])
def test_charsets(charset: str) -> None:
    """What the document declares is believed, and the usual ones are tried where it is wrong."""
    text = XML.decode().replace("UTF-8", charset)
    coded = text.encode("utf-8" if charset == "x-none" else charset)
    assert texts_of(XML) == texts_of(coded)


@pytest.mark.parametrize(
    "kind", ["contact", "note", "task", "journal", "configuration", "distribution-list"]
)
def test_other_kolab_objects_are_no_events(kind: str) -> None:
    """Contacts, notes, tasks and the like of the same format give nothing."""
    part = mime(f"Content-Type: application/x-vnd.kolab.{kind}; name=kolab.xml", body=b"<x/>")
    assert [] == calendar_texts(HEAD + multipart("mixed", EMPTY, part))


def test_nothing_but_times_comes_out() -> None:
    """An event's body, summary and places are in no text; a line end makes no line."""
    inner = f"{HOUR}<location>secret</location><organizer><display-name>secret</display-name>"
    inner += "<smtp-address>x&#10;DTSTART:20200101T000000Z&#13;y</smtp-address></organizer>"
    (text,) = texts_of(event(inner))
    assert b"secret" not in text
    assert [b"DTSTART:20260602T080000Z"] == [
        line for line in text.splitlines() if line.startswith(b"DTSTART")
    ]


# -- what is not as it should be


def test_a_broken_part_beside_a_good_one_is_counted() -> None:
    """What can be read is read; what cannot is counted all the same."""
    good, bad = (mime(f"Content-Type: {MEDIA}", body=body) for body in (XML, b"<event><a></b>"))
    texts = calendar_texts(HEAD + multipart("mixed", good, bad))
    assert ["an event without DTSTART"] == outcome_of(texts).skipped


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no XML",
        b"<task/>",
        b"<event/>",
        b"<event><start-date>2026-02-30</start-date></event>",
        b"<event><start-date>0000-01-01</start-date></event>",
        b"<event><start-date>2026-06-02T25:00:00Z</start-date></event>",
        b"<event><start-date>0001-01-01T00:00:00+12:00</start-date></event>",
        b'<!DOCTYPE event SYSTEM "http://127.0.0.1/x">' + XML.partition(b"\n")[2],
        b"<event><a></b></event>",
        b"\x00" * 100,
    ],
)
def test_what_is_no_event_is_an_error(content: bytes) -> None:
    """An event that cannot be read is named, without quoting it."""
    with pytest.raises(CalendarDataError):
        texts_of(content)


def test_a_laughing_billion_is_refused() -> None:
    """A document type is refused before its entities mean anything."""
    entities = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
    text = f'<!DOCTYPE event [<!ENTITY l0 "ha">{entities}]><event><uid>&l9;</uid></event>'
    with pytest.raises(CalendarDataError, match="document type"):
        texts_of(text.encode())


@pytest.mark.parametrize(
    "content",
    [
        b"<event>" + b"<a>" * (xmldocument.MAX_DEPTH + 1),
        b"<event>" + b"<a/>" * (xmldocument.MAX_ELEMENTS + 1),
        b"<event>" + b"a" * xmldocument.MAX_TEXT,
    ],
)
def test_bounds(content: bytes) -> None:
    """A document too deep, with too many elements or too long is refused."""
    with pytest.raises(BudgetExceededError):
        texts_of(content)


def test_a_document_cut_off_anywhere_gives_its_start_or_an_error() -> None:
    """Cut at any octet, the event is tentative at its start's times, or it is an error."""
    content = event(f"{HOUR}<show-time-as>busy</show-time-as>")
    seen = set()
    for length in range(len(content)):
        try:
            seen.update(busy(content[:length]))
        except CalendarDataError:
            continue
    assert "BUSY-TENTATIVE:06-02T08:00/06-02T09:00" in seen
    assert {"BUSY-TENTATIVE"} == {each.partition(":")[0] for each in seen}
