"""``freebusy explain --folders``: which folders count for somebody, and why.

It asks the mail servers now, and not what the store remembers.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from freebusy import gateway
from freebusy.errors import CalendarMissingError, SourceError
from freebusy.ports import FolderVerdict, JudgingSource
from freebusy.wording import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from freebusy.config import Config
    from freebusy.ports import CalendarSource, Owner

NOTHING = "no folder is seen there"


def print_verdicts(config: Config, name: str) -> None:
    """Print each folder of each source with its verdict; raises SourceError where none answers."""
    (canonical,) = gateway.wanted(config, [name])
    person = gateway.persons(config)[canonical]
    failed: SourceError | None = None
    answered = False
    for source in person.sources:
        reader = gateway.calendar_source(config, config.sources[source])
        with closing(reader):
            try:
                found = verdicts(reader, person.at_source)
            except SourceError as error:
                failed = error
                print(f"{source}: {safe(str(error))}")
                continue
        answered = True
        for line in lines(source, found):
            print(line)
    if failed is not None and not answered:
        raise failed


def verdicts(source: CalendarSource, owner: Owner) -> Sequence[FolderVerdict]:
    """Return the verdicts; in a source in which nothing is judged, all that is there counts."""
    if isinstance(source, JudgingSource):
        return source.verdicts(owner)
    try:
        calendars = source.calendars(owner)
    except CalendarMissingError:
        return []
    return [FolderVerdict(each.name, "it is there", counts=True) for each in calendars]


def lines(source: str, found: Iterable[FolderVerdict]) -> Iterator[str]:
    """Yield a line for each folder, the counting ones first."""
    ordered = sorted(found, key=lambda each: not each.counts)
    if not ordered:
        yield f"{source}: {NOTHING}"
    for each in ordered:
        word = "counts" if each.counts else "does not count"
        note = f" (details for: {safe(each.readable_for)})" if each.readable_for else ""
        yield f"{source}: {safe(each.folder)} {word}: {each.reason}{note}"
