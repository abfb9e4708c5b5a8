"""What was computed from calendars and what clients published, made one (pure).

The rule is the site's or the person's.  Two things hold whatever it says: the file never
claims to know a time that none of its inputs knows, and what everybody could have sent
(the shared account, a trusted network) only ever adds busy time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from freebusy.period import FreeBusyType, Span, TimeRange, clip, coalesce, to_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime, timedelta


class Combination(Enum):
    """How a person's own publication and the computed times become one file."""

    UNION = "union"
    """Busy if either says so."""
    NEWEST = "newest"
    """The one whose content changed last, inside the window that it covers."""
    PUBLISHED = "published"
    """What the person published, inside the window that it covers."""
    COMPUTED = "computed"
    """What the calendars say; publications wait for another rule."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Busy times and the window in which nothing else is busy."""

    window: TimeRange
    spans: tuple[Span, ...]
    changed: datetime
    """When its content last changed; aware UTC."""

    def between(self, start: int, end: int) -> Iterator[Span]:
        """Yield the spans inside ``[start, end)``, UTC seconds."""
        return clip(self.spans, start, end)


@dataclass(frozen=True, slots=True)
class Publication:
    """One publication in force."""

    knowledge: Knowledge
    received: datetime
    """When a client last sent it, changed or not; aware UTC."""
    is_own: bool
    """The person, or a delegate, sent it with a login of their own."""


def combine(
    computed: Knowledge | None,
    publications: Sequence[Publication],
    rule: Combination,
    now: datetime,
    max_age: timedelta,
) -> tuple[TimeRange, list[Span]] | None:
    """Return the window and the disjoint spans of a person's file, None where nothing is known.

    Beside calendars the window is the computed one, a publication counts until its own
    end, and one older than ``max_age`` counts as tentative.  Without calendars the
    window is the publication's, also when it has passed.
    """
    if rule is Combination.COMPUTED:
        publications = ()
    own = newest(p for p in publications if p.is_own)
    shared = newest(p for p in publications if not p.is_own)
    if computed is None:
        return _published_alone(own, shared)
    own, shared = (_beside_calendars(p, now, max_age) for p in (own, shared))
    added = shared.knowledge.spans if shared is not None else ()
    window = computed.window
    spans = [*_own_and_computed(computed, own, rule, now - max_age), *added]
    return window, coalesce(clip(spans, *window.seconds))


def newest(publications: Iterable[Publication]) -> Publication | None:
    """Return the one that was received last."""
    return max(publications, key=lambda publication: publication.received, default=None)


def _published_alone(
    own: Publication | None, shared: Publication | None
) -> tuple[TimeRange, list[Span]] | None:
    """A shared publication beside the person's own adds time and claims nothing more."""
    first = own or shared
    if first is None:
        return None
    spans = [span for p in (own, shared) if p is not None for span in p.knowledge.spans]
    window = first.knowledge.window
    return window, coalesce(clip(spans, *window.seconds))


def _beside_calendars(
    publication: Publication | None, now: datetime, max_age: timedelta
) -> Publication | None:
    """Return what still counts of a publication where there are calendars, too."""
    if publication is None or publication.knowledge.window.end <= now:
        return None
    if publication.received >= now - max_age:
        return publication
    knowledge = publication.knowledge
    faded = tuple(
        (start, end, int(FreeBusyType.BUSY_TENTATIVE)) for start, end, _ in knowledge.spans
    )
    return replace(publication, knowledge=replace(knowledge, spans=faded))


def _own_and_computed(
    computed: Knowledge, own: Publication | None, rule: Combination, oldest: datetime
) -> Iterable[Span]:
    if own is None:
        return computed.spans
    # One that has faded no longer stands in for anything.
    if own.received < oldest or rule is Combination.UNION:
        return (*computed.spans, *own.knowledge.spans)
    if rule is Combination.NEWEST and computed.changed >= own.knowledge.changed:
        return computed.spans
    start, end = own.knowledge.window.seconds
    first, last = computed.window.seconds
    return (
        *computed.between(first, start),
        *own.knowledge.between(start, end),
        *computed.between(end, last),
    )


def is_aged(publication: Publication, now: datetime, max_age: timedelta) -> bool:
    """Whether a publication counts as tentative only, beside calendars."""
    return to_seconds(publication.received) < to_seconds(now - max_age)
