"""What is done here: files written and removed, versions of ours set aside."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from calendar_sync.replica import durable
from calendar_sync.replica.agreements import Pair
from calendar_sync.replica.collection import digest
from calendar_sync.replica.errors import ChangedMeanwhileError
from calendar_sync.replica.plan import given
from calendar_sync.replica.reconcile import Agreed, Step
from freebusy.errors import CalendarDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from calendar_sync.replica.collection import LocalFile
    from calendar_sync.replica.place import Place
    from calendar_sync.replica.plan import Action


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
    """Does steps in the local folder; files first, then the note that they agree."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._again = False
        self._steps: dict[Step, Callable[[Action], _Done]] = {
            Step.GET: self._get,
            Step.KEEP_THEIRS: self._give_way,
            Step.REMOVE_HERE: self._remove,
            Step.LINK: self._link,
            Step.FORGET: _Done,
        }

    def run(self, actions: Sequence[Action]) -> bool:
        """Do them; return whether some have to be looked at again."""
        for group in batched(actions, self._place.bounds.batch):
            done = [each for each in map(self._do, group) if each is not None]
            if any(each.wrote or each.removed for each in done):
                durable.flush(self._place.collection.path)
            self._record(done)
        return self._again

    def _do(self, action: Action) -> _Done | None:
        """Do one step; None where that is not possible, now or at all."""
        try:
            return self._steps[action.step](action)
        except ChangedMeanwhileError:
            self._again = True
        except CalendarDataError as error:
            self._place.report.note(f"{action.name}: left alone: on the server, {error.reason}")
        return None

    def _record(self, done: Sequence[_Done]) -> None:
        agreements = self._place.agreements
        with self._place.status.transaction():
            for each in done:
                if each.pair is None:
                    agreements.forget(each.action.uid)
                else:
                    agreements.agree(each.pair)
            agreements.wrote(each.wrote for each in done if each.wrote is not None)
            agreements.lost(each.removed.name for each in done if each.removed is not None)
        for each in done:
            self._place.did(each.action)

    def _get(self, action: Action) -> _Done:
        place, file = self._place, action.file
        body = place.theirs(given(action.there)).encode()
        if file is not None and digest(body) == file.digest:
            return self._link(action)
        if file is not None and action.step is Step.KEEP_THEIRS:
            place.keep(action, place.ours(file), "local")
        name = file.name if file is not None else place.collection.name_for(action.uid)
        wrote = place.collection.write(name, action.uid, body, file)
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
