"""Outlook's appointments for the tests: their properties, and what they come to."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from calendar_sync.formats import tnef
from calendar_sync.formats.part import Part
from tests.oracles import ours
from tests.oracles import tnef as outlook
from tests.oracles.tnef import APPOINTMENT, MEETING, Content, Name, Rule, Series

if TYPE_CHECKING:
    from collections.abc import Mapping

MEDIA = "application/ms-tnef"
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
BERLIN_RULE, NEW_YORK_RULE = (
    Rule(-60),
    Rule(300, -60, outlook.systemtime(11, 0, 1, 2), outlook.systemtime(3, 0, 2, 2)),
)
UID = bytes.fromhex("040000008200E00074C5B7101A82E008")


def lid(number: int) -> Name:
    return APPOINTMENT, number


def utc(day: int, hour: int, month: int = 6) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def wall(day: int, hour: int, minute: int = 0, month: int = 6) -> datetime:
    return datetime(2026, month, day, hour, minute)  # noqa: DTZ001 - on the wall of a zone


HOUR: Mapping[Name, Content] = {lid(0x820D): utc(2, 8), lid(0x820E): utc(2, 9)}
GOID = UID + bytes(4) + bytes(16) + struct.pack("<I", 16) + bytes(range(16))


def recurring(series: Series, **further: Content) -> dict[Name, Content]:
    """Return the properties of a series in Berlin, with a name, and others by hexadecimal ID."""
    found: dict[Name, Content] = {
        lid(0x8223): True,
        lid(0x8216): series.blob(),
        lid(0x8260): outlook.zone_definition("W. Europe Standard Time", [(2, BERLIN_RULE)]),
        (MEETING, 0x23): GOID,
    }
    return found | {lid(int(name[1:], 16)): each for name, each in further.items()}


def texts_of(content: bytes) -> list[bytes]:
    return tnef.read(Part(MEDIA, content))


def outcome_of(content: bytes, zone: str = "Europe/Berlin") -> ours.Outcome:
    return ours.folder(texts_of(content), zone=zone, start=START, end=END)


def busy(content: bytes, zone: str = "Europe/Berlin") -> list[str]:
    """Return FBTYPE:start/end in 2026, to the minute."""
    return [
        f"{each.type.fbtype}:{each.start:%m-%dT%H:%M}/{each.end:%m-%dT%H:%M}"
        for each in outcome_of(content, zone).periods
    ]


AT_TEN = ["BUSY:06-02T08:00/06-02T09:00"]
