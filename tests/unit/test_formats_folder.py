"""A folder as real sites have it: items of every product side by side, and what is none."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from calendar_sync.formats import extract
from freebusy.busytime import CalendarOwner
from freebusy.convert import convert
from freebusy.period import Period, TimeRange, coalesce
from freebusy.ports import MESSAGE, SourceItem
from freebusy.worker import Expanding, read_batch
from tests.oracles import tnef as outlook
from tests.oracles.xcal import xcal
from tests.unit import test_formats_kolab2 as kolab2
from tests.unit import test_formats_kolab3 as kolab3
from tests.unit.test_formats_message import mime, multipart
from tests.unit.tnef_case import recurring, wall

if TYPE_CHECKING:
    from pathlib import Path

JUNE = TimeRange(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))
HANS = CalendarOwner(frozenset({"hans@example.com"}), "Europe/Berlin")
BYNARI_LINES = (
    "BEGIN:VCALENDAR",
    "PRODID:-//Bynari//Insight Connector//EN",
    "VERSION:2.0",
    "METHOD:PUBLISH",
    "BEGIN:VEVENT",
    "UID:040000008200E00074C5B7101A82E00800000000A0B1C2D3E4F5C601000000000000000010000000",
    "ORGANIZER:eva@example.com",
    "ATTENDEE;CN=Hans;PARTSTAT=ACCEPTED:hans@example.com",
    "DTSTART;VALUE=DATE:20260605",
    "X-OUTLOOK-BUSY-STATUS;VALUE=INTEGER:3",
    "SUMMARY:secret",
    "END:VEVENT",
    "END:VCALENDAR",
    "",
)


def encoded(media: str, content: bytes, name: str) -> bytes:
    return mime(
        f"Content-Type: {media}; name={name}",
        "Content-Transfer-Encoding: base64",
        body=base64.encodebytes(content),
    )


def mixed(part: bytes) -> bytes:
    return multipart("mixed", mime("Content-Type: text/plain", body=b"\r\n"), part)


def outlook_series() -> bytes:
    series = outlook.Series(outlook.WEEK, wall(10, 15), 30, mask=8, end_type=0x2021)
    series.last, series.deleted = wall(24, 0).date(), [wall(17, 0).date()]
    return outlook.message(recurring(series, x8205=1))


FOLDER = {
    "bynari.eml": mixed(
        mime("Content-Type: text/calendar", body="\r\n".join(BYNARI_LINES).encode())
    ),
    "kolab2.eml": mixed(encoded("application/x-vnd.kolab.event", kolab2.XML, "kolab.xml")),
    "kolab3.eml": mixed(
        encoded("application/calendar+xml", kolab3.document(kolab3.hour("2026-06-03")), "kolab.xml")
    ),
    "plain.xcs.eml": mixed(
        encoded(
            "application/octet-stream",
            xcal(
                "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:xcs\nDTSTART:20260604T080000Z\n"
                "DURATION:PT1H\nEND:VEVENT\nEND:VCALENDAR\n"
            ),
            "agenda.xcs",
        )
    ),
    "outlook.eml": mixed(encoded("application/ms-tnef", outlook_series(), "winmail.dat")),
}
NONE = {
    "mail.eml": mime("Subject: secret", "Content-Type: text/plain", body=b"Hello\r\n"),
    "contact.eml": mixed(mime("Content-Type: application/x-vnd.kolab.contact", body=b"<contact/>")),
    "vcard.eml": mixed(mime("Content-Type: text/vcard", body=b"BEGIN:VCARD\r\nEND:VCARD\r\n")),
    "note.eml": mixed(encoded("application/ms-tnef", outlook.message({}, "IPM.StickyNote"), "x")),
    "task.eml": mixed(encoded("application/ms-tnef", outlook.message({}, "IPM.Task"), "x")),
    "todo.eml": mime(
        "Content-Type: text/calendar",
        body=b"BEGIN:VCALENDAR\r\nBEGIN:VTODO\r\nEND:VTODO\r\nEND:VCALENDAR\r\n",
    ),
    "kolab-task.eml": mime("Content-Type: application/x-vnd.kolab.task", body=b"<task/>"),
}
EXPECTED = [
    "BUSY 02T08:00/02T09:00",
    "BUSY 03T08:00/03T09:00",
    "BUSY 04T08:00/04T09:00",
    "BUSY-UNAVAILABLE 04T22:00/05T22:00",
    "BUSY-TENTATIVE 10T13:00/10T13:30",
    "BUSY-TENTATIVE 24T13:00/24T13:30",
]


def test_a_folder_of_every_format_is_one_file(tmp_path: Path) -> None:
    """Messages of every product give one set of times; what is no event costs nothing."""
    # two of them share a UID: each product has a folder of its own
    for name, content in (FOLDER | NONE).items():
        (tmp_path / name.partition(".")[0]).mkdir()
        (tmp_path / name.partition(".")[0] / name).write_bytes(content)
    conversion = convert([tmp_path], extract, HANS, JUNE)
    periods = map(Period.from_span, coalesce(conversion.spans))
    assert EXPECTED == [
        f"{each.type.fbtype} {each.start:%dT%H:%M}/{each.end:%dT%H:%M}" for each in periods
    ]
    assert (5, []) == (conversion.events, conversion.troubles)


@pytest.mark.parametrize("name", NONE)
def test_what_is_no_event_is_counted(name: str) -> None:
    """Mail, contacts, tasks and notes give no event and no error, and are counted as such."""
    task = Expanding(HANS, JUNE.seconds, JUNE.seconds)
    (found,) = read_batch(extract, [SourceItem("1", 1, MESSAGE, NONE[name])], task).items
    assert ((), ()) == (found.uids, found.skipped)
    assert found.notes in ((("no-calendar", 1),), (("passed-by", 1),))


@pytest.mark.parametrize("name", FOLDER)
def test_an_item_of_every_format_is_within_its_budget(name: str) -> None:
    """An ordinary item of any format is read and expanded in a fraction of 50 ms."""
    task = Expanding(HANS, JUNE.seconds, JUNE.seconds)
    item = SourceItem("1", 1, MESSAGE, FOLDER[name])
    read_batch(extract, [item], task)  # what is imported and cached once
    batch = read_batch(extract, [item] * 20, task, cpu=0.01)
    assert [()] * 20 == [each.skipped for each in batch.items]
