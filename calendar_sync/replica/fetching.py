"""What is done here: files written and removed, versions of ours set aside.

Before a version of the server takes its place, ``status.db`` says so.  Whenever a run ends,
the next one knows the file for what it is, also where the server has another one by then.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

from calendar_sync.replica import durable
from calendar_sync.replica.agreements import Arrival, Pair
from calendar_sync.replica.collection import Draft
from calendar_sync.replica.errors import ChangedMeanwhileError
from calendar_sync.replica.plan import given
from calendar_sync.replica.reconcile import Agreed, Step
from freebusy.errors import CalendarDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from calendar_sync.replica.collection import LocalFile
    from calendar_sync.replica.place import Place
    from calendar_sync.replica.plan import Action

_COME = frozenset({Step.GET, Step.KEEP_THEIRS})
"""What takes a content from the server, where one is there."""


@dataclass(frozen=True, slots=True)
class _Done:
    """What became of an item: both sides have it, or neither."""

    action: Action
    pair: Pair | None = None
    wrote: LocalFile | None = None
    removed: LocalFile | None = None


def batched(actions: Sequence[Action], size: int) -> Iterator[list[Action]]:
    """Yield actions in groups of at most ``size``."""
    rest = iter(actions)
    while group := list(islice(rest, size)):
        yield group


class Fetching:
    """Does steps in the local folder, a group at a time.

    New contents go to the disk first, all together, and ``status.db`` notes that they come,
    then each takes its place, then the directory is flushed, and then ``status.db`` notes
    what both sides have, together with what comes next.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._again = False
        self._coming: dict[str, Draft] = {}
        self._steps: dict[Step, Callable[[Action], _Done]] = {
            Step.GET: self._get,
            Step.KEEP_THEIRS: self._give_way,
            Step.REMOVE_HERE: self._remove,
            Step.LINK: self._link,
            Step.FORGET: _Done,
        }

    def run(self, actions: Sequence[Action]) -> bool:
        """Do them; return whether some have to be looked at again."""
        done: list[_Done] = []
        for group in chain(batched(actions, self._place.bounds.batch), [[]]):
            with durable.Drafts(self._place.collection.path) as drafts:
                self._coming = dict(self._drafted(group, drafts))
                drafts.settle()
                self._record(done, list(self._arrivals(group)))
                done = [each for each in map(self._do, group) if each is not None]
            if any(each.wrote or each.removed for each in done):
                durable.flush(self._place.collection.path)
        return self._again

    def _drafted(
        self, actions: Sequence[Action], drafts: durable.Drafts
    ) -> Iterator[tuple[str, Draft]]:
        """Begin to write what comes from the server; yield it by UID."""
        for action in actions:
            if action.there is None or action.step not in _COME:
                continue
            try:
                body = self._place.theirs(action.there).encode()
            except CalendarDataError as error:
                self._place.report.note(f"{action.name}: left alone: on the server, {error.reason}")
            else:
                yield action.uid, Draft.begin(drafts, body)

    def _arrivals(self, actions: Sequence[Action]) -> Iterator[Arrival]:
        for action in actions:
            if action.uid in self._coming:
                agreed = Agreed(self._coming[action.uid].digest, given(action.there).version)
                yield Arrival(action.uid, agreed)

    def _do(self, action: Action) -> _Done | None:
        """Do one step; None where that is not possible, now or at all."""
        if action.there is not None and action.step in _COME and action.uid not in self._coming:
            return None
        try:
            return self._steps[action.step](action)
        except ChangedMeanwhileError:
            self._again = True
        return None

    def _record(self, done: Sequence[_Done], coming: Sequence[Arrival]) -> None:
        if not done and not coming:
            return
        agreements = self._place.agreements
        with self._place.status.transaction():
            for each in done:
                if each.pair is None:
                    agreements.forget(each.action.uid)
                else:
                    agreements.agree(each.pair)
            agreements.wrote(each.wrote for each in done if each.wrote is not None)
            agreements.lost(each.removed.name for each in done if each.removed is not None)
            agreements.expect(coming)
        for each in done:
            self._place.did(each.action)

    def _get(self, action: Action) -> _Done:
        place, file, draft = self._place, action.file, self._coming[action.uid]
        if file is not None and draft.digest == file.digest:
            return self._link(action)
        if file is not None and action.step is Step.KEEP_THEIRS:
            place.keep(action, place.ours(file), "local")
        name = file.name if file is not None else place.collection.name_for(action.uid)
        wrote = place.collection.write(draft, name, action.uid, file)
        return _Done(action, _pair(action, wrote), wrote=wrote)

    def _give_way(self, action: Action) -> _Done:
        """Keep our version aside, and have theirs, or none, in its place."""
        if action.there is not None:
            return self._get(action)
        self._place.keep(action, self._place.ours(given(action.file)), "local")
        return self._remove(action)

    def _remove(self, action: Action) -> _Done:
        file = given(action.file)
        self._place.collection.remove(file)
        return _Done(action, removed=file)

    def _link(self, action: Action) -> _Done:
        return _Done(action, _pair(action, given(action.file)))


def _pair(action: Action, file: LocalFile) -> Pair:
    return Pair(action.uid, file.name, Agreed(file.digest, given(action.there).version))


# -- after an interruption


def note_arrivals(place: Place) -> None:
    """Note what had come into its file when a run ended."""
    agreements = place.agreements
    if not (arrivals := agreements.arrivals()):
        return
    files = place.collection.scan(agreements.files())
    names = {(file.uid, file.digest): name for name, file in sorted(files.items(), reverse=True)}
    with place.status.transaction():
        for each in arrivals:
            if (name := names.get((each.uid, each.agreed.digest))) is not None:
                agreements.agree(Pair(each.uid, name, each.agreed))
        agreements.expect_nothing()
