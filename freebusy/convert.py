"""The filter ``freebusy convert``: calendar files in, one free/busy file out.

Needs no configuration and no state.  Every directory given is one calendar folder, in
which one UID in several files is resolved as in a mail folder; files given by name are
one folder together.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from freebusy.errors import FreeBusyError
from freebusy.ports import ICALENDAR, MESSAGE, SourceItem
from freebusy.worker import Expanding, expand_within, read_item

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from freebusy.busyrecord import BusyRecord
    from freebusy.busytime import CalendarOwner
    from freebusy.calendarobject import Reading
    from freebusy.period import Span, TimeRange
    from freebusy.ports import ItemExtractor

SUFFIXES = {".ics": ICALENDAR, ".ical": ICALENDAR, ".icalendar": ICALENDAR, ".eml": MESSAGE}
STANDARD_INPUT = Path("-")
FILE_CPU = 2.0
"""Seconds of CPU for one file: it may be a whole calendar."""
_COMPONENT = re.compile(rb"BEGIN:V", re.IGNORECASE)


class UnreadablePathError(FreeBusyError):
    """A path given on the command line that cannot be read, or is no calendar."""


@dataclass(slots=True)
class Conversion:
    """What converting gave."""

    spans: list[Span] = field(default_factory=list)
    calendars: int = 0
    """Files with a calendar in them, be it an empty one."""
    events: int = 0
    troubles: list[str] = field(default_factory=list)
    """One sentence for each thing that was skipped or refused; names files and UIDs only."""


def folders(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """Yield the files of each folder; raises UnreadablePathError."""
    named = [path for path in paths if not path.is_dir()]
    for path in named:
        if path != STANDARD_INPUT and not path.exists():
            raise UnreadablePathError(f"{path}: no such file; give .ics files, .eml or folders")
    if named:
        yield named
    for path in paths:
        if path.is_dir():
            yield from _by_folder(path)


def _by_folder(path: Path) -> Iterator[list[Path]]:
    """Yield the files of a folder and of those in it; a folder without any says nothing.

    That is an error and not a person who is free all the time.
    """
    by_folder: dict[Path, list[Path]] = defaultdict(list)
    found = (each for each in path.rglob("*") if each.suffix.lower() in SUFFIXES)
    for file in sorted(each for each in found if not each.is_dir()):
        by_folder[file.parent].append(file)
    if not by_folder:
        raise UnreadablePathError(f"{path}: no .ics or .eml file in this folder")
    yield from by_folder.values()


def _item(path: Path, order: int) -> SourceItem:
    try:
        body = sys.stdin.buffer.read() if path == STANDARD_INPUT else path.read_bytes()
    except OSError as error:
        raise UnreadablePathError(f"{path}: {error.strerror}") from error
    media = SUFFIXES.get(path.suffix.lower()) or _guessed(body)
    return SourceItem(str(path), order, media, body)


def _guessed(body: bytes) -> str:
    """Tell a file without a known suffix by how it starts."""
    return ICALENDAR if _COMPONENT.search(body[:512]) else MESSAGE


def convert(
    paths: Sequence[Path], extract: ItemExtractor, owner: CalendarOwner, span: TimeRange
) -> Conversion:
    """Read files and folders into busy time; main thread only.

    Bad items are skipped and named.  Raises UnreadablePathError, also where nothing is a
    calendar: a page of HTML under the name of one makes nobody free.
    """
    conversion = Conversion()
    task = Expanding(owner, span.seconds, span.seconds)
    for files in folders(paths):
        _convert_folder(files, extract, task, conversion)
    if not conversion.calendars:
        raise UnreadablePathError(
            f"{', '.join(map(str, paths))}: there is no calendar; give .ics files, .eml or folders"
        )
    if not conversion.events and not conversion.troubles:
        conversion.troubles.append("there is no event in what was given; all is free")
    return conversion


def _note_calendar(
    item: SourceItem, extract: ItemExtractor, reading: Reading, conversion: Conversion
) -> None:
    """Count a file that is a calendar, and name one that should be; mail need not be one."""
    if reading.records or reading.skipped or _holds_calendar(item, extract):
        conversion.calendars += 1
    elif item.media == ICALENDAR:
        conversion.troubles.append(f"{item.href}: there is no calendar in it")


def _holds_calendar(item: SourceItem, extract: ItemExtractor) -> bool:
    return any(_COMPONENT.search(text) for text in extract(item))


def _convert_folder(
    files: Iterable[Path], extract: ItemExtractor, task: Expanding, conversion: Conversion
) -> None:
    objects: dict[str, list[list[BusyRecord]]] = defaultdict(list)
    for order, path in enumerate(files):
        item = _item(path, order)
        reading = read_item(extract, item, task.watched, FILE_CPU)
        _note_calendar(item, extract, reading, conversion)
        conversion.events += len(reading.records)
        conversion.troubles += [f"{path}: {one.uid}: {one.reason}" for one in reading.skipped]
        conversion.troubles += [
            f"{path}: the time zone {name!r} is not known; the owner's zone stands in"
            for name in sorted(reading.unknown_zones)
        ]
        parts: dict[str, list[BusyRecord]] = defaultdict(list)
        for record in reading.records:
            parts[record.uid].append(record)
        for uid, records in parts.items():
            objects[uid].append(records)
    for uid, pieces in objects.items():
        thing = expand_within(uid, pieces, task)
        conversion.spans += thing.spans
        if thing.refused is not None:
            conversion.troubles.append(f"{uid}: only its first instance is shown: {thing.refused}")
