"""The use case of finding, for many people at once, that nothing happened in a source."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from freebusy.busyrecord import READER_VERSION
from freebusy.ports import Held, SweepableSource, SyncToken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from freebusy.expanding import Person
    from freebusy.ports import CalendarSource
    from freebusy.store import CalendarState, Store

FEW = 20
"""So many people are looked up one by one; of more, everybody's calendars are read at once."""


def confirm(
    store: Store,
    source: CalendarSource,
    name: str,
    people: Sequence[Person],
    *,
    now: int,
    fresh: float,
) -> set[str]:
    """Note success for those of whom the source proves that nothing happened; return their names.

    ``now`` is in UTC seconds.  Whose calendars had no success for ``fresh`` seconds, or who
    has a failure or a doubt to be cleared, is not among them.  Raises SourceError.
    """
    if not isinstance(source, SweepableSource):
        return set()
    states = _states(store, name, people)
    sound = {
        person.at_source: person
        for person in people
        if all(_is_sound(state, now - fresh) for state in states[person.name])
    }
    known = {
        owner: [
            Held(state.key, SyncToken(state.token))
            for state in states[person.name]
            if state.token is not None
        ]
        for owner, person in sound.items()
    }
    names = {sound[owner].name for owner in source.unchanged(known)}
    ids = [state.id for person in names for state in states[person] if not state.is_absent]
    store.confirm(ids, now)
    return names


def _states(
    store: Store, source: str, people: Sequence[Person]
) -> defaultdict[str, list[CalendarState]]:
    found: defaultdict[str, list[CalendarState]] = defaultdict(list)
    names = [person.name for person in people] if len(people) <= FEW else [None]
    for name in names:
        for state in store.calendars(name):
            if state.source == source:
                found[state.person].append(state)
    return found


def _is_sound(state: CalendarState, since: float) -> bool:
    """Whether there is nothing to do for a calendar but to see that it is as it was."""
    if state.is_absent:
        return True
    read = state.token is not None and state.reader == READER_VERSION
    troubled = state.error is not None or state.doubted_since is not None
    return read and not troubled and (state.last_success or 0) > since
