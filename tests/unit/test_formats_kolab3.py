"""Kolab 3 xCal: what its events come to, and that xCal says what iCalendar says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from calendar_sync.formats import kolab3
from calendar_sync.formats.message import calendar_texts
from calendar_sync.formats.part import Part
from freebusy.errors import BudgetExceededError, CalendarDataError
from tests.oracles import generator, ours
from tests.oracles.xcal import xcal
from tests.unit import test_traps
from tests.unit.test_formats_message import CALENDAR_PART, mime, multipart

MEDIA = "application/calendar+xml"
START, END = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
KOLAB = "<properties><x-kolab-version><text>3.1.0</text></x-kolab-version></properties>"


def document(*events: str, head: str = KOLAB) -> bytes:
    inner = "".join(f"<vevent><properties>{each}</properties></vevent>" for each in events)
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="no" ?>\n'
        '<icalendar xmlns="urn:ietf:params:xml:ns:icalendar-2.0">\n<vcalendar>'
        f"{head}<components>{inner}</components></vcalendar>\n</icalendar>\n"
    ).encode()


def moment(name: str, value: str, zone: str = "Europe/Berlin", further: str = "") -> str:
    kind = "date-time" if "T" in value else "date"
    tzid = f"<tzid><text>/kolab.org/{zone}</text></tzid>" if zone else ""
    return f"<{name}><parameters>{tzid}{further}</parameters><{kind}>{value}</{kind}></{name}>"


def hour(day: str = "2026-06-02", zone: str = "Europe/Berlin", further: str = "") -> str:
    times = moment("dtstart", f"{day}T10:00:00", zone) + moment("dtend", f"{day}T11:00:00", zone)
    return f"<uid><text>a@b</text></uid>{times}{further}<summary><text>secret</text></summary>"


def texts_of(content: bytes) -> list[bytes]:
    return kolab3.read(Part(MEDIA, content))


def outcome_of(content: bytes) -> ours.Outcome:
    owner = ["hans@example.com"]
    return ours.folder(
        texts_of(content), addresses=owner, zone="Europe/Berlin", start=START, end=END
    )


def busy(content: bytes) -> list[str]:
    """Return FBTYPE:start/end in June 2026, to the minute."""
    return [
        f"{each.type.fbtype}:{each.start:%dT%H:%M}/{each.end:%dT%H:%M}"
        for each in outcome_of(content).periods
    ]


def rule(parts: str) -> str:
    return f"<rrule><recur>{parts}</recur></rrule>"


def attendee(partstat: str) -> str:
    return (
        f"<attendee><parameters><partstat><text>{partstat}</text></partstat>"
        "<cn><text>Meier, Hans</text></cn></parameters>"
        "<cal-address>mailto:%3Chans%40example.com%3E</cal-address></attendee>"
    )


DAILY = rule("<freq>DAILY</freq><count>3</count>")
EVENTS = {
    "an hour in Kolab's name of a zone": ([hour()], ["BUSY:02T08:00/02T09:00"]),
    "a Windows name behind Kolab's prefix": (
        [hour(zone="W. Europe Standard Time")],
        ["BUSY:02T08:00/02T09:00"],
    ),
    "another zone": ([hour(zone="America/New_York")], ["BUSY:02T14:00/02T15:00"]),
    "floating, on the owner's wall": ([hour(zone="")], ["BUSY:02T08:00/02T09:00"]),
    "two whole days, the last one included": (
        [moment("dtstart", "2026-06-02", "") + moment("dtend", "2026-06-03", "")],
        ["BUSY:01T22:00/03T22:00"],
    ),
    "a day without an end": ([moment("dtstart", "2026-06-02", "")], ["BUSY:01T22:00/02T22:00"]),
    "a duration": (
        [
            moment("dtstart", "2026-06-02T10:00:00")
            + "<duration><duration>PT1H30M</duration></duration>"
        ],
        ["BUSY:02T08:00/02T09:30"],
    ),
    "a rule with a last day": (
        [hour(further=rule("<freq>DAILY</freq><until><date>2026-06-03</date></until>"))],
        ["BUSY:02T08:00/02T09:00", "BUSY:03T08:00/03T09:00"],
    ),
    "a rule with a last time": (
        [
            hour(
                further=rule(
                    "<freq>DAILY</freq><until><date-time>2026-06-03T07:59:59Z</date-time></until>"
                )
            )
        ],
        ["BUSY:02T08:00/02T09:00"],
    ),
    "a rule with lists": (
        [
            hour(
                further=rule(
                    "<freq>WEEKLY</freq><interval>2</interval><count>4</count>"
                    "<byday>TU</byday><byday>WE</byday>"
                )
            )
        ],
        [f"BUSY:{day}T08:00/{day}T09:00" for day in ("02", "03", "16", "17")],
    ),
    "excluded days in a zone of their own": (
        [
            hour(
                further=DAILY
                + "<exdate><parameters><tzid><text>Europe/Paris</text></tzid></parameters>"
                "<date>2026-06-02</date><date>2026-06-04</date></exdate>"
            )
        ],
        ["BUSY:03T08:00/03T09:00"],
    ),
    "further dates": (
        [
            hour(
                further="<rdate><date-time>2026-06-09T08:00:00Z</date-time>"
                "<date-time>2026-06-10T08:00:00Z</date-time></rdate>"
            )
        ],
        [f"BUSY:{day}T08:00/{day}T09:00" for day in ("02", "09", "10")],
    ),
    "a further period": (
        [
            hour(
                further="<rdate><period><start>2026-06-09T08:00:00Z</start>"
                "<duration>PT3H</duration></period></rdate>"
            )
        ],
        ["BUSY:02T08:00/02T09:00", "BUSY:09T08:00/09T11:00"],
    ),
    "a moved instance": (
        [
            hour(further=DAILY),
            hour("2026-06-05", further=moment("recurrence-id", "2026-06-03T10:00:00")),
        ],
        [f"BUSY:{day}T08:00/{day}T09:00" for day in ("02", "04", "05")],
    ),
    "a cancelled instance": (
        [
            hour(further=DAILY),
            hour(
                "2026-06-03",
                further=moment("recurrence-id", "2026-06-03T10:00:00")
                + "<status><text>CANCELLED</text></status>",
            ),
        ],
        ["BUSY:02T08:00/02T09:00", "BUSY:04T08:00/04T09:00"],
    ),
    "this and all later ones": (
        [
            hour(further=DAILY),
            hour(
                "2026-06-03",
                further=moment(
                    "recurrence-id",
                    "2026-06-03T10:00:00",
                    further="<range><text>THISANDFUTURE</text></range>",
                )
                + "<transp><text>TRANSPARENT</text></transp>",
            ),
        ],
        ["BUSY:02T08:00/02T09:00"],
    ),
    "transparent": ([hour(further="<transp><text>TRANSPARENT</text></transp>")], []),
    "cancelled": ([hour(further="<status><text>CANCELLED</text></status>")], []),
    "declined": ([hour(further=attendee("DECLINED"))], []),
    "tentatively accepted": (
        [hour(further=attendee("TENTATIVE"))],
        ["BUSY-TENTATIVE:02T08:00/02T09:00"],
    ),
    "out of office, as a property that Kolab does not know": (
        [
            hour(
                further="<x-custom><identifier>X-MICROSOFT-CDO-BUSYSTATUS</identifier>"
                "<value>OOF</value></x-custom>"
            )
        ],
        ["BUSY-UNAVAILABLE:02T08:00/02T09:00"],
    ),
    "out of office, as xCal writes it": (
        [
            hour(
                further="<x-microsoft-cdo-busystatus><unknown>OOF</unknown>"
                "</x-microsoft-cdo-busystatus>"
            )
        ],
        ["BUSY-UNAVAILABLE:02T08:00/02T09:00"],
    ),
}


@pytest.mark.parametrize("name", EVENTS)
def test_events(name: str) -> None:
    """A Kolab 3 object is busy as its events, exceptions and answers say."""
    events, expected = EVENTS[name]
    assert expected == busy(document(*events))


def test_the_end_of_whole_days_is_the_day_after_in_other_xcal() -> None:
    """Only Kolab's own objects have the last day as DTEND; RFC 6321 has RFC 5545's."""
    days = moment("dtstart", "2026-06-02", "") + moment("dtend", "2026-06-03", "")
    assert ["BUSY:01T22:00/02T22:00"] == busy(document(days, head=""))
    prefixed = document(days, head="").replace(b"<", b"<c:").replace(b"<c:/", b"</c:")
    prefixed = prefixed.replace(b"<c:?", b"<?").replace(b"xmlns=", b"xmlns:c=")
    assert ["BUSY:01T22:00/02T22:00"] == busy(prefixed)


def test_tasks_are_passed_by() -> None:
    """A task in the same format is counted and busy at no time."""
    task = document(hour()).replace(b"vevent>", b"vtodo>")
    assert [] == busy(task)
    assert b"BEGIN:VTODO" in texts_of(task)[0]


def test_one_event_that_cannot_be_read_costs_only_itself() -> None:
    """An event without a start is counted, and its neighbour is busy."""
    outcome = outcome_of(document("<uid><text>x</text></uid>", hour()))
    assert ["an event without DTSTART"] == outcome.skipped
    assert 1 == len(outcome.periods)


def test_mime_of_a_kolab_3_client() -> None:
    """The event is found in Roundcube's message, and the invitation attached to it is not."""
    message = b"X-Kolab-Type: application/x-vnd.kolab.event\r\nX-Kolab-Mime-Version: 3.0\r\n"
    message += multipart(
        "mixed",
        mime("Content-Type: text/plain", body=b"This is a Kolab Groupware object.\r\n"),
        mime(
            "Content-Transfer-Encoding: 8bit",
            "Content-Type: application/calendar+xml; charset=UTF-8;",
            " name=kolab.xml",
            "Content-Disposition: attachment;",
            " filename=kolab.xml;",
            " size=1950",
            body=document(hour()),
        ),
        CALENDAR_PART,
    )
    assert texts_of(document(hour())) == calendar_texts(message)


def test_nothing_but_times_comes_out() -> None:
    """No summary is in the text, and a line end in a value makes no line."""
    evil = "<status><text>X&#10;DTSTART:20200101T000000Z</text></status>"
    evil += "<rrule><recur><freq>DAILY\nDTSTART:20200101T000000Z</freq></recur></rrule>"
    evil += '<dtstart><parameters><tzid><text>"A&#13;DTSTART:20200101T000000Z</text></tzid>'
    evil += "</parameters><date-time>20260602T000000</date-time></dtstart>"
    (text,) = texts_of(document(hour(further=evil)))
    assert b"secret" not in text
    starts = [line for line in text.splitlines() if line.startswith(b"DTSTART")]
    assert [b"20260602T100000", b"20260602T000000"] == [line[-15:] for line in starts]


def test_what_iCalendar_says_xcal_says() -> None:  # noqa: N802 - the standard's own name
    """Five hundred calendar texts, written as xCal and read back, are busy at the same times."""
    now = datetime(2026, 6, 1, tzinfo=UTC)
    for text in generator.events(6321, 500, now):
        (back,) = texts_of(xcal(text))
        expected = ours.folder([text], zone="Europe/Berlin", start=START, end=END)
        assert expected == ours.folder([back], zone="Europe/Berlin", start=START, end=END)


GRAMMATICAL = [
    case
    for stem, case in test_traps.ALL
    if stem in ("series", "states", "times", "zones", "systems")
    if not case.raw
]


def test_what_a_trap_says_xcal_says() -> None:
    """The cases of the traps, written as xCal and read back, are busy at the same times."""
    for case in GRAMMATICAL:
        outcomes = [
            ours.folder(
                texts, addresses=case.owner, zone=case.zone, start=case.start, end=case.end
            ).periods
            for texts in (case.messages, [t for m in case.messages for t in texts_of(xcal(m))])
        ]
        assert outcomes[0] == outcomes[1], case.title


@pytest.mark.parametrize(
    "content",
    [b"", b"<event/>", b"<icalendar><vcalendar></icalendar>", b"<!DOCTYPE icalendar><a/>"],
)
def test_what_is_no_xcal_is_an_error(content: bytes) -> None:
    """A document that is no xCal is named."""
    with pytest.raises(CalendarDataError):
        texts_of(content)


def test_components_in_components_are_bounded() -> None:
    """Components nested without end are refused."""
    with pytest.raises(BudgetExceededError):
        texts_of(b"<icalendar><vcalendar>" + b"<components><vevent>" * 5000)


def test_a_document_cut_off_anywhere_gives_its_start_or_an_error() -> None:
    """Cut at any octet, the event is tentative once its times are there, or not there at all."""
    content = document(hour()).strip()
    seen = set()
    for length in range(len(content)):
        try:
            seen.update(busy(content[:length]))
        except CalendarDataError:
            continue
    assert {"BUSY-TENTATIVE:02T08:00/02T09:00"} <= seen
    assert {"BUSY-TENTATIVE"} == {each.partition(":")[0] for each in seen}
