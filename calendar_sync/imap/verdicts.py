"""Which folders count for a person, and why, in words for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calendar_sync.imap.namespaces import Kind
from calendar_sync.imap.relevance import Verdict
from freebusy.ports import FolderVerdict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from calendar_sync.imap.relevance import Judgement
    from calendar_sync.imap.survey import Folder

_REASONS = {
    Verdict.OWN: "it is the person's own",
    Verdict.NAMED: "the configuration names it for this person",
    Verdict.INCLUDED: "the configuration includes it for everybody (include)",
    Verdict.SHARED: "the person has the right on it that incidences-for asks for",
    Verdict.ATTENDED: "events count to which the person is invited (attendees_only)",
    Verdict.EXCLUDED: "the configuration leaves it out (exclude)",
    Verdict.NO_RIGHT: "the person has not the right on it that incidences-for asks for",
}
_OVERLOOKED = {
    Kind.PERSONAL: "it has no folder type, and another calendar of the person has one",
    Kind.OTHERS: "it is somebody else's, and incidences-for does not say that it counts",
    Kind.SHARED: "incidences-for says that it counts for nobody",
}
NAMED = "the configuration names it (folders)"
NOT_NAMED = "the configuration names other folders (folders)"


def verdicts(
    judged: Iterable[Judgement], overlooked: Iterable[Folder], counting: Collection[str]
) -> list[FolderVerdict]:
    """Return all folders, sorted; ``counting`` are those that are read."""
    found = [*_of_judged(judged, counting), *_of_overlooked(overlooked, counting)]
    known = {each.folder for each in found}
    found += [FolderVerdict(name, NAMED, counts=True) for name in counting if name not in known]
    return sorted(found, key=lambda each: each.folder)


def _of_judged(judged: Iterable[Judgement], counting: Collection[str]) -> Iterator[FolderVerdict]:
    for each in judged:
        counts = each.folder in counting
        reason = _REASONS[each.verdict] if counts == each.verdict.counts else NOT_NAMED
        if counts and not each.verdict.counts:
            reason = NAMED
        yield FolderVerdict(each.folder, reason, counts=counts, readable_for=each.readable_for)


def _of_overlooked(folders: Iterable[Folder], counting: Collection[str]) -> Iterator[FolderVerdict]:
    for folder in folders:
        if folder.name not in counting:
            yield FolderVerdict(
                folder.name,
                _OVERLOOKED[folder.kind],
                counts=False,
                readable_for=folder.readable_for,
            )
