"""Computed and published, made one: the rules of combining."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freebusy.combine import Combination, Knowledge, Publication, combine
from freebusy.period import FreeBusyType, TimeRange, from_seconds

if TYPE_CHECKING:
    from freebusy.period import Span

BUSY, TENTATIVE, AWAY = (
    FreeBusyType.BUSY,
    FreeBusyType.BUSY_TENTATIVE,
    FreeBusyType.BUSY_UNAVAILABLE,
)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
START = int(NOW.timestamp())
DAY = 86400
MONTH = timedelta(days=30)
UNION, NEWEST = Combination.UNION, Combination.NEWEST
PUBLISHED, COMPUTED = Combination.PUBLISHED, Combination.COMPUTED


def days(first: float, last: float, kind: int = BUSY) -> Span:
    return START + int(first * DAY), START + int(last * DAY), kind


def window(first: float, last: float) -> TimeRange:
    return TimeRange(NOW + timedelta(days=first), NOW + timedelta(days=last))


def knowledge(first: float, last: float, *spans: Span, changed: float = -1) -> Knowledge:
    return Knowledge(window(first, last), spans, NOW + timedelta(days=changed))


def own(known: Knowledge, received: float = -1) -> Publication:
    return Publication(known, NOW + timedelta(days=received), is_own=True)


def shared(known: Knowledge, received: float = -1) -> Publication:
    return Publication(known, NOW + timedelta(days=received), is_own=False)


CALENDARS = knowledge(-7, 100, days(1, 2), days(50, 51), changed=-2)
NEWER = own(knowledge(-7, 30, days(3, 4), changed=-1))
OLDER = own(knowledge(-7, 30, days(3, 4), changed=-3))
LATER = own(knowledge(0, 30, days(3, 4), changed=-60), received=-31)
STRANGERS = shared(knowledge(-7, 30, days(5, 6)))
LONG_OVER = own(knowledge(-40, -1, days(-5, -4)), received=-2)

CASES: dict[str, tuple[Knowledge | None, list[Publication], Combination, object]] = {
    "nothing known, nothing said": (None, [], UNION, None),
    "calendars alone": (CALENDARS, [], UNION, (window(-7, 100), [days(1, 2), days(50, 51)])),
    "a publication alone has its own window": (
        None, [NEWER], UNION, (window(-7, 30), [days(3, 4)]),
    ),
    "one whose window has passed stays the last word": (
        None, [LONG_OVER], UNION, (window(-40, -1), [days(-5, -4)]),
    ),
    "union: busy if either says so": (
        CALENDARS, [OLDER], UNION, (window(-7, 100), [days(1, 2), days(3, 4), days(50, 51)]),
    ),
    "newest, the publication: calendars only beyond its window": (
        CALENDARS, [NEWER], NEWEST, (window(-7, 100), [days(3, 4), days(50, 51)]),
    ),
    "newest, the calendars": (
        CALENDARS, [OLDER], NEWEST, (window(-7, 100), [days(1, 2), days(50, 51)]),
    ),
    "published, whatever is newer": (
        CALENDARS, [OLDER], PUBLISHED, (window(-7, 100), [days(3, 4), days(50, 51)]),
    ),
    "published, and nothing is": (
        CALENDARS, [], PUBLISHED, (window(-7, 100), [days(1, 2), days(50, 51)]),
    ),
    "computed: no publication counts": (
        CALENDARS, [NEWER, STRANGERS], COMPUTED, (window(-7, 100), [days(1, 2), days(50, 51)]),
    ),
    "computed, and nothing is": (None, [NEWER], COMPUTED, None),
    "strangers only ever add, also to what is published": (
        CALENDARS, [NEWER, STRANGERS], PUBLISHED,
        (window(-7, 100), [days(3, 4), days(5, 6), days(50, 51)]),
    ),
    "strangers cannot stand in for calendars": (
        CALENDARS, [STRANGERS], NEWEST,
        (window(-7, 100), [days(1, 2), days(5, 6), days(50, 51)]),
    ),
    "strangers do not widen the window of a publication": (
        None,
        [own(knowledge(0, 10, days(1, 2))), shared(knowledge(-5, 90, days(3, 4), days(20, 21)))],
        UNION, (window(0, 10), [days(1, 2), days(3, 4)]),
    ),
    "strangers alone are better than nothing": (
        None, [STRANGERS], UNION, (window(-7, 30), [days(5, 6)]),
    ),
    "an old one beside calendars is tentative": (
        CALENDARS, [LATER], UNION,
        (window(-7, 100), [days(1, 2), days(3, 4, TENTATIVE), days(50, 51)]),
    ),
    "an old one no longer stands in for calendars": (
        CALENDARS, [LATER], PUBLISHED,
        (window(-7, 100), [days(1, 2), days(3, 4, TENTATIVE), days(50, 51)]),
    ),
    "an old one without calendars stays as it is": (
        None, [LATER], UNION, (window(0, 30), [days(3, 4)]),
    ),
    "one past its window is gone beside calendars": (
        CALENDARS, [LONG_OVER], UNION, (window(-7, 100), [days(1, 2), days(50, 51)]),
    ),
    "a publication before all calendars' time": (
        knowledge(10, 20, days(11, 12)), [own(knowledge(0, 5, days(1, 2)))], PUBLISHED,
        (window(10, 20), [days(11, 12)]),
    ),
    "a publication after all calendars' time": (
        knowledge(0, 20, days(11, 12)), [own(knowledge(30, 50, days(31, 32)))], PUBLISHED,
        (window(0, 20), [days(11, 12)]),
    ),
    "the stronger kind wins": (
        knowledge(-7, 100, days(1, 3)), [own(knowledge(-7, 30, days(2, 4, AWAY)))], UNION,
        (window(-7, 100), [days(1, 2), days(2, 4, AWAY)]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_rules(case: str) -> None:
    """Each rule gives the window and the periods that the table says."""
    computed, publications, rule, expected = CASES[case]
    assert expected == combine(computed, publications, rule, NOW, MONTH)


SPANS = st.lists(
    st.builds(
        lambda start, length, kind: (START + start, START + start + length, kind),
        st.integers(-10 * DAY, 40 * DAY), st.integers(1, 5 * DAY), st.sampled_from([1, 2, 3]),
    ),
    max_size=6,
)  # fmt: skip
KNOWN = st.builds(
    lambda first, length, spans, changed: Knowledge(
        window(first, first + length), tuple(spans), from_seconds(START + changed)
    ),
    st.integers(-20, 20), st.integers(1, 60), SPANS, st.integers(-40 * DAY, 0),
)  # fmt: skip
PUBLICATIONS = st.lists(
    st.builds(Publication, KNOWN, st.integers(-40, 0).map(lambda d: NOW + timedelta(days=d)),
              is_own=st.booleans()),
    max_size=3,
)  # fmt: skip


def busy_at(spans: list[Span], moment: int) -> int:
    return max((kind for start, end, kind in spans if start <= moment < end), default=0)


@given(computed=st.none() | KNOWN, publications=PUBLICATIONS, rule=st.sampled_from(Combination))
@settings(max_examples=300, deadline=None)
def test_strangers_never_make_anybody_free(
    computed: Knowledge | None, publications: list[Publication], rule: Combination
) -> None:
    """With what the shared account sent nobody is freer, and no window is wider, than without."""
    alone = combine(computed, [p for p in publications if p.is_own], rule, NOW, MONTH)
    together = combine(computed, publications, rule, NOW, MONTH)
    if alone is None:
        return
    assert together is not None
    assert alone[0] == together[0]
    moments = {edge for spans in (alone[1], together[1]) for span in spans for edge in span[:2]}
    for moment in moments:
        assert busy_at(together[1], moment) >= busy_at(alone[1], moment)


@given(computed=KNOWN, publications=PUBLICATIONS)
@settings(max_examples=200, deadline=None)
def test_union_shows_at_least_what_the_calendars_say(
    computed: Knowledge, publications: list[Publication]
) -> None:
    """Whatever is published, nobody busy in a calendar is free by the default rule."""
    combined = combine(computed, publications, UNION, NOW, MONTH)
    assert combined is not None
    assert computed.window == combined[0]
    start, end = computed.window.seconds
    for span in computed.spans:
        moment = max(span[0], start)
        if moment < min(span[1], end):
            assert busy_at(combined[1], moment) >= span[2]
